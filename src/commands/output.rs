//! The result of a command on stdout.

use std::io;

use clap::ValueEnum;

use super::{Failure, FailureKind, system};
use crate::report::Report;
use crate::ui::{to_colored_stdout, to_stdout};

/// How results are written to stdout: as text for people, or as JSON for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Human,
    Json,
}

/// A result that can be written to stdout: a report, or text as it is.
pub trait Printable {
    /// Writes it to stdout.
    ///
    /// # Errors
    /// Returns the error of writing.
    fn print(&self) -> io::Result<()>;
}

impl Printable for Report {
    fn print(&self) -> io::Result<()> {
        let text = self.fitted(system::terminal_columns());
        match self {
            Self::ForPeople(_) => to_colored_stdout(&text),
            Self::ForPrograms(_) => to_stdout(&text),
        }
    }
}

impl Printable for str {
    fn print(&self) -> io::Result<()> {
        to_stdout(self)
    }
}

impl Printable for String {
    fn print(&self) -> io::Result<()> {
        to_stdout(self)
    }
}

/// Writes a result to stdout.
///
/// # Errors
/// See [`check_output`].
pub fn print_result(result: &(impl Printable + ?Sized)) -> Result<(), Failure> {
    check_output(result.print())
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
