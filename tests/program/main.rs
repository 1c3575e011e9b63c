//! The program as a user runs it, against a simulated Discord.
//!
//! All of these tests are one binary: linking the program, SQLite and TLS once takes less
//! time than linking them into thirty binaries. `cargo test --test program kill` runs one
//! module.

#![allow(missing_docs, clippy::missing_panics_doc, clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod changes;
mod check;
mod check_messages;
mod display;
mod evidence;
mod export;
mod export_copies;
mod export_targets;
mod fit;
mod forget;
mod forgotten_list;
mod frozen;
mod group_readers;
mod hang_ups;
#[allow(clippy::pedantic, clippy::type_complexity, reason = "a model with many small arms")]
mod histories;
mod include;
mod insights;
mod insights_talk;
mod interrupt;
mod json_documents;
mod keyed;
mod kill;
mod limits;
mod machine;
mod man;
mod memory;
mod metrics;
mod mishaps;
mod network;
mod plan;
mod privacy;
mod queries;
mod reactors;
mod reset;
mod search;
mod search_index;
mod seeds;
mod spells;
mod start;
mod status;
mod texts;
mod thread_search;
mod threads;
#[path = "../util/mod.rs"]
mod util;
mod visibility;
mod wait;
