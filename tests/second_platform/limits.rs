//! Page sizes and request rates are limits of each platform.

use std::time::{Duration, Instant};

use crate::parley::SPEC;
use crate::sandbox::{GENERAL, GENERAL_MESSAGES, GUILD, Sandbox};
use crate::wire::Question;

pub fn page_sizes_follow_each_platforms_maximum() {
    let sandbox = Sandbox::new();
    sandbox.run(&["start"]).expect_code(0);
    let limits = sandbox.page_limits();
    assert!(limits.iter().all(|limit| *limit == 200), "{limits:?}");
    let is_of_general =
        |question: &&Question| matches!(question, Question::History { channel, .. } if channel == GENERAL);
    let world = sandbox.parley.world();
    let pages = world.journal.iter().map(|(_, question)| question).filter(is_of_general).count();
    assert_eq!(pages, usize::try_from(GENERAL_MESSAGES.div_ceil(200)).unwrap());
    for channel in sandbox.common.sim.world().truth(GUILD) {
        let pages = sandbox.common.sim.journal().cursors(channel.id);
        assert!(pages.iter().all(|page| page.limit == Some(100)), "{pages:?}");
        assert!(!pages.is_empty());
    }
}

pub fn each_platform_has_its_own_request_rate() {
    let sandbox = Sandbox::with_config("", "message_fetch_size = 50");
    sandbox.run(&["start"]).expect_code(0);
    let interval = Duration::from_secs_f64(1.0 / SPEC.default_requests_per_second);
    let duration_of = |requests: usize| interval * u32::try_from(requests).unwrap();
    let world = sandbox.parley.world();
    let (requests, took) = span(world.journal.iter().map(|(at, _)| *at));
    assert!(took >= duration_of(requests - 2), "{requests} requests in {took:?}");
    let entries = sandbox.common.sim.journal().entries();
    let shortest_gap = entries.windows(2).map(|pair| pair[1].at - pair[0].at).min().unwrap();
    assert!(
        shortest_gap < interval / 2,
        "Discord has its own rate, but its shortest gap is {shortest_gap:?}"
    );
}

/// The number of times, and the duration from the first to the last.
fn span(times: impl Iterator<Item = Instant>) -> (usize, Duration) {
    let times: Vec<Instant> = times.collect();
    (times.len(), times[times.len() - 1] - times[0])
}
