//! Every section and key of `sync.toml`, each declared once.
//!
//! The parser of the file, the variables and flags that override it, the defaults,
//! the suggestions for misspelled keys and the test of `sync.toml.example` all derive
//! from these declarations.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::api_url::ApiUrl;
use super::channel_selector::ChannelSelector;
use super::declare::declare_section;
use super::hash_key::HashKeyFile;
use super::pasted_token::variable_name;
use super::section::{Key, Platforms, Reader, Scope, Section};
use super::time::MAX_DURATION;
use super::token::TokenSource;
use super::value::{
    archive_path, by_name, choice, date, duration, file_mode, hash_key_file, list, optional, parsed, rate,
    tenant_name, token_file, truth, whole, workspace_id,
};
use crate::model::{PlatformSpec, RateLimitPolicy, ReactionMode, Timestamp, VisibilityRule, WorkspaceId};

/// The section of the archive's path and mode.
pub(super) const ARCHIVE: &str = "archive";
/// The section of the settings for all runs.
pub(super) const SYNC: &str = "sync";
/// The section of the search index.
pub(super) const SEARCH: &str = "search";
/// The section of reports.
pub(super) const INSIGHTS: &str = "insights";
/// The section of the metrics file.
pub(super) const METRICS: &str = "metrics";
/// The section that occurs once per tenant.
pub(super) const TENANT: &str = "tenant";
/// The key of `[[tenant]]` that determines which other keys it has.
pub(super) const PLATFORM: &str = "platform";

const REACTIONS: &[(&str, ReactionMode)] =
    &[("users", ReactionMode::Users), ("counts", ReactionMode::Counts), ("off", ReactionMode::Off)];
const ON_RATE_LIMIT: &[(&str, RateLimitPolicy)] =
    &[("wait", RateLimitPolicy::Wait), ("stop", RateLimitPolicy::Stop)];
const INDEX: &[(&str, bool)] = &[("auto", true), ("off", false)];
/// Tags that say that a question is solved, unless the file names others.
const SOLVED_TAGS: [&str; 5] = ["solved", "resolved", "answered", "fixed", "done"];
const VISIBILITY: &[(&str, VisibilityRule)] =
    &[("everyone", VisibilityRule::Everyone), ("history", VisibilityRule::History)];

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_hours(1);
/// For durations that may be zero.
const ANY_DURATION: RangeInclusive<Duration> = Duration::ZERO..=MAX_DURATION;
/// The delay doubles with each retry: with the default delay, ten retries take 17
/// minutes.
const RETRY_RANGE: RangeInclusive<u32> = 0..=10;
const RETRY_DELAY_RANGE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(10);

/// Values given by flags. They override every other source.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--max-channel-workers`.
    pub max_channel_workers: Option<usize>,
}

declare_section! {
    /// `[archive]`: the archive's path, mode and key.
    pub struct ArchiveConfig for scope, read(reader, section) {
        /// Absolute, with symbolic links resolved if the folder exists.
        path: PathBuf = parsed(archive_path(reader.env, reader.folder)), default "archive.db";
        /// Permission bits for creating the archive.
        mode: u32 = file_mode, default "0600";
        /// The file with the key of a keyed archive; `None` for plain hashes.
        hash_key_file: Option<HashKeyFile> = optional(parsed(hash_key_file(reader.env, reader.folder))), or None;
    }
}

declare_section! {
    /// The section of a platform, such as `[discord]`: token, URL and rate.
    pub struct PlatformConfig
        with {
            /// The platform.
            spec: &'static PlatformSpec = scope.platform
        }
        for scope, read(reader, section) {
        /// Name of the variable that holds the token; unused if `token_file` is set.
        token_env: String = parsed(|text| variable_name(text, scope.platform)), default scope.platform.default_token_env;
        /// The file that holds the token.
        token_file: Option<TokenSource> = optional(parsed(token_file(reader.env, reader.folder, scope.platform))), or None;
        /// URL of the platform's API, a proxy or a simulator.
        api_url: ApiUrl = parsed(|text| ApiUrl::parse(text, scope.platform)), default scope.platform.default_api_url;
        /// Limit for all requests together; positive.
        requests_per_second: f64 = rate(scope.platform, section.entries.get("api_url").map(|url| &url.value)),
            default scope.platform.default_requests_per_second.to_string();
    }
}

declare_section! {
    /// `[sync]`: settings for all runs, and defaults for the tenants.
    pub struct SyncConfig for scope, read(reader, section, flags: &Overrides) {
        /// Limit of concurrent requests, at least 1.
        max_channel_workers: usize = whole(1..=1000), default "10",
            env "SYNC_MAX_CHANNEL_WORKERS", flag "--max-channel-workers" from flags.max_channel_workers;
        /// Channels that a tenant may open before the next tenant's turn, at least 1.
        channel_batch_size: usize = whole(1..=10_000), default "5", env "SYNC_CHANNEL_BATCH_SIZE";
        /// Messages per page, at least 1. Capped at the platform's page size.
        message_fetch_size: u16 = whole(1..=max_page_size(scope)), default max_page_size(scope).to_string(),
            env "SYNC_MESSAGE_FETCH_SIZE";
        /// Messages younger than this are re-read; zero disables the refresh window.
        refresh_window: Duration = duration(ANY_DURATION), default "24h";
        /// Whether reactors, reaction counts or no reactions are archived.
        reactions: ReactionMode = choice(REACTIONS), default "users";
        /// Time per run for reading reactor lists.
        reaction_budget: Duration = duration(ANY_DURATION), default "15m";
        /// Whether a run waits for a rate limit or stops.
        on_rate_limit: RateLimitPolicy = choice(ON_RATE_LIMIT), default "wait";
        /// Retries per request, after the first attempt.
        max_retries: u32 = whole(RETRY_RANGE), default "3";
        /// Delay before the first retry; it doubles with each further retry.
        retry_base_delay: Duration = duration(RETRY_DELAY_RANGE), default "1s";
        /// Timeout for connecting, for the headers and for the body, each; never zero.
        request_timeout: Duration = duration(MILLISECOND..=HOUR), default "30s";
        /// Age at which the records of finished channel jobs are deleted.
        job_retention: Duration = duration(ANY_DURATION), default "7d";
        /// Whether the platform's own search finds archived threads that were written in.
        server_search: bool = truth, default "true";
    }
}

declare_section! {
    /// `[search]`: the search index.
    pub struct SearchConfig for scope, read(reader, section) {
        /// Whether the first search builds an index, and runs keep it up to date.
        index: bool = choice(INDEX), default "auto";
    }
}

declare_section! {
    /// `[insights]`: reports.
    pub struct InsightsConfig for scope, read(reader, section) {
        /// Names of tags that say that a question in a forum is solved.
        solved_tags: Vec<String> = list(|text| Ok(text.to_owned())), or SOLVED_TAGS.map(str::to_owned).to_vec();
    }
}

declare_section! {
    /// `[metrics]`: the file for Prometheus.
    pub struct MetricsConfig for scope, read(reader, section) {
        /// The file that each run replaces at its end; none if `None`.
        textfile: Option<PathBuf> = optional(parsed(archive_path(reader.env, reader.folder))), or None;
    }
}

declare_section! {
    /// `[[tenant]]`: a workspace to archive. `reactions` and `refresh_window` default to
    /// those of `[sync]`.
    pub struct TenantConfig for scope, read(reader, section, sync: &SyncConfig) {
        /// The operator's name for the tenant; unique in the file.
        name: String = parsed(tenant_name), required "add name = \"…\", your name for the tenant";
        /// The workspace's platform.
        platform: &'static PlatformSpec = choice(by_name(scope.platforms)), default scope.platforms[0].name;
        /// The workspace's ID on the platform; unique in the file.
        workspace_id: WorkspaceId = parsed(workspace_id(scope.platform)), named scope.platform.workspace_key,
            required format!("add {} = \"…\", the ID of the {}", scope.platform.workspace_key, scope.platform.workspace_title());
        /// Messages before this time are not archived.
        since: Option<Timestamp> = optional(date), or None;
        /// Channels to archive; all if empty.
        include_channels: Vec<ChannelSelector> = list(|text| ChannelSelector::parse(text, scope.platform)), or Vec::new();
        /// Channels never to archive; takes precedence over `include_channels`.
        exclude_channels: Vec<ChannelSelector> = list(|text| ChannelSelector::parse(text, scope.platform)), or Vec::new();
        /// Whether reactors, reaction counts or no reactions are archived.
        reactions: ReactionMode = choice(REACTIONS), or sync.reactions;
        /// Messages younger than this are re-read; zero disables the refresh window.
        refresh_window: Duration = duration(ANY_DURATION), or sync.refresh_window;
        /// Rule that decides which channels are public.
        visibility: VisibilityRule = choice(VISIBILITY), default "everyone";
    }
}

/// The names of all sections, in the order of `sync.toml.example`.
pub(super) fn sections(platforms: Platforms) -> Vec<&'static str> {
    let of_platforms = platforms.iter().map(|platform| platform.name);
    [ARCHIVE].into_iter().chain(of_platforms).chain([SYNC, SEARCH, INSIGHTS, METRICS, TENANT]).collect()
}

/// The environment variables that override keys, each with its key.
pub fn variables(platforms: Platforms) -> Vec<(&'static str, String)> {
    let scope = Scope::new(platforms);
    let of_section = |section: &'static str| {
        let keys = keys_of(section, scope).into_iter();
        keys.filter_map(move |key| Some((key.variable?, format!("{section}.{}", key.name))))
    };
    sections(platforms).into_iter().flat_map(of_section).collect()
}

/// A section's keys, in the order of `sync.toml.example`.
pub(super) fn keys_of(section: &str, scope: Scope) -> Vec<Key> {
    match section {
        ARCHIVE => ArchiveConfig::keys(scope),
        SYNC => SyncConfig::keys(scope),
        SEARCH => SearchConfig::keys(scope),
        INSIGHTS => InsightsConfig::keys(scope),
        METRICS => MetricsConfig::keys(scope),
        TENANT => TenantConfig::keys(scope),
        _ => PlatformConfig::keys(scope),
    }
}

/// The names of a section's keys.
pub(super) fn key_names(section: &str, scope: Scope) -> Vec<&'static str> {
    keys_of(section, scope).iter().map(|key| key.name).collect()
}

/// The first section that has this key on any platform.
pub(super) fn section_with_key(key: &str, scope: Scope) -> Option<&'static str> {
    let has_key = |section: &str| {
        scope.platforms.iter().any(|platform| key_names(section, scope.of(platform)).contains(&key))
    };
    sections(scope.platforms).into_iter().find(|section| has_key(section))
}

/// The largest page size of any platform.
fn max_page_size(scope: Scope) -> u16 {
    scope.platforms.iter().map(|platform| platform.max_page_size).max().unwrap_or(1)
}
