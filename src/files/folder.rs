//! Folders that the program itself keeps beside the archive.

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

/// An open folder of the program's own. Files are accessed relative to its file
/// descriptor, so that no file outside of it is ever read, written or deleted.
#[derive(Debug)]
pub struct OwnFolder {
    folder: OwnedFd,
    path: PathBuf,
}

impl OwnFolder {
    /// Opens a folder; `None` if it doesn't exist.
    ///
    /// # Errors
    /// Returns [`FileError`] if the path is a symbolic link or not a folder, or can't be
    /// opened.
    pub fn open(path: &Path) -> Result<Option<Self>, FileError> {
        match open(path, OFlags::RDONLY | OFlags::DIRECTORY | OWN_FLAGS, Mode::empty()) {
            Ok(folder) => Ok(Some(Self { folder, path: path.to_owned() })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno @ (Errno::LOOP | Errno::NOTDIR)) => {
                Err(Self::not_a_folder(path).unwrap_or_else(|| FileError::io(path, errno)))
            }
            Err(errno) => Err(FileError::io(path, errno)),
        }
    }

    /// The error for a path that is a symbolic link or not a folder.
    fn not_a_folder(path: &Path) -> Option<FileError> {
        let metadata = path.symlink_metadata().ok()?;
        let error = if metadata.is_symlink() {
            FileError::NotRegular { path: path.to_owned(), kind: FileKind::SymbolicLink }
        } else {
            FileError::NotFolder { path: path.to_owned() }
        };
        Some(error)
    }

    /// Opens a folder, and creates it with permissions `mode` (less the umask) if it
    /// doesn't exist.
    ///
    /// # Errors
    /// As [`OwnFolder::open`], and if it can't be created.
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

    /// The names of the regular files in the folder, sorted. Includes other files on file
    /// systems that don't tell the type.
    ///
    /// # Errors
    /// Returns [`FileError::Io`] if the folder can't be read.
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

    /// Opens a file in the folder for reading; `None` if it doesn't exist.
    ///
    /// # Errors
    /// Returns [`FileError`] if it is not a regular file, has several hard links or can't
    /// be opened.
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

    /// Creates a file with exactly the permissions `mode`, regardless of the umask.
    ///
    /// # Errors
    /// Returns [`FileError::Io`] if the name already exists or the file can't be created.
    pub fn create_file(&self, name: &OsStr, mode: u32) -> Result<File, FileError> {
        let path = self.path.join(name);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OWN_FLAGS;
        let file = openat(&self.folder, name, flags, Mode::from_raw_mode(mode));
        let file = File::from(file.map_err(|errno| FileError::io(&path, errno))?);
        let permissions = file.set_permissions(Permissions::from_mode(mode));
        permissions.map_err(|error| FileError::io(&path, error))?;
        Ok(file)
    }

    /// Renames a file within the folder.
    ///
    /// # Errors
    /// Returns [`FileError::Io`] if the file can't be renamed.
    pub fn rename(&self, from: &OsStr, to: &OsStr) -> Result<(), FileError> {
        renameat(&self.folder, from, &self.folder, to)
            .map_err(|errno| FileError::io(&self.path.join(from), errno))
    }

    /// Removes a file in the folder. Succeeds if it doesn't exist.
    ///
    /// # Errors
    /// Returns [`FileError::Io`] if the file can't be removed.
    pub fn remove(&self, name: &OsStr) -> Result<(), FileError> {
        match unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(FileError::io(&self.path.join(name), errno)),
        }
    }

    /// Removes the folder if it is empty.
    pub fn remove_if_empty(self) {
        // By now the path may lead to another folder. That one is kept unless it is
        // empty, and an empty one is no loss.
        rustix::fs::rmdir(&self.path).ok();
    }
}
