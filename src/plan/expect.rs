//! Estimates the cost of a plan. Pure.

use std::time::Duration;

use super::Plan;

/// Minimum cost of a plan: a channel of unknown size counts as one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedCost {
    /// Requests for pages of messages and for pending reactor lists.
    pub requests: u64,
    /// Minimum duration of these requests.
    pub time: Duration,
    /// Channels of unknown size, which may take more.
    pub unknown_channels: u64,
}

/// The limits of the request rate.
#[derive(Debug, Clone, Copy)]
pub struct SpeedLimits {
    /// Messages per page.
    pub page_size: u16,
    /// Requests per second, over all channels.
    pub requests_per_second: f64,
    /// Pages per second of one channel.
    pub channel_pages_per_second: f64,
}

impl Plan {
    /// Estimates requests and time. `reactions` is the number of pending reactor lists,
    /// one request each.
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn expected(&self, reactions: u64, speed_limits: SpeedLimits) -> ExpectedCost {
        let page_size = u64::from(speed_limits.page_size.max(1));
        let pages = || {
            self.reads
                .iter()
                .map(|read| read.known_messages().map_or(1, |messages| messages.div_ceil(page_size).max(1)))
        };
        let requests = pages().sum::<u64>() + reactions;
        let longest = pages().max().unwrap_or(0) as f64 / speed_limits.channel_pages_per_second;
        let seconds = (requests as f64 / speed_limits.requests_per_second).max(longest);
        ExpectedCost {
            requests,
            time: Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX),
            unknown_channels: self.reads.iter().filter(|read| read.is_of_unknown_size()).count() as u64,
        }
    }
}
