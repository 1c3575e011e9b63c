//! Reads reactor lists, after a tenant's messages. Works off the archive's queue; what
//! isn't read stays queued.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;

use super::catch_panic::catch_panic;
use super::failure::Failure;
use super::tenant_scope::TenantScope;
use crate::archive::Tx;
use crate::archive::reactions::{self, PendingReaction, PendingReactorChannel, Reactors};
use crate::model::{Emoji, MessageId, ReactionCount, UserId};
use crate::monitor::{Counter, Monitor as _};
use crate::platform::{ErrorKind, PageRequest, PlatformError};

/// Reactions taken from a channel's queue per query.
const QUEUE_BATCH_SIZE: u32 = 100;
/// A channel is postponed to the next run after this many failures of single reactions
/// without a success in between.
const MAX_FAILURES: u32 = 10;
/// A channel is postponed to the next run after this many network failures without a
/// success in between.
const MAX_OUTAGES: u32 = 3;
/// All channels are postponed to the next run after this many forbidden channels: the bot
/// may have been removed from the workspace.
const MAX_FORBIDDEN_CHANNELS: u32 = 5;

/// Reactors a list may have beyond the message's count before the count is checked again.
const MAX_UNCOUNTED_REACTORS: u64 = 1000;
/// Reactors of a long list that are stored per transaction, before its end is known.
const REACTOR_BATCH_SIZE: usize = 2000;
/// User rows that all unfinished lists together may hold in memory: eight bytes each, and
/// twice that while a list grows.
const MAX_HELD_ROWS: usize = 1_000_000;

/// Reads the queued reactor lists of the channels in `due`, several channels at once.
/// Each list is committed by itself.
pub(super) async fn read_reactors(
    scope: &TenantScope,
    due: Vec<PendingReactorChannel>,
) -> Result<(), Failure> {
    let (mut pending, rows) = (due.into_iter(), Arc::new(Semaphore::new(MAX_HELD_ROWS)));
    let mut reading = JoinSet::new();
    let mut forbidden_channels = 0;
    while forbidden_channels < MAX_FORBIDDEN_CHANNELS {
        while reading.len() < scope.context.settings.open_channels() {
            let Some(channel) = pending.next() else { break };
            let pass = ReactorPass { scope: scope.clone(), rows: Arc::clone(&rows), channel };
            reading.spawn(async move { catch_panic(pass.run()).await });
        }
        let Some(finished) = reading.join_next().await else { break };
        // A panic affects only its channel.
        if let Ok(outcome) = finished.unwrap_or_else(|_| Err(Failure::panicked())) {
            forbidden_channels += u32::from(outcome? == ReactionOutcome::Forbidden);
        } else {
            tracing::error!("reading reactors failed unexpectedly (this is a bug, please report it)");
        }
    }
    Ok(())
}

/// The outcome of a queued reaction, or of a channel's last one.
#[derive(Debug, PartialEq, Eq)]
enum ReactionOutcome {
    /// Its list is stored, or can't be read any more. It is dequeued, unless its archived
    /// count has changed meanwhile.
    Done,
    /// It failed and stays queued behind the others.
    Failed,
    /// The platform couldn't be reached.
    Outage,
    /// The request was forbidden, as it probably is for the channel's other reactions.
    Forbidden,
}

/// The result of reading a reactor list.
enum ReactorAnswer {
    /// The reactors, and the message's count; `None` if the count isn't known.
    Read(Reactors, Option<u64>),
    /// The reaction doesn't exist any more, or the platform refuses to list it.
    Gone,
    /// The request failed; the reaction stays queued.
    Failed(PlatformError),
}

/// The share of [`MAX_HELD_ROWS`] that a list holds.
struct HeldRows<'a> {
    free: &'a Semaphore,
    held: Option<SemaphorePermit<'a>>,
}

impl<'a> HeldRows<'a> {
    const fn of(free: &'a Semaphore) -> Self {
        Self { free, held: None }
    }

    /// Reserves `rows` more rows. Returns false if there aren't that many left.
    fn reserve(&mut self, rows: usize) -> bool {
        let more = u32::try_from(rows).ok().and_then(|rows| self.free.try_acquire_many(rows).ok());
        let is_reserved = more.is_some();
        match (&mut self.held, more) {
            (Some(held), Some(more)) => held.merge(more),
            (held, more) => *held = more.or(held.take()),
        }
        is_reserved
    }
}

/// The reading of one channel's queue.
struct ReactorPass {
    scope: TenantScope,
    /// Row permits left, shared by all channels.
    rows: Arc<Semaphore>,
    channel: PendingReactorChannel,
}

impl ReactorPass {
    fn channel_text(&self) -> String {
        self.scope.task.platform.channel_text(self.channel.id)
    }

    /// Reads the reactions that never failed, then those that failed before. Returns
    /// [`ReactionOutcome::Done`], or why the channel is left early.
    async fn run(&self) -> Result<ReactionOutcome, Failure> {
        self.scope.backlog.open(self.channel.id);
        let outcome = self.read_queue().await;
        self.scope.backlog.close(self.channel.id);
        outcome
    }

    async fn read_queue(&self) -> Result<ReactionOutcome, Failure> {
        let (row, mut last) = (self.channel.row, None::<PendingReaction>);
        let now = self.scope.context.clock.now();
        let retries = move |tx: &mut Tx<'_>| reactions::pending_retries(tx, row, now, QUEUE_BATCH_SIZE);
        // Queried before any can fail, so that none is tried twice in a run.
        let retries = self.scope.context.writer.run(retries).await?;
        let mut failures = FailureTally::default();
        loop {
            let after = last.clone();
            let due = move |tx: &mut Tx<'_>| reactions::pending(tx, row, after.as_ref(), QUEUE_BATCH_SIZE);
            let due = self.scope.context.writer.run(due).await?;
            let Some(oldest) = due.last().cloned() else { break };
            if let Some(outcome) = self.read_all(due, &mut failures).await? {
                return Ok(outcome);
            }
            last = Some(oldest);
        }
        Ok(self.read_all(retries, &mut failures).await?.unwrap_or(ReactionOutcome::Done))
    }

    /// Reads a batch of reactions. `Some` if the rest of the channel is postponed to the
    /// next run.
    async fn read_all(
        &self,
        due: Vec<PendingReaction>,
        failures: &mut FailureTally,
    ) -> Result<Option<ReactionOutcome>, Failure> {
        for reaction in due {
            if failures.is_limit_reached() || self.scope.revoked.of(self.channel.root).is_some() {
                return Ok(Some(ReactionOutcome::Failed));
            }
            match self.read_and_store(reaction).await? {
                ReactionOutcome::Forbidden => return Ok(Some(ReactionOutcome::Forbidden)),
                outcome => failures.add(&outcome),
            }
        }
        Ok(None)
    }

    /// Reads one reactor list and commits the outcome.
    async fn read_and_store(&self, reaction: PendingReaction) -> Result<ReactionOutcome, Failure> {
        let (row, now) = (self.channel.row, self.scope.context.clock.now());
        match self.read(&reaction).await? {
            ReactorAnswer::Read(reactors, count) => {
                let store = move |tx: &mut Tx<'_>| {
                    reactions::store_reactors(tx, row, &reaction, (&reactors, count), now)
                };
                let is_complete = self.scope.context.writer.run(store).await?;
                if !is_complete {
                    tracing::warn!(
                        channel = %self.channel_text(),
                        "a reactor list contradicts the reaction count of its message"
                    );
                    return Ok(ReactionOutcome::Failed);
                }
                self.list_read();
                Ok(ReactionOutcome::Done)
            }
            ReactorAnswer::Gone => {
                self.scope
                    .context
                    .writer
                    .run(move |tx| reactions::dequeue_unreadable(tx, row, &reaction))
                    .await?;
                self.list_read();
                Ok(ReactionOutcome::Done)
            }
            ReactorAnswer::Failed(error) if error.kind.ends_run() => Err(error.into()),
            ReactorAnswer::Failed(error) => {
                tracing::warn!(channel = %self.channel_text(), %error, "cannot read reactors; the next run retries");
                self.scope
                    .context
                    .writer
                    .run(move |tx| reactions::record_failure(tx, row, &reaction, now))
                    .await?;
                Ok(match error.kind {
                    ErrorKind::Forbidden => ReactionOutcome::Forbidden,
                    ErrorKind::Network | ErrorKind::Timeout => ReactionOutcome::Outage,
                    _ => ReactionOutcome::Failed,
                })
            }
        }
    }

    fn list_read(&self) {
        self.scope.meter.count(Counter::ReactorListsRead, 1);
        self.scope.backlog.read_one(self.channel.id);
    }

    /// Reads one reactor list page by page.
    async fn read(&self, reaction: &PendingReaction) -> Result<ReactorAnswer, Failure> {
        let (mut reactors, mut rows) = (Reactors::default(), HeldRows::of(&self.rows));
        let (mut after, mut count) = (None::<UserId>, reaction.count);
        loop {
            let message = (self.channel.id, reaction.message_id);
            let page = self.scope.adapter().reactors(
                message,
                &reaction.emoji,
                reaction.burst,
                after,
                self.scope.meter.as_ref(),
            );
            let page = match page.await {
                Ok(page) => page,
                Err(error) if matches!(error.kind, ErrorKind::MessageGone | ErrorKind::Rejected) => {
                    return Ok(ReactorAnswer::Gone);
                }
                Err(error) => return Ok(ReactorAnswer::Failed(error)),
            };
            let last = page.users.iter().map(|user| user.id).max();
            reactors.add(page.users, after, self.scope.task.platform.scrubber());
            // By the documentation, a short page doesn't mean the end of the list; it
            // does once the count is reached.
            let is_complete = !page.is_full && reactors.count >= reaction.count;
            if is_complete || last <= after {
                return Ok(self.compare(reaction, reactors).await);
            }
            after = last;
            if reactors.count > count.saturating_add(MAX_UNCOUNTED_REACTORS) {
                // The list is too long, or many people reacted meanwhile: check the
                // count.
                match self.count_now(reaction).await {
                    Ok(now) if now.is_some_and(|now| now > count) => count = now.unwrap_or(count),
                    Ok(now) => return Ok(ReactorAnswer::Read(reactors, now)),
                    Err(error) => return Ok(ReactorAnswer::Failed(error)),
                }
            }
            if reactors.unstored.len() >= REACTOR_BATCH_SIZE {
                if !rows.reserve(reactors.unstored.len()) {
                    tracing::warn!(
                        channel = %self.channel_text(),
                        "a reactor list is too long to be read completely"
                    );
                    return Ok(ReactorAnswer::Read(reactors, None));
                }
                self.store_batch(reaction, &mut reactors).await?;
            }
        }
    }

    /// Stores the reactors read so far, and keeps their rows.
    async fn store_batch(&self, reaction: &PendingReaction, reactors: &mut Reactors) -> Result<(), Failure> {
        let (row, now, reaction) = (self.channel.row, self.scope.context.clock.now(), reaction.clone());
        let people = std::mem::take(&mut reactors.unstored);
        let store = move |tx: &mut Tx<'_>| reactions::add_reactors(tx, row, &reaction, &people, now);
        reactors.stored_rows.extend(self.scope.context.writer.run(store).await?);
        Ok(())
    }

    /// Compares the list's length with the archived count. If they differ, the message's
    /// current count is requested.
    async fn compare(&self, reaction: &PendingReaction, reactors: Reactors) -> ReactorAnswer {
        if reactors.count == reaction.count {
            return ReactorAnswer::Read(reactors, Some(reaction.count));
        }
        match self.count_now(reaction).await {
            Ok(now) => ReactorAnswer::Read(reactors, now),
            Err(error) => ReactorAnswer::Failed(error),
        }
    }

    /// The reaction's current count; `None` if the message doesn't come. It may be
    /// deleted, which the next reading of its page finds out.
    async fn count_now(&self, reaction: &PendingReaction) -> Result<Option<u64>, PlatformError> {
        let before = MessageId::new(reaction.message_id.get() - 1);
        let request = PageRequest::after(self.channel.id, before, 1);
        let page = self.scope.adapter().messages(&request, self.scope.meter.as_ref()).await?;
        let mut messages = page.messages.iter();
        let Some(message) = messages.find(|message| message.id == reaction.message_id) else {
            return Ok(None);
        };
        let is_same = |count: &&ReactionCount| {
            count.burst == reaction.burst && is_same_emoji(&count.emoji, &reaction.emoji)
        };
        Ok(Some(message.reactions.iter().find(is_same).map_or(0, |count| count.count)))
    }
}

/// Whether two emojis are the same: custom ones are identified by their ID.
fn is_same_emoji(one: &Emoji, other: &Emoji) -> bool {
    match (one, other) {
        (Emoji::Custom { id, .. }, Emoji::Custom { id: other, .. }) => id == other,
        _ => one == other,
    }
}

/// Failures of a channel's reactions since the last success.
#[derive(Debug, Default)]
struct FailureTally {
    failures: u32,
    outages: u32,
}

impl FailureTally {
    fn add(&mut self, outcome: &ReactionOutcome) {
        match outcome {
            ReactionOutcome::Done => *self = Self::default(),
            ReactionOutcome::Outage => self.outages += 1,
            ReactionOutcome::Failed | ReactionOutcome::Forbidden => self.failures += 1,
        }
    }

    /// Whether the rest of the channel is postponed to the next run.
    const fn is_limit_reached(&self) -> bool {
        self.failures >= MAX_FAILURES || self.outages >= MAX_OUTAGES
    }
}
