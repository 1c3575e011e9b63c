use std::path::Path;
use std::time::Duration;

use super::super::{ArchiveConfig, ChannelSelector, SyncConfig, TenantConfig, TokenSource};
use super::{TENANT, config, discord, with_tenant};
use crate::model::{ChannelId, RateLimitPolicy, ReactionMode, Timestamp, VisibilityRule, WorkspaceId};
use crate::platform::discord::SPEC;

fn tenant() -> TenantConfig {
    TenantConfig {
        name: "takaro".to_owned(),
        platform: &SPEC,
        workspace_id: WorkspaceId::new(123_456_789_012_345_678).unwrap(),
        since: None,
        include_channels: Vec::new(),
        exclude_channels: Vec::new(),
        reactions: ReactionMode::Users,
        refresh_window: Duration::from_hours(24),
        visibility: VisibilityRule::Everyone,
    }
}

#[test]
fn a_file_with_only_a_tenant_has_every_default() {
    let config = config(TENANT);
    assert_eq!(config.source, Path::new("/srv/sync.toml"));
    let archive = ArchiveConfig { path: "/srv/archive.db".into(), mode: 0o600, hash_key_file: None };
    assert_eq!(config.archive, archive);
    let discord = discord(TENANT);
    assert_eq!(discord.token(), TokenSource::Env("DISCORD_BOT_TOKEN".to_owned()));
    assert_eq!(discord.api_url.as_str(), "https://discord.com");
    assert!((discord.requests_per_second - 48.0).abs() < f64::EPSILON);
    let sync = SyncConfig {
        max_channel_workers: 10,
        channel_batch_size: 5,
        message_fetch_size: 100,
        refresh_window: Duration::from_hours(24),
        reactions: ReactionMode::Users,
        reaction_budget: Duration::from_mins(15),
        on_rate_limit: RateLimitPolicy::Wait,
        max_retries: 3,
        retry_base_delay: Duration::from_secs(1),
        request_timeout: Duration::from_secs(30),
        job_retention: Duration::from_hours(7 * 24),
        server_search: true,
    };
    assert_eq!(config.sync, sync);
    assert_eq!(config.tenants, [tenant()]);
}

#[test]
fn every_key_of_the_file_overrides_its_default() {
    let config = config(
        r#"
        archive = { path = "/data/a.db", mode = "640" }
        [discord]
        token_file = "secrets/token"
        api_url = "http://127.0.0.1:3000"
        requests_per_second = 200.5
        [sync]
        max_channel_workers = 0x10
        channel_batch_size = 1_000
        message_fetch_size = 50
        refresh_window = "0"
        reactions = "counts"
        reaction_budget = "1h30m"
        on_rate_limit = "stop"
        max_retries = 0
        retry_base_delay = "10ms"
        request_timeout = "500ms"
        job_retention = "1d"
        server_search = false
        [[tenant]]
        name = "takaro"
        platform = "discord"
        guild_id = "123456789012345678"
        since = 2024-01-01
        include_channels = ["general", "234567890123456789"]
        exclude_channels = ["bot-spam"]
        visibility = "history"
        "#,
    );
    assert_eq!(config.archive.path, Path::new("/data/a.db"));
    assert_eq!(config.archive.mode, 0o640);
    let token = TokenSource::File("/srv/secrets/token".into());
    let discord = config.platform(&SPEC);
    assert_eq!(discord.token(), token);
    assert_eq!(discord.api_url.as_str(), "http://127.0.0.1:3000");
    assert!((discord.requests_per_second - 200.5).abs() < f64::EPSILON);
    let sync = SyncConfig {
        max_channel_workers: 16,
        channel_batch_size: 1000,
        message_fetch_size: 50,
        refresh_window: Duration::ZERO,
        reactions: ReactionMode::Counts,
        reaction_budget: Duration::from_mins(90),
        on_rate_limit: RateLimitPolicy::Stop,
        max_retries: 0,
        retry_base_delay: Duration::from_millis(10),
        request_timeout: Duration::from_millis(500),
        job_retention: Duration::from_hours(24),
        server_search: false,
    };
    assert_eq!(config.sync, sync);
    let tenant = TenantConfig {
        since: Some(Timestamp::from_millis(1_704_067_200_000)),
        include_channels: vec![
            ChannelSelector::Name("general".to_owned()),
            ChannelSelector::Id {
                id: ChannelId::new(234_567_890_123_456_789).unwrap(),
                text: "234567890123456789".to_owned(),
            },
        ],
        exclude_channels: vec![ChannelSelector::Name("bot-spam".to_owned())],
        reactions: ReactionMode::Counts,
        refresh_window: Duration::ZERO,
        visibility: VisibilityRule::History,
        ..tenant()
    };
    assert_eq!(config.tenants, [tenant]);
}

#[test]
fn accepts_a_fractional_rate() {
    let discord = discord(&with_tenant("[discord]\nrequests_per_second = 0.5\n"));
    assert!((discord.requests_per_second - 0.5).abs() < f64::EPSILON);
}
