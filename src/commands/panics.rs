//! Panic handling. A panic message may contain archived data, such as a message's text or
//! a user ID, so only the panic's location is printed.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, set_hook};

use super::{Failure, FailureKind};
use crate::exit_code::ExitCode;

/// Installs a panic hook that prints the panic's location without its message, and a
/// backtrace if `RUST_BACKTRACE` is set.
pub fn install_hook() {
    set_hook(Box::new(|panic| {
        // `eprint!` would panic again if stderr is closed.
        write!(io::stderr(), "{}", panic_message(panic.location(), &Backtrace::capture())).ok();
    }));
}

fn panic_message(location: Option<&Location<'_>>, backtrace: &Backtrace) -> String {
    let location = location.map_or_else(|| "an unknown location".to_owned(), ToString::to_string);
    let message =
        format!("error: verta-sync failed unexpectedly at {location} (this is a bug, please report it)\n");
    match backtrace.status() {
        BacktraceStatus::Captured => format!("{message}{backtrace}\n"),
        _ => message,
    }
}

/// Runs a command and turns a panic into a [`Failure`].
///
/// # Errors
/// Returns the command's failure, or an internal one if it panicked.
pub fn catch_panics(command: impl FnOnce() -> Result<ExitCode, Failure>) -> Result<ExitCode, Failure> {
    catch_unwind(AssertUnwindSafe(command)).unwrap_or_else(|_| {
        Err(Failure::new(FailureKind::Internal, "the command failed unexpectedly")
            .hint("report this with the line above; the next run resumes where this one stopped"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_prints_only_its_location_and_exits_with_1() {
        let here = Location::caller();
        let message = panic_message(Some(here), &Backtrace::disabled());
        assert_eq!(
            message,
            format!("error: verta-sync failed unexpectedly at {here} (this is a bug, please report it)\n")
        );
        let failure = catch_panics(|| panic!("secret")).unwrap_err();
        assert_eq!(failure.exit_code(), ExitCode::Failure);
        assert!(!failure.to_string().contains("secret"));
        assert!(matches!(catch_panics(|| Ok(ExitCode::Success)), Ok(ExitCode::Success)));
    }
}
