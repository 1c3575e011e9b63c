//! Archives whose hashes need a key: new ones, and plain ones that get one.

use std::fs;
use std::time::Duration;

use discord_sim::{Description, RouteKind, World};
use hmac::{Hmac, Mac as _};
use rustix::process::Signal;
use sha2::Sha256;

use crate::util::truth::hash;
use crate::util::{Sandbox, send, wait_for_exit};

const GUILD: u64 = 77_000_000_000_000_001;
const KEY: &str = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";
const OTHER_KEY: &str = "0c0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";
const REKEY: [&str; 4] = ["rekey", "--key-file", "archive.key", "--yes"];
/// A member who writes.
const USER: u32 = 3;

/// The keyed hash, computed apart from the program.
fn keyed_hash(user: u64) -> String {
    let mut code = Hmac::<Sha256>::new_from_slice(&[0x0b; 32]).unwrap();
    code.update(hash(user).as_bytes());
    format!("{:x}", code.finalize().into_bytes())
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 3, 150)));
    sandbox.write("archive.key", &format!("{KEY}\n"));
    sandbox
}

/// Adds `hash_key_file` to the configuration, or removes it.
fn configure_key(sandbox: &Sandbox, is_keyed: bool) {
    sandbox.write_config("");
    if is_keyed {
        let config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
        let keyed = format!("[archive]\nhash_key_file = \"archive.key\"\n{config}");
        sandbox.write("sync.toml", &keyed);
    }
}

/// The IDs of all members.
fn members(sandbox: &Sandbox) -> Vec<u64> {
    (0..).map_while(|index| sandbox.sim.world().user_id(GUILD, index)).collect()
}

/// How many members' plain hashes occur in any byte of the archive's files.
fn plain_hashes(sandbox: &Sandbox) -> usize {
    let names = sandbox.listing().into_iter().filter(|name| name.starts_with("archive.db"));
    let bytes: Vec<u8> =
        names.filter_map(|name| fs::read(sandbox.dir.path().join(name)).ok()).flatten().collect();
    let occurs = |id: &&u64| memchr::memmem::find(&bytes, hash(**id).as_bytes()).is_some();
    members(sandbox).iter().filter(occurs).count()
}

/// The texts of a query's only column.
fn texts(sandbox: &Sandbox, sql: &str) -> Vec<String> {
    let archive = sandbox.archive();
    let mut select = archive.prepare(sql).unwrap();
    select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Content of the views, without hashes and what changes at every read.
fn content(sandbox: &Sandbox) -> Vec<String> {
    let hashes = regex::Regex::new("[0-9a-f]{64}").unwrap();
    let mut rows = texts(
        sandbox,
        "SELECT json_array(message_key, channel_key, author_key, type, content, created_ms, reply_to_message_key,
                           reactions, attachments, metadata) FROM message_log ORDER BY channel_key, message_key",
    );
    rows.extend(texts(
        sandbox,
        "SELECT json_array(message_key, emoji, user_key) FROM reaction_log ORDER BY 1",
    ));
    rows.iter().map(|row| hashes.replace_all(row, "HASH").into_owned()).collect()
}

#[test]
fn a_new_archive_is_keyed_and_hash_prints_its_hashes() {
    let sandbox = sandbox();
    configure_key(&sandbox, true);
    let world = sandbox.sim.world();
    let chat = world.truth(GUILD).iter().find(|channel| channel.message_count > 0).unwrap().id;
    let id = world.user_id(GUILD, USER).unwrap();
    world.append_text(chat, USER, &format!("me <@{id}> and {id}"));
    world.advance(Duration::from_hours(1));
    sandbox.run(&["start"]).expect_code(0);
    assert!(members(&sandbox).len() > 20);
    assert_eq!(plain_hashes(&sandbox), 0);
    let expected = keyed_hash(id);
    let author = format!("SELECT count(*) FROM message_log WHERE author = '{expected}'");
    assert!(sandbox.count(&author) > 0);
    let text = format!("SELECT count(*) FROM messages WHERE content = 'me <@{expected}> and {expected}'");
    assert_eq!(sandbox.count(&text), 1);
    let printed = sandbox.run(&["hash", "--user", &id.to_string(), "-vv"]).expect_code(0);
    assert_eq!(printed.stdout, format!("{expected}\n"));
    assert!(!printed.stderr.contains(&id.to_string()));
    sandbox.run(&["check", "--privacy"]).expect_code(0);
    sandbox.run(&["forget", "--user", &id.to_string(), "--yes"]).expect_code(0);
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert_eq!(sandbox.count(&author), 0);
    assert_eq!(sandbox.count("SELECT count(*) FROM messages WHERE content LIKE 'me %'"), 0);
}

#[test]
fn a_plain_hash_is_printed_without_an_archive() {
    let sandbox = sandbox();
    let id = sandbox.sim.world().user_id(GUILD, USER).unwrap();
    let printed = sandbox.run(&["hash", "--user", &id.to_string()]).expect_code(0);
    assert_eq!(printed.stdout, format!("{}\n", hash(id)));
    for wrong in ["", "x", &hash(id)] {
        let refused = sandbox.run(&["hash", "--user", wrong]).expect_code(2);
        assert!(refused.stderr.contains("not a user ID"), "{}", refused.stderr);
    }
}

#[test]
fn a_missing_or_wrong_key_is_refused_before_anything_is_written() {
    let sandbox = sandbox();
    configure_key(&sandbox, true);
    sandbox.run(&["start"]).expect_code(0);
    let before = fs::read(sandbox.archive_path()).unwrap();
    let refused = |says: &str| {
        sandbox.sim.journal().clear();
        for command in [&["check"][..], &["check", "--privacy"]] {
            let ran = sandbox.run(command).expect_code(2);
            assert!(format!("{}{}", ran.stdout, ran.stderr).contains(says), "{command:?}: {}", ran.stdout);
        }
        for command in [
            &["start"][..],
            &["reset", "--tenant", "Simulated community", "--yes"],
            &["forget", "--user", "80351110224678912", "--yes"],
        ] {
            let ran = sandbox.run(command).expect_code(2);
            assert!(ran.stderr.contains(says), "{command:?}: {}", ran.stderr);
            assert!(!ran.stderr.contains(KEY) && !ran.stderr.contains(OTHER_KEY));
        }
        let messages = sandbox.sim.journal().count(RouteKind::Messages);
        assert_eq!(messages, 0, "nothing is read");
        assert_eq!(fs::read(sandbox.archive_path()).unwrap(), before, "nothing is written");
        sandbox.run(&["status"]).expect_code(0);
        sandbox.run(&["search", "the", "--author", "80351110224678912"]).expect_code(2);
        sandbox.run(&["search", "the", "--author", "0123abcd"]).expect_code(0);
    };
    configure_key(&sandbox, false);
    refused("is keyed, and no key is configured");
    configure_key(&sandbox, true);
    sandbox.write("archive.key", OTHER_KEY);
    refused("the configured key is not the key of");
    sandbox.run(&["check", "--privacy"]).expect_code(2);
    sandbox.run(&["hash", "--user", "80351110224678912"]).expect_code(2);
    sandbox.run(&REKEY).expect_code(2);
    sandbox.write("archive.key", "short");
    refused("a key is 64 hexadecimal digits");
    fs::remove_file(sandbox.dir.path().join("archive.key")).unwrap();
    refused("it does not exist");
    sandbox.write("archive.key", KEY);
    sandbox.run(&["start"]).expect_code(0);
}

#[test]
fn a_plain_archive_gets_a_key_and_keeps_everything_else() {
    let sandbox = sandbox();
    let world = sandbox.sim.world();
    let chat = world.truth(GUILD).iter().find(|channel| channel.message_count > 0).unwrap().id;
    let [gone, late] = [USER, 4].map(|user| world.user_id(GUILD, user).unwrap());
    let stranger = 123_456_789_012_345_678_u64;
    world.append_text(chat, 5, &format!("<@{gone}> {} {stranger} {}", hash(gone), "ab".repeat(32)));
    world.append_text(chat, 5, &format!("<@{late}> and {late}"));
    world.advance(Duration::from_hours(30));
    sandbox.run(&["start"]).expect_code(0);
    sandbox.run(&["forget", "--user", &gone.to_string(), "--yes"]).expect_code(0);
    let (before, digits) = (content(&sandbox), sandbox.count("SELECT count(*) FROM suspect_digits"));
    assert!(plain_hashes(&sandbox) > 20 && digits > 0);
    // The configuration asks for a key that the archive doesn't have yet.
    configure_key(&sandbox, true);
    let refused = sandbox.run(&["start"]).expect_code(2);
    assert!(refused.stderr.contains("verta-sync rekey --key-file PATH"), "{}", refused.stderr);
    let declined = sandbox.run(&REKEY[..3]).expect_code(2);
    assert!(declined.stderr.contains("stdin is not a terminal"), "{}", declined.stderr);
    let rekeyed = sandbox.run(&REKEY).expect_code(0);
    assert!(rekeyed.stdout.starts_with("replaced the hashes of "), "{}", rekeyed.stdout);
    assert_eq!(plain_hashes(&sandbox), 0, "no plain hash is left in any byte");
    assert_eq!(content(&sandbox), before);
    // Unknown hashes in texts are candidates, too.
    assert!(sandbox.count("SELECT count(*) FROM suspect_digits") >= digits);
    let text = format!("SELECT count(*) FROM messages WHERE content = '<@{0}> and {0}'", keyed_hash(late));
    assert_eq!(sandbox.count(&text), 1);
    let unrelated = format!("SELECT count(*) FROM messages WHERE content LIKE '%{}'", "ab".repeat(32));
    assert_eq!(sandbox.count(&unrelated), 1, "other digits stay");
    assert_eq!(sandbox.count("SELECT count(*) FROM audit_log WHERE action = 'rekey'"), 1);
    assert!(sandbox.run(&REKEY).expect_code(0).stdout.contains("nothing to do"));
    // Who was erased before stays erased, and digits are still recognized.
    world.append_text(chat, USER, "I am back");
    world.append_text(chat, 5, &format!("welcome <@{gone}>, {gone}"));
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(content(&sandbox)[..before.len().min(50)], before[..before.len().min(50)]);
    let back = "SELECT count(*) FROM messages WHERE content = 'I am back'";
    assert_eq!(sandbox.count(back), 0);
    let welcome = "SELECT count(*) FROM messages WHERE content = 'welcome <@forgotten>, forgotten'";
    assert_eq!(sandbox.count(welcome), 1);
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert_eq!((sandbox.count(welcome), plain_hashes(&sandbox)), (1, 0));
    sandbox.run(&["check", "--privacy"]).expect_code(0);
    let erased = sandbox.run(&["forget", "--user", &stranger.to_string(), "--yes"]).expect_code(0);
    assert!(erased.stdout.contains("mentions in 1 text"), "{}", erased.stdout);
}

#[test]
fn a_killed_rekey_leaves_a_plain_or_a_keyed_archive() {
    let sandbox = sandbox();
    sandbox.run(&["start"]).expect_code(0);
    let (plain, before) = (fs::read(sandbox.archive_path()).unwrap(), content(&sandbox));
    let scheme = "SELECT value FROM archive_info WHERE key = 'anonymization'";
    for kill in 0..15 {
        for name in sandbox.listing().iter().filter(|name| name.starts_with("archive.db")) {
            fs::remove_file(sandbox.dir.path().join(name)).unwrap();
        }
        fs::write(sandbox.archive_path(), &plain).unwrap();
        let child = sandbox.spawn(&REKEY);
        std::thread::sleep(Duration::from_millis(5 + 7 * kill));
        send(&child, Signal::KILL);
        wait_for_exit(child);
        let is_keyed = texts(&sandbox, scheme) == ["hmac-sha256"];
        assert!(is_keyed || plain_hashes(&sandbox) > 20);
        sandbox.run(&REKEY).expect_code(0);
        assert_eq!(plain_hashes(&sandbox), 0, "kill {kill}");
        assert_eq!(content(&sandbox), before, "kill {kill}");
    }
}

#[test]
fn a_person_is_erased_by_the_keyed_or_the_plain_hash_and_an_unknown_hash_is_refused() {
    for by_plain in [false, true] {
        let sandbox = sandbox();
        configure_key(&sandbox, true);
        sandbox.run(&["start"]).expect_code(0);
        let author = "SELECT author FROM message_log WHERE author_is_bot = 0 LIMIT 1";
        let keyed = texts(&sandbox, author).remove(0);
        let id = members(&sandbox).into_iter().find(|id| keyed_hash(*id) == keyed).unwrap();
        let given = if by_plain { hash(id) } else { keyed.clone() };
        let erased = sandbox.run(&["forget", "--user", &given, "--yes"]).expect_code(0);
        assert!(!erased.stdout.contains("nothing"), "{}", erased.stdout);
        sandbox.run(&["start", "--full"]).expect_code(0);
        assert_eq!(sandbox.count(&format!("SELECT count(*) FROM users WHERE anonymized_id = '{keyed}'")), 0);
        let refused = sandbox.run(&["forget", "--user", &"12".repeat(32), "--yes"]).expect_code(2);
        assert!(refused.stderr.contains("nobody with this hash"), "{}", refused.stderr);
        assert_eq!(sandbox.count("SELECT count(*) FROM forgotten"), 1);
    }
}

/// A hash may be written before the archive knows whose it is, and in capitals.
#[test]
fn plain_hashes_in_texts_are_replaced() {
    let sandbox = sandbox();
    configure_key(&sandbox, true);
    let world = sandbox.sim.world();
    let chat = world.truth(GUILD).iter().find(|channel| channel.message_count > 0).unwrap().id;
    let silent = world.user_id(GUILD, 20).unwrap();
    let known = "SELECT count(*) FROM users WHERE anonymized_id = ";
    world.append_text(chat, 5, &format!("who is {}", hash(silent)));
    world.append_text(chat, 5, &format!("or {}", hash(silent).to_uppercase()));
    world.advance(Duration::from_hours(30));
    sandbox.run(&["start"]).expect_code(0);
    world.append_text(chat, 20, "it is me");
    world.advance(Duration::from_hours(30));
    sandbox.run(&["start"]).expect_code(0);
    let keyed = keyed_hash(silent);
    assert_eq!(sandbox.count(&format!("{known}'{keyed}'")), 1);
    for text in [format!("who is {keyed}"), format!("or {keyed}")] {
        assert_eq!(
            sandbox.count(&format!("SELECT count(*) FROM messages WHERE content = '{text}'")),
            1,
            "{text}"
        );
    }
    sandbox.run(&["check", "--privacy"]).expect_code(0);
    let exposed =
        format!("UPDATE messages SET content = '{}' WHERE content = 'who is {keyed}'", hash(silent));
    assert_eq!(sandbox.archive().execute(&exposed, []).unwrap(), 1);
    let found = sandbox.run(&["check", "--privacy"]).expect_code(1);
    assert!(found.stdout.contains("the plain hash of a known user"), "{}", found.stdout);
}
