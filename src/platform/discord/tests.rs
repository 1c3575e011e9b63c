//! How the adapter takes what goes wrong at Discord.

mod roles;

use std::time::Duration;

use discord_sim::{
    BodyKind, ChannelDescription, ChannelKind, Damage, Description, Match, RouteKind, Scope, Simulator,
    Visibility, What, World,
};

use super::{Discord, SPEC};
use crate::model::{BrokenMessage, ChannelId, Emoji, MessageId, MessagePage, OnRateLimit, WorkspaceId};
use crate::monitor::{Counter, Event};
use crate::platform::fake::Recorder;
use crate::platform::{
    AdapterSettings, ErrorKind, GateSettings, PageRequest, PlatformAdapter as _, PlatformError, RetryPolicy,
};

const GUILD: u64 = 310_000_000_000_000_001;
const MAX_RETRIES: u32 = 3;
/// Longer than any test waits.
const FOREVER: Duration = Duration::from_mins(10);

/// Discord with two channels of 100 messages and a forum, and who reads it.
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
            on_rate_limit: OnRateLimit::Wait,
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

    /// Plans a fault of the next pages of `chat`.
    fn fault(&self, times: u32, what: What) {
        self.sim.faults().when(Match::page_of(self.chat.get()).times(times), what);
    }

    async fn page(&self) -> Result<MessagePage, PlatformError> {
        self.page_of(self.chat).await
    }

    async fn page_of(&self, channel: ChannelId) -> Result<MessagePage, PlatformError> {
        self.discord.messages(&PageRequest::after(channel, None, 100), &self.monitor).await
    }

    async fn failure(&self) -> PlatformError {
        self.page().await.expect_err("a failure")
    }

    /// The IDs that `chat` holds, ascending.
    fn ids(&self) -> Vec<MessageId> {
        let truth = self.sim.world().truth_channel(self.chat.get()).expect("everyone sees it");
        truth.live_messages().filter_map(|message| MessageId::new(message.id)).collect()
    }

    /// Statuses in the order the requests arrived.
    fn statuses(&self) -> Vec<Option<u16>> {
        self.sim.journal().entries().iter().map(|entry| entry.status).collect()
    }

    /// How long after a request to `one` the last request to `other` arrived.
    fn between(&self, one: ChannelId, other: ChannelId) -> Duration {
        let entries = self.sim.journal().entries();
        let of =
            |channel: ChannelId| entries.iter().filter(move |entry| entry.channel == Some(channel.get()));
        let first = of(one).next().expect("a request to the one").at;
        of(other).next_back().expect("a request to the other").at.duration_since(first)
    }

    async fn was_rate_limited(&self) {
        let is_limit = |event: &Event| matches!(event, Event::RateLimited { .. });
        while !self.monitor.events().iter().any(is_limit) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn ids_of(page: &MessagePage) -> Vec<MessageId> {
    page.messages.iter().map(|message| message.id).collect()
}

fn server_error() -> What {
    What::Status(500, BodyKind::Json(0))
}

#[tokio::test]
async fn a_500_is_asked_again_and_counted_once() {
    let scene = Scene::new();
    scene.fault(1, server_error());
    assert_eq!(ids_of(&scene.page().await.unwrap()), scene.ids());
    assert_eq!(scene.statuses(), [Some(500), Some(200)]);
    assert_eq!(scene.monitor.sum(Counter::Retries), 1);
    assert_eq!(scene.monitor.sum(Counter::ApiCalls), 2);
    assert!(matches!(scene.monitor.events()[..], [Event::Retrying { .. }]));
}

#[tokio::test]
async fn a_500_that_stays_is_a_server_error_when_the_retries_are_used_up() {
    let scene = Scene::new();
    scene.fault(1 + MAX_RETRIES, server_error());
    assert_eq!(scene.failure().await.kind, ErrorKind::Server);
    assert_eq!(scene.statuses(), [Some(500); 4]);
    assert_eq!(scene.monitor.sum(Counter::Retries), 3);
    assert!(scene.page().await.is_ok());
}

#[tokio::test]
async fn every_passing_fault_is_asked_again_and_fails_with_its_kind_when_it_stays() {
    for (what, kind) in [
        (What::ResetBeforeHeaders, ErrorKind::Network),
        (What::TruncatedBody, ErrorKind::Network),
        (What::InvalidJson, ErrorKind::Unreadable),
        (What::Status(502, BodyKind::Html), ErrorKind::Server),
        (What::Status(503, BodyKind::Empty), ErrorKind::Server),
        (What::Status(202, BodyKind::Json(110_000)), ErrorKind::NotReady),
        (What::Status(500, BodyKind::Json(130_000)), ErrorKind::NotReady),
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
async fn what_stalls_is_given_up_after_the_timeout_and_asked_again() {
    for what in [What::Stall(FOREVER), What::StallBody(FOREVER)] {
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
async fn the_page_of_a_proxy_is_never_repeated() {
    let scene = Scene::new();
    scene.fault(u32::MAX, What::Status(502, BodyKind::Html));
    let error = scene.failure().await;
    assert_eq!(error.to_string(), format!("messages of channel {}: HTTP 502", SPEC.channel_text(scene.chat)));
}

#[tokio::test]
async fn a_page_that_is_null_is_asked_again() {
    let scene = Scene::new();
    scene.fault(1, What::NullBody);
    assert_eq!(ids_of(&scene.page().await.unwrap()), scene.ids());
    assert_eq!(scene.monitor.sum(Counter::Retries), 1);
    scene.fault(u32::MAX, What::NullBody);
    assert_eq!(scene.failure().await.kind, ErrorKind::Unreadable);
}

#[tokio::test]
async fn null_is_malformed_and_never_an_empty_list() {
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
        scene.sim.faults().when(Match::route(route), What::NullBody);
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

/// What becomes of the damaged message: it is read all the same, or broken
/// with or without its ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Read,
    Broken,
    BrokenWithoutId,
}

#[tokio::test]
async fn a_damaged_message_costs_only_itself() {
    for (damage, fate) in [
        (Damage::MissingId, Fate::BrokenWithoutId),
        (Damage::BadId, Fate::BrokenWithoutId),
        (Damage::NullAuthor, Fate::Read),
        (Damage::MissingAuthor, Fate::Read),
        (Damage::NullContent, Fate::Read),
        (Damage::MissingContent, Fate::Read),
        (Damage::BadTimestamp, Fate::Read),
        (Damage::UnknownType, Fate::Read),
        (Damage::WrongTypes, Fate::Broken),
        (Damage::NullEmoji, Fate::Read),
        (Damage::NullLists, Fate::Read),
        (Damage::Null, Fate::BrokenWithoutId),
        (Damage::NotAnObject, Fate::BrokenWithoutId),
    ] {
        let scene = Scene::new();
        let mut ids = scene.ids();
        // Faults count from the newest.
        scene.fault(1, What::BrokenMessage(ids.len() - 1 - 40, damage));
        let page = scene.page().await.unwrap();
        let broken: Vec<Option<MessageId>> = page.broken.iter().map(|broken| broken.id).collect();
        let expected = match fate {
            Fate::Read => vec![],
            Fate::Broken => vec![Some(ids.remove(40))],
            Fate::BrokenWithoutId => {
                ids.remove(40);
                vec![None]
            }
        };
        assert_eq!(broken, expected, "{damage:?}");
        assert_eq!(ids_of(&page), ids, "{damage:?}");
        assert!(page.is_full, "{damage:?}");
    }
}

#[tokio::test]
async fn a_broken_message_is_told_without_its_values() {
    let scene = Scene::new();
    scene.fault(1, What::BrokenMessage(0, Damage::WrongTypes));
    let page = scene.page().await.unwrap();
    let [BrokenMessage { id, reason }] = &page.broken[..] else { panic!("{:?}", page.broken) };
    assert_eq!((*id, page.last_id()), (scene.ids().last().copied(), scene.ids().last().copied()));
    assert_eq!(reason, "its text is malformed");
}

#[tokio::test]
async fn messages_in_another_order_are_sorted() {
    let scene = Scene::new();
    scene.fault(1, What::ShuffledOrder);
    assert_eq!(ids_of(&scene.page().await.unwrap()), scene.ids());
}

#[tokio::test]
async fn a_429_of_a_channel_is_waited_for_and_holds_only_that_channel() {
    let scene = Scene::new();
    scene.fault(1, What::RateLimited { retry_after: 0.2, scope: Scope::User });
    let elsewhere = async {
        scene.was_rate_limited().await;
        scene.page_of(scene.other_chat).await
    };
    let (page, other) = tokio::join!(scene.page(), elsewhere);
    assert_eq!(ids_of(&page.unwrap()), scene.ids());
    assert!(other.is_ok());
    // The header counts whole seconds and wins.
    assert!(scene.between(scene.chat, scene.chat) >= Duration::from_millis(990));
    assert_eq!(scene.monitor.sum(Counter::RateLimitEncounters), 1);
    assert_eq!(scene.monitor.sum(Counter::Retries), 0);
    assert!(scene.monitor.sum(Counter::BucketWaitMilliseconds) > 0);
    let channels: Vec<_> = scene.sim.journal().entries().iter().filter_map(|entry| entry.channel).collect();
    assert_eq!(channels, [scene.chat, scene.other_chat, scene.chat].map(ChannelId::get));
}

#[tokio::test]
async fn a_429_tells_whose_limit_it_was() {
    for (scope, name) in [(Scope::User, "user"), (Scope::Shared, "shared"), (Scope::Global, "global")] {
        let scene = Scene::with(|settings| settings.on_rate_limit = OnRateLimit::Stop);
        scene.fault(1, What::RateLimited { retry_after: 0.2, scope });
        scene.failure().await;
        let [Event::RateLimited { scope, wait, ref endpoint, .. }] = scene.monitor.events()[..] else {
            panic!("{:?}", scene.monitor.events())
        };
        assert_eq!((scope, wait), (name, Duration::from_secs(1)));
        assert_eq!(*endpoint, format!("GET /channels/{}/messages", SPEC.channel_text(scene.chat)));
    }
}

#[tokio::test]
async fn a_global_429_stops_every_request() {
    let scene = Scene::new();
    scene.fault(1, What::RateLimited { retry_after: 0.2, scope: Scope::Global });
    let elsewhere = async {
        scene.was_rate_limited().await;
        scene.page_of(scene.other_chat).await
    };
    let (page, other) = tokio::join!(scene.page(), elsewhere);
    assert!(page.is_ok() && other.is_ok());
    for channel in [scene.chat, scene.other_chat] {
        assert!(scene.between(scene.chat, channel) >= Duration::from_millis(990));
    }
    assert_eq!(scene.monitor.sum(Counter::RateLimitEncounters), 1);
}

#[tokio::test]
async fn a_429_ends_the_run_if_it_shall_not_wait() {
    let scene = Scene::with(|settings| settings.on_rate_limit = OnRateLimit::Stop);
    scene.fault(1, What::RateLimited { retry_after: 0.2, scope: Scope::User });
    let error = scene.failure().await;
    assert_eq!((error.kind, error.retry_after), (ErrorKind::RateLimited, Some(Duration::from_secs(1))));
    assert!(error.kind.ends_run());
    assert_eq!(scene.statuses(), [Some(429)]);
}

#[tokio::test]
async fn what_is_final_for_a_channel_is_asked_once() {
    let scene = Scene::new();
    let world = scene.sim.world();
    world.set_visibility(scene.chat.get(), Visibility::BotHidden);
    world.delete_channel(scene.other_chat.get());
    let nowhere = ChannelId::new(1).unwrap();
    for (channel, kind, code) in [
        (scene.chat, ErrorKind::Forbidden, "HTTP 403, code 50001"),
        (scene.forum, ErrorKind::Refused, "HTTP 400, code 50024"),
        (scene.other_chat, ErrorKind::NotFound, "HTTP 404, code 10003"),
        (nowhere, ErrorKind::NotFound, "HTTP 404, code 10003"),
    ] {
        let error = scene.page_of(channel).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.kind.is_of_channel() && error.detail.starts_with(code), "{error}");
    }
    assert_eq!(scene.sim.journal().len(), 4);
    assert_eq!(scene.monitor.sum(Counter::Retries), 0);
}

#[tokio::test]
async fn a_channel_that_was_closed_or_deleted_is_told_apart() {
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

/// Retry-After 0 again and again is no invitation to a tight loop.
#[tokio::test]
async fn a_server_that_says_wait_for_nothing_is_asked_less_and_less_often() {
    let scene = Scene::with(|settings| settings.retry.base_delay = Duration::from_millis(400));
    scene.fault(4, What::RateLimited { retry_after: 0.0, scope: Scope::Shared });
    let begin = tokio::time::Instant::now();
    assert!(scene.page().await.is_ok());
    assert!(begin.elapsed() >= Duration::from_millis(200 + 400 + 800), "{:?}", begin.elapsed());
    assert_eq!(scene.sim.journal().len(), 5);
}

#[tokio::test]
async fn a_token_revoked_on_the_way_ends_the_run() {
    let scene = Scene::new();
    assert!(scene.page().await.is_ok());
    scene.sim.world().revoke_token();
    let error = scene.failure().await;
    assert!(error.kind == ErrorKind::TokenRejected && error.kind.ends_run());
    assert!(!error.to_string().contains(&scene.sim.token()));
}

#[tokio::test]
async fn without_the_content_intent_the_identity_says_so() {
    let scene = Scene::new();
    scene.sim.world().set_message_content(false);
    let identity = scene.discord.identity(&scene.monitor).await.unwrap();
    assert_eq!(identity.reads_content, Some(false));
    assert!(identity.server_time.is_some());
}

#[tokio::test]
async fn a_dropped_request_gives_its_place_back() {
    let scene = Scene::with(|settings| settings.gate.max_in_flight = 1);
    scene.fault(1, What::Stall(FOREVER));
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
async fn a_broken_answer_is_asked_for_again_whatever_was_asked() {
    let routes =
        [RouteKind::CurrentApplication, RouteKind::CurrentUser, RouteKind::Guild, RouteKind::GuildMember];
    for route in routes {
        let scene = Scene::new();
        scene.sim.faults().when(Match::route(route), What::InvalidJson);
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
async fn a_refusal_that_isnt_discords_says_nothing_about_channel_or_workspace() {
    for status in [403, 404] {
        let scene = Scene::new();
        scene.sim.faults().when(Match::default().always(), What::Status(status, BodyKind::Html));
        let Scene { discord, monitor, chat, .. } = &scene;
        let alone = discord.channel(*chat, WorkspaceId::new(GUILD).unwrap(), monitor).await.unwrap_err();
        assert!(!matches!(alone.kind, ErrorKind::Forbidden | ErrorKind::NotFound), "{status}: {alone}");
        let scene = Scene::new();
        scene
            .sim
            .faults()
            .when(Match::route(RouteKind::Guild).always(), What::Status(status, BodyKind::Html));
        let asked = scene.discord.workspace(WorkspaceId::new(GUILD).unwrap(), &scene.monitor).await;
        assert_ne!(asked.unwrap_err().kind, ErrorKind::NotInWorkspace, "{status}");
        let scene = Scene::new();
        scene
            .sim
            .faults()
            .when(Match::route(RouteKind::GuildMember).always(), What::Status(status, BodyKind::Html));
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
