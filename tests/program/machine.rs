//! Faults of the machine: full disks, lost files, foreign locks, no handles.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::util::truth::{assert_archived, hash};
use crate::util::{Ran, Sandbox, ended, wait_until};
use discord_sim::{Description, World};

const GUILD: u64 = 77_000_000_000_000_001;
const HOUR: Duration = Duration::from_hours(1);

fn sandbox() -> Sandbox {
    Sandbox::with_config(
        World::new(&Description::community(GUILD, 3, 3000)),
        "[sync]\nreactions = \"counts\"",
    )
}

/// The binary, after what a shell does first; that may set further arguments.
fn after(sandbox: &Sandbox, preparation: &str) -> Command {
    let binary = env!("CARGO_BIN_EXE_verta-sync");
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{preparation}; exec {binary} start \"$@\"")])
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
    let ran = run_after(&sandbox, "ulimit -f 1200").expect_code(6);
    assert_says_what_to_do(&ran);
    let stored = sandbox.count("SELECT count(*) FROM messages");
    assert!(stored > 0, "what had room is there");
    assert_goes_on(&sandbox);
}

#[test]
fn a_script_is_told_of_the_jobs_of_a_run_that_the_disk_has_ended() {
    for blocks in [400, 700, 1200] {
        let sandbox = sandbox();
        let limit = format!("set -- --format json; ulimit -f {blocks}");
        let ran = run_after(&sandbox, &limit).expect_code(6);
        let summary = ran.last_json();
        assert_eq!((&summary["event"], &summary["exit_code"]), (&"summary".into(), &6.into()));
        let started = ran.stdout.lines().filter(|line| line.contains("job_started")).count();
        assert_eq!(summary["jobs"].as_array().unwrap().len(), started, "{summary}");
        assert_eq!(summary["run_id"].is_string(), started > 0, "{summary}");
        assert!(
            summary["jobs"].as_array().unwrap().iter().all(|job| job["status"] != "running"),
            "{summary}"
        );
    }
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
fn an_archive_that_another_one_is_moved_over_takes_no_harm_from_what_was_to_come() {
    let sandbox = sandbox();
    let run = sandbox.spawn_slow(&["start"]);
    let backup = sandbox.dir.path().join("backup.db");
    sandbox.archive().execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
    let log = || fs::metadata(sandbox.dir.path().join("archive.db-wal")).unwrap().len();
    wait_until("something is in the log that the backup lacks", || log() > 1 << 20);
    fs::rename(backup, sandbox.archive_path()).unwrap();
    let ran = ended(run).expect_code(6);
    assert!(ran.stderr.contains("deleted or replaced"), "{}", ran.stderr);
    assert_eq!(log(), 0, "nobody takes the old archive's log for the new one's");
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    assert_goes_on(&sandbox);
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

/// Who takes a new lock may forget a person or purge what the run knows by
/// heart: nothing of that run is written any more.
#[test]
fn a_lock_that_is_deleted_ends_the_run_before_it_writes_beside_another() {
    let sandbox = sandbox();
    let first = sandbox.spawn_slow(&["start", "--max-channel-workers", "1"]);
    fs::remove_file(sandbox.dir.path().join("archive.db.lock")).unwrap();
    let person = sandbox.sim.world().user_id(GUILD, 3).unwrap();
    sandbox.run(&["forget", "--user", &person.to_string(), "--yes"]).expect_code(0);
    let ran = ended(first).expect_code(6);
    assert!(ran.stderr.contains("archive.db.lock was deleted or replaced"), "{}", ran.stderr);
    assert!(ran.stderr.contains("run again"), "{}", ran.stderr);
    let archive = fs::read(sandbox.archive_path()).unwrap();
    assert_eq!(memchr::memmem::find(&archive, hash(person).as_bytes()), None, "nobody came back");
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.rows("PRAGMA integrity_check").len(), 1);
    let messages: u64 = sandbox.sim.world().truth(GUILD).iter().map(|channel| channel.message_count).sum();
    assert_eq!(sandbox.count("SELECT count(*) FROM messages").cast_unsigned(), messages);
}

#[test]
fn a_second_sync_on_a_new_lock_goes_on_where_the_first_is_stopped() {
    let sandbox = sandbox();
    let first = sandbox.spawn_slow(&["start"]);
    fs::remove_file(sandbox.dir.path().join("archive.db.lock")).unwrap();
    let second = sandbox.spawn(&["start"]);
    ended(first).expect_code(6);
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    ended(second).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_jobs WHERE status = 'interrupted'"), 1);
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_jobs WHERE status = 'completed'"), 1);
    assert_goes_on(&sandbox);
}

#[test]
fn a_program_that_never_lets_go_of_the_database_is_named_as_the_cause() {
    let sandbox = sandbox();
    let run = sandbox.spawn_slow(&["start"]);
    let foreign = sandbox.archive();
    foreign.busy_timeout(Duration::from_secs(10)).unwrap();
    foreign.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ran = ended(run).expect_code(6);
    assert!(
        ran.stderr.contains("locked") && ran.stderr.contains("close the other program"),
        "{}",
        ran.stderr
    );
    let begun = sandbox.count("SELECT count(*) FROM sync_progress WHERE last_message_id > 0");
    assert!(begun > 0, "what was committed before is there");
    foreign.execute_batch("ROLLBACK").unwrap();
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    assert_goes_on(&sandbox);
}

#[test]
fn a_clock_that_is_set_back_between_runs_loses_nothing() {
    for back in [HOUR, 400 * 24 * HOUR] {
        let sandbox = sandbox();
        let world = sandbox.sim.world();
        let chat = world.channel_named(GUILD, "chat-0").unwrap();
        let written = world.append(chat, 20);
        world.advance(HOUR);
        sandbox.run(&["start"]).expect_code(0);
        let checkpoints =
            || sandbox.rows("SELECT channel_id, last_message_id, history_complete FROM sync_progress");
        let before = checkpoints();
        world.set_back(2 * back);
        world.edit(chat, written[3], "edited");
        world.delete(chat, written[5]);
        sandbox.run(&["start"]).expect_code(0);
        assert_eq!(checkpoints(), before);
        assert_eq!(sandbox.count("SELECT count(*) FROM message_log WHERE content = 'edited'"), 1);
        // Too young, by that clock, to be missed.
        assert_eq!(sandbox.count("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL"), 0);
        world.advance(2 * back + HOUR);
        world.append(chat, 20);
        world.advance(HOUR);
        assert_goes_on(&sandbox);
        assert_eq!(sandbox.count("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL"), 1);
    }
}

#[test]
fn a_disk_that_became_read_only_is_told_and_costs_nothing() {
    let sandbox = sandbox();
    sandbox.run(&["start"]).expect_code(0);
    let config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    fs::create_dir(sandbox.dir.path().join("sealed")).unwrap();
    sandbox.write("sealed.toml", &format!("[archive]\npath = \"sealed/archive.db\"\n{config}"));
    let binary = env!("CARGO_BIN_EXE_verta-sync");
    let script = format!(
        "mount -t tmpfs none sealed && cp archive.db* sealed && mount -o remount,ro sealed || exit 99
         {binary} --config sealed.toml start; code=$?; cmp archive.db sealed/archive.db || exit 98; exit $code"
    );
    let ran = Command::new("unshare")
        .args(["-rm", "sh", "-c", &script])
        .current_dir(sandbox.dir.path())
        .env("DISCORD_BOT_TOKEN", sandbox.sim.token())
        .output();
    // Not everybody may mount.
    let Ok(ran) = ran.map(Ran::from) else { return };
    if !matches!(ran.code, 1 | 99) {
        let ran = ran.expect_code(6);
        assert!(
            ran.stderr.contains("sealed/archive.db") && ran.stderr.contains("right to write"),
            "{}",
            ran.stderr
        );
    }
    assert_goes_on(&sandbox);
}

/// What a command prints, and the code it ends with when it can print it.
const RESULTS: [(&[&str], i32); 12] = [
    (&["start"], 0),
    (&["start", "--format", "json"], 0),
    (&["status"], 0),
    (&["status", "--format", "json"], 0),
    (&["plan"], 0),
    (&["plan", "--format", "json"], 0),
    (&["check"], 0),
    (&["check", "--privacy"], 0),
    (&["forget", "--user", "80351110224678912", "--yes"], 0),
    (&["reset", "--tenant", "Simulated community", "--yes"], 0),
    (&["completions", "bash"], 0),
    (&["--help"], 0),
];

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 20)));
    for (arguments, code) in RESULTS {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let ran = Ran::from(sandbox.command(arguments).stdout(full).output().unwrap()).expect_code(1);
        assert!(ran.stderr.contains("failed to write the result to stdout"), "{arguments:?}: {}", ran.stderr);
        // It was done all the same.
        if arguments[0] == "start" {
            assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
        }
        // A reader that has seen enough is no error.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ran = Ran::from(sandbox.command(arguments).stdout(writer).output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (code, ""), "{arguments:?}");
    }
    // What ended the run comes first.
    sandbox.write("token", "");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let rejected = sandbox
        .command(&["start", "--format", "json"])
        .env("DISCORD_BOT_TOKEN", "nobodys")
        .stdout(full)
        .output();
    let rejected = Ran::from(rejected.unwrap()).expect_code(4);
    assert!(rejected.stderr.contains("failed to write the result to stdout"), "{}", rejected.stderr);
}

#[test]
fn a_result_beyond_the_limit_of_a_files_size_is_an_error() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 20)));
    sandbox.run(&["start"]).expect_code(0);
    let binary = env!("CARGO_BIN_EXE_verta-sync");
    let script = format!("head -c 102000 /dev/zero > out; ulimit -f 100; exec {binary} status >> out");
    let ran = Command::new("sh").args(["-c", &script]).current_dir(sandbox.dir.path()).output();
    let ran = Ran::from(ran.unwrap()).expect_code(1);
    assert!(ran.stderr.contains("failed to write the result to stdout"), "{}", ran.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn no_crash_writes_the_memory_that_holds_the_token() {
    use std::os::unix::process::ExitStatusExt as _;
    let sandbox = sandbox();
    let crash = |mut command: Command, has_begun: &dyn Fn() -> bool| {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until("it has begun", has_begun);
        crate::util::send(&child, rustix::process::Signal::ABORT);
        child.wait().unwrap()
    };
    let mut other = Command::new("sh");
    other.args(["-c", "ulimit -c unlimited; touch begun; exec sleep 60"]).current_dir(sandbox.dir.path());
    let begun = sandbox.dir.path().join("begun");
    let can_dump = crash(other, &|| begun.exists()).core_dumped();
    sandbox.sim.set_latency(Duration::from_secs(5), Duration::ZERO);
    let status = crash(after(&sandbox, "ulimit -c unlimited"), &|| !sandbox.sim.journal().is_empty());
    assert_eq!(status.signal(), Some(6), "{status:?}");
    assert!(!status.core_dumped());
    if !can_dump {
        eprintln!("this machine writes no core dumps: nothing was shown");
    }
}
