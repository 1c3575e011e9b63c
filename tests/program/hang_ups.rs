//! Closed pipes, closed terminals and hang-up signals don't stop a run.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::util::truth::assert_archived;
use crate::util::{Sandbox, send, terminal, wait_for_exit, wait_until};
use discord_sim::{BodyKind, Description, FaultKind, Match, RouteKind, World};
use rustix::process::Signal;

const GUILD: u64 = 77_000_000_000_000_001;

fn sandbox() -> Sandbox {
    let world = World::new(&Description::community(GUILD, 4, 700));
    Sandbox::with_config(world, "[sync]\nretry_base_delay = \"1ms\"\nreactions = \"counts\"")
}

/// Adds faults that are retried and logged.
fn add_logged_faults(sandbox: &Sandbox) {
    let broken = FaultKind::Status(500, BodyKind::Html);
    for page in [2, 5, 9, 14] {
        sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(page), broken.clone());
    }
}

/// A command with the most verbose output.
fn verbose_command(sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = sandbox.command(arguments);
    command.arg("-vv").env("DEBUG_RATE_LIMITS", "1").env("TERM", "xterm").env("RUST_BACKTRACE", "1");
    command
}

/// Waits until the run has requested more pages, then removes the latency.
fn speed_up(sandbox: &Sandbox) {
    let pages = || sandbox.sim.journal().count(RouteKind::Messages);
    let before = pages();
    wait_until("more pages are requested", || pages() > before + 4);
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
}

/// Asserts that no job failed, the archive is complete, and the next run reads no page.
#[track_caller]
fn assert_complete(sandbox: &Sandbox) {
    for jobs in ["sync_jobs", "channel_sync_jobs"] {
        let not_completed = format!("SELECT count(*) FROM {jobs} WHERE status <> 'completed'");
        assert_eq!(sandbox.count(&not_completed), 0, "{jobs}");
    }
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    sandbox.sim.faults().clear();
    sandbox.sim.journal().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.sim.journal().count(RouteKind::Messages), 0, "every page was read before");
    let verdict: String =
        sandbox.archive().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

/// Starts a slow run, and returns once it has requested a page.
fn start_slowly(sandbox: &Sandbox, mut command: Command) -> Child {
    sandbox.sim.set_latency(Duration::from_millis(40), Duration::ZERO);
    add_logged_faults(sandbox);
    let child = command.spawn().unwrap();
    wait_until("a page is requested", || sandbox.sim.journal().count(RouteKind::Messages) > 0);
    child
}

#[test]
fn sighup_does_not_stop_a_run() {
    let sandbox = sandbox();
    let mut command = verbose_command(&sandbox, &["start"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = start_slowly(&sandbox, command);
    for _ in 0..3 {
        send(&run, Signal::HUP);
    }
    speed_up(&sandbox);
    let ran = wait_for_exit(run).expect_code(0);
    assert!(ran.stdout.contains("completed"), "{}", ran.stdout);
    assert_complete(&sandbox);
}

#[test]
fn closed_stdout_or_stderr_does_not_stop_a_run() {
    for (format, log_format, closes_stdout, closes_stderr) in [
        ("human", "text", true, false),
        ("human", "json", false, true),
        ("json", "text", false, true),
        ("json", "json", true, true),
    ] {
        let sandbox = sandbox();
        let arguments = ["start", "--format", format, "--log-format", log_format];
        let mut command = verbose_command(&sandbox, &arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut run = start_slowly(&sandbox, command);
        let stdout = run.stdout.take().filter(|_| !closes_stdout);
        let stderr = run.stderr.take().filter(|_| !closes_stderr);
        (run.stdout, run.stderr) = (stdout, stderr);
        speed_up(&sandbox);
        let ran = wait_for_exit(run).expect_code(0);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        assert_complete(&sandbox);
    }
}

#[test]
fn run_without_stdin_stdout_and_stderr_completes() {
    let sandbox = sandbox();
    let binary = env!("CARGO_BIN_EXE_verta-sync");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("exec {binary} start -vv <&- >&- 2>&-")])
        .current_dir(sandbox.dir.path())
        .env("DISCORD_BOT_TOKEN", sandbox.sim.token());
    add_logged_faults(&sandbox);
    assert!(shell.status().unwrap().success());
    assert_complete(&sandbox);
}

#[test]
fn closed_terminal_does_not_stop_a_run() {
    for progress in [&[][..], &["--no-progress"]] {
        let sandbox = sandbox();
        let (ours, theirs) = terminal();
        let mut command = verbose_command(&sandbox, &[&["start"], progress].concat());
        let stdio = || Stdio::from(theirs.try_clone().unwrap());
        command.stdin(stdio()).stdout(stdio()).stderr(stdio());
        let run = start_slowly(&sandbox, command);
        drop(theirs);
        drop(ours);
        // The kernel sends this signal to the session leader.
        send(&run, Signal::HUP);
        speed_up(&sandbox);
        wait_for_exit(run).expect_code(0);
        assert_complete(&sandbox);
    }
}
