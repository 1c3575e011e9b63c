//! The status line of commands that read the archive for some time.

use std::time::{Duration, Instant};

use super::CommandContext;
use crate::ui::to_status_line;

/// Time between two progress lines at a terminal.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// The last line of the terminal, with the progress of a command; nothing if stderr is none.
pub(super) struct StatusLine {
    is_enabled: bool,
    was_shown: bool,
    shown_at: Instant,
}

impl StatusLine {
    pub(super) fn new(context: &CommandContext) -> Self {
        Self { is_enabled: context.shows_bars(), was_shown: false, shown_at: Instant::now() }
    }

    /// Shows a line, unless another one was shown just now.
    pub(super) fn show(&mut self, line: impl FnOnce() -> String) {
        if self.is_enabled && self.shown_at.elapsed() >= PROGRESS_INTERVAL {
            to_status_line(&line());
            (self.shown_at, self.was_shown) = (Instant::now(), true);
        }
    }

    /// Removes the line.
    pub(super) fn clear(self) {
        if self.was_shown {
            to_status_line("");
        }
    }
}

/// Runs something that tells now and then how far it is, and shows that at a terminal.
pub(super) fn with_progress<P, T>(
    context: &CommandContext,
    work: impl FnOnce(&mut dyn FnMut(P)) -> T,
    line: impl Fn(P) -> String,
) -> T {
    let mut status_line = StatusLine::new(context);
    let result = work(&mut |progress| status_line.show(|| line(progress)));
    status_line.clear();
    result
}
