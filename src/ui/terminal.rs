//! The terminal on stderr: its size, its foreground process group, and the echo of
//! control keys.

use std::io::stderr;

use rustix::process::{Signal, getpgrp, getpid, getsid, kill_process};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr};

/// Columns and rows assumed for a terminal that doesn't report its size.
const DEFAULT_SIZE: (usize, usize) = (80, 24);

/// The signal that Ctrl-Z sends: SIGTSTP.
pub const SUSPEND_SIGNAL: i32 = Signal::TSTP.as_raw();

/// The terminal's columns and rows.
pub fn size() -> (usize, usize) {
    match tcgetwinsize(stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => DEFAULT_SIZE,
    }
}

/// True if this process may draw. A background process would draw over the output of
/// the shell and other programs. Also true if stderr is not this session's terminal,
/// where job control doesn't apply.
pub fn is_in_foreground() -> bool {
    tcgetpgrp(stderr()).map_or(true, |group| group == getpgrp())
}

/// Stops the process, as Ctrl-Z does without a signal handler. Returns once the process
/// is continued.
pub fn stop() {
    // The session leader's process group is never stopped: no shell could continue it,
    // and the kernel doesn't stop it on Ctrl-Z either.
    if getsid(None).is_ok_and(|session| session != getpgrp()) {
        kill_process(getpid(), Signal::STOP).ok();
    }
}

/// Disables the terminal's echo of control keys (ECHOCTL) and restores it on drop. An
/// echoed `^C` would push the bars down a line and leave one of them behind.
#[derive(Debug, Default)]
pub struct ControlEchoGuard {
    must_restore: bool,
}

impl ControlEchoGuard {
    /// Disables the echo. Called before each drawing, because a shell that continues a
    /// stopped process enables the echo again.
    pub fn disable(&mut self) {
        self.must_restore |= set_control_echo(false).unwrap_or(false);
    }

    /// Restores the echo if [`Self::disable`] turned it off.
    pub fn restore(&mut self) {
        if std::mem::take(&mut self.must_restore) {
            set_control_echo(true);
        }
    }
}

impl Drop for ControlEchoGuard {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Turns ECHOCTL on or off and returns the previous state. `None` on failure, or if the
/// process is in the background, where changing terminal settings would stop it.
fn set_control_echo(is_on: bool) -> Option<bool> {
    if tcgetpgrp(stderr()).ok()? != getpgrp() {
        return None;
    }
    let mut modes = tcgetattr(stderr()).ok()?;
    let was_on = modes.local_modes.contains(LocalModes::ECHOCTL);
    if was_on != is_on {
        modes.local_modes.set(LocalModes::ECHOCTL, is_on);
        tcsetattr(stderr(), OptionalActions::Now, &modes).ok()?;
    }
    Some(was_on)
}
