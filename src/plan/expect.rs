//! What a plan will probably cost. Pure.

use std::time::Duration;

use super::Plan;

/// What carrying out a plan takes at least: of a channel whose size isn't known,
/// a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Requests for pages of messages and of who reacted.
    pub requests: u64,
    /// How long those take at least.
    pub time: Duration,
    /// Channels whose history may take more: nobody knows its size before.
    pub unknown_channels: u64,
}

/// What bounds the speed.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Messages on a page.
    pub page_size: u16,
    /// Requests a second in all.
    pub requests_per_second: f64,
    /// Pages a second of one channel.
    pub channel_pages_per_second: f64,
}

impl Plan {
    /// Reckons requests and time; `reactions` are waiting in the queue, a
    /// request each.
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn expected(&self, reactions: u64, bounds: Bounds) -> Expected {
        let page_size = u64::from(bounds.page_size.max(1));
        let pages = || {
            self.reads
                .iter()
                .map(|read| read.known_messages().map_or(1, |messages| messages.div_ceil(page_size).max(1)))
        };
        let requests = pages().sum::<u64>() + reactions;
        let longest = pages().max().unwrap_or(0) as f64 / bounds.channel_pages_per_second;
        let seconds = (requests as f64 / bounds.requests_per_second).max(longest);
        Expected {
            requests,
            time: Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX),
            unknown_channels: self.reads.iter().filter(|read| read.is_of_unknown_size()).count() as u64,
        }
    }
}
