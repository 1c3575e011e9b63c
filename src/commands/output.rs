//! The result of a command on stdout.

use std::borrow::Cow;
use std::io;

use clap::ValueEnum;

use super::{Failure, FailureKind, system};
use crate::report::Report;
use crate::ui::to_stdout;

/// How results are written to stdout: as text for people, or as JSON for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Human,
    Json,
}

/// A result that can be written to stdout: a report, or text as it is.
pub trait Printable {
    /// The text as a terminal of this width shows it.
    fn fitted(&self, columns: Option<usize>) -> Cow<'_, str>;
}

impl Printable for Report {
    fn fitted(&self, columns: Option<usize>) -> Cow<'_, str> {
        Self::fitted(self, columns)
    }
}

impl Printable for str {
    fn fitted(&self, _: Option<usize>) -> Cow<'_, str> {
        self.into()
    }
}

impl Printable for String {
    fn fitted(&self, _: Option<usize>) -> Cow<'_, str> {
        self.into()
    }
}

/// Writes a result to stdout.
///
/// # Errors
/// See [`check_output`].
pub fn print_result(result: &(impl Printable + ?Sized)) -> Result<(), Failure> {
    check_output(to_stdout(&result.fitted(system::terminal_columns())))
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
