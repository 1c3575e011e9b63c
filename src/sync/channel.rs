//! A channel in a run: its task, its progress and its outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::context::TenantPlatform;
use super::estimate::ReadProgress;
use super::failure::Failure;
use super::revoked::RevokedChannels;
use crate::archive::{ChannelRow, TenantRow};
use crate::model::{ProgressStatus, ReactionMode, Timestamp, WorkspaceId};
use crate::monitor::JobChannel;
use crate::plan::ChannelPlan;
use crate::platform::PlatformAdapter;

/// What the channel tasks of a job share.
#[derive(Debug)]
pub struct TaskScope {
    /// The job's ID.
    pub job_id: Arc<str>,
    /// ID of the job that began the full re-read which this job continues; otherwise the
    /// job's own ID.
    pub full_job_id: Arc<str>,
    /// The tenant's row.
    pub tenant: TenantRow,
    /// The tenant's workspace.
    pub workspace: WorkspaceId,
    /// Whether reactions are archived, and whether with their reactors.
    pub reactions: ReactionMode,
    /// The refresh window: messages younger than this are read again.
    pub refresh_window: Duration,
    /// Where the tenant's archive begins; `None` is the channels' beginning.
    pub since: Option<Timestamp>,
    /// The platform the channels are read from.
    pub platform: Arc<TenantPlatform>,
    /// Channels of the tenant that were revoked during the run.
    pub revoked: Arc<RevokedChannels>,
}

impl TaskScope {
    /// The page size, in messages: `wanted`, limited by the adapter.
    pub fn page_size(&self, wanted: u16) -> u16 {
        wanted.min(self.adapter().max_page())
    }

    /// The adapter that reads the channels.
    pub fn adapter(&self) -> &dyn PlatformAdapter {
        self.platform.adapter.as_ref()
    }
}

impl ChannelTask {
    /// The channel's ID as the platform writes it.
    pub fn channel_text(&self) -> String {
        self.scope.platform.channel_text(self.plan.channel.id)
    }

    /// The channel as monitor events name it.
    pub fn in_run(&self) -> JobChannel {
        JobChannel { job_id: Arc::clone(&self.scope.job_id), id: self.channel_text().into() }
    }
}

/// A channel to be read for a job. Kept small: a run may hold one per thread.
#[derive(Debug, Clone)]
pub struct ChannelTask {
    /// What it shares with the job's other channels.
    pub scope: Arc<TaskScope>,
    /// The channel's row.
    pub row: ChannelRow,
    /// The channel's scrubbed name.
    pub name: Box<str>,
    /// What is read.
    pub plan: Box<ChannelPlan>,
}

/// Progress of an open channel: the channel's task writes it, the tenant's loop reads it.
#[derive(Debug, Default)]
pub struct ReadingState {
    millionths: AtomicU32,
    messages: AtomicU64,
    reactor_lists: AtomicU64,
    wait_until: Mutex<Option<Instant>>,
    /// When the last page was committed.
    advanced_at: Mutex<Option<Instant>>,
}

impl ReadingState {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to a million")]
    pub(super) fn set(&self, progress: f64, messages: u64) {
        self.millionths.store((progress * 1_000_000.0) as u32, Ordering::Relaxed);
        self.messages.store(messages, Ordering::Relaxed);
        *self.advanced_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Time since the last page.
    fn idle(&self) -> Duration {
        let at = *self.advanced_at.lock().unwrap_or_else(PoisonError::into_inner);
        at.map_or(Duration::ZERO, |at| at.elapsed())
    }

    /// Records a wait for a rate limit or a retry.
    pub(super) fn wait(&self, wait: Duration) {
        let until = Instant::now().checked_add(wait);
        *self.wait_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// Remaining time of the last recorded wait.
    fn remaining_wait(&self) -> Duration {
        let until = *self.wait_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// Adds reactor lists that a committed page probably queued.
    pub(super) fn add_reactor_lists(&self, lists: u64) {
        self.reactor_lists.fetch_add(lists, Ordering::Relaxed);
    }

    /// Messages committed so far.
    pub(super) fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }
}

impl ChannelTask {
    /// The channel's contribution to its job's progress after being open for `open`.
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn progress(&self, state: &ReadingState, open: Duration) -> ReadProgress {
        ReadProgress {
            weight: self.plan.weight as f64,
            messages: state.messages() as f64,
            reactor_lists: state.reactor_lists.load(Ordering::Relaxed) as f64,
            progress: f64::from(state.millionths.load(Ordering::Relaxed)) / 1_000_000.0,
            open_seconds: open.as_secs_f64(),
            idle_seconds: state.idle().as_secs_f64(),
            wait_seconds: state.remaining_wait().as_secs_f64(),
        }
    }
}

/// The outcome of reading a channel.
#[derive(Debug, Clone)]
pub struct ChannelOutcome {
    /// The status its progress row gets.
    pub status: ProgressStatus,
    /// Why it failed or its end is unconfirmed, if so.
    pub failure: Option<Failure>,
    /// Seconds the channel was open.
    pub seconds: f64,
}
