//! The figures of a job in the log.

use crate::model::{Counter, Counts, with_counters};

/// Figures of a job that are no counters.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoggedFigures {
    /// Channels finished a minute.
    pub channels_per_minute: f64,
    /// Messages committed a second.
    pub messages_per_second: f64,
    /// Channels being read.
    pub open_channels: usize,
    /// Most channels open at once.
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
