//! Exports: the archive as files for other programs.
//!
//! One thread reads rows of the views from one state of the archive, another one writes
//! files. A file appears as a whole, by rename, and only if its content differs from what is
//! there; see `folder`.

mod batch;
mod error;
mod folder;
mod format;
mod manifest;
mod months;
mod parquet;
mod run;
mod tables;
mod text;

pub use error::ExportError;
pub use format::Format;
pub use run::{Exported, Filter, Target, run};
pub use tables::Table;
