//! The key of a keyed archive: its file, and reading it without ever showing it.

use std::io;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::error::{describe_foreign_writer, describe_read_error};
use super::redact::{quoted_input, shown_key, shown_path};
use crate::files::{FileError, ForeignWriter, NamedFile, PathOrigin};

/// Size limit of the file, far above any key, so that a wrong path can't exhaust memory.
const MAX_BYTES: u64 = 4 << 10;
/// The bytes of a key.
const KEY_BYTES: usize = 32;

/// How to make a key.
const REMEDY: &str = "\"(umask 077; openssl rand -hex 32 > archive.key)\" makes one";

/// The file of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashKeyFile {
    /// The file at this absolute path.
    Path(PathBuf),
    /// The path refers to an unset variable, such as `$CREDENTIALS_DIRECTORY` outside of
    /// systemd. An error only when the key is read, so that `status` still works in a
    /// terminal.
    UnsetVariable {
        /// The path as written in the configuration.
        path: String,
        /// The variable's name.
        variable: String,
    },
}

/// The key can't be read. The text completes "cannot …", names a remedy and never contains
/// any of the key.
#[derive(Debug, thiserror::Error)]
pub enum HashKeyError {
    /// The path refers to an unset variable: the path and the variable.
    #[error(
        "read the hash key: ${variable} is not set, which hash_key_file = {path} uses; set it, or use an absolute path",
        path = quoted_input(.0),
        variable = shown_key(.1)
    )]
    UnsetVariable(String, String),
    /// The file can't be read.
    #[error("read the hash key from the file {}: {}", shown_path(.0), reason(.1))]
    Unreadable(PathBuf, FileError),
    /// Another user can modify the file.
    #[error(
        "read the hash key from the file {}: {}",
        shown_path(.0),
        describe_foreign_writer(*.1, .0, "could replace the key")
    )]
    ModifiableByOthers(PathBuf, ForeignWriter),
    /// The file doesn't hold 64 hex digits.
    #[error(
        "read the hash key from the file {}: a key is 64 hexadecimal digits; {REMEDY}",
        shown_path(.0)
    )]
    Malformed(PathBuf),
}

impl HashKeyFile {
    /// Reads the key.
    ///
    /// # Errors
    /// Returns a [`HashKeyError`] if the file can't be read, another user can modify it, or
    /// it doesn't hold 64 hex digits.
    pub fn read(&self) -> Result<Zeroizing<[u8; KEY_BYTES]>, HashKeyError> {
        let path = match self {
            Self::Path(path) => path,
            Self::UnsetVariable { path, variable } => {
                return Err(HashKeyError::UnsetVariable(path.clone(), variable.clone()));
            }
        };
        let unreadable = |error| HashKeyError::Unreadable(path.clone(), error);
        let file = NamedFile::open(path).map_err(unreadable)?;
        if let Some(foreign_writer) = file.foreign_writer(PathOrigin::Explicit) {
            return Err(HashKeyError::ModifiableByOthers(path.clone(), foreign_writer));
        }
        let text = Zeroizing::new(file.read(MAX_BYTES).map_err(unreadable)?);
        parse(&text).ok_or_else(|| HashKeyError::Malformed(path.clone()))
    }
}

/// The bytes that 64 hex digits stand for, without surrounding whitespace.
fn parse(text: &[u8]) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let digits = text.trim_ascii();
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    if digits.len() != 2 * KEY_BYTES {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(key)
}

fn reason(error: &FileError) -> String {
    match error {
        FileError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            format!("it does not exist; restore it from your backup, or for a new archive, {REMEDY}")
        }
        FileError::TooLarge { .. } => "it is larger than 4 KiB and thus no key".to_owned(),
        _ => describe_read_error(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn reads_64_hex_digits_and_shows_none_of_anything_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("archive.key");
        let file = HashKeyFile::Path(path.clone());
        let error = file.read().unwrap_err().to_string();
        assert!(error.contains("does not exist") && error.contains("openssl rand -hex 32"), "{error}");
        fs::write(&path, format!(" {}ff\r\n", "0A".repeat(31))).unwrap();
        let key = file.read().unwrap();
        assert_eq!((key[0], key[31]), (10, 255));
        for wrong in ["", "0a", &"0a".repeat(33), &"0g".repeat(32), &"é".repeat(32), &"secret".repeat(4)] {
            fs::write(&path, wrong).unwrap();
            let error = file.read().unwrap_err();
            assert!(matches!(error, HashKeyError::Malformed(_)), "{wrong}");
            assert!(!error.to_string().contains("secret"));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o606)).unwrap();
        assert!(matches!(file.read(), Err(HashKeyError::ModifiableByOthers(..))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "a".repeat(5000)).unwrap();
        assert!(file.read().unwrap_err().to_string().contains("larger than 4 KiB"));
    }

    #[test]
    fn an_unset_variable_is_an_error_only_when_the_key_is_read() {
        let file = HashKeyFile::UnsetVariable {
            path: "$CREDENTIALS_DIRECTORY/key".to_owned(),
            variable: "CREDENTIALS_DIRECTORY".to_owned(),
        };
        assert!(file.read().unwrap_err().to_string().contains("$CREDENTIALS_DIRECTORY is not set"));
    }
}
