//! Showing what happens while it happens: bars on a terminal, lines without
//! one, events for scripts.

mod bars;
mod events;
mod keys;
mod lines;
mod log;
mod totals;

pub use bars::Bars;
pub use events::Events;
pub use lines::Lines;
pub use log::Log;
