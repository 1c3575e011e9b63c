//! Checks the archive file, its disk and its lock.

use std::path::Path;

use super::steps::Steps;
use crate::anonymize::Rules;
use crate::archive::health::{FileSystemInfo, file_system};
use crate::archive::{ArchiveError, ArchiveErrorKind, Lock, LockState, Reader, beside};
use crate::commands::command_context::display_path;
use crate::commands::system::first_unwritable;
use crate::commands::{Failure, FailureKind, foreign_tables};
use crate::report::CheckResult;

/// Free bytes below which the disk counts as nearly full.
const LOW_SPACE_BYTES: u64 = 500 << 20;

/// Checks the archive, its disk and its lock.
pub(super) fn check_storage(path: &Path, rules: Result<Rules, Failure>, steps: &mut Steps) {
    let rules = rules.map_err(|failure| steps.add_failure("key", &failure)).ok();
    let archive = check_archive(path, rules);
    let is_usable = archive.is_ok();
    add("archive", archive, steps);
    if let Some(result) = check_foreign_tables(path) {
        steps.add(result);
    }
    if let Some(disk) = file_system(path.parent().unwrap_or(path)) {
        steps.add(check_space(disk));
    }
    // If no archive can be created, no lock file can either; that was reported above.
    let unwritable = first_unwritable([beside(path, ".lock")]).filter(|_| is_usable || path.exists());
    let lock = match unwritable {
        Some(unwritable) => Err(Failure::archive(&not_writable(&unwritable), path)),
        None => check_lock(path),
    };
    add("lock", lock, steps);
}

fn add(step: &str, result: Result<CheckResult, Failure>, steps: &mut Steps) {
    match result {
        Ok(result) => steps.add(result),
        Err(failure) => steps.add_failure(step, &failure),
    }
}

fn check_archive(path: &Path, rules: Option<Rules>) -> Result<CheckResult, Failure> {
    let facts = Reader::open(path).and_then(|reader| {
        rules.map_or(Ok(()), |rules| reader.check_scheme(path, rules.scheme))?;
        faults_and_schema(&reader)
    });
    let text = match facts {
        Ok((faults, schema)) if faults.is_empty() => {
            format!("archive: {}, schema {schema}, no damage found", display_path(path))
        }
        Ok((faults, _)) => {
            let kind = FailureKind::Archive(ArchiveErrorKind::Corrupt);
            let text = format!("{} is damaged: {}", display_path(path), faults.join("; "));
            return Err(Failure::new(kind, text)
                .hint("restore the file from a backup, or move it away to start over"));
        }
        Err(error) if error.kind == ArchiveErrorKind::Missing => {
            format!("archive: {} will be created by the first sync", display_path(path))
        }
        Err(error) if error.kind == ArchiveErrorKind::OlderSchema => {
            format!("archive: {} will be migrated by the next sync", display_path(path))
        }
        Err(error) => return Err(Failure::archive(&error, path)),
    };
    match first_unwritable(["", "-wal", "-shm"].map(|end| beside(path, end))) {
        Some(unwritable) => Err(Failure::archive(&not_writable(&unwritable), path)),
        None => Ok(CheckResult::ok(text)),
    }
}

/// Warns of tables that the archive doesn't define; `None` if there are none, or the archive
/// can't be read.
fn check_foreign_tables(path: &Path) -> Option<CheckResult> {
    let tables = Reader::open(path).and_then(|reader| reader.foreign_tables()).ok()?;
    let text = format!("archive: tables of another program: {}", foreign_tables::named(&tables)?);
    let remedy = "\"forget\" and \"reset --purge\" do not erase copies of texts in them, such as a full-text \
                  index: drop them, or rebuild them after each erasure";
    Some(CheckResult::warning(text, remedy))
}

fn check_space(disk: FileSystemInfo) -> CheckResult {
    let free = format!("{:.1} GB free", gigabytes(disk.free_bytes));
    if disk.is_network_file_system {
        let remedy = "keep the archive on a local disk: file locks of network file systems are unreliable";
        CheckResult::warning(format!("disk: {free}, network file system"), remedy)
    } else if disk.free_bytes < LOW_SPACE_BYTES {
        CheckResult::warning(
            format!("disk: only {free}"),
            "free disk space: a million messages take about 200 MB",
        )
    } else {
        CheckResult::ok(format!("disk: {free}"))
    }
}

fn check_lock(path: &Path) -> Result<CheckResult, Failure> {
    let holder = match Lock::state(path) {
        Ok(LockState::Held(holder)) => holder,
        Ok(LockState::Free) => return Ok(CheckResult::ok("lock: free")),
        Ok(LockState::Unknown) => return Err(Failure::archive(&not_writable(&beside(path, ".lock")), path)),
        Err(error) => return Err(Failure::lock(error, path)),
    };
    let who = holder.map_or_else(String::new, |holder| format!(" by process {}", holder.process));
    let remedy = "wait until the other command has finished; \"verta-sync status\" shows its progress";
    Ok(CheckResult::warning(format!("lock: held{who}"), remedy))
}

fn not_writable(path: &Path) -> ArchiveError {
    ArchiveError::new(
        ArchiveErrorKind::ReadOnly,
        format!("{} is not writable by this user", display_path(path)),
    )
}

fn faults_and_schema(reader: &Reader) -> Result<(Vec<String>, i64), ArchiveError> {
    Ok((reader.faults()?, reader.schema_version()?))
}

#[allow(clippy::cast_precision_loss, reason = "shown to a decimal")]
fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}
