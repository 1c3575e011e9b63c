//! The plan of a sync, as a value.
//!
//! [`discover`] and then [`discover_archived`] gather the facts from the platform,
//! read-only. [`build`] is a pure function of the facts, the checkpoints and the
//! selection. Nothing here writes to the archive.

mod absent;
mod archived;
mod build;
mod discover;
mod exclusions;
mod expect;
mod facts;
mod left_out;
mod lookup;
mod named;
mod reread;
mod selection;
#[cfg(test)]
mod tests;
mod thread_search;
mod times;
mod unmatched;
mod value;

pub use archived::{ThreadKnowledge, discover_archived};
pub use build::{build, next_try_at};
pub use discover::discover;
pub use exclusions::Exclusions;
pub use expect::{ExpectedCost, SpeedLimits};
pub use facts::{Facts, ThreadListing};
pub use left_out::{LeftOut, LeftOutReason};
pub use named::{NamedLookups, find_named};
pub use selection::Selection;
pub use unmatched::{UnmatchedEntry, unmatched};
pub use value::{Action, BackfillPlan, ChannelPlan, Plan, PlannedChannel, Reread};
