//! Live output of a run: bars on a terminal, progress lines without one, JSON events
//! for scripts, and log lines. Also writes the results of commands to stdout.

mod bars;
mod channels;
mod drawing;
mod durations;
mod events;
mod frame;
mod lines;
mod log;
mod output;
mod rate;
mod screen;
mod terminal;
mod ticker;
mod totals;

pub use bars::Bars;
pub use events::Events;
pub use lines::{Lines, MessageSink};
pub use log::Log;
pub use output::{
    Escaping, Output, set_colors, to_cleared_stdout, to_colored_stderr, to_colored_stdout, to_status_line,
    to_stderr, to_stdout, to_stdout_for_programs,
};
