//! Files that the program keeps beside the archive.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};

use super::{FileError, check_links, check_regular};

/// For every file of the program's own: no link is followed, nothing waits.
pub(super) const OWN_FLAGS: OFlags =
    OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Opens an existing file of the program's own, for writing as well if `writes`.
/// `None` if there is none.
///
/// # Errors
/// When it is a link, has further hard links, is no regular file, or can't be
/// opened.
pub fn open_own(path: &Path, writes: bool) -> Result<Option<File>, FileError> {
    if !check_own(path)? {
        return Ok(None);
    }
    let access = if writes { OFlags::RDWR } else { OFlags::RDONLY };
    match open(path, access | OWN_FLAGS, Mode::empty()) {
        Ok(file) => checked(path, file.into()).map(Some),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(errno) => Err(FileError::io(path, errno)),
    }
}

/// What was opened is what was looked at, or fails in the same way.
pub(super) fn checked(path: &Path, file: File) -> Result<File, FileError> {
    let metadata = file.metadata().map_err(|error| FileError::io(path, error))?;
    check_regular(path, &metadata)?;
    check_links(path, &metadata)?;
    Ok(file)
}

/// Makes a file with exactly these permissions, whatever the umask. `None` if
/// something stands there already.
///
/// # Errors
/// When it can't be made.
pub fn create_own(path: &Path, mode: u32) -> io::Result<Option<File>> {
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

/// Looks at a file of the program's own without opening it: for files that
/// SQLite opens. Whether it exists.
///
/// # Errors
/// When it is a link, has further hard links, or is no regular file.
pub fn check_own(path: &Path) -> Result<bool, FileError> {
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
