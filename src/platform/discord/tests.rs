//! Tests how the adapter handles failures of Discord, with the simulator.

mod roles;

use std::time::Duration;

use discord_sim::{
    BodyKind, ChannelDescription, ChannelKind, Damage, Description, FaultKind, Match, RouteKind, Scope,
    Simulator, Visibility, World,
};

use super::{Discord, SPEC};
use crate::model::{
    ChannelId, Emoji, MalformedMessage, MessageId, MessagePage, RateLimitPolicy, WorkspaceId,
};
use crate::monitor::{Counter, Event};
use crate::platform::fake::Recorder;
use crate::platform::{
    AdapterSettings, ErrorKind, GateSettings, PageRequest, PlatformAdapter as _, PlatformError, RetryPolicy,
};

const GUILD: u64 = 310_000_000_000_000_001;
const MAX_RETRIES: u32 = 3;
/// Longer than any test waits.
const FOREVER: Duration = Duration::from_mins(10);

/// A simulated Discord with two channels of 100 messages and a forum, and an adapter that
/// reads it.
struct Scene {
    sim: Simulator,
    discord: Discord,
    monitor: Recorder,
    chat: ChannelId,
    other_chat: ChannelId,
    forum: ChannelId,
}

impl Scene {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut AdapterSettings)) -> Self {
        let forum = ChannelDescription::new(ChannelKind::Forum, "forum");
        let chat = |name| ChannelDescription::text(name, 100);
        let channels = vec![chat("chat"), chat("other"), forum];
        let sim = Simulator::start(World::new(&Description::of_channels(GUILD, channels)));
        let mut settings = AdapterSettings {
            api_url: sim.url(),
            gate: GateSettings { max_in_flight: 10, requests_per_second: 10_000.0 },
            on_rate_limit: RateLimitPolicy::Wait,
            retry: RetryPolicy { max_retries: MAX_RETRIES, base_delay: Duration::from_millis(5) },
            request_timeout: Duration::from_secs(30),
            now: crate::model::Timestamp::from_millis(0),
        };
        change(&mut settings);
        let named = |name| sim.world().channel_named(GUILD, name).and_then(ChannelId::new).unwrap();
        let (chat, other_chat, forum) = (named("chat"), named("other"), named("forum"));
        let discord = Discord::new(&settings, &sim.token()).unwrap();
        Self { sim, discord, monitor: Recorder::default(), chat, other_chat, forum }
    }

    /// Injects a fault into the next `times` pages of `chat`.
    fn fault(&self, times: u32, what: FaultKind) {
        self.sim.faults().when(Match::page_of(self.chat.get()).times(times), what);
    }

    async fn page(&self) -> Result<MessagePage, PlatformError> {
        self.page_of(self.chat).await
    }

    async fn page_of(&self, channel: ChannelId) -> Result<MessagePage, PlatformError> {
        self.discord.messages(&PageRequest::after(channel, None, 100), &self.monitor).await
    }

    async fn failure(&self) -> PlatformError {
        self.page().await.expect_err("the page fails")
    }

    /// IDs of the messages in `chat`, ascending.
    fn ids(&self) -> Vec<MessageId> {
        let truth = self.sim.world().truth_channel(self.chat.get()).expect("everyone sees it");
        truth.live_messages().filter_map(|message| MessageId::new(message.id)).collect()
    }

    /// HTTP statuses of the responses, by the arrival of the requests.
    fn statuses(&self) -> Vec<Option<u16>> {
        self.sim.journal().entries().iter().map(|entry| entry.status).collect()
    }

    /// Time from the first request to `one` to the last request to `other`.
    fn time_between(&self, one: ChannelId, other: ChannelId) -> Duration {
        let entries = self.sim.journal().entries();
        let of =
            |channel: ChannelId| entries.iter().filter(move |entry| entry.channel == Some(channel.get()));
        let first = of(one).next().expect("a request to the first channel").at;
        of(other).next_back().expect("a request to the second channel").at.duration_since(first)
    }

    async fn wait_for_rate_limit(&self) {
        let is_limit = |event: &Event| matches!(event, Event::RateLimited { .. });
        while !self.monitor.events().iter().any(is_limit) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn ids_of(page: &MessagePage) -> Vec<MessageId> {
    page.messages.iter().map(|message| message.id).collect()
}

fn server_error() -> FaultKind {
    FaultKind::Status(500, BodyKind::Json(0))
}

#[tokio::test]
async fn retries_a_500_and_counts_one_retry() {
    let scene = Scene::new();
    scene.fault(1, server_error());
    assert_eq!(ids_of(&scene.page().await.unwrap()), scene.ids());
    assert_eq!(scene.statuses(), [Some(500), Some(200)]);
    assert_eq!(scene.monitor.sum(Counter::Retries), 1);
    assert_eq!(scene.monitor.sum(Counter::ApiCalls), 2);
    assert!(matches!(scene.monitor.events()[..], [Event::Retrying { .. }]));
}

#[tokio::test]
async fn a_persistent_500_is_a_server_error_after_the_last_retry() {
    let scene = Scene::new();
    scene.fault(1 + MAX_RETRIES, server_error());
    assert_eq!(scene.failure().await.kind, ErrorKind::Server);
    assert_eq!(scene.statuses(), [Some(500); 4]);
    assert_eq!(scene.monitor.sum(Counter::Retries), 3);
    assert!(scene.page().await.is_ok());
}

#[tokio::test]
async fn retries_transient_faults_and_fails_with_the_matching_kind() {
    for (what, kind) in [
        (FaultKind::ResetBeforeHeaders, ErrorKind::Network),
        (FaultKind::TruncatedBody, ErrorKind::Network),
        (FaultKind::InvalidJson, ErrorKind::Unreadable),
        (FaultKind::Status(502, BodyKind::Html), ErrorKind::Server),
        (FaultKind::Status(503, BodyKind::Empty), ErrorKind::Server),
        (FaultKind::Status(202, BodyKind::Json(110_000)), ErrorKind::NotReady),
        (FaultKind::Status(500, BodyKind::Json(130_000)), ErrorKind::NotReady),
    ] {
        let scene = Scene::new();
        scene.fault(2, what.clone());
        assert_eq!(ids_of(&scene.page().await.unwrap()), scene.ids(), "{what:?}");
        assert_eq!(scene.monitor.sum(Counter::Retries), 2, "{what:?}");
        scene.sim.journal().clear();
        scene.fault(u32::MAX, what.clone());
        assert_eq!(scene.failure().await.kind, kind, "{what:?}");
        assert_eq!(scene.sim.journal().len(), 4, "{what:?}");
    }
}

#[tokio::test]
async fn retries_a_stalled_response_after_the_timeout() {
    for what in [FaultKind::Stall(FOREVER), FaultKind::StallBody(FOREVER)] {
        let scene = Scene::with(|settings| {
            settings.request_timeout = Duration::from_millis(300);
            settings.retry.max_retries = 1;
        });
        scene.fault(u32::MAX, what.clone());
        assert_eq!(scene.failure().await.kind, ErrorKind::Timeout, "{what:?}");
        assert_eq!(scene.sim.journal().len(), 2, "{what:?}");
        assert_eq!(scene.monitor.sum(Counter::Retries), 1, "{what:?}");
    }
}

#[tokio::test]
async fn an_error_never_quotes_a_proxys_html() {
    let scene = Scene::new();
    scene.fault(u32::MAX, FaultKind::Status(502, BodyKind::Html));
    let error = scene.failure().await;
    assert_eq!(error.to_string(), format!("messages of channel {}: HTTP 502", SPEC.channel_text(scene.chat)));
}

#[tokio::test]
async fn retries_a_page_that_is_null() {
    let scene = Scene::new();
    scene.fault(1, FaultKind::NullBody);
    assert_eq!(ids_of(&scene.page().await.unwrap()), scene.ids());
    assert_eq!(scene.monitor.sum(Counter::Retries), 1);
    scene.fault(u32::MAX, FaultKind::NullBody);
    assert_eq!(scene.failure().await.kind, ErrorKind::Unreadable);
}

#[tokio::test]
async fn null_instead_of_a_list_is_unreadable() {
    let scene = Scene::with(|settings| settings.retry.max_retries = 0);
    let Scene { discord, monitor, chat, .. } = &scene;
    let guild = WorkspaceId::new(GUILD).unwrap();
    discord.workspace(guild, monitor).await.unwrap();
    let parent = discord.channel(*chat, guild, monitor).await.unwrap();
    let first = scene.page().await.unwrap().messages[0].id;
    let crab = Emoji::Unicode("🦀".to_owned());
    let routes = [
        RouteKind::Messages,
        RouteKind::GuildChannels,
        RouteKind::ActiveThreads,
        RouteKind::ArchivedPublicThreads,
        RouteKind::Reactions,
    ];
    for route in routes {
        scene.sim.faults().when(Match::route(route), FaultKind::NullBody);
    }
    let failures = [
        scene.page().await.err(),
        discord.workspace(guild, monitor).await.err(),
        discord.active_threads(guild, &[], monitor).await.err(),
        discord.archived_threads(&parent, None, monitor).await.err(),
        discord.reactors((*chat, first), &crab, false, None, monitor).await.err(),
    ];
    for (failure, route) in failures.into_iter().zip(routes) {
        assert_eq!(failure.map(|error| error.kind), Some(ErrorKind::Unreadable), "{route:?}");
    }
}

/// The expected result for a damaged message: it is read, or reported as malformed, with
/// or without its ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DamageResult {
    Read,
    Malformed,
    MalformedWithoutId,
}

#[tokio::test]
async fn a_damaged_message_does_not_affect_the_others() {
    for (damage, result) in [
        (Damage::MissingId, DamageResult::MalformedWithoutId),
        (Damage::BadId, DamageResult::MalformedWithoutId),
        (Damage::NullAuthor, DamageResult::Read),
        (Damage::MissingAuthor, DamageResult::Read),
        (Damage::NullContent, DamageResult::Read),
        (Damage::MissingContent, DamageResult::Read),
        (Damage::BadTimestamp, DamageResult::Read),
        (Damage::UnknownType, DamageResult::Read),
        (Damage::WrongTypes, DamageResult::Malformed),
        (Damage::NullEmoji, DamageResult::Read),
        (Damage::NullLists, DamageResult::Read),
        (Damage::Null, DamageResult::MalformedWithoutId),
        (Damage::NotAnObject, DamageResult::MalformedWithoutId),
    ] {
        let scene = Scene::new();
        let mut ids = scene.ids();
        // The fault's index counts from the newest message.
        scene.fault(1, FaultKind::MalformedMessage(ids.len() - 1 - 40, damage));
        let page = scene.page().await.unwrap();
        let malformed: Vec<Option<MessageId>> = page.malformed.iter().map(|malformed| malformed.id).collect();
        let expected = match result {
            DamageResult::Read => vec![],
            DamageResult::Malformed => vec![Some(ids.remove(40))],
            DamageResult::MalformedWithoutId => {
                ids.remove(40);
                vec![None]
            }
        };
        assert_eq!(malformed, expected, "{damage:?}");
        assert_eq!(ids_of(&page), ids, "{damage:?}");
        assert!(page.is_full, "{damage:?}");
    }
}

#[tokio::test]
async fn a_malformed_messages_reason_contains_no_values() {
    let scene = Scene::new();
    scene.fault(1, FaultKind::MalformedMessage(0, Damage::WrongTypes));
    let page = scene.page().await.unwrap();
    let [MalformedMessage { id, reason }] = &page.malformed[..] else { panic!("{:?}", page.malformed) };
    assert_eq!((*id, page.last_id()), (scene.ids().last().copied(), scene.ids().last().copied()));
    assert_eq!(reason, "its text is malformed");
}

#[tokio::test]
async fn sorts_the_messages_of_a_page() {
    let scene = Scene::new();
    scene.fault(1, FaultKind::ShuffledOrder);
    assert_eq!(ids_of(&scene.page().await.unwrap()), scene.ids());
}

#[tokio::test]
async fn a_channels_429_delays_only_that_channel() {
    let scene = Scene::new();
    scene.fault(1, FaultKind::RateLimited { retry_after: 0.2, scope: Scope::User });
    let elsewhere = async {
        scene.wait_for_rate_limit().await;
        scene.page_of(scene.other_chat).await
    };
    let (page, other) = tokio::join!(scene.page(), elsewhere);
    assert_eq!(ids_of(&page.unwrap()), scene.ids());
    assert!(other.is_ok());
    // The header, in whole seconds, takes precedence over the body.
    assert!(scene.time_between(scene.chat, scene.chat) >= Duration::from_millis(990));
    assert_eq!(scene.monitor.sum(Counter::RateLimitEncounters), 1);
    assert_eq!(scene.monitor.sum(Counter::Retries), 0);
    assert!(scene.monitor.sum(Counter::BucketWaitMilliseconds) > 0);
    let channels: Vec<_> = scene.sim.journal().entries().iter().filter_map(|entry| entry.channel).collect();
    assert_eq!(channels, [scene.chat, scene.other_chat, scene.chat].map(ChannelId::get));
}

#[tokio::test]
async fn reports_the_scope_of_a_429() {
    for (scope, name) in [(Scope::User, "user"), (Scope::Shared, "shared"), (Scope::Global, "global")] {
        let scene = Scene::with(|settings| settings.on_rate_limit = RateLimitPolicy::Stop);
        scene.fault(1, FaultKind::RateLimited { retry_after: 0.2, scope });
        scene.failure().await;
        let [Event::RateLimited { scope, wait, ref endpoint, .. }] = scene.monitor.events()[..] else {
            panic!("{:?}", scene.monitor.events())
        };
        assert_eq!((scope, wait), (name, Duration::from_secs(1)));
        assert_eq!(*endpoint, format!("GET /channels/{}/messages", SPEC.channel_text(scene.chat)));
    }
}

#[tokio::test]
async fn a_global_429_delays_every_request() {
    let scene = Scene::new();
    scene.fault(1, FaultKind::RateLimited { retry_after: 0.2, scope: Scope::Global });
    let elsewhere = async {
        scene.wait_for_rate_limit().await;
        scene.page_of(scene.other_chat).await
    };
    let (page, other) = tokio::join!(scene.page(), elsewhere);
    assert!(page.is_ok() && other.is_ok());
    for channel in [scene.chat, scene.other_chat] {
        assert!(scene.time_between(scene.chat, channel) >= Duration::from_millis(990));
    }
    assert_eq!(scene.monitor.sum(Counter::RateLimitEncounters), 1);
}

#[tokio::test]
async fn a_429_ends_the_run_if_configured_to_stop() {
    let scene = Scene::with(|settings| settings.on_rate_limit = RateLimitPolicy::Stop);
    scene.fault(1, FaultKind::RateLimited { retry_after: 0.2, scope: Scope::User });
    let error = scene.failure().await;
    assert_eq!((error.kind, error.retry_after), (ErrorKind::RateLimited, Some(Duration::from_secs(1))));
    assert!(error.kind.ends_run());
    assert_eq!(scene.statuses(), [Some(429)]);
}

#[tokio::test]
async fn does_not_retry_a_channels_permanent_errors() {
    let scene = Scene::new();
    let world = scene.sim.world();
    world.set_visibility(scene.chat.get(), Visibility::BotHidden);
    world.delete_channel(scene.other_chat.get());
    let nowhere = ChannelId::new(1).unwrap();
    for (channel, kind, code) in [
        (scene.chat, ErrorKind::Forbidden, "HTTP 403, code 50001"),
        (scene.forum, ErrorKind::Rejected, "HTTP 400, code 50024"),
        (scene.other_chat, ErrorKind::NotFound, "HTTP 404, code 10003"),
        (nowhere, ErrorKind::NotFound, "HTTP 404, code 10003"),
    ] {
        let error = scene.page_of(channel).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.kind.is_channel_specific() && error.detail.starts_with(code), "{error}");
    }
    assert_eq!(scene.sim.journal().len(), 4);
    assert_eq!(scene.monitor.sum(Counter::Retries), 0);
}

#[tokio::test]
async fn distinguishes_a_revoked_from_a_deleted_channel() {
    let scene = Scene::new();
    let alone = async || {
        let asked = scene.discord.channel(scene.chat, WorkspaceId::new(GUILD).unwrap(), &scene.monitor).await;
        asked.map(|channel| channel.id).map_err(|error| error.kind)
    };
    assert_eq!(alone().await, Ok(scene.chat));
    scene.sim.world().set_visibility(scene.chat.get(), Visibility::BotHidden);
    assert_eq!(alone().await, Err(ErrorKind::Forbidden));
    scene.sim.world().delete_channel(scene.chat.get());
    assert_eq!(alone().await, Err(ErrorKind::NotFound));
}

/// A repeated Retry-After of 0 must not cause a tight loop.
#[tokio::test]
async fn backs_off_from_429s_without_a_wait() {
    let scene = Scene::with(|settings| settings.retry.base_delay = Duration::from_millis(400));
    scene.fault(4, FaultKind::RateLimited { retry_after: 0.0, scope: Scope::Shared });
    let begin = tokio::time::Instant::now();
    assert!(scene.page().await.is_ok());
    assert!(begin.elapsed() >= Duration::from_millis(200 + 400 + 800), "{:?}", begin.elapsed());
    assert_eq!(scene.sim.journal().len(), 5);
}

#[tokio::test]
async fn a_token_revoked_during_the_run_ends_it() {
    let scene = Scene::new();
    assert!(scene.page().await.is_ok());
    scene.sim.world().revoke_token();
    let error = scene.failure().await;
    assert!(error.kind == ErrorKind::TokenRejected && error.kind.ends_run());
    assert!(!error.to_string().contains(&scene.sim.token()));
}

#[tokio::test]
async fn identity_reports_a_missing_message_content_intent() {
    let scene = Scene::new();
    scene.sim.world().set_message_content(false);
    let identity = scene.discord.identity(&scene.monitor).await.unwrap();
    assert_eq!(identity.reads_content, Some(false));
    assert!(identity.server_time.is_some());
}

#[tokio::test]
async fn a_cancelled_request_releases_its_permit() {
    let scene = Scene::with(|settings| settings.gate.max_in_flight = 1);
    scene.fault(1, FaultKind::Stall(FOREVER));
    let stalled = async {
        while scene.sim.journal().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        biased;
        page = scene.page() => panic!("{page:?}"),
        () = stalled => {}
    }
    assert!(scene.page_of(scene.other_chat).await.is_ok());
    assert!(scene.page().await.is_ok());
}

#[tokio::test]
async fn retries_invalid_json_on_every_route() {
    let routes =
        [RouteKind::CurrentApplication, RouteKind::CurrentUser, RouteKind::Guild, RouteKind::GuildMember];
    for route in routes {
        let scene = Scene::new();
        scene.sim.faults().when(Match::route(route), FaultKind::InvalidJson);
        let Scene { sim, discord, monitor, .. } = &scene;
        let guild = WorkspaceId::new(GUILD).unwrap();
        if route == RouteKind::CurrentUser {
            discord.workspace(guild, monitor).await.unwrap();
        } else {
            discord.identity(monitor).await.unwrap();
            discord.workspace(guild, monitor).await.unwrap();
        }
        assert_eq!((sim.journal().count(route), monitor.sum(Counter::Retries)), (2, 1), "{route:?}");
    }
}

#[tokio::test]
async fn a_proxys_403_or_404_proves_nothing_about_channel_or_workspace() {
    for status in [403, 404] {
        let scene = Scene::new();
        scene.sim.faults().when(Match::default().always(), FaultKind::Status(status, BodyKind::Html));
        let Scene { discord, monitor, chat, .. } = &scene;
        let alone = discord.channel(*chat, WorkspaceId::new(GUILD).unwrap(), monitor).await.unwrap_err();
        assert!(!matches!(alone.kind, ErrorKind::Forbidden | ErrorKind::NotFound), "{status}: {alone}");
        let scene = Scene::new();
        scene
            .sim
            .faults()
            .when(Match::route(RouteKind::Guild).always(), FaultKind::Status(status, BodyKind::Html));
        let asked = scene.discord.workspace(WorkspaceId::new(GUILD).unwrap(), &scene.monitor).await;
        assert_ne!(asked.unwrap_err().kind, ErrorKind::NotInWorkspace, "{status}");
        let scene = Scene::new();
        scene
            .sim
            .faults()
            .when(Match::route(RouteKind::GuildMember).always(), FaultKind::Status(status, BodyKind::Html));
        let asked = scene.discord.workspace(WorkspaceId::new(GUILD).unwrap(), &scene.monitor).await;
        let concludes_nothing = asked.map_or(true, |(_, channels)| {
            channels.iter().all(|channel| channel.visibility.bot_lacks.is_empty())
        });
        assert!(concludes_nothing, "the bot's roles are unknown, not none: {status}");
    }
}

#[tokio::test]
async fn a_private_thread_is_not_public() {
    let sim = Simulator::start(World::new(&Description::everything(1)));
    let (guild, _) = sim.world().guilds()[0];
    let scene = Scene::with(|settings| settings.api_url = sim.url());
    let guild = WorkspaceId::new(guild).unwrap();
    let (_, channels) = scene.discord.workspace(guild, &scene.monitor).await.unwrap();
    let threads = scene.discord.active_threads(guild, &channels, &scene.monitor).await.unwrap();
    let private = threads.iter().find(|thread| thread.name == "support private 0").unwrap();
    assert!(!private.visibility.everyone_sees);
}
