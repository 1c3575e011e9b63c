//! Nobody answers at Discord's address for a while.

use std::time::{Duration, Instant};

use discord_sim::RouteKind;

use super::{BRIEF, GUILD, assert_completes, chat, community, ended_in_time, failing};
use crate::util::truth::assert_archived;
use crate::util::{Sandbox, wait_until};

fn slow(retry_base_delay: &str) -> Sandbox {
    let sandbox = community(4, 2000, &BRIEF.replace("10ms", retry_base_delay));
    sandbox.sim.set_latency(Duration::from_millis(30), Duration::ZERO);
    sandbox
}

#[test]
fn an_outage_shorter_than_the_retries_costs_only_time() {
    let sandbox = slow("400ms");
    let sync = sandbox.spawn(&["start"]);
    wait_until("pages are read", || sandbox.sim.journal().count(RouteKind::Messages) > 8);
    sandbox.sim.refuse_connections_for(Duration::from_millis(500));
    ended_in_time(sync).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    assert_eq!(sandbox.sim.journal().doubles(), []);
}

#[test]
fn an_outage_that_lasts_ends_the_run_with_its_cause_and_the_next_one_goes_on() {
    let sandbox = slow("10ms");
    let sync = sandbox.spawn(&["start"]);
    wait_until("pages are read", || sandbox.sim.journal().count(RouteKind::Messages) > 16);
    sandbox.sim.refuse_connections(true);
    let begin = Instant::now();
    let ran = ended_in_time(sync);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    assert!(
        ran.stdout.contains("Connection refused") && ran.stdout.contains("check the network"),
        "{}",
        ran.stdout
    );
    let committed = sandbox.count("SELECT count(*) FROM messages");
    assert!(committed > 0);
    assert_eq!(ran.code, 3, "{}", ran.stdout);
    assert_eq!(failing(&sandbox).len(), 4);
    let ran = sandbox.run(&["start"]).expect_code(1);
    assert!(ran.stderr.contains("Connection refused") && ran.stderr.contains("api_url"), "{}", ran.stderr);
    sandbox.sim.refuse_connections(false);
    sandbox.sim.journal().clear();
    assert_completes(&sandbox);
    for number in 0..4 {
        let first = sandbox.sim.journal().cursors(chat(&sandbox, number))[0].after;
        assert!(first > Some(0), "chat-{number} goes on at its checkpoint");
    }
}
