//! Reading reactors: a pass of its own, after a tenant's messages.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;

use super::failure::Failure;
use super::guarded::guarded;
use super::tenant_scope::TenantScope;
use crate::archive::Tx;
use crate::archive::reactions::{self, DueChannel, DueReaction, Reactors};
use crate::model::{Emoji, MessageId, ReactionCount, UserId};
use crate::monitor::{Counter, Monitor as _};
use crate::platform::{ErrorKind, PageRequest, PlatformError};

/// Reactions taken from a channel's queue at once.
const TAKEN_AT_ONCE: u32 = 100;
/// A channel is left for the next run after this many consecutive failures of
/// single reactions,
const FAILURES_END: u32 = 10;
/// and after this many of the network.
const OUTAGES_END: u32 = 3;
/// All channels are left for the next run when so many were refused: the bot
/// may have been thrown out.
const REFUSALS_END: u32 = 5;

/// A list is not read on once it has so many people more than the message's count
/// says.
const MOST_UNCOUNTED: u64 = 1000;
/// Of a long list, so many people are stored at once, before its end is known.
const STORED_AT_ONCE: usize = 2000;
/// Rows of people that all lists together may hold until their ends are known: eight
/// bytes each, and twice that while a list grows.
const MOST_ROWS: usize = 1_000_000;

/// Works off the queue of channels, side by side, until it is empty. What is
/// done is committed reaction by reaction; the rest stays queued.
pub(super) async fn read_reactors(scope: &TenantScope, due: Vec<DueChannel>) -> Result<(), Failure> {
    let (mut waiting, rows) = (due.into_iter(), Arc::new(Semaphore::new(MOST_ROWS)));
    let mut reading = JoinSet::new();
    let mut refused = 0;
    while refused < REFUSALS_END {
        while reading.len() < scope.context.settings.open_channels() {
            let Some(channel) = waiting.next() else { break };
            let pass = ReactorPass { scope: scope.clone(), rows: Arc::clone(&rows), channel };
            reading.spawn(async move { guarded(pass.run()).await });
        }
        let Some(ended) = reading.join_next().await else { break };
        // A panic costs its channel.
        if let Ok(ended) = ended.unwrap_or_else(|_| Err(Failure::panicked())) {
            refused += u32::from(ended? == Settled::Refused);
        } else {
            tracing::error!("reading reactors failed unexpectedly (please report this)");
        }
    }
    Ok(())
}

/// How a reaction was dealt with.
#[derive(Debug, PartialEq, Eq)]
enum Settled {
    /// It isn't queued any more, or goes behind the others.
    Done,
    /// It failed, and stays queued behind the others.
    Failed,
    /// The platform couldn't be reached.
    Outage,
    /// It was refused, as others of its channel may be.
    Refused,
}

/// What became of a reaction.
enum Answer {
    /// Its reactors, and how many the message says there are, if it does.
    Read(Reactors, Option<u64>),
    /// It isn't there any more, or can't be asked for.
    Gone,
    /// It stays queued.
    Failed(PlatformError),
}

/// The rows that a list holds.
struct Rows<'a> {
    free: &'a Semaphore,
    held: Option<SemaphorePermit<'a>>,
}

impl<'a> Rows<'a> {
    const fn of(free: &'a Semaphore) -> Self {
        Self { free, held: None }
    }

    /// Takes room for more rows; says whether there is any.
    fn reserve(&mut self, rows: usize) -> bool {
        let more = u32::try_from(rows).ok().and_then(|rows| self.free.try_acquire_many(rows).ok());
        let is_there = more.is_some();
        match (&mut self.held, more) {
            (Some(held), Some(more)) => held.merge(more),
            (held, more) => *held = more.or(held.take()),
        }
        is_there
    }
}

/// A channel's queue being worked off.
struct ReactorPass {
    scope: TenantScope,
    /// Rows that may be held still.
    rows: Arc<Semaphore>,
    channel: DueChannel,
}

impl ReactorPass {
    fn channel_text(&self) -> String {
        self.scope.task.platform.channel_text(self.channel.id)
    }

    /// Works off those that have not failed yet, then those that have. Returns how
    /// the last reaction was dealt with.
    async fn run(&self) -> Result<Settled, Failure> {
        let (row, mut last) = (self.channel.row, None::<DueReaction>);
        let now = self.scope.context.clock.now();
        let again = move |tx: &mut Tx<'_>| reactions::due_again(tx, row, now, TAKEN_AT_ONCE);
        // Asked for before the first can fail: none is tried twice in a run.
        let again = self.scope.context.writer.run(again).await?;
        let mut failures = Failures::default();
        loop {
            let after = last.clone();
            let due = move |tx: &mut Tx<'_>| reactions::due(tx, row, after.as_ref(), TAKEN_AT_ONCE);
            let due = self.scope.context.writer.run(due).await?;
            let Some(oldest) = due.last().cloned() else { break };
            if let Some(ended) = self.settle_all(due, &mut failures).await? {
                return Ok(ended);
            }
            last = Some(oldest);
        }
        Ok(self.settle_all(again, &mut failures).await?.unwrap_or(Settled::Done))
    }

    /// Says how the pass ended, if it did.
    async fn settle_all(
        &self,
        due: Vec<DueReaction>,
        failures: &mut Failures,
    ) -> Result<Option<Settled>, Failure> {
        for reaction in due {
            if failures.are_enough() || self.scope.revoked.of(self.channel.root).is_some() {
                return Ok(Some(Settled::Failed));
            }
            match self.settle(reaction).await? {
                Settled::Refused => return Ok(Some(Settled::Refused)),
                settled => failures.add(&settled),
            }
        }
        Ok(None)
    }

    /// Reads one reaction to its end and commits it.
    async fn settle(&self, reaction: DueReaction) -> Result<Settled, Failure> {
        let (row, now) = (self.channel.row, self.scope.context.clock.now());
        match self.read(&reaction).await? {
            Answer::Read(reactors, count) => {
                let store = move |tx: &mut Tx<'_>| {
                    reactions::store_reactors(tx, row, &reaction, (&reactors, count), now)
                };
                let is_complete = self.scope.context.writer.run(store).await?;
                if !is_complete {
                    tracing::warn!(
                        channel = %self.channel_text(),
                        "a list of reactors disagrees with the count of its message"
                    );
                    return Ok(Settled::Failed);
                }
                self.scope.meter.count(Counter::ReactionsRead, 1);
                Ok(Settled::Done)
            }
            Answer::Gone => {
                self.scope.context.writer.run(move |tx| reactions::give_up(tx, row, &reaction)).await?;
                self.scope.meter.count(Counter::ReactionsRead, 1);
                Ok(Settled::Done)
            }
            Answer::Failed(error) if error.kind.ends_run() => Err(error.into()),
            Answer::Failed(error) => {
                tracing::warn!(channel = %self.channel_text(), %error, "reactors are left for the next run");
                self.scope.context.writer.run(move |tx| reactions::failed(tx, row, &reaction, now)).await?;
                Ok(match error.kind {
                    ErrorKind::Forbidden => Settled::Refused,
                    ErrorKind::Network | ErrorKind::Timeout => Settled::Outage,
                    _ => Settled::Failed,
                })
            }
        }
    }

    async fn read(&self, reaction: &DueReaction) -> Result<Answer, Failure> {
        let (mut reactors, mut rows) = (Reactors::default(), Rows::of(&self.rows));
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
                Err(error) if matches!(error.kind, ErrorKind::Gone | ErrorKind::Refused) => {
                    return Ok(Answer::Gone);
                }
                Err(error) => return Ok(Answer::Failed(error)),
            };
            let last = page.users.iter().map(|user| user.id).max();
            reactors.add(page.users, after, self.scope.task.platform.scrubber());
            // A short page is documented as no end; one that brings the count
            // is.
            let is_all = !page.is_full && reactors.count >= reaction.count;
            if is_all || last <= after {
                return Ok(self.compare(reaction, reactors).await);
            }
            after = last;
            if reactors.count > count.saturating_add(MOST_UNCOUNTED) {
                // It is longer than it can be, or many reacted meanwhile.
                match self.count_now(reaction).await {
                    Ok(now) if now.is_some_and(|now| now > count) => count = now.unwrap_or(count),
                    Ok(now) => return Ok(Answer::Read(reactors, now)),
                    Err(error) => return Ok(Answer::Failed(error)),
                }
            }
            if reactors.people.len() >= STORED_AT_ONCE {
                if !rows.reserve(reactors.people.len()) {
                    tracing::warn!(
                        channel = %self.channel_text(),
                        "a list of reactors is too long to be read whole"
                    );
                    return Ok(Answer::Read(reactors, None));
                }
                self.store_some(reaction, &mut reactors).await?;
            }
        }
    }

    /// Stores the people that were read so far, and keeps their rows.
    async fn store_some(&self, reaction: &DueReaction, reactors: &mut Reactors) -> Result<(), Failure> {
        let (row, now, reaction) = (self.channel.row, self.scope.context.clock.now(), reaction.clone());
        let people = std::mem::take(&mut reactors.people);
        let store = move |tx: &mut Tx<'_>| reactions::add_reactors(tx, row, &reaction, &people, now);
        reactors.stored.extend(self.scope.context.writer.run(store).await?);
        Ok(())
    }

    /// A list is complete if it is as long as the message's count says, as it is
    /// now where the archived one differs.
    async fn compare(&self, reaction: &DueReaction, reactors: Reactors) -> Answer {
        if reactors.count == reaction.count {
            return Answer::Read(reactors, Some(reaction.count));
        }
        match self.count_now(reaction).await {
            Ok(now) => Answer::Read(reactors, now),
            Err(error) => Answer::Failed(error),
        }
    }

    /// How many reacted by what the message says now; `None` if it doesn't come: it may
    /// be deleted, which the next page over it tells.
    async fn count_now(&self, reaction: &DueReaction) -> Result<Option<u64>, PlatformError> {
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

/// A custom emoji is known by its ID.
fn is_same_emoji(one: &Emoji, other: &Emoji) -> bool {
    match (one, other) {
        (Emoji::Custom { id, .. }, Emoji::Custom { id: other, .. }) => id == other,
        _ => one == other,
    }
}

/// Failures in a row.
#[derive(Debug, Default)]
struct Failures {
    of_reactions: u32,
    of_network: u32,
}

impl Failures {
    fn add(&mut self, settled: &Settled) {
        match settled {
            Settled::Done => *self = Self::default(),
            Settled::Outage => self.of_network += 1,
            Settled::Failed | Settled::Refused => self.of_reactions += 1,
        }
    }

    /// Whether the rest of the channel is left for the next run.
    const fn are_enough(&self) -> bool {
        self.of_reactions >= FAILURES_END || self.of_network >= OUTAGES_END
    }
}
