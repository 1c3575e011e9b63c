//! verta-sync keeps a private, queryable archive of Discord communities.
//!
//! # The map
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
//! | [`exit_code`] | how the process ends | |
//! | [`files`] | opens files by path, and none that is not what it should be | |
//! | [`anonymize`] | takes the people out; the only maker of what the archive accepts | model |
//! | [`monitor`] | what happened, as data | model |
//! | [`config`] | the file, the environment, the flags: resolved and checked | model, files |
//! | [`platform`] | reads platforms under their limits | model, monitor |
//! | [`archive`] | one SQLite file, one writer | model, anonymize, files |
//! | [`plan`] | what a sync would do, as a value | model, monitor, config, platform |
//! | [`sync`] | carries a plan out | model, `exit_code`, anonymize, monitor, config, platform, archive, plan |
//! | [`ui`] | shows what happens while it happens | model, monitor |
//! | [`report`] | text and JSON about what happened | model, plan, `exit_code` |
//! | [`commands`] | a file per subcommand; joins the layers | all of these |
//! | [`cli`] | the command line | model, config, platform, archive, commands, `exit_code` |
//!
//! # What always holds
//!
//! 1. A page of messages and the checkpoint at its end are one transaction.
//! 2. Storing a page again changes nothing.
//! 3. A raw user ID exists only between `platform` and `anonymize`.
//! 4. One thread writes; whoever waits for a limit holds nobody up.

#![warn(clippy::print_stderr, clippy::print_stdout)]

pub mod anonymize;
pub mod archive;
pub mod cli;
pub mod commands;
pub mod config;
pub mod exit_code;
pub mod files;
pub mod model;
pub mod monitor;
pub mod plan;
pub mod platform;
pub mod report;
pub mod sync;
pub mod ui;
