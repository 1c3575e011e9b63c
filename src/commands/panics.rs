//! A panic is a fault of this program. What it says may hold what was being
//! read: a message's text, somebody's ID. So only its place is told.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, set_hook};

use super::{Failure, FailureKind};
use crate::exit_code::ExitCode;

/// From now on a panic of any thread is told by its place, with a backtrace if
/// `RUST_BACKTRACE` asks for one.
pub fn say_only_where() {
    set_hook(Box::new(|panic| {
        // A closed stderr is no reason to panic again.
        write!(io::stderr(), "{}", told(panic.location(), &Backtrace::capture())).ok();
    }));
}

fn told(location: Option<&Location<'_>>, backtrace: &Backtrace) -> String {
    let place = location.map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let told = format!("error: verta-sync failed unexpectedly at {place} (please report this)\n");
    match backtrace.status() {
        BacktraceStatus::Captured => format!("{told}{backtrace}\n"),
        _ => told,
    }
}

/// Runs a command; a panic of it is a failure like others.
///
/// # Errors
/// Those of the command.
pub fn caught(command: impl FnOnce() -> Result<ExitCode, Failure>) -> Result<ExitCode, Failure> {
    catch_unwind(AssertUnwindSafe(command)).unwrap_or_else(|_| {
        Err(Failure::new(FailureKind::Internal, "the command ended before its time")
            .hint("report this with the line above; run again: it goes on where it stopped"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_by_its_place_and_ends_a_command_with_1() {
        let here = Location::caller();
        let told = told(Some(here), &Backtrace::disabled());
        assert_eq!(told, format!("error: verta-sync failed unexpectedly at {here} (please report this)\n"));
        let failure = caught(|| panic!("secret")).unwrap_err();
        assert_eq!(failure.exit_code(), ExitCode::Failure);
        assert!(!failure.to_string().contains("secret"));
        assert!(matches!(caught(|| Ok(ExitCode::Success)), Ok(ExitCode::Success)));
    }
}
