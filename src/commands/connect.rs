//! What commands need that ask platforms.

use std::sync::Arc;
use std::time::Duration;

use super::{Failure, FailureKind, Surroundings};
use crate::config::{Config, PlatformConfig, Secret, TenantConfig};
use crate::model::{Cause, Timestamp};
use crate::monitor::{Event, Monitor};
use crate::plan::Selection;
use crate::platform::{AdapterSettings, GateSettings, PlatformAdapter, RetryPolicy};
use crate::report;

/// A difference between this machine's clock and the platform's that is worth
/// a word.
pub const CLOCK_TOLERANCE: Duration = Duration::from_mins(1);

/// A platform that tenants are on, as the configuration reaches it.
pub struct Connected<'c> {
    /// Its section.
    pub config: &'c PlatformConfig,
    /// What asks it.
    pub adapter: Arc<dyn PlatformAdapter>,
}

/// The sections of the platforms that tenants are on, each once.
pub fn used<'c>(config: &'c Config, tenants: &[&TenantConfig]) -> Vec<&'c PlatformConfig> {
    let is_used = |section: &&PlatformConfig| tenants.iter().any(|tenant| tenant.platform == section.spec);
    config.platforms().iter().filter(is_used).collect()
}

/// The sections of the platforms that tenants are on, with their tokens.
///
/// # Errors
/// When a token can't be read.
pub fn tokens<'c>(
    config: &'c Config,
    tenants: &[&TenantConfig],
    around: &Surroundings,
) -> Result<Vec<(&'c PlatformConfig, Secret)>, Failure> {
    used(config, tenants).into_iter().map(|section| Ok((section, section.read_token(&around.env)?))).collect()
}

/// Makes the adapters of platforms, which connect to nothing yet.
///
/// # Errors
/// When an address or a token can't be put into a request.
pub fn connect<'c>(
    config: &Config,
    tokens: &[(&'c PlatformConfig, Secret)],
    around: &Surroundings,
) -> Result<Vec<Connected<'c>>, Failure> {
    let connect = |(section, token): &(&'c PlatformConfig, Secret)| {
        let adapter = around
            .registry
            .connect(section.spec, &adapter_settings(config, section), token.expose())
            .map_err(|error| Failure::new(FailureKind::Internal, format!("failed to start: {error}")))?;
        Ok(Connected { config: section, adapter })
    };
    tokens.iter().map(connect).collect()
}

/// The platform that a tenant is on.
pub fn of<'a, 'c>(connected: &'a [Connected<'c>], tenant: &TenantConfig) -> &'a Connected<'c> {
    let is_of = |connected: &&Connected<'_>| connected.config.spec == tenant.platform;
    connected.iter().find(is_of).expect("the platforms of all tenants are connected")
}

fn adapter_settings(config: &Config, section: &PlatformConfig) -> AdapterSettings {
    AdapterSettings {
        api_url: section.api_url.as_str().to_owned(),
        gate: GateSettings {
            max_in_flight: config.sync.max_channel_workers,
            requests_per_second: section.requests_per_second,
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

/// Asks each platform who its token belongs to; the latest time that they answer is the
/// run's.
///
/// # Errors
/// When a platform can't be asked, or keeps the content of messages to itself.
pub async fn server_time(connected: &[Connected<'_>], monitor: &dyn Monitor) -> Result<Timestamp, Failure> {
    let mut latest = None;
    for platform in connected {
        latest = latest.max(Some(time_of(platform, monitor).await?));
    }
    Ok(latest.unwrap_or_else(Surroundings::now))
}

async fn time_of(platform: &Connected<'_>, monitor: &dyn Monitor) -> Result<Timestamp, Failure> {
    let identity = platform.adapter.identity(monitor).await;
    let identity = identity.map_err(|error| Failure::platform(&error, platform.config))?;
    if identity.reads_content == Some(false) {
        let kind = FailureKind::Sync(Cause::ContentIntentOff);
        return Err(Failure::new(kind, "the bot may not read the content of messages")
            .on_platform(platform.config.spec));
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
