//! Reading one channel: page, anonymize, commit, next.

mod doubts;
mod ends;
mod gaps;

use std::sync::Arc;

use tokio::time::Instant;

use super::channel::{ChannelOutcome, ChannelTask, ReadingState};
use super::confirm;
use super::content::ContentCheck;
use super::context::Context;
use super::failure::Failure;
use super::meter::Meter;
use super::pieces::Pieces;
use super::purpose::Purpose;
use super::revoked::Revocation;
use super::stop::Stop;
use crate::archive::messages::{PageBatch, PageOutcome, store_page};
use crate::archive::reactions::KeptReactions;
use crate::archive::{ArchiveError, Tx, broken, channels, jobs, progress};
use crate::model::{
    Cause, ChannelEnd, ChannelState, ContentTally, MessageId, MessagePage, ProgressStatus, ProvenState,
    Timestamp,
};
use crate::monitor::{Counter, Event, Monitor};
use crate::plan::Action;
use crate::platform::{PageCursor, PageRequest, PlatformError};

/// Messages assumed in a channel of which no page was read. That page goes first:
/// it tells how much there is, and is often all there is.
const UNKNOWN_WORK: u64 = u64::MAX / 2;

/// Why the reading of pages ended without a failure.
enum PassEnd {
    /// There is nothing more.
    Reached(ChannelEnd),
    /// Nothing more came, and nothing shows that this is the end.
    Unconfirmed,
    /// The run's own bound, or what was read before.
    Bound,
    /// What was to be read again could not be had, which is recorded.
    Unread,
    /// The channel isn't public any more, or can't be read.
    Revoked(ProvenState),
    /// The run, or the reading of this channel, is to stop.
    Stopped(Stop),
}

/// What a page came to.
enum Taken {
    /// It is stored, and more may follow.
    More,
    /// It was the last.
    Last(PassEnd),
    /// Another answer contradicts it: it is to be asked for again.
    Contradicted(Failure),
}

/// A part of the channel's history, read in one go.
struct Pass {
    cursor: Option<MessageId>,
    until: Option<MessageId>,
    purpose: Purpose,
    pieces: Pieces,
    /// Answers in a row that another one contradicted.
    contradictions: u32,
    /// Whether IDs that disagree with their messages' times came twice.
    believes_ids: bool,
    /// Ordinary messages since the last one of a person that had content.
    content: ContentTally,
}

impl Pass {
    fn new(cursor: Option<MessageId>, until: Option<MessageId>, purpose: Purpose, page_size: u16) -> Self {
        let pieces = Pieces::new(page_size);
        let content = ContentTally::default();
        Self { cursor, until, purpose, pieces, contradictions: 0, believes_ids: false, content }
    }
}

/// Reads a channel in slot `worker`. Only what was committed counts.
pub async fn read_channel(
    context: &Context,
    task: &ChannelTask,
    state: &Arc<ReadingState>,
    worker: usize,
    job: Arc<Meter>,
) -> ChannelOutcome {
    let mut reading = Reading {
        context,
        task,
        state,
        meter: Meter::of_channel(task.in_run(), Arc::clone(state), job),
        began: Instant::now(),
        began_at: context.clock.now(),
        begin: task.plan.after.map(|after| task.scope.adapter().sent_at(after)),
        last_read: task.plan.after,
        messages: 0,
        still_broken: Vec::new(),
        skipped: 0,
    };
    let ended = match reading.run(worker).await {
        Err(failure) if failure.cause == Cause::NotFound => reading.confirm_deletion(failure).await,
        Ok(PassEnd::Revoked(state)) => reading.close(state).await,
        ended => ended,
    };
    let reached = match ended {
        Ok(PassEnd::Reached(end)) => Some(end),
        _ => None,
    };
    let (status, failure) = match ended {
        Ok(PassEnd::Reached(_) | PassEnd::Bound | PassEnd::Unread | PassEnd::Revoked(_)) => {
            (ProgressStatus::Completed, None)
        }
        Ok(PassEnd::Unconfirmed) => (ProgressStatus::Deferred, Some(reading.unconfirmed())),
        Ok(PassEnd::Stopped(Stop::OutOfTime)) => (ProgressStatus::Deferred, None),
        Ok(PassEnd::Stopped(_)) => (ProgressStatus::Interrupted, None),
        Err(failure) if failure.ends_run => (ProgressStatus::Interrupted, Some(failure)),
        Err(failure) => (ProgressStatus::Failed, Some(failure)),
    };
    let written = reading.finish(status, failure.as_ref(), reached).await;
    let failure = failure.or_else(|| written.err().map(Failure::from));
    context.monitor.event(Event::ChannelFinished {
        channel: task.in_run(),
        status,
        messages: reading.messages,
        error: failure.as_ref().map(|failure| failure.error.clone()),
    });
    ChannelOutcome { status, failure, seconds: reading.began.elapsed().as_secs_f64() }
}

/// A channel's reading under way.
struct Reading<'a> {
    context: &'a Context,
    task: &'a ChannelTask,
    state: &'a ReadingState,
    meter: Meter,
    began: Instant,
    began_at: Timestamp,
    /// When the first message that is read was sent, once that is known.
    begin: Option<Timestamp>,
    last_read: Option<MessageId>,
    messages: u64,
    /// What was found broken when it was read again.
    still_broken: Vec<i64>,
    /// Messages that the server couldn't give and that were gone round.
    skipped: u32,
}

impl Reading<'_> {
    async fn run(&mut self, worker: usize) -> Result<PassEnd, Failure> {
        let task = self.task;
        self.context.monitor.event(Event::ChannelStarted {
            channel: task.in_run(),
            name: task.scope.platform.scrubber().sayable(&task.name),
            worker,
        });
        let (job_id, tenant, row, since) =
            (Arc::clone(&task.scope.job_id), task.scope.tenant, task.row, task.scope.since);
        let now = self.began_at;
        self.write(move |tx| {
            progress::begin(tx, tenant, row, worker, since, now)?;
            jobs::start_channel(tx, &job_id, row, worker, now)
        })
        .await?;
        if let Some(end) = self.doubt_checkpoint().await? {
            return Ok(end);
        }
        let page_size = self.page_size();
        if let Some(backfill) = task.plan.backfill {
            let purpose = Purpose::Backfill(backfill);
            let pass = Pass::new(backfill.after, backfill.until, purpose, page_size);
            match self.pages(pass).await? {
                PassEnd::Reached(_) | PassEnd::Bound => {
                    self.write(move |tx| progress::finish_backfill(tx, row, backfill.since, now)).await?;
                }
                early => return Ok(early),
            }
        }
        let main = Pass::new(task.plan.after, task.plan.until, Purpose::Main, page_size);
        let end = self.pages(main).await?;
        if matches!(end, PassEnd::Reached(_) | PassEnd::Bound) {
            self.reread().await.map(|early| early.unwrap_or(end))
        } else {
            Ok(end)
        }
    }

    /// Reads again what is to be read again; says how that ended early, if it
    /// did.
    async fn reread(&mut self) -> Result<Option<PassEnd>, Failure> {
        for part in &self.task.plan.rereads {
            let page_size = self.page_size();
            let pass = Pass::new(part.after, Some(part.until), Purpose::Reread, page_size);
            let (row, part, now) = (self.task.row, *part, self.context.clock.now());
            match self.pages(pass).await? {
                PassEnd::Reached(_) | PassEnd::Bound => {
                    let still = std::mem::take(&mut self.still_broken);
                    self.write(move |tx| broken::settle(tx, row, part.after, part.until, &still)).await?;
                }
                PassEnd::Unread => {
                    self.still_broken.clear();
                    self.write(move |tx| broken::tried(tx, row, part.after, part.until, now)).await?;
                }
                early => return Ok(Some(early)),
            }
        }
        Ok(None)
    }

    async fn pages(&mut self, mut pass: Pass) -> Result<PassEnd, Failure> {
        loop {
            if pass.until.is_some() && pass.cursor >= pass.until {
                return Ok(PassEnd::Bound);
            }
            let cursor = PageCursor::After(pass.cursor);
            let asked = self.ask(cursor, pass.pieces.limit(), pass.pieces.is_reduced()).await;
            let page = match asked {
                Ok(Ok(page)) => page,
                Ok(Err(error)) if gaps::may_be_of_page(error.kind) => {
                    match self.reduce(&mut pass, error).await? {
                        Some(end) => return Ok(end),
                        None => continue,
                    }
                }
                Ok(Err(error)) => return Err(error.into()),
                Err(end) => return Ok(end),
            };
            pass.pieces.read(page.messages.len() + page.broken.len());
            match self.take(&mut pass, page).await? {
                Taken::More => pass.contradictions = 0,
                Taken::Last(end) => return Ok(end),
                Taken::Contradicted(failure) => {
                    if let Some(end) = self.wait_to_retry(&mut pass, failure).await? {
                        return Ok(end);
                    }
                }
            }
        }
    }

    /// Asks for a page, unless the run or the channel ends first.
    async fn ask(
        &self,
        cursor: PageCursor,
        limit: u16,
        is_probe: bool,
    ) -> Result<Result<MessagePage, PlatformError>, PassEnd> {
        let channel = &self.task.plan.channel;
        let backlog = self.task.part(self.state, self.began.elapsed()).remaining().unwrap_or(UNKNOWN_WORK);
        let request = PageRequest { channel: channel.id, cursor, limit, backlog, is_probe };
        tokio::select! {
            biased;
            stop = self.context.stop.wait() => Err(PassEnd::Stopped(stop)),
            revoked = self.task.scope.revoked.revoked(channel.root) => Err(match revoked {
                Revocation::Channel(Some(state)) => PassEnd::Revoked(state),
                Revocation::Channel(None) | Revocation::Workspace => PassEnd::Stopped(Stop::Fatal),
            }),
            page = self.task.scope.adapter().messages(&request, &self.meter) => Ok(page),
        }
    }

    /// Waits before a page is asked for again that another answer contradicts.
    async fn wait_to_retry(&self, pass: &mut Pass, failure: Failure) -> Result<Option<PassEnd>, Failure> {
        let retry = self.context.settings.retry;
        if pass.contradictions >= retry.max_retries {
            return Err(failure);
        }
        let wait = retry.delay(pass.contradictions);
        pass.contradictions += 1;
        self.meter.count(Counter::Retries, 1);
        self.meter.event(Event::Retrying { error: failure.error, wait });
        let waited = self.context.stop.unless_stopped(tokio::time::sleep(wait)).await;
        Ok(waited.err().map(PassEnd::Stopped))
    }

    /// Stores a page; says whether it was the last.
    async fn take(&mut self, pass: &mut Pass, mut page: MessagePage) -> Result<Taken, Failure> {
        let read_at = self.context.clock.now();
        let announced = self.task.plan.channel.last_message_id;
        let Some(last) = page.last_id() else {
            if page.broken.is_empty() {
                return self.take_empty(pass, read_at).await;
            }
            return self.take_nameless(pass, page).await.map(Taken::Last);
        };
        if Some(last) <= pass.cursor {
            return Ok(Taken::Contradicted(self.contradicted("the page doesn't go beyond the one before")));
        }
        if let Some(taken) = self.doubt_ids(pass, &page).await? {
            return Ok(taken);
        }
        if let Some(taken) = self.doubt_beginning(pass, &page).await? {
            return Ok(taken);
        }
        if let Some(taken) = self.doubt_content(pass, &page).await? {
            return Ok(taken);
        }
        page.messages.retain(|message| Some(message.id) > pass.cursor);
        let is_cut = doubts::cut_at(&mut page, announced);
        let last = page.last_id().unwrap_or(last);
        let is_last = !is_cut && (!page.is_full || Some(last) == announced);
        let end = if is_last { ChannelEnd::brought(last, announced) } else { None };
        let is_beyond = pass.until.is_some_and(|until| last > until);
        if is_beyond {
            page.messages.retain(|message| Some(message.id) <= pass.until);
            page.broken.retain(|broken| broken.id <= pass.until);
        }
        if page.last_id().is_some() {
            if !self.store(pass, page, read_at, false).await? {
                return Ok(Taken::Contradicted(self.withheld()));
            }
        } else if !page.broken.is_empty() {
            // It may stand where nothing readable is.
            self.note_nameless(pass, pass.until, page.broken).await?;
        }
        Ok(if is_beyond {
            Taken::Last(PassEnd::Bound)
        } else {
            end.map_or(Taken::More, |end| Taken::Last(PassEnd::Reached(end)))
        })
    }

    /// A channel that isn't found while it is read may have been deleted. Its
    /// messages stay.
    async fn confirm_deletion(&self, failure: Failure) -> Result<PassEnd, Failure> {
        let is_deleted = confirm::is_deleted(self.task, &self.meter);
        match self.context.stop.unless_stopped(is_deleted).await {
            Ok(Ok(true)) => self.close(ProvenState::answered(ChannelState::Deleted)).await,
            Ok(Ok(false)) => Err(failure),
            Ok(Err(unanswered)) => Err(unanswered),
            Err(stop) => Ok(PassEnd::Stopped(stop)),
        }
    }

    /// Makes sure of something before a page counts; says if the run ended first.
    async fn confirm(
        &self,
        confirmed: impl Future<Output = Result<(), Failure>>,
    ) -> Result<Option<PassEnd>, Failure> {
        match self.context.stop.unless_stopped(confirmed).await {
            Ok(confirmed) => confirmed.map(|()| None),
            Err(stop) => Ok(Some(PassEnd::Stopped(stop))),
        }
    }

    async fn close(&self, state: ProvenState) -> Result<PassEnd, Failure> {
        let (row, now) = (self.task.row, self.context.clock.now());
        self.write(move |tx| channels::set_state(tx, row, state, now)).await?;
        Ok(PassEnd::Revoked(state))
    }

    fn page_size(&self) -> u16 {
        self.task.scope.page_size(self.context.settings.page_size)
    }

    fn content(&self) -> &ContentCheck {
        &self.task.scope.platform.content
    }

    fn contradicted(&self, detail: &str) -> Failure {
        Failure::contradicted(format!("messages of channel {}", self.task.channel_text()), detail)
    }

    async fn write<T: Send + 'static>(
        &self,
        change: impl FnMut(&mut Tx<'_>) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        self.context.writer.run(change).await
    }

    /// One transaction: the page, and the checkpoint at its end. Returns whether
    /// it was believed. `has_gap`: the page stands for messages that the server
    /// can't give.
    async fn store(
        &mut self,
        pass: &mut Pass,
        page: MessagePage,
        read_at: Timestamp,
        has_gap: bool,
    ) -> Result<bool, ArchiveError> {
        let (count, broken_count) = (page.messages.len() as u64, page.broken.len() as u64);
        if pass.purpose == Purpose::Reread {
            let last = page.last_id().map_or(0, MessageId::as_i64);
            self.still_broken.extend(broken::keys(&page.broken, last));
            let partly = page.messages.iter().filter(|message| !message.malformed_fields.is_empty());
            self.still_broken.extend(partly.map(|message| message.id.as_i64()));
        }
        let first_sent_at = page.messages.first().map(|message| message.created_at);
        self.begin = self.begin.or(first_sent_at);
        let page = self.task.scope.platform.scrubber().page(page);
        let last = page.last_id;
        let batch = PageBatch {
            channel: self.task.row,
            after: pass.cursor,
            page,
            read_at,
            reactions: KeptReactions {
                mode: self.task.scope.reactions,
                began_at: self.began_at,
                window: self.task.scope.refresh_window,
                is_full: self.task.plan.action == Action::Full,
            },
            has_gap,
            progress: pass.purpose.progress(self.task, last, self.began_at),
        };
        let now = self.context.clock.now();
        let stored = self.write(move |tx| store_page(tx, &batch, now)).await?;
        if stored.is_withheld {
            return Ok(false);
        }
        pass.cursor = last;
        if pass.purpose != Purpose::Reread {
            self.last_read = last;
        }
        self.messages += count;
        self.count(count, broken_count, stored);
        Ok(true)
    }

    fn count(&self, messages: u64, broken: u64, stored: PageOutcome) {
        self.meter.count(Counter::Messages, messages);
        self.meter.count(Counter::NewMessages, stored.new_messages);
        self.meter.count(Counter::ChangedMessages, stored.changed_messages);
        self.meter.count(Counter::BrokenMessages, broken);
        self.meter.count(Counter::Attachments, stored.attachments);
        self.meter.count(Counter::Reactions, stored.reactions);
        let progress = self.progress();
        self.state.set(progress, self.messages);
        self.context.monitor.event(Event::ChannelAdvanced {
            channel: self.task.in_run(),
            messages,
            progress,
            reached: self.last_read.map(|last| self.task.scope.adapter().sent_at(last)),
        });
    }

    /// How far the cursor is between where the reading began and the newest
    /// message, by time.
    fn progress(&self) -> f64 {
        let plan = &self.task.plan;
        let sent_at = |id| self.task.scope.adapter().sent_at(id);
        let begin = self.begin.unwrap_or(plan.channel.created_at);
        let end = plan.channel.last_message_id.map_or(self.began_at, sent_at);
        let at = self.last_read.map_or(begin, sent_at);
        let whole = end.since(begin).as_secs_f64();
        if whole > 0.0 { (at.since(begin).as_secs_f64() / whole).min(1.0) } else { 1.0 }
    }

    async fn finish(
        &self,
        status: ProgressStatus,
        failure: Option<&Failure>,
        reached: Option<ChannelEnd>,
    ) -> Result<(), ArchiveError> {
        let plan = &self.task.plan;
        let end_of_channel = reached.filter(|_| plan.moves_checkpoint);
        let reached = end_of_channel.is_some();
        let is_doubted = failure.is_some_and(|failure| failure.cause == Cause::EndUnconfirmed);
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        #[allow(clippy::cast_precision_loss, reason = "a rate")]
        let messages_per_second = self.messages as f64 / seconds;
        let mut counts = self.meter.counts();
        counts.set(Counter::Messages, self.messages);
        let end = progress::End {
            status,
            end: end_of_channel,
            announced: plan.channel.last_message_id,
            is_doubted,
            ended_full: (reached && plan.action == Action::Full)
                .then(|| self.task.scope.full_job_id.to_string()),
            // Whoever reaches the end has been past all that was young, but for
            // a range.
            refreshed_at: (reached && plan.action != Action::Range).then_some(self.began_at),
            messages_per_second,
            retry_count: counts.get(Counter::Retries),
            error: failure.map(Failure::as_last_error),
            is_own_failure: failure.is_some_and(|failure| failure.is_own),
        };
        let job_end = jobs::ChannelEnd {
            status,
            last_message_id: self.last_read,
            messages_per_second,
            counts,
            error: failure.map(|failure| failure.error.clone()),
        };
        let (row, job_id, now) =
            (self.task.row, Arc::clone(&self.task.scope.job_id), self.context.clock.now());
        self.write(move |tx| {
            progress::finish(tx, row, &end, now)?;
            jobs::finish_channel(tx, &job_id, row, &job_end, now)
        })
        .await
    }
}
