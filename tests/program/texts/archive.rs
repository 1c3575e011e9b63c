//! Unusable archives.

use std::fs;
use std::time::Duration;

use rusqlite::Connection;
use rustix::process::Signal;

use super::sandbox;
use super::transcript::Transcript;
use crate::util::{Sandbox, send, wait_for_exit};

const COMMANDS: [&[&str]; 4] =
    [&["start"], &["status"], &["check"], &["reset", "--tenant", "takaro", "--yes"]];

fn run_all(transcript: &mut Transcript, situation: &str, sandbox: &Sandbox) {
    for command in COMMANDS {
        transcript.run(situation, sandbox, command);
    }
}

#[test]
fn unusable_archives_are_reported_with_a_remedy() {
    let mut transcript = Transcript::default();
    let empty = sandbox();
    for command in
        [&["status"][..], &["reset", "--tenant", "takaro", "--yes"], &["forget", "--user", "1", "--yes"]]
    {
        transcript.run("before the first sync", &empty, command);
    }
    let missing_folder = sandbox();
    let config = fs::read_to_string(missing_folder.dir.path().join("sync.toml")).unwrap();
    missing_folder.write("sync.toml", &format!("[archive]\npath = \"no/such/archive.db\"\n{config}"));
    run_all(&mut transcript, "a folder that isn't there", &missing_folder);
    let folder_as_archive = sandbox();
    fs::create_dir(folder_as_archive.archive_path()).unwrap();
    run_all(&mut transcript, "a folder in its place", &folder_as_archive);
    let text_file = sandbox();
    text_file.write("archive.db", "a shopping list, longer than sixteen bytes");
    run_all(&mut transcript, "a file that is no database", &text_file);
    let foreign_database = sandbox();
    Connection::open(foreign_database.archive_path())
        .unwrap()
        .execute_batch("CREATE TABLE recipes (name TEXT)")
        .unwrap();
    run_all(&mut transcript, "another program's database", &foreign_database);
    let newer_version = sandbox();
    newer_version.run(&["start"]).expect_code(0);
    let add = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
               VALUES (99, 'later', '2030-01-01T00:00:00Z', '1')";
    newer_version.archive().execute(add, []).unwrap();
    run_all(&mut transcript, "a newer version's archive", &newer_version);
    let damaged = sandbox();
    damaged.run(&["start"]).expect_code(0);
    let whole = fs::read(damaged.archive_path()).unwrap();
    fs::write(damaged.archive_path(), [&whole[..100], &vec![0xff; whole.len() - 100]].concat()).unwrap();
    run_all(&mut transcript, "a damaged archive", &damaged);
    let locked = sandbox();
    let run = locked.spawn_slow(&["start"]);
    locked.sim.set_latency(Duration::from_mins(1), Duration::ZERO);
    for command in [&["start"][..], &["start", "--wait=1s"], &["reset", "--tenant", "takaro", "--yes"]] {
        transcript.run("another sync holds the lock", &locked, command);
    }
    send(&run, Signal::KILL);
    wait_for_exit(run);
    transcript.expect("archive");
}
