//! Decides whether an empty page is the channel's end: it needs further evidence.

use super::super::confirm;
use super::super::failure::Failure;
use super::gaps::may_concern_single_page;
use super::{NextStep, PassOutcome, ReadPass, Reading};
use crate::archive::{ArchiveError, deletions};
use crate::model::{Cause, ChannelEnd, EndEvidence, EndFacts, MessagePage, NewestPageVerdict, Timestamp};
use crate::platform::{PageCursor, PlatformError};

impl Reading<'_> {
    /// Handles an empty page. It is the channel's end only if other evidence confirms it;
    /// an end that stays unconfirmed is recorded as such.
    pub(super) async fn accept_empty_page(
        &self,
        pass: &ReadPass,
        read_at: Timestamp,
    ) -> Result<NextStep, Failure> {
        let facts = self.end_facts(pass, read_at).await?;
        let (row, after) = (self.task.row, pass.cursor);
        let end = match facts.known_end(read_at) {
            Some(end) => end,
            None => match self.confirm_end(&facts, read_at).await? {
                Ok(end) => end,
                Err(step) => {
                    if matches!(step, NextStep::Last(PassOutcome::Unconfirmed)) && pass.until.is_none() {
                        self.write(move |tx| {
                            deletions::record_unconfirmed_empty_page(tx, row, after, read_at)
                        })
                        .await?;
                    }
                    return Ok(step);
                }
            },
        };
        if pass.until.is_none() {
            let over_a_day = end.evidence() == EndEvidence::EmptyForADay;
            self.write(move |tx| deletions::record_empty_page(tx, row, after, read_at, over_a_day)).await?;
        }
        Ok(NextStep::Last(PassOutcome::Reached(end)))
    }

    async fn end_facts(&self, pass: &ReadPass, read_at: Timestamp) -> Result<EndFacts, ArchiveError> {
        let (row, after) = (self.task.row, pass.cursor);
        let plan = &self.task.plan;
        let has_archived_after_cursor =
            self.write(move |tx| deletions::has_live_messages(tx, row, after, read_at)).await?;
        Ok(EndFacts {
            cursor: pass.cursor,
            announced: plan.channel.last_message_id,
            has_counted_messages: pass.cursor.is_none()
                && plan.known_messages().is_some_and(|messages| messages > 0),
            has_archived_after_cursor,
            record: plan.end.as_deref().copied().unwrap_or_default(),
        })
    }

    /// Confirms the end by the newest page, which is requested without a cursor.
    async fn confirm_end(
        &self,
        facts: &EndFacts,
        read_at: Timestamp,
    ) -> Result<Result<ChannelEnd, NextStep>, Failure> {
        let newest = match self.newest_page().await {
            Ok(newest) => newest?,
            Err(end) => return Ok(Err(NextStep::Last(end))),
        };
        match facts.with_newest_page(&newest) {
            NewestPageVerdict::Confirmed(end) => Ok(Ok(end)),
            NewestPageVerdict::Contradicted => {
                let failure =
                    self.contradicted("the page is empty, although the newest page has later messages");
                Ok(Err(NextStep::Retry(failure)))
            }
            NewestPageVerdict::Unconfirmed => {
                if let Some(end) = facts.if_nothing_announced() {
                    return Ok(Ok(end));
                }
                if let Some(end) =
                    self.confirm(confirm::confirm_right_to_read(self.task, &self.meter)).await?
                {
                    return Ok(Err(NextStep::Last(end)));
                }
                Ok(facts.if_empty_for_a_day(read_at).ok_or(NextStep::Last(PassOutcome::Unconfirmed)))
            }
        }
    }

    /// Requests the newest page, or the newest message alone if the page fails. An empty
    /// page, which proves nothing, if that fails too.
    pub(super) async fn newest_page(&self) -> Result<Result<MessagePage, PlatformError>, PassOutcome> {
        let whole = self.request_page(PageCursor::Newest, self.page_size(), false).await?;
        if !whole.as_ref().is_err_and(|error| may_concern_single_page(error.kind)) {
            return Ok(whole);
        }
        let single = self.request_page(PageCursor::Newest, 1, true).await?;
        Ok(match single {
            Err(error) if may_concern_single_page(error.kind) => Ok(MessagePage::default()),
            single => single,
        })
    }

    pub(super) fn unconfirmed(&self) -> Failure {
        let channel = self.task.channel_text();
        let error = format!(
            "messages of channel {channel}: the API returned an empty page although it announced more messages"
        );
        Failure::of(Cause::EndUnconfirmed, error)
    }
}
