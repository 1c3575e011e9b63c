//! Results on stdout.

use std::io;

use clap::ValueEnum;

use super::{Failure, FailureKind, system};
use crate::ui::to_stdout;

/// How results are written to stdout: as text for people, or as JSON for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Human,
    Json,
}

/// Writes a result to stdout.
///
/// # Errors
/// See [`written`].
pub fn print_result(text: &str) -> Result<(), Failure> {
    written(to_stdout(text))
}

/// Whether a result reached stdout. Anyone who closed a pipe or a terminal has read
/// enough.
///
/// # Errors
/// When it was lost for another reason, such as a full disk.
pub fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe && !system::is_hung_up(&error) => {
            Err(Failure::new(FailureKind::Internal, format!("failed to write the result to stdout: {error}"))
                .hint("make room where stdout leads; what was changed stays changed"))
        }
        _ => Ok(()),
    }
}
