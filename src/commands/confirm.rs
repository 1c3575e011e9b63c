//! Asking before something goes for good.

use std::io::{self, Write as _};

use super::{Failure, Surroundings};
use crate::exit_code::ExitCode;

/// Asks whether to go on with `what`, unless `yes` was said before.
///
/// # Errors
/// When nobody can be asked.
pub fn confirm(what: &str, yes: bool, question: impl FnOnce() -> String) -> Result<bool, Failure> {
    if yes {
        return Ok(true);
    }
    if !Surroundings::can_ask() {
        return Err(Failure::new(ExitCode::Usage, format!("nobody can be asked to confirm {what}"))
            .hint("add --yes to go on without a question"));
    }
    write!(io::stderr(), "{}\nGo on? [y/N] ", question()).ok();
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).ok();
    if !answer.ends_with('\n') {
        writeln!(io::stderr()).ok();
    }
    let confirmed = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if !confirmed {
        writeln!(io::stderr(), "nothing was changed").ok();
    }
    Ok(confirmed)
}
