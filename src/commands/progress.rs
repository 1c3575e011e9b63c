//! The status line of commands that read the archive for some time.

use std::time::{Duration, Instant};

use super::CommandContext;
use crate::ui::to_status_line;

/// Time between two progress lines at a terminal.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// Runs something that reads rows, and shows at a terminal how many were read.
pub(super) fn with_progress<T>(
    context: &CommandContext,
    work: impl FnOnce(&mut dyn FnMut(u64)) -> T,
    line: impl Fn(u64) -> String,
) -> T {
    let (is_shown, mut last, mut was_shown) = (context.shows_bars(), Instant::now(), false);
    let result = work(&mut |read| {
        if is_shown && last.elapsed() >= PROGRESS_INTERVAL {
            to_status_line(&line(read));
            (last, was_shown) = (Instant::now(), true);
        }
    });
    if was_shown {
        to_status_line("");
    }
    result
}
