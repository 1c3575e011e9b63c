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
pub use lines::{Lines, Voice, to_stderr};
pub use log::Log;
pub use output::{Output, to_stdout};
