//! Compares one channel.

use std::sync::atomic::Ordering;

use hashbrown::HashSet;

use super::{ChannelComparison, CompareError, Shared, Target, hints, pages};
use crate::archive::messages::PageBatch;
use crate::archive::progress::PageProgress;
use crate::archive::reactions::ReactionPolicy;
use crate::archive::{ArchivedCounts, ChannelRow, PageComparison};
use crate::model::{Difference, DifferenceClass, DifferenceKind, MessageId, MessagePage};
use crate::platform::{ErrorKind, PageCursor, PageRequest, PlatformError, SearchRequest};

/// A channel of fewer pages is not searched for the number of its messages: that costs as much
/// as reading it.
const MIN_SEARCHED_PAGES: u64 = 4;

/// Reads of a page at most that contradicts another answer.
const MAX_READS: u32 = 3;

/// Why the comparison of a channel ended early.
enum Stop {
    /// Nothing more of this channel can be compared.
    Channel(String),
    /// The comparison ends.
    All(CompareError),
}

impl From<PlatformError> for Stop {
    fn from(error: PlatformError) -> Self {
        if error.kind.ends_run() { Self::All(error.into()) } else { Self::Channel(error.to_string()) }
    }
}

impl From<CompareError> for Stop {
    fn from(error: CompareError) -> Self {
        Self::All(error)
    }
}

/// The smallest ID on a page, malformed messages included.
fn first_id(page: &MessagePage) -> Option<MessageId> {
    let malformed = page.malformed.iter().filter_map(|message| message.id);
    page.messages.iter().map(|message| message.id).chain(malformed).min()
}

/// Whether one message on a page may be the cause of its failure.
const fn may_be_one_message(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Server | ErrorKind::Unreadable | ErrorKind::TooLarge | ErrorKind::Timeout)
}

/// Reads a channel's pages again.
pub(super) struct ChannelReader<'a> {
    shared: &'a Shared,
    target: Target,
    compared: ChannelComparison,
}

impl<'a> ChannelReader<'a> {
    pub(super) fn new(shared: &'a Shared, target: Target) -> Self {
        Self { shared, compared: ChannelComparison::new(&target), target }
    }

    /// Compares the pages that the settings ask for, and all if there is doubt.
    pub(super) async fn compare(mut self) -> Result<ChannelComparison, CompareError> {
        match self.compare_pages().await {
            Ok(()) => {}
            Err(Stop::Channel(error)) => self.compared.error = Some(error),
            Err(Stop::All(error)) => return Err(error),
        }
        Ok(self.compared)
    }

    async fn compare_pages(&mut self) -> Result<(), Stop> {
        // The archive claims nothing.
        let Some(until) = self.target.until else { return Ok(()) };
        let Some(row) = self.target.row else { return self.compare_all(until).await };
        let after = self.target.after;
        let archived = self.shared.with_scratch(move |scratch| scratch.counts(row, after, until)).await?;
        let Some(sample) = pages::sample(archived.all, self.page_size(), self.shared.settings.share) else {
            return self.compare_all(until).await;
        };
        if self.is_doubtful(archived, until).await? {
            return self.compare_all(until).await;
        }
        self.compare_sample(row, until, &sample).await?;
        if self.compared.count(DifferenceClass::Fault) > 0 {
            // What is wrong in one place may be wrong in others.
            return self.compare_all(until).await;
        }
        Ok(())
    }

    /// Whether the platform's counts disagree with the archive.
    async fn is_doubtful(&self, archived: ArchivedCounts, until: MessageId) -> Result<bool, Stop> {
        let settings = &self.shared.settings;
        if hints::doubts_thread(&self.target, archived) {
            return Ok(true);
        }
        let pages = archived.all / u64::from(self.page_size());
        if !settings.uses_search || pages < MIN_SEARCHED_PAGES {
            return Ok(false);
        }
        let request = SearchRequest {
            workspace: settings.workspace,
            channel: Some(self.target.channel),
            after: self.target.after,
            before: MessageId::new(until.get().saturating_add(1)),
            page: 0,
        };
        match settings.adapter.search_channels(&request, settings.monitor.as_ref()).await {
            Ok(page) => Ok(hints::doubts_total(page.total, archived)),
            Err(error) if error.kind.ends_run() => Err(error.into()),
            Err(error) => {
                tracing::debug!(%error, "the search gives no number of messages");
                Ok(false)
            }
        }
    }

    /// Compares every page.
    async fn compare_all(&mut self, until: MessageId) -> Result<(), Stop> {
        // What a sample has shown is read once more, and named once.
        self.shared.named.fetch_sub(self.compared.differences.len() as u64, Ordering::Relaxed);
        self.compared = ChannelComparison::new(&self.target);
        let mut cursor = self.target.after;
        while cursor < Some(until) {
            let Some(last) = self.compare_page(cursor, until).await? else { break };
            cursor = Some(last);
            let is_at_end = self.target.announced.is_some_and(|announced| announced <= last);
            if is_at_end && !self.has_live(cursor, until).await? {
                break;
            }
        }
        self.compared.is_whole = true;
        self.compared.is_unarchived = self.target.row.is_none() && !self.compared.differences.is_empty();
        Ok(())
    }

    /// Compares the pages after the archived messages at the begin of these pages.
    async fn compare_sample(
        &mut self,
        row: ChannelRow,
        until: MessageId,
        sample: &[u64],
    ) -> Result<(), Stop> {
        let size = u64::from(self.page_size());
        let begins: Vec<u64> = sample.iter().filter_map(|page| (page * size).checked_sub(1)).collect();
        let after = self.target.after;
        let mut cursors: Vec<Option<MessageId>> = self
            .shared
            .with_scratch(move |scratch| scratch.messages_at(row, (after, until), &begins))
            .await?
            .into_iter()
            .map(Some)
            .collect();
        if sample.first() == Some(&0) {
            cursors.insert(0, after);
        }
        for cursor in cursors {
            self.compare_page(cursor, until).await?;
        }
        Ok(())
    }

    /// Compares the page after `cursor`, up to `until`. Returns its last message; `None` if
    /// nothing follows.
    async fn compare_page(
        &mut self,
        cursor: Option<MessageId>,
        until: MessageId,
    ) -> Result<Option<MessageId>, Stop> {
        for _ in 0..MAX_READS {
            let (page, limit) = self.page_after(cursor).await?;
            let (first, last) = (first_id(&page), page.last_id());
            if last.is_some_and(|last| Some(last) <= cursor) {
                return Err(
                    self.contradiction("a page does not follow the message that it was requested after")
                );
            }
            if last.is_none() {
                let has_live = self.has_live(cursor, until).await?;
                let is_announced = self.target.announced.is_some_and(|announced| announced <= until);
                if has_live || is_announced && self.target.announced > cursor {
                    self.confirm_end(cursor, has_live).await?;
                }
                if !has_live {
                    return Ok(None);
                }
            }
            let range = (cursor, last.unwrap_or(until).min(until));
            let messages = page.messages.iter().filter(|message| message.id <= range.1).count() as u64;
            let malformed = page.malformed.len() as u64;
            let mut compared = self.compare_with(page, range).await?;
            // The newest page has confirmed an empty one.
            if last.is_none() || self.confirm_absence(&mut compared, (range, limit), first).await? {
                self.compared.malformed += malformed;
                self.add(compared.differences, messages);
                return Ok(last);
            }
        }
        Err(self.contradiction("pages after the same message begin differently"))
    }

    /// The page after `cursor`, in smaller pieces if it can't be had whole, and its size.
    async fn page_after(&self, cursor: Option<MessageId>) -> Result<(MessagePage, u16), Stop> {
        let mut limit = self.page_size();
        loop {
            match self.request(PageCursor::After(cursor), limit).await {
                Ok(page) => return Ok((page, limit)),
                Err(error) if limit > 1 && may_be_one_message(error.kind) => limit /= 2,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn add(&mut self, differences: Vec<(MessageId, DifferenceKind)>, messages: u64) {
        self.compared.pages += 1;
        self.compared.messages += messages;
        self.shared.pages.send(differences.len() as u64).ok();
        for (message, kind) in differences {
            let sent_at = self.shared.settings.adapter.sent_at(message);
            let class = kind.class(sent_at, self.target.followed_from);
            let difference = Difference { channel: self.target.channel, message, sent_at, kind, class };
            self.compared.add(difference, &self.shared.named);
        }
    }

    /// Compares a page with the archived messages after `cursor` and up to `end`.
    async fn compare_with(
        &self,
        mut page: MessagePage,
        (cursor, end): (Option<MessageId>, MessageId),
    ) -> Result<PageComparison, Stop> {
        page.messages.retain(|message| message.id <= end);
        page.malformed.retain(|malformed| malformed.id.is_none_or(|id| id <= end));
        let Some(row) = self.target.row else {
            let missing = page.messages.iter().map(|message| (message.id, DifferenceKind::Missing));
            return Ok(PageComparison { differences: missing.collect(), is_withheld: false });
        };
        let settings = &self.shared.settings;
        let mut page = settings.scrubber.page(page);
        page.last_id = Some(end);
        let now = settings.now;
        let batch = PageBatch {
            channel: row,
            after: cursor,
            page,
            read_at: now,
            reactions: ReactionPolicy {
                mode: settings.reactions,
                began_at: now,
                window: std::time::Duration::ZERO,
                is_full: false,
            },
            has_gap: false,
            progress: PageProgress::default(),
        };
        let compared = self.shared.with_scratch(move |scratch| scratch.compare(&batch, now)).await?;
        if compared.is_withheld {
            return Err(self.contradiction("the messages come without their content"));
        }
        Ok(compared)
    }

    /// Confirms that the messages that a page lacks are gone, and removes those from the
    /// differences that aren't: the page must begin right after the cursor, and a second page
    /// must lack them as well. Returns whether the page begins right.
    async fn confirm_absence(
        &self,
        compared: &mut PageComparison,
        (range, limit): ((Option<MessageId>, MessageId), u16),
        first: Option<MessageId>,
    ) -> Result<bool, Stop> {
        let is_absent = |(_, kind): &(MessageId, DifferenceKind)| *kind == DifferenceKind::NotDeleted;
        if !compared.differences.iter().any(is_absent) {
            return Ok(true);
        }
        let next = self.request(PageCursor::After(range.0), 1).await?;
        if first_id(&next) != first {
            return Ok(false);
        }
        let page = self.request(PageCursor::After(range.0), limit).await?;
        if first_id(&page) != first {
            return Ok(false);
        }
        let again = self.compare_with(page, range).await?;
        let absent = again.differences.iter().filter(|difference| is_absent(difference));
        let absent: HashSet<MessageId> = absent.map(|(message, _)| *message).collect();
        compared.differences.retain(|difference| !is_absent(difference) || absent.contains(&difference.0));
        Ok(true)
    }

    /// Confirms, by the newest page, that nothing follows `cursor`. An empty one confirms it only
    /// if the archive has nothing there (`has_live`).
    async fn confirm_end(&self, cursor: Option<MessageId>, has_live: bool) -> Result<(), Stop> {
        let newest = self.request(PageCursor::Newest, self.page_size()).await?;
        match newest.last_id() {
            None if has_live => {
                Err(self.contradiction("an empty answer, although messages of it are archived"))
            }
            last if last > cursor => Err(self.contradiction("an empty page, although newer messages exist")),
            None | Some(_) => Ok(()),
        }
    }

    async fn has_live(&self, cursor: Option<MessageId>, until: MessageId) -> Result<bool, Stop> {
        let Some(row) = self.target.row else { return Ok(false) };
        Ok(self.shared.with_scratch(move |scratch| scratch.has_live(row, cursor, until)).await?)
    }

    async fn request(&self, cursor: PageCursor, limit: u16) -> Result<MessagePage, PlatformError> {
        let settings = &self.shared.settings;
        let request = PageRequest { cursor, ..PageRequest::after(self.target.channel, None, limit) };
        settings.adapter.messages(&request, settings.monitor.as_ref()).await
    }

    fn page_size(&self) -> u16 {
        self.shared.settings.page_size.clamp(1, self.shared.settings.adapter.max_page())
    }

    fn contradiction(&self, detail: &str) -> Stop {
        let channel = self.shared.settings.adapter.spec().channel_text(self.target.channel);
        Stop::Channel(format!("messages of channel {channel}: {detail}"))
    }
}
