//! One file per subcommand, with its arguments and its `run` function. The only layer
//! that reads the process's environment and connects the other layers.

pub(crate) mod check;
mod command_context;
pub(crate) mod completions;
mod confirm;
mod connect;
mod excluded;
pub(crate) mod export;
mod export_record;
mod failure;
mod foreign_tables;
pub(crate) mod forget;
pub(crate) mod hash;
pub(crate) mod insights;
pub(crate) mod man;
mod migrate;
mod outcome;
mod output;
pub mod panics;
pub(crate) mod plan;
pub mod process;
mod progress;
pub(crate) mod rekey;
pub(crate) mod reset;
pub(crate) mod search;
mod search_index;
pub(crate) mod start;
pub(crate) mod status;
mod stop_flag;
mod system;
pub(crate) mod values;

pub(crate) use command_context::{CommandContext, GlobalArgs};
pub use failure::Failure;
pub(crate) use outcome::{FailureKind, Outcome};
use output::Format;
pub(crate) use output::{check_output, print_result};
