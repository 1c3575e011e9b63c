//! The status line of commands that read the archive for some time.

use std::time::{Duration, Instant};

use super::CommandContext;
use crate::ui::to_status_line;

/// Time between two progress lines at a terminal.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// Runs something that tells now and then how far it is, and shows that at a terminal.
pub(super) fn with_progress<P, T>(
    context: &CommandContext,
    work: impl FnOnce(&mut dyn FnMut(P)) -> T,
    line: impl Fn(P) -> String,
) -> T {
    let (is_shown, mut last, mut was_shown) = (context.shows_bars(), Instant::now(), false);
    let result = work(&mut |progress| {
        if is_shown && last.elapsed() >= PROGRESS_INTERVAL {
            to_status_line(&line(progress));
            (last, was_shown) = (Instant::now(), true);
        }
    });
    if was_shown {
        to_status_line("");
    }
    result
}
