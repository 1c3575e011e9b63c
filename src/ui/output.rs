//! Results on stdout.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

use crate::model::{escaped, escaped_in_color};

/// Stdout, for a command that goes on when a write fails. Copies share it.
///
/// After a failed write nothing more is written until [`Output::finish`] has
/// returned the error, so that no line follows half of another one.
#[derive(Debug, Clone, Default)]
pub struct Output(Arc<Mutex<Option<io::Error>>>);

impl Output {
    /// Writes a text at once.
    pub fn write(&self, text: &str) {
        let mut failure = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failure.is_none() {
            *failure = to_stdout(text).err();
        }
    }

    /// Whether everything was written so far.
    ///
    /// # Errors
    /// The first failure; afterwards it is forgotten.
    pub fn finish(&self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

/// Writes a text to stdout, up to the last byte. Characters that control a
/// terminal are escaped.
///
/// # Errors
/// When it can't be written.
pub fn to_stdout(text: &str) -> io::Result<()> {
    write(io::stdout().lock(), escaped(text).as_bytes())
}

/// Clears the terminal that stdout is, as `watch` does, and writes a text.
///
/// # Errors
/// When it can't be written.
pub fn to_cleared_stdout(text: &str) -> io::Result<()> {
    write(io::stdout().lock(), format!("\u{1b}[H\u{1b}[2J{}", escaped(text)).as_bytes())
}

/// Writes text to stderr. Characters that control a terminal are escaped. A closed
/// stderr is no error.
pub fn to_stderr(text: &str) {
    write(io::stderr().lock(), escaped(text).as_bytes()).ok();
}

fn write(mut stream: impl Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// Makes writers for the log that escape what controls a terminal, colours of
/// the log's own apart.
#[derive(Debug, Clone)]
pub struct Escaping<M>(pub M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Escaping<M> {
    type Writer = EscapingWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        EscapingWriter(self.0.make_writer())
    }
}

/// Writes text with escapes.
#[derive(Debug)]
pub struct EscapingWriter<W>(W);

impl<W: Write> Write for EscapingWriter<W> {
    /// The log hands over whole lines.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(escaped_in_color(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
