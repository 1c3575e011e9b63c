//! What a sync would do, as a value.
//!
//! [`discover`] and then [`discover_archived`] ask the platform, read-only;
//! [`build`] is a pure function of
//! what it found, of the checkpoints and of what the user selected.

mod absent;
mod build;
mod discover;
mod expect;
mod reread;
mod selection;
#[cfg(test)]
mod tests;
mod times;

pub use build::{Action, BackfillPlan, ChannelPlan, LeftOut, LeftOutReason, Plan, build, dead_until};
pub use discover::{Facts, ThreadListing, discover, discover_archived};
pub use expect::{Bounds, Expected};
pub use reread::Reread;
pub use selection::Selection;
