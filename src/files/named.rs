//! Files that the user names.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};

use super::{FileError, check_links, check_regular};

/// Symbolic links followed one after the other; the kernel's own limit.
const MAX_LINKS: usize = 40;

/// The path of a file without symbolic links and `..`. The file itself may be
/// missing, but not its folder. Where a link leads to a missing folder, the
/// link's target is returned as it is.
///
/// # Errors
/// When a folder on the way is missing or closed to this user, or links form a
/// circle.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    let (mut path, mut is_link) = (path.to_owned(), false);
    for _ in 0..MAX_LINKS {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            resolved => return resolved,
        }
        let folder = match fs::canonicalize(folder_of(&path)) {
            // The link leads to a folder that is missing: that is what to name.
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_link => return Ok(path),
            folder => folder?,
        };
        let name = path.file_name().unwrap_or(OsStr::new(""));
        path = folder.join(name);
        match fs::read_link(&path) {
            // A link whose target is missing.
            Ok(target) => (path, is_link) = (folder.join(target), true),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::from(rustix::io::Errno::LOOP))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A regular file that the user named, open for reading.
#[derive(Debug)]
pub struct Named {
    file: File,
    metadata: Metadata,
    path: PathBuf,
}

impl Named {
    /// Opens a file. Follows symbolic links, and never waits for what is behind
    /// a named pipe.
    ///
    /// # Errors
    /// When it is missing, closed to this user, or no regular file.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let failed = |error: io::Error| FileError::io(path, error);
        // Asked first: opening a device can have effects of its own.
        check_regular(path, &fs::metadata(path).map_err(failed)?)?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = open(path, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
        let file = File::from(file);
        let metadata = file.metadata().map_err(failed)?;
        check_regular(path, &metadata)?;
        Ok(Self { file, metadata, path: path.to_owned() })
    }

    /// Fails if other names lead to the same file.
    ///
    /// # Errors
    /// With the number of names.
    pub fn check_links(&self) -> Result<(), FileError> {
        check_links(&self.path, &self.metadata)
    }

    /// The metadata of the open file.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// All bytes of the file.
    ///
    /// # Errors
    /// When it has more than `most_bytes`, or can't be read.
    pub fn read(&self, most_bytes: u64) -> Result<Vec<u8>, FileError> {
        let bytes = self.head(most_bytes + 1)?;
        if bytes.len() as u64 > most_bytes {
            return Err(FileError::TooLarge { path: self.path.clone(), most_bytes });
        }
        Ok(bytes)
    }

    /// The first bytes of the file, `most_bytes` at most.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn head(&self, most_bytes: u64) -> Result<Vec<u8>, FileError> {
        // At once: a buffer that grows leaves copies of a secret behind.
        let length = self.metadata.len().min(most_bytes) + 64;
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        let read = (&self.file).take(most_bytes).read_to_end(&mut bytes);
        read.map_err(|error| FileError::io(&self.path, error))?;
        Ok(bytes)
    }

    /// The open file.
    pub fn into_file(self) -> File {
        self.file
    }
}
