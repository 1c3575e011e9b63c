//! A channel's part of a run: what is to be read, how far it is, how it ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::context::TenantPlatform;
use super::estimate::Part;
use super::failure::Failure;
use super::revoked::RevokedChannels;
use crate::archive::{ChannelRow, TenantRow};
use crate::model::{ProgressStatus, ReactionMode, Timestamp, WorkspaceId};
use crate::monitor::RunChannel;
use crate::plan::ChannelPlan;
use crate::platform::PlatformAdapter;

/// What the channels of a job share.
#[derive(Debug)]
pub struct TaskScope {
    /// The job.
    pub job_id: Arc<str>,
    /// The job that began the full re-read, if this is one.
    pub full_job_id: Arc<str>,
    /// Whose.
    pub tenant: TenantRow,
    /// The tenant's workspace.
    pub workspace: WorkspaceId,
    /// How much of reactions is kept.
    pub reactions: ReactionMode,
    /// History this young is read again.
    pub refresh_window: Duration,
    /// Where the tenant's archive begins.
    pub since: Option<Timestamp>,
    /// Where they are read.
    pub platform: Arc<TenantPlatform>,
    /// Which channels of the tenant were revoked meanwhile.
    pub revoked: Arc<RevokedChannels>,
}

impl TaskScope {
    /// Messages on a page, of which the run asks for at most `wanted`.
    pub fn page_size(&self, wanted: u16) -> u16 {
        wanted.min(self.adapter().max_page())
    }

    /// What reads the channels.
    pub fn adapter(&self) -> &dyn PlatformAdapter {
        self.platform.adapter.as_ref()
    }
}

impl ChannelTask {
    /// The text of the channel's ID.
    pub fn channel_text(&self) -> String {
        self.scope.platform.channel_text(self.plan.channel.id)
    }

    /// The channel as the run's events name it.
    pub fn in_run(&self) -> RunChannel {
        RunChannel { job_id: Arc::clone(&self.scope.job_id), id: self.channel_text().into() }
    }
}

/// A channel that is to be read, for a job. A run may hold as many of them as there
/// are threads.
#[derive(Debug, Clone)]
pub struct ChannelTask {
    /// What it shares with others.
    pub scope: Arc<TaskScope>,
    /// The channel's row.
    pub row: ChannelRow,
    /// Its name, scrubbed.
    pub name: Box<str>,
    /// What is done.
    pub plan: Box<ChannelPlan>,
}

/// How far the reading of a channel is, for whoever looks from outside.
#[derive(Debug, Default)]
pub struct ReadingState {
    millionths: AtomicU32,
    messages: AtomicU64,
    waits_until: Mutex<Option<Instant>>,
}

impl ReadingState {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to a million")]
    pub(super) fn set(&self, progress: f64, messages: u64) {
        self.millionths.store((progress * 1_000_000.0) as u32, Ordering::Relaxed);
        self.messages.store(messages, Ordering::Relaxed);
    }

    /// It was told to wait.
    pub(super) fn wait(&self, wait: Duration) {
        let until = Instant::now().checked_add(wait);
        *self.waits_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    fn waits(&self) -> Duration {
        let until = *self.waits_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// Messages committed.
    pub(super) fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }
}

impl ChannelTask {
    /// How far it is, as part of its job, having been open for so long.
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn part(&self, state: &ReadingState, open: Duration) -> Part {
        Part {
            weight: self.plan.weight as f64,
            messages: state.messages() as f64,
            progress: f64::from(state.millionths.load(Ordering::Relaxed)) / 1_000_000.0,
            seconds: open.as_secs_f64(),
            waits: state.waits().as_secs_f64(),
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
