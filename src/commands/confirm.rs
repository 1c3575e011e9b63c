//! Asking before something goes for good.

use std::io;

use super::{Failure, FailureKind, Surroundings};
use crate::ui::to_stderr;

/// Asks whether to go on with `what`, unless `yes` was said before.
///
/// # Errors
/// When nobody can be asked.
pub fn confirm(what: &str, yes: bool, question: impl FnOnce() -> String) -> Result<bool, Failure> {
    if yes {
        return Ok(true);
    }
    if !Surroundings::can_ask() {
        return Err(Failure::new(FailureKind::Usage, format!("nobody can be asked to confirm {what}"))
            .hint("add --yes to go on without a question"));
    }
    to_stderr(&format!("{}\nGo on? [y/N] ", question()));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).ok();
    if !answer.ends_with('\n') {
        to_stderr("\n");
    }
    let confirmed = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if !confirmed {
        to_stderr("nothing was changed\n");
    }
    Ok(confirmed)
}
