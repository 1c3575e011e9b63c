//! Contract tests: each fact that [`PlatformAdapter`] documents, asserted for the fake
//! and for Discord's adapter against the simulator. Both hold the same data.

mod messages;
mod threads;
mod truth;
mod workspaces;

use std::sync::LazyLock;
use std::time::Duration;

use discord_sim::{Description, Simulator, World};

use self::truth::{ChannelTruth, Truth};
use super::discord::Discord;
use super::fake::Fake;
use super::{
    AdapterSettings, ErrorKind, GateSettings, PageRequest, PlatformAdapter, PlatformError, RetryPolicy,
};
use crate::model::{Channel, ChannelId, MessageId, MessagePage, RateLimitPolicy, Timestamp};
use crate::monitor::NoMonitor;

fn description() -> Description {
    Description::everything(1)
}

static TRUTH: LazyLock<Truth> = LazyLock::new(|| Truth::of(&World::new(&description())));

/// An adapter under test.
struct Subject<P> {
    platform: P,
    /// The same adapter with a token that the platform rejects.
    rejected: P,
    truth: &'static Truth,
    _server: Option<Simulator>,
}

fn fake_in_memory() -> Subject<Fake> {
    let rejected = TRUTH.fake();
    rejected.reject_token();
    Subject { platform: TRUTH.fake(), rejected, truth: &TRUTH, _server: None }
}

fn discord_over_the_simulator() -> Subject<Discord> {
    let server = Simulator::start(World::new(&description()));
    let settings = AdapterSettings {
        api_url: server.url(),
        gate: GateSettings { max_in_flight: 10, requests_per_second: 10_000.0 },
        on_rate_limit: RateLimitPolicy::Wait,
        retry: RetryPolicy { max_retries: 3, base_delay: Duration::from_millis(5) },
        request_timeout: Duration::from_secs(30),
        now: Timestamp::from_millis(0),
    };
    Subject {
        platform: Discord::new(&settings, &server.token()).unwrap(),
        rejected: Discord::new(&settings, "nobodys.token").unwrap(),
        truth: &TRUTH,
        _server: Some(server),
    }
}

macro_rules! facts {
    ($($module:ident: $($fact:ident)+;)+) => {
        mod fake {
            $($(#[tokio::test]
            async fn $fact() {
                super::$module::$fact(&super::fake_in_memory()).await;
            })+)+
        }

        mod discord {
            $($(#[tokio::test]
            async fn $fact() {
                super::$module::$fact(&super::discord_over_the_simulator()).await;
            })+)+
        }
    };
}

facts! {
    workspaces:
        an_unknown_token_is_rejected
        a_workspace_without_the_bot_fails_with_not_in_workspace
        a_workspace_has_its_name_and_its_channels_without_threads
        visibility_follows_from_the_permissions
        a_channel_read_alone_equals_the_listed_one
        an_unknown_channel_is_not_found;
    threads:
        active_threads_are_those_that_are_not_archived
        archived_threads_descend_in_time_and_before_is_exclusive
        has_more_is_accurate
        every_public_thread_is_active_or_archived
        a_search_finds_the_channels_of_later_messages;
    messages:
        pages_ascend_never_overlap_and_end_empty
        a_page_holds_the_messages_after_the_cursor
        newest_and_before_pages_hold_the_latest_messages
        a_page_is_full_when_it_holds_limit_messages
        an_unreadable_channel_is_empty_or_forbidden
        a_message_equals_the_original
        an_id_and_its_time_agree
        repeated_and_concurrent_requests_return_the_same
        a_call_is_counted_by_its_own_monitor;
}

impl<P: PlatformAdapter> Subject<P> {
    async fn channels(&self) -> Vec<Channel> {
        self.platform.workspace(self.truth.workspace.id, &NoMonitor).await.unwrap().1
    }

    async fn active_threads(&self) -> Vec<Channel> {
        let channels = self.channels().await;
        self.platform.active_threads(self.truth.workspace.id, &channels, &NoMonitor).await.unwrap()
    }

    /// Listed channels whose archived threads the bot may list.
    async fn parents(&self) -> Vec<Channel> {
        let may_list =
            |channel: &Channel| channel.kind.has_threads() && channel.visibility.bot_lacks.is_empty();
        self.channels().await.into_iter().filter(may_list).collect()
    }

    async fn archived(&self, parent: &Channel, before: Option<Timestamp>) -> (Vec<Channel>, bool) {
        self.platform.archived_threads(parent, before, &NoMonitor).await.unwrap()
    }

    /// Every page of archived threads. Archive times may tie at the end of a page, so the
    /// next page begins with that time again.
    async fn archived_pages(&self, parent: &Channel) -> Vec<Vec<Channel>> {
        let (mut pages, mut before) = (Vec::new(), None);
        loop {
            let (page, has_more) = self.archived(parent, before).await;
            before = page.last().map(|thread| archived_at(thread).later(Duration::from_millis(1)));
            pages.push(page);
            if !has_more {
                return pages;
            }
            assert!(pages.len() < 100, "the listing of {} doesn't end", parent.name);
        }
    }

    async fn messages(
        &self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u16,
    ) -> Result<MessagePage, PlatformError> {
        self.platform.messages(&PageRequest::after(channel, after, limit), &NoMonitor).await
    }

    /// Every nonempty page of a channel, up to the first empty one.
    async fn pages(&self, channel_truth: &ChannelTruth, limit: u16) -> Vec<MessagePage> {
        let mut pages: Vec<MessagePage> = Vec::new();
        loop {
            let after = pages.last().and_then(MessagePage::last_id);
            let page = self.messages(channel_truth.channel.id, after, limit).await.unwrap();
            if page.messages.is_empty() {
                assert_eq!(page.malformed, []);
                return pages;
            }
            assert!(page.last_id() > after, "a page of {} does not advance", channel_truth.channel.name);
            pages.push(page);
        }
    }
}

fn kind_of<T>(outcome: Result<T, PlatformError>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind)
}

fn ids_of(page: &MessagePage) -> Vec<MessageId> {
    page.messages.iter().map(|message| message.id).collect()
}

fn archived_at(thread: &Channel) -> Timestamp {
    thread
        .thread
        .as_ref()
        .and_then(|facts| facts.archived_at)
        .expect("an archived thread has its archive time")
}
