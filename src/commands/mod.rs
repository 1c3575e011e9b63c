//! A file per subcommand: the only place that builds objects and joins layers.

mod failure;
pub mod reset;
pub mod start;
pub mod status;
mod surroundings;

pub use failure::Failure;
pub use surroundings::{Color, LogFormat, Surroundings};

/// How results are written to stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Text for people.
    #[default]
    Human,
    /// JSON for scripts.
    Json,
}
