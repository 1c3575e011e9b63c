//! Killed at any instant, the next run goes on exactly there.

#![allow(missing_docs)]

mod util;

use std::thread::sleep;
use std::time::Duration;

use discord_sim::{Description, World};
use util::Sandbox;
use util::truth::assert_archived;

const GUILD: u64 = 320_000_000_000_000_001;
const KILLS: u32 = 40;
/// Channels open at once by default: each may have had one page on its way.
const OPEN_CHANNELS: usize = 80;

/// Small, seeded, good enough to pick instants.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

fn only_the_invited_server(sandbox: &Sandbox, extra: &str) {
    let url = sandbox.sim.url();
    let tenant = util::tenant_table(GUILD, "everything");
    sandbox.write(
        "sync.toml",
        &format!("[discord]\napi_url = \"{url}\"\nrequests_per_second = 5000\n{extra}\n{tenant}"),
    );
}

#[test]
fn killed_dozens_of_times_the_archive_ends_up_whole() {
    let sandbox = Sandbox::new(World::new(&Description::everything(7)));
    only_the_invited_server(&sandbox, "[sync]\nmessage_fetch_size = 10\n");
    sandbox.sim.set_latency(Duration::from_millis(10), Duration::from_millis(10));
    let mut seed = 1;
    let mut kills = 0;
    while kills < KILLS {
        let mut child = sandbox.spawn(&["start"]);
        sleep(Duration::from_millis(20 + random(&mut seed) % 380));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills >= 5, "the sync was through after {kills} kills: slow the simulator down");
    sandbox.run(&["start"]).expect_code(0);
    let archive = sandbox.archive();
    assert_archived(sandbox.sim.world(), &archive, GUILD);
    assert_eq!(sandbox.rows("PRAGMA integrity_check").len(), 1);
    assert!(sandbox.rows("PRAGMA foreign_key_check").is_empty());
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_jobs WHERE status IN ('queued', 'running')"), 0);
    let counted = "SELECT count(*) FROM channels c WHERE message_count <>
                   (SELECT count(*) FROM messages m WHERE m.channel_id = c.id)";
    assert_eq!(sandbox.count(counted), 0, "the counters are right");
}

#[test]
fn a_killed_run_costs_at_most_one_page_of_each_open_channel() {
    let guild = 77_000_000_000_000_001;
    let sandbox = Sandbox::new(World::new(&Description::community(guild, 20, 1000)));
    sandbox.sim.set_latency(Duration::from_millis(15), Duration::ZERO);
    let mut child = sandbox.spawn(&["start"]);
    sleep(Duration::from_millis(250));
    child.kill().unwrap();
    child.wait().unwrap();
    sandbox.run(&["start"]).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), guild);
    let pages = |channel: &u64| sandbox.sim.journal().cursors(*channel).len();
    let channels: Vec<u64> = sandbox.sim.world().truth(guild).iter().map(|channel| channel.id).collect();
    let asked: usize = channels.iter().map(pages).sum();
    // 1,000 messages are ten full pages, and an empty one that proves the end.
    assert!(asked <= 20 * 11 + OPEN_CHANNELS.min(20), "{asked} pages were asked for");
}
