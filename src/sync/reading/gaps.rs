//! What stands in the way of reading on: pages that can't be had although the
//! rest of the channel can, and messages without a readable ID.

use super::super::failure::Failure;
use super::super::pieces::{Answer, GapSearch, Pieces, Probe};
use super::{Pass, PassEnd, Purpose, Reading};
use crate::archive::{ArchiveError, broken};
use crate::model::{BrokenMessage, ChannelEnd, MessageId, MessagePage};
use crate::monitor::{Counter, Monitor as _};
use crate::platform::{ErrorKind, PageCursor, PlatformError};

/// A run goes round so many messages of a channel: more of them are an outage, and
/// each takes up to 100 requests to find.
const MOST_SKIPPED: u32 = 10;

/// Whether a failure may be that of one page, and not of the network or the
/// platform as a whole.
pub(super) const fn may_be_of_page(kind: ErrorKind) -> bool {
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
    /// A page can't be had. Where other pages of the channel can, it is asked for
    /// in smaller pieces, down to one message, which the reading goes round.
    pub(super) async fn reduce(
        &mut self,
        pass: &mut Pass,
        error: PlatformError,
    ) -> Result<Option<PassEnd>, Failure> {
        if !pass.pieces.is_reduced() {
            match self.answers_elsewhere(pass, error.kind).await {
                Ok(true) => {}
                Ok(false) => return Err(error.into()),
                Err(end) => return Ok(Some(end)),
            }
        }
        if pass.pieces.reduce() {
            return Ok(None);
        }
        // The last probe may have met a passing fault.
        match self.ask(PageCursor::After(pass.cursor), 1, false).await {
            Err(end) => Ok(Some(end)),
            Ok(Ok(_)) => Ok(None),
            Ok(Err(again)) if !may_be_of_page(again.kind) => Err(again.into()),
            Ok(Err(_)) if pass.purpose == Purpose::Reread => Ok(Some(PassEnd::Unread)),
            Ok(Err(again)) => self.skip(pass, again).await,
        }
    }

    /// Whether the server gives other messages of the channel: the last that was
    /// read, or the newest; or, if it fails by itself, says that nothing follows the
    /// newest. Then it is only this page that fails.
    async fn answers_elsewhere(&self, pass: &Pass, kind: ErrorKind) -> Result<bool, PassEnd> {
        let behind = |id: MessageId| PageCursor::After(MessageId::new(id.get() - 1));
        let read = [pass.cursor, self.task.plan.read_to].into_iter().flatten().map(behind);
        for cursor in read.chain([PageCursor::Newest]) {
            let page = self.ask(cursor, 1, true).await?;
            if page.is_ok_and(|page| page.last_id().is_some()) {
                return Ok(true);
            }
        }
        let announced = self.task.plan.channel.last_message_id.filter(|_| kind == ErrorKind::Server);
        let Some(announced) = announced else { return Ok(false) };
        Ok(self.ask(PageCursor::After(Some(announced)), 1, true).await?.is_ok())
    }

    /// Goes round the message behind the cursor, which the server can't give: finds
    /// its ID, records it like a malformed message, and goes on behind it.
    async fn skip(&mut self, pass: &mut Pass, error: PlatformError) -> Result<Option<PassEnd>, Failure> {
        if self.skipped == MOST_SKIPPED {
            return Err(error.into());
        }
        let mut search =
            GapSearch::new(pass.cursor, self.task.plan.channel.last_message_id, &self.task.plan.malformed);
        while let Some(probe) = search.next_probe() {
            let cursor = match probe {
                Probe::After(id) => PageCursor::After(Some(id)),
                Probe::Before(id) => PageCursor::Before(id),
            };
            match self.ask(cursor, 1, true).await {
                Ok(Ok(page)) => search.answered(probe, Answer::Came(page.last_id())),
                Ok(Err(_)) => search.answered(probe, Answer::Failed),
                Err(end) => return Ok(Some(end)),
            }
        }
        let Some(message) = search.found() else { return Err(error.into()) };
        // A passing fault may have misled the search.
        match self.ask(PageCursor::After(MessageId::new(message.get() - 1)), 1, false).await {
            Err(end) => return Ok(Some(end)),
            Ok(Ok(_)) => return Err(error.into()),
            Ok(Err(_)) => {}
        }
        let reason = format!("the server gives no page that holds it ({})", error.detail);
        let page = MessagePage {
            broken: vec![BrokenMessage { id: Some(message), reason }],
            ..MessagePage::default()
        };
        self.store(pass, page, self.context.clock.now(), true).await?;
        self.skipped += 1;
        pass.pieces = Pieces::new(self.page_size());
        Ok(None)
    }

    /// There is something behind the cursor, but no ID to go on from. As the
    /// newest messages of the channel it is recorded, and asked for again by
    /// the next run; what follows a whole page of it can't be reached.
    pub(super) async fn take_nameless(&mut self, pass: &Pass, page: MessagePage) -> Result<PassEnd, Failure> {
        if page.is_full {
            return Err(self.contradicted("no message of the page has a readable ID"));
        }
        self.note_nameless(pass, None, page.broken).await?;
        Ok(PassEnd::Reached(ChannelEnd::malformed_tail()))
    }

    /// Records messages without readable ID behind the cursor, up to `until`.
    pub(super) async fn note_nameless(
        &mut self,
        pass: &Pass,
        until: Option<MessageId>,
        broken: Vec<BrokenMessage>,
    ) -> Result<(), ArchiveError> {
        let (row, after, now) = (self.task.row, pass.cursor, self.context.clock.now());
        let key = broken::nameless_key(after, until);
        self.meter.count(Counter::BrokenMessages, broken.len() as u64);
        if pass.purpose == Purpose::Reread {
            self.still_broken.push(key);
        }
        self.write(move |tx| broken::note_nameless(tx, row, key, after, &broken, now)).await
    }
}
