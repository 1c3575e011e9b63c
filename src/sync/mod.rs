//! Executes a plan: reads channels in parallel and commits each page with its checkpoint
//! in one transaction. A channel's failure doesn't affect the others.

mod channel;
mod clock;
mod confirm;
mod content;
mod context;
mod estimate;
mod failure;
mod finish;
mod guarded;
mod indexing;
mod job;
mod job_log;
mod job_progress;
mod meter;
mod open_channel;
mod pieces;
mod policy;
mod prepare;
mod purpose;
mod reactions;
mod reading;
mod revoked;
mod run;
mod schedule;
mod slots;
mod stop;
mod tenant_run;
mod tenant_scope;
#[cfg(test)]
mod tests;
mod visibility;

pub use clock::Clock;
pub use content::ContentCheck;
pub use context::{Context, Outcome, Settings, TenantOutcome, TenantPlatform, TenantTask};
pub use policy::cause_of;
pub use prepare::unresolved_exclusion;
pub use run::run;
pub use stop::{Stop, StopSignal};
