//! Nobody looks any more: closed pipes, closed terminals, hang-ups.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::util::truth::assert_archived;
use crate::util::{Sandbox, ended, send, terminal, wait_until};
use discord_sim::{BodyKind, Description, Match, RouteKind, What, World};
use rustix::process::Signal;

const GUILD: u64 = 77_000_000_000_000_001;

fn sandbox() -> Sandbox {
    let world = World::new(&Description::community(GUILD, 4, 700));
    Sandbox::with_config(world, "[sync]\nretry_base_delay = \"1ms\"\nreactions = \"counts\"")
}

/// Faults that are retried, each told in the log.
fn make_it_talk(sandbox: &Sandbox) {
    let broken = What::Status(500, BodyKind::Html);
    for page in [2, 5, 9, 14] {
        sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(page), broken.clone());
    }
}

/// A command that says all it can, to whoever listens.
fn talkative(sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = sandbox.command(arguments);
    command.arg("-vv").env("DEBUG_RATE_LIMITS", "1").env("TERM", "xterm").env("RUST_BACKTRACE", "1");
    command
}

/// Lets the run go on for some pages, and to its end.
fn let_through(sandbox: &Sandbox) {
    let pages = || sandbox.sim.journal().count(RouteKind::Messages);
    let before = pages();
    wait_until("more pages are asked for", || pages() > before + 4);
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
}

/// Nothing failed, nothing is missing, and the next run has nothing to do.
#[track_caller]
fn assert_whole(sandbox: &Sandbox) {
    for jobs in ["sync_jobs", "channel_sync_jobs"] {
        let not_completed = format!("SELECT count(*) FROM {jobs} WHERE status <> 'completed'");
        assert_eq!(sandbox.count(&not_completed), 0, "{jobs}");
    }
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    sandbox.sim.faults().clear();
    sandbox.sim.journal().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.sim.journal().count(RouteKind::Messages), 0, "all was read");
    let verdict: String =
        sandbox.archive().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

/// Starts a slow run; returns once it has asked for pages.
fn begun(sandbox: &Sandbox, mut command: Command) -> Child {
    sandbox.sim.set_latency(Duration::from_millis(40), Duration::ZERO);
    make_it_talk(sandbox);
    let child = command.spawn().unwrap();
    wait_until("a page is asked for", || sandbox.sim.journal().count(RouteKind::Messages) > 0);
    child
}

#[test]
fn a_hang_up_ends_nothing() {
    let sandbox = sandbox();
    let mut command = talkative(&sandbox, &["start"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = begun(&sandbox, command);
    for _ in 0..3 {
        send(&run, Signal::HUP);
    }
    let_through(&sandbox);
    let ran = ended(run).expect_code(0);
    assert!(ran.stdout.contains("completed"), "{}", ran.stdout);
    assert_whole(&sandbox);
}

#[test]
fn a_closed_stdout_or_stderr_ends_nothing() {
    for (format, log_format, closes_stdout, closes_stderr) in [
        ("human", "text", true, false),
        ("human", "json", false, true),
        ("json", "text", false, true),
        ("json", "json", true, true),
    ] {
        let sandbox = sandbox();
        let arguments = ["start", "--format", format, "--log-format", log_format];
        let mut command = talkative(&sandbox, &arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut run = begun(&sandbox, command);
        let stdout = run.stdout.take().filter(|_| !closes_stdout);
        let stderr = run.stderr.take().filter(|_| !closes_stderr);
        (run.stdout, run.stderr) = (stdout, stderr);
        let_through(&sandbox);
        let ran = ended(run).expect_code(0);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        assert_whole(&sandbox);
    }
}

#[test]
fn a_run_without_stdin_stdout_and_stderr_is_a_run() {
    let sandbox = sandbox();
    let binary = env!("CARGO_BIN_EXE_verta-sync");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("exec {binary} start -vv <&- >&- 2>&-")])
        .current_dir(sandbox.dir.path())
        .env("DISCORD_BOT_TOKEN", sandbox.sim.token());
    make_it_talk(&sandbox);
    assert!(shell.status().unwrap().success());
    assert_whole(&sandbox);
}

#[test]
fn a_terminal_that_is_closed_ends_nothing() {
    for progress in [&[][..], &["--no-progress"]] {
        let sandbox = sandbox();
        let (ours, theirs) = terminal();
        let mut command = talkative(&sandbox, &[&["start"], progress].concat());
        let stdio = || Stdio::from(theirs.try_clone().unwrap());
        command.stdin(stdio()).stdout(stdio()).stderr(stdio());
        let run = begun(&sandbox, command);
        drop(theirs);
        drop(ours);
        // As the session's leader would be told.
        send(&run, Signal::HUP);
        let_through(&sandbox);
        ended(run).expect_code(0);
        assert_whole(&sandbox);
    }
}
