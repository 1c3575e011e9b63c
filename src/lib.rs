//! verta-sync keeps a private, queryable archive of Discord communities.
//!
//! # Layers
//!
//! Data flows one way; nothing below `report` and `ui` prints.
//!
//! ```text
//! sync.toml + env + flags ─► config ─► plan ─► platform ─► anonymize ─► archive ─► sync ─► report, ui
//! ```
//!
//! | layer | does | may import |
//! |---|---|---|
//! | [`model`] | plain data and pure rules | |
//! | [`exit_code`] | the exit codes of the process | |
//! | [`files`] | opens files by path, safely | |
//! | [`anonymize`] | scrubs texts and hashes users; the only constructor of what the archive accepts | model |
//! | [`monitor`] | events and counters, as data | model |
//! | [`config`] | `sync.toml`, environment and flags, merged and validated | model, files |
//! | [`platform`] | reads platforms within their rate limits | model, monitor |
//! | [`archive`] | the SQLite file, one writer thread | model, anonymize, files |
//! | [`plan`] | what a sync would do, as a value | model, monitor, config, platform |
//! | [`sync`] | executes a plan | model, `exit_code`, anonymize, monitor, config, platform, archive, plan |
//! | [`compare`] | compares archived messages with the platform's | model, anonymize, monitor, platform, archive |
//! | [`ui`] | shows the progress of a run | model, monitor |
//! | [`search`] | finds messages by their words | model, archive |
//! | [`export`] | writes the archive as files for other programs | model, files, archive |
//! | [`insights`] | figures about communities that say nothing about a person | model, archive, search |
//! | [`report`] | formats results as text and JSON | model, plan, search, compare, `exit_code` |
//! | [`commands`] | a file per subcommand; connects the layers | all of these |
//! | [`cli`] | parses the command line | model, config, platform, archive, commands, `exit_code` |
//!
//! # Invariants
//!
//! 1. A page of messages and the checkpoint after it commit in one transaction.
//! 2. Storing a page again changes no row.
//! 3. A raw user ID exists only between `platform` and `anonymize`.
//! 4. One thread writes. A request that waits for a limit blocks no other request.

#![warn(clippy::print_stderr, clippy::print_stdout)]

pub mod anonymize;
pub mod archive;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod config;
pub mod exit_code;
pub mod export;
pub mod files;
pub mod insights;
pub mod model;
pub mod monitor;
pub mod plan;
pub mod platform;
pub mod report;
pub mod search;
pub mod sync;
pub mod ui;
