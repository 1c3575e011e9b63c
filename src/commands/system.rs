//! What the operating system says: what this user may do with files, and how
//! large the terminal is.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, FileType, access, fstat};
use rustix::termios::tcgetwinsize;

/// Whether this user may read a file.
pub fn may_read(path: &Path) -> bool {
    access(path, Access::READ_OK).is_ok()
}

/// The first of these files that this user can't write, or can't make: then its
/// folder. Nothing is opened, made or changed.
pub fn unwritable(files: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    files.into_iter().find_map(|file| {
        let folder = file.parent().unwrap_or(Path::new("/"));
        if file.exists() {
            access(&file, Access::WRITE_OK).is_err().then_some(file)
        } else {
            access(folder, Access::WRITE_OK | Access::EXEC_OK).is_err().then(|| folder.to_owned())
        }
    })
}

/// The ID of a file's owner, and its permission bits.
pub fn owner_and_mode(path: &Path) -> Option<(u32, u32)> {
    let file = path.metadata().ok()?;
    Some((file.uid(), file.mode() & 0o777))
}

/// Whether a write to stdout failed because its terminal was closed. Writing to a
/// file can fail in the same way, which is a loss.
pub fn is_hung_up(error: &io::Error) -> bool {
    let is_device =
        |stat: rustix::fs::Stat| FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
        && fstat(io::stdout()).is_ok_and(is_device)
}

/// Rows and columns of the terminal that stdout is.
pub fn terminal_size() -> Option<(usize, usize)> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then(|| (size.ws_row.into(), size.ws_col.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_cannot_be_written_is_named_and_nothing_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let (file, new) = (dir.path().join("a.db"), dir.path().join("a.db.lock"));
        fs::write(&file, "x").unwrap();
        let both = || unwritable([file.clone(), new.clone()]);
        assert_eq!(both(), None);
        assert!(!new.exists());
        assert_eq!(unwritable([dir.path().join("no/a.db")]), Some(dir.path().join("no")));
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        set(&file, 0o400);
        set(dir.path(), 0o500);
        // To root, all is writable.
        if fs::File::options().write(true).open(&file).is_err() {
            assert_eq!(both(), Some(file.clone()));
            set(&file, 0o600);
            assert_eq!(both(), Some(dir.path().to_owned()));
        }
        set(dir.path(), 0o700);
    }
}
