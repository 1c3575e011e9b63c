//! Random transient faults and anomalies of all kinds.

use std::thread;
use std::time::Duration;

use discord_sim::{ChannelDescription, ChannelKind, Description, Mix, Options, Simulator, ThreadPlan, World};
use tempfile::TempDir;

use super::{GUILD, json, wait_or_kill};
use crate::util::Sandbox;
use crate::util::truth::{assert_archived, assert_reactors};

/// Length of stalls, and the `retry_after` of 429s.
const PAUSE: Duration = Duration::from_millis(50);

/// This many channels of 350 messages with threads and reactions, and a forum.
fn description(seed: u64, channels: u32) -> Description {
    let text = |number: u32| {
        let mix = if number.is_multiple_of(2) { Mix::Chat } else { Mix::Plain };
        let threads = ThreadPlan { active: 3, archived: 4, messages: 12, ..ThreadPlan::default() };
        ChannelDescription { mix, threads, ..ChannelDescription::text(&format!("chat-{number}"), 350) }
    };
    let threads = ThreadPlan { active: 10, archived: 20, messages: 5, ..ThreadPlan::default() };
    let forum = ChannelDescription { threads, ..ChannelDescription::new(ChannelKind::Forum, "forum") };
    let channels = (0..channels).map(text).chain([forum]).collect();
    Description { seed, ..Description::of_channels(GUILD, channels) }
}

fn sandbox(seed: u64, channels: u32) -> Sandbox {
    let options = Options { seed, ..Options::default() };
    let sim = Simulator::start_with(World::new(&description(seed, channels)), options);
    let sandbox = Sandbox { dir: TempDir::new().unwrap(), sim };
    sandbox.write_config("[sync]\nretry_base_delay = \"10ms\"\nrequest_timeout = \"2s\"");
    sandbox
}

/// Runs until everything is archived, including reactors. Panics if that takes more than
/// `max_runs` runs.
fn run_until_complete(sandbox: &Sandbox, probability: f64, max_runs: usize) {
    let world = sandbox.sim.world();
    sandbox.sim.faults().mixed(probability, PAUSE);
    for _ in 0..max_runs {
        let ran = wait_or_kill(sandbox.spawn(&["start"]));
        assert!([0, 1, 3].contains(&ran.code), "{ran:?}");
        sandbox.assert_no_secrets(&ran);
        if ran.code != 0 {
            continue;
        }
        assert_archived(world, &sandbox.archive(), GUILD);
        if json(sandbox, "status")["tenants"][0]["reactions_pending"] == 0 {
            assert_reactors(world, &sandbox.archive(), GUILD);
            assert_eq!(sandbox.rows("PRAGMA integrity_check"), ["Text([111, 107])"]);
            assert_eq!(sandbox.rows("PRAGMA foreign_key_check").len(), 0);
            return;
        }
    }
    panic!("incomplete after {max_runs} runs");
}

#[test]
fn everything_is_archived_in_three_runs_with_5_percent_faults() {
    // In parallel, because the runs mostly wait.
    let threads = (1..5).map(|seed| thread::spawn(move || run_until_complete(&sandbox(seed, 6), 0.05, 3)));
    let runs: Vec<_> = threads.collect();
    for run in runs {
        run.join().unwrap();
    }
}

#[test]
fn everything_is_archived_in_eight_runs_with_25_percent_faults() {
    run_until_complete(&sandbox(5, 2), 0.25, 8);
}
