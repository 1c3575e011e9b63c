//! What everything that is done for a tenant in a run shares.

use std::sync::Arc;

use super::context::{Context, TenantTask};
use super::meter::Meter;
use super::revoked::RevokedChannels;
use crate::archive::TenantRow;
use crate::monitor::Monitor;
use crate::platform::PlatformAdapter;

/// A tenant in a run. Cheap to clone.
#[derive(Clone)]
pub(super) struct TenantScope {
    /// The run.
    pub context: Arc<Context>,
    /// What is done for the tenant.
    pub task: Arc<TenantTask>,
    /// Its row in the archive.
    pub row: TenantRow,
    /// Its job.
    pub job_id: Arc<str>,
    /// Counts what it causes.
    pub meter: Arc<Meter>,
    /// Channels of it that were revoked during the run.
    pub revoked: Arc<RevokedChannels>,
}

impl TenantScope {
    /// Where data comes from.
    pub fn adapter(&self) -> &Arc<dyn PlatformAdapter> {
        &self.task.platform.adapter
    }

    /// [`Self::meter`] for whoever only counts.
    pub fn monitor(&self) -> Arc<dyn Monitor> {
        Arc::clone(&self.meter) as Arc<dyn Monitor>
    }
}
