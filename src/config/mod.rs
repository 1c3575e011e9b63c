//! Configuration: merges `sync.toml`, environment variables and flags into one
//! validated [`Config`] with every default filled in.
//!
//! [`Config::load`] reports all problems at once, each with its location and a
//! remedy. A `Config` never holds the bot token, only its source
//! ([`TokenSource`]).

mod api_url;
mod channel_selector;
mod declare;
mod environment;
mod error;
mod hash_key;
mod include;
mod invalid_value;
mod keys;
mod lines;
mod pasted_token;
mod path;
mod problem;
mod redact;
mod resolve;
mod secret;
mod section;
mod source;
mod suggest;
mod syntax;
mod tables;
mod time;
mod token;
mod value;

#[cfg(test)]
mod tests;

pub use api_url::ApiUrl;
pub use channel_selector::ChannelSelector;
pub use environment::Environment;
pub use error::{ConfigError, UnknownTenant};
pub use hash_key::{HashKeyError, HashKeyFile};
pub use invalid_value::InvalidValue;
pub use keys::{
    ArchiveConfig, InsightsConfig, MetricsConfig, Overrides, PlatformConfig, SearchConfig, SyncConfig,
    TenantConfig, variables,
};
pub use redact::{holds_token, quoted_input};
pub use resolve::Config;
pub use secret::Secret;
pub use suggest::suggest;
pub use time::{parse_date, parse_duration};
pub use token::{TokenError, TokenSource};
