//! Progress bars, log lines and errors on a terminal and in pipes.

use std::fs::File;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::util::{CommandOutput, Sandbox, terminal, wait_for_exit, wait_until};
use discord_sim::{Description, RouteKind, World};
use serde_json::Value;

const GUILD: u64 = 77_000_000_000_000_001;

/// A sandbox whose syncs take a second or more.
fn sandbox() -> Sandbox {
    let world = World::new(&Description::community(GUILD, 6, 700));
    let sandbox = Sandbox::with_config(world, "[sync]\nreactions = \"counts\"");
    sandbox.sim.set_latency(Duration::from_millis(80), Duration::ZERO);
    sandbox
}

fn start(sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = sandbox.command(&["start"]);
    command.args(arguments).env("TERM", "xterm");
    command
}

/// Runs a command with a terminal as stderr, and asserts exit code 0. The result's stderr
/// is what the terminal received.
fn run_with_terminal_stderr(mut command: Command) -> CommandOutput {
    let (ours, theirs) = terminal();
    let child = command.stdout(Stdio::piped()).stderr(theirs).spawn().unwrap();
    // `command` keeps the terminal's other end open until it is dropped.
    drop(command);
    let reader = thread::spawn(move || {
        let mut written = Vec::new();
        // Reading ends with an error once the other end is closed.
        File::from(ours).read_to_end(&mut written).ok();
        String::from_utf8(written).unwrap()
    });
    let ran = wait_for_exit(child);
    CommandOutput { stderr: reader.join().unwrap(), ..ran }.expect_code(0)
}

/// Whether the output ends with the sequence that clears the bars.
fn is_cleared(written: &str) -> bool {
    written.ends_with("\r\u{1b}[2K \u{1b}[J\r")
}

#[test]
fn bars_show_totals_and_channels_and_are_cleared() {
    let sandbox = sandbox();
    let ran = run_with_terminal_stderr(start(&sandbox, &[]));
    for part in ["listing channels", "\u{1b}[32m", "/6 channels", " msgs", "/5000 req/s", "#chat-"] {
        assert!(ran.stderr.contains(part), "{part}: {:?}", ran.stderr);
    }
    assert!(is_cleared(&ran.stderr), "{:?}", ran.stderr);
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
}

#[test]
fn bars_are_drawn_while_json_events_go_to_stdout() {
    let sandbox = sandbox();
    let ran = run_with_terminal_stderr(start(&sandbox, &["--format", "json"]));
    assert!(ran.stderr.contains(" msgs") && is_cleared(&ran.stderr), "{:?}", ran.stderr);
    for line in ran.stdout.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn terminal_without_capabilities_gets_no_bars() {
    let sandbox = sandbox();
    for term in [None, Some(""), Some("dumb")] {
        let mut command = start(&sandbox, &["--full", "--color", "always"]);
        command.env_remove("TERM").envs(term.map(|term| ("TERM", term)));
        assert_eq!(run_with_terminal_stderr(command).stderr, "", "{term:?}");
    }
}

#[test]
fn bars_follow_the_color_settings() {
    let sandbox = sandbox();
    for (no_color, color, is_colored) in
        [("", "auto", true), ("1", "auto", false), ("1", "always", true), ("", "never", false)]
    {
        let mut command = start(&sandbox, &["--full", "--color", color]);
        command.env("NO_COLOR", no_color);
        let ran = run_with_terminal_stderr(command);
        assert!(ran.stderr.contains(" msgs"), "{:?}", ran.stderr);
        assert_eq!(ran.stderr.contains("\u{1b}[32m"), is_colored, "{no_color:?} {color}");
    }
}

#[test]
fn queued_run_draws_no_bars_and_logs_a_warning() {
    let sandbox = sandbox();
    let first = sandbox.spawn(&["start"]);
    wait_until("a page is requested", || sandbox.sim.journal().count(RouteKind::Messages) > 0);
    let second =
        run_with_terminal_stderr(start(&sandbox, &["--wait", "--log-format", "json", "--color", "never"]));
    wait_for_exit(first).expect_code(0);
    let (before, _) = second.stderr.split_once('\u{1b}').unwrap_or((&second.stderr, ""));
    let warning: Value = serde_json::from_str(before.lines().next().unwrap()).unwrap();
    assert_eq!(warning["level"], "WARN");
    assert_eq!(warning["fields"]["message"], "the archive is locked: waiting, position 1 in the queue");
}

#[test]
fn log_names_channels_and_tenants() {
    let sandbox = sandbox();
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    let ran = sandbox.run(&["start", "-v", "--log-format", "json"]).expect_code(0);
    let lines: Vec<Value> = ran.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events_with = |message: &str| -> Vec<&Value> {
        lines.iter().map(|line| &line["fields"]).filter(|fields| fields["message"] == message).collect()
    };
    assert_eq!(events_with("planned").len(), 1);
    assert_eq!(events_with("threads planned").len(), 0);
    let ended_channels = events_with("channel finished");
    assert_eq!(ended_channels.len(), 6);
    let (_, tenant) = sandbox.sim.world().guilds()[0].clone();
    for channel in ended_channels {
        assert!(channel["name"].as_str().unwrap().starts_with("chat-"), "{channel}");
        assert_eq!(channel["tenant"], tenant.as_str());
    }
}

#[test]
fn errors_follow_the_log_format() {
    let sandbox = sandbox();
    for arguments in [
        &["start", "--tenant", "nobody"][..],
        &["status", "--job-id", "nothing"],
        &["--quiet", "reset", "--tenant", "nobody", "--yes"],
        &["--config", "nowhere.toml", "check"],
    ] {
        let ran = sandbox.run(&[arguments, &["--log-format", "json"]].concat());
        assert_ne!(ran.code, 0, "{arguments:?}");
        let lines: Vec<Value> = ran.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [error] = &lines[..] else { panic!("{arguments:?}: {}", ran.stderr) };
        assert_eq!(error["level"], "ERROR");
        let field = |name: &str| error["fields"].get(name).and_then(Value::as_str);
        let hint = field("hint").map_or_else(String::new, |hint| format!("hint: {hint}\n"));
        let text = format!("error: {}\n{hint}", field("message").unwrap());
        assert_eq!(sandbox.run(arguments).stderr, text);
    }
}

/// What a command writes to a terminal as stdout.
fn at_terminal(sandbox: &Sandbox, arguments: &[&str], no_color: &str) -> String {
    let (ours, theirs) = terminal();
    let mut command = sandbox.command(arguments);
    let child = command.env("NO_COLOR", no_color).stdout(theirs).stderr(Stdio::piped()).spawn().unwrap();
    drop(command);
    let reader = thread::spawn(move || {
        let mut written = Vec::new();
        File::from(ours).read_to_end(&mut written).ok();
        String::from_utf8(written).unwrap()
    });
    wait_for_exit(child);
    reader.join().unwrap()
}

#[test]
fn results_are_coloured_as_the_settings_say() {
    let sandbox = sandbox();
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    let colored = "\u{1b}[32mcompleted\u{1b}[0m";
    for arguments in [&["start", "--full"][..], &["status"], &["status", "--runs"]] {
        let with = |color: &str| sandbox.run(&[arguments, &["--color", color]].concat()).stdout;
        assert!(with("always").contains(colored), "{}", with("always"));
        let plain = [with("never"), with("auto"), at_terminal(&sandbox, arguments, "1")];
        assert!(plain.iter().all(|text| text.contains("completed") && !text.contains('\u{1b}')), "{plain:?}");
        assert!(at_terminal(&sandbox, arguments, "").contains(colored));
        let json = sandbox.run(&[arguments, &["--color", "always", "--format", "json"]].concat()).stdout;
        assert!(!json.contains('\u{1b}') && !json.contains("u001b"), "{json}");
    }
    let check = |color: &str| sandbox.run(&["check", "--color", color]).stdout;
    assert!(check("always").contains("\u{1b}[32m✓\u{1b}[0m configuration"), "{}", check("always"));
    assert!(check("never").contains("✓ configuration"), "{}", check("never"));
    let error = |color: &str| sandbox.run(&["status", "--job-id", "x\u{1b}[2J", "--color", color]).stderr;
    assert!(error("always").starts_with("\u{1b}[31merror:\u{1b}[0m unknown job"), "{}", error("always"));
    assert!(error("never").starts_with("error: unknown job"), "{}", error("never"));
    assert!(!error("always").contains("\u{1b}[2J"), "{}", error("always"));
    let usage = |color: &str| sandbox.run(&["start", "--bogus", "--color", color]).stderr;
    assert!(usage("always").contains('\u{1b}'), "{}", usage("always"));
    assert!(!usage("never").contains('\u{1b}'), "{}", usage("never"));
}

#[test]
fn progress_never_goes_back_over_all_stages() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 4, 400)));
    sandbox.sim.set_latency(Duration::from_millis(80), Duration::ZERO);
    let ran = sandbox.run(&["start", "--format", "json"]).expect_code(0);
    let events: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let is = |event: &&Value, name: &str| event["event"] == name;
    let progress: Vec<f64> = events
        .iter()
        .filter(|event| is(event, "progress"))
        .map(|event| event["progress"].as_f64().unwrap())
        .collect();
    assert!(progress.is_sorted() && progress.iter().all(|share| (0.0..1.0).contains(share)), "{progress:?}");
    let after_messages = events.iter().skip_while(|event| !is(event, "reactions_queued"));
    let while_reading_reactors = after_messages.filter(|event| is(event, "progress"));
    assert!(while_reading_reactors.count() > 0, "{}", ran.stdout);
}
