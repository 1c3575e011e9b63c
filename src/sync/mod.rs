//! Executes a plan: reads channels in parallel and commits each page with its checkpoint
//! in one transaction. A channel's failure doesn't affect the others.

mod catch_panic;
mod channel;
mod clock;
mod confirm;
mod content_check;
mod context;
mod estimate;
mod failure;
mod finish;
mod gap_search;
mod indexing;
mod job;
mod job_log;
mod job_progress;
mod meter;
mod open_channel;
mod pass_purpose;
mod policy;
mod prepare;
mod reactions;
mod reactor_backlog;
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
pub use content_check::ContentCheck;
pub use context::{Context, RunOutcome, Settings, TenantOutcome, TenantPlatform, TenantTask};
pub use policy::error_cause;
pub use prepare::unresolved_exclusion_error;
pub use run::run;
pub use stop::{StopReason, StopSignal};
