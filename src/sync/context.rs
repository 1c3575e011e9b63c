//! What a run is given, and what it comes to.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Clock, ContentCheck};
use crate::archive::Writer;
use crate::model::{Cause, ChannelId, JobStatus, ReactionMode, WorkspaceId};
use crate::monitor::Monitor;
use crate::plan::Selection;
use crate::platform::{PlatformAdapter, RetryPolicy};

/// Channels open for each request in flight.
const OPEN_PER_REQUEST: usize = 8;

/// What a run may use.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Requests in flight at once; 1 reads channel after channel.
    pub max_channel_workers: usize,
    /// Channels a tenant may open before the next tenant's turn.
    pub channel_batch_size: usize,
    /// Messages asked for at once.
    pub page_size: u16,
    /// How an answer that another one contradicts is asked for again.
    pub retry: RetryPolicy,
    /// Finished channel jobs are kept this long.
    pub job_retention: Duration,
    /// What is public and readable is looked at again this often.
    pub visibility_interval: Duration,
    /// What was seen of it holds for so long.
    pub visibility_holds: Duration,
    /// How long a run reads who reacted, at most.
    pub reaction_budget: Duration,
}

impl Settings {
    /// Channels that may be open at once: those that wait for their own limit
    /// hold no request, so more must be open than can be asked.
    pub(super) const fn open_channels(&self) -> usize {
        if self.max_channel_workers <= 1 { 1 } else { self.max_channel_workers * OPEN_PER_REQUEST }
    }
}

/// Why a run ends before its work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// A signal asked for it.
    Signal,
    /// Its time is up.
    OutOfTime,
    /// Nothing else can succeed.
    Fatal,
}

/// What the tasks of a run share.
pub struct Context {
    /// Where data comes from.
    pub platform: Arc<dyn PlatformAdapter>,
    /// Where it goes.
    pub writer: Writer,
    /// The archive's file, for reading.
    pub archive: PathBuf,
    /// Bounds.
    pub settings: Settings,
    /// Told of everything.
    pub monitor: Arc<dyn Monitor>,
    /// The run's time.
    pub clock: Clock,
    /// Set to end the run.
    pub stop: watch::Sender<Option<Stop>>,
    /// Asked when messages come without content.
    pub content: ContentCheck,
}

impl Context {
    /// Waits until the run is to end.
    pub(super) async fn stopped(&self) -> Stop {
        let mut stop = self.stop.subscribe();
        loop {
            if let Some(stop) = *stop.borrow_and_update() {
                return stop;
            }
            if stop.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Does something, unless the run is to end before it is done.
    pub(super) async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Stop> {
        tokio::select! {
            biased;
            stop = self.stopped() => Err(stop),
            done = work => Ok(done),
        }
    }

    /// Waits for a signal that asks for the end.
    pub(super) async fn signalled(&self) {
        let mut stop = self.stop.subscribe();
        if stop.wait_for(|stop| *stop == Some(Stop::Signal)).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Why the run is to end, if it is.
    pub(super) fn stop_wanted(&self) -> Option<Stop> {
        *self.stop.borrow()
    }

    /// Ends the run, unless it is ending already.
    pub(super) fn end(&self, why: Stop) {
        self.stop.send_if_modified(|stop| {
            let first = stop.is_none();
            stop.get_or_insert(why);
            first
        });
    }
}

/// What a run does for one tenant.
#[derive(Debug, Clone)]
pub struct TenantTask {
    /// Its name.
    pub name: String,
    /// Its platform's name.
    pub platform: String,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// What is wanted of it.
    pub selection: Selection,
    /// How much of reactions is kept.
    pub reactions: ReactionMode,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Each tenant's end, in the order asked.
    pub tenants: Vec<TenantOutcome>,
    /// What ended it early.
    pub stop: Option<Stop>,
    /// The cause, if that was [`Stop::Fatal`].
    pub fatal: Option<Cause>,
}

/// How a tenant's part of a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantOutcome {
    /// How.
    pub status: JobStatus,
    /// What failed it as a whole.
    pub cause: Option<Cause>,
    /// Channels asked for by ID that its workspace doesn't have.
    pub unknown_channels: Vec<ChannelId>,
    /// Whether anything of it was archived.
    pub archived_something: bool,
}
