//! Messages: Resources/Message, "Get Channel Messages" and "Get Channel Message".

use super::Call;
use crate::answer::{ApiError, RouteResult};
use crate::query::Query;
use crate::wire::{self, Writer};
use crate::world::{Log, Position, Scene};

/// The cursor of a page request; its three parameters are mutually exclusive.
#[derive(Debug, Clone, Copy)]
enum Cursor {
    Newest,
    Before(u64),
    After(u64),
    Around(u64),
}

impl Cursor {
    fn parse(query: &Query) -> Result<Self, ApiError> {
        let given = (query.snowflake("before")?, query.snowflake("after")?, query.snowflake("around")?);
        match given {
            (None, None, None) => Ok(Self::Newest),
            (Some(id), None, None) => Ok(Self::Before(id)),
            (None, Some(id), None) => Ok(Self::After(id)),
            (None, None, Some(id)) => Ok(Self::Around(id)),
            _ => Err(ApiError::invalid_form(
                "",
                "BASE_TYPE_BAD_MUTUALLY_EXCLUSIVE",
                "before, after and around are mutually exclusive.".to_owned(),
            )),
        }
    }

    /// The positions of the page's messages, newest first.
    fn page(self, log: &Log, limit: usize) -> Vec<Position> {
        let end = log.end();
        match self {
            Self::Newest => log.newest(0..end, limit),
            Self::Before(id) => log.newest(0..log.rank(id), limit),
            Self::After(id) => {
                let from = log.rank(id.saturating_add(1));
                let mut page = log.oldest(from..end, limit);
                page.reverse();
                page
            }
            Self::Around(id) => {
                let middle = log.rank(id);
                let older = log.newest(0..middle, limit / 2);
                let mut page = log.oldest(middle..end, limit - limit / 2);
                page.reverse();
                page.extend(older);
                page
            }
        }
    }
}

/// A page of messages. Without `READ_MESSAGE_HISTORY` it is empty.
pub(super) fn page(call: &Call<'_>) -> RouteResult {
    let scene = message_channel(call)?;
    let limit = call.query.number("limit", 1, 100, 50)? as usize;
    let cursor = Cursor::parse(call.query)?;
    let positions = if scene.bot().history { cursor.page(&scene.channel.log, limit) } else { Vec::new() };
    let mut w = Writer::with_capacity(64 + positions.len() * 1024);
    w.list(|w| {
        for position in positions {
            wire::message::item(w, &scene, &call.show, position);
        }
    });
    Ok(w)
}

pub(super) fn one(call: &Call<'_>) -> RouteResult {
    let (scene, position) = existing_message(call)?;
    let mut w = Writer::with_capacity(2048);
    wire::message::item(&mut w, &scene, &call.show, position);
    Ok(w)
}

/// The message of the route; reading a single message requires `READ_MESSAGE_HISTORY`.
pub(super) fn existing_message<'a>(call: &Call<'a>) -> Result<(Scene<'a>, Position), ApiError> {
    let scene = message_channel(call)?;
    if !scene.bot().history {
        return Err(ApiError::MISSING_PERMISSIONS);
    }
    let position = scene.channel.log.find_live(call.route.minor);
    Ok((scene, position.ok_or(ApiError::UNKNOWN_MESSAGE)?))
}

/// The channel of the route, if it can have messages and the bot may view and, for voice
/// and stage channels, join it.
fn message_channel<'a>(call: &Call<'a>) -> Result<Scene<'a>, ApiError> {
    let scene = call.scene()?;
    if !scene.channel.kind.has_messages() {
        return Err(ApiError::WRONG_CHANNEL_TYPE);
    }
    if !scene.bot().connect {
        return Err(ApiError::MISSING_ACCESS);
    }
    Ok(scene)
}
