//! Redraws rows at the bottom of the terminal, below the log.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::terminal::{self, ControlEchoGuard};

/// Clears the cursor's row.
const CLEAR_ROW: &str = "\x1b[2K";
/// Clears from the cursor to the end of the screen. At the first column of the first
/// row, some terminals would move the cleared text into the scrollback instead.
const CLEAR_REST: &str = "\x1b[J";
/// Disables line wrapping, so that the terminal truncates a row that it renders wider
/// than computed here.
const WRAP_OFF: &str = "\x1b[?7l";
const WRAP_ON: &str = "\x1b[?7h";

/// The rows on stderr's terminal.
///
/// Between two drawings the cursor rests at the start of the first row, and clearing
/// erases everything from there on. A resized terminal rewraps its lines but keeps the
/// cursor after the text before it; so clearing erases exactly the drawn rows and never
/// the text above.
#[derive(Debug, Default)]
pub struct Screen {
    rows: Vec<String>,
    /// Size of the terminal, in columns and rows, at the last drawing.
    size: (usize, usize),
    is_drawn: bool,
    is_closed: bool,
    control_echo: ControlEchoGuard,
}

impl Screen {
    /// Replaces the rows, none of which may be wider than the terminal. Draws nothing
    /// while the process is in the background.
    pub fn draw(&mut self, rows: Vec<String>, size: (usize, usize)) {
        if self.is_closed || !terminal::is_in_foreground() {
            self.is_drawn = false;
            return;
        }
        self.control_echo.disable();
        if !self.is_drawn || self.rows != rows || self.size != size {
            (self.rows, self.size) = (rows, size);
            self.is_drawn = true;
            write(&drawing(&self.rows));
        }
    }

    /// Clears the rows, runs `action`, and draws the rows again.
    pub fn suspend<T>(&mut self, action: impl FnOnce() -> T) -> T {
        let was_drawn = self.is_drawn;
        self.clear();
        let done = action();
        if was_drawn && terminal::is_in_foreground() {
            self.is_drawn = true;
            write(&drawing(&self.rows));
        }
        done
    }

    /// Clears the rows and stops the process. Returns once it is continued.
    pub fn pause(&mut self) {
        self.clear();
        self.control_echo.restore();
        terminal::stop();
    }

    /// Removes the rows for good.
    pub fn close(&mut self) {
        self.clear();
        self.control_echo.restore();
        self.is_closed = true;
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawn) && terminal::is_in_foreground() {
            write(&format!("\r{CLEAR_ROW} {CLEAR_REST}\r"));
        }
    }
}

/// The escape sequences and text that draw the rows, starting at the cursor's row.
fn drawing(rows: &[String]) -> String {
    let up = match rows.len() {
        0 | 1 => String::new(),
        rows => format!("\x1b[{}A", rows - 1),
    };
    let rows: Vec<String> = rows.iter().map(|row| format!("\r{CLEAR_ROW}{row}")).collect();
    format!("{WRAP_OFF}{}{CLEAR_REST}{WRAP_ON}{up}\r", rows.join("\n"))
}

/// Writes `text` in one call, so that no partial drawing is visible. Errors are
/// ignored: a closed terminal must not stop the run.
fn write(text: &str) {
    io::stderr().write_all(text.as_bytes()).ok();
}

/// A screen shared by several writers.
#[derive(Debug, Clone, Default)]
pub struct SharedScreen(Arc<Mutex<Screen>>);

impl SharedScreen {
    /// Locks the screen.
    pub fn lock(&self) -> MutexGuard<'_, Screen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedScreen {
    /// Like [`Screen::close`], but does nothing if the screen is locked.
    pub fn try_close(&self) {
        match self.0.try_lock() {
            Ok(mut screen) => screen.close(),
            Err(TryLockError::Poisoned(screen)) => screen.into_inner().close(),
            Err(TryLockError::WouldBlock) => {}
        }
    }
}

/// Buffers text and writes it above the rows when flushed or dropped.
#[derive(Debug)]
pub struct ScreenWriter {
    screen: SharedScreen,
    text: Vec<u8>,
}

impl ScreenWriter {
    /// Starts with an empty buffer.
    pub const fn new(screen: SharedScreen) -> Self {
        Self { screen, text: Vec::new() }
    }
}

impl Write for ScreenWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = std::mem::take(&mut self.text);
        self.screen.lock().suspend(|| io::stderr().write_all(&text))
    }
}

impl Drop for ScreenWriter {
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
    fn a_drawing_returns_the_cursor_to_its_start() {
        assert_eq!(drawing(&["one".to_owned()]), "\x1b[?7l\r\x1b[2Kone\x1b[J\x1b[?7h\r");
        let rows = ["one", "two", "three"].map(str::to_owned);
        let rows = drawing(&rows);
        assert_eq!(rows, "\x1b[?7l\r\x1b[2Kone\n\r\x1b[2Ktwo\n\r\x1b[2Kthree\x1b[J\x1b[?7h\x1b[2A\r");
    }
}
