//! Texts as they are stored: hashes in place of users the archive knows, and nobody
//! who was erased.

use std::borrow::Cow;

use hashbrown::HashSet;

use super::{ArchiveError, ChannelRow, Tx, candidates, users};
use crate::anonymize::{ScrubbedText, UserHash, forget_in};

impl Tx<'_> {
    /// Scrubs a stored text of a channel, or of none, once more, now that `known` is a
    /// user.
    pub(super) fn rescrub(
        &mut self,
        text: &str,
        channel: Option<i64>,
        known: &UserHash,
    ) -> Result<String, ArchiveError> {
        let scrubbers = self.interned.scrubbers.of(self.connection, channel)?;
        Ok(scrubbers.iter().fold(text.to_owned(), |text, scrubber| scrubber.rescrub(&text, known)))
    }

    /// The text as it may be stored at a place: digits of known users become
    /// hashes, digits of unknown ones are remembered. `message_id` is 0 for
    /// the channel's own facts.
    pub(super) fn settle<'t>(
        &mut self,
        text: &'t ScrubbedText,
        channel: ChannelRow,
        message_id: i64,
    ) -> Result<Cow<'t, str>, ArchiveError> {
        self.settle_at(text, Some((channel, message_id)))
    }

    /// Like [`Self::settle`]; without a place nothing is remembered.
    pub(super) fn settle_at<'t>(
        &mut self,
        text: &'t ScrubbedText,
        place: Option<(ChannelRow, i64)>,
    ) -> Result<Cow<'t, str>, ArchiveError> {
        let mut known = HashSet::new();
        for suspect in text.suspects() {
            if users::find(self, &suspect.hash)?.is_some() || self.is_forgotten(&suspect.hash)? {
                known.insert(suspect.hash);
            } else if let Some((channel, message_id)) = place.filter(|_| suspect.lasting) {
                candidates::remember(self, &suspect.hash, channel, message_id)?;
            }
        }
        let resolved = text.resolve(|hash| known.contains(hash));
        if !self.has_forgotten()? {
            return Ok(resolved);
        }
        let mut failed = None;
        let text = forget_in(resolved, |hash| {
            self.is_forgotten(hash).unwrap_or_else(|error| {
                failed = Some(error);
                true
            })
        });
        failed.map_or(Ok(text), Err)
    }

    /// Like [`Self::settle`], for text that may be absent.
    pub(super) fn settle_optional<'t>(
        &mut self,
        text: Option<&'t ScrubbedText>,
        channel: ChannelRow,
        message_id: i64,
    ) -> Result<Option<Cow<'t, str>>, ArchiveError> {
        text.map(|text| self.settle(text, channel, message_id)).transpose()
    }
}
