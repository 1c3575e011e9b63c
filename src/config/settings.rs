//! What a configuration says, complete and checked.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::api_url::ApiUrl;
use super::channel_selector::ChannelSelector;
use super::environment::{Environment, Overrides};
use super::error::{ConfigError, UnknownTenant};
use super::resolve::resolve;
use super::source::Source;
use super::token::TokenSource;
use crate::model::{OnRateLimit, ReactionMode, Timestamp, VisibilityRule, WorkspaceId};

/// The whole configuration; every default is filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file it was read from.
    pub source: PathBuf,
    /// `[archive]`.
    pub archive: ArchiveConfig,
    /// `[discord]`.
    pub discord: DiscordConfig,
    /// `[sync]`.
    pub sync: SyncConfig,
    /// Each `[[tenant]]` in the file's order, at least one.
    pub tenants: Vec<TenantConfig>,
}

/// Where the archive is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveConfig {
    /// The file: absolute, and without symbolic links where its folder exists.
    pub path: PathBuf,
    /// The permission bits of a file that is created.
    pub mode: u32,
}

/// How Discord is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct DiscordConfig {
    /// Where the bot token is.
    pub token: TokenSource,
    /// Discord itself, a proxy or a simulator.
    pub api_url: ApiUrl,
    /// Requests a second at most, in all; positive.
    pub requests_per_second: f64,
}

/// How a sync works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncConfig {
    /// Requests in flight at once, at least 1.
    pub max_channel_workers: usize,
    /// Channels a tenant may open before the next tenant's turn, at least 1.
    pub channel_batch_size: usize,
    /// Messages a page, 1 to 100.
    pub message_fetch_size: u16,
    /// History this young is read again; zero turns it off.
    pub refresh_window: Duration,
    /// How much of reactions is archived.
    pub reactions: ReactionMode,
    /// A run's time for reading who reacted.
    pub reaction_budget: Duration,
    /// What to do when a rate limit is met.
    pub on_rate_limit: OnRateLimit,
    /// Attempts after the first.
    pub max_retries: u32,
    /// The wait before the first retry; each further one doubles it.
    pub retry_base_delay: Duration,
    /// For connecting, for the headers and for the body, each; never zero.
    pub request_timeout: Duration,
    /// Finished channel jobs older than this are removed after a run.
    pub job_retention: Duration,
}

/// A community to archive. What it leaves out is taken from `[sync]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantConfig {
    /// What people call it; unique in the file.
    pub name: String,
    /// Where it is.
    pub platform: Platform,
    /// Which one it is there; unique in the file.
    pub workspace_id: WorkspaceId,
    /// Older messages are left out.
    pub since: Option<Timestamp>,
    /// Only these channels, unless empty.
    pub include_channels: Vec<ChannelSelector>,
    /// Never these channels, even if they are included.
    pub exclude_channels: Vec<ChannelSelector>,
    /// How much of reactions is archived.
    pub reactions: ReactionMode,
    /// History this young is read again; zero turns it off.
    pub refresh_window: Duration,
    /// Which channels count as public.
    pub visibility: VisibilityRule,
}

/// A platform that communities are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Platform {
    /// Discord.
    Discord,
}

impl Platform {
    /// The name in the file and in the archive.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Discord => "discord",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Config {
    /// Finds and reads the configuration. `explicit` is the path given by
    /// `--config`. Flags win over the environment, that over a tenant's keys,
    /// those over the rest of the file, that over the defaults.
    ///
    /// # Errors
    /// If there is no file, it can't be read, or anything in it or in the
    /// variables and flags that stand for it can't be used: then all of it.
    pub fn load(explicit: Option<&Path>, env: &Environment, flags: &Overrides) -> Result<Self, ConfigError> {
        let source = Source::find(explicit, env)?;
        resolve(&source, env, flags)
    }

    /// The tenants of these names, each once and in this order; all if there
    /// are no names.
    ///
    /// # Errors
    /// If the configuration lacks any of them.
    pub fn tenants_named(&self, names: &[String]) -> Result<Vec<&TenantConfig>, UnknownTenant> {
        if names.is_empty() {
            return Ok(self.tenants.iter().collect());
        }
        let mut tenants: Vec<&TenantConfig> = Vec::new();
        let mut unknown = Vec::new();
        for name in names {
            match self.tenants.iter().find(|tenant| tenant.name == *name) {
                Some(tenant) if !tenants.contains(&tenant) => tenants.push(tenant),
                Some(_) => {}
                None => unknown.push(name.clone()),
            }
        }
        if unknown.is_empty() {
            return Ok(tenants);
        }
        let known = self.tenants.iter().map(|tenant| tenant.name.clone()).collect();
        Err(UnknownTenant { unknown, known })
    }
}
