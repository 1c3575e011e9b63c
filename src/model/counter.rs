//! Counters, each declared once. The enum indexes an array, and whoever stores or
//! shows counters goes through the declarations: the rows of jobs and channels,
//! JSON, the log.

/// The unit that a counter is shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CounterUnit {
    /// Things.
    Count,
    /// Seconds; counted in milliseconds.
    Seconds,
}

/// Where a counter stands in a job's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CounterGroup {
    /// Beside the job's other fields.
    Job,
    /// In `parallel_stats`.
    Parallel,
    /// In `waits`.
    Waits,
    /// Nowhere: it only serves the estimate of the time to go.
    Estimate,
}

/// How a counter is stored and shown.
#[derive(Debug, Clone, Copy)]
pub struct CounterSpec {
    /// The counter.
    pub counter: Counter,
    /// Its unit.
    pub unit: CounterUnit,
    /// Its group in JSON.
    pub group: CounterGroup,
    /// Its key in that group.
    pub key: &'static str,
    /// Its column of `sync_jobs`. One without a column is stored by its key in the
    /// column `counts`.
    pub job_column: Option<&'static str>,
    /// Its column of `channel_sync_jobs`, which is its key in a channel's JSON, too,
    /// unless it is one of waits.
    pub channel_column: Option<&'static str>,
    /// Its field in the log.
    pub log_field: &'static str,
}

/// Calls a macro with every counter: documentation, name, unit, group, key, columns
/// of jobs and of channels, field of the log.
macro_rules! with_counters {
    ($then:ident) => {
        $then! {
            /// Requests sent to the platform, repeated ones included.
            ApiCalls: Count, Parallel, "total_api_calls", Some("total_api_calls"), Some("total_api_calls"), "api_calls";
            /// Requests sent again after a passing fault.
            Retries: Count, Parallel, "retries", Some("retries"), Some("retry_count"), "retries";
            /// Answers that said "too often".
            RateLimitEncounters: Count, Parallel, "rate_limit_encounters", Some("rate_limit_encounters"),
                Some("rate_limit_encounters"), "rate_limit_encounters";
            /// Time spent waiting for the limit of a channel's or route's own bucket. Waits
            /// are summed over requests: ten that wait a second at once have waited ten.
            BucketWaitMilliseconds: Seconds, Waits, "bucket_seconds", Some("bucket_wait_seconds"),
                Some("bucket_wait_seconds"), "bucket_wait_seconds";
            /// Time spent waiting because the platform wants to be left alone.
            GlobalWaitMilliseconds: Seconds, Waits, "global_seconds", Some("global_wait_seconds"),
                Some("global_wait_seconds"), "global_wait_seconds";
            /// Time spent waiting because many requests had been refused.
            GuardWaitMilliseconds: Seconds, Waits, "guard_seconds", Some("guard_wait_seconds"),
                Some("guard_wait_seconds"), "guard_wait_seconds";
            /// Time spent waiting for the run's own pace and a free place in flight.
            PaceWaitMilliseconds: Seconds, Waits, "pace_seconds", Some("pace_wait_seconds"),
                Some("pace_wait_seconds"), "pace_wait_seconds";
            /// Time spent between a fault and the next attempt.
            RetryWaitMilliseconds: Seconds, Waits, "retry_seconds", Some("retry_wait_seconds"),
                Some("retry_wait_seconds"), "retry_wait_seconds";
            /// Messages committed, new or read again.
            Messages: Count, Job, "messages_processed", Some("messages_processed"), Some("messages_processed"),
                "messages";
            /// Of these, messages that were not archived before.
            NewMessages: Count, Job, "messages_new", Some("messages_new"), None, "new_messages";
            /// Of these, messages that differed from what was archived.
            ChangedMessages: Count, Job, "messages_changed", Some("messages_changed"), None, "changed_messages";
            /// Malformed messages: dropped, or stored in part.
            BrokenMessages: Count, Job, "broken_messages", Some("broken_messages"), None, "malformed_messages";
            /// Reactions counted in committed pages, by people.
            Reactions: Count, Job, "reactions_processed", Some("reactions_processed"), None, "reactions";
            /// Attachments in committed pages.
            Attachments: Count, Job, "attachments_processed", Some("attachments_processed"), None, "attachments";
            /// Reactions (emoji on messages) whose reactors are to be read now.
            ReactionsQueued: Count, Estimate, "reactions_queued", None, None, "reactions_queued";
            /// Reactions (emoji on messages) whose reactors were read.
            ReactionsRead: Count, Estimate, "reactions_read", None, None, "reactions_read";
            /// Channels whose archived threads are to be listed.
            ListingsQueued: Count, Estimate, "listings_queued", None, None, "listings_queued";
            /// Channels whose archived threads were listed, or couldn't be.
            ListingsRead: Count, Estimate, "listings_read", None, None, "listings_read";
        }
    };
}

macro_rules! declare {
    ($($(#[$doc:meta])* $name:ident: $unit:ident, $group:ident, $key:literal, $job:expr, $channel:expr, $log:literal;)*) => {
        /// Something counted. The last word is the unit.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Counter {
            $($(#[$doc])* $name,)*
        }

        impl Counter {
            /// Every counter, in the order of the enum.
            pub const ALL: &'static [CounterSpec] = &[
                $(CounterSpec {
                    counter: Counter::$name,
                    unit: CounterUnit::$unit,
                    group: CounterGroup::$group,
                    key: $key,
                    job_column: $job,
                    channel_column: $channel,
                    log_field: $log,
                },)*
            ];
        }
    };
}

with_counters!(declare);
pub(crate) use with_counters;

/// How many counters there are.
pub const COUNTERS: usize = Counter::ALL.len();

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts([u64; COUNTERS]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; COUNTERS])
    }
}

impl Counts {
    /// A counter as it was counted.
    pub const fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// Sets a counter.
    pub const fn set(&mut self, counter: Counter, amount: u64) {
        self.0[counter as usize] = amount;
    }

    /// A counter of milliseconds in seconds.
    #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
    pub const fn seconds(&self, counter: Counter) -> f64 {
        self.get(counter) as f64 / 1000.0
    }

    /// Sets a counter of milliseconds.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time that was counted")]
    pub const fn set_seconds(&mut self, counter: Counter, seconds: f64) {
        self.set(counter, (seconds * 1000.0).round() as u64);
    }

    /// Seconds waited because of the platform's limits.
    pub const fn limit_wait_seconds(&self) -> f64 {
        self.seconds(Counter::BucketWaitMilliseconds)
            + self.seconds(Counter::GlobalWaitMilliseconds)
            + self.seconds(Counter::GuardWaitMilliseconds)
    }

    /// Messages that were read again and had not changed.
    pub const fn reread_messages(&self) -> u64 {
        let new_or_changed = self.get(Counter::NewMessages) + self.get(Counter::ChangedMessages);
        self.get(Counter::Messages).saturating_sub(new_or_changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_enum_indexes_its_declarations() {
        for (index, spec) in Counter::ALL.iter().enumerate() {
            assert_eq!(spec.counter as usize, index);
            let is_wait = spec.group == CounterGroup::Waits;
            assert_eq!(is_wait, spec.unit == CounterUnit::Seconds, "{}", spec.key);
        }
        let mut counts = Counts::default();
        counts.set(Counter::ListingsRead, 7);
        counts.set_seconds(Counter::GuardWaitMilliseconds, 1.5);
        assert_eq!((counts.get(Counter::ListingsRead), counts.get(Counter::Messages)), (7, 0));
        assert_eq!(counts.get(Counter::GuardWaitMilliseconds), 1500);
        assert!((counts.limit_wait_seconds() - 1.5).abs() < 1e-9);
    }
}
