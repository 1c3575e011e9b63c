//! What a run is given, and what it comes to.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::clock::Clock;
use super::content::ContentCheck;
use super::failure::Failure;
use super::stop::{Stop, StopSignal};
use crate::anonymize::Scrubber;
use crate::archive::{ArchiveError, ArchiveErrorKind, Reader, Writer};
use crate::model::{Cause, ChannelId, JobStatus, PlatformSpec, ReactionMode, WorkspaceId};
use crate::monitor::Monitor;
use crate::plan::Selection;
use crate::platform::{PlatformAdapter, RetryPolicy};

/// Questions to the archive that are asked at once: each has a connection of its own,
/// and hundreds of tenants may ask together.
static READERS: Semaphore = Semaphore::const_new(2);

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
    /// Visibility is re-checked this often.
    pub visibility_interval: Duration,
    /// Where re-checks fail, the last one holds this long.
    pub visibility_holds: Duration,
    /// A run's time for reading reactors.
    pub reaction_budget: Duration,
}

impl Settings {
    /// Channels that may be open at once: those that wait for their own limit
    /// hold no request, so more must be open than can be asked.
    pub(super) const fn open_channels(&self) -> usize {
        if self.max_channel_workers <= 1 { 1 } else { self.max_channel_workers * OPEN_PER_REQUEST }
    }
}

/// What the tasks of a run share.
pub struct Context {
    /// Where data goes.
    pub writer: Writer,
    /// The archive's file, for reading.
    pub archive: PathBuf,
    /// Bounds.
    pub settings: Settings,
    /// Told of everything.
    pub monitor: Arc<dyn Monitor>,
    /// The run's time.
    pub clock: Clock,
    /// Ends the run.
    pub stop: StopSignal,
}

impl Context {
    /// Asks the archive, on a thread where that may take its time.
    ///
    /// # Errors
    /// When the archive can't be read any more.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Reader) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        // A closed semaphore would let everyone in.
        let _permit = READERS.acquire().await.ok();
        let archive = self.archive.clone();
        let asked = tokio::task::spawn_blocking(move || query(&Reader::open_beside_writer(&archive)?)).await;
        asked.unwrap_or_else(|_| {
            let message = "a question to the archive failed unexpectedly (please report this)";
            Err(ArchiveError::new(ArchiveErrorKind::Other, message))
        })
    }
}

/// A platform as the tenants on it use it.
pub struct TenantPlatform {
    /// Where data comes from.
    pub adapter: Arc<dyn PlatformAdapter>,
    /// Asked when messages come without content.
    pub content: ContentCheck,
}

impl TenantPlatform {
    /// What is known of it.
    pub fn spec(&self) -> &'static PlatformSpec {
        self.adapter.spec()
    }

    /// The ID of a channel as it is written there.
    pub(super) fn channel_text(&self, channel: ChannelId) -> String {
        self.spec().channel_text(channel)
    }

    /// Takes people out by its rules.
    pub(super) fn scrubber(&self) -> Scrubber {
        Scrubber::new(self.spec())
    }
}

impl fmt::Debug for TenantPlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantPlatform").field("name", &self.spec().name).finish_non_exhaustive()
    }
}

/// What a run does for one tenant.
#[derive(Debug, Clone)]
pub struct TenantTask {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub platform: Arc<TenantPlatform>,
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
    /// The first cause after which nothing else could succeed, whatever stopped the run.
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

impl TenantOutcome {
    /// A tenant of which nothing was archived.
    pub(super) fn failed(failure: &Failure) -> Self {
        Self {
            status: JobStatus::Failed,
            cause: Some(failure.cause),
            unknown_channels: Vec::new(),
            archived_something: false,
        }
    }
}
