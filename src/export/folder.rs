//! The folder of an export.
//!
//! Each file is written under a temporary name and put in place by rename if its content differs
//! from what is there. Before that, its path is added to a journal, which is removed once the
//! manifest lists the files: if an export is killed, the next one knows the files that it must
//! replace or remove, and that the folder is not in the state that the manifest describes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File};
use std::io::{self, BufReader, BufWriter, Read as _, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::manifest::{Contents, FileEntry, Manifest};
use super::{ExportError, Format};
use crate::files::{create_own_file, replace_file};

/// Where a file is written before it is put in place.
const TEMPORARY: &str = ".verta-sync-export.tmp";
/// The same for the manifest.
const NEW_MANIFEST: &str = ".verta-sync-manifest.tmp";
/// The paths of the files that an export has written, one per line, until it is complete.
const JOURNAL: &str = ".verta-sync-export.journal";
const MANIFEST: &str = "manifest.json";
const BUFFER_BYTES: usize = 256 << 10;

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its path, relative to the folder, without its extension.
    pub path: String,
    /// What its rows are.
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
    /// The files of the last complete export.
    manifest: Manifest,
    /// SHA-256 of that manifest, in hex. `None` if there is none, or a later export was killed.
    fingerprint: Option<String>,
    /// Paths of files that killed exports have written.
    unlisted: BTreeSet<String>,
    journal: Option<File>,
    /// The files of this export.
    files: BTreeMap<String, FileEntry>,
    /// Files that were replaced or are new.
    written: u64,
}

/// What an export has made of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedFolder {
    /// Files in it.
    pub files: u64,
    /// Files that are new or have changed.
    pub written: u64,
    /// Files that were removed.
    pub removed: u64,
    /// See [`Folder::fingerprint`].
    pub fingerprint: String,
}

impl Folder {
    /// Opens or creates a folder, with files of this mode.
    pub fn open(path: &Path, format: Format, mode: u32) -> Result<Self, ExportError> {
        let failed = |source| ExportError::Io { path: path.to_owned(), source };
        if path.exists() && !path.is_dir() {
            return Err(ExportError::Target(format!("{} is not a folder", path.display())));
        }
        create_folder(path, mode).map_err(failed)?;
        let lock = File::open(path).map_err(failed)?;
        if lock.try_lock().is_err() {
            return Err(ExportError::Target(format!("another export is writing to {}", path.display())));
        }
        let read = |name: &str| match fs::read(path.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(failed),
        };
        let text = read(MANIFEST)?;
        let manifest = match &text {
            Some(text) => {
                Manifest::parse(text).filter(|it| it.files.keys().all(is_inside)).ok_or_else(|| {
                    let message =
                        format!("{} is not a manifest of this version", path.join(MANIFEST).display());
                    ExportError::Target(message)
                })?
            }
            None => Manifest::new(format),
        };
        if manifest.format != format.name() {
            let message = format!("{} holds an export as {}", path.display(), manifest.format);
            return Err(ExportError::Target(message));
        }
        let journal = read(JOURNAL)?;
        let fingerprint =
            text.filter(|_| journal.is_none()).map(|text| format!("{:x}", Sha256::digest(text)));
        let unlisted = String::from_utf8_lossy(&journal.unwrap_or_default())
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(is_inside)
            .collect();
        Ok(Self {
            path: path.to_owned(),
            format,
            mode,
            _lock: lock,
            manifest,
            fingerprint,
            unlisted,
            journal: None,
            files: BTreeMap::new(),
            written: 0,
        })
    }

    /// What identifies the content of the folder; `None` if it has no complete export.
    pub fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }

    /// The files of the last complete export, and whether each is there with its size.
    pub fn listed_files(&self) -> impl Iterator<Item = (&Contents, bool)> {
        self.manifest.files.iter().map(|(path, entry)| {
            let metadata = self.path.join(path).symlink_metadata();
            let is_intact =
                metadata.is_ok_and(|metadata| metadata.is_file() && metadata.len() == entry.bytes);
            (&entry.contents, is_intact)
        })
    }

    /// Keeps files of the last export as they are.
    pub fn keep(&mut self, is_kept: impl Fn(&Contents) -> bool) {
        let kept = self.manifest.files.iter().filter(|(_, entry)| is_kept(&entry.contents));
        self.files.extend(kept.map(|(path, entry)| (path.clone(), entry.clone())));
    }

    /// Where a file is while it is being written.
    pub fn temporary(&self) -> PathBuf {
        self.path.join(TEMPORARY)
    }

    /// Begins a file. Only one is written at a time.
    pub fn begin(&self) -> Result<FolderFile, ExportError> {
        let file = BufWriter::with_capacity(BUFFER_BYTES, self.create(&self.temporary())?);
        Ok(FolderFile { file, digest: Sha256::new(), bytes: 0 })
    }

    /// Ends a file, and puts it in its place if it differs from what is there.
    pub fn end(&mut self, partition: Partition, rows: u64, file: FolderFile) -> Result<(), ExportError> {
        let relative = format!("{}.{}", partition.path, self.format.extension());
        let target = self.path.join(&relative);
        let failed = |source| ExportError::Io { path: target.clone(), source };
        let FolderFile { file, digest, bytes } = file;
        let temporary = self.temporary();
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        self.check_folders(&relative)?;
        if is_same(&temporary, &target).map_err(failed)? {
            fs::remove_file(&temporary).map_err(failed)?;
        } else {
            let is_known = self.manifest.files.contains_key(&relative) || self.unlisted.contains(&relative);
            if target.symlink_metadata().is_ok() && !is_known {
                let message = format!("{} is there, and no export has written it", target.display());
                return Err(ExportError::Target(message));
            }
            file.sync_all().map_err(failed)?;
            self.announce(&relative)?;
            create_folder(target.parent().unwrap_or(&self.path), self.mode).map_err(failed)?;
            fs::rename(&temporary, &target).map_err(failed)?;
            self.written += 1;
        }
        let entry = FileEntry {
            contents: partition.contents,
            rows,
            bytes,
            sha256: format!("{:x}", digest.finalize()),
        };
        self.files.insert(relative, entry);
        Ok(())
    }

    /// Removes the files of earlier exports that this one has not, and writes the manifest.
    pub fn finish(mut self) -> Result<FinishedFolder, ExportError> {
        let known: BTreeSet<&String> = self.manifest.files.keys().chain(&self.unlisted).collect();
        let gone: Vec<String> =
            known.into_iter().filter(|path| !self.files.contains_key(*path)).cloned().collect();
        let mut removed = 0;
        for relative in &gone {
            self.announce(relative)?;
            self.check_folders(relative)?;
            let path = self.path.join(relative);
            match fs::remove_file(&path) {
                Ok(()) => removed += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(ExportError::Io { path, source }),
            }
            // Folders that are empty now.
            for folder in path.ancestors().skip(1).take_while(|folder| *folder != self.path) {
                if fs::remove_dir(folder).is_err() {
                    break;
                }
            }
        }
        let is_new = self.manifest.files != self.files || !self.path.join(MANIFEST).exists();
        self.manifest.files = std::mem::take(&mut self.files);
        if is_new {
            self.write_manifest()?;
        }
        fs::remove_file(self.path.join(JOURNAL)).ok();
        Ok(FinishedFolder {
            files: self.manifest.files.len() as u64,
            written: self.written,
            removed,
            fingerprint: format!("{:x}", Sha256::digest(self.manifest.text())),
        })
    }

    /// Fails if a path leads through anything but folders, such as a link out of the folder.
    fn check_folders(&self, relative: &str) -> Result<(), ExportError> {
        let mut path = self.path.clone();
        for part in Path::new(relative).parent().into_iter().flat_map(Path::components) {
            path.push(part);
            match path.symlink_metadata() {
                Ok(metadata) if !metadata.is_dir() => {
                    return Err(ExportError::Target(format!("{} is no folder", path.display())));
                }
                Ok(_) => {}
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Notes in the journal that a file is about to be written or removed.
    fn announce(&mut self, relative: &str) -> Result<(), ExportError> {
        let path = self.path.join(JOURNAL);
        let mut line = serde_json::Value::from(relative).to_string();
        line.push('\n');
        let failed = |source| ExportError::Io { path: path.clone(), source };
        if self.journal.is_none() {
            let mut journal = self.create(&path)?;
            for earlier in &self.unlisted {
                writeln!(journal, "{}", serde_json::Value::from(earlier.as_str())).map_err(failed)?;
            }
            self.journal = Some(journal);
        }
        let Some(journal) = &mut self.journal else { return Ok(()) };
        journal.write_all(line.as_bytes()).and_then(|()| journal.sync_data()).map_err(failed)
    }

    fn write_manifest(&self) -> Result<(), ExportError> {
        let path = self.path.join(MANIFEST);
        let text = self.manifest.text();
        replace_file(&path, &self.path.join(NEW_MANIFEST), self.mode, text.as_bytes())
            .map_err(|source| ExportError::Io { path, source })
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

impl Drop for Folder {
    fn drop(&mut self) {
        // Of this export, if it has failed, or an earlier one that was killed.
        for name in [TEMPORARY, NEW_MANIFEST] {
            fs::remove_file(self.path.join(name)).ok();
        }
    }
}

/// A file that is being written.
pub struct FolderFile {
    file: BufWriter<File>,
    digest: Sha256,
    bytes: u64,
}

impl Write for FolderFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.digest.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Whether a relative path stays below the folder.
fn is_inside(path: &String) -> bool {
    Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)))
}

/// Creates a folder with those above it. Who may read the archive may open it.
fn create_folder(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode | (mode & 0o444) >> 2).create(path)
}

/// Whether both files exist with the same content.
pub fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
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
