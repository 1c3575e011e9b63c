//! Reading who reacted: a pass of its own, after a tenant's messages.

use std::sync::Arc;

use hashbrown::HashSet;
use tokio::task::JoinSet;

use super::channel::Failure;
use super::closings::Closings;
use super::context::Context;
use super::meter::Meter;
use crate::anonymize::Person;
use crate::archive::Tx;
use crate::archive::reactions::{self, DueChannel, DueReaction, Reactors};
use crate::model::{Emoji, MessageId, ReactionCount, UserId};
use crate::monitor::{Counter, Monitor as _};
use crate::platform::{ErrorKind, PageRequest, PlatformAdapter, PlatformError};

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

/// Works off the queue of channels, side by side, until it is empty. What is
/// done is committed reaction by reaction; the rest stays queued.
pub async fn read_reactors<P: PlatformAdapter>(
    context: &Arc<Context<P>>,
    due: Vec<DueChannel>,
    closings: &Arc<Closings>,
    meter: &Arc<Meter>,
) -> Result<(), Failure> {
    let mut waiting = due.into_iter();
    let mut reading = JoinSet::new();
    let mut refused = 0;
    while refused < REFUSALS_END {
        while reading.len() < context.settings.open_channels() {
            let Some(channel) = waiting.next() else { break };
            let pass = Pass {
                context: Arc::clone(context),
                channel,
                closings: Arc::clone(closings),
                meter: Arc::clone(meter),
            };
            reading.spawn(async move { pass.run().await });
        }
        match reading.join_next().await {
            None => break,
            Some(Ok(ended)) => refused += u32::from(ended? == Settled::Refused),
            // What a panic says may hold what was read.
            Some(Err(_)) => tracing::error!("reading who reacted failed unexpectedly (please report this)"),
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
    /// Its reactors, all of them or some.
    Read(Reactors),
    /// It isn't there any more, or can't be asked for.
    Gone,
    /// It stays queued.
    Failed(PlatformError),
}

/// A channel's queue being worked off.
struct Pass<P> {
    context: Arc<Context<P>>,
    channel: DueChannel,
    closings: Arc<Closings>,
    meter: Arc<Meter>,
}

impl<P: PlatformAdapter> Pass<P> {
    /// Works off those that have not failed yet, then those that have. Returns how
    /// the last reaction was dealt with.
    async fn run(&self) -> Result<Settled, Failure> {
        let (row, mut last) = (self.channel.row, None::<DueReaction>);
        let now = self.context.clock.now();
        let again = move |tx: &mut Tx<'_>| reactions::due_again(tx, row, now, TAKEN_AT_ONCE);
        // Asked for before the first can fail: none is tried twice in a run.
        let again = self.context.writer.run(again).await?;
        let mut failures = Failures::default();
        loop {
            let after = last.clone();
            let due = move |tx: &mut Tx<'_>| reactions::due(tx, row, after.as_ref(), TAKEN_AT_ONCE);
            let due = self.context.writer.run(due).await?;
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
            if failures.are_enough() || self.closings.of(self.channel.root).is_some() {
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
        let (row, now) = (self.channel.row, self.context.clock.now());
        match self.read(&reaction).await {
            Answer::Read(reactors) => {
                let is_complete = matches!(reactors, Reactors::Complete(_));
                self.context
                    .writer
                    .run(move |tx| reactions::store_reactors(tx, row, &reaction, &reactors, now))
                    .await?;
                if !is_complete {
                    tracing::warn!(channel = %self.channel.id, "a list of reactors disagrees with the count of its message");
                    return Ok(Settled::Failed);
                }
                self.meter.count(Counter::ReactionsRead, 1);
                Ok(Settled::Done)
            }
            Answer::Gone => {
                self.context.writer.run(move |tx| reactions::give_up(tx, row, &reaction)).await?;
                self.meter.count(Counter::ReactionsRead, 1);
                Ok(Settled::Done)
            }
            Answer::Failed(error) if error.kind.ends_run() => Err(error.into()),
            Answer::Failed(error) => {
                tracing::warn!(channel = %self.channel.id, %error, "reactors are left for the next run");
                self.context.writer.run(move |tx| reactions::failed(tx, row, &reaction, now)).await?;
                Ok(match error.kind {
                    ErrorKind::Forbidden => Settled::Refused,
                    ErrorKind::Network | ErrorKind::Timeout => Settled::Outage,
                    _ => Settled::Failed,
                })
            }
        }
    }

    async fn read(&self, reaction: &DueReaction) -> Answer {
        let (mut people, mut seen) = (Vec::new(), HashSet::new());
        let mut after: Option<UserId> = None;
        loop {
            let message = (self.channel.id, reaction.message_id);
            let page = self.context.platform.reactors(
                message,
                &reaction.emoji,
                reaction.burst,
                after,
                self.meter.as_ref(),
            );
            let page = match page.await {
                Ok(page) => page,
                Err(error) if matches!(error.kind, ErrorKind::Gone | ErrorKind::Refused) => {
                    return Answer::Gone;
                }
                Err(error) => return Answer::Failed(error),
            };
            let last = page.users.iter().map(|user| user.id).max();
            let new = page.users.into_iter().filter(|user| seen.insert(user.id));
            people.extend(new.map(Person::from));
            // A short page is documented as no end; one that brings the count
            // is.
            let is_all = !page.is_full && people.len() as u64 >= reaction.count;
            if is_all || last <= after {
                return self.compare(reaction, people).await;
            }
            after = last;
        }
    }

    /// A list is complete if it is as long as the message's count says, as it is
    /// now where the archived one differs.
    async fn compare(&self, reaction: &DueReaction, people: Vec<Person>) -> Answer {
        if people.len() as u64 == reaction.count {
            return Answer::Read(Reactors::of(people, reaction.count));
        }
        let before = MessageId::new(reaction.message_id.get() - 1);
        let request = PageRequest::after(self.channel.id, before, 1);
        match self.context.platform.messages(&request, self.meter.as_ref()).await {
            Ok(page) => {
                let mut messages = page.messages.iter();
                let Some(message) = messages.find(|message| message.id == reaction.message_id) else {
                    // It may be deleted: the next page over it tells.
                    return Answer::Read(Reactors::Partial(people));
                };
                let is_same = |count: &&ReactionCount| {
                    count.burst == reaction.burst && is_same_emoji(&count.emoji, &reaction.emoji)
                };
                let now = message.reactions.iter().find(is_same).map_or(0, |count| count.count);
                Answer::Read(Reactors::of(people, now))
            }
            Err(error) => Answer::Failed(error),
        }
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
