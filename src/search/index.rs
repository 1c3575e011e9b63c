//! Searching with an index: which words a message is listed under, how an index is made and
//! kept up to date, and how a query is answered with it.
//!
//! The index only proposes candidates. Each is read from the archive and must match there, and what
//! changed after the index is read as a whole, so an answer is that of reading everything.

mod answer;
mod slices;
mod terms;
mod upkeep;

pub use answer::CurrentIndex;
pub(super) use answer::by_index;
pub use terms::format;
pub use upkeep::{Progress, build, update};
