//! Selects the requests that a fault affects.

use std::sync::atomic::AtomicU64;

use serde_json::Value;

use super::untrue;
use crate::query::Query;
use crate::route::{Route, RouteKind};
use crate::routes::{self, Call};
use crate::wire::message::Show;
use crate::world::World;

/// Selects requests; all conditions that are set must hold.
#[derive(Debug, Clone)]
pub struct Match {
    /// Only this route.
    pub route: Option<RouteKind>,
    /// Only this guild: its own routes and those of its channels and threads.
    pub guild: Option<u64>,
    /// Only this channel.
    pub channel: Option<u64>,
    /// Only routes that name this message.
    pub message: Option<u64>,
    /// Only routes that name this emoji: the character or `name:id`.
    pub emoji: Option<String>,
    /// Only requests with this kind of cursor.
    pub cursor: Option<Cursor>,
    /// Only pages whose `limit` is at least this; a request without one has the route's
    /// default.
    pub least_limit: Option<u64>,
    /// Only if the true answer contains the item with this ID; see [`Match::holding`].
    pub holding: Option<u64>,
    /// Number of matching requests to answer normally first.
    pub skip: u32,
    /// Number of requests the fault fires for after that; `u32::MAX` means all.
    pub times: u32,
    /// Probability, 0.0 to 1.0, that the fault fires for a matching request. Only
    /// requests it fires for count towards `times`. The choice is a function of the seed,
    /// the request and the number of times the request was made.
    pub probability: f64,
}

/// The kind of cursor of a page request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cursor {
    /// No cursor: the route's first page; for messages, the newest.
    Absent,
    /// `before`.
    Before,
    /// `after`.
    After,
    /// `around`.
    Around,
}

/// A request and the world that answers it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestContext<'a> {
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
    /// The next request to a route.
    pub fn route(route: RouteKind) -> Self {
        Self { route: Some(route), ..Self::default() }
    }

    /// The next request for a message page of a channel.
    pub fn page_of(channel: u64) -> Self {
        Self { route: Some(RouteKind::Messages), channel: Some(channel), ..Self::default() }
    }

    /// The next request for a channel's message page without a cursor.
    pub fn newest_page_of(channel: u64) -> Self {
        Self::page_of(channel).with_cursor(Cursor::Absent)
    }

    /// The next request for a channel's message page with an `after` cursor.
    pub fn after_page_of(channel: u64) -> Self {
        Self::page_of(channel).with_cursor(Cursor::After)
    }

    /// The next request for a channel's message page with a `before` cursor.
    pub fn before_page_of(channel: u64) -> Self {
        Self::page_of(channel).with_cursor(Cursor::Before)
    }

    /// Restricts it to one guild and its channels.
    #[must_use]
    pub fn in_guild(self, guild: u64) -> Self {
        Self { guild: Some(guild), ..self }
    }

    /// Restricts it to routes that name this message.
    #[must_use]
    pub fn of_message(self, message: u64) -> Self {
        Self { message: Some(message), ..self }
    }

    /// Restricts it to routes that name this emoji: the character or `name:id`.
    #[must_use]
    pub fn of_emoji(self, emoji: &str) -> Self {
        Self { emoji: Some(emoji.to_owned()), ..self }
    }

    /// Restricts it to requests with this kind of cursor.
    #[must_use]
    pub fn with_cursor(self, cursor: Cursor) -> Self {
        Self { cursor: Some(cursor), ..self }
    }

    /// Restricts it to page requests for at least this many items.
    #[must_use]
    pub fn with_limit_from(self, limit: u64) -> Self {
        Self { least_limit: Some(limit), ..self }
    }

    /// Restricts it to page requests for more than this many items.
    #[must_use]
    pub fn with_limit_above(self, limit: u64) -> Self {
        self.with_limit_from(limit.saturating_add(1))
    }

    /// Restricts it to requests whose true answer is a list, or has a list of `threads`,
    /// that contains the item with this ID: for a message, the pages that contain it,
    /// whatever their cursor and limit.
    #[must_use]
    pub fn holding(self, item: u64) -> Self {
        Self { holding: Some(item), ..self }
    }

    /// Sets the number of requests the fault fires for.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// Makes the fault fire for every matching request.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u32::MAX)
    }

    /// Lets this many matching requests through first.
    #[must_use]
    pub fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    /// Whether all conditions hold. The true answer, which is expensive to compute, is
    /// checked last.
    pub(super) fn matches(&self, context: RequestContext<'_>) -> bool {
        let route = context.route;
        is_unset_or_equal(self.route, || route.map(|route| route.kind))
            && is_unset_or_equal(self.channel, || route.and_then(Route::channel))
            && is_unset_or_equal(self.message, || route.and_then(Route::message))
            && is_unset_or_equal(self.emoji.as_deref(), || route.and_then(Route::emoji))
            && is_unset_or_equal(self.cursor, || Some(context.cursor()))
            && self.least_limit.is_none_or(|least| context.limit().is_some_and(|limit| limit >= least))
            && is_unset_or_equal(self.guild, || context.guild())
            && self
                .holding
                .is_none_or(|item| context.true_answer().is_some_and(|answer| contains_item(answer, item)))
    }
}

/// Whether a condition is unset or holds.
fn is_unset_or_equal<T: PartialEq>(wanted: Option<T>, actual: impl FnOnce() -> Option<T>) -> bool {
    wanted.is_none_or(|wanted| actual() == Some(wanted))
}

fn contains_item(mut answer: Value, item: u64) -> bool {
    let items = untrue::items(&mut answer);
    items.is_some_and(|items| items.iter().any(|other| untrue::id_of(other) == Some(item)))
}

impl RequestContext<'_> {
    fn cursor(&self) -> Cursor {
        let names = [("before", Cursor::Before), ("after", Cursor::After), ("around", Cursor::Around)];
        let mut given = names.into_iter().filter(|(name, _)| self.query.get(name).is_some());
        given.next().map_or(Cursor::Absent, |(_, cursor)| cursor)
    }

    /// The requested page size; `None` on routes without pages.
    fn limit(&self) -> Option<u64> {
        let default_limit = self.route?.kind.default_limit()?;
        Some(self.query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(default_limit))
    }

    /// The guild of the route or of its channel, even a deleted one.
    fn guild(&self) -> Option<u64> {
        let route = self.route?;
        let of_channel = || {
            let state = self.world.read();
            Some(state.channels.get(&route.channel()?)?.guild_id)
        };
        route.guild().or_else(of_channel)
    }

    /// The body of the true answer, if it is a 200.
    fn true_answer(&self) -> Option<Value> {
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
