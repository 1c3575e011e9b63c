//! Writes to stdout and stderr, with control characters escaped.

use std::io::{self, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

use crate::model::{escape_controls, escape_controls_in_color, without_colors};

/// Indices of the streams in [`KEEPS_COLORS`].
const STDOUT: usize = 0;
const STDERR: usize = 1;

/// Stdout for a command that continues after a failed write. Clones share the state.
///
/// After a failed write, all further writes are skipped until [`Output::finish`] has
/// returned the error, so that no line follows a partial one.
#[derive(Debug, Clone, Default)]
pub struct Output(Arc<Mutex<Option<io::Error>>>);

impl Output {
    /// Writes and flushes `text`.
    pub fn write(&self, text: &str) {
        self.write_with(|| to_stdout(text));
    }

    /// Like [`Self::write`], for text that the program itself coloured.
    pub fn write_colored(&self, text: &str) {
        self.write_with(|| to_colored_stdout(text));
    }

    fn write_with(&self, write: impl FnOnce() -> io::Result<()>) {
        let mut failure = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failure.is_none() {
            *failure = write().err();
        }
    }

    /// Returns `Ok` if every write so far succeeded.
    ///
    /// # Errors
    /// Returns the first failed write's error and clears it.
    pub fn finish(&self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

/// Writes and flushes `text` to stdout. Terminal control characters are escaped.
///
/// # Errors
/// Returns the error of writing to stdout.
pub fn to_stdout(text: &str) -> io::Result<()> {
    write(io::stdout().lock(), escape_controls(text).as_bytes())
}

/// Whether text on stdout, and on stderr, keeps the colours that the program gave it.
static KEEPS_COLORS: [AtomicBool; 2] = [AtomicBool::new(false), AtomicBool::new(false)];

/// Decides whether text on stdout and stderr is coloured. Off until this is called.
pub fn set_colors(stdout: bool, stderr: bool) {
    KEEPS_COLORS[STDOUT].store(stdout, Ordering::Relaxed);
    KEEPS_COLORS[STDERR].store(stderr, Ordering::Relaxed);
}

/// Text that the program itself coloured, with the colours only if the stream keeps them, and
/// with all other control characters escaped.
fn in_color(text: &str, stream: usize) -> String {
    if KEEPS_COLORS[stream].load(Ordering::Relaxed) {
        escape_controls_in_color(text).into_owned()
    } else {
        escape_controls(&without_colors(text)).into_owned()
    }
}

/// Like [`to_stdout`], for text that the program itself coloured.
///
/// # Errors
/// Returns the error of writing to stdout.
pub fn to_colored_stdout(text: &str) -> io::Result<()> {
    write(io::stdout().lock(), in_color(text, STDOUT).as_bytes())
}

/// Writes `text` to stdout as it is, for programs; with control characters escaped if stdout is
/// a terminal.
///
/// # Errors
/// Returns the error of writing to stdout.
pub fn to_stdout_for_programs(text: &str) -> io::Result<()> {
    if io::stdout().is_terminal() { to_stdout(text) } else { write(io::stdout().lock(), text.as_bytes()) }
}

/// Shows `text` in the last line of the terminal on stderr, in place of what was shown there.
pub fn to_status_line(text: &str) {
    write(io::stderr().lock(), format!("\r\u{1b}[K{}", escape_controls(text)).as_bytes()).ok();
}

/// Clears the terminal on stdout, as `watch` does, and writes `text`, which the program itself
/// coloured.
///
/// # Errors
/// Returns the error of writing to stdout.
pub fn to_cleared_stdout(text: &str) -> io::Result<()> {
    write(io::stdout().lock(), format!("\u{1b}[H\u{1b}[2J{}", in_color(text, STDOUT)).as_bytes())
}

/// Writes `text` to stderr. Terminal control characters are escaped. Errors are
/// ignored, since stderr may be closed.
pub fn to_stderr(text: &str) {
    write(io::stderr().lock(), escape_controls(text).as_bytes()).ok();
}

/// Like [`to_stderr`], for text that the program itself coloured.
pub fn to_colored_stderr(text: &str) {
    write(io::stderr().lock(), in_color(text, STDERR).as_bytes()).ok();
}

fn write(mut stream: impl Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// Wraps a log writer so that terminal control characters are escaped, except the log's
/// own colours.
#[derive(Debug, Clone)]
pub struct Escaping<M>(pub M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Escaping<M> {
    type Writer = EscapingWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        EscapingWriter(self.0.make_writer())
    }
}

/// The writer made by [`Escaping`].
#[derive(Debug)]
pub struct EscapingWriter<W>(W);

impl<W: Write> Write for EscapingWriter<W> {
    /// The log writes whole lines, so no character is split between two calls.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(escape_controls_in_color(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
