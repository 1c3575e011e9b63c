//! Reading one channel: page, anonymize, commit, next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tokio::time::Instant;

use super::estimate::Part;
use super::meter::Meter;
use super::policy::cause_of;
use super::run::{Context, Stop};
use crate::anonymize;
use crate::archive::messages::{PageBatch, PageOutcome, store_page};
use crate::archive::{ArchiveError, ChannelRow, TenantRow, channels, jobs, progress};
use crate::model::{
    Cause, ChannelState, MessageId, MessagePage, ProgressStatus, ReactionMode, Timestamp, WorkspaceId,
};
use crate::monitor::{Counter, Event, Monitor};
use crate::plan::{Action, ChannelPlan};
use crate::platform::{ErrorKind, PlatformAdapter, PlatformError};

/// Messages assumed in a channel of which no page was read: channels known to
/// have more come first, then the unknown ones, so that all become known soon.
const UNKNOWN_WORK: u64 = 1000;

/// A channel that is to be read, for a job.
#[derive(Debug, Clone)]
pub struct ChannelTask {
    /// The job.
    pub job_id: Arc<str>,
    /// The job that began the full re-read, if this is one.
    pub full_job_id: Arc<str>,
    /// Whose.
    pub tenant: TenantRow,
    /// The tenant's workspace.
    pub workspace: WorkspaceId,
    /// The channel's row.
    pub row: ChannelRow,
    /// Its name, scrubbed.
    pub name: String,
    /// What is done.
    pub plan: ChannelPlan,
    /// How much of reactions is kept.
    pub reactions: ReactionMode,
    /// Where the tenant's archive begins.
    pub since: Option<Timestamp>,
    /// How far it is.
    pub state: Arc<ReadingState>,
}

/// How far the reading of a channel is, for whoever looks from outside.
#[derive(Debug, Default)]
pub struct ReadingState {
    millionths: AtomicU32,
    messages: AtomicU64,
}

impl ReadingState {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to a million")]
    fn set(&self, progress: f64, messages: u64) {
        self.millionths.store((progress * 1_000_000.0) as u32, Ordering::Relaxed);
        self.messages.store(messages, Ordering::Relaxed);
    }
}

impl ChannelTask {
    /// How far it is, as part of its job.
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn part(&self) -> Part {
        Part {
            weight: self.plan.weight as f64,
            messages: self.state.messages.load(Ordering::Relaxed) as f64,
            progress: f64::from(self.state.millionths.load(Ordering::Relaxed)) / 1_000_000.0,
        }
    }
}

/// How a channel's reading ended.
#[derive(Debug, Clone)]
pub struct ChannelOutcome {
    /// How.
    pub status: ProgressStatus,
    /// What failed, if something did.
    pub failure: Option<Failure>,
    /// Seconds it was open.
    pub seconds: f64,
}

/// Why a channel's reading failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What follows from it.
    pub cause: Cause,
    /// Whether nothing else of the run can succeed.
    pub ends_run: bool,
    /// Whether the cause lies in the channel itself.
    pub is_own: bool,
    /// What happened.
    pub error: String,
}

impl From<PlatformError> for Failure {
    fn from(error: PlatformError) -> Self {
        Self {
            cause: cause_of(error.kind),
            ends_run: error.kind.ends_run(),
            is_own: error.kind.is_of_channel(),
            error: error.to_string(),
        }
    }
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        Self { cause: Cause::Archive, ends_run: true, is_own: false, error: error.to_string() }
    }
}

/// Why the reading of pages ended without a failure.
enum End {
    /// There is nothing more.
    Reached,
    /// The run's own bound.
    Bound,
    /// Somebody wants the run to stop.
    Stopped(Stop),
}

/// Reads a channel in slot `worker`. Only what was committed counts.
pub async fn read_channel<P: PlatformAdapter>(
    context: &Context<P>,
    task: &ChannelTask,
    worker: usize,
    job: Arc<Meter>,
) -> ChannelOutcome {
    let mut reading = Reading {
        context,
        task,
        meter: Meter::new(job),
        began: Instant::now(),
        began_at: context.clock.now(),
        begin: task.plan.after.map(|after| context.platform.sent_at(after)),
        cursor: task.plan.after,
        messages: 0,
    };
    let ended = match reading.run(worker).await {
        Err(failure) if failure.cause == Cause::NotFound => reading.confirm_deletion(failure).await,
        ended => ended,
    };
    let reached = matches!(ended, Ok(End::Reached));
    let (status, failure) = match ended {
        Ok(End::Reached | End::Bound) => (ProgressStatus::Completed, None),
        Ok(End::Stopped(Stop::OutOfTime)) => (ProgressStatus::Deferred, None),
        Ok(End::Stopped(_)) => (ProgressStatus::Interrupted, None),
        Err(failure) if failure.ends_run => (ProgressStatus::Interrupted, Some(failure)),
        Err(failure) => (ProgressStatus::Failed, Some(failure)),
    };
    let written = reading.finish(status, failure.as_ref(), reached).await;
    let failure = failure.or_else(|| written.err().map(Failure::from));
    context.monitor.event(Event::ChannelFinished {
        job_id: task.job_id.to_string(),
        channel: task.plan.channel.id,
        status,
        messages: reading.messages,
        error: failure.as_ref().map(|failure| failure.error.clone()),
    });
    ChannelOutcome { status, failure, seconds: reading.began.elapsed().as_secs_f64() }
}

/// A channel's reading under way.
struct Reading<'a, P> {
    context: &'a Context<P>,
    task: &'a ChannelTask,
    meter: Meter,
    began: Instant,
    began_at: Timestamp,
    /// When the first message that is read was sent, once that is known.
    begin: Option<Timestamp>,
    cursor: Option<MessageId>,
    messages: u64,
}

impl<P: PlatformAdapter> Reading<'_, P> {
    async fn run(&mut self, worker: usize) -> Result<End, Failure> {
        let task = self.task;
        self.context.monitor.event(Event::ChannelStarted {
            job_id: task.job_id.to_string(),
            channel: task.plan.channel.id,
            name: task.name.clone(),
            worker,
        });
        let (job_id, tenant, row, since) = (Arc::clone(&task.job_id), task.tenant, task.row, task.since);
        let now = self.began_at;
        self.context
            .writer
            .run(move |tx| {
                progress::begin(tx, tenant, row, worker, since, now)?;
                jobs::start_channel(tx, &job_id, row, worker, now)
            })
            .await?;
        self.pages().await
    }

    async fn pages(&mut self) -> Result<End, Failure> {
        loop {
            let channel = self.task.plan.channel.id;
            let limit = self.context.settings.page_size;
            let expected = self.task.part().remaining().unwrap_or(UNKNOWN_WORK);
            let page = tokio::select! {
                biased;
                stop = self.context.stopped() => return Ok(End::Stopped(stop)),
                page = self.context.platform.messages(channel, self.cursor, limit, expected, &self.meter) => page?,
            };
            if let Some(end) = self.take(page).await? {
                return Ok(end);
            }
        }
    }

    /// A channel that isn't found while it is read was deleted, if asking for
    /// the channel itself says so too. Its messages stay.
    async fn confirm_deletion(&self, failure: Failure) -> Result<End, Failure> {
        let asked = self.context.platform.channel(self.task.plan.channel.id, &self.meter).await;
        if !asked.is_err_and(|error| error.kind == ErrorKind::NotFound) {
            return Err(failure);
        }
        let (row, now) = (self.task.row, self.context.clock.now());
        self.context.writer.run(move |tx| channels::set_state(tx, row, ChannelState::Deleted, now)).await?;
        Ok(End::Bound)
    }

    /// Stores a page; says whether it was the last.
    async fn take(&mut self, mut page: MessagePage) -> Result<Option<End>, Failure> {
        let hint = self.task.plan.channel.last_message_id;
        let Some(last) = page.last_id() else {
            if !page.broken.is_empty() {
                return Err(self.unreadable("no message of the page has a readable ID"));
            }
            if self.cursor < hint {
                self.confirm_right().await?;
            }
            return Ok(Some(End::Reached));
        };
        if Some(last) <= self.cursor {
            return Err(self.unreadable("the page doesn't go beyond the one before"));
        }
        page.messages.retain(|message| Some(message.id) > self.cursor);
        let is_last = !page.is_full && hint.is_some_and(|hint| last >= hint);
        let until = self.task.plan.until;
        let is_beyond = until.is_some_and(|until| last > until);
        if is_beyond {
            page.messages.retain(|message| Some(message.id) <= until);
            page.broken.retain(|broken| broken.id <= until);
        }
        let end = if page.last_id().is_some() { self.store(page).await } else { Ok(()) };
        end?;
        Ok(if is_beyond {
            Some(End::Bound)
        } else if is_last {
            Some(End::Reached)
        } else {
            None
        })
    }

    /// An empty page short of the newest message: either that one was deleted,
    /// or the bot may not read the history any more, which looks the same.
    async fn confirm_right(&self) -> Result<(), Failure> {
        let (_, channels) = self.context.platform.workspace(self.task.workspace, &self.meter).await?;
        let channel = &self.task.plan.channel;
        // A thread takes its rights from its parent.
        let of = if channel.kind.is_thread() { channel.parent_id } else { Some(channel.id) };
        let rights = channels.iter().find(|listed| Some(listed.id) == of).map(|listed| &listed.visibility);
        if rights.is_some_and(|rights| rights.everyone_sees && rights.bot_lacks.is_empty()) {
            return Ok(());
        }
        let subject = format!("messages of channel {}", channel.id);
        let detail = "the right to read it was lost in the middle";
        Err(PlatformError::new(ErrorKind::Forbidden, subject, detail).into())
    }

    fn unreadable(&self, detail: &str) -> Failure {
        let subject = format!("messages of channel {}", self.task.plan.channel.id);
        PlatformError::new(ErrorKind::Unreadable, subject, detail).into()
    }

    /// One transaction: the page, and the checkpoint at its end.
    async fn store(&mut self, page: MessagePage) -> Result<(), ArchiveError> {
        let (count, broken) = (page.messages.len() as u64, page.broken.len() as u64);
        let first_sent_at = page.messages.first().map(|message| message.created_at);
        self.begin = self.begin.or(first_sent_at);
        let page = anonymize::page(page);
        let last = page.last_id;
        let task = self.task;
        let batch = PageBatch {
            channel: task.row,
            after: self.cursor,
            page,
            keeps_reactions: task.reactions != ReactionMode::Off,
        };
        let (moves, is_full) = (task.plan.moves_checkpoint, task.plan.action == Action::Full);
        // All that was young has been read again once the old checkpoint is
        // reached; what follows is new, and need not be waited for.
        let refreshed_at =
            (task.plan.action == Action::Refresh && last >= task.plan.read_to).then_some(self.began_at);
        let (full_job_id, row, now) = (Arc::clone(&task.full_job_id), task.row, self.context.clock.now());
        let stored = self
            .context
            .writer
            .run(move |tx| {
                let outcome = store_page(tx, &batch, now)?;
                if let Some(last) = last.filter(|_| moves) {
                    progress::advance(tx, row, last, now)?;
                }
                if let Some(refreshed_at) = refreshed_at {
                    progress::refreshed(tx, row, refreshed_at, now)?;
                }
                if is_full {
                    progress::advance_full(tx, row, &full_job_id, last, now)?;
                }
                Ok(outcome)
            })
            .await?;
        self.cursor = last;
        self.messages += count;
        self.count(count, broken, stored);
        Ok(())
    }

    fn count(&self, messages: u64, broken: u64, stored: PageOutcome) {
        self.meter.count(Counter::Messages, messages);
        self.meter.count(Counter::BrokenMessages, broken);
        self.meter.count(Counter::Attachments, stored.attachments);
        self.meter.count(Counter::Reactions, stored.reactions);
        let progress = self.progress();
        self.task.state.set(progress, self.messages);
        self.context.monitor.event(Event::ChannelAdvanced {
            job_id: self.task.job_id.to_string(),
            channel: self.task.plan.channel.id,
            messages,
            progress,
        });
    }

    /// How far the cursor is between where the reading began and the newest
    /// message, by time.
    fn progress(&self) -> f64 {
        let plan = &self.task.plan;
        let sent_at = |id| self.context.platform.sent_at(id);
        let begin = self.begin.unwrap_or(plan.channel.created_at);
        let end = plan.channel.last_message_at.unwrap_or(self.began_at);
        let at = self.cursor.map_or(begin, sent_at);
        let whole = end.since(begin).as_secs_f64();
        if whole > 0.0 { (at.since(begin).as_secs_f64() / whole).min(1.0) } else { 1.0 }
    }

    async fn finish(
        &self,
        status: ProgressStatus,
        failure: Option<&Failure>,
        reached: bool,
    ) -> Result<(), ArchiveError> {
        let plan = &self.task.plan;
        let reached = reached && plan.moves_checkpoint;
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        #[allow(clippy::cast_precision_loss, reason = "a rate")]
        let messages_per_second = self.messages as f64 / seconds;
        let requests = self.meter.requests();
        let end = progress::End {
            status,
            reached_end: reached,
            ended_full: (reached && plan.action == Action::Full).then(|| self.task.full_job_id.to_string()),
            refreshed_at: (reached && self.read_all_young_again()).then_some(self.began_at),
            read_from: (reached && plan.action == Action::Extend).then_some(self.task.since),
            messages_per_second,
            retry_count: requests.retries,
            error: failure.map(|failure| failure.error.clone()),
            is_own_failure: failure.is_some_and(|failure| failure.is_own),
        };
        let job_end = jobs::ChannelEnd {
            status,
            messages_processed: self.messages,
            last_message_id: self.cursor,
            messages_per_second,
            requests,
            error: end.error.clone(),
        };
        // The newest message may be a deleted one; that it isn't there any more
        // has been seen, so it counts as read.
        let newest = plan.channel.last_message_id.filter(|_| reached);
        let (row, job_id, now) = (self.task.row, Arc::clone(&self.task.job_id), self.context.clock.now());
        self.context
            .writer
            .run(move |tx| {
                if let Some(newest) = newest {
                    progress::advance(tx, row, newest, now)?;
                }
                progress::finish(tx, row, &end, now)?;
                jobs::finish_channel(tx, &job_id, row, &job_end, now)
            })
            .await
    }

    /// Whether every message that was young at the last refresh was read in
    /// this reading: not if it went on where another one was stopped.
    fn read_all_young_again(&self) -> bool {
        match self.task.plan.action {
            Action::Refresh | Action::Extend => true,
            Action::Full => self.task.plan.after.is_none(),
            Action::ReadOn | Action::Range => false,
        }
    }
}
