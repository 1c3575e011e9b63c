//! Results on stdout.

use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

/// Stdout, for a command that goes on when a write fails. Copies share it.
///
/// After the first failed write nothing more is written, so that no line stands
/// behind half of another one.
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

/// Writes a text to stdout, up to the last byte.
///
/// # Errors
/// When it can't be written.
pub fn to_stdout(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
