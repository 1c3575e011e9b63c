//! Text and JSON for people and scripts, made of what happened. Nothing here
//! reads or writes anything.

mod check;
mod hints;
mod human;
mod json;
mod plan;
mod table;
mod time;

pub use check::{Finding, Mark, findings};
pub use hints::{Hints, hint, platform_hint};
pub use human::{Heading, job_details, status, summary};
pub use json::{
    channel_error as error_json, failure as failure_json, job as job_json, overview as overview_json,
    summary as summary_json,
};
pub use plan::{PlannedTenant, plan, plan_json};
pub use table::{counted, first_rows, shown};
pub use time::{ago, clock, duration, iso};
