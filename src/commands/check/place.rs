//! Where the archive is: the file, its disk, its lock.

use std::path::Path;

use super::steps::Steps;
use crate::archive::health::{Disk, disk};
use crate::archive::{ArchiveError, ArchiveErrorKind, Lock, LockState, Reader, beside};
use crate::commands::surroundings::shown;
use crate::commands::system::unwritable;
use crate::commands::{Failure, FailureKind};
use crate::report::Finding;

/// A disk with less than this is nearly full.
const LITTLE_SPACE: u64 = 500 << 20;

/// The archive, its disk and its lock.
pub(super) fn look(path: &Path, steps: &mut Steps) {
    let archive = archive(path);
    let is_usable = archive.is_ok();
    add("archive", archive, steps);
    if let Some(disk) = disk(path.parent().unwrap_or(path)) {
        steps.note(space(disk));
    }
    // Where no archive can be made, no lock can, and that is said.
    let closed = unwritable([beside(path, ".lock")]).filter(|_| is_usable || path.exists());
    let lock = match closed {
        Some(closed) => Err(Failure::archive(&denied(&closed), path)),
        None => lock(path),
    };
    add("lock", lock, steps);
}

fn add(step: &str, found: Result<Finding, Failure>, steps: &mut Steps) {
    match found {
        Ok(finding) => steps.note(finding),
        Err(failure) => steps.failed(step, &failure),
    }
}

fn archive(path: &Path) -> Result<Finding, Failure> {
    let good = match Reader::open(path).and_then(|reader| state_of(&reader)) {
        Ok((faults, schema)) if faults.is_empty() => {
            format!("archive: {}, schema {schema}, sound", shown(path))
        }
        Ok((faults, _)) => {
            let kind = FailureKind::Archive(ArchiveErrorKind::Corrupt);
            let text = format!("{} is damaged: {}", shown(path), faults.join("; "));
            return Err(Failure::new(kind, text)
                .hint("restore the file from a backup, or move it away to begin anew"));
        }
        Err(error) if error.kind == ArchiveErrorKind::Missing => {
            format!("archive: {} will be made by the first sync", shown(path))
        }
        Err(error) if error.kind == ArchiveErrorKind::OlderSchema => {
            format!("archive: {} will be brought to this version by the next sync", shown(path))
        }
        Err(error) => return Err(Failure::archive(&error, path)),
    };
    match unwritable(["", "-wal", "-shm"].map(|end| beside(path, end))) {
        Some(closed) => Err(Failure::archive(&denied(&closed), path)),
        None => Ok(Finding::good(good)),
    }
}

fn space(disk: Disk) -> Finding {
    let free = format!("{:.1} GB free", gigabytes(disk.free_bytes));
    if disk.is_remote {
        let remedy =
            "keep the archive on a local disk: SQLite can't rely on the locks of a network's file system";
        Finding::notable(format!("disk: {free}, over a network"), remedy)
    } else if disk.free_bytes < LITTLE_SPACE {
        Finding::notable(format!("disk: only {free}"), "make room: a million messages take about 200 MB")
    } else {
        Finding::good(format!("disk: {free}"))
    }
}

fn lock(path: &Path) -> Result<Finding, Failure> {
    let holder = match Lock::state(path) {
        Ok(LockState::Held(holder)) => holder,
        Ok(LockState::Free) => return Ok(Finding::good("lock: free")),
        Ok(LockState::Unknown) => return Err(Failure::archive(&denied(&beside(path, ".lock")), path)),
        Err(error) => return Err(Failure::lock(error, path)),
    };
    let who = holder.map_or_else(String::new, |holder| format!(" by process {}", holder.process));
    let remedy = "a sync is running: \"verta-sync status\" shows it";
    Ok(Finding::notable(format!("lock: held{who}"), remedy))
}

fn denied(path: &Path) -> ArchiveError {
    ArchiveError::new(ArchiveErrorKind::ReadOnly, format!("{} can't be written by this user", shown(path)))
}

fn state_of(reader: &Reader) -> Result<(Vec<String>, i64), ArchiveError> {
    Ok((reader.faults()?, reader.schema_version()?))
}

#[allow(clippy::cast_precision_loss, reason = "shown to a decimal")]
fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}
