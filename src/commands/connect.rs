//! What commands need that ask the platform.

use std::sync::Arc;
use std::time::Duration;

use super::{Failure, FailureKind, Surroundings};
use crate::config::{Config, PlatformConfig, TenantConfig};
use crate::model::{Cause, Timestamp};
use crate::monitor::{Event, Monitor};
use crate::plan::Selection;
use crate::platform::discord::{self, Discord, DiscordSettings};
use crate::platform::{GateSettings, PlatformAdapter, RetryPolicy};
use crate::report;

/// A difference between this machine's clock and the platform's that is worth
/// a word.
pub const CLOCK_TOLERANCE: Duration = Duration::from_mins(1);

/// Discord as the configuration says.
pub fn discord(config: &Config, token: &str) -> Result<Arc<dyn PlatformAdapter>, Failure> {
    Discord::new(&discord_settings(config), token)
        .map(|discord| Arc::new(discord) as Arc<dyn PlatformAdapter>)
        .map_err(|error| Failure::new(FailureKind::Internal, format!("failed to start: {error}")))
}

fn discord_settings(config: &Config) -> DiscordSettings {
    let platform = config.platform(&discord::SPEC);
    DiscordSettings {
        api_url: platform.api_url.as_str().to_owned(),
        gate: GateSettings {
            max_in_flight: config.sync.max_channel_workers,
            requests_per_second: platform.requests_per_second,
        },
        on_rate_limit: config.sync.on_rate_limit,
        retry: retry_policy(config),
        request_timeout: config.sync.request_timeout,
        now: Surroundings::now(),
    }
}

/// How requests are sent again.
pub fn retry_policy(config: &Config) -> RetryPolicy {
    RetryPolicy { max_retries: config.sync.max_retries, base_delay: config.sync.retry_base_delay }
}

/// Asks who the token belongs to; the answer's time is the run's.
pub async fn server_time(
    platform: &dyn PlatformAdapter,
    config: &PlatformConfig,
    monitor: &dyn Monitor,
) -> Result<Timestamp, Failure> {
    let identity = platform.identity(monitor).await.map_err(|error| Failure::platform(&error, config))?;
    if identity.reads_content == Some(false) {
        let kind = FailureKind::Sync(Cause::ContentIntentOff);
        return Err(Failure::new(kind, "the bot may not read the content of messages"));
    }
    let here = Surroundings::now();
    let Some(there) = identity.server_time else { return Ok(here) };
    let difference = here.since(there).max(there.since(here));
    if difference > CLOCK_TOLERANCE {
        let difference = report::duration(difference);
        monitor.event(Event::Warning(format!(
            "this machine's clock is {difference} off the platform's; its own time is used"
        )));
    }
    Ok(there)
}

/// What the configuration wants of a tenant.
pub fn selection(tenant: &TenantConfig) -> Selection {
    Selection {
        include: tenant.include_channels.clone(),
        exclude: tenant.exclude_channels.clone(),
        visibility: tenant.visibility,
        since: tenant.since,
        refresh_window: tenant.refresh_window,
        ..Selection::default()
    }
}
