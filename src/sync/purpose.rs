//! What a pass over a part of a channel is for, and what its pages move.

use std::sync::Arc;

use super::channel::ChannelTask;
use crate::archive::progress::PageProgress;
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

impl Purpose {
    /// What a page that ends at `last` moves, in a reading that began at `began_at`.
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
        // All that was young has been read again once the old checkpoint is
        // reached; what follows is new, and need not be waited for.
        let is_refreshed = plan.action == Action::Refresh && last >= plan.read_to;
        PageProgress {
            checkpoint: last.filter(|_| plan.moves_checkpoint),
            refreshed_at: is_refreshed.then_some(began_at),
            full: (plan.action == Action::Full).then(|| (Arc::clone(&task.scope.full_job_id), last)),
            backfill: None,
        }
    }
}
