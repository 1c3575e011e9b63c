//! Reading who reacted: a pass of its own, after a tenant's messages.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::channel::Failure;
use super::closings::Closings;
use super::context::Context;
use super::meter::Meter;
use crate::anonymize::Person;
use crate::archive::reactions::{self, DueChannel, DueReaction};
use crate::model::UserId;
use crate::monitor::{Counter, Monitor as _};
use crate::platform::{ErrorKind, PlatformAdapter, PlatformError};

/// Reactions taken from a channel's queue at once.
const TAKEN_AT_ONCE: u32 = 100;
/// A channel is left for the next run after so many failures in a row.
const FAILURES_END: u32 = 3;
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
    /// It isn't queued any more.
    Done,
    /// It stays queued.
    Failed,
    /// It stays queued, as will the others of its channel.
    Refused,
}

/// What became of a reaction.
enum End {
    /// Its users are stored.
    Read(Vec<Person>),
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
    /// Returns how the last reaction was dealt with.
    async fn run(&self) -> Result<Settled, Failure> {
        let (row, mut last, mut failures) = (self.channel.row, None::<DueReaction>, 0);
        loop {
            let after = last.clone();
            let due =
                move |tx: &mut crate::archive::Tx<'_>| reactions::due(tx, row, after.as_ref(), TAKEN_AT_ONCE);
            let due = self.context.writer.run(due).await?;
            let Some(oldest) = due.last().cloned() else { return Ok(Settled::Done) };
            for reaction in due {
                if failures >= FAILURES_END || self.closings.of(self.channel.root).is_some() {
                    return Ok(Settled::Failed);
                }
                match self.settle(reaction).await? {
                    Settled::Done => failures = 0,
                    Settled::Failed => failures += 1,
                    Settled::Refused => return Ok(Settled::Refused),
                }
            }
            last = Some(oldest);
        }
    }

    /// Reads one reaction to its end and commits it.
    async fn settle(&self, reaction: DueReaction) -> Result<Settled, Failure> {
        let (row, now) = (self.channel.row, self.context.clock.now());
        match self.read(&reaction).await {
            End::Read(people) => {
                self.context
                    .writer
                    .run(move |tx| reactions::store_reactors(tx, row, &reaction, &people, now))
                    .await?;
                self.meter.count(Counter::ReactionsRead, 1);
                Ok(Settled::Done)
            }
            End::Gone => {
                self.context.writer.run(move |tx| reactions::give_up(tx, row, &reaction)).await?;
                self.meter.count(Counter::ReactionsRead, 1);
                Ok(Settled::Done)
            }
            End::Failed(error) if error.kind.ends_run() => Err(error.into()),
            End::Failed(error) => {
                tracing::warn!(channel = %self.channel.id, %error, "who reacted is left for the next run");
                let is_refusal = error.kind == ErrorKind::Forbidden;
                Ok(if is_refusal { Settled::Refused } else { Settled::Failed })
            }
        }
    }

    async fn read(&self, reaction: &DueReaction) -> End {
        let mut people = Vec::new();
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
                Err(error) if matches!(error.kind, ErrorKind::Gone | ErrorKind::Refused) => return End::Gone,
                Err(error) => return End::Failed(error),
            };
            let last = page.users.iter().map(|user| user.id).max();
            people.extend(page.users.into_iter().map(Person::from));
            // A short page is documented as no end; one that brings the count
            // is.
            let is_all = !page.is_full && people.len() as u64 >= reaction.count;
            if is_all || last <= after {
                return End::Read(people);
            }
            after = last;
        }
    }
}
