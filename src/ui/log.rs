//! What happens, as log lines.

use crate::monitor::{Counter, Event, Monitor};

/// Writes events to the log.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    /// Tell every rate limit aloud: `DEBUG_RATE_LIMITS=1`.
    pub tells_rate_limits: bool,
}

impl Monitor for Log {
    fn count(&self, _: Counter, _: u64) {}

    fn event(&self, event: Event) {
        match event {
            Event::RateLimited { scope, wait, limit, endpoint } => {
                let timeout_seconds = wait.as_secs_f64();
                let (method, path) = endpoint.split_once(' ').unwrap_or(("GET", &endpoint));
                if self.tells_rate_limits {
                    tracing::warn!(scope, timeout_seconds, limit, method, path, "rate limited");
                } else {
                    tracing::info!(scope, timeout_seconds, limit, method, path, "rate limited");
                }
            }
            Event::Retrying { error, wait } => {
                tracing::info!(error, wait_seconds = wait.as_secs_f64(), "sending a request again");
            }
            Event::ChannelFinished { job_id, channel, status, messages, error: Some(error) } => {
                tracing::info!(job_id, %channel, %status, messages, error, "channel ended with an error");
            }
            Event::ChannelFinished { job_id, channel, status, messages, error: None } => {
                tracing::info!(job_id, %channel, %status, messages, "channel ended");
            }
            Event::JobFinished { job_id, status } => tracing::info!(job_id, %status, "job ended"),
            Event::Planned { job_id, channels, skipped, unreadable } => {
                tracing::info!(job_id, channels, skipped, unreadable, "planned");
            }
            _ => {}
        }
    }
}
