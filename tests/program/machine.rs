//! Faults of the machine: full or read-only disks, deleted files, locks of other
//! processes, exhausted file handles, a clock set back, unwritable stdout.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::util::truth::{assert_archived, hash};
use crate::util::{CommandOutput, Sandbox, wait_for_exit, wait_until};
use discord_sim::{Description, World};

const GUILD: u64 = 77_000_000_000_000_001;
const HOUR: Duration = Duration::from_hours(1);

fn sandbox() -> Sandbox {
    Sandbox::with_config(
        World::new(&Description::community(GUILD, 3, 3000)),
        "[sync]\nreactions = \"counts\"",
    )
}

/// A shell that executes `preparation` and then `start`; `set --` in the preparation adds
/// arguments.
fn command_after(sandbox: &Sandbox, preparation: &str) -> Command {
    let binary = env!("CARGO_BIN_EXE_verta-sync");
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{preparation}; exec {binary} start \"$@\"")])
        .current_dir(sandbox.dir.path())
        .env("DISCORD_BOT_TOKEN", sandbox.sim.token())
        .stdin(Stdio::null());
    command
}

fn run_after(sandbox: &Sandbox, preparation: &str) -> CommandOutput {
    CommandOutput::from(command_after(sandbox, preparation).output().unwrap())
}

/// The next run archives everything, and the archive is consistent.
fn assert_resumes(sandbox: &Sandbox) {
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.rows("PRAGMA integrity_check").len(), 1);
    assert_eq!(sandbox.rows("PRAGMA foreign_key_check").len(), 0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

/// The error names the disk: on stderr, or in the summary if a channel failed first.
#[track_caller]
fn assert_names_the_disk(ran: &CommandOutput) {
    let output = format!("{}{}", ran.stdout, ran.stderr);
    assert!(output.contains("disk"), "{output}");
}

#[test]
fn full_disk_ends_the_run_and_keeps_checkpoints() {
    let sandbox = sandbox();
    // The mount is private to the process and vanishes with it, so the script copies the
    // archive out.
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
    match ran.map(CommandOutput::from) {
        Ok(ran) if ran.code == 6 => {
            assert_names_the_disk(&ran);
            assert!(sandbox.count("SELECT count(*) FROM messages") > 0, "the messages that fit are stored");
            assert_resumes(&sandbox);
        }
        // Not every user may mount; the next test needs no mount.
        Ok(ran) => assert!(matches!(ran.code, 1 | 99), "{}{}", ran.stdout, ran.stderr),
        Err(_) => {}
    }
}

#[test]
fn file_size_limit_ends_the_run_and_keeps_checkpoints() {
    let sandbox = sandbox();
    let ran = run_after(&sandbox, "ulimit -f 1200").expect_code(6);
    assert_names_the_disk(&ran);
    let stored = sandbox.count("SELECT count(*) FROM messages");
    assert!(stored > 0, "the messages that fit are stored");
    assert_resumes(&sandbox);
}

#[test]
fn json_summary_lists_every_started_job_after_a_disk_error() {
    for blocks in [400, 700, 1200] {
        let sandbox = sandbox();
        let limit = format!("set -- --format json; ulimit -f {blocks}");
        let ran = run_after(&sandbox, &limit).expect_code(6);
        let summary = ran.last_json();
        assert_eq!((&summary["event"], &summary["exit_code"]), (&"summary".into(), &6.into()));
        let started = ran.stdout.lines().filter(|line| line.contains("job_started")).count();
        assert_eq!(summary["jobs"].as_array().unwrap().len(), started, "{summary}");
        // A run may also fail between its start and that of its first job.
        assert!(summary["run_id"].is_string() || started == 0, "{summary}");
        assert!(
            summary["jobs"].as_array().unwrap().iter().all(|job| job["status"] != "running"),
            "{summary}"
        );
    }
}

#[test]
fn archive_deleted_or_replaced_during_a_run_ends_it() {
    for replacement in [None, Some("")] {
        let sandbox = sandbox();
        let run = sandbox.spawn_slow(&["start"]);
        // The run goes on for several seconds more.
        sandbox.sim.set_latency(Duration::from_millis(600), Duration::ZERO);
        for name in ["archive.db", "archive.db-wal", "archive.db-shm"] {
            fs::remove_file(sandbox.dir.path().join(name)).unwrap();
        }
        if let Some(content) = replacement {
            sandbox.write("archive.db", content);
        }
        let ran = wait_for_exit(run).expect_code(6);
        assert!(ran.stderr.contains("deleted or replaced"), "{}", ran.stderr);
        sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
        assert_resumes(&sandbox);
    }
}

#[test]
fn archive_moved_into_place_during_a_run_is_not_damaged_by_it() {
    let sandbox = sandbox();
    let run = sandbox.spawn_slow(&["start"]);
    let backup = sandbox.dir.path().join("backup.db");
    sandbox.archive().execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
    let wal_bytes = || fs::metadata(sandbox.dir.path().join("archive.db-wal")).unwrap().len();
    wait_until("the WAL holds data that the backup lacks", || wal_bytes() > 1 << 20);
    fs::rename(backup, sandbox.archive_path()).unwrap();
    let ran = wait_for_exit(run).expect_code(6);
    assert!(ran.stderr.contains("deleted or replaced"), "{}", ran.stderr);
    assert_eq!(wal_bytes(), 0, "the old archive's WAL could be taken for the new one's");
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    assert_resumes(&sandbox);
}

#[test]
fn run_waits_while_another_process_briefly_locks_the_database() {
    let sandbox = sandbox();
    let run = sandbox.spawn_slow(&["start"]);
    let other_connection = sandbox.archive();
    other_connection.busy_timeout(Duration::from_secs(10)).unwrap();
    other_connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::sleep(Duration::from_secs(1));
    other_connection.execute_batch("COMMIT").unwrap();
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    wait_for_exit(run).expect_code(0);
    assert_resumes(&sandbox);
}

#[test]
fn error_names_the_limit_when_file_handles_run_out() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 30)));
    let mut reported_runs = 0;
    for handles in [4, 6, 8, 12, 16, 20, 30, 40, 50] {
        let ran = run_after(&sandbox, &format!("ulimit -n {handles}"));
        let code = ran.code;
        assert!(matches!(code, 0 | 1 | 3 | 6), "{handles} handles: {code}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{handles} handles: {}", ran.stderr);
        reported_runs += usize::from(ran.stderr.contains("open-file limit"));
    }
    assert!(reported_runs > 0, "no run reported the limit");
    assert_resumes(&sandbox);
}

/// A process that takes the new lock may erase a user or purge a tenant that the run
/// still has in memory, so the run must not write anything after that.
#[test]
fn deleted_lock_file_ends_the_run_before_it_writes_again() {
    let sandbox = sandbox();
    let first = sandbox.spawn_slow(&["start", "--max-channel-workers", "1"]);
    fs::remove_file(sandbox.dir.path().join("archive.db.lock")).unwrap();
    let user = sandbox.sim.world().user_id(GUILD, 3).unwrap();
    sandbox.run(&["forget", "--user", &user.to_string(), "--yes"]).expect_code(0);
    let ran = wait_for_exit(first).expect_code(6);
    assert!(ran.stderr.contains("archive.db.lock was deleted or replaced"), "{}", ran.stderr);
    assert!(ran.stderr.contains("run again"), "{}", ran.stderr);
    let archive = fs::read(sandbox.archive_path()).unwrap();
    assert_eq!(
        memchr::memmem::find(&archive, hash(user).as_bytes()),
        None,
        "the erased user is in the archive again"
    );
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.rows("PRAGMA integrity_check").len(), 1);
    let messages: u64 = sandbox.sim.world().truth(GUILD).iter().map(|channel| channel.message_count).sum();
    assert_eq!(sandbox.count("SELECT count(*) FROM messages").cast_unsigned(), messages);
}

#[test]
fn second_sync_on_a_new_lock_file_resumes_after_the_first_stops() {
    let sandbox = sandbox();
    let first = sandbox.spawn_slow(&["start"]);
    fs::remove_file(sandbox.dir.path().join("archive.db.lock")).unwrap();
    let second = sandbox.spawn(&["start"]);
    wait_for_exit(first).expect_code(6);
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    wait_for_exit(second).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_jobs WHERE status = 'interrupted'"), 1);
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_jobs WHERE status = 'completed'"), 1);
    assert_resumes(&sandbox);
}

#[test]
fn clock_set_back_between_runs_loses_nothing() {
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
        // By this clock, the message is too recent to be a deletion candidate.
        assert_eq!(sandbox.count("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL"), 0);
        world.advance(2 * back + HOUR);
        world.append(chat, 20);
        world.advance(HOUR);
        assert_resumes(&sandbox);
        assert_eq!(sandbox.count("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL"), 1);
    }
}

#[test]
fn read_only_disk_is_reported_and_the_archive_unchanged() {
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
    // Not every user may mount.
    let Ok(ran) = ran.map(CommandOutput::from) else { return };
    if !matches!(ran.code, 1 | 99) {
        let ran = ran.expect_code(6);
        assert!(
            ran.stderr.contains("sealed/archive.db") && ran.stderr.contains("write access to"),
            "{}",
            ran.stderr
        );
    }
    assert_resumes(&sandbox);
}

/// Commands that print to stdout, and their exit codes if the reader closes the pipe
/// early.
const COMMANDS: [(&[&str], i32); 12] = [
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
fn failed_write_to_stdout_is_an_error() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 20)));
    for (arguments, code) in COMMANDS {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let ran =
            CommandOutput::from(sandbox.command(arguments).stdout(full).output().unwrap()).expect_code(1);
        assert!(ran.stderr.contains("cannot write the result to stdout"), "{arguments:?}: {}", ran.stderr);
        // The sync itself is complete.
        if arguments[0] == "start" {
            assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
        }
        // A closed pipe is no error.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ran = CommandOutput::from(sandbox.command(arguments).stdout(writer).output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (code, ""), "{arguments:?}");
    }
    // The exit code of a failed run takes precedence over that of the failed write.
    sandbox.write("token", "");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let rejected = sandbox
        .command(&["start", "--format", "json"])
        .env("DISCORD_BOT_TOKEN", "nobodys")
        .stdout(full)
        .output();
    let rejected = CommandOutput::from(rejected.unwrap()).expect_code(4);
    assert!(rejected.stderr.contains("cannot write the result to stdout"), "{}", rejected.stderr);
}

#[test]
fn stdout_beyond_the_file_size_limit_is_an_error() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 20)));
    sandbox.run(&["start"]).expect_code(0);
    let binary = env!("CARGO_BIN_EXE_verta-sync");
    let script = format!("head -c 102000 /dev/zero > out; ulimit -f 100; exec {binary} status >> out");
    let ran = Command::new("sh").args(["-c", &script]).current_dir(sandbox.dir.path()).output();
    let ran = CommandOutput::from(ran.unwrap()).expect_code(1);
    assert!(ran.stderr.contains("cannot write the result to stdout"), "{}", ran.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn crash_dumps_no_core_with_the_token() {
    use std::os::unix::process::ExitStatusExt as _;
    let sandbox = sandbox();
    let crash = |mut command: Command, has_started: &dyn Fn() -> bool| {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until("the process has started", has_started);
        crate::util::send(&child, rustix::process::Signal::ABORT);
        child.wait().unwrap()
    };
    let mut control = Command::new("sh");
    control.args(["-c", "ulimit -c unlimited; touch begun; exec sleep 60"]).current_dir(sandbox.dir.path());
    let begun = sandbox.dir.path().join("begun");
    let can_dump = crash(control, &|| begun.exists()).core_dumped();
    sandbox.sim.set_latency(Duration::from_secs(5), Duration::ZERO);
    let status = crash(command_after(&sandbox, "ulimit -c unlimited"), &|| !sandbox.sim.journal().is_empty());
    assert_eq!(status.signal(), Some(6), "{status:?}");
    assert!(!status.core_dumped());
    if !can_dump {
        eprintln!("this machine writes no core dumps: the test shows nothing");
    }
}
