//! Pages that are in Discord's form and can't be true.

use super::super::channel::Failure;
use super::{Pass, Reading, Taken};
use crate::model::{Cause, MessageId, MessagePage};
use crate::platform::{PageCursor, PlatformAdapter};

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

impl<P: PlatformAdapter> Reading<'_, P> {
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
            let confirmed = self.context.content.confirm(self.context, page, &self.meter);
            if let Some(end) = self.confirm(confirmed).await? {
                return Ok(Some(Taken::Last(end)));
            }
        }
        let tally = pass.content.and(page);
        if tally.is_withheld() || self.context.content.is_withheld(page) {
            return Ok(Some(Taken::Contradicted(self.withheld())));
        }
        pass.content = tally;
        Ok(None)
    }

    pub(super) fn withheld(&self) -> Failure {
        let channel = self.task.plan.channel.id;
        let error =
            format!("messages of channel {channel} come without content, although the bot may read it");
        Failure::of(Cause::ContentWithheld, error)
    }
}
