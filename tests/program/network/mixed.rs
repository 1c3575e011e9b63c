//! Faults of all passing kinds at once.

use std::thread;
use std::time::Duration;

use discord_sim::{ChannelDescription, ChannelKind, Description, Mix, Options, Simulator, ThreadPlan, World};
use tempfile::TempDir;

use super::{GUILD, ended_in_time, json};
use crate::util::Sandbox;
use crate::util::truth::{assert_archived, assert_reactors};

const PAUSE: Duration = Duration::from_millis(50);

/// A few thousand messages in six channels, with threads and reactions.
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

/// Runs until everything is archived.
fn runs_until_whole(sandbox: &Sandbox, probability: f64, most: usize) {
    let world = sandbox.sim.world();
    sandbox.sim.faults().mixed(probability, PAUSE);
    for _ in 0..most {
        let ran = ended_in_time(sandbox.spawn(&["start"]));
        assert!([0, 1, 3].contains(&ran.code), "{ran:?}");
        sandbox.assert_discreet(&ran);
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
    panic!("not whole after {most} runs");
}

#[test]
fn with_a_fault_in_twenty_requests_everything_is_archived_in_three_runs() {
    // Side by side: most of the time is waiting.
    let seeds = (1..5).map(|seed| thread::spawn(move || runs_until_whole(&sandbox(seed, 6), 0.05, 3)));
    let runs: Vec<_> = seeds.collect();
    for run in runs {
        run.join().unwrap();
    }
}

#[test]
fn with_a_fault_in_four_requests_everything_is_archived_in_a_few_runs() {
    runs_until_whole(&sandbox(5, 2), 0.25, 8);
}
