//! Files that the user names.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};

use super::{FileError, check_links, check_regular};

/// The greatest number of symbolic links that are followed in a row; the kernel's limit.
const MAX_LINKS: usize = 40;

/// The path of a file without symbolic links and `..`. The file itself may be missing,
/// but not its folder. If a symbolic link points into a missing folder, its target is
/// returned unchanged.
///
/// # Errors
/// Returns the [`io::Error`] if a folder on the path is missing or inaccessible, or if
/// symbolic links form a cycle.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    let (mut path, mut is_link) = (path.to_owned(), false);
    for _ in 0..MAX_LINKS {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            resolved => return resolved,
        }
        let folder = match fs::canonicalize(folder_of(&path)) {
            // The link points into a missing folder: its target is what to report.
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_link => return Ok(path),
            folder => folder?,
        };
        let name = path.file_name().unwrap_or(OsStr::new(""));
        path = folder.join(name);
        match fs::read_link(&path) {
            // A dangling symbolic link: continue with its target.
            Ok(target) => (path, is_link) = (folder.join(target), true),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::from(rustix::io::Errno::LOOP))
}

/// The folder that contains the file at a path.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A regular file that the user named, open for reading.
#[derive(Debug)]
pub struct NamedFile {
    file: File,
    metadata: Metadata,
    path: PathBuf,
}

impl NamedFile {
    /// Opens a file. Follows symbolic links, and never blocks on a named pipe.
    ///
    /// # Errors
    /// Returns [`FileError`] if it is not a regular file, or can't be opened.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let failed = |error: io::Error| FileError::io(path, error);
        // Checked before opening, because opening a device can have side effects.
        check_regular(path, &fs::metadata(path).map_err(failed)?)?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = open(path, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
        let file = File::from(file);
        let metadata = file.metadata().map_err(failed)?;
        check_regular(path, &metadata)?;
        Ok(Self { file, metadata, path: path.to_owned() })
    }

    /// Checks that the file has a single hard link.
    ///
    /// # Errors
    /// Returns [`FileError::HardLinked`] if it has several.
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

    /// Reads the whole file.
    ///
    /// # Errors
    /// Returns [`FileError::TooLarge`] if it has more than `max_bytes` bytes, and
    /// [`FileError::Io`] if it can't be read.
    pub fn read(&self, max_bytes: u64) -> Result<Vec<u8>, FileError> {
        let bytes = self.head(max_bytes + 1)?;
        if bytes.len() as u64 > max_bytes {
            return Err(FileError::TooLarge { path: self.path.clone(), max_bytes });
        }
        Ok(bytes)
    }

    /// Reads at most `max_bytes` from the current position: after opening, the start.
    ///
    /// # Errors
    /// Returns [`FileError::Io`] if it can't be read.
    pub fn head(&self, max_bytes: u64) -> Result<Vec<u8>, FileError> {
        // Allocated at once: a buffer that grows leaves copies of a secret in memory.
        let length = self.metadata.len().min(max_bytes) + 64;
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        let read = (&self.file).take(max_bytes).read_to_end(&mut bytes);
        read.map_err(|error| FileError::io(&self.path, error))?;
        Ok(bytes)
    }

    /// Returns the open file.
    pub fn into_file(self) -> File {
        self.file
    }
}
