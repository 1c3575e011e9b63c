//! Rows at the end of a terminal that are drawn over and over.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::keys::{self, HiddenKeys};

/// Clears the row.
const CLEAR_ROW: &str = "\x1b[2K";
/// Clears what is right of the cursor and below. At the terminal's first column
/// and row some would take it for a wish to keep what is cleared, as if it had
/// been scrolled away.
const CLEAR_REST: &str = "\x1b[J";
/// Lets the terminal cut what it takes for wider than it was counted, instead
/// of giving it a row more.
const CUT: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// The rows, and the terminal they are on: stderr's.
///
/// Between two drawings the cursor rests at the beginning of the first row, and
/// everything from there on is cleared. When a terminal is resized it breaks
/// and joins rows anew, but the cursor stays behind the text before it: so what
/// was drawn is always cleared, and what others wrote above never.
#[derive(Debug, Default)]
pub struct Screen {
    rows: Vec<String>,
    /// For which size of the terminal.
    size: (usize, usize),
    is_drawn: bool,
    has_ended: bool,
    keys: HiddenKeys,
}

impl Screen {
    /// Replaces the rows, none of which is wider than the terminal. Does nothing
    /// in the background.
    pub fn draw(&mut self, rows: Vec<String>, size: (usize, usize)) {
        if self.has_ended || !keys::is_in_foreground() {
            self.is_drawn = false;
            return;
        }
        self.keys.hide();
        if !self.is_drawn || self.rows != rows || self.size != size {
            (self.rows, self.size) = (rows, size);
            self.is_drawn = true;
            write(&drawing(&self.rows));
        }
    }

    /// Does something to the terminal without the rows in its way.
    pub fn suspend<T>(&mut self, action: impl FnOnce() -> T) -> T {
        let was_drawn = self.is_drawn;
        self.clear();
        let done = action();
        if was_drawn && keys::is_in_foreground() {
            self.is_drawn = true;
            write(&drawing(&self.rows));
        }
        done
    }

    /// Stops the process until somebody lets it go on.
    pub fn pause(&mut self) {
        self.clear();
        self.keys.show();
        keys::stop();
    }

    /// Takes the rows away for good.
    pub fn end(&mut self) {
        self.clear();
        self.keys.show();
        self.has_ended = true;
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawn) && keys::is_in_foreground() {
            write(&format!("\r{CLEAR_ROW} {CLEAR_REST}\r"));
        }
    }
}

/// What draws the rows from the cursor's on.
fn drawing(rows: &[String]) -> String {
    let up = match rows.len() {
        0 | 1 => String::new(),
        rows => format!("\x1b[{}A", rows - 1),
    };
    let rows: Vec<String> = rows.iter().map(|row| format!("\r{CLEAR_ROW}{row}")).collect();
    format!("{CUT}{}{CLEAR_REST}{WRAP}{up}\r", rows.join("\n"))
}

/// At once, so that nobody sees it half done. A closed terminal is no reason to
/// stop.
fn write(text: &str) {
    io::stderr().write_all(text.as_bytes()).ok();
}

/// A screen that several write to.
#[derive(Debug, Clone, Default)]
pub struct SharedScreen(Arc<Mutex<Screen>>);

impl SharedScreen {
    /// For oneself alone.
    pub fn lock(&self) -> MutexGuard<'_, Screen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedScreen {
    /// Takes the rows away for good, unless somebody is at it.
    pub fn end_if_free(&self) {
        match self.0.try_lock() {
            Ok(mut screen) => screen.end(),
            Err(TryLockError::Poisoned(screen)) => screen.into_inner().end(),
            Err(TryLockError::WouldBlock) => {}
        }
    }
}

/// Writes whole lines above the rows.
#[derive(Debug)]
pub struct Above {
    screen: SharedScreen,
    text: Vec<u8>,
}

impl Above {
    /// Nothing as yet.
    pub const fn new(screen: SharedScreen) -> Self {
        Self { screen, text: Vec::new() }
    }
}

impl Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = std::mem::take(&mut self.text);
        self.screen.lock().suspend(|| io::stderr().write_all(&text))
    }
}

impl Drop for Above {
    fn drop(&mut self) {
        if !self.text.is_empty() {
            self.flush().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_leaves_the_cursor_where_it_began() {
        assert_eq!(drawing(&["one".to_owned()]), "\x1b[?7l\r\x1b[2Kone\x1b[J\x1b[?7h\r");
        let rows = ["one", "two", "three"].map(str::to_owned);
        let rows = drawing(&rows);
        assert_eq!(rows, "\x1b[?7l\r\x1b[2Kone\n\r\x1b[2Ktwo\n\r\x1b[2Kthree\x1b[J\x1b[?7h\x1b[2A\r");
    }
}
