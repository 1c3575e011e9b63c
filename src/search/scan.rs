//! Answers a search by reading every message that its filter selects.

use super::best::Best;
use super::message_matcher::MessageMatcher;
use super::request::{Answer, Request, Searched};
use crate::archive::{ArchiveError, Reader};

/// Messages between two calls of `on_read`.
pub(super) const READ_STEP: u64 = 4096;

/// Searches by reading. `on_read` is called now and then with the number of messages read.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn scan(
    reader: &Reader,
    request: &Request,
    mut on_read: impl FnMut(u64),
) -> Result<Answer, ArchiveError> {
    let mut best = Best::new(request);
    let mut matcher = MessageMatcher::new(request);
    let mut read = 0_u64;
    reader.scan_messages(&request.filter, |message| {
        read += 1;
        if matcher.matches(&message) {
            best.add(message.key);
        }
        if read.is_multiple_of(READ_STEP) {
            on_read(read);
        }
    })?;
    Ok(Answer {
        count: best.count(),
        keys: best.into_sorted(),
        searched: Searched::Scan,
        searched_until: None,
        missing: matcher.missing(),
    })
}
