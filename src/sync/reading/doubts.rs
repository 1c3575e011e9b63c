//! Pages that are in the platform's form and can't be true.

use std::time::Duration;

use super::super::failure::Failure;
use super::{Pass, PassEnd, Reading, Taken};
use crate::archive::progress;
use crate::model::{Cause, Message, MessageId, MessagePage};
use crate::platform::PageCursor;

/// How far the time in an ID may be from the message's own.
const ID_TOLERANCE: Duration = Duration::from_mins(1);

/// Leaves the messages of a whole page that are newer than the channel's newest
/// message to the next page. More follow a whole page: if it holds what a
/// listing couldn't know yet, an ID may be damaged, and a checkpoint there
/// would skip what lies before it. Says whether anything was left out.
pub(super) fn cut_at(page: &mut MessagePage, announced: Option<MessageId>) -> bool {
    let Some(announced) = announced.filter(|_| page.is_full) else { return false };
    let is_known = |id: MessageId| id <= announced;
    let first = page.messages.first().map(|message| message.id);
    if page.last_id().is_none_or(is_known) || !first.is_some_and(is_known) {
        return false;
    }
    page.messages.retain(|message| is_known(message.id));
    page.broken.retain(|broken| broken.id.is_none_or(is_known));
    true
}

impl Reading<'_> {
    /// Whether the checkpoint names a message, where the listing's newest one comes
    /// before it. If not, a damaged ID led there: it is taken back.
    pub(super) async fn doubt_checkpoint(&self) -> Result<Option<PassEnd>, Failure> {
        let plan = &self.task.plan;
        if !plan.doubts_checkpoint {
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
        self.write(move |tx| progress::take_back(tx, row, now)).await?;
        let error = format!(
            "messages of channel {}: the last one that was read is newer than the newest there is",
            self.task.channel_text()
        );
        Err(Failure::of(Cause::EndUnconfirmed, error))
    }

    /// Whether the IDs of the page's messages agree with their times. One that doesn't
    /// may be damaged, and a checkpoint there would skip what lies between: so the
    /// page is asked for once more. A server that means it is believed.
    pub(super) async fn doubt_ids(
        &self,
        pass: &mut Pass,
        page: &MessagePage,
    ) -> Result<Option<Taken>, Failure> {
        let odd = self.odd_ids(page);
        if odd.is_empty() || pass.believes_ids {
            return Ok(None);
        }
        let again = match self.ask(PageCursor::After(pass.cursor), pass.pieces.limit(), false).await {
            Ok(again) => again?,
            Err(end) => return Ok(Some(Taken::Last(end))),
        };
        if self.odd_ids(&again) == odd {
            pass.believes_ids = true;
            return Ok(None);
        }
        Ok(Some(Taken::Contradicted(self.contradicted("the ID of a message and its time disagree"))))
    }

    fn odd_ids(&self, page: &MessagePage) -> Vec<MessageId> {
        let is_odd = |message: &&Message| {
            let (by_id, by_time) = (self.task.scope.adapter().sent_at(message.id), message.created_at);
            by_id.since(by_time).max(by_time.since(by_id)) > ID_TOLERANCE
        };
        page.messages.iter().filter(is_odd).map(|message| message.id).collect()
    }

    /// Whether the page begins right behind the cursor. Two kinds of pages may not, and
    /// are compared with the message that follows the cursor: a whole one that ends
    /// with the channel, as it would if the server ignored the cursor, and a short
    /// one that doesn't.
    pub(super) async fn doubt_beginning(
        &self,
        pass: &Pass,
        page: &MessagePage,
    ) -> Result<Option<Taken>, Failure> {
        let (last, announced) = (page.last_id(), self.task.plan.channel.last_message_id);
        let is_odd = if page.is_full { last >= announced } else { last < announced };
        if announced.is_none() || !is_odd || pass.pieces.limit() == 1 {
            return Ok(None);
        }
        let first = match self.ask(PageCursor::After(pass.cursor), 1, false).await {
            Ok(first) => first?,
            Err(end) => return Ok(Some(Taken::Last(end))),
        };
        if first.first_id() == page.first_id() {
            return Ok(None);
        }
        Ok(Some(Taken::Contradicted(
            self.contradicted("the page doesn't begin with the message that follows the one before"),
        )))
    }

    /// Whether the content of the page's messages can be believed: `None` if so.
    pub(super) async fn doubt_content(
        &self,
        pass: &mut Pass,
        page: &MessagePage,
    ) -> Result<Option<Taken>, Failure> {
        if page.has_blank_message() {
            let confirmed = self.content().confirm(self.task.scope.adapter(), page, &self.meter);
            if let Some(end) = self.confirm(confirmed).await? {
                return Ok(Some(Taken::Last(end)));
            }
        }
        let tally = pass.content.and(page);
        if tally.is_withheld() || self.content().is_withheld(page) {
            return Ok(Some(Taken::Contradicted(self.withheld())));
        }
        pass.content = tally;
        Ok(None)
    }

    pub(super) fn withheld(&self) -> Failure {
        let channel = self.task.channel_text();
        let error =
            format!("messages of channel {channel} come without content, although the bot may read it");
        Failure::of(Cause::ContentWithheld, error)
    }
}
