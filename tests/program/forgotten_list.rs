//! `archive.db.forgotten`: erased people stay erased when a backup is restored.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Duration;

use discord_sim::{Description, World};

use crate::util::Sandbox;
use crate::util::truth::hash;

const GUILD: u64 = 77_000_000_000_000_001;
const USER: u32 = 3;
const SECRET: &str = "words that a backup must not bring back";
const LIST: &str = "archive.db.forgotten";
const KEY: &str = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";

/// A synced archive with a message of the user to be erased, and the user's ID.
fn scene() -> (Sandbox, u64) {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 60)));
    let world = sandbox.sim.world();
    let chat = world.truth(GUILD).iter().find(|channel| channel.message_count > 0).unwrap().id;
    let id = world.user_id(GUILD, USER).unwrap();
    world.append_text(chat, USER, SECRET);
    world.advance(Duration::from_hours(1));
    sandbox.run(&["start"]).expect_code(0);
    (sandbox, id)
}

fn forget(sandbox: &Sandbox, id: u64) {
    sandbox.run(&["forget", "--user", &id.to_string(), "--yes"]).expect_code(0);
}

/// Replaces the archive by a backup, as docs/operating.md says.
fn restore(sandbox: &Sandbox, backup: &[u8]) {
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(sandbox.dir.path().join(format!("archive.db{suffix}"))).ok();
    }
    fs::write(sandbox.archive_path(), backup).unwrap();
}

/// Whether the archive has anything of the user, in any byte.
fn has_traces(sandbox: &Sandbox, hash: &str) -> bool {
    has_any(sandbox, &[SECRET, hash])
}

/// Whether one of the texts is in any byte of the archive's files.
fn has_any(sandbox: &Sandbox, texts: &[&str]) -> bool {
    let names = sandbox.listing().into_iter().filter(|name| name.starts_with("archive.db"));
    let bytes: Vec<u8> =
        names.filter_map(|name| fs::read(sandbox.dir.path().join(name)).ok()).flatten().collect();
    texts.iter().any(|text| memchr::memmem::find(&bytes, text.as_bytes()).is_some())
}

#[test]
fn a_restored_backup_brings_nobody_back() {
    let (sandbox, id) = scene();
    let backup = fs::read(sandbox.archive_path()).unwrap();
    assert!(!sandbox.dir.path().join(LIST).exists(), "nobody was erased yet");
    forget(&sandbox, id);
    let mode = fs::metadata(sandbox.dir.path().join(LIST)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "the mode of the archive");
    restore(&sandbox, &backup);
    assert!(has_traces(&sandbox, &hash(id)));
    let started = sandbox.run(&["start"]).expect_code(0);
    assert!(started.stderr.contains("contained erased people: erased again: 1"), "{}", started.stderr);
    assert!(!has_traces(&sandbox, &hash(id)));
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert!(!has_traces(&sandbox, &hash(id)));
    // The other way round: a lost file is written again from the archive.
    let list = fs::read(sandbox.dir.path().join(LIST)).unwrap();
    fs::remove_file(sandbox.dir.path().join(LIST)).unwrap();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(fs::read(sandbox.dir.path().join(LIST)).unwrap(), list);
}

#[test]
fn a_backup_from_before_the_key_brings_nobody_back_either() {
    let (sandbox, id) = scene();
    let backup = fs::read(sandbox.archive_path()).unwrap();
    sandbox.write("archive.key", KEY);
    let plain_config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    let keyed_config = format!("[archive]\nhash_key_file = \"archive.key\"\n{plain_config}");
    let rekey = ["rekey", "--key-file", "archive.key", "--yes"];
    sandbox.run(&rekey).expect_code(0);
    sandbox.write("sync.toml", &keyed_config);
    forget(&sandbox, id);
    restore(&sandbox, &backup);
    // With its old configuration the old archive can't be used: nobody could be compared.
    sandbox.write("sync.toml", &plain_config);
    let refused = sandbox.run(&["start"]).expect_code(2);
    assert!(refused.stderr.contains("is the list of an archive with another key"), "{}", refused.stderr);
    sandbox.write("sync.toml", &keyed_config);
    sandbox.run(&rekey).expect_code(0);
    assert!(!has_traces(&sandbox, &hash(id)));
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert!(!has_traces(&sandbox, &hash(id)));
}

#[test]
fn a_list_made_before_the_key_is_converted() {
    let (sandbox, id) = scene();
    forget(&sandbox, id);
    let plain = fs::read_to_string(sandbox.dir.path().join(LIST)).unwrap();
    sandbox.write("archive.key", KEY);
    sandbox.run(&["rekey", "--key-file", "archive.key", "--yes"]).expect_code(0);
    let keyed = fs::read_to_string(sandbox.dir.path().join(LIST)).unwrap();
    assert!(keyed.starts_with("verta-sync: people who stay erased; hmac-sha256 "), "{keyed}");
    let marker = plain.lines().nth(1).unwrap();
    assert!(!keyed.contains(marker) && keyed.lines().count() == 2, "{keyed}");
}

#[test]
fn a_damaged_or_foreign_list_is_refused() {
    let (sandbox, id) = scene();
    forget(&sandbox, id);
    let path = sandbox.dir.path().join(LIST);
    let list = fs::read_to_string(&path).unwrap();
    for damaged in ["", "hello\n", &list[..list.len() - 5], &format!("{list}\nx\n")] {
        fs::write(&path, damaged).unwrap();
        let refused = sandbox.run(&["start"]).expect_code(6);
        assert!(refused.stderr.contains("is damaged"), "{}", refused.stderr);
        assert!(refused.stderr.contains("restore the list from a backup"), "{}", refused.stderr);
    }
    fs::remove_file(&path).unwrap();
    sandbox.write("elsewhere", &list);
    symlink(sandbox.dir.path().join("elsewhere"), &path).unwrap();
    sandbox.run(&["start"]).expect_code(6);
    fs::remove_file(&path).unwrap();
    fs::write(&path, &list).unwrap();
    sandbox.run(&["start"]).expect_code(0);
}

/// The archive's configuration, with a key.
fn configure_key(sandbox: &Sandbox, key: &str) {
    sandbox.write("archive.key", key);
    let config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    if !config.contains("hash_key_file") {
        sandbox.write("sync.toml", &format!("[archive]\nhash_key_file = \"archive.key\"\n{config}"));
    }
}

const REKEY: [&str; 4] = ["rekey", "--key-file", "archive.key", "--yes"];
const OTHER_KEY: &str = "0c0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";

#[test]
fn a_restored_plain_backup_gets_a_key_without_those_who_were_erased() {
    let (sandbox, id) = scene();
    let backup = fs::read(sandbox.archive_path()).unwrap();
    forget(&sandbox, id);
    restore(&sandbox, &backup);
    sandbox.write("archive.key", KEY);
    sandbox.run(&REKEY).expect_code(0);
    configure_key(&sandbox, KEY);
    assert!(!has_traces(&sandbox, &hash(id)));
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert!(!has_traces(&sandbox, &hash(id)));
}

#[test]
fn another_key_than_that_of_the_list_changes_nothing() {
    let (sandbox, id) = scene();
    let backup = fs::read(sandbox.archive_path()).unwrap();
    sandbox.write("archive.key", KEY);
    sandbox.run(&REKEY).expect_code(0);
    configure_key(&sandbox, KEY);
    forget(&sandbox, id);
    restore(&sandbox, &backup);
    sandbox.write("archive.key", OTHER_KEY);
    for command in [&REKEY[..], &["start"]] {
        sandbox.run(command).expect_code(2);
        assert_eq!(fs::read(sandbox.archive_path()).unwrap(), backup, "{command:?}");
    }
    sandbox.write("archive.key", KEY);
    sandbox.run(&REKEY).expect_code(0);
    // A new archive beside the list neither takes another key.
    restore(&sandbox, b"");
    sandbox.write("archive.key", OTHER_KEY);
    let refused = sandbox.run(&["start"]).expect_code(2);
    assert!(refused.stderr.contains("is the list of an archive with another key"), "{}", refused.stderr);
    sandbox.write("archive.key", KEY);
    sandbox.run(&["start"]).expect_code(0);
}

#[test]
fn an_id_of_someone_whom_a_restored_backup_does_not_know_is_erased_from_texts() {
    let (sandbox, _) = scene();
    let stranger = 123_456_789_012_345_678_u64;
    let world = sandbox.sim.world();
    let chat = world.truth(GUILD).iter().find(|channel| channel.message_count > 0).unwrap().id;
    world.append_text(chat, 5, &format!("my friend is {stranger}"));
    world.advance(Duration::from_hours(30));
    sandbox.run(&["start"]).expect_code(0);
    let backup = fs::read(sandbox.archive_path()).unwrap();
    forget(&sandbox, stranger);
    restore(&sandbox, &backup);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM messages WHERE content = 'my friend is forgotten'"), 1);
    assert!(!has_any(&sandbox, &[&stranger.to_string()]));
}
