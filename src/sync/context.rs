//! The input and the outcome of a run.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::clock::Clock;
use super::content_check::ContentCheck;
use super::failure::Failure;
use super::stop::{StopReason, StopSignal};
use crate::anonymize::{HashScheme, Scrubber};
use crate::archive::{ArchiveError, Reader, Writer};
use crate::model::{Cause, ChannelId, JobStatus, PlatformSpec, ReactionMode, WorkspaceId};
use crate::monitor::Monitor;
use crate::plan::Selection;
use crate::platform::{PlatformAdapter, RetryPolicy};

/// Limits concurrent queries of the archive: each opens a connection, and hundreds of
/// tenants may query at once.
static READERS: Semaphore = Semaphore::const_new(2);

/// Open channels per request in flight.
const CHANNELS_PER_REQUEST: usize = 8;

/// Limits and intervals of a run.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Requests in flight at once; with 1, one channel is read at a time.
    pub max_channel_workers: usize,
    /// Channels a tenant may open before the next tenant's turn.
    pub channel_batch_size: usize,
    /// Messages per page, before the adapter's limit.
    pub page_size: u16,
    /// Retries of a page that another answer contradicts.
    pub retry: RetryPolicy,
    /// How long finished channel jobs are kept.
    pub job_retention: Duration,
    /// Interval between visibility re-checks.
    pub visibility_interval: Duration,
    /// How long the last successful re-check is relied on while re-checks fail.
    pub visibility_grace_period: Duration,
    /// Time per tenant for reading reactors.
    pub reaction_budget: Duration,
    /// Whether the platform's own search finds archived threads that were written in.
    pub server_search: bool,
}

impl Settings {
    /// Channels that may be open at once. A channel waiting for its own rate limit holds
    /// no request, so more channels are opened than requests may be in flight.
    pub(super) const fn open_channels(&self) -> usize {
        if self.max_channel_workers <= 1 { 1 } else { self.max_channel_workers * CHANNELS_PER_REQUEST }
    }
}

/// State shared by the tasks of a run.
pub struct Context {
    /// Sends transactions to the writer thread.
    pub writer: Writer,
    /// The archive's file, for reading.
    pub archive: PathBuf,
    /// Limits and intervals.
    pub settings: Settings,
    /// Receives counters and events.
    pub monitor: Arc<dyn Monitor>,
    /// The run's clock.
    pub clock: Clock,
    /// Stops the run.
    pub stop: StopSignal,
}

impl Context {
    /// Runs a query on the archive, on a blocking thread with its own read connection.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if the archive can't be read or the query panics.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Reader) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        // The semaphore is never closed; an error here would only lift the limit.
        let _permit = READERS.acquire().await.ok();
        let archive = self.archive.clone();
        let result = tokio::task::spawn_blocking(move || query(&Reader::open_beside_writer(&archive)?)).await;
        let result = result.unwrap_or_else(|_| Err(ArchiveError::unexpected("a query of the archive")));
        match result {
            // If the archive was deleted or replaced, the writer says so.
            Err(error) => self.writer.run(|_| Ok(())).await.and(Err(error)),
            read => read,
        }
    }
}

/// A platform, shared by the tenants on it.
pub struct TenantPlatform {
    /// Sends the requests.
    pub adapter: Arc<dyn PlatformAdapter>,
    /// Detects withheld content.
    pub content: ContentCheck,
    /// How users are hashed.
    pub scheme: HashScheme,
    /// The limit of the request rate, per second.
    pub requests_per_second: f64,
}

impl TenantPlatform {
    /// The platform's constants.
    pub fn spec(&self) -> &'static PlatformSpec {
        self.adapter.spec()
    }

    /// A channel's ID as the platform writes it.
    pub(super) fn channel_text(&self, channel: ChannelId) -> String {
        self.spec().channel_text(channel)
    }

    /// The scrubber with the platform's ID rules.
    pub(super) fn scrubber(&self) -> Scrubber {
        Scrubber::new(self.spec(), self.scheme)
    }
}

impl fmt::Debug for TenantPlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantPlatform").field("name", &self.spec().name).finish_non_exhaustive()
    }
}

/// A tenant to be synced in a run.
#[derive(Debug, Clone)]
pub struct TenantTask {
    /// Its configured name.
    pub name: String,
    /// Its platform.
    pub platform: Arc<TenantPlatform>,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// The selected channels and times.
    pub selection: Selection,
    /// Whether reactions are archived, and whether with their reactors.
    pub reactions: ReactionMode,
}

/// The outcome of a run.
#[derive(Debug, Clone)]
pub struct RunOutcome {
    /// The tenants' outcomes, in the order given.
    pub tenants: Vec<TenantOutcome>,
    /// Why the run stopped early, if it did.
    pub stop: Option<StopReason>,
    /// The first cause after which nothing else could succeed, even if something else
    /// stopped the run.
    pub fatal: Option<Cause>,
}

/// The outcome of a tenant's job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantOutcome {
    /// The job's status.
    pub status: JobStatus,
    /// The cause that failed the tenant as a whole.
    pub cause: Option<Cause>,
    /// Channels selected by ID that the workspace doesn't have.
    pub unknown_channels: Vec<ChannelId>,
    /// Whether anything of it was archived.
    pub archived_something: bool,
}

impl TenantOutcome {
    /// The outcome of a tenant of which nothing was archived.
    pub(super) fn failed(failure: &Failure) -> Self {
        Self {
            status: JobStatus::Failed,
            cause: Some(failure.cause),
            unknown_channels: Vec::new(),
            archived_something: false,
        }
    }
}
