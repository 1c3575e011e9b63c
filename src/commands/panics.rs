//! Panics that tell where, and nothing of what was being worked on.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write as _};
use std::panic::{self, Location};

/// Makes panics tell no values: the text of one may repeat what a message said.
pub fn keep_discreet() {
    panic::set_hook(Box::new(|info| {
        let text = told(info.payload(), info.location());
        writeln!(io::stderr(), "{text}").ok();
        // Names of functions and lines, if RUST_BACKTRACE asks for them.
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            writeln!(io::stderr(), "{backtrace}").ok();
        }
    }));
}

/// A text that stands in the source as it is can hold no value.
fn told(payload: &dyn Any, location: Option<&Location<'_>>) -> String {
    let place = location.map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let text = payload.downcast_ref::<&'static str>().copied();
    format!("error: an unexpected fault at {place}: {}", text.unwrap_or("(the text may hold names or IDs)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_repeats_no_value() {
        let place = Location::caller();
        let id = 80_351_110_224_678_912_u64;
        let formatted = told(&format!("slice of \"<@{id}>\""), Some(place));
        assert!(!formatted.contains(&id.to_string()), "{formatted}");
        assert!(formatted.contains(place.file()), "{formatted}");
        assert!(told(&"index out of bounds", None).ends_with("an unknown place: index out of bounds"));
    }
}
