//! Where the archive is: the file, its disk, its lock.

use std::path::Path;

use super::super::Failure;
use super::super::surroundings::shown;
use super::super::system::unwritable;
use super::Steps;
use crate::archive::health::{Disk, disk};
use crate::archive::{ArchiveError, ArchiveErrorKind, Lock, LockState, Reader, beside};
use crate::exit_code::ExitCode;
use crate::report::{Finding, Mark};

/// A disk with less than this is nearly full.
const LITTLE_SPACE: u64 = 500 << 20;

/// The archive, its disk and its lock.
pub(super) fn look(path: &Path, steps: &mut Steps) {
    let (code, finding) = archive(path);
    let is_usable = finding.mark == Mark::Good;
    steps.add(code, finding);
    if let Some(disk) = disk(path.parent().unwrap_or(path)) {
        steps.add(ExitCode::Archive, space(disk));
    }
    // Where no archive can be made, no lock can, and that is said.
    let closed = unwritable([beside(path, ".lock")]).filter(|_| is_usable || path.exists());
    let (code, finding) = match closed {
        Some(closed) => unusable("lock", &denied(&closed), path),
        None => lock(path),
    };
    steps.add(code, finding);
}

fn archive(path: &Path) -> (ExitCode, Finding) {
    let good = match Reader::open(path).and_then(|reader| state_of(&reader)) {
        Ok((faults, schema)) if faults.is_empty() => {
            format!("archive: {}, schema {schema}, sound", shown(path))
        }
        Ok((faults, _)) => {
            let text = format!("archive: {} is damaged: {}", shown(path), faults.join("; "));
            let remedy = "restore the file from a backup, or move it away to begin anew";
            return (ExitCode::Archive, Finding::bad(text, remedy));
        }
        Err(error) if error.kind == ArchiveErrorKind::Missing => {
            format!("archive: {} will be made by the first sync", shown(path))
        }
        Err(error) if error.kind == ArchiveErrorKind::OlderSchema => {
            format!("archive: {} will be brought to this version by the next sync", shown(path))
        }
        Err(error) => return unusable("archive", &error, path),
    };
    match unwritable(["", "-wal", "-shm"].map(|end| beside(path, end))) {
        Some(closed) => unusable("archive", &denied(&closed), path),
        None => (ExitCode::Archive, Finding::good(good)),
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

fn lock(path: &Path) -> (ExitCode, Finding) {
    let holder = match Lock::state(path) {
        Ok(LockState::Held(holder)) => holder,
        Ok(LockState::Free) => return (ExitCode::Locked, Finding::good("lock: free")),
        Ok(LockState::Unknown) => {
            return unusable("lock", &denied(&beside(path, ".lock")), path);
        }
        Err(error) => return failed("lock", &Failure::lock(error, path)),
    };
    let who = holder.map_or_else(String::new, |holder| format!(" by process {}", holder.process));
    let remedy = "a sync is running: \"verta-sync status\" shows it";
    (ExitCode::Locked, Finding::notable(format!("lock: held{who}"), remedy))
}

fn denied(path: &Path) -> ArchiveError {
    ArchiveError::new(ArchiveErrorKind::ReadOnly, format!("{} can't be written by this user", shown(path)))
}

fn state_of(reader: &Reader) -> Result<(Vec<String>, i64), ArchiveError> {
    Ok((reader.faults()?, reader.schema_version()?))
}

/// What ends a sync that finds the archive, or its lock, so.
fn unusable(what: &str, error: &ArchiveError, path: &Path) -> (ExitCode, Finding) {
    failed(what, &Failure::archive(error, path))
}

fn failed(what: &str, failure: &Failure) -> (ExitCode, Finding) {
    let (text, hint) = failure.parts();
    let finding =
        Finding { mark: Mark::Bad, text: format!("{what}: {text}"), remedies: hint.into_iter().collect() };
    (failure.exit_code, finding)
}

#[allow(clippy::cast_precision_loss, reason = "shown to a decimal")]
fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}
