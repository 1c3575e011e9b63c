//! Archives that can't be used.

use std::fs;
use std::time::Duration;

use rusqlite::Connection;
use rustix::process::Signal;

use super::sandbox;
use super::transcript::Transcript;
use crate::util::{Sandbox, ended, send};

const COMMANDS: [&[&str]; 4] =
    [&["start"], &["status"], &["check"], &["reset", "--tenant", "takaro", "--yes"]];

fn take_all(said: &mut Transcript, situation: &str, sandbox: &Sandbox) {
    for command in COMMANDS {
        said.run(situation, sandbox, command);
    }
}

#[test]
fn an_archive_that_cannot_be_used_is_told_with_what_to_do() {
    let mut said = Transcript::default();
    let empty = sandbox();
    for command in
        [&["status"][..], &["reset", "--tenant", "takaro", "--yes"], &["forget", "--user", "1", "--yes"]]
    {
        said.run("before the first sync", &empty, command);
    }
    let nowhere = sandbox();
    let config = fs::read_to_string(nowhere.dir.path().join("sync.toml")).unwrap();
    nowhere.write("sync.toml", &format!("[archive]\npath = \"no/such/archive.db\"\n{config}"));
    take_all(&mut said, "a folder that isn't there", &nowhere);
    let folder = sandbox();
    fs::create_dir(folder.archive_path()).unwrap();
    take_all(&mut said, "a folder in its place", &folder);
    let text = sandbox();
    text.write("archive.db", "a shopping list, longer than sixteen bytes");
    take_all(&mut said, "a file that is no database", &text);
    let other = sandbox();
    Connection::open(other.archive_path())
        .unwrap()
        .execute_batch("CREATE TABLE recipes (name TEXT)")
        .unwrap();
    take_all(&mut said, "another program's database", &other);
    let newer = sandbox();
    newer.run(&["start"]).expect_code(0);
    let add = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
               VALUES (99, 'later', '2030-01-01T00:00:00Z', '1')";
    newer.archive().execute(add, []).unwrap();
    take_all(&mut said, "a newer version's archive", &newer);
    let damaged = sandbox();
    damaged.run(&["start"]).expect_code(0);
    let whole = fs::read(damaged.archive_path()).unwrap();
    fs::write(damaged.archive_path(), [&whole[..100], &vec![0xff; whole.len() - 100]].concat()).unwrap();
    take_all(&mut said, "a damaged archive", &damaged);
    let held = sandbox();
    let run = held.spawn_slow(&["start"]);
    held.sim.set_latency(Duration::from_mins(1), Duration::ZERO);
    for command in [&["start"][..], &["start", "--wait=1s"], &["reset", "--tenant", "takaro", "--yes"]] {
        said.run("another sync holds it", &held, command);
    }
    send(&run, Signal::KILL);
    ended(run);
    said.expect("archive");
}
