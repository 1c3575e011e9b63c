//! Connects commands to the platforms of their tenants: tokens, adapters, server time.

use std::sync::Arc;
use std::time::Duration;

use super::{CommandContext, Failure, FailureKind};
use crate::anonymize::{HashScheme, Scrubber};
use crate::config::{Config, PlatformConfig, Secret, TenantConfig};
use crate::model::{Cause, Timestamp};
use crate::monitor::{Event, Monitor};
use crate::plan::Selection;
use crate::platform::{AdapterSettings, GateSettings, PlatformAdapter, RetryPolicy};
use crate::report;

/// Largest difference between this machine's clock and the platform's without a warning.
pub const CLOCK_TOLERANCE: Duration = Duration::from_mins(1);

/// A platform's configuration section with its adapter.
pub struct ConnectedPlatform<'c> {
    /// The platform's section.
    pub config: &'c PlatformConfig,
    /// Sends the requests.
    pub adapter: Arc<dyn PlatformAdapter>,
    /// How users are hashed in messages.
    scheme: HashScheme,
}

impl ConnectedPlatform<'_> {
    /// Scrubs texts for messages.
    pub fn scrubber(&self) -> Scrubber {
        Scrubber::new(self.config.spec, self.scheme)
    }
}

/// The sections of the platforms that the tenants use, each once.
pub fn used_platforms<'c>(config: &'c Config, tenants: &[&TenantConfig]) -> Vec<&'c PlatformConfig> {
    let is_used = |section: &&PlatformConfig| tenants.iter().any(|tenant| tenant.platform == section.spec);
    config.platforms().iter().filter(is_used).collect()
}

/// The sections of the platforms that the tenants use, with their bot tokens.
///
/// # Errors
/// Returns a [`Failure`] if a token can't be read.
pub fn read_tokens<'c>(
    config: &'c Config,
    tenants: &[&TenantConfig],
    context: &CommandContext,
) -> Result<Vec<(&'c PlatformConfig, Secret)>, Failure> {
    used_platforms(config, tenants)
        .into_iter()
        .map(|section| Ok((section, section.read_token(&context.env)?)))
        .collect()
}

/// Creates the platform adapters. Sends no request yet.
///
/// # Errors
/// Returns a [`Failure`] if an API address or a token can't be used in a request.
pub fn connect<'c>(
    config: &Config,
    tokens: &[(&'c PlatformConfig, Secret)],
    context: &CommandContext,
) -> Result<Vec<ConnectedPlatform<'c>>, Failure> {
    let scheme = context.rules_for_output(&config.archive).scheme;
    let connect = |(section, token): &(&'c PlatformConfig, Secret)| {
        let adapter = context
            .registry
            .connect(section.spec, &adapter_settings(config, section), token.expose())
            .map_err(|error| {
                Failure::new(FailureKind::Internal, format!("cannot set up the API client: {error}"))
            })?;
        Ok(ConnectedPlatform { config: section, adapter, scheme })
    };
    tokens.iter().map(connect).collect()
}

/// The connected platform of a tenant.
pub fn platform_of<'a, 'c>(
    connected: &'a [ConnectedPlatform<'c>],
    tenant: &TenantConfig,
) -> &'a ConnectedPlatform<'c> {
    let is_of = |connected: &&ConnectedPlatform<'_>| connected.config.spec == tenant.platform;
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
        now: CommandContext::now(),
    }
}

/// The retry policy that the configuration sets.
pub fn retry_policy(config: &Config) -> RetryPolicy {
    RetryPolicy { max_retries: config.sync.max_retries, base_delay: config.sync.retry_base_delay }
}

/// Checks each platform's token and returns the latest of the platforms' server times.
/// Falls back to this machine's time for a platform whose answer has none.
///
/// # Errors
/// Returns a [`Failure`] if a platform can't be reached, rejects the token or withholds
/// message content.
pub async fn server_time(
    connected: &[ConnectedPlatform<'_>],
    monitor: &dyn Monitor,
) -> Result<Timestamp, Failure> {
    let mut latest = None;
    for platform in connected {
        latest = latest.max(Some(platform_time(platform, monitor).await?));
    }
    Ok(latest.unwrap_or_else(CommandContext::now))
}

async fn platform_time(
    platform: &ConnectedPlatform<'_>,
    monitor: &dyn Monitor,
) -> Result<Timestamp, Failure> {
    let identity = platform.adapter.identity(monitor).await;
    let identity = identity.map_err(|error| Failure::platform(&error, platform.config))?;
    if identity.reads_content == Some(false) {
        let kind = FailureKind::Sync(Cause::ContentIntentOff);
        return Err(Failure::new(kind, "the bot has no access to message content")
            .with_platform_hint(platform.config.spec));
    }
    let local_time = CommandContext::now();
    let Some(server_time) = identity.server_time else { return Ok(local_time) };
    let difference = local_time.since(server_time).max(server_time.since(local_time));
    if difference > CLOCK_TOLERANCE {
        let difference = report::duration(difference);
        monitor.event(Event::Warning(format!(
            "this machine's clock differs from the platform's by {difference}; using the platform's time"
        )));
    }
    Ok(server_time)
}

/// The selection of channels and messages that the tenant's configuration asks for.
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
