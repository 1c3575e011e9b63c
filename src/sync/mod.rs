//! Carrying out a plan: channels in parallel, each page and its checkpoint one
//! transaction, one channel's failure its own.

mod channel;
mod clock;
mod closing;
mod closings;
mod confirm;
mod content;
mod context;
mod estimate;
mod indexing;
mod job;
mod meter;
mod open;
mod pieces;
mod policy;
mod purpose;
mod reactions;
mod reading;
mod run;
mod schedule;
mod tenant;
#[cfg(test)]
mod tests;
mod watch;

pub use clock::Clock;
pub use content::ContentCheck;
pub use context::{Context, Outcome, Settings, Stop, TenantOutcome, TenantTask};
pub use policy::cause_of;
pub use run::run;
pub use tenant::unresolved_exclusion;
