//! State shared by everything that is done for one tenant in a run.

use std::sync::Arc;

use super::context::{Context, TenantTask};
use super::meter::Meter;
use super::reactor_backlog::ReactorBacklog;
use super::revoked::RevokedChannels;
use crate::archive::TenantRow;
use crate::monitor::Monitor;
use crate::platform::PlatformAdapter;

/// A tenant in a run. Cheap to clone.
#[derive(Clone)]
pub(super) struct TenantScope {
    /// The run.
    pub context: Arc<Context>,
    /// The tenant's task.
    pub task: Arc<TenantTask>,
    /// Its row in the archive.
    pub row: TenantRow,
    /// The job's ID.
    pub job_id: Arc<str>,
    /// The job's counters.
    pub meter: Arc<Meter>,
    /// The reactor lists that the job still has to read.
    pub backlog: Arc<ReactorBacklog>,
    /// The tenant's channels that were revoked during the run.
    pub revoked: Arc<RevokedChannels>,
}

impl TenantScope {
    /// The adapter of the tenant's platform.
    pub fn adapter(&self) -> &Arc<dyn PlatformAdapter> {
        &self.task.platform.adapter
    }

    /// [`Self::meter`] as a [`Monitor`].
    pub fn monitor(&self) -> Arc<dyn Monitor> {
        Arc::clone(&self.meter) as Arc<dyn Monitor>
    }
}
