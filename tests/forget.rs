//! One person erased: from every byte, and from every later sync.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod util;

use std::fs;
use std::time::Duration;

use discord_sim::{Description, World};
use rustix::process::Signal;
use util::truth::hash;
use util::{Sandbox, ended, run_at_terminal, send};

const GUILD: u64 = 77_000_000_000_000_001;
const PERSON: u32 = 3;
const SECRET: &str = "the words that nobody is to read again";
const HOUR: Duration = Duration::from_hours(1);

struct Scene {
    sandbox: Sandbox,
    chat: u64,
    message: u64,
    id: u64,
}

/// A server in which one person wrote, reacted, was answered and mentioned.
fn scene() -> Scene {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 300)));
    let world = sandbox.sim.world();
    let chat = world.truth(GUILD).iter().find(|channel| channel.message_count > 0).unwrap().id;
    let id = world.user_id(GUILD, PERSON).unwrap();
    let message = world.append_text(chat, PERSON, SECRET).unwrap();
    world.append_text(chat, 5, &format!("thanks <@{id}>, or <@!{id}>, or just {id}"));
    world.react(chat, message, PERSON, "🦀", false);
    world.react(chat, message, 5, "🦀", false);
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    Scene { sandbox, chat, message, id }
}

/// Every byte of the archive and of what stands beside it.
fn bytes(sandbox: &Sandbox) -> Vec<u8> {
    let names = sandbox.listing().into_iter().filter(|name| name.starts_with("archive.db"));
    names.filter_map(|name| fs::read(sandbox.dir.path().join(name)).ok()).flatten().collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [text.as_bytes(), &utf16].iter().any(|needle| memchr::memmem::find(bytes, needle).is_some())
}

fn assert_erased(scene: &Scene) {
    let bytes = bytes(&scene.sandbox);
    let (id, hash) = (scene.id.to_string(), hash(scene.id));
    for trace in [SECRET, id.as_str(), hash.as_str(), &hash[..40]] {
        assert!(!holds(&bytes, trace), "{trace} is still in the files");
    }
    assert_eq!(scene.sandbox.rows("PRAGMA integrity_check").len(), 1);
    assert_eq!(scene.sandbox.rows("PRAGMA foreign_key_check").len(), 0);
}

fn tombstone(scene: &Scene) -> (Option<String>, String, Option<i64>, i64) {
    scene
        .sandbox
        .archive()
        .query_row(
            "SELECT author, content, reactions, attachments FROM message_log WHERE message_id = ?1",
            [scene.message.to_string()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .unwrap()
}

#[test]
fn nothing_of_an_erased_person_is_left_and_no_sync_brings_it_back() {
    for by_hash in [false, true] {
        let scene = scene();
        assert!(holds(&bytes(&scene.sandbox), &hash(scene.id)), "there is something to erase");
        let messages = scene.sandbox.count("SELECT count(*) FROM messages");
        let user = if by_hash { hash(scene.id) } else { scene.id.to_string() };
        let ran = scene.sandbox.run(&["forget", "--user", &user, "--yes"]).expect_code(0);
        assert!(!ran.stdout.contains(&user) && !ran.stderr.contains(&user), "{}{}", ran.stdout, ran.stderr);
        assert_erased(&scene);
        assert_eq!(scene.sandbox.count("SELECT count(*) FROM messages"), messages, "a blank row stays");
        assert_eq!(tombstone(&scene), (None, String::new(), Some(2), 0));
        let mention = "SELECT count(*) FROM messages WHERE content = 'thanks <@forgotten>, or <@forgotten>, or just forgotten'";
        assert_eq!(scene.sandbox.count(mention), 1);
        let world = scene.sandbox.sim.world();
        world.append_text(scene.chat, PERSON, SECRET);
        world.append_text(scene.chat, 6, &format!("and again <@{}> {}", scene.id, scene.id));
        world.advance(HOUR);
        for command in [vec!["start"], vec!["start", "--full"], vec!["start", "--full"]] {
            scene.sandbox.run(&command).expect_code(0);
            assert_erased(&scene);
        }
        assert_eq!(tombstone(&scene), (None, String::new(), Some(2), 0));
        assert_eq!(scene.sandbox.count("SELECT count(*) FROM messages"), messages + 2);
    }
}

#[test]
fn a_purge_does_not_bring_anybody_back() {
    let scene = scene();
    let id = scene.id.to_string();
    scene.sandbox.run(&["forget", "--user", &id, "--yes"]).expect_code(0);
    let name = scene.sandbox.sim.world().guilds()[0].1.clone();
    scene.sandbox.run(&["reset", "--tenant", &name, "--purge", "--yes"]).expect_code(0);
    scene.sandbox.run(&["start"]).expect_code(0);
    assert_erased(&scene);
}

#[test]
fn an_erasure_that_is_killed_is_finished_by_the_next_command_with_the_lock() {
    let scene = scene();
    let id = scene.id.to_string();
    for microseconds in [2_000, 5_000, 9_000, 14_000, 20_000, 27_000, 35_000] {
        let child = scene.sandbox.spawn(&["forget", "--user", &id, "--yes"]);
        std::thread::sleep(Duration::from_micros(microseconds));
        send(&child, Signal::KILL);
        ended(child);
        assert_eq!(scene.sandbox.rows("PRAGMA integrity_check").len(), 1);
    }
    // It is erased wholly, or not at all yet.
    let is_listed = scene.sandbox.count("SELECT count(*) FROM forgotten") == 1;
    let is_there = scene
        .sandbox
        .count(&format!("SELECT count(*) FROM users WHERE anonymized_id = '{}'", hash(scene.id)));
    assert_eq!(is_there, i64::from(!is_listed));
    if !is_listed {
        scene.sandbox.run(&["forget", "--user", &id, "--yes"]).expect_code(0);
    }
    scene.sandbox.run(&["start"]).expect_code(0);
    assert_erased(&scene);
}

#[test]
fn a_person_nobody_has_met_is_kept_out_from_the_beginning() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 1, 30)));
    let world = sandbox.sim.world();
    let chat = world.truth(GUILD).iter().find(|channel| channel.message_count > 0).unwrap().id;
    let id = world.user_id(GUILD, PERSON).unwrap();
    let message = world.append_text(chat, PERSON, SECRET).unwrap();
    sandbox.run(&["forget", "--user", &id.to_string(), "--yes"]).expect_code(0);
    sandbox.run(&["start"]).expect_code(0);
    assert_erased(&Scene { sandbox, chat, message, id });
}

#[test]
fn who_is_asked_learns_what_goes_and_may_decline() {
    let scene = scene();
    let forget = scene.sandbox.command(&["forget", "--user", &scene.id.to_string()]);
    let ran = run_at_terminal(forget, "n\n").expect_code(1);
    assert!(ran.stderr.contains("erases for good") && ran.stderr.contains("messages"), "{}", ran.stderr);
    assert!(holds(&bytes(&scene.sandbox), SECRET));
    scene.sandbox.run(&["forget", "--user", &scene.id.to_string()]).expect_code(2);
    for nonsense in ["", "12", "someone", "80351110224678912x", "é"] {
        let ran = scene.sandbox.run(&["forget", "--user", nonsense, "--yes"]).expect_code(2);
        assert!(ran.stderr.contains("Copy User ID"), "{}", ran.stderr);
    }
    assert_eq!(scene.sandbox.count("SELECT count(*) FROM audit_log WHERE action = 'forget'"), 0);
    scene.sandbox.run(&["forget", "--user", &scene.id.to_string(), "--yes"]).expect_code(0);
    let audited = "SELECT count(*) FROM audit_log WHERE action = 'forget' AND details IS NULL";
    assert_eq!(scene.sandbox.count(audited), 1);
}
