//! What a sync would do, as a value.
//!
//! [`discover`] and then [`discover_archived`] ask the platform, read-only;
//! [`build`] is a pure function of
//! what it found, of the checkpoints and of what the user selected.

mod absent;
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
mod times;
mod unmatched;
mod value;

pub use build::{build, dead_until};
pub use discover::{discover, discover_archived};
pub use exclusions::Exclusions;
pub use expect::{Bounds, Expected};
pub use facts::{Facts, ThreadListing};
pub use left_out::{LeftOut, LeftOutReason};
pub use named::{Asked, find_named};
pub use selection::Selection;
pub use unmatched::{Unmatched, unmatched};
pub use value::{Action, BackfillPlan, ChannelPlan, Plan, PlannedChannel, Reread};
