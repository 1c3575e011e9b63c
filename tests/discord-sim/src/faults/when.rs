//! Which requests a fault strikes.

use std::sync::atomic::AtomicU64;

use serde_json::Value;

use super::untrue;
use crate::query::Query;
use crate::route::{Route, RouteKind};
use crate::routes::{self, Call};
use crate::wire::message::Show;
use crate::world::World;

/// Which requests a fault strikes: those that all of this is true of.
#[derive(Debug, Clone)]
pub struct Match {
    /// Only this route.
    pub route: Option<RouteKind>,
    /// Only this guild: its own routes and those of its channels.
    pub guild: Option<u64>,
    /// Only this channel.
    pub channel: Option<u64>,
    /// Only this message, on the routes that name one.
    pub message: Option<u64>,
    /// Only this emoji, on the route that names one: the character or `name:id`.
    pub emoji: Option<String>,
    /// Only where the page begins like this.
    pub cursor: Option<Cursor>,
    /// Only pages that may hold at least so many; one that doesn't say has the
    /// route's own limit.
    pub least_limit: Option<u64>,
    /// Only if the true answer is a list with the item of this ID in it.
    pub holding: Option<u64>,
    /// How many matching requests pass first.
    pub skip: u32,
    /// How many are struck then; `u32::MAX` for all.
    pub times: u32,
    /// The chance of each, 0.0 to 1.0; one that is spared isn't counted. It is
    /// a function of the seed, the request and how often it was asked for.
    pub probability: f64,
}

/// Where a page is asked to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cursor {
    /// Nowhere: the route's first page, which has the newest messages.
    Absent,
    /// `before` something.
    Before,
    /// `after` something.
    After,
    /// `around` something.
    Around,
}

/// A request, and the world it asks about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub world: &'a World,
    pub route: Option<&'a Route>,
    pub query: &'a Query,
}

impl Default for Match {
    fn default() -> Self {
        Self {
            route: None,
            guild: None,
            channel: None,
            message: None,
            emoji: None,
            cursor: None,
            least_limit: None,
            holding: None,
            skip: 0,
            times: 1,
            probability: 1.0,
        }
    }
}

impl Match {
    /// The next request of a route.
    pub fn route(route: RouteKind) -> Self {
        Self { route: Some(route), ..Self::default() }
    }

    /// The next message page of a channel.
    pub fn page_of(channel: u64) -> Self {
        Self { route: Some(RouteKind::Messages), channel: Some(channel), ..Self::default() }
    }

    /// The next message page of a channel that has no cursor.
    pub fn newest_page_of(channel: u64) -> Self {
        Self::page_of(channel).with_cursor(Cursor::Absent)
    }

    /// The next message page of a channel after some message.
    pub fn after_page_of(channel: u64) -> Self {
        Self::page_of(channel).with_cursor(Cursor::After)
    }

    /// The next message page of a channel before some message.
    pub fn before_page_of(channel: u64) -> Self {
        Self::page_of(channel).with_cursor(Cursor::Before)
    }

    /// The same in one guild and its channels only.
    #[must_use]
    pub fn in_guild(self, guild: u64) -> Self {
        Self { guild: Some(guild), ..self }
    }

    /// The same where the route names this message only.
    #[must_use]
    pub fn of_message(self, message: u64) -> Self {
        Self { message: Some(message), ..self }
    }

    /// The same where the route names this emoji only: the character or `name:id`.
    #[must_use]
    pub fn of_emoji(self, emoji: &str) -> Self {
        Self { emoji: Some(emoji.to_owned()), ..self }
    }

    /// The same where the page begins like this only.
    #[must_use]
    pub fn with_cursor(self, cursor: Cursor) -> Self {
        Self { cursor: Some(cursor), ..self }
    }

    /// The same where at least so many items are asked for only.
    #[must_use]
    pub fn with_limit_from(self, limit: u64) -> Self {
        Self { least_limit: Some(limit), ..self }
    }

    /// The same where more items are asked for only.
    #[must_use]
    pub fn with_limit_above(self, limit: u64) -> Self {
        self.with_limit_from(limit.saturating_add(1))
    }

    /// The same where the true answer is a list, or has a list of threads, with
    /// the item of this ID in it only: of pages of messages those that this
    /// message is on, whatever the cursor and the limit.
    #[must_use]
    pub fn holding(self, item: u64) -> Self {
        Self { holding: Some(item), ..self }
    }

    /// The same for this many requests.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// The same for every request.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u32::MAX)
    }

    /// The same after this many have passed.
    #[must_use]
    pub fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    /// The true answer is asked for last: it costs the most.
    pub(super) fn fits(&self, asking: Asking<'_>) -> bool {
        let route = asking.route;
        is_any_or(self.route, || route.map(|route| route.kind))
            && is_any_or(self.channel, || route.and_then(Route::channel))
            && is_any_or(self.message, || route.and_then(Route::message))
            && is_any_or(self.emoji.as_deref(), || route.and_then(Route::emoji))
            && is_any_or(self.cursor, || Some(asking.cursor()))
            && self.least_limit.is_none_or(|least| asking.limit().is_some_and(|limit| limit >= least))
            && is_any_or(self.guild, || asking.guild())
            && self.holding.is_none_or(|item| asking.answer().is_some_and(|answer| holds(answer, item)))
    }
}

/// Whether nothing certain is wanted, or what there is.
fn is_any_or<T: PartialEq>(wanted: Option<T>, actual: impl FnOnce() -> Option<T>) -> bool {
    wanted.is_none_or(|wanted| actual() == Some(wanted))
}

fn holds(mut answer: Value, item: u64) -> bool {
    let items = untrue::items(&mut answer);
    items.is_some_and(|items| items.iter().any(|other| untrue::id_of(other) == Some(item)))
}

impl Asking<'_> {
    fn cursor(&self) -> Cursor {
        let names = [("before", Cursor::Before), ("after", Cursor::After), ("around", Cursor::Around)];
        let mut given = names.into_iter().filter(|(name, _)| self.query.get(name).is_some());
        given.next().map_or(Cursor::Absent, |(_, cursor)| cursor)
    }

    /// How many items are asked for; none on routes that have no pages.
    fn limit(&self) -> Option<u64> {
        let own = self.route?.kind.default_limit()?;
        Some(self.query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(own))
    }

    /// The guild of the route or of its channel, even of a deleted one.
    fn guild(&self) -> Option<u64> {
        let route = self.route?;
        let of_channel = || {
            let state = self.world.read();
            Some(state.channels.get(&route.channel()?)?.guild_id)
        };
        route.guild().or_else(of_channel)
    }

    /// The body of the true answer, if it is a 200.
    fn answer(&self) -> Option<Value> {
        let call = Call {
            state: &self.world.read(),
            show: Show { now_ms: self.world.now_ms(), signatures: &AtomicU64::new(0), is_blank: false },
            route: self.route?,
            query: self.query,
        };
        let answer = routes::answer(&call).ok()?.finish();
        serde_json::from_slice(&answer).ok()
    }
}
