//! Gets past gaps: pages that can't be fetched although the rest of the channel can, and
//! messages without a readable ID.

use super::super::failure::Failure;
use super::super::gap_search::{AdaptivePageSize, GapSearch, Probe, ProbeAnswer};
use super::{PassOutcome, PassPurpose, ReadPass, Reading};
use crate::archive::{ArchiveError, malformed};
use crate::model::{ChannelEnd, MalformedMessage, MessageId, MessagePage};
use crate::monitor::{Counter, Monitor as _};
use crate::platform::{ErrorKind, PageCursor, PlatformError};

/// Messages of a channel that one run skips at most, besides those that earlier runs
/// recorded: more of them are an outage, and each takes up to 100 requests to find.
const MAX_SKIPPED_MESSAGES: u32 = 10;

/// Whether an error may concern a single page rather than the platform as a whole.
pub(super) const fn may_concern_single_page(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Server
            | ErrorKind::Timeout
            | ErrorKind::Unreadable
            | ErrorKind::TooLarge
            | ErrorKind::Network
    )
}

impl Reading<'_> {
    /// Handles a page that can't be fetched. If other pages of the channel can, the page
    /// size is halved, down to one message, which is then skipped. `None` to continue.
    pub(super) async fn reduce_page(
        &mut self,
        pass: &mut ReadPass,
        error: PlatformError,
    ) -> Result<Option<PassOutcome>, Failure> {
        if !pass.page_size.is_reduced() {
            match self.can_read_other_pages(pass, error.kind).await {
                Ok(true) => {}
                Ok(false) => return Err(error.into()),
                Err(end) => return Ok(Some(end)),
            }
        }
        if pass.page_size.halve() {
            return Ok(None);
        }
        // The last request may have met a transient fault.
        match self.request_page(PageCursor::After(pass.cursor), 1, false).await {
            Err(end) => Ok(Some(end)),
            Ok(Ok(_)) => Ok(None),
            Ok(Err(again)) if !may_concern_single_page(again.kind) => Err(again.into()),
            Ok(Err(again)) => self.skip(pass, again).await,
        }
    }

    /// Whether only this page fails: the server returns another message of the channel
    /// (the last one read, or the newest) or, for a server error, answers the request for
    /// what follows the newest message.
    async fn can_read_other_pages(&self, pass: &ReadPass, kind: ErrorKind) -> Result<bool, PassOutcome> {
        let at = |id: MessageId| PageCursor::After(MessageId::new(id.get() - 1));
        let read = [pass.cursor, self.task.plan.read_to].into_iter().flatten().map(at);
        for cursor in read.chain([PageCursor::Newest]) {
            let page = self.request_page(cursor, 1, true).await?;
            if page.is_ok_and(|page| page.last_id().is_some()) {
                return Ok(true);
            }
        }
        let announced = self.task.plan.channel.last_message_id.filter(|_| kind == ErrorKind::Server);
        let Some(announced) = announced else { return Ok(false) };
        Ok(self.request_page(PageCursor::After(Some(announced)), 1, true).await?.is_ok())
    }

    /// Skips the message after the cursor, which the server can't return: finds its ID,
    /// records it like a malformed message and moves the cursor to it.
    async fn skip(
        &mut self,
        pass: &mut ReadPass,
        error: PlatformError,
    ) -> Result<Option<PassOutcome>, Failure> {
        if self.skipped_messages == MAX_SKIPPED_MESSAGES {
            return Err(error.into());
        }
        let mut search =
            GapSearch::new(pass.cursor, self.task.plan.channel.last_message_id, &self.task.plan.malformed);
        while let Some(probe) = search.next_probe() {
            let cursor = match probe {
                Probe::After(id) => PageCursor::After(Some(id)),
                Probe::Before(id) => PageCursor::Before(id),
            };
            match self.request_page(cursor, 1, true).await {
                Ok(Ok(page)) => search.record(probe, ProbeAnswer::Succeeded(page.last_id())),
                Ok(Err(_)) => search.record(probe, ProbeAnswer::Failed),
                Err(end) => return Ok(Some(end)),
            }
        }
        let Some(message) = search.found() else { return Err(error.into()) };
        // A transient fault may have misled the search.
        match self.request_page(PageCursor::After(MessageId::new(message.get() - 1)), 1, false).await {
            Err(end) => return Ok(Some(end)),
            Ok(Ok(_)) => return Err(error.into()),
            Ok(Err(_)) => {}
        }
        let reason = format!("the API returns no page that contains it ({})", error.detail);
        let page = MessagePage {
            malformed: vec![MalformedMessage { id: Some(message), reason }],
            ..MessagePage::default()
        };
        self.store(pass, page, self.context.clock.now(), true).await?;
        if !self.task.plan.malformed.contains(&message) {
            self.skipped_messages += 1;
        }
        pass.page_size = AdaptivePageSize::new(self.page_size());
        Ok(None)
    }

    /// Handles a page on which no message has a readable ID, so that there is no cursor
    /// to continue from. A short page is the channel's tail: it is recorded and re-read
    /// by the next runs. What follows a full one can't be reached.
    pub(super) async fn accept_page_without_ids(
        &mut self,
        pass: &ReadPass,
        page: MessagePage,
    ) -> Result<PassOutcome, Failure> {
        if page.is_full {
            return Err(self.contradicted("no message of the page has a readable ID"));
        }
        self.record_without_ids(pass, None, page.malformed).await?;
        Ok(PassOutcome::Reached(ChannelEnd::malformed_tail()))
    }

    /// Records malformed messages without a readable ID between the cursor and `until`.
    pub(super) async fn record_without_ids(
        &mut self,
        pass: &ReadPass,
        until: Option<MessageId>,
        malformed: Vec<MalformedMessage>,
    ) -> Result<(), ArchiveError> {
        let (row, after, now) = (self.task.row, pass.cursor, self.context.clock.now());
        let key = malformed::key_without_id(after, until);
        self.meter.count(Counter::MalformedMessages, malformed.len() as u64);
        if pass.purpose == PassPurpose::Reread {
            self.still_malformed.push(key);
        }
        self.write(move |tx| malformed::record_without_ids(tx, row, key, after, &malformed, now)).await
    }
}
