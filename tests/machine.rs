//! Faults of the machine: full disks, lost files, foreign locks, no handles.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod util;

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use discord_sim::{Description, World};
use util::truth::assert_archived;
use util::{Ran, Sandbox, ended};

const GUILD: u64 = 77_000_000_000_000_001;

fn sandbox() -> Sandbox {
    Sandbox::with_config(
        World::new(&Description::community(GUILD, 3, 3000)),
        "[sync]\nreactions = \"counts\"",
    )
}

/// The binary, after what a shell does first.
fn after(sandbox: &Sandbox, preparation: &str) -> Command {
    let binary = env!("CARGO_BIN_EXE_verta-sync");
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{preparation}; exec {binary} start")])
        .current_dir(sandbox.dir.path())
        .env("DISCORD_BOT_TOKEN", sandbox.sim.token())
        .stdin(Stdio::null());
    command
}

fn run_after(sandbox: &Sandbox, preparation: &str) -> Ran {
    Ran::from(after(sandbox, preparation).output().unwrap())
}

fn assert_goes_on(sandbox: &Sandbox) {
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.rows("PRAGMA integrity_check").len(), 1);
    assert_eq!(sandbox.rows("PRAGMA foreign_key_check").len(), 0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

/// On stderr, or in the summary if a channel met it first.
#[track_caller]
fn assert_says_what_to_do(ran: &Ran) {
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("disk"), "{said}");
}

#[test]
fn a_full_disk_ends_the_run_and_costs_no_checkpoint() {
    let sandbox = sandbox();
    // Mounted where the process alone sees it; its content would be lost, so
    // the archive is copied out.
    fs::create_dir(sandbox.dir.path().join("small")).unwrap();
    let config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    sandbox.write("small.toml", &format!("[archive]\npath = \"small/archive.db\"\n{config}"));
    let binary = env!("CARGO_BIN_EXE_verta-sync");
    let script = format!(
        "mount -t tmpfs -o size=1200k none small || exit 99
         {binary} --config small.toml start; code=$?; cp small/archive.db* .; exit $code"
    );
    let ran = Command::new("unshare")
        .args(["-rm", "sh", "-c", &script])
        .current_dir(sandbox.dir.path())
        .env("DISCORD_BOT_TOKEN", sandbox.sim.token())
        .output();
    match ran.map(Ran::from) {
        Ok(ran) if ran.code == 6 => {
            assert_says_what_to_do(&ran);
            assert!(sandbox.count("SELECT count(*) FROM messages") > 0, "what had room is there");
            assert_goes_on(&sandbox);
        }
        // Not everybody may mount; the next test does with less.
        Ok(ran) => assert!(matches!(ran.code, 1 | 99), "{}{}", ran.stdout, ran.stderr),
        Err(_) => {}
    }
}

#[test]
fn a_file_that_may_not_grow_ends_the_run_and_costs_no_checkpoint() {
    let sandbox = sandbox();
    let ran = run_after(&sandbox, "trap '' XFSZ; ulimit -f 1200").expect_code(6);
    assert_says_what_to_do(&ran);
    let stored = sandbox.count("SELECT count(*) FROM messages");
    assert!(stored > 0, "what had room is there");
    assert_goes_on(&sandbox);
}

#[test]
fn an_archive_that_is_deleted_or_replaced_in_the_middle_ends_the_run() {
    for replacement in [None, Some("")] {
        let sandbox = sandbox();
        let run = sandbox.spawn_slow(&["start"]);
        for name in ["archive.db", "archive.db-wal", "archive.db-shm"] {
            fs::remove_file(sandbox.dir.path().join(name)).unwrap();
        }
        if let Some(content) = replacement {
            sandbox.write("archive.db", content);
        }
        let ran = ended(run).expect_code(6);
        assert!(ran.stderr.contains("deleted or replaced"), "{}", ran.stderr);
        sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
        assert_goes_on(&sandbox);
    }
}

#[test]
fn a_program_that_holds_the_database_for_a_while_is_waited_for() {
    let sandbox = sandbox();
    let run = sandbox.spawn_slow(&["start"]);
    let foreign = sandbox.archive();
    foreign.busy_timeout(Duration::from_secs(10)).unwrap();
    foreign.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::sleep(Duration::from_secs(1));
    foreign.execute_batch("COMMIT").unwrap();
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    ended(run).expect_code(0);
    assert_goes_on(&sandbox);
}

#[test]
fn without_free_handles_the_user_is_told_which_limit_to_raise() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 30)));
    let mut told = 0;
    for handles in [4, 6, 8, 12, 16, 20, 30, 40, 50] {
        let ran = run_after(&sandbox, &format!("ulimit -n {handles}"));
        let code = ran.code;
        assert!(matches!(code, 0 | 1 | 3 | 6), "{handles} handles: {code}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{handles} handles: {}", ran.stderr);
        told += usize::from(ran.stderr.contains("open files"));
    }
    assert!(told > 0, "nobody was told");
    assert_goes_on(&sandbox);
}
