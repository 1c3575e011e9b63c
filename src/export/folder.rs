//! The folder of an export.
//!
//! Each file is written under a temporary name and put in place by rename if its content differs from
//! what is there. The manifest lists a new file before the file appears, so that a later export finds it
//! and removes it once its rows are gone, even if this one is killed.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::batch::Batch;
use super::format::FormatFile;
use super::manifest::{Contents, Manifest};
use super::tables::Column;
use super::{ExportError, Format};
use crate::files::create_own_file;

/// Where a file is written before it is put in place.
const TEMPORARY: &str = ".verta-sync-export.tmp";
const MANIFEST: &str = "manifest.json";
const BUFFER_BYTES: usize = 256 << 10;

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its path, relative to the folder.
    pub path: String,
    /// What it holds.
    pub contents: Contents,
}

/// A folder that is being exported to.
pub struct Folder {
    path: PathBuf,
    format: Format,
    /// Permission bits of files.
    mode: u32,
    /// Holds the lock against other exports.
    _lock: File,
    manifest: Manifest,
    /// The files of this export.
    files: BTreeMap<String, Contents>,
    current: Option<(Partition, FormatFile<BufWriter<File>>)>,
    /// Files that were replaced or are new.
    pub written: u64,
}

impl Folder {
    /// Opens or creates a folder, with files of this mode.
    pub fn open(path: &Path, format: Format, mode: u32) -> Result<Self, ExportError> {
        let failed = |source| ExportError::Io { path: path.to_owned(), source };
        if path.exists() && !path.is_dir() {
            return Err(ExportError::Folder(format!("{} is not a folder", path.display())));
        }
        create_folder(path, mode).map_err(failed)?;
        let lock = File::open(path).map_err(failed)?;
        if lock.try_lock().is_err() {
            return Err(ExportError::Folder(format!("another export is writing to {}", path.display())));
        }
        let manifest = match fs::read(path.join(MANIFEST)) {
            Ok(text) => Manifest::parse(&text).ok_or_else(|| {
                let message = format!("{} is not a manifest of this version", path.join(MANIFEST).display());
                ExportError::Folder(message)
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Manifest::new(format),
            Err(error) => return Err(failed(error)),
        };
        if manifest.format != format.name() {
            let message = format!("{} holds an export as {}", path.display(), manifest.format);
            return Err(ExportError::Folder(message));
        }
        Ok(Self {
            path: path.to_owned(),
            format,
            mode,
            _lock: lock,
            manifest,
            files: BTreeMap::new(),
            current: None,
            written: 0,
        })
    }

    /// Begins a file. The path of the partition has no extension.
    pub fn begin(&mut self, mut partition: Partition, columns: &[Column]) -> Result<(), ExportError> {
        partition.path = format!("{}.{}", partition.path, self.format.name());
        let path = self.path.join(TEMPORARY);
        let file = self.create(&path)?;
        let file = FormatFile::new(self.format, BufWriter::with_capacity(BUFFER_BYTES, file), columns);
        self.current = Some((partition, file.map_err(|error| error.at(&path))?));
        Ok(())
    }

    /// Appends rows to the current file.
    pub fn write(&mut self, batch: Batch) -> Result<(), ExportError> {
        let path = self.path.join(TEMPORARY);
        let Some((partition, file)) = &mut self.current else { return Ok(()) };
        let rows = partition.contents.rows.get_or_insert(0);
        *rows += batch.rows() as u64;
        file.write(batch).map_err(|error| error.at(&path))
    }

    /// Ends the current file, and puts it in its place if it differs from what is there.
    pub fn end(&mut self) -> Result<(), ExportError> {
        let Some((partition, file)) = self.current.take() else { return Ok(()) };
        let temporary = self.path.join(TEMPORARY);
        let target = self.path.join(&partition.path);
        let file = file.finish().map_err(|error| error.at(&temporary))?;
        let failed = |source| ExportError::Io { path: target.clone(), source };
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        if is_same(&temporary, &target).map_err(failed)? {
            fs::remove_file(&temporary).map_err(failed)?;
        } else {
            file.sync_all().map_err(failed)?;
            if !self.manifest.files.contains_key(&partition.path) {
                let contents = Contents { rows: None, ..partition.contents.clone() };
                self.manifest.files.insert(partition.path.clone(), contents);
                self.write_manifest()?;
            }
            create_folder(target.parent().unwrap_or(&self.path), self.mode).map_err(failed)?;
            fs::rename(&temporary, &target).map_err(failed)?;
            self.written += 1;
        }
        self.files.insert(partition.path, partition.contents);
        Ok(())
    }

    /// Removes the files of earlier exports that this one has not, and writes the manifest.
    /// Returns how many files there are, and how many were removed.
    pub fn finish(mut self) -> Result<(u64, u64), ExportError> {
        let gone: Vec<String> =
            self.manifest.files.keys().filter(|path| !self.files.contains_key(*path)).cloned().collect();
        for relative in &gone {
            let path = self.path.join(relative);
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(ExportError::Io { path, source });
                }
                _ => {}
            }
            // Folders that are empty now.
            for folder in path.ancestors().skip(1).take_while(|folder| *folder != self.path) {
                if fs::remove_dir(folder).is_err() {
                    break;
                }
            }
        }
        if self.manifest.files != self.files || !self.path.join(MANIFEST).exists() {
            self.manifest.files = std::mem::take(&mut self.files);
            self.write_manifest()?;
        }
        fs::remove_file(self.path.join(TEMPORARY)).ok();
        Ok((self.manifest.files.len() as u64, gone.len() as u64))
    }

    fn write_manifest(&self) -> Result<(), ExportError> {
        let path = self.path.join(MANIFEST);
        let temporary = self.path.join(format!("{TEMPORARY}.manifest"));
        let mut file = self.create(&temporary)?;
        let mut write = || {
            file.write_all(self.manifest.text().as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        };
        write().map_err(|source| ExportError::Io { path: path.clone(), source })
    }

    /// Creates a file, with the mode of the archive, in place of what a killed export left.
    fn create(&self, path: &Path) -> Result<File, ExportError> {
        fs::remove_file(path).ok();
        let created = create_own_file(path, self.mode);
        created
            .and_then(|file| file.ok_or_else(|| io::ErrorKind::AlreadyExists.into()))
            .map_err(|source| ExportError::Io { path: path.to_owned(), source })
    }
}

/// Creates a folder with those above it. Who may read the archive may open it.
fn create_folder(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode | (mode & 0o444) >> 2).create(path)
}

/// Whether both files exist with the same content.
fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (
        File::open(one)?,
        match File::open(other) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other?,
        },
    );
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let mut readers = [one, other].map(|file| BufReader::with_capacity(BUFFER_BYTES, file));
    let [one, other] = &mut readers;
    let (mut left, mut right) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
    loop {
        let read = one.read(&mut left)?;
        if read == 0 {
            return Ok(true);
        }
        other.read_exact(&mut right[..read])?;
        if left[..read] != right[..read] {
            return Ok(false);
        }
    }
}
