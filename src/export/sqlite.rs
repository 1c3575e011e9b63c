//! Exports an archive as an archive of its own.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::ExportError;
use super::folder::is_same;
use super::request::{ALL, Exported, OnProgress, Progress};
use crate::archive::copy::{CopyProgress, CopyScope, copy, is_untouched_copy};
use crate::archive::{ArchiveErrorKind, beside};
use crate::files::create_own_file;

/// Suffix of the file that is renamed once it is complete.
const TEMPORARY: &str = ".verta-sync-export.tmp";

/// A file that an archive is copied to.
#[derive(Debug)]
pub struct CopyTarget {
    path: PathBuf,
    /// Permission bits.
    mode: u32,
}

impl CopyTarget {
    /// Checks that the file may be written. In a folder, it gets the name of the archive.
    ///
    /// # Errors
    /// Returns [`ExportError::Target`] if there is another file, or an archive that is in use.
    pub fn new(path: &Path, archive: &Path, mode: u32) -> Result<Self, ExportError> {
        let path = match archive.file_name().filter(|_| path.is_dir()) {
            Some(name) => path.join(name),
            None => path.to_owned(),
        };
        let shown = path.display();
        let refused = |reason: &str| Err(ExportError::Target(format!("{shown} {reason}")));
        if path.file_name().is_none() {
            return refused("is no path of a file");
        }
        let Ok(metadata) = path.symlink_metadata() else { return Ok(Self { path, mode }) };
        let is_archive = archive
            .metadata()
            .is_ok_and(|archive| (archive.dev(), archive.ino()) == (metadata.dev(), metadata.ino()));
        let leads_to_archive = path.canonicalize().ok() == archive.canonicalize().ok();
        if is_archive || leads_to_archive {
            return refused("is the archive itself");
        }
        if !metadata.is_file() {
            return refused("is no regular file");
        }
        let has_log = ["-wal", "-journal"]
            .iter()
            .any(|suffix| beside(&path, suffix).metadata().is_ok_and(|metadata| metadata.len() > 0));
        match is_untouched_copy(&path) {
            Ok(true) if !has_log => Ok(Self { path, mode }),
            Ok(_) => refused("is an archive that is in use"),
            Err(_) => refused("is another file"),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Copies the archive.
    ///
    /// # Errors
    /// Returns [`ExportError`] if the archive can't be read or the file not be written, or if it was
    /// stopped.
    pub fn export(
        &self,
        archive: &Path,
        scope: &CopyScope,
        on_progress: &mut OnProgress<'_>,
    ) -> Result<Exported, ExportError> {
        let temporary = beside(&self.path, TEMPORARY);
        let exported = self.export_by(&temporary, archive, scope, on_progress);
        // Unless it was renamed.
        fs::remove_file(&temporary).ok();
        exported
    }

    fn export_by(
        &self,
        temporary: &Path,
        archive: &Path,
        scope: &CopyScope,
        on_progress: &mut OnProgress<'_>,
    ) -> Result<Exported, ExportError> {
        let failed = |source| ExportError::Io { path: self.path.clone(), source };
        // Of an export that was killed.
        fs::remove_file(temporary).ok();
        let file = create_own_file(temporary, self.mode).map_err(failed)?;
        drop(file);
        let mut copied = 0;
        let mut on_copied = |CopyProgress { messages, total }: CopyProgress| {
            copied = messages;
            on_progress(Progress { rows: messages, done: ALL * messages / total.max(1) })
        };
        copy(archive, temporary, scope, &mut on_copied).map_err(|error| match error.kind {
            ArchiveErrorKind::Interrupted => ExportError::Stopped,
            _ => ExportError::Copy { path: self.path.clone(), source: error },
        })?;
        let is_same = is_same(temporary, &self.path).map_err(failed)?;
        if !is_same {
            File::open(temporary).and_then(|file| file.sync_all()).map_err(failed)?;
            fs::rename(temporary, &self.path).map_err(failed)?;
        }
        Ok(Exported { rows: copied, files: 1, written: u64::from(!is_same), ..Exported::default() })
    }
}
