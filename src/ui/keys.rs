//! Keys pressed while bars are drawn.

use std::io::{Stdin, stdin};

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcgetpgrp, tcsetattr};

/// Keeps the terminal from showing `^C`, which would push the bars down a line
/// so that one of them stays behind. Ends with this value.
#[derive(Debug)]
pub struct HiddenKeys {
    stdin: Stdin,
    was_shown: bool,
}

impl HiddenKeys {
    /// Does nothing where keys are not from a terminal.
    pub fn hide() -> Self {
        let stdin = stdin();
        let was_shown = set(&stdin, false).unwrap_or(false);
        Self { stdin, was_shown }
    }
}

impl Drop for HiddenKeys {
    fn drop(&mut self) {
        if self.was_shown {
            set(&self.stdin, true);
        }
    }
}

/// Returns what was set before. A process in the background must not touch the
/// terminal: it would be stopped for that.
fn set(stdin: &Stdin, is_shown: bool) -> Option<bool> {
    if tcgetpgrp(stdin).ok()? != getpgrp() {
        return None;
    }
    let mut modes = tcgetattr(stdin).ok()?;
    let was_shown = modes.local_modes.contains(LocalModes::ECHOCTL);
    modes.local_modes.set(LocalModes::ECHOCTL, is_shown);
    tcsetattr(stdin, OptionalActions::Now, &modes).ok()?;
    Some(was_shown)
}
