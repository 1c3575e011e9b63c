//! The `[sync]` section, and the variables and flags that stand for its keys.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::environment::Overrides;
use super::file::Section;
use super::resolve::{ANY_DURATION, REACTIONS, Resolver};
use super::settings::SyncConfig;
use super::value::{self, Whole};
use crate::model::OnRateLimit;

const ON_RATE_LIMIT: [(&str, OnRateLimit); 2] = [("wait", OnRateLimit::Wait), ("stop", OnRateLimit::Stop)];

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A whole number that an environment variable may set, too.
struct Setting<T> {
    key: &'static str,
    variable: &'static str,
    range: RangeInclusive<T>,
    default: T,
}

const WORKERS: Setting<usize> = Setting {
    key: "max_channel_workers",
    variable: "SYNC_MAX_CHANNEL_WORKERS",
    range: 1..=1000,
    default: 10,
};

const BATCH: Setting<usize> =
    Setting { key: "channel_batch_size", variable: "SYNC_CHANNEL_BATCH_SIZE", range: 1..=10_000, default: 5 };

/// Discord's limit for a page:
/// <https://discord.com/developers/docs/resources/message#get-channel-messages>.
const PAGE: Setting<u16> =
    Setting { key: "message_fetch_size", variable: "SYNC_MESSAGE_FETCH_SIZE", range: 1..=100, default: 100 };

/// The delay doubles each time: from the default, ten come to 17 minutes.
const RETRIES: RangeInclusive<u32> = 0..=10;

impl Resolver<'_> {
    pub(super) fn sync(&mut self, section: &Section<'_>, flags: &Overrides) -> SyncConfig {
        let workers = self.setting(section, &WORKERS);
        let workers_flag = self.workers_flag(section, flags);
        let refresh_window = self.duration(section, "refresh_window", ANY_DURATION);
        let reactions = self.choice(section, "reactions", &REACTIONS);
        let reaction_budget = self.duration(section, "reaction_budget", ANY_DURATION);
        let on_rate_limit = self.choice(section, "on_rate_limit", &ON_RATE_LIMIT);
        let max_retries = self.read(section, "max_retries", |value| value::whole(value, &RETRIES));
        let delay = self.duration(section, "retry_base_delay", Duration::ZERO..=10 * MINUTE);
        let timeout = self.duration(section, "request_timeout", MILLISECOND..=HOUR);
        let job_retention = self.duration(section, "job_retention", ANY_DURATION);
        SyncConfig {
            max_channel_workers: workers_flag.unwrap_or(workers),
            channel_batch_size: self.setting(section, &BATCH),
            message_fetch_size: self.setting(section, &PAGE),
            refresh_window: refresh_window.unwrap_or(DAY),
            reactions: reactions.unwrap_or_default(),
            reaction_budget: reaction_budget.unwrap_or(15 * MINUTE),
            on_rate_limit: on_rate_limit.unwrap_or_default(),
            max_retries: max_retries.unwrap_or(3),
            retry_base_delay: delay.unwrap_or(SECOND),
            request_timeout: timeout.unwrap_or(30 * SECOND),
            job_retention: job_retention.unwrap_or(7 * DAY),
        }
    }

    /// The variable's value, else the file's, else the default; both are checked.
    fn setting<T: Whole>(&mut self, section: &Section<'_>, setting: &Setting<T>) -> T {
        let file = self.read(section, setting.key, |value| value::whole(value, &setting.range));
        let env = self.variable(section, setting);
        env.or(file).unwrap_or(setting.default)
    }

    fn variable<T: Whole>(&mut self, section: &Section<'_>, setting: &Setting<T>) -> Option<T> {
        let name = setting.variable;
        let text = self.env.variable(name)?.to_string_lossy();
        value::parse_whole(&text, &setting.range)
            .map_err(|invalid| self.found.at_variable(name, section.path(setting.key), invalid))
            .ok()
    }

    fn workers_flag(&mut self, section: &Section<'_>, flags: &Overrides) -> Option<usize> {
        let key = section.path(WORKERS.key);
        value::check_whole(flags.max_channel_workers?, &WORKERS.range)
            .map_err(|invalid| self.found.at_flag("--max-channel-workers", key, invalid))
            .ok()
    }
}
