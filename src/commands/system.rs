//! Queries to the operating system: file permissions and the terminal on stdout.
//! Changes nothing.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, FileType, access, fstat};
use rustix::termios::tcgetwinsize;

/// Whether this user may read the file.
pub fn may_read(path: &Path) -> bool {
    access(path, Access::READ_OK).is_ok()
}

/// The first of `files` that this user can't write; the folder instead if the file
/// doesn't exist and can't be created there. Opens and creates nothing.
pub fn first_unwritable(files: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    files.into_iter().find_map(|file| {
        let folder = file.parent().unwrap_or(Path::new("/"));
        if file.exists() {
            access(&file, Access::WRITE_OK).is_err().then_some(file)
        } else {
            access(folder, Access::WRITE_OK | Access::EXEC_OK).is_err().then(|| folder.to_owned())
        }
    })
}

/// The user ID of a file's owner and its permission bits, or `None` if it can't be
/// queried.
pub fn owner_and_mode(path: &Path) -> Option<(u32, u32)> {
    let file = path.metadata().ok()?;
    Some((file.uid(), file.mode() & 0o777))
}

/// Whether a write to stdout failed because its terminal was closed. The error is EIO;
/// EIO from anything but a character device is a real write error.
pub fn is_closed_terminal(error: &io::Error) -> bool {
    let is_device =
        |stat: rustix::fs::Stat| FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
        && fstat(io::stdout()).is_ok_and(is_device)
}

/// Rows and columns of the terminal on stdout, or `None` if stdout is no terminal.
pub fn terminal_size() -> Option<(usize, usize)> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then(|| (size.ws_row.into(), size.ws_col.into()))
}

/// Columns of the terminal on stdout, or `None` if stdout is no terminal.
pub fn terminal_columns() -> Option<usize> {
    terminal_size().map(|(_, columns)| columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn names_the_unwritable_file_or_folder_and_creates_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (file, new) = (dir.path().join("a.db"), dir.path().join("a.db.lock"));
        fs::write(&file, "x").unwrap();
        let first = || first_unwritable([file.clone(), new.clone()]);
        assert_eq!(first(), None);
        assert!(!new.exists());
        assert_eq!(first_unwritable([dir.path().join("no/a.db")]), Some(dir.path().join("no")));
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        set(&file, 0o400);
        set(dir.path(), 0o500);
        // Permission bits don't restrict root.
        if fs::File::options().write(true).open(&file).is_err() {
            assert_eq!(first(), Some(file.clone()));
            set(&file, 0o600);
            assert_eq!(first(), Some(dir.path().to_owned()));
        }
        set(dir.path(), 0o700);
    }
}
