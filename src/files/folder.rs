//! Folders that the program keeps beside the archive.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, mkdir, open, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::own::{OWN_FLAGS, checked};
use super::{FileError, FileKind};

/// An open folder of the program's own. Its files are reached through the open
/// folder, so that no file outside of it is ever read, written or deleted.
#[derive(Debug)]
pub struct OwnFolder {
    folder: OwnedFd,
    path: PathBuf,
}

impl OwnFolder {
    /// Opens a folder; `None` if there is none.
    ///
    /// # Errors
    /// When a link or a file stands there, or it is closed to this user.
    pub fn open(path: &Path) -> Result<Option<Self>, FileError> {
        match open(path, OFlags::RDONLY | OFlags::DIRECTORY | OWN_FLAGS, Mode::empty()) {
            Ok(folder) => Ok(Some(Self { folder, path: path.to_owned() })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno @ (Errno::LOOP | Errno::NOTDIR)) => {
                Err(Self::what_stands_at(path).unwrap_or_else(|| FileError::io(path, errno)))
            }
            Err(errno) => Err(FileError::io(path, errno)),
        }
    }

    fn what_stands_at(path: &Path) -> Option<FileError> {
        let metadata = path.symlink_metadata().ok()?;
        let error = if metadata.is_symlink() {
            FileError::NotRegular { path: path.to_owned(), kind: FileKind::Link }
        } else {
            FileError::NotFolder { path: path.to_owned() }
        };
        Some(error)
    }

    /// Opens a folder, and makes it first if there is none.
    ///
    /// # Errors
    /// As [`OwnFolder::open`]; also when it can't be made.
    pub fn open_or_create(path: &Path, mode: u32) -> Result<Self, FileError> {
        if let Some(folder) = Self::open(path)? {
            return Ok(folder);
        }
        match mkdir(path, Mode::from_raw_mode(mode)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(FileError::io(path, errno)),
        }
        Self::open(path)?.ok_or_else(|| FileError::io(path, io::ErrorKind::NotFound))
    }

    /// The names of the regular files in it, sorted.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn files(&self) -> Result<Vec<OsString>, FileError> {
        let failed = |errno| FileError::io(&self.path, errno);
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if matches!(entry.file_type(), FileType::RegularFile | FileType::Unknown) {
                names.push(OsString::from_vec(entry.file_name().to_bytes().to_vec()));
            }
        }
        names.retain(|name| name != "." && name != "..");
        names.sort();
        Ok(names)
    }

    /// Opens a file of it for reading; `None` if there is none.
    ///
    /// # Errors
    /// When it is a link, has further hard links, or is no regular file.
    pub fn open_file(&self, name: &OsStr) -> Result<Option<File>, FileError> {
        let path = self.path.join(name);
        let stat = match statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(FileError::io(&path, errno)),
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(FileError::NotRegular { path, kind: FileKind::Other });
        }
        match openat(&self.folder, name, OFlags::RDONLY | OWN_FLAGS, Mode::empty()) {
            Ok(file) => checked(&path, file.into()).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(FileError::io(&path, errno)),
        }
    }

    /// Makes a file with exactly these permissions.
    ///
    /// # Errors
    /// When something stands there already, or it can't be made.
    pub fn create_file(&self, name: &OsStr, mode: u32) -> Result<File, FileError> {
        let path = self.path.join(name);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OWN_FLAGS;
        let file = openat(&self.folder, name, flags, Mode::from_raw_mode(mode));
        let file = File::from(file.map_err(|errno| FileError::io(&path, errno))?);
        let permissions = file.set_permissions(Permissions::from_mode(mode));
        permissions.map_err(|error| FileError::io(&path, error))?;
        Ok(file)
    }

    /// Gives a file of it another name in it.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn rename(&self, from: &OsStr, to: &OsStr) -> Result<(), FileError> {
        renameat(&self.folder, from, &self.folder, to)
            .map_err(|errno| FileError::io(&self.path.join(from), errno))
    }

    /// Removes a file of it. One that is gone already is no error.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn remove(&self, name: &OsStr) -> Result<(), FileError> {
        match unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(FileError::io(&self.path.join(name), errno)),
        }
    }

    /// Removes the folder if it is empty.
    pub fn remove_if_empty(self) {
        // The path may lead to another folder by now: then that one stays if it
        // holds anything, and an empty one is no loss.
        rustix::fs::rmdir(&self.path).ok();
    }
}
