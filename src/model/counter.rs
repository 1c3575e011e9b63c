//! The counters of a job, each declared once. [`Counter`] indexes an array; the tables,
//! JSON and the log iterate over [`Counter::ALL`] rather than list counters themselves.

/// The unit in which a counter is displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CounterUnit {
    /// A plain number.
    Count,
    /// Seconds. The counter itself holds milliseconds.
    Seconds,
}

/// The position of a counter in a job's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CounterGroup {
    /// At the top level, beside the job's other fields.
    Job,
    /// In `parallel_stats`.
    Parallel,
    /// In `parallel_stats.waits`.
    Waits,
    /// Not in JSON: used only to estimate the remaining time.
    Estimate,
}

/// How a counter is stored and displayed.
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
    /// Its column in `sync_jobs`. `None`: stored under its key in the JSON column
    /// `counts`, unless its group is [`CounterGroup::Estimate`].
    pub job_column: Option<&'static str>,
    /// Its column in `channel_sync_jobs`; also its key in a channel's JSON, where
    /// counters of [`CounterGroup::Waits`] use [`Self::key`] instead. `None`: not
    /// stored per channel.
    pub channel_column: Option<&'static str>,
    /// Its field name in the log.
    pub log_field: &'static str,
}

/// Calls a macro with all counters: doc comment, name, unit, group, key, job column,
/// channel column, log field.
macro_rules! with_counters {
    ($then:ident) => {
        $then! {
            /// Requests sent to the platform, retries included.
            ApiCalls: Count, Parallel, "total_api_calls", Some("total_api_calls"), Some("total_api_calls"), "api_calls";
            /// Requests repeated after a transient error.
            Retries: Count, Parallel, "retries", Some("retries"), Some("retry_count"), "retries";
            /// Responses with a rate-limit error.
            RateLimitEncounters: Count, Parallel, "rate_limit_encounters", Some("rate_limit_encounters"),
                Some("rate_limit_encounters"), "rate_limit_encounters";
            /// Of these, those for a route or resource, counted for this client alone.
            UserRateLimits: Count, Parallel, "rate_limits_user", None, None, "user_rate_limits";
            /// Those for a resource, counted for all clients together.
            SharedRateLimits: Count, Parallel, "rate_limits_shared", None, None, "shared_rate_limits";
            /// Those for all requests of this client.
            GlobalRateLimits: Count, Parallel, "rate_limits_global", None, None, "global_rate_limits";
            /// Time spent waiting for the rate-limit bucket of a channel or route. Waits
            /// are summed over requests: ten requests that wait one second at the same
            /// time count ten seconds.
            BucketWaitMilliseconds: Seconds, Waits, "bucket_seconds", Some("bucket_wait_seconds"),
                Some("bucket_wait_seconds"), "bucket_wait_seconds";
            /// Time spent waiting because the platform stopped all requests.
            GlobalWaitMilliseconds: Seconds, Waits, "global_seconds", Some("global_wait_seconds"),
                Some("global_wait_seconds"), "global_wait_seconds";
            /// Time spent waiting for the pace that is reduced after refused requests.
            GuardWaitMilliseconds: Seconds, Waits, "guard_seconds", Some("guard_wait_seconds"),
                Some("guard_wait_seconds"), "guard_wait_seconds";
            /// Time spent waiting for the run's own request rate and for the number of
            /// requests in flight to drop below its limit.
            PaceWaitMilliseconds: Seconds, Waits, "pace_seconds", Some("pace_wait_seconds"),
                Some("pace_wait_seconds"), "pace_wait_seconds";
            /// Time spent backing off between a failed attempt and the next.
            RetryWaitMilliseconds: Seconds, Waits, "retry_seconds", Some("retry_wait_seconds"),
                Some("retry_wait_seconds"), "retry_wait_seconds";
            /// Messages in committed pages: new, changed and unchanged.
            Messages: Count, Job, "messages_processed", Some("messages_processed"), Some("messages_processed"),
                "messages";
            /// Messages among these that were not archived before.
            NewMessages: Count, Job, "messages_new", Some("messages_new"), None, "new_messages";
            /// Messages among these that differed from their archived version.
            ChangedMessages: Count, Job, "messages_changed", Some("messages_changed"), None, "changed_messages";
            /// Malformed messages: dropped, or stored without their malformed fields.
            MalformedMessages: Count, Job, "broken_messages", Some("broken_messages"), None, "malformed_messages";
            /// Sum of the reaction counts of the messages in committed pages.
            Reactions: Count, Job, "reactions_processed", Some("reactions_processed"), None, "reactions";
            /// Attachments in committed pages.
            Attachments: Count, Job, "attachments_processed", Some("attachments_processed"), None, "attachments";
            /// Pending reactor lists (one per message and emoji) that the job is to read.
            ReactorListsQueued: Count, Estimate, "reactions_queued", None, None, "reactions_queued";
            /// Reactor lists of these that were read, or whose message or emoji is gone.
            ReactorListsRead: Count, Estimate, "reactions_read", None, None, "reactions_read";
            /// Parent channels whose archived threads are to be listed.
            ListingsQueued: Count, Estimate, "listings_queued", None, None, "listings_queued";
            /// Parent channels among these whose listing ended, successfully or not.
            ListingsRead: Count, Estimate, "listings_read", None, None, "listings_read";
        }
    };
}

macro_rules! declare {
    ($($(#[$doc:meta])* $name:ident: $unit:ident, $group:ident, $key:literal, $job:expr, $channel:expr, $log:literal;)*) => {
        /// A counter. The last word of its name is the unit.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Counter {
            $($(#[$doc])* $name,)*
        }

        impl Counter {
            /// The declarations of all counters, in the order of the enum.
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

/// The number of counters.
pub const COUNTERS: usize = Counter::ALL.len();

/// The values of all counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts([u64; COUNTERS]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; COUNTERS])
    }
}

impl Counts {
    /// The value of a counter.
    pub const fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// Sets a counter.
    pub const fn set(&mut self, counter: Counter, amount: u64) {
        self.0[counter as usize] = amount;
    }

    /// The value of a milliseconds counter in seconds.
    #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
    pub const fn seconds(&self, counter: Counter) -> f64 {
        self.get(counter) as f64 / 1000.0
    }

    /// Sets a milliseconds counter from seconds.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a duration that was counted")]
    pub const fn set_seconds(&mut self, counter: Counter, seconds: f64) {
        self.set(counter, (seconds * 1000.0).round() as u64);
    }

    /// Seconds spent waiting for the platform's limits: bucket, global and guard waits.
    pub const fn limit_wait_seconds(&self) -> f64 {
        self.seconds(Counter::BucketWaitMilliseconds)
            + self.seconds(Counter::GlobalWaitMilliseconds)
            + self.seconds(Counter::GuardWaitMilliseconds)
    }

    /// Messages that were read again and were unchanged.
    pub const fn reread_messages(&self) -> u64 {
        let new_or_changed = self.get(Counter::NewMessages) + self.get(Counter::ChangedMessages);
        self.get(Counter::Messages).saturating_sub(new_or_changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_index_their_declarations() {
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
