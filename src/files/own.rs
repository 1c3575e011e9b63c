//! Files that the program itself keeps beside the archive.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};

use super::{FileError, check_links, check_regular};

/// Flags for opening own files: symbolic links are not followed and nothing blocks.
pub(super) const OWN_FLAGS: OFlags =
    OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Opens an existing own file for reading, and for writing as well if `writes`. `None`
/// if it doesn't exist.
///
/// # Errors
/// Returns [`FileError`] if it is not a regular file, has several hard links or can't be
/// opened.
pub fn open_own_file(path: &Path, writes: bool) -> Result<Option<File>, FileError> {
    if !check_own_file(path)? {
        return Ok(None);
    }
    let access = if writes { OFlags::RDWR } else { OFlags::RDONLY };
    match open(path, access | OWN_FLAGS, Mode::empty()) {
        Ok(file) => checked(path, file.into()).map(Some),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(errno) => Err(FileError::io(path, errno)),
    }
}

/// Repeats the checks on the open file, which may have replaced the one checked by path.
pub(super) fn checked(path: &Path, file: File) -> Result<File, FileError> {
    let metadata = file.metadata().map_err(|error| FileError::io(path, error))?;
    check_regular(path, &metadata)?;
    check_links(path, &metadata)?;
    Ok(file)
}

/// Creates an own file with exactly the permissions `mode`, regardless of the umask.
/// `None` if the path already exists.
///
/// # Errors
/// Returns the [`io::Error`] if it can't be created.
pub fn create_own_file(path: &Path, mode: u32) -> io::Result<Option<File>> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OWN_FLAGS;
    match open(path, flags, Mode::from_raw_mode(mode)) {
        Ok(file) => {
            let file = File::from(file);
            file.set_permissions(Permissions::from_mode(mode))?;
            Ok(Some(file))
        }
        Err(rustix::io::Errno::EXIST) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Replaces a file as a whole, so that a killed process leaves the old or the new one. It is written
/// at `temporary` first, where a killed process may have left something.
///
/// # Errors
/// Returns the [`io::Error`] if it can't be written.
pub fn replace_file(path: &Path, temporary: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    fs::remove_file(temporary).ok();
    let written = create_own_file(temporary, mode).and_then(|file| {
        let mut file = file.ok_or(io::ErrorKind::AlreadyExists)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(temporary, path)
    });
    if written.is_err() {
        fs::remove_file(temporary).ok();
    }
    written
}

/// Checks an own file without opening it, for files that SQLite opens. Returns whether it
/// exists.
///
/// # Errors
/// Returns [`FileError`] if it is not a regular file, has several hard links or can't be
/// accessed.
pub fn check_own_file(path: &Path) -> Result<bool, FileError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(false);
        }
        Err(error) => return Err(FileError::io(path, error)),
    };
    check_regular(path, &metadata)?;
    check_links(path, &metadata)?;
    Ok(true)
}
