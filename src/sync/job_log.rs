//! Writes a job's figures to the log.

use crate::model::{Counter, Counts, with_counters};

/// Logged figures of a job that aren't counters.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoggedFigures {
    /// Finished channels per minute.
    pub channels_per_minute: f64,
    /// Committed messages per second.
    pub messages_per_second: f64,
    /// Channels open now.
    pub open_channels: usize,
    /// Greatest number of channels open at once.
    pub max_concurrent_channels: u64,
}

macro_rules! log_with_counters {
    ($($(#[$doc:meta])* $name:ident: $unit:ident, $group:ident, $key:literal, $job:expr, $channel:expr, $log:literal;)*) => {
        /// Logs a job's figures and every counter.
        pub(super) fn log_figures(job_id: &str, figures: LoggedFigures, counts: &Counts) {
            tracing::info!(
                target: "sync-metrics",
                job_id = %job_id,
                channels_per_minute = figures.channels_per_minute,
                messages_per_second = figures.messages_per_second,
                open_channels = figures.open_channels,
                max_concurrent_channels = figures.max_concurrent_channels,
                $($log = value!($unit, counts, $name),)*
                "figures of a job"
            );
        }
    };
}

macro_rules! value {
    (Count, $counts:ident, $name:ident) => {
        $counts.get(Counter::$name)
    };
    (Seconds, $counts:ident, $name:ident) => {
        $counts.seconds(Counter::$name)
    };
}

with_counters!(log_with_counters);
