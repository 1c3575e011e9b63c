//! Where a channel ends: an empty page alone doesn't say.

use super::super::confirm;
use super::super::failure::Failure;
use super::gaps::may_be_of_page;
use super::{Pass, PassEnd, Reading, Taken};
use crate::archive::{ArchiveError, missing};
use crate::model::{Cause, ChannelEnd, EndEvidence, EndFacts, MessagePage, NewestPageVerdict, Timestamp};
use crate::platform::{PageCursor, PlatformError};

impl Reading<'_> {
    /// Nothing came behind the cursor. That is the end only where other evidence
    /// says so.
    pub(super) async fn take_empty(&self, pass: &Pass, read_at: Timestamp) -> Result<Taken, Failure> {
        let facts = self.end_facts(pass, read_at).await?;
        let (row, after) = (self.task.row, pass.cursor);
        let end = match facts.without_asking(read_at) {
            Some(end) => end,
            None => match self.confirm_end(&facts, read_at).await? {
                Ok(end) => end,
                Err(taken) => {
                    if matches!(taken, Taken::Last(PassEnd::Unconfirmed)) && pass.until.is_none() {
                        self.write(move |tx| missing::note_doubt(tx, row, after, read_at)).await?;
                    }
                    return Ok(taken);
                }
            },
        };
        if pass.until.is_none() {
            let over_a_day = end.evidence() == EndEvidence::EmptyForADay;
            self.write(move |tx| missing::note_empty(tx, row, after, read_at, over_a_day)).await?;
        }
        Ok(Taken::Last(PassEnd::Reached(end)))
    }

    async fn end_facts(&self, pass: &Pass, read_at: Timestamp) -> Result<EndFacts, ArchiveError> {
        let (row, after) = (self.task.row, pass.cursor);
        let plan = &self.task.plan;
        let has_archived_beyond =
            self.write(move |tx| missing::has_live_rows(tx, row, after, read_at)).await?;
        Ok(EndFacts {
            cursor: pass.cursor,
            announced: plan.channel.last_message_id,
            is_counted: pass.cursor.is_none() && plan.known_messages().is_some_and(|messages| messages > 0),
            has_archived_beyond,
            record: plan.end.as_deref().copied().unwrap_or_default(),
        })
    }

    /// Asks for the newest page, without a cursor.
    async fn confirm_end(
        &self,
        facts: &EndFacts,
        read_at: Timestamp,
    ) -> Result<Result<ChannelEnd, Taken>, Failure> {
        let newest = match self.newest_page().await {
            Ok(newest) => newest?,
            Err(end) => return Ok(Err(Taken::Last(end))),
        };
        match facts.with_newest_page(&newest) {
            NewestPageVerdict::Confirmed(end) => Ok(Ok(end)),
            NewestPageVerdict::Contradicted => {
                let failure =
                    self.contradicted("the page is empty, though the newest page holds messages behind it");
                Ok(Err(Taken::Contradicted(failure)))
            }
            NewestPageVerdict::Unconfirmed => {
                if let Some(end) = facts.unannounced() {
                    return Ok(Ok(end));
                }
                if let Some(end) = self.confirm(confirm::right(self.task, &self.meter)).await? {
                    return Ok(Err(Taken::Last(end)));
                }
                Ok(facts.after_a_day(read_at).ok_or(Taken::Last(PassEnd::Unconfirmed)))
            }
        }
    }

    /// The newest page; where it can't be had, the newest message alone. Where not
    /// even that comes, nothing is known of what is there.
    pub(super) async fn newest_page(&self) -> Result<Result<MessagePage, PlatformError>, PassEnd> {
        let whole = self.ask(PageCursor::Newest, self.page_size(), false).await?;
        if !whole.as_ref().is_err_and(|error| may_be_of_page(error.kind)) {
            return Ok(whole);
        }
        let single = self.ask(PageCursor::Newest, 1, true).await?;
        Ok(match single {
            Err(error) if may_be_of_page(error.kind) => Ok(MessagePage::default()),
            single => single,
        })
    }

    pub(super) fn unconfirmed(&self) -> Failure {
        let channel = self.task.channel_text();
        let error = format!(
            "messages of channel {channel}: the server answers with an empty page, though it says that there are more"
        );
        Failure::of(Cause::EndUnconfirmed, error)
    }
}
