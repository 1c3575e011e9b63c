//! The result of a command on stdout.

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
/// See [`check_output`].
pub fn print_result(text: &str) -> Result<(), Failure> {
    check_output(to_stdout(text))
}

/// Maps an error from writing to stdout to a [`Failure`]. A closed pipe or terminal is
/// no error: its reader has read enough.
///
/// # Errors
/// Returns a [`Failure`] for any other write error, such as a full disk.
pub fn check_output(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe && !system::is_closed_terminal(&error) => {
            Err(Failure::new(FailureKind::Internal, format!("cannot write the result to stdout: {error}"))
                .hint(
                    "free space where stdout is redirected to; changes already made to the archive are kept",
                ))
        }
        _ => Ok(()),
    }
}
