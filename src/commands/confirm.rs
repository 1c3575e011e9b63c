//! The confirmation prompt of commands that delete data.

use std::io;

use super::{CommandContext, Failure, FailureKind};
use crate::ui::to_stderr;

/// Asks the user to confirm `what`, unless `yes` (`--yes`) is set. Returns whether the
/// user confirmed.
///
/// # Errors
/// Returns [`FailureKind::Usage`] if stdin is no terminal.
pub fn confirm(what: &str, yes: bool, question: impl FnOnce() -> String) -> Result<bool, Failure> {
    if yes {
        return Ok(true);
    }
    if !CommandContext::can_prompt() {
        return Err(Failure::new(
            FailureKind::Usage,
            format!("cannot ask for confirmation of {what}: stdin is not a terminal"),
        )
        .hint("use --yes to skip the confirmation"));
    }
    to_stderr(&format!("{}\nContinue? [y/N] ", question()));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).ok();
    if !answer.ends_with('\n') {
        to_stderr("\n");
    }
    let confirmed = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if !confirmed {
        to_stderr("aborted; nothing was changed\n");
    }
    Ok(confirmed)
}
