//! Outages: Discord's address refuses connections for a while.

use std::time::{Duration, Instant};

use discord_sim::RouteKind;

use super::{GUILD, MESSAGES_ONLY_CONFIG, assert_completes, channel_errors, chat, community, wait_or_kill};
use crate::util::truth::assert_archived;
use crate::util::{Sandbox, wait_until};

/// A slow server, with this delay before the first retry.
fn slow_sandbox(retry_base_delay: &str) -> Sandbox {
    let sandbox = community(4, 2000, &MESSAGES_ONLY_CONFIG.replace("10ms", retry_base_delay));
    sandbox.sim.set_latency(Duration::from_millis(30), Duration::ZERO);
    sandbox
}

#[test]
fn outage_shorter_than_the_retries_loses_nothing() {
    let sandbox = slow_sandbox("400ms");
    let sync = sandbox.spawn(&["start"]);
    wait_until("pages are read", || sandbox.sim.journal().count(RouteKind::Messages) > 8);
    sandbox.sim.refuse_connections_for(Duration::from_millis(500));
    wait_or_kill(sync).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    assert_eq!(sandbox.sim.journal().duplicate_requests(), []);
}

#[test]
fn long_outage_ends_the_run_with_its_cause_and_the_next_run_resumes() {
    let sandbox = slow_sandbox("10ms");
    let sync = sandbox.spawn(&["start"]);
    wait_until("pages are read", || sandbox.sim.journal().count(RouteKind::Messages) > 16);
    sandbox.sim.refuse_connections(true);
    let begin = Instant::now();
    let ran = wait_or_kill(sync);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    assert!(
        ran.stdout.contains("Connection refused") && ran.stdout.contains("check the network"),
        "{}",
        ran.stdout
    );
    let committed = sandbox.count("SELECT count(*) FROM messages");
    assert!(committed > 0);
    assert_eq!(ran.code, 3, "{}", ran.stdout);
    assert_eq!(channel_errors(&sandbox).len(), 4);
    let ran = sandbox.run(&["start"]).expect_code(1);
    assert!(ran.stderr.contains("Connection refused") && ran.stderr.contains("api_url"), "{}", ran.stderr);
    sandbox.sim.refuse_connections(false);
    sandbox.sim.journal().clear();
    assert_completes(&sandbox);
    for number in 0..4 {
        let first = sandbox.sim.journal().cursors(chat(&sandbox, number))[0].after;
        assert!(first > Some(0), "chat-{number} does not resume at its checkpoint");
    }
}
