//! A server that answers in Discord's form and not with the truth: what an
//! answer leaves out is no proof, and a run that knows that something is missing
//! never ends with 0.

mod channels;
mod damaged;
mod ends;
mod messages;
mod reactors;
mod selection;
mod threads;
use std::time::Duration;

use crate::util::truth::{assert_archived, assert_reactors};
use crate::util::{Ran, Sandbox};
use discord_sim::{ChannelDescription, Description, World};

const RETRY: &str = "[sync]\nretry_base_delay = \"1ms\"";
const GUILD: u64 = 77_000_000_000_000_001;
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A server with these channels, and a configuration that waits for no retry.
fn sandbox(channels: Vec<ChannelDescription>) -> Sandbox {
    let world = World::new(&Description::of_channels(GUILD, channels));
    Sandbox::with_config(world, RETRY)
}

/// Gives the tenant these keys, and no others.
fn configure(sandbox: &Sandbox, keys: &str) {
    sandbox.write_config(RETRY);
    let path = sandbox.dir.path().join("sync.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, format!("{text}\n{keys}\n")).unwrap();
}

fn channel(sandbox: &Sandbox, name: &str) -> u64 {
    sandbox.sim.world().channel_named(GUILD, name).unwrap()
}

#[track_caller]
fn sync(sandbox: &Sandbox, code: i32) -> Ran {
    sandbox.run(&["start"]).expect_code(code)
}

/// Two honest runs within a day: then everything is archived, and 0 is earned.
#[track_caller]
fn heals(sandbox: &Sandbox) {
    sandbox.sim.faults().clear();
    sandbox.sim.world().advance(2 * HOUR);
    sandbox.run(&["start"]);
    sandbox.sim.world().advance(23 * HOUR);
    sync(sandbox, 0);
    is_true(sandbox);
}

#[track_caller]
fn is_true(sandbox: &Sandbox) {
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    assert_reactors(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

/// What `status` says is incomplete, by cause.
fn findings(sandbox: &Sandbox) -> Vec<String> {
    let json = sandbox.run(&["status", "--format", "json"]).expect_code(0).last_json();
    let findings = json["tenants"][0]["findings"].as_array().unwrap().clone();
    findings.iter().map(|finding| finding["kind"].as_str().unwrap().to_owned()).collect()
}
