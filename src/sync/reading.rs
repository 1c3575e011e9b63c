//! Reading one channel: page, anonymize, commit, next.

use std::sync::Arc;

use tokio::time::Instant;

use super::channel::{ChannelOutcome, ChannelTask, Failure};
use super::closings::Closing;
use super::confirm;
use super::context::{Context, Stop};
use super::meter::Meter;
use super::place::{Place, Purpose};
use crate::anonymize;
use crate::archive::messages::{PageBatch, PageOutcome, store_page};
use crate::archive::reactions::KeptReactions;
use crate::archive::{ArchiveError, Tx, broken, channels, jobs, missing, progress};
use crate::model::{BrokenMessage, Cause, ChannelState, MessageId, MessagePage, ProgressStatus, Timestamp};
use crate::monitor::{Counter, Event, Monitor};
use crate::plan::Action;
use crate::platform::{ErrorKind, PageRequest, PlatformAdapter, PlatformError};

/// Messages assumed in a channel of which no page was read. That page goes first:
/// it tells how much there is, and is often all there is.
const UNKNOWN_WORK: u64 = u64::MAX / 2;

/// Why the reading of pages ended without a failure.
enum End {
    /// There is nothing more.
    Reached,
    /// The run's own bound, or what was read before.
    Bound,
    /// The channel isn't public any more, or can't be read.
    Closed(ChannelState),
    /// Somebody wants the run to stop.
    Stopped(Stop),
}

/// A part of the channel's history, read in one go.
struct Pass {
    cursor: Option<MessageId>,
    until: Option<MessageId>,
    purpose: Purpose,
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
        meter: Meter::of_channel(task.plan.channel.id, Arc::clone(&task.state), job),
        began: Instant::now(),
        began_at: context.clock.now(),
        begin: task.plan.after.map(|after| context.platform.sent_at(after)),
        last_read: task.plan.after,
        messages: 0,
        has_nameless_end: false,
        still_broken: Vec::new(),
    };
    let ended = match reading.run(worker).await {
        Err(failure) if failure.cause == Cause::NotFound => reading.confirm_deletion(failure).await,
        Ok(End::Closed(state)) => reading.close(state).await,
        ended => ended,
    };
    let reached = matches!(ended, Ok(End::Reached));
    let (status, failure) = match ended {
        Ok(End::Reached | End::Bound | End::Closed(_)) => (ProgressStatus::Completed, None),
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
    last_read: Option<MessageId>,
    messages: u64,
    /// Whether of the newest messages not even the ID can be read.
    has_nameless_end: bool,
    /// What was found broken when it was read again.
    still_broken: Vec<i64>,
}

impl<P: PlatformAdapter> Reading<'_, P> {
    async fn run(&mut self, worker: usize) -> Result<End, Failure> {
        let task = self.task;
        self.context.monitor.event(Event::ChannelStarted {
            job_id: task.job_id.to_string(),
            channel: task.plan.channel.id,
            name: anonymize::sayable(&task.name),
            worker,
        });
        let (job_id, tenant, row, since) = (Arc::clone(&task.job_id), task.tenant, task.row, task.since);
        let now = self.began_at;
        self.write(move |tx| {
            progress::begin(tx, tenant, row, worker, since, now)?;
            jobs::start_channel(tx, &job_id, row, worker, now)
        })
        .await?;
        if let Some(backfill) = task.plan.backfill {
            let purpose = Purpose::Backfill(backfill);
            let pass = Pass { cursor: backfill.after, until: backfill.until, purpose };
            match self.pages(pass).await? {
                End::Reached | End::Bound => {
                    self.write(move |tx| progress::finish_backfill(tx, row, backfill.since, now)).await?;
                }
                early => return Ok(early),
            }
        }
        let main = Pass { cursor: task.plan.after, until: task.plan.until, purpose: Purpose::Main };
        let end = self.pages(main).await?;
        if matches!(end, End::Reached | End::Bound) {
            self.reread().await.map(|early| early.unwrap_or(end))
        } else {
            Ok(end)
        }
    }

    /// Reads again what is to be read again; says how that ended early, if it
    /// did.
    async fn reread(&mut self) -> Result<Option<End>, Failure> {
        for part in &self.task.plan.rereads {
            let pass = Pass { cursor: part.after, until: Some(part.until), purpose: Purpose::Reread };
            match self.pages(pass).await? {
                End::Reached | End::Bound => {
                    let (row, part, still) = (self.task.row, *part, std::mem::take(&mut self.still_broken));
                    self.write(move |tx| broken::settle(tx, row, part.after, part.until, &still)).await?;
                }
                early => return Ok(Some(early)),
            }
        }
        Ok(None)
    }

    async fn pages(&mut self, mut pass: Pass) -> Result<End, Failure> {
        loop {
            if pass.until.is_some() && pass.cursor >= pass.until {
                return Ok(End::Bound);
            }
            let channel = &self.task.plan.channel;
            let limit = self.context.settings.page_size;
            let expected = self.task.part(self.began.elapsed()).remaining().unwrap_or(UNKNOWN_WORK);
            let platform = &self.context.platform;
            let request =
                PageRequest { backlog: expected, ..PageRequest::after(channel.id, pass.cursor, limit) };
            let page = tokio::select! {
                biased;
                stop = self.context.stopped() => return Ok(End::Stopped(stop)),
                closing = self.task.closings.closed(channel) => return Ok(match closing {
                    Closing::Channel(state) => End::Closed(state),
                    Closing::Workspace => End::Stopped(Stop::Fatal),
                }),
                page = platform.messages(&request, &self.meter) => page?,
            };
            if let Some(end) = self.take(&mut pass, page).await? {
                return Ok(end);
            }
        }
    }

    /// Stores a page; says whether it was the last.
    async fn take(&mut self, pass: &mut Pass, mut page: MessagePage) -> Result<Option<End>, Failure> {
        let read_at = self.context.clock.now();
        let hint = self.task.plan.channel.last_message_id;
        let Some(last) = page.last_id() else {
            if !page.broken.is_empty() {
                return self.take_nameless(pass, page).await.map(Some);
            }
            if pass.cursor < hint
                && let Some(end) = self.confirm(confirm::right(self.context, self.task, &self.meter)).await?
            {
                return Ok(Some(end));
            }
            self.take_empty(pass, read_at).await?;
            return Ok(Some(End::Reached));
        };
        if Some(last) <= pass.cursor {
            return Err(self.unreadable("the page doesn't go beyond the one before"));
        }
        if page.has_blank_message()
            && let Some(end) =
                self.confirm(self.context.content.confirm(self.context, &page, &self.meter)).await?
        {
            return Ok(Some(end));
        }
        page.messages.retain(|message| Some(message.id) > pass.cursor);
        let is_last = !page.is_full && hint.is_some_and(|hint| last >= hint);
        let is_beyond = pass.until.is_some_and(|until| last > until);
        if is_beyond {
            page.messages.retain(|message| Some(message.id) <= pass.until);
            page.broken.retain(|broken| broken.id <= pass.until);
        }
        if page.last_id().is_some() {
            self.store(pass, page, read_at).await?;
        } else if !page.broken.is_empty() {
            // It may stand where nothing readable is.
            self.note_nameless(pass, pass.until, page.broken).await?;
        }
        Ok(if is_beyond {
            Some(End::Bound)
        } else if is_last {
            Some(End::Reached)
        } else {
            None
        })
    }

    /// There is something behind the cursor, but no ID to go on from. As the
    /// newest messages of the channel it is recorded, and asked for again by
    /// the next run; what follows a whole page of it can't be reached.
    async fn take_nameless(&mut self, pass: &Pass, page: MessagePage) -> Result<End, Failure> {
        if page.is_full {
            return Err(self.unreadable("no message of the page has a readable ID"));
        }
        self.note_nameless(pass, None, page.broken).await?;
        self.has_nameless_end |= pass.purpose == Purpose::Main;
        Ok(End::Reached)
    }

    /// Records messages without readable ID behind the cursor, up to `until`.
    async fn note_nameless(
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

    /// Nothing is there behind the cursor, and perhaps something was.
    async fn take_empty(&self, pass: &Pass, read_at: Timestamp) -> Result<(), ArchiveError> {
        if pass.until.is_some() {
            return Ok(());
        }
        let (row, after) = (self.task.row, pass.cursor);
        self.write(move |tx| missing::note_empty(tx, row, after, read_at)).await
    }

    /// A channel that isn't found while it is read may have been deleted. Its
    /// messages stay.
    async fn confirm_deletion(&self, failure: Failure) -> Result<End, Failure> {
        let is_deleted = confirm::is_deleted(self.context, self.task, &self.meter);
        match self.context.unless_stopped(is_deleted).await {
            Ok(Ok(true)) => self.close(ChannelState::Deleted).await,
            Ok(Ok(false)) => Err(failure),
            Ok(Err(unanswered)) => Err(unanswered),
            Err(stop) => Ok(End::Stopped(stop)),
        }
    }

    /// Makes sure of something before a page counts; says if the run ended first.
    async fn confirm(
        &self,
        confirmed: impl Future<Output = Result<(), Failure>>,
    ) -> Result<Option<End>, Failure> {
        match self.context.unless_stopped(confirmed).await {
            Ok(confirmed) => confirmed.map(|()| None),
            Err(stop) => Ok(Some(End::Stopped(stop))),
        }
    }

    async fn close(&self, state: ChannelState) -> Result<End, Failure> {
        let (row, now) = (self.task.row, self.context.clock.now());
        self.write(move |tx| channels::set_state(tx, row, state, now)).await?;
        Ok(End::Closed(state))
    }

    fn unreadable(&self, detail: &str) -> Failure {
        let subject = format!("messages of channel {}", self.task.plan.channel.id);
        PlatformError::new(ErrorKind::Unreadable, subject, detail).into()
    }

    async fn write<T: Send + 'static>(
        &self,
        change: impl FnMut(&mut Tx<'_>) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        self.context.writer.run(change).await
    }

    /// One transaction: the page, and the checkpoint at its end.
    async fn store(
        &mut self,
        pass: &mut Pass,
        page: MessagePage,
        read_at: Timestamp,
    ) -> Result<(), ArchiveError> {
        let (count, broken_count) = (page.messages.len() as u64, page.broken.len() as u64);
        if pass.purpose == Purpose::Reread {
            let last = page.last_id().map_or(0, MessageId::as_i64);
            self.still_broken.extend(broken::keys(&page.broken, last));
        }
        let first_sent_at = page.messages.first().map(|message| message.created_at);
        self.begin = self.begin.or(first_sent_at);
        let page = anonymize::page(page);
        let last = page.last_id;
        let batch = PageBatch {
            channel: self.task.row,
            after: pass.cursor,
            page,
            read_at,
            reactions: KeptReactions {
                mode: self.task.reactions,
                began_at: self.began_at,
                window: self.task.refresh_window,
                is_full: self.task.plan.action == Action::Full,
            },
        };
        let place = Place::of(self.task, pass.purpose, last, self.began_at);
        let (row, now) = (self.task.row, self.context.clock.now());
        let stored = self
            .write(move |tx| {
                let outcome = store_page(tx, &batch, now)?;
                place.keep(tx, row, now)?;
                Ok(outcome)
            })
            .await?;
        pass.cursor = last;
        if pass.purpose != Purpose::Reread {
            self.last_read = last;
        }
        self.messages += count;
        self.count(count, broken_count, stored);
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
            reached: self.last_read.map(|last| self.context.platform.sent_at(last)),
        });
    }

    /// How far the cursor is between where the reading began and the newest
    /// message, by time.
    fn progress(&self) -> f64 {
        let plan = &self.task.plan;
        let sent_at = |id| self.context.platform.sent_at(id);
        let begin = self.begin.unwrap_or(plan.channel.created_at);
        let end = plan.channel.last_message_at.unwrap_or(self.began_at);
        let at = self.last_read.map_or(begin, sent_at);
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
            // Whoever reaches the end has been past all that was young, but for
            // a range.
            refreshed_at: (reached && plan.action != Action::Range).then_some(self.began_at),
            messages_per_second,
            retry_count: requests.retries,
            error: failure.map(Failure::as_last_error),
            is_own_failure: failure.is_some_and(|failure| failure.is_own),
        };
        let job_end = jobs::ChannelEnd {
            status,
            messages_processed: self.messages,
            last_message_id: self.last_read,
            messages_per_second,
            requests,
            error: failure.map(|failure| failure.error.clone()),
        };
        // The newest message may be a deleted one; that it isn't there any more
        // has been seen, so it counts as read.
        let newest = plan.channel.last_message_id.filter(|_| reached && !self.has_nameless_end);
        let (row, job_id, now) = (self.task.row, Arc::clone(&self.task.job_id), self.context.clock.now());
        self.write(move |tx| {
            if let Some(newest) = newest {
                progress::advance(tx, row, newest, now)?;
            }
            progress::finish(tx, row, &end, now)?;
            jobs::finish_channel(tx, &job_id, row, &job_end, now)
        })
        .await
    }
}
