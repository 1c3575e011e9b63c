//! Carrying out a plan: channels in parallel, each page and its checkpoint one
//! transaction, one channel's failure its own.

mod channel;
mod clock;
mod estimate;
mod job;
mod meter;
mod policy;
mod run;
mod schedule;
mod tenant;

pub use clock::Clock;
pub use policy::cause_of;
pub use run::{Context, Outcome, Settings, Stop, TenantOutcome, TenantTask, run};
