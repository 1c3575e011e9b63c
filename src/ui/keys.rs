//! The terminal that stderr is: its size, whose it is, and the keys pressed
//! there.

use std::io::stderr;

use rustix::process::{Signal, getpgrp, getpid, getsid, kill_process};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr};

/// What a terminal that doesn't know its size is taken for.
const USUAL_SIZE: (usize, usize) = (80, 24);

/// The signal that Ctrl-Z sends.
pub const STOP_KEY: i32 = Signal::TSTP.as_raw();

/// Columns and rows.
pub fn size() -> (usize, usize) {
    match tcgetwinsize(stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => USUAL_SIZE,
    }
}

/// Whether one may draw: a process in the background would draw over what the
/// shell and others write. Where a terminal isn't this session's, there are no
/// others.
pub fn is_in_foreground() -> bool {
    tcgetpgrp(stderr()).map_or(true, |group| group == getpgrp())
}

/// Does what Ctrl-Z does to a process that doesn't listen for it. Returns when
/// somebody lets the process go on.
pub fn stop() {
    // A session's first group was started by no shell that could continue it:
    // the system doesn't stop it either.
    if getsid(None).is_ok_and(|session| session != getpgrp()) {
        kill_process(getpid(), Signal::STOP).ok();
    }
}

/// Keeps the terminal from showing `^C`, which would push the bars down a line
/// so that one of them stays behind. Ends with this value.
#[derive(Debug, Default)]
pub struct HiddenKeys {
    were_shown: bool,
}

impl HiddenKeys {
    /// Again, too: a shell that lets a stopped process go on shows them.
    pub fn hide(&mut self) {
        self.were_shown |= set(false).unwrap_or(false);
    }

    /// Until they are hidden again.
    pub fn show(&mut self) {
        if std::mem::take(&mut self.were_shown) {
            set(true);
        }
    }
}

impl Drop for HiddenKeys {
    fn drop(&mut self) {
        self.show();
    }
}

/// Returns what was set before. A process in the background must not touch the
/// terminal: it would be stopped for that.
fn set(is_shown: bool) -> Option<bool> {
    if tcgetpgrp(stderr()).ok()? != getpgrp() {
        return None;
    }
    let mut modes = tcgetattr(stderr()).ok()?;
    let was_shown = modes.local_modes.contains(LocalModes::ECHOCTL);
    if was_shown != is_shown {
        modes.local_modes.set(LocalModes::ECHOCTL, is_shown);
        tcsetattr(stderr(), OptionalActions::Now, &modes).ok()?;
    }
    Some(was_shown)
}
