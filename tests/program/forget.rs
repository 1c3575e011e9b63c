//! `verta-sync forget`: erases a user from every byte of the archive and keeps the user
//! out of later syncs.

use std::fs;
use std::time::Duration;

use crate::util::truth::hash;
use crate::util::{Sandbox, run_at_terminal, send, wait_for_exit};
use discord_sim::{Description, World};
use rustix::process::Signal;
use sha2::{Digest as _, Sha256};

const GUILD: u64 = 77_000_000_000_000_001;
const USER: u32 = 3;
const SECRET: &str = "the words that nobody is to read again";
const HOUR: Duration = Duration::from_hours(1);

/// A sandbox with the user to be erased: the user's ID, and one of the user's messages
/// with its channel.
struct Scene {
    sandbox: Sandbox,
    chat: u64,
    message: u64,
    id: u64,
}

/// A synced server in which the user to be erased wrote, reacted and was mentioned.
fn scene() -> Scene {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 300)));
    let world = sandbox.sim.world();
    let chat = world.truth(GUILD).iter().find(|channel| channel.message_count > 0).unwrap().id;
    let id = world.user_id(GUILD, USER).unwrap();
    let message = world.append_text(chat, USER, SECRET).unwrap();
    world.append_text(chat, 5, &format!("thanks <@{id}>, or <@!{id}>, or just {id}"));
    world.react(chat, message, USER, "🦀", false);
    world.react(chat, message, 5, "🦀", false);
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    Scene { sandbox, chat, message, id }
}

/// The bytes of the archive and of the files beside it.
fn bytes(sandbox: &Sandbox) -> Vec<u8> {
    let names = sandbox.listing().into_iter().filter(|name| name.starts_with("archive.db"));
    names.filter_map(|name| fs::read(sandbox.dir.path().join(name)).ok()).flatten().collect()
}

/// Whether `bytes` contain `text` in UTF-8 or UTF-16.
fn holds(bytes: &[u8], text: &str) -> bool {
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [text.as_bytes(), &utf16].iter().any(|needle| memchr::memmem::find(bytes, needle).is_some())
}

/// Asserts that no file holds the user's text, ID or hash, and that the archive is sound.
fn assert_erased(scene: &Scene) {
    let bytes = bytes(&scene.sandbox);
    let (id, hash) = (scene.id.to_string(), hash(scene.id));
    for trace in [SECRET, id.as_str(), hash.as_str(), &hash[..40]] {
        assert!(!holds(&bytes, trace), "{trace} is still in the files");
    }
    assert_eq!(scene.sandbox.rows("PRAGMA integrity_check").len(), 1);
    assert_eq!(scene.sandbox.rows("PRAGMA foreign_key_check").len(), 0);
}

/// Author, content, reactions and attachments of the user's message.
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
fn erased_user_leaves_no_trace_and_no_sync_restores_it() {
    for by_hash in [false, true] {
        let scene = scene();
        assert!(holds(&bytes(&scene.sandbox), &hash(scene.id)), "there is something to erase");
        let messages = scene.sandbox.count("SELECT count(*) FROM messages");
        let user = if by_hash { hash(scene.id) } else { scene.id.to_string() };
        let ran = scene.sandbox.run(&["forget", "--user", &user, "--yes"]).expect_code(0);
        assert!(!ran.stdout.contains(&user) && !ran.stderr.contains(&user), "{}{}", ran.stdout, ran.stderr);
        assert_erased(&scene);
        assert_eq!(scene.sandbox.count("SELECT count(*) FROM messages"), messages, "an empty row stays");
        assert_eq!(tombstone(&scene), (None, String::new(), Some(2), 0));
        let mention = "SELECT count(*) FROM messages WHERE content = 'thanks <@forgotten>, or <@forgotten>, or just forgotten'";
        assert_eq!(scene.sandbox.count(mention), 1);
        let world = scene.sandbox.sim.world();
        world.append_text(scene.chat, USER, SECRET);
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

/// The user is in every column and kind of text that can identify a user.
#[test]
fn every_reference_to_an_erased_user_is_removed_for_good() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 60)));
    let world = sandbox.sim.world();
    let chat = world.truth(GUILD)[0].id;
    let id = world.user_id(GUILD, USER).unwrap();
    let (hash, stranger) = (hash(id), 123_456_789_012_345_678_u64);
    let message = world.append_text(chat, USER, &format!("{SECRET} {stranger}")).unwrap();
    world.react(chat, message, 5, "🦀", false);
    let other =
        world.append_text(chat, 5, &format!("bad{id}face, {hash}, <#{id}> https://discord.com/users/{id}"));
    world.react(chat, other.unwrap(), USER, "🦑", false);
    world.react(chat, other.unwrap(), 6, "🦑", false);
    world.rename(chat, &format!("ticket-{id}"));
    world.set_topic(chat, Some(&format!("of <@{id}>")));
    sandbox.run(&["start"]).expect_code(0);
    let archive = sandbox.archive();
    // The simulated world can't produce a thread of the user or a reply to the user.
    let plant = |sql: &str| archive.execute(sql, [&hash]).unwrap();
    let user_row = "(SELECT id FROM users WHERE anonymized_id = ?1)";
    plant(&format!("UPDATE channels SET owner_id = {user_row}"));
    plant(&format!(
        "UPDATE messages SET reply_to_author_id = {user_row} WHERE platform_id = (SELECT min(platform_id) FROM messages)"
    ));
    plant(&format!(
        "UPDATE messages SET metadata = json_object('interaction', ?1) WHERE author_id IS NOT {user_row}"
    ));
    drop(archive);
    let counts = "SELECT message_id, emoji, count FROM reaction_count_log ORDER BY 1, 2";
    let counted = sandbox.rows(counts);
    assert_eq!(sandbox.count(&format!("SELECT count(*) FROM reaction_log WHERE user = '{hash}'")), 1);
    let ran = sandbox.run(&["forget", "--user", &hash, "--yes"]).expect_code(0);
    assert!(ran.stdout.contains("1 reaction,") && !ran.stdout.contains("0 place"), "{}", ran.stdout);
    for command in [None, Some(vec!["start"]), Some(vec!["start", "--full"])] {
        if let Some(command) = &command {
            world.advance(HOUR);
            sandbox.run(command).expect_code(0);
        }
        for remaining in [
            "SELECT count(*) FROM channels WHERE owner_id IS NOT NULL",
            "SELECT count(*) FROM reaction_log WHERE emoji = '🦑' AND user NOT IN (SELECT anonymized_id FROM users)",
            "SELECT count(*) FROM suspect_digits",
        ] {
            assert_eq!(sandbox.count(remaining), 0, "{remaining} after {command:?}");
        }
        assert_eq!(sandbox.rows(counts), counted, "the counts stay, as Discord still reports them");
        assert_eq!(sandbox.count("SELECT count(*) FROM reaction_log WHERE emoji = '🦑'"), 1);
        let scrubbed = "SELECT count(*) FROM messages WHERE content LIKE 'badforgottenface, forgotten, <#forgotten> %/users/forgotten'";
        assert_eq!(sandbox.count(scrubbed), 1);
        assert_eq!(
            sandbox.count(
                "SELECT count(*) FROM channels WHERE name = 'ticket-forgotten' AND topic = 'of <@forgotten>'"
            ),
            1
        );
    }
    assert_erased(&Scene { sandbox, chat, message, id });
}

/// Digits that match no known user are archived as they are, until `forget` names them.
#[test]
fn bare_id_of_an_unknown_user_is_erased_from_texts() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 1, 30)));
    let world = sandbox.sim.world();
    let chat = world.truth(GUILD)[0].id;
    let id = 123_456_789_012_345_678_u64;
    let message = world.append_text(chat, 5, &format!("{SECRET}: {id}")).unwrap();
    sandbox.run(&["start"]).expect_code(0);
    assert!(holds(&bytes(&sandbox), &id.to_string()));
    let ran = run_at_terminal(sandbox.command(&["forget", "--user", &id.to_string()]), "y\n").expect_code(0);
    assert!(ran.stderr.contains("mentions in 1 text"), "{}", ran.stderr);
    world.advance(HOUR);
    for command in [vec!["status"], vec!["start"], vec!["start", "--full"]] {
        sandbox.run(&command).expect_code(0);
        assert!(!holds(&bytes(&sandbox), &id.to_string()));
        let scrubbed = format!(
            "SELECT count(*) FROM message_log WHERE message_id = '{message}' AND content = '{SECRET}: forgotten'"
        );
        assert_eq!(sandbox.count(&scrubbed), 1);
    }
}

#[test]
fn a_hash_in_capitals_is_erased_from_texts() {
    let scene = scene();
    let world = scene.sandbox.sim.world();
    world.append_text(scene.chat, 5, &format!("see {}", hash(scene.id).to_uppercase()));
    world.advance(HOUR);
    scene.sandbox.run(&["start"]).expect_code(0);
    scene.sandbox.run(&["forget", "--user", &scene.id.to_string(), "--yes"]).expect_code(0);
    let replaced = "SELECT count(*) FROM messages WHERE content = 'see forgotten'";
    assert_eq!(scene.sandbox.count(replaced), 1);
    scene.sandbox.run(&["start", "--full"]).expect_code(0);
    assert_eq!(scene.sandbox.count(replaced), 1);
}

#[test]
fn unknown_user_is_reported_and_kept_out_of_later_syncs() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 1, 30)));
    sandbox.run(&["start"]).expect_code(0);
    let forget = ["forget", "--user", "80351110224678912"];
    let ran = run_at_terminal(sandbox.command(&forget), "y\n").expect_code(0);
    assert!(ran.stderr.contains("has no data of this person"), "{}", ran.stderr);
    assert!(
        ran.stdout.contains(
            "nothing, because the archive has no data of this person; later syncs exclude this person"
        ),
        "{}",
        ran.stdout
    );
    let ran = run_at_terminal(sandbox.command(&forget), "y\n").expect_code(0);
    assert!(ran.stderr.contains("erased before"), "{}", ran.stderr);
    assert_eq!(sandbox.rows("SELECT marker FROM forgotten").len(), 1);
    let marker = Sha256::digest(format!("verta-forget:{}", hash(80_351_110_224_678_912)));
    let listed = format!("SELECT count(*) FROM forgotten WHERE marker = '{marker:x}'");
    assert_eq!(sandbox.count(&listed), 1);
}

/// What `sqlite-utils enable-fts` leaves behind: an index whose content can't be copied from
/// a table without row IDs.
#[test]
fn tables_of_other_programs_are_named_because_an_erasure_does_not_reach_them() {
    let scene = scene();
    let archive = scene.sandbox.archive();
    archive
        .execute_batch("CREATE VIRTUAL TABLE messages_fts USING fts5 (content, content = 'messages')")
        .unwrap();
    assert!(archive.execute("INSERT INTO messages_fts (messages_fts) VALUES ('rebuild')", []).is_err());
    archive
        .execute_batch("CREATE TABLE notes (text); INSERT INTO notes SELECT content FROM message_log")
        .unwrap();
    archive.execute_batch("CREATE VIEW mine AS SELECT content FROM message_log").unwrap();
    drop(archive);
    let names =
        "messages_fts, messages_fts_config, messages_fts_data, messages_fts_docsize, messages_fts_idx, notes";
    let checked = scene.sandbox.run(&["check"]).expect_code(0).stdout;
    assert!(checked.contains(&format!("! archive: tables of another program: {names}\n")), "{checked}");
    let id = scene.id.to_string();
    let erased = scene.sandbox.run(&["forget", "--user", &id, "--yes"]).expect_code(0);
    assert!(
        erased.stderr.contains("may still hold copies of what was erased: messages_fts"),
        "{}",
        erased.stderr
    );
    let purge = ["reset", "--tenant", "Simulated community", "--purge", "--yes"];
    let purged = scene.sandbox.run(&purge).expect_code(0);
    assert!(purged.stderr.contains(names), "{}", purged.stderr);
    scene.sandbox.archive().execute_batch("DROP TABLE messages_fts; DROP TABLE notes").unwrap();
    assert!(!scene.sandbox.run(&["check"]).stdout.contains("another program"));
    assert_eq!(scene.sandbox.run(&purge).expect_code(0).stderr, "");
}

#[test]
fn open_reader_delays_the_erasure_until_the_next_command() {
    let scene = scene();
    let reader = scene.sandbox.archive();
    reader.execute_batch("BEGIN; SELECT count(*) FROM messages").unwrap();
    let mut select = reader.prepare("SELECT platform_id FROM messages").unwrap();
    let mut rows = select.query([]).unwrap();
    rows.next().unwrap();
    let ran = scene.sandbox.run(&["forget", "--user", &scene.id.to_string(), "--yes"]).expect_code(0);
    assert!(ran.stderr.contains("another program is reading the archive"), "{}", ran.stderr);
    drop(rows);
    drop(select);
    drop(reader);
    scene.sandbox.run(&["start"]).expect_code(0);
    assert_erased(&scene);
}

#[test]
fn purge_does_not_restore_an_erased_user() {
    let scene = scene();
    let id = scene.id.to_string();
    scene.sandbox.run(&["forget", "--user", &id, "--yes"]).expect_code(0);
    let name = scene.sandbox.sim.world().guilds()[0].1.clone();
    scene.sandbox.run(&["reset", "--tenant", &name, "--purge", "--yes"]).expect_code(0);
    scene.sandbox.run(&["start"]).expect_code(0);
    assert_erased(&scene);
}

#[test]
fn killed_erasure_is_finished_by_the_next_command_with_the_lock() {
    let scene = scene();
    let id = scene.id.to_string();
    for microseconds in [2_000, 5_000, 9_000, 14_000, 20_000, 27_000, 35_000] {
        let child = scene.sandbox.spawn(&["forget", "--user", &id, "--yes"]);
        std::thread::sleep(Duration::from_micros(microseconds));
        send(&child, Signal::KILL);
        wait_for_exit(child);
        assert_eq!(scene.sandbox.rows("PRAGMA integrity_check").len(), 1);
    }
    // The erasure is complete or hasn't happened.
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
fn user_erased_before_the_first_sync_is_never_archived() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 1, 30)));
    let world = sandbox.sim.world();
    let chat = world.truth(GUILD).iter().find(|channel| channel.message_count > 0).unwrap().id;
    let id = world.user_id(GUILD, USER).unwrap();
    let message = world.append_text(chat, USER, SECRET).unwrap();
    sandbox.run(&["forget", "--user", &id.to_string(), "--yes"]).expect_code(0);
    sandbox.run(&["start"]).expect_code(0);
    assert_erased(&Scene { sandbox, chat, message, id });
}

#[test]
fn confirmation_lists_what_is_erased_and_can_be_declined() {
    let scene = scene();
    let forget = scene.sandbox.command(&["forget", "--user", &scene.id.to_string()]);
    let ran = run_at_terminal(forget, "n\n").expect_code(1);
    assert!(ran.stderr.contains("permanently erases") && ran.stderr.contains("messages"), "{}", ran.stderr);
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
