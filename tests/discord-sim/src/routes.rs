//! The API's routes, one file per group. They read the world and never change it.

mod application;
mod channel;
mod guild;
mod message;
mod reaction;
mod search;
mod thread;

use crate::answer::{ApiError, RouteResult};
use crate::query::Query;
use crate::route::{Route, RouteKind};
use crate::wire::message::Show;
use crate::world::{Scene, State};

/// A request to a route, and the world's state that answers it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub state: &'a State,
    pub show: Show<'a>,
    pub route: &'a Route,
    pub query: &'a Query,
}

/// The true answer to a request.
pub(crate) fn answer(call: &Call<'_>) -> RouteResult {
    match call.route.kind {
        RouteKind::CurrentUser => Ok(application::user(call)),
        RouteKind::CurrentUserGuilds => application::guilds(call),
        RouteKind::CurrentApplication => Ok(application::application(call)),
        RouteKind::Guild => guild::guild(call),
        RouteKind::GuildRoles => guild::roles(call),
        RouteKind::GuildChannels => guild::channels(call),
        RouteKind::GuildMembers => Err(ApiError::MISSING_ACCESS),
        RouteKind::GuildMember => guild::member(call),
        RouteKind::ActiveThreads => thread::active(call),
        RouteKind::GuildSearch => search::messages(call),
        RouteKind::Channel => channel::channel(call),
        RouteKind::ArchivedPublicThreads => thread::archived_public(call),
        RouteKind::ArchivedPrivateThreads => thread::archived_private(call),
        RouteKind::JoinedPrivateThreads => thread::joined_private(call),
        RouteKind::Messages => message::page(call),
        RouteKind::Message => message::one(call),
        RouteKind::Reactions => reaction::users(call),
    }
}

impl<'a> Call<'a> {
    /// The channel of the route, if the bot can view it.
    fn scene(&self) -> Result<Scene<'a>, ApiError> {
        let scene = self.state.scene(self.route.major);
        let scene = scene.ok_or(ApiError::UNKNOWN_CHANNEL)?;
        if scene.bot().view { Ok(scene) } else { Err(ApiError::MISSING_ACCESS) }
    }
}
