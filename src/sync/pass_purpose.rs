//! The purpose of a pass over a range of a channel, and which positions its pages move.

use std::sync::Arc;

use super::channel::ChannelTask;
use crate::archive::progress::PageProgress;
use crate::model::{Backfill, MessageId, Timestamp};
use crate::plan::{Action, BackfillPlan};

/// The purpose of a pass.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PassPurpose {
    /// Reads new and refreshed messages, and moves the checkpoint.
    Main,
    /// Reads the older part after `since` moved back, and moves the backfill's cursor.
    Backfill(BackfillPlan),
    /// Reads a range again, and moves nothing.
    Reread,
}

impl PassPurpose {
    /// The positions that a page ending at `last` moves, in a reading begun at
    /// `began_at`.
    pub fn progress(self, task: &ChannelTask, last: Option<MessageId>, began_at: Timestamp) -> PageProgress {
        let plan = &task.plan;
        match self {
            Self::Main => {}
            Self::Reread => return PageProgress::default(),
            Self::Backfill(backfill) => {
                let backfill = Some(Backfill { since: backfill.since, cursor: last });
                return PageProgress { backfill, ..PageProgress::default() };
            }
        }
        // The refresh window is covered once the old checkpoint is reached; what follows
        // is new.
        let is_refreshed = plan.action == Action::Refresh && last >= plan.read_to;
        PageProgress {
            checkpoint: last.filter(|_| plan.moves_checkpoint),
            refreshed_at: is_refreshed.then_some(began_at),
            full_cursor: (plan.action == Action::Full).then(|| (Arc::clone(&task.scope.full_job_id), last)),
            backfill: None,
        }
    }
}
