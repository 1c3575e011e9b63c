//! Runs a search: with an index where there is one, else by reading.

use super::index::{CurrentIndex, by_index};
use super::request::{Found, Hit, Request};
use super::scan::scan;
use super::{Folded, ranges};
use crate::archive::message_scan::MessageKey;
use crate::archive::{ArchiveError, Reader};

/// If the index gives up on a search, the messages of the channels are read instead, if there
/// are at most this many.
const MAX_MESSAGES_READ: u64 = 1_000_000;

/// Searches one state of the archive. `on_read` is called now and then with the number of
/// messages read, if they are read one by one.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn run(
    reader: &Reader,
    index: Option<CurrentIndex>,
    request: &Request,
    mut on_read: impl FnMut(u64),
) -> Result<Found, ArchiveError> {
    // Closed before everything is read: a sync can't change it as long as it is open.
    let mut answer = match index {
        Some(index) => by_index(reader, &index, request, &mut on_read)?,
        None => None,
    };
    let gave_up = answer.as_ref().is_some_and(|answer| answer.searched_until.is_some());
    if gave_up && (request.counts || reader.filter_scope(&request.filter)?.messages <= MAX_MESSAGES_READ) {
        answer = None;
    }
    let answer = match answer {
        Some(answer) => answer,
        None => scan(reader, request, on_read)?,
    };
    let mut found = Found {
        count: request.counts.then_some(answer.count),
        has_more: answer.count > answer.keys.len() as u64 || answer.searched_until.is_some(),
        searched: answer.searched,
        searched_until: answer.searched_until,
        missing: if answer.count == 0 { answer.missing } else { Vec::new() },
        hits: Vec::new(),
    };
    for key in answer.keys {
        found.hits.extend(hit(reader, key, request)?);
    }
    Ok(found)
}

/// The hit with a key; `None` if it isn't archived any more.
fn hit(reader: &Reader, key: MessageKey, request: &Request) -> Result<Option<Hit>, ArchiveError> {
    let Some(message) = reader.shown_message(key)? else { return Ok(None) };
    let ranges = ranges(&request.query, &Folded::of(&message.content));
    let (before, after) = if request.context > 0 {
        reader.messages_around(key, request.context)?
    } else {
        (Vec::new(), Vec::new())
    };
    Ok(Some(Hit { message, ranges, before, after }))
}
