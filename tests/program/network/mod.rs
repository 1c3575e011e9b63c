//! Network failures and faulty answers: what a run loses, and what it must not lose.

mod access;
mod answers;
mod dead_letters;
mod limits;
mod lost_server;
mod malformed_messages;
mod memory;
mod mixed;
mod outage;
mod stalls;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::util::truth::assert_archived;
use crate::util::{CommandOutput, Sandbox, wait_for_exit};
use discord_sim::{Description, Entry, RouteKind, World};
use serde_json::Value;

const GUILD: u64 = 77_000_000_000_000_001;
/// Longer than any test waits.
const FOREVER: Duration = Duration::from_mins(10);
/// A run that takes longer hangs.
const HANG_TIMEOUT: Duration = Duration::from_mins(1);
/// After discovery, requests only message pages: no reactor lists.
const MESSAGES_ONLY_CONFIG: &str = "[sync]\nretry_base_delay = \"10ms\"\nreactions = \"counts\"";
/// A timeout short enough for tests, but long enough for a busy machine.
const SHORT_TIMEOUT_CONFIG: &str = "[sync]\nrequest_timeout = \"700ms\"\nretry_base_delay = \"10ms\"";

/// One server with text channels named `chat-0`, `chat-1`, …; `extra` continues the
/// configuration.
fn community(channels: u32, messages: u64, extra: &str) -> Sandbox {
    Sandbox::with_config(World::new(&Description::community(GUILD, channels, messages)), extra)
}

fn chat(sandbox: &Sandbox, number: usize) -> u64 {
    channel(sandbox, &format!("chat-{number}"))
}

fn channel(sandbox: &Sandbox, name: &str) -> u64 {
    sandbox.sim.world().channel_named(GUILD, name).unwrap()
}

/// Number of archived messages of a channel.
fn stored_messages(sandbox: &Sandbox, channel: u64) -> i64 {
    sandbox.count(&format!("SELECT count(*) FROM message_log WHERE channel_id = '{channel}'"))
}

fn json(sandbox: &Sandbox, command: &str) -> Value {
    sandbox.run(&[command, "--format", "json"]).expect_code(0).last_json()
}

/// ID and error of each failing channel.
fn channel_errors(sandbox: &Sandbox) -> Vec<(u64, String)> {
    let status = json(sandbox, "status");
    let failing = status["failing_channels"].as_array().unwrap();
    let text = |channel: &Value, key: &str| channel[key].as_str().unwrap().to_owned();
    failing
        .iter()
        .map(|channel| (text(channel, "channel_id").parse().unwrap(), text(channel, "error")))
        .collect()
}

/// The requests for a channel's message pages.
fn page_requests(sandbox: &Sandbox, channel: u64) -> Vec<Entry> {
    let entries = sandbox.sim.journal().entries().into_iter();
    entries
        .filter(|entry| entry.channel == Some(channel) && entry.route == Some(RouteKind::Messages))
        .collect()
}

/// Removes all faults and latency, and asserts that the next run archives everything.
#[track_caller]
fn assert_completes(sandbox: &Sandbox) {
    sandbox.sim.faults().clear();
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(channel_errors(sandbox), []);
    for (guild, _) in sandbox.sim.world().guilds() {
        assert_archived(sandbox.sim.world(), &sandbox.archive(), guild);
    }
}

/// Waits until a process ends; kills it and panics if it hangs.
#[track_caller]
fn wait_or_kill(mut child: Child) -> CommandOutput {
    let deadline = Instant::now() + HANG_TIMEOUT;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("the process hangs: {:?}", wait_for_exit(child));
        }
        sleep(Duration::from_millis(5));
    }
    wait_for_exit(child)
}
