//! How far a channel has come, committed with each page.

use std::sync::Arc;

use super::channel::ChannelTask;
use crate::archive::{ArchiveError, ChannelRow, Tx, progress};
use crate::model::{Backfill, MessageId, Timestamp};
use crate::plan::{Action, BackfillPlan};

/// What a pass is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// What is new or may have changed: it moves the checkpoint.
    Main,
    /// What an earlier beginning lacks.
    Backfill(BackfillPlan),
    /// What was read before: it moves nothing.
    Reread,
}

/// The checkpoint that is committed with a page.
#[derive(Debug, Default)]
pub(super) struct Place {
    last: Option<MessageId>,
    refreshed_at: Option<Timestamp>,
    full: Option<(Arc<str>, Option<MessageId>)>,
    backfill: Option<Backfill>,
}

impl Place {
    /// What the checkpoint becomes with a page that ends at `last`.
    pub fn of(task: &ChannelTask, purpose: Purpose, last: Option<MessageId>, began_at: Timestamp) -> Self {
        let plan = &task.plan;
        match purpose {
            Purpose::Main => {}
            Purpose::Reread => return Self::default(),
            Purpose::Backfill(backfill) => {
                let backfill = Some(Backfill { since: backfill.since, cursor: last });
                return Self { backfill, ..Self::default() };
            }
        }
        // All that was young has been read again once the old checkpoint is
        // reached; what follows is new, and need not be waited for.
        let is_refreshed = plan.action == Action::Refresh && last >= plan.read_to;
        Self {
            last: last.filter(|_| plan.moves_checkpoint),
            refreshed_at: is_refreshed.then_some(began_at),
            full: (plan.action == Action::Full).then(|| (Arc::clone(&task.scope.full_job_id), last)),
            backfill: None,
        }
    }

    /// Writes it.
    pub fn keep(&self, tx: &mut Tx<'_>, row: ChannelRow, now: Timestamp) -> Result<(), ArchiveError> {
        if let Some(last) = self.last {
            progress::advance(tx, row, last, now)?;
        }
        if let Some(refreshed_at) = self.refreshed_at {
            progress::refreshed(tx, row, refreshed_at, now)?;
        }
        if let Some((job_id, last)) = &self.full {
            progress::advance_full(tx, row, job_id, *last, now)?;
        }
        if let Some(backfill) = self.backfill {
            progress::advance_backfill(tx, row, backfill, now)?;
        }
        Ok(())
    }
}
