//! What goes wrong on the way to Discord, what that costs, and what it doesn't.

mod access;
mod answers;
mod broken;
mod dead_letters;
mod limits;
mod memory;
mod mixed;
mod outage;
mod stalls;
mod thrown_out;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::util::truth::assert_archived;
use crate::util::{Ran, Sandbox, ended};
use discord_sim::{Description, Entry, RouteKind, World};
use serde_json::Value;

const GUILD: u64 = 77_000_000_000_000_001;
/// Longer than any test waits.
const FOREVER: Duration = Duration::from_mins(10);
/// Far more than it takes, far less than a hang.
const PATIENCE: Duration = Duration::from_mins(1);
/// Asks for nothing but messages once the channels are known.
const BRIEF: &str = "[sync]\nretry_base_delay = \"10ms\"\nreactions = \"counts\"";
/// Gives up soon, but not because the machine is busy.
const HASTY: &str = "[sync]\nrequest_timeout = \"700ms\"\nretry_base_delay = \"10ms\"";

/// Text channels named chat-0 and so on.
fn community(channels: u32, messages: u64, extra: &str) -> Sandbox {
    Sandbox::with_config(World::new(&Description::community(GUILD, channels, messages)), extra)
}

fn chat(sandbox: &Sandbox, number: usize) -> u64 {
    channel(sandbox, &format!("chat-{number}"))
}

fn channel(sandbox: &Sandbox, name: &str) -> u64 {
    sandbox.sim.world().channel_named(GUILD, name).unwrap()
}

/// How many messages of a channel are archived.
fn stored(sandbox: &Sandbox, channel: u64) -> i64 {
    sandbox.count(&format!("SELECT count(*) FROM message_log WHERE channel_id = '{channel}'"))
}

fn json(sandbox: &Sandbox, command: &str) -> Value {
    sandbox.run(&[command, "--format", "json"]).expect_code(0).last_json()
}

/// The error of each failing channel, by ID.
fn failing(sandbox: &Sandbox) -> Vec<(u64, String)> {
    let status = json(sandbox, "status");
    let failing = status["failing_channels"].as_array().unwrap();
    let text = |channel: &Value, key: &str| channel[key].as_str().unwrap().to_owned();
    failing
        .iter()
        .map(|channel| (text(channel, "channel_id").parse().unwrap(), text(channel, "error")))
        .collect()
}

/// The page requests of a channel.
fn pages_of(sandbox: &Sandbox, channel: u64) -> Vec<Entry> {
    let entries = sandbox.sim.journal().entries().into_iter();
    entries
        .filter(|entry| entry.channel == Some(channel) && entry.route == Some(RouteKind::Messages))
        .collect()
}

/// With nothing in the way the next run ends complete.
#[track_caller]
fn assert_completes(sandbox: &Sandbox) {
    sandbox.sim.faults().clear();
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(failing(sandbox), []);
    for (guild, _) in sandbox.sim.world().guilds() {
        assert_archived(sandbox.sim.world(), &sandbox.archive(), guild);
    }
}

/// Waits for the end of a process; one that hangs is killed.
#[track_caller]
fn ended_in_time(mut child: Child) -> Ran {
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("it hangs: {:?}", ended(child));
        }
        sleep(Duration::from_millis(5));
    }
    ended(child)
}
