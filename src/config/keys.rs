//! Every section and key of `sync.toml`, each declared once.
//!
//! The file, the variables and flags that win over it, the defaults, the
//! suggestions for misspelled keys and the test of `sync.toml.example` derive
//! from these declarations.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::api_url::ApiUrl;
use super::channel_selector::ChannelSelector;
use super::declare::declare_section;
use super::pasted::variable_name;
use super::section::{Key, Platforms, Reader, Scope, Section};
use super::time::LONGEST;
use super::token::TokenSource;
use super::value::{
    archive_path, by_name, choice, date, duration, file_mode, list, optional, parsed, rate, tenant_name,
    token_file, whole, workspace_id,
};
use crate::model::{OnRateLimit, PlatformSpec, ReactionMode, Timestamp, VisibilityRule, WorkspaceId};

/// The section for where the archive is.
pub(super) const ARCHIVE: &str = "archive";
/// The section for how a sync works.
pub(super) const SYNC: &str = "sync";
/// The section that there may be many of.
pub(super) const TENANT: &str = "tenant";
/// The key of a tenant that decides which keys it has.
pub(super) const PLATFORM: &str = "platform";

const REACTIONS: &[(&str, ReactionMode)] =
    &[("users", ReactionMode::Users), ("counts", ReactionMode::Counts), ("off", ReactionMode::Off)];
const ON_RATE_LIMIT: &[(&str, OnRateLimit)] = &[("wait", OnRateLimit::Wait), ("stop", OnRateLimit::Stop)];
const VISIBILITY: &[(&str, VisibilityRule)] =
    &[("everyone", VisibilityRule::Everyone), ("history", VisibilityRule::History)];

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_hours(1);
/// For windows and budgets, which zero turns off.
const ANY_DURATION: RangeInclusive<Duration> = Duration::ZERO..=LONGEST;
/// The delay doubles each time: from the default, ten come to 17 minutes.
const RETRIES: RangeInclusive<u32> = 0..=10;
const RETRY_DELAYS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(10);

/// Values given by flags; they win over everything else.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--max-channel-workers`.
    pub max_channel_workers: Option<usize>,
}

declare_section! {
    /// Where the archive is.
    pub struct ArchiveConfig for scope, read(reader, section) {
        /// The file: absolute, and without symbolic links where its folder exists.
        path: PathBuf = parsed(archive_path(reader.env, reader.folder)), default "archive.db";
        /// The permission bits of a file that is created.
        mode: u32 = file_mode, default "0600";
    }
}

declare_section! {
    /// How a platform is reached.
    pub struct PlatformConfig
        with {
            /// The platform.
            spec: &'static PlatformSpec = scope.platform
        }
        for scope, read(reader, section) {
        /// The variable that holds the token, unless `token_file` is set.
        token_env: String = parsed(|text| variable_name(text, scope.platform)), default scope.platform.default_token_env;
        /// The file that holds the token.
        token_file: Option<TokenSource> = optional(parsed(token_file(reader.env, reader.folder, scope.platform))), or None;
        /// The platform itself, a proxy or a simulator.
        api_url: ApiUrl = parsed(|text| ApiUrl::parse(text, scope.platform)), default scope.platform.default_api_url;
        /// Requests a second at most, in all; positive.
        requests_per_second: f64 = rate(scope.platform, section.entries.get("api_url").map(|url| &url.value)),
            default scope.platform.default_requests_per_second.to_string();
    }
}

declare_section! {
    /// How a sync works.
    pub struct SyncConfig for scope, read(reader, section, flags: &Overrides) {
        /// Requests in flight at once, at least 1.
        max_channel_workers: usize = whole(1..=1000), default "10",
            env "SYNC_MAX_CHANNEL_WORKERS", flag "--max-channel-workers" from flags.max_channel_workers;
        /// Channels a tenant may open before the next tenant's turn, at least 1.
        channel_batch_size: usize = whole(1..=10_000), default "5", env "SYNC_CHANNEL_BATCH_SIZE";
        /// Messages a page, at least 1. A platform with smaller pages gets its own limit.
        message_fetch_size: u16 = whole(1..=largest_page(scope)), default largest_page(scope).to_string(),
            env "SYNC_MESSAGE_FETCH_SIZE";
        /// History this young is read again; zero turns it off.
        refresh_window: Duration = duration(ANY_DURATION), default "24h";
        /// How much of reactions is archived.
        reactions: ReactionMode = choice(REACTIONS), default "users";
        /// A run's time for reading who reacted.
        reaction_budget: Duration = duration(ANY_DURATION), default "15m";
        /// What to do when a rate limit is met.
        on_rate_limit: OnRateLimit = choice(ON_RATE_LIMIT), default "wait";
        /// Attempts after the first.
        max_retries: u32 = whole(RETRIES), default "3";
        /// The wait before the first retry; each further one doubles it.
        retry_base_delay: Duration = duration(RETRY_DELAYS), default "1s";
        /// For connecting, for the headers and for the body, each; never zero.
        request_timeout: Duration = duration(MILLISECOND..=HOUR), default "30s";
        /// Finished channel jobs older than this are removed after a run.
        job_retention: Duration = duration(ANY_DURATION), default "7d";
    }
}

declare_section! {
    /// A community to archive. What it leaves out is taken from `[sync]`.
    pub struct TenantConfig for scope, read(reader, section, sync: &SyncConfig) {
        /// What people call it; unique in the file.
        name: String = parsed(tenant_name), required "add name = \"…\", the name you want to call it by";
        /// Where it is.
        platform: &'static PlatformSpec = choice(by_name(scope.platforms)), default scope.platforms[0].name;
        /// Which one it is there; unique in the file.
        workspace_id: WorkspaceId = parsed(workspace_id(scope.platform)), named scope.platform.workspace_key,
            required format!("add {} = \"…\", the ID of the {}", scope.platform.workspace_key, scope.platform.workspace());
        /// Older messages are left out.
        since: Option<Timestamp> = optional(date), or None;
        /// Only these channels, unless empty.
        include_channels: Vec<ChannelSelector> = list(|text| ChannelSelector::parse(text, scope.platform)), or Vec::new();
        /// Never these channels, even if they are included.
        exclude_channels: Vec<ChannelSelector> = list(|text| ChannelSelector::parse(text, scope.platform)), or Vec::new();
        /// How much of reactions is archived.
        reactions: ReactionMode = choice(REACTIONS), or sync.reactions;
        /// History this young is read again; zero turns it off.
        refresh_window: Duration = duration(ANY_DURATION), or sync.refresh_window;
        /// Which channels count as public.
        visibility: VisibilityRule = choice(VISIBILITY), default "everyone";
    }
}

/// The sections, in the order in which the example has them.
pub(super) fn sections(platforms: Platforms) -> Vec<&'static str> {
    let of_platforms = platforms.iter().map(|platform| platform.name);
    [ARCHIVE].into_iter().chain(of_platforms).chain([SYNC, TENANT]).collect()
}

/// A section's keys, in the order in which the example has them.
pub(super) fn keys_of(section: &str, scope: Scope) -> Vec<Key> {
    match section {
        ARCHIVE => ArchiveConfig::keys(scope),
        SYNC => SyncConfig::keys(scope),
        TENANT => TenantConfig::keys(scope),
        _ => PlatformConfig::keys(scope),
    }
}

/// The names of a section's keys.
pub(super) fn names_of(section: &str, scope: Scope) -> Vec<&'static str> {
    keys_of(section, scope).iter().map(|key| key.name).collect()
}

/// The section that has this key.
pub(super) fn home_of(key: &str, scope: Scope) -> Option<&'static str> {
    let has_key = |section: &str| {
        scope.platforms.iter().any(|platform| names_of(section, scope.of(platform)).contains(&key))
    };
    sections(scope.platforms).into_iter().find(|section| has_key(section))
}

/// The longest page that any platform has.
fn largest_page(scope: Scope) -> u16 {
    scope.platforms.iter().map(|platform| platform.max_page_size).max().unwrap_or(1)
}
