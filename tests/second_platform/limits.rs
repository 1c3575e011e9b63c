//! Each platform's own limits.

use std::time::{Duration, Instant};

use crate::parley::SPEC;
use crate::sandbox::{GENERAL, GENERAL_MESSAGES, GUILD, Sandbox};
use crate::wire::Question;

pub fn pages_are_as_long_as_each_platform_allows() {
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
        let asked = sandbox.common.sim.journal().cursors(channel.id);
        assert!(asked.iter().all(|page| page.limit == Some(100)), "{asked:?}");
        assert!(!asked.is_empty());
    }
}

pub fn each_platform_is_asked_at_its_own_rate() {
    let sandbox = Sandbox::with_config("", "message_fetch_size = 50");
    sandbox.run(&["start"]).expect_code(0);
    let interval = Duration::from_secs_f64(1.0 / SPEC.default_requests_per_second);
    let time_of = |requests: usize| interval * u32::try_from(requests).unwrap();
    let world = sandbox.parley.world();
    let (asked, took) = span(world.journal.iter().map(|(at, _)| *at));
    assert!(took >= time_of(asked - 2), "{asked} requests in {took:?}");
    let entries = sandbox.common.sim.journal().entries();
    let closest = entries.windows(2).map(|pair| pair[1].at - pair[0].at).min().unwrap();
    assert!(closest < interval / 2, "Discord has another rate: at least {closest:?} between its requests");
}

/// How many there are, and from when to when.
fn span(times: impl Iterator<Item = Instant>) -> (usize, Duration) {
    let times: Vec<Instant> = times.collect();
    (times.len(), times[times.len() - 1] - times[0])
}
