//! Exports: the archive as files for other programs.
//!
//! One thread reads rows of the views from one state of the archive, another one writes
//! files. A file appears as a whole, by rename, and only if its content differs from what is
//! there; see `folder`.

mod batch;
mod dce;
mod error;
mod folder;
mod format;
mod manifest;
mod months;
mod parquet;
mod request;
mod rows;
mod run;
mod sqlite;
mod stale;
mod tables;
mod target;
mod text;

pub use dce::run as run_dce;
pub use error::ExportError;
pub use format::{Format, TableFormat};
pub use request::{ALL, ExportState, Exported, Filter, Memory, OnProgress, Progress, Request};
pub use run::{Target, run};
pub use sqlite::CopyTarget;
pub use tables::Table;
pub use target::check_name;
