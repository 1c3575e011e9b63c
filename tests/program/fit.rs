//! Results for people fit the width of the terminal, and lose nothing without one.

use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;
use std::thread;

use rustix::termios::{Winsize, tcsetwinsize};
use unicode_width::UnicodeWidthStr as _;

use crate::util::{CommandOutput, Sandbox, terminal, wait_for_exit};
use discord_sim::{BodyKind, ChannelDescription, Description, FaultKind, Match, World};

const GUILD: u64 = 77_000_000_000_000_001;
const WIDTHS: [u16; 5] = [60, 80, 100, 120, 200];
const TENANTS: [&str; 3] =
    ["takaro", "社区社区社区社区社区 🎉🎉🎉🎉 of everybody", "the-tenant-with-a-rather-long-name"];

/// A server whose channels have long names; reading one of them fails.
fn sandbox(tenant: &str) -> Sandbox {
    let long = "release-announcements-and-everything-else-that-is-worth-knowing-about-the-next-version";
    let names =
        [long, "雑談雑談雑談雑談雑談雑談雑談雑談雑談雑談雑談", "🎉🎈🎉🎈🎉🎈🎉🎈🎉🎈🎉🎈🎉🎈🎉🎈", "chat"];
    let channels = names.map(|name| ChannelDescription::text(name, 30)).to_vec();
    let mut description = Description::of_channels(GUILD, channels);
    tenant.clone_into(&mut description.guilds[0].name);
    let sandbox = Sandbox::with_config(World::new(&description), "[sync]\nmax_retries = 0");
    let failing = sandbox.sim.world().channel_named(GUILD, long).unwrap();
    let refused = FaultKind::Status(403, BodyKind::Json(50_001));
    sandbox.sim.faults().when(Match::page_of(failing).always(), refused);
    sandbox
}

/// Runs a command whose stdout is a terminal of this width. The result's stdout is what the
/// terminal received.
fn run_at(sandbox: &Sandbox, arguments: &[&str], columns: u16) -> CommandOutput {
    let (ours, theirs) = terminal();
    let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&theirs, size).unwrap();
    let mut command = sandbox.command(arguments);
    let child = command.stdout(theirs).stderr(Stdio::piped()).spawn().unwrap();
    // `command` keeps the terminal's other end open until it is dropped.
    drop(command);
    let reader = thread::spawn(move || {
        let mut written = Vec::new();
        // Reading ends with an error once the other end is closed.
        File::from(ours).read_to_end(&mut written).ok();
        String::from_utf8(written).unwrap().replace("\r\n", "\n")
    });
    let ran = wait_for_exit(child);
    CommandOutput { stdout: reader.join().unwrap(), ..ran }
}

/// Asserts that the text consists of the words of `whole`, of which some may be cut or left
/// out, and that it fits.
#[track_caller]
fn assert_fits(text: &str, whole: &str, columns: u16) {
    for line in text.lines() {
        assert!(line.width() <= columns.into(), "{} columns of {columns}: {line:?}\n{text}", line.width());
    }
    let known = |word: &str| whole.contains(word) || word.trim_end_matches('…') != word;
    // Words without letters change from run to run.
    for word in text.split_whitespace().filter(|word| word.width() * 2 < columns.into()) {
        assert!(known(word) || word.contains(|char: char| char.is_ascii_digit()), "{word:?}:\n{text}");
    }
}

#[test]
fn results_fit_every_terminal_and_are_whole_without_one() {
    for tenant in TENANTS {
        let sandbox = sandbox(tenant);
        let commands = [
            &["--color", "never", "plan"][..],
            &["--color", "never", "start"],
            &["--color", "never", "status"],
            &["--color", "never", "status", "--failing"],
            &["--color", "never", "status", "--runs"],
            &["--color", "never", "check"],
        ];
        sandbox.run(&["start"]);
        for arguments in commands {
            let whole = sandbox.run(arguments).stdout;
            let instead_of_ids = "a wider terminal, or --format json, shows the IDs of the jobs";
            let whole = format!("{whole}{instead_of_ids}");
            assert!(!whole.contains('…'), "{whole}");
            for columns in WIDTHS {
                let text = run_at(&sandbox, arguments, columns).stdout;
                assert!(!text.is_empty());
                // A sync does not find the same twice.
                assert_fits(&text, if arguments.contains(&"start") { &text } else { &whole }, columns);
            }
        }
    }
}

#[test]
fn a_narrow_status_keeps_what_matters_most() {
    for tenant in TENANTS {
        let sandbox = sandbox(tenant);
        sandbox.run(&["start"]);
        for columns in WIDTHS {
            let text = run_at(&sandbox, &["status", "--color", "never"], columns).stdout;
            for heading in ["tenant", "state", "done", "failing", "last success"] {
                assert!(text.lines().nth(2).unwrap().contains(heading), "{heading}: {text}");
            }
            if columns >= 80 {
                assert!(text.lines().nth(3).unwrap().starts_with(tenant), "{text}");
            }
        }
    }
}
