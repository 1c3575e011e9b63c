//! Well-formed but wrong answers from the server. What an answer omits proves nothing,
//! and a run that leaves the archive incomplete doesn't exit with 0 until its findings
//! are known, a day later.

mod channels;
mod damaged;
mod ends;
mod messages;
mod reactors;
mod rereads;
mod selection;
mod threads;
use std::time::Duration;

use crate::util::truth::{assert_archived, assert_reactors};
use crate::util::{CommandOutput, Sandbox};
use discord_sim::{ChannelDescription, Description, World};

const FAST_RETRIES: &str = "[sync]\nretry_base_delay = \"1ms\"";
const GUILD: u64 = 77_000_000_000_000_001;
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A sandbox for one server with these channels; retries are delayed by 1 ms only.
fn sandbox(channels: Vec<ChannelDescription>) -> Sandbox {
    let world = World::new(&Description::of_channels(GUILD, channels));
    Sandbox::with_config(world, FAST_RETRIES)
}

/// Rewrites the configuration with these keys in the tenant's table.
fn configure(sandbox: &Sandbox, keys: &str) {
    sandbox.write_config(FAST_RETRIES);
    let path = sandbox.dir.path().join("sync.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, format!("{text}\n{keys}\n")).unwrap();
}

fn channel(sandbox: &Sandbox, name: &str) -> u64 {
    sandbox.sim.world().channel_named(GUILD, name).unwrap()
}

/// Runs `start` and asserts its exit code.
#[track_caller]
fn sync(sandbox: &Sandbox, code: i32) -> CommandOutput {
    sandbox.run(&["start"]).expect_code(code)
}

/// Clears the faults and syncs twice, 2 and 25 hours later. Asserts that the second run
/// exits with 0 and that everything is archived.
#[track_caller]
fn assert_recovers(sandbox: &Sandbox) {
    sandbox.sim.faults().clear();
    sandbox.sim.world().advance(2 * HOUR);
    sandbox.run(&["start"]);
    sandbox.sim.world().advance(23 * HOUR);
    sync(sandbox, 0);
    assert_matches_world(sandbox);
}

/// Asserts that the archive holds exactly what the simulated world requires.
#[track_caller]
fn assert_matches_world(sandbox: &Sandbox) {
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    assert_reactors(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

/// The kinds of the tenant's findings in the JSON of `status`.
fn findings(sandbox: &Sandbox) -> Vec<String> {
    let json = sandbox.run(&["status", "--format", "json"]).expect_code(0).last_json();
    let findings = json["tenants"][0]["findings"].as_array().unwrap().clone();
    findings.iter().map(|finding| finding["kind"].as_str().unwrap().to_owned()).collect()
}
