//! Reads one channel: requests each page, scrubs it and commits it with the checkpoint.

mod end_of_channel;
mod gaps;
mod plausibility;

use std::sync::Arc;

use tokio::time::Instant;

use super::channel::{ChannelOutcome, ChannelTask, ReadingState};
use super::confirm;
use super::content_check::ContentCheck;
use super::context::Context;
use super::estimate::queued_lists;
use super::failure::Failure;
use super::gap_search::AdaptivePageSize;
use super::meter::Meter;
use super::pass_purpose::PassPurpose;
use super::revoked::Revocation;
use super::stop::StopReason;
use crate::archive::messages::{PageBatch, PageOutcome, store_page};
use crate::archive::reactions::ReactionPolicy;
use crate::archive::{ArchiveError, Tx, channels, jobs, malformed, progress};
use crate::model::{
    BlankMessageTally, Cause, ChannelEnd, ChannelState, MessageId, MessagePage, ProgressStatus, ProvenState,
    ReactionMode, Timestamp,
};
use crate::monitor::{Counter, Event, Monitor};
use crate::plan::Action;
use crate::platform::{PageCursor, PageRequest, PlatformError};

/// Backlog assumed before a channel's first page. It gives that page priority: the page
/// shows how much there is, and is often all there is.
const UNKNOWN_BACKLOG: u64 = u64::MAX / 2;

/// How a pass ended, unless it failed.
enum PassOutcome {
    /// It reached the channel's end.
    Reached(ChannelEnd),
    /// A page was empty, and no evidence shows that this is the channel's end.
    Unconfirmed,
    /// It reached the pass's `until`.
    AtBound,
    /// The channel was revoked: it isn't public or readable any more.
    Revoked(ProvenState),
    /// The run or tenant stopped, or the channel was revoked without a proven state.
    Stopped(StopReason),
}

/// What follows from a page.
enum NextStep {
    /// It is stored and more may follow.
    More,
    /// The pass ends with it.
    Last(PassOutcome),
    /// Another answer contradicts it: request it again.
    Retry(Failure),
}

/// A pass over a range of the channel's history: after `cursor`, up to `until`.
struct ReadPass {
    cursor: Option<MessageId>,
    until: Option<MessageId>,
    purpose: PassPurpose,
    page_size: AdaptivePageSize,
    /// Consecutive pages that another answer contradicted.
    contradictions: u32,
    /// Whether the server repeated IDs that disagree with their messages' times.
    accepts_ids: bool,
    /// Ordinary messages of people since the last one with content.
    content: BlankMessageTally,
}

impl ReadPass {
    fn new(cursor: Option<MessageId>, until: Option<MessageId>, purpose: PassPurpose, limit: u16) -> Self {
        let page_size = AdaptivePageSize::new(limit);
        let content = BlankMessageTally::default();
        Self { cursor, until, purpose, page_size, contradictions: 0, accepts_ids: false, content }
    }
}

/// Reads a channel in slot `worker` and records the outcome. `job` is the job's meter.
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
        first_sent_at: task.plan.after.map(|after| task.scope.adapter().sent_at(after)),
        last_read: task.plan.after,
        messages: 0,
        still_malformed: Vec::new(),
        skipped_messages: 0,
    };
    let ended = match reading.run(worker).await {
        Err(failure) if failure.cause == Cause::NotFound => reading.confirm_deletion(failure).await,
        Ok(PassOutcome::Revoked(state)) => reading.record_revoked(state).await,
        ended => ended,
    };
    let reached = match ended {
        Ok(PassOutcome::Reached(end)) => Some(end),
        _ => None,
    };
    let (status, failure) = match ended {
        Ok(PassOutcome::Reached(_) | PassOutcome::AtBound | PassOutcome::Revoked(_)) => {
            (ProgressStatus::Completed, None)
        }
        Ok(PassOutcome::Unconfirmed) => (ProgressStatus::Deferred, Some(reading.unconfirmed())),
        Ok(PassOutcome::Stopped(StopReason::OutOfTime)) => (ProgressStatus::Deferred, None),
        Ok(PassOutcome::Stopped(_)) => (ProgressStatus::Interrupted, None),
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

/// The state of one read of a channel.
struct Reading<'a> {
    context: &'a Context,
    task: &'a ChannelTask,
    state: &'a ReadingState,
    meter: Meter,
    began: Instant,
    began_at: Timestamp,
    /// When the first message that is read was sent; `None` until known.
    first_sent_at: Option<Timestamp>,
    last_read: Option<MessageId>,
    messages: u64,
    /// Malformed-message keys that the current reread pass met again.
    still_malformed: Vec<i64>,
    /// Messages skipped because the server returns no page that contains them, without
    /// those that earlier runs recorded.
    skipped_messages: u32,
}

impl Reading<'_> {
    async fn run(&mut self, worker: usize) -> Result<PassOutcome, Failure> {
        let task = self.task;
        self.context.monitor.event(Event::ChannelStarted {
            channel: task.in_run(),
            name: task.scope.platform.scrubber().redact_all(&task.name),
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
        if let Some(end) = self.check_checkpoint().await? {
            return Ok(end);
        }
        let page_size = self.page_size();
        if let Some(backfill) = task.plan.backfill {
            let purpose = PassPurpose::Backfill(backfill);
            let pass = ReadPass::new(backfill.after, backfill.until, purpose, page_size);
            match self.pages(pass).await? {
                PassOutcome::Reached(_) | PassOutcome::AtBound => {
                    self.write(move |tx| progress::finish_backfill(tx, row, backfill.since, now)).await?;
                }
                early => return Ok(early),
            }
        }
        let main = ReadPass::new(task.plan.after, task.plan.until, PassPurpose::Main, page_size);
        let end = self.pages(main).await?;
        if matches!(end, PassOutcome::Reached(_) | PassOutcome::AtBound) {
            self.reread().await.map(|early| early.unwrap_or(end))
        } else {
            Ok(end)
        }
    }

    /// Runs the plan's reread passes. Returns how they ended early, if they did.
    async fn reread(&mut self) -> Result<Option<PassOutcome>, Failure> {
        for reread in &self.task.plan.rereads {
            let page_size = self.page_size();
            let pass = ReadPass::new(reread.after, Some(reread.until), PassPurpose::Reread, page_size);
            let (row, after, until) = (self.task.row, reread.after, reread.until);
            match self.pages(pass).await? {
                PassOutcome::Reached(_) | PassOutcome::AtBound => {
                    let still = std::mem::take(&mut self.still_malformed);
                    self.write(move |tx| malformed::clear_resolved(tx, row, after, until, &still)).await?;
                }
                early => return Ok(Some(early)),
            }
        }
        Ok(None)
    }

    async fn pages(&mut self, mut pass: ReadPass) -> Result<PassOutcome, Failure> {
        loop {
            if pass.until.is_some() && pass.cursor >= pass.until {
                return Ok(PassOutcome::AtBound);
            }
            let cursor = PageCursor::After(pass.cursor);
            let answer = self.request_page(cursor, pass.page_size.limit(), pass.page_size.is_reduced()).await;
            let page = match answer {
                Ok(Ok(page)) => page,
                Ok(Err(error)) if gaps::may_concern_single_page(error.kind) => {
                    match self.reduce_page(&mut pass, error).await? {
                        Some(end) => return Ok(end),
                        None => continue,
                    }
                }
                Ok(Err(error)) => return Err(error.into()),
                Err(end) => return Ok(end),
            };
            pass.page_size.messages_read(page.messages.len() + page.malformed.len());
            match self.accept(&mut pass, page).await? {
                NextStep::More => pass.contradictions = 0,
                NextStep::Last(end) => return Ok(end),
                NextStep::Retry(failure) => {
                    if let Some(end) = self.back_off(&mut pass, failure).await? {
                        return Ok(end);
                    }
                }
            }
        }
    }

    /// Requests a page, unless the run stops or the channel is revoked first.
    async fn request_page(
        &self,
        cursor: PageCursor,
        limit: u16,
        is_probe: bool,
    ) -> Result<Result<MessagePage, PlatformError>, PassOutcome> {
        let channel = &self.task.plan.channel;
        let backlog =
            self.task.progress(self.state, self.began.elapsed()).remaining().unwrap_or(UNKNOWN_BACKLOG);
        let request = PageRequest { channel: channel.id, cursor, limit, backlog, is_probe };
        tokio::select! {
            biased;
            stop = self.context.stop.wait() => Err(PassOutcome::Stopped(stop)),
            revoked = self.task.scope.revoked.revoked(channel.root) => Err(match revoked {
                Revocation::Channel(Some(state)) => PassOutcome::Revoked(state),
                Revocation::Channel(None) | Revocation::Workspace => PassOutcome::Stopped(StopReason::Fatal),
            }),
            page = self.task.scope.adapter().messages(&request, &self.meter) => Ok(page),
        }
    }

    /// Backs off before a page is requested again; fails after the last retry.
    async fn back_off(&self, pass: &mut ReadPass, failure: Failure) -> Result<Option<PassOutcome>, Failure> {
        let retry = self.context.settings.retry;
        if pass.contradictions >= retry.max_retries {
            return Err(failure);
        }
        let wait = retry.delay(pass.contradictions);
        pass.contradictions += 1;
        self.meter.count(Counter::Retries, 1);
        self.meter.event(Event::Retrying { error: failure.error, wait });
        let waited = self.context.stop.unless_stopped(tokio::time::sleep(wait)).await;
        Ok(waited.err().map(PassOutcome::Stopped))
    }

    /// Checks a page and stores it if it is plausible.
    async fn accept(&mut self, pass: &mut ReadPass, mut page: MessagePage) -> Result<NextStep, Failure> {
        let read_at = self.context.clock.now();
        let announced = self.task.plan.channel.last_message_id;
        let Some(last) = page.last_id() else {
            if page.malformed.is_empty() {
                return self.accept_empty_page(pass, read_at).await;
            }
            return self.accept_page_without_ids(pass, page).await.map(NextStep::Last);
        };
        if Some(last) <= pass.cursor {
            return Ok(NextStep::Retry(self.contradicted("the page does not advance past the cursor")));
        }
        if let Some(step) = self.check_ids(pass, &page).await? {
            return Ok(step);
        }
        if let Some(step) = self.check_first_message(pass, &page).await? {
            return Ok(step);
        }
        if let Some(step) = self.check_content(pass, &page).await? {
            return Ok(step);
        }
        page.messages.retain(|message| Some(message.id) > pass.cursor);
        let is_cut = plausibility::cut_after_listed(&mut page, announced);
        let last = page.last_id().unwrap_or(last);
        let is_last = !is_cut && (!page.is_full || Some(last) == announced);
        let end = if is_last { ChannelEnd::from_page(last, announced) } else { None };
        let is_beyond = pass.until.is_some_and(|until| last > until);
        if is_beyond {
            page.messages.retain(|message| Some(message.id) <= pass.until);
            page.malformed.retain(|malformed| malformed.id <= pass.until);
        }
        if page.last_id().is_some() {
            if !self.store(pass, page, read_at, false).await? {
                return Ok(NextStep::Retry(self.withheld()));
            }
        } else if !page.malformed.is_empty() {
            // Malformed messages without an ID, which may lie in the range.
            self.record_without_ids(pass, pass.until, page.malformed).await?;
        }
        Ok(if is_beyond {
            NextStep::Last(PassOutcome::AtBound)
        } else {
            end.map_or(NextStep::More, |end| NextStep::Last(PassOutcome::Reached(end)))
        })
    }

    /// Records a channel that isn't found as deleted, if other answers confirm that.
    async fn confirm_deletion(&self, failure: Failure) -> Result<PassOutcome, Failure> {
        let is_deleted = confirm::is_deleted(self.task, &self.meter);
        match self.context.stop.unless_stopped(is_deleted).await {
            Ok(Ok(true)) => self.record_revoked(ProvenState::from_direct_answer(ChannelState::Deleted)).await,
            Ok(Ok(false)) => Err(failure),
            Ok(Err(unanswered)) => Err(unanswered),
            Err(stop) => Ok(PassOutcome::Stopped(stop)),
        }
    }

    /// Awaits a check that a page depends on. `Some` if the run stopped first.
    async fn confirm(
        &self,
        confirmed: impl Future<Output = Result<(), Failure>>,
    ) -> Result<Option<PassOutcome>, Failure> {
        match self.context.stop.unless_stopped(confirmed).await {
            Ok(confirmed) => confirmed.map(|()| None),
            Err(stop) => Ok(Some(PassOutcome::Stopped(stop))),
        }
    }

    async fn record_revoked(&self, state: ProvenState) -> Result<PassOutcome, Failure> {
        let (row, now) = (self.task.row, self.context.clock.now());
        self.write(move |tx| channels::set_state(tx, row, state, now)).await?;
        Ok(PassOutcome::Revoked(state))
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

    /// Commits the page and the checkpoint after it in one transaction. Returns false,
    /// and stores nothing, if content seems to be withheld. `has_gap`: the page
    /// represents a message that the server can't return.
    async fn store(
        &mut self,
        pass: &mut ReadPass,
        page: MessagePage,
        read_at: Timestamp,
        has_gap: bool,
    ) -> Result<bool, ArchiveError> {
        let (count, malformed_count) = (page.messages.len() as u64, page.malformed.len() as u64);
        let reactions = page.messages.iter().map(|message| message.reactions.len() as u64).sum();
        if pass.purpose == PassPurpose::Reread {
            let last = page.last_id().map_or(0, MessageId::as_i64);
            self.still_malformed.extend(malformed::keys(&page.malformed, last));
            let partial = page.messages.iter().filter(|message| !message.malformed_fields.is_empty());
            self.still_malformed.extend(partial.map(|message| message.id.as_i64()));
        }
        let first_sent_at = page.messages.first().map(|message| message.created_at);
        self.first_sent_at = self.first_sent_at.or(first_sent_at);
        let page = self.task.scope.platform.scrubber().page(page);
        let last = page.last_id;
        let batch = PageBatch {
            channel: self.task.row,
            after: pass.cursor,
            page,
            read_at,
            reactions: ReactionPolicy {
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
        if pass.purpose != PassPurpose::Reread {
            self.last_read = last;
        }
        self.messages += count;
        if self.task.scope.reactions == ReactionMode::Users {
            let of_these = stored.new_messages + stored.changed_messages;
            self.state.add_reactor_lists(queued_lists(reactions, count, of_these));
        }
        self.count(count, malformed_count, stored);
        Ok(true)
    }

    fn count(&self, messages: u64, malformed: u64, stored: PageOutcome) {
        self.meter.count(Counter::Messages, messages);
        self.meter.count(Counter::NewMessages, stored.new_messages);
        self.meter.count(Counter::ChangedMessages, stored.changed_messages);
        self.meter.count(Counter::MalformedMessages, malformed);
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

    /// Position of the cursor between the first and the newest message, by time, 0 to 1.
    fn progress(&self) -> f64 {
        let plan = &self.task.plan;
        let sent_at = |id| self.task.scope.adapter().sent_at(id);
        let begin = self.first_sent_at.unwrap_or(plan.channel.created_at);
        let end = plan.channel.last_message_id.map_or(self.began_at, sent_at);
        let at = self.last_read.map_or(begin, sent_at);
        let whole = end.since(begin).as_secs_f64();
        if whole > 0.0 { (at.since(begin).as_secs_f64() / whole).min(1.0) } else { 1.0 }
    }

    /// Records the outcome in the rows of the channel's progress and of the job.
    async fn finish(
        &self,
        status: ProgressStatus,
        failure: Option<&Failure>,
        reached: Option<ChannelEnd>,
    ) -> Result<(), ArchiveError> {
        let plan = &self.task.plan;
        let end_of_channel = reached.filter(|_| plan.moves_checkpoint);
        let reached = end_of_channel.is_some();
        let is_end_unconfirmed = failure.is_some_and(|failure| failure.cause == Cause::EndUnconfirmed);
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        #[allow(clippy::cast_precision_loss, reason = "a rate")]
        let messages_per_second = self.messages as f64 / seconds;
        let mut counts = self.meter.counts();
        counts.set(Counter::Messages, self.messages);
        let outcome = progress::ReadOutcome {
            status,
            end: end_of_channel,
            announced: plan.channel.last_message_id,
            is_end_unconfirmed,
            completed_full_job_id: (reached && plan.action == Action::Full)
                .then(|| self.task.scope.full_job_id.to_string()),
            // A reading that reached the end has covered the refresh window, unless it
            // was a range.
            refreshed_at: (reached && plan.action != Action::Range).then_some(self.began_at),
            messages_per_second,
            retry_count: counts.get(Counter::Retries),
            error: failure.map(Failure::as_last_error),
            counts_against_channel: failure.is_some_and(|failure| failure.is_own),
        };
        let job_outcome = jobs::ChannelJobOutcome {
            status,
            last_message_id: self.last_read,
            messages_per_second,
            counts,
            error: failure.map(|failure| failure.error.clone()),
        };
        let (row, job_id, now) =
            (self.task.row, Arc::clone(&self.task.scope.job_id), self.context.clock.now());
        self.write(move |tx| {
            progress::finish(tx, row, &outcome, now)?;
            jobs::finish_channel(tx, &job_id, row, &job_outcome, now)
        })
        .await
    }
}
