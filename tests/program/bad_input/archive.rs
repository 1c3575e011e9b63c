//! Archives that can't be used: wrong path, wrong file, damaged, newer or locked.

use std::fs;

use discord_sim::{Description, RouteKind, World};
use rusqlite::Connection;

use super::{GUILD, TENANT, assert_refusal_output, assert_refused, sandbox};
use crate::util::{Sandbox, wait_for_exit};

const COMMANDS: [&[&str]; 3] = [&["start"], &["status"], &["reset", "--tenant", TENANT, "--yes"]];

fn set_archive_path(sandbox: &Sandbox, path: &str) {
    let config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    sandbox.write("sync.toml", &format!("[archive]\npath = \"{path}\"\n{config}"));
}

#[test]
fn missing_folder_is_reported_with_the_mkdir_command() {
    let sandbox = sandbox();
    set_archive_path(&sandbox, "no/such/archive.db");
    for command in COMMANDS {
        assert_refused(&sandbox, command, 6, &["no/such", "does not exist", "mkdir -p"]);
    }
    assert!(sandbox.sim.journal().is_empty(), "no request is sent before the archive is checked");
}

#[test]
fn path_below_a_file_is_refused() {
    let sandbox = sandbox();
    sandbox.write("file", "");
    set_archive_path(&sandbox, "file/archive.db");
    for command in COMMANDS {
        assert_refused(&sandbox, command, 6, &["file/archive.db", "is not a folder", "[archive] path"]);
    }
}

#[test]
fn folder_as_archive_is_refused() {
    let sandbox = sandbox();
    fs::create_dir(sandbox.archive_path()).unwrap();
    for command in COMMANDS {
        assert_refused(&sandbox, command, 6, &["archive.db", "is a folder", "add a file name"]);
    }
}

#[test]
fn unwritable_folder_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    if rustix::process::geteuid().is_root() {
        return; // root may write everywhere
    }
    let sandbox = sandbox();
    let folder = sandbox.dir.path().join("closed");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    set_archive_path(&sandbox, "closed/archive.db");
    assert_refused(&sandbox, &["start"], 6, &["closed", "not writable", "write access to"]);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn file_that_is_no_database_is_left_unchanged() {
    let sandbox = sandbox();
    sandbox.write("archive.db", "a shopping list, longer than sixteen bytes");
    for command in COMMANDS {
        assert_refused(
            &sandbox,
            command,
            6,
            &["archive.db", "not a SQLite database", "set [archive] path to a new file"],
        );
    }
    let text = fs::read_to_string(sandbox.archive_path()).unwrap();
    assert_eq!(text, "a shopping list, longer than sixteen bytes");
}

#[test]
fn database_of_another_program_is_left_unchanged() {
    let sandbox = sandbox();
    let other = Connection::open(sandbox.archive_path()).unwrap();
    other.execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    drop(other);
    let before = fs::read(sandbox.archive_path()).unwrap();
    for command in COMMANDS {
        assert_refused(
            &sandbox,
            command,
            6,
            &["archive.db", "another program", "set [archive] path to a new file"],
        );
    }
    assert_eq!(fs::read(sandbox.archive_path()).unwrap(), before);
    assert!(sandbox.sim.journal().is_empty(), "no request is sent before the archive is checked");
}

#[test]
fn archive_of_a_newer_version_is_left_unchanged() {
    let sandbox = sandbox();
    sandbox.run(&["start"]).expect_code(0);
    let add = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
               VALUES (99, 'later', '2030-01-01T00:00:00Z', '1')";
    sandbox.archive().execute(add, []).unwrap();
    let before = fs::read(sandbox.archive_path()).unwrap();
    for command in COMMANDS {
        let ran = sandbox.run(command).expect_code(6);
        let words = ["archive.db", "newer version", "schema 99", "upgrade verta-sync"];
        assert_refusal_output(&sandbox, &ran, &words);
    }
    assert_eq!(fs::read(sandbox.archive_path()).unwrap(), before);
}

#[test]
fn damaged_archive_is_reported_as_malformed() {
    let sandbox = sandbox();
    sandbox.run(&["start"]).expect_code(0);
    let whole = fs::read(sandbox.archive_path()).unwrap();
    let damaged = [&whole[..100], &vec![0xff; whole.len() - 100]].concat();
    fs::write(sandbox.archive_path(), &damaged).unwrap();
    for command in COMMANDS {
        let ran = sandbox.run(command).expect_code(6);
        assert_refusal_output(&sandbox, &ran, &["archive.db", "malformed", "from a backup"]);
    }
    assert_eq!(fs::read(sandbox.archive_path()).unwrap(), damaged);
}

#[test]
fn locked_archive_names_the_holders_run_process_and_start_time() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 3000)));
    let mut first = sandbox.spawn_slow(&["start"]);
    let run_id: String =
        sandbox.archive().query_row("SELECT run_id FROM sync_jobs", [], |row| row.get(0)).unwrap();
    let process = format!("process {}", first.id());
    // A run ID begins with the time of its start.
    let day = format!("since {}-{}-{} ", &run_id[..4], &run_id[4..6], &run_id[6..8]);
    let words = ["verta-sync start", &run_id, &process, &day, "verta-sync status"];
    for command in [COMMANDS[0], COMMANDS[2]] {
        assert_refused(&sandbox, command, 5, &words);
    }
    let application_requests = sandbox.sim.journal().count(RouteKind::CurrentApplication);
    assert_eq!(application_requests, 1, "the second run sends no request");
    first.kill().unwrap();
    wait_for_exit(first);
}
