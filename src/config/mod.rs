//! Configuration: `sync.toml`, environment variables and flags become one
//! [`Config`] whose values are complete and checked.
//!
//! [`Config::load`] reports everything that is wrong at once, each with its
//! place and what to write instead. The bot token is no part of a `Config`:
//! it only knows where the token is ([`TokenSource`]).

mod api_url;
mod channel_selector;
mod declare;
mod environment;
mod error;
mod file;
mod keys;
mod lines;
mod pasted;
mod path;
mod problem;
mod redact;
mod resolve;
mod secret;
mod section;
mod source;
mod suggest;
mod syntax;
mod time;
mod token;
mod value;

#[cfg(test)]
mod tests;

pub use api_url::ApiUrl;
pub use channel_selector::ChannelSelector;
pub use environment::Environment;
pub use error::{ConfigError, UnknownTenant};
pub use keys::{ArchiveConfig, Overrides, PlatformConfig, SyncConfig, TenantConfig};
pub use problem::InvalidValue;
pub use redact::{holds_token, shown as quoted};
pub use resolve::Config;
pub use secret::Secret;
pub use suggest::suggest;
pub use time::{parse_date, parse_duration};
pub use token::{TokenError, TokenSource};
