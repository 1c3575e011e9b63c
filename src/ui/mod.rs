//! Showing what happens while it happens: bars on a terminal, lines without
//! one, events for scripts.

mod bars;
mod channels;
mod drawing;
mod events;
mod frame;
mod keys;
mod lines;
mod log;
mod output;
mod rate;
mod screen;
mod ticker;
mod totals;
mod words;

pub use bars::Bars;
pub use events::Events;
pub use lines::{Lines, Voice};
pub use log::Log;
pub use output::{Escaping, Output, to_cleared_stdout, to_stderr, to_stdout};
