//! Plausibility checks: finds well-formed pages that can't be right. Stores no messages.

use std::time::Duration;

use super::super::failure::Failure;
use super::{NextStep, PassOutcome, ReadPass, Reading};
use crate::archive::progress;
use crate::model::{Cause, Message, MessageId, MessagePage};
use crate::platform::PageCursor;

/// Greatest accepted difference between the time in an ID and the message's timestamp.
const ID_TOLERANCE: Duration = Duration::from_mins(1);

/// Removes from a full page the messages newer than the channel's newest listed message,
/// and leaves them to the next page. More messages follow a full page: an ID beyond the
/// listed one may be damaged, and a checkpoint there would skip the messages before it.
/// Returns whether anything was removed.
pub(super) fn cut_after_listed(page: &mut MessagePage, announced: Option<MessageId>) -> bool {
    let Some(announced) = announced.filter(|_| page.is_full) else { return false };
    let is_known = |id: MessageId| id <= announced;
    let first = page.messages.first().map(|message| message.id);
    if page.last_id().is_none_or(is_known) || !first.is_some_and(is_known) {
        return false;
    }
    page.messages.retain(|message| is_known(message.id));
    page.malformed.retain(|malformed| malformed.id.is_none_or(is_known));
    true
}

impl Reading<'_> {
    /// Checks a checkpoint beyond the newest listed message against the newest page. If
    /// the page ends before the checkpoint, a damaged ID led there: the checkpoint is
    /// reset and the read fails. `Some` if the run stopped first.
    pub(super) async fn check_checkpoint(&self) -> Result<Option<PassOutcome>, Failure> {
        let plan = &self.task.plan;
        if !plan.has_checkpoint_beyond_newest {
            return Ok(None);
        }
        let newest = match self.newest_page().await {
            Ok(newest) => newest?,
            Err(end) => return Ok(Some(end)),
        };
        if newest.last_id().is_none_or(|last| Some(last) >= plan.read_to) {
            return Ok(None);
        }
        let (row, now) = (self.task.row, self.context.clock.now());
        self.write(move |tx| progress::reset_checkpoint(tx, row, now)).await?;
        let error = format!(
            "messages of channel {}: the checkpoint is newer than the newest message",
            self.task.channel_text()
        );
        Err(Failure::of(Cause::EndUnconfirmed, error))
    }

    /// Checks the times in the IDs of the page's messages against their timestamps. A
    /// mismatched ID may be damaged, and a checkpoint there would skip messages: the page
    /// is requested once more. If the second answer has the same mismatches, the IDs are
    /// accepted. `None` if the page is plausible.
    pub(super) async fn check_ids(
        &self,
        pass: &mut ReadPass,
        page: &MessagePage,
    ) -> Result<Option<NextStep>, Failure> {
        let mismatched = self.mismatched_ids(page);
        if mismatched.is_empty() || pass.accepts_ids {
            return Ok(None);
        }
        let again =
            match self.request_page(PageCursor::After(pass.cursor), pass.page_size.limit(), false).await {
                Ok(again) => again?,
                Err(end) => return Ok(Some(NextStep::Last(end))),
            };
        if self.mismatched_ids(&again) == mismatched {
            pass.accepts_ids = true;
            return Ok(None);
        }
        Ok(Some(NextStep::Retry(self.contradicted("the ID and the time of a message contradict each other"))))
    }

    fn mismatched_ids(&self, page: &MessagePage) -> Vec<MessageId> {
        let is_suspicious = |message: &&Message| {
            let (by_id, by_time) = (self.task.scope.adapter().sent_at(message.id), message.created_at);
            by_id.since(by_time).max(by_time.since(by_id)) > ID_TOLERANCE
        };
        page.messages.iter().filter(is_suspicious).map(|message| message.id).collect()
    }

    /// Checks that the page begins right after the cursor. Two kinds of pages may not and
    /// are compared with a separately requested first message: a full page that ends with
    /// the channel, as if the server had ignored the cursor, and a short page that ends
    /// before the channel's newest message. `None` if the page is plausible.
    pub(super) async fn check_first_message(
        &self,
        pass: &ReadPass,
        page: &MessagePage,
    ) -> Result<Option<NextStep>, Failure> {
        let (last, announced) = (page.last_id(), self.task.plan.channel.last_message_id);
        let is_suspicious = if page.is_full { last >= announced } else { last < announced };
        if announced.is_none() || !is_suspicious || pass.page_size.limit() == 1 {
            return Ok(None);
        }
        let first = match self.request_page(PageCursor::After(pass.cursor), 1, false).await {
            Ok(first) => first?,
            Err(end) => return Ok(Some(NextStep::Last(end))),
        };
        if first.first_id() == page.first_id() {
            return Ok(None);
        }
        Ok(Some(NextStep::Retry(
            self.contradicted("the page does not start with the message after the previous page"),
        )))
    }

    /// Checks that the messages' content isn't withheld. `None` if the page is plausible.
    pub(super) async fn check_content(
        &self,
        pass: &mut ReadPass,
        page: &MessagePage,
    ) -> Result<Option<NextStep>, Failure> {
        if page.has_blank_message() {
            let confirmed = self.content().confirm(self.task.scope.adapter(), page, &self.meter);
            if let Some(end) = self.confirm(confirmed).await? {
                return Ok(Some(NextStep::Last(end)));
            }
        }
        let tally = pass.content.with_page(page);
        if tally.is_withheld() || self.content().is_withheld(page) {
            return Ok(Some(NextStep::Retry(self.withheld())));
        }
        pass.content = tally;
        Ok(None)
    }

    pub(super) fn withheld(&self) -> Failure {
        let channel = self.task.channel_text();
        let error =
            format!("messages of channel {channel} arrive without content although the bot has access to it");
        Failure::of(Cause::ContentWithheld, error)
    }
}
