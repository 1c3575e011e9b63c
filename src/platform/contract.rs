//! What every platform must do: each fact of [`PlatformAdapter`]'s prose,
//! asserted of the platform in memory and of Discord's adapter over the
//! simulator. Both hold the same.

mod messages;
mod threads;
mod truth;
mod workspaces;

use std::sync::LazyLock;
use std::time::Duration;

use discord_sim::{Description, Simulator, World};

use self::truth::{Held, Truth};
use super::discord::Discord;
use super::fake::Fake;
use super::{
    AdapterSettings, ErrorKind, GateSettings, PageRequest, PlatformAdapter, PlatformError, RetryPolicy,
};
use crate::model::{Channel, ChannelId, MessageId, MessagePage, OnRateLimit, Timestamp};
use crate::monitor::Silent;

fn description() -> Description {
    Description::everything(1)
}

static TRUTH: LazyLock<Truth> = LazyLock::new(|| Truth::of(&World::new(&description())));

/// What the facts are asserted of.
struct Subject<P> {
    platform: P,
    /// The same with a token that is nobody's.
    stranger: P,
    truth: &'static Truth,
    _server: Option<Simulator>,
}

fn in_memory() -> Subject<Fake> {
    let stranger = TRUTH.fake();
    stranger.reject_token();
    Subject { platform: TRUTH.fake(), stranger, truth: &TRUTH, _server: None }
}

fn over_the_simulator() -> Subject<Discord> {
    let server = Simulator::start(World::new(&description()));
    let settings = AdapterSettings {
        api_url: server.url(),
        gate: GateSettings { max_in_flight: 10, requests_per_second: 10_000.0 },
        on_rate_limit: OnRateLimit::Wait,
        retry: RetryPolicy { max_retries: 3, base_delay: Duration::from_millis(5) },
        request_timeout: Duration::from_secs(30),
        now: Timestamp::from_millis(0),
    };
    Subject {
        platform: Discord::new(&settings, &server.token()).unwrap(),
        stranger: Discord::new(&settings, "nobodys.token").unwrap(),
        truth: &TRUTH,
        _server: Some(server),
    }
}

macro_rules! facts {
    ($($part:ident: $($fact:ident)+;)+) => {
        mod fake {
            $($(#[tokio::test]
            async fn $fact() {
                super::$part::$fact(&super::in_memory()).await;
            })+)+
        }

        mod discord {
            $($(#[tokio::test]
            async fn $fact() {
                super::$part::$fact(&super::over_the_simulator()).await;
            })+)+
        }
    };
}

facts! {
    workspaces:
        a_token_is_known_or_rejected
        a_workspace_without_the_bot_is_told_apart
        a_workspace_has_its_name_and_its_channels_without_threads
        who_may_see_a_channel_is_what_the_rights_say
        a_channel_asked_for_alone_is_the_one_listed
        an_unknown_channel_is_not_found;
    threads:
        active_threads_are_those_that_are_not_archived
        archived_pages_go_down_in_time_and_before_is_exclusive
        has_more_is_honest
        every_public_thread_is_active_or_archived;
    messages:
        pages_ascend_never_overlap_and_end_empty
        a_page_holds_what_follows_after
        the_newest_page_and_the_one_before_a_message_end_there
        a_page_is_full_when_it_holds_as_many_as_asked_for
        a_channel_the_bot_may_not_read_shows_nothing
        a_message_is_what_was_written
        an_id_and_its_time_agree
        the_same_question_has_the_same_answer_also_from_many_tasks
        a_call_is_counted_at_its_own_monitor;
}

impl<P: PlatformAdapter> Subject<P> {
    async fn channels(&self) -> Vec<Channel> {
        self.platform.workspace(self.truth.workspace.id, &Silent).await.unwrap().1
    }

    async fn active_threads(&self) -> Vec<Channel> {
        let channels = self.channels().await;
        self.platform.active_threads(self.truth.workspace.id, &channels, &Silent).await.unwrap()
    }

    /// Channels as listed whose archived threads the bot may list.
    async fn parents(&self) -> Vec<Channel> {
        let may_list =
            |channel: &Channel| channel.kind.has_threads() && channel.visibility.bot_lacks.is_empty();
        self.channels().await.into_iter().filter(may_list).collect()
    }

    async fn archived(&self, parent: &Channel, before: Option<Timestamp>) -> (Vec<Channel>, bool) {
        self.platform.archived_threads(parent, before, &Silent).await.unwrap()
    }

    /// Every page of archived threads. Times may tie at the edge of a page, so
    /// the next one begins with the last time once more.
    async fn archived_pages(&self, parent: &Channel) -> Vec<Vec<Channel>> {
        let (mut pages, mut before) = (Vec::new(), None);
        loop {
            let (page, has_more) = self.archived(parent, before).await;
            before = page.last().map(|thread| archived_at(thread).later(Duration::from_millis(1)));
            pages.push(page);
            if !has_more {
                return pages;
            }
            assert!(pages.len() < 100, "the listing of {} has no end", parent.name);
        }
    }

    async fn messages(
        &self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u16,
    ) -> Result<MessagePage, PlatformError> {
        self.platform.messages(&PageRequest::after(channel, after, limit), &Silent).await
    }

    /// Every page of a channel that holds something; the one after is empty.
    async fn pages(&self, held: &Held, limit: u16) -> Vec<MessagePage> {
        let mut pages: Vec<MessagePage> = Vec::new();
        loop {
            let after = pages.last().and_then(MessagePage::last_id);
            let page = self.messages(held.channel.id, after, limit).await.unwrap();
            if page.messages.is_empty() {
                assert_eq!(page.broken, []);
                return pages;
            }
            assert!(page.last_id() > after, "a page of {} does not go on", held.channel.name);
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
    thread.thread.as_ref().and_then(|facts| facts.archived_at).expect("an archived thread has its time")
}
