//! Where the archive is: the file, its disk, its lock.

use std::path::{Path, PathBuf};

use super::super::Failure;
use super::super::surroundings::shown;
use super::super::system::unwritable;
use super::Steps;
use crate::archive::health::disk;
use crate::archive::{ArchiveError, ArchiveErrorKind, Lock, Reader};
use crate::exit_code::ExitCode;
use crate::report::{Finding, Mark};

/// A disk with less than this is nearly full.
const LITTLE_SPACE: u64 = 500 << 20;

/// The archive, its disk and its lock.
pub(super) fn look(path: &Path, steps: &mut Steps) {
    let mut code = ExitCode::Archive;
    let finding = match Reader::open(path).and_then(|reader| state_of(&reader)) {
        Ok((faults, schema)) if faults.is_empty() => {
            Finding::good(format!("archive: {}, schema {schema}, sound", shown(path)))
        }
        Ok((faults, _)) => Finding::bad(
            format!("archive: {} is damaged: {}", shown(path), faults.join("; ")),
            "restore the file from a backup, or move it away to begin anew",
        ),
        Err(error) if error.kind == ArchiveErrorKind::Missing => {
            Finding::good(format!("archive: {} will be made by the first sync", shown(path)))
        }
        Err(error) if error.kind == ArchiveErrorKind::OlderSchema => Finding::good(format!(
            "archive: {} will be brought to this version by the next sync",
            shown(path)
        )),
        Err(error) => unusable(&error, path, &mut code),
    };
    let is_readable = finding.mark == Mark::Good;
    let closed = unwritable(["", "-wal", "-shm"].map(|end| beside(path, end))).filter(|_| is_readable);
    let finding = match closed {
        Some(closed) => unusable(&denied(&closed), path, &mut code),
        None => finding,
    };
    steps.add(code, finding);
    if let Some(disk) = disk(path.parent().unwrap_or(path)) {
        let free = format!("{:.1} GB free", space(disk.free_bytes));
        let finding = if disk.is_remote {
            Finding::notable(
                format!("disk: {free}, over a network"),
                "keep the archive on a local disk: SQLite can't rely on the locks of a network's file system",
            )
        } else if disk.free_bytes < LITTLE_SPACE {
            Finding::notable(format!("disk: only {free}"), "make room: a million messages take about 200 MB")
        } else {
            Finding::good(format!("disk: {free}"))
        };
        steps.add(ExitCode::Archive, finding);
    }
    let lock = unwritable([beside(path, ".lock")]).filter(|_| is_readable);
    if let Some(lock) = lock {
        let (text, hint) = Failure::archive(&denied(&lock), path).parts();
        let remedies = hint.into_iter().collect();
        steps.add(ExitCode::Archive, Finding { mark: Mark::Bad, text: format!("lock: {text}"), remedies });
        return;
    }
    let finding = match Lock::holder(path) {
        None => Finding::good("lock: free"),
        Some(holder) => {
            let who = holder.map_or_else(String::new, |holder| format!(" by process {}", holder.process));
            Finding::notable(format!("lock: held{who}"), "a sync is running: \"verta-sync status\" shows it")
        }
    };
    steps.add(ExitCode::Locked, finding);
}

/// A file that belongs to the archive, by the end of its name.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    path.into()
}

fn denied(path: &Path) -> ArchiveError {
    ArchiveError::new(ArchiveErrorKind::ReadOnly, format!("{} can't be written by this user", shown(path)))
}

fn state_of(reader: &Reader) -> Result<(Vec<String>, i64), ArchiveError> {
    Ok((reader.faults()?, reader.schema_version()?))
}

fn unusable(error: &ArchiveError, path: &Path, code: &mut ExitCode) -> Finding {
    let failure = Failure::archive(error, path);
    *code = failure.exit_code;
    let (text, hint) = failure.parts();
    Finding { mark: Mark::Bad, text: format!("archive: {text}"), remedies: hint.into_iter().collect() }
}

/// Gigabytes.
#[allow(clippy::cast_precision_loss, reason = "shown to a decimal")]
fn space(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}
