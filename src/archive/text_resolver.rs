//! Resolves scrubbed texts before they are stored: hashes replace the IDs of users in the
//! archive, and erased users are removed. Other ID candidates are recorded.

use std::borrow::Cow;

use hashbrown::{HashMap, HashSet};

use super::{ArchiveError, ChannelRow, Tx, candidates, users};
use crate::anonymize::{ScrubbedText, UserHash, hashes_alone_in, replace_forgotten, replace_hashes};

impl Tx<'_> {
    /// Scrubs a stored text of a channel (or of none) again, now that `known` is a user.
    pub(super) fn rescrub(
        &mut self,
        text: &str,
        channel: Option<i64>,
        known: &UserHash,
    ) -> Result<String, ArchiveError> {
        let scrubbers = self.cache.scrubbers.of(self.connection, channel)?;
        let text = scrubbers.iter().fold(text.to_owned(), |text, scrubber| scrubber.rescrub(&text, known));
        let Some(key) = self.cache.scrubbers.scheme().key() else { return Ok(text) };
        let replaced =
            replace_hashes(&text, |plain, _| (key.hash(plain) == *known).then(|| known.to_string()));
        Ok(replaced.unwrap_or(text))
    }

    /// The text as it may be stored for a message: the IDs of known users become hashes,
    /// the other ID candidates are recorded. `message_id` is 0 for the channel's own
    /// texts.
    pub(super) fn resolve_text<'t>(
        &mut self,
        text: &'t ScrubbedText,
        channel: ChannelRow,
        message_id: i64,
    ) -> Result<Cow<'t, str>, ArchiveError> {
        self.resolve_text_at(text, Some((channel, message_id)))
    }

    /// Like [`Self::resolve_text`]; without a location no candidates are recorded.
    pub(super) fn resolve_text_at<'t>(
        &mut self,
        text: &'t ScrubbedText,
        location: Option<(ChannelRow, i64)>,
    ) -> Result<Cow<'t, str>, ArchiveError> {
        let mut known = HashSet::new();
        for candidate in text.id_candidates() {
            if users::find(self, &candidate.hash)?.is_some() || self.is_forgotten(&candidate.hash)? {
                known.insert(candidate.hash);
            } else if let Some((channel, message_id)) = location.filter(|_| candidate.should_record) {
                candidates::record(self, &candidate.hash, channel, message_id)?;
            }
        }
        let resolved = self.with_keyed_hashes(text.resolve(|hash| known.contains(hash)), location)?;
        if !self.has_forgotten()? {
            return Ok(resolved);
        }
        let mut failed = None;
        let text = replace_forgotten(resolved, |hash| {
            self.is_forgotten(hash).unwrap_or_else(|error| {
                failed = Some(error);
                true
            })
        });
        failed.map_or(Ok(text), Err)
    }

    /// In a keyed archive, replaces the plain hashes in a text if they are of users in the
    /// archive. Others are recorded as candidates.
    pub(super) fn with_keyed_hashes<'t>(
        &mut self,
        text: Cow<'t, str>,
        location: Option<(ChannelRow, i64)>,
    ) -> Result<Cow<'t, str>, ArchiveError> {
        let Some(key) = self.cache.scrubbers.scheme().key() else { return Ok(text) };
        let mut known = HashMap::new();
        for plain in hashes_alone_in(&text) {
            let hash = key.hash(&plain);
            if users::find(self, &hash)?.is_some() || self.is_forgotten(&hash)? {
                known.insert(plain, hash);
            } else if let Some((channel, message_id)) = location
                && users::find(self, &plain)?.is_none()
            {
                candidates::record(self, &hash, channel, message_id)?;
            }
        }
        let replaced = replace_hashes(&text, |plain, _| known.get(plain).map(ToString::to_string));
        Ok(replaced.map_or(text, Cow::Owned))
    }

    /// Like [`Self::resolve_text`], for an optional text.
    pub(super) fn resolve_optional_text<'t>(
        &mut self,
        text: Option<&'t ScrubbedText>,
        channel: ChannelRow,
        message_id: i64,
    ) -> Result<Option<Cow<'t, str>>, ArchiveError> {
        text.map(|text| self.resolve_text(text, channel, message_id)).transpose()
    }
}
