//! A file per subcommand: the only place that builds objects and joins layers.

pub mod check;
mod confirm;
mod connect;
mod end;
mod failure;
pub mod forget;
mod migrate;
pub mod panics;
pub mod plan;
pub mod process;
pub mod reset;
pub mod start;
pub mod status;
mod surroundings;
mod system;
mod wait;

use std::io;
use std::time::Duration;

pub use failure::Failure;
pub use surroundings::{Color, LogFormat, Surroundings};

use crate::exit_code::ExitCode;
use crate::ui::to_stdout;

/// How long queries of a command that only looks may take, far longer than they
/// should.
const READING_TIME: Duration = Duration::from_secs(30);

/// How results are written to stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Text for people.
    #[default]
    Human,
    /// JSON for scripts.
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
            Err(Failure::new(ExitCode::Failure, format!("failed to write the result to stdout: {error}"))
                .hint("make room where stdout leads; what was changed stays changed"))
        }
        _ => Ok(()),
    }
}
