//! Formats results as text for people and JSON for scripts. Pure functions: this module
//! does no I/O.

mod check;
mod ending;
mod groups;
mod hints;
mod human;
mod jobs;
mod json;
mod mark;
mod messages;
mod metrics;
mod plan;
mod search;
mod table;
mod time;

pub use check::{CheckResult, CheckStatus, check_json, check_report, privacy_json};
pub use ending::EarlyEnd;
pub use hints::{Hints, hint, platform_hint};
pub use human::{StatusOptions, status};
pub use jobs::{job_details, runs, summary};
pub use json::{
    SCHEMA, channel_error as error_json, failure as failure_json, job as job_json, overview as overview_json,
    runs as runs_json, summary as summary_json,
};
pub use messages::{ComparedTenant, comparison_json, comparison_results};
pub use metrics::{EndedRun, metrics};
pub use plan::{PlannedTenant, plan, plan_json};
pub use search::{indexing, search, search_csv, search_json};
pub use table::{Report, first_rows, terminal_safe, with_noun};
pub use time::{ago, duration, iso, utc_seconds};
