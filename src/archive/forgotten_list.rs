//! The list of erased people beside the archive (`archive.db.forgotten`).
//!
//! It holds the same markers as the table `forgotten`, so that a restored backup doesn't
//! bring erased people back: whenever the archive is opened for writing, each of the two
//! gets what only the other has, and people whom only the file names are erased again.

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::Path;

use rusqlite::Connection;

use super::forget::{forget, record_marker};
use super::tx::in_transaction;
use super::{ArchiveError, ArchiveErrorKind, beside, sweep, users};
use crate::anonymize::{HashScheme, Rules};
use crate::files::{FileError, open_own_file, replace_file};

/// The first words of the file.
const HEADER: &str = "verta-sync: people who stay erased;";
/// Size limit of the file: two million people.
const MAX_BYTES: u64 = 128 << 20;

/// What the file holds: markers, and the scheme that they were made by.
#[derive(Debug, Default, PartialEq, Eq)]
struct List {
    /// The scheme's name, and the fingerprint of its key.
    scheme: String,
    markers: BTreeSet<String>,
}

/// How the file names a scheme.
fn scheme_text(scheme: HashScheme) -> String {
    match scheme.key() {
        None => HashScheme::PLAIN_NAME.to_owned(),
        Some(key) => format!("{} {}", HashScheme::KEYED_NAME, key.fingerprint()),
    }
}

impl List {
    /// Reads the file; `None` if there is none.
    fn read(path: &Path) -> Result<Option<Self>, ArchiveError> {
        let Some(file) = open_own_file(path, false).map_err(|error| unusable(&error))? else {
            return Ok(None);
        };
        let mut text = String::new();
        file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| unreadable(path, &error))?;
        Self::parse(&text).map(Some).ok_or_else(|| {
            let message = format!(
                "{} is damaged: without it a restored backup would bring erased people back",
                path.display()
            );
            ArchiveError::new(ArchiveErrorKind::DamagedList, message)
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.lines();
        let scheme = lines.next()?.strip_prefix(HEADER)?.trim().to_owned();
        let is_marker = |line: &&str| {
            line.len() == 64 && line.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let mut markers = BTreeSet::new();
        for line in lines {
            markers.insert(Some(line).filter(is_marker)?.to_owned());
        }
        Some(Self { scheme, markers })
    }

    fn text(&self) -> String {
        let mut text = format!("{HEADER} {}\n", self.scheme);
        for marker in &self.markers {
            text.push_str(marker);
            text.push('\n');
        }
        text
    }

    /// Replaces the file as a whole, so that a killed process leaves the old or the new one.
    fn write(&self, path: &Path, mode: u32) -> Result<(), ArchiveError> {
        let written = replace_file(path, &beside(path, ".new"), mode, self.text().as_bytes());
        written.map_err(|error| unreadable(path, &error))
    }
}

fn unusable(error: &FileError) -> ArchiveError {
    let kind = match error {
        FileError::HardLinked { .. } => ArchiveErrorKind::HardLinked,
        FileError::Io { .. } => ArchiveErrorKind::ReadOnly,
        _ => ArchiveErrorKind::NotAFile,
    };
    ArchiveError::new(kind, error.to_string())
}

fn unreadable(path: &Path, error: &io::Error) -> ArchiveError {
    let kind = match error.kind() {
        io::ErrorKind::InvalidData => ArchiveErrorKind::DamagedList,
        _ => ArchiveErrorKind::of_io(error),
    };
    ArchiveError::new(kind, format!("cannot use {}: {error}", path.display()))
}

/// The path of the list of an archive.
fn list_path(archive: &Path) -> std::path::PathBuf {
    beside(archive, ".forgotten")
}

/// The file's markers, as the scheme of the archive makes them.
fn markers_of(list: &List, archive: &Path, scheme: HashScheme) -> Result<BTreeSet<String>, ArchiveError> {
    if list.scheme == scheme_text(scheme) {
        return Ok(list.markers.clone());
    }
    // A plain list was made before the archive got its key.
    if let Some(key) = scheme.key().filter(|_| list.scheme == HashScheme::PLAIN_NAME) {
        return Ok(list.markers.iter().map(|marker| key.marker(marker)).collect());
    }
    let message = format!("{} is the list of an archive with another key", list_path(archive).display());
    Err(ArchiveError::new(ArchiveErrorKind::WrongKey, message))
}

/// The list beside an archive, as it was read.
pub(super) struct ListFile {
    list: Option<List>,
    /// Its markers, as the scheme of the archive makes them. Empty if there is no list.
    markers: BTreeSet<String>,
}

/// Reads the list beside an archive. Fails if it is of another key.
pub(super) fn read(archive: &Path, scheme: HashScheme) -> Result<ListFile, ArchiveError> {
    let list = List::read(&list_path(archive))?;
    let markers = list.as_ref().map(|list| markers_of(list, archive, scheme)).transpose()?;
    Ok(ListFile { list, markers: markers.unwrap_or_default() })
}

/// The markers of the list beside an archive, as this scheme makes them. Empty if there is no
/// list.
///
/// # Errors
/// Returns [`ArchiveError`] if the file can't be read, or is of another key.
pub fn listed_markers(archive: &Path, scheme: HashScheme) -> Result<BTreeSet<String>, ArchiveError> {
    Ok(read(archive, scheme)?.markers)
}

/// Makes the archive and the list beside it hold the same markers, and erases the people whom
/// only the list names. The caller holds the lock.
pub(super) fn merge(
    connection: &mut Connection,
    archive: &Path,
    mode: u32,
    rules: Rules,
    file: ListFile,
) -> Result<(), ArchiveError> {
    let ListFile { list: listed, markers: in_file } = file;
    let in_archive = archived(connection)?;
    let unknown: BTreeSet<&String> = in_file.difference(&in_archive).collect();
    if !unknown.is_empty() {
        erase_again(connection, &unknown, rules)?;
    }
    let merged = List {
        scheme: scheme_text(rules.scheme),
        markers: archived(connection)?.union(&in_file).cloned().collect(),
    };
    if merged.markers.is_empty() && listed.is_none() || listed.as_ref() == Some(&merged) {
        return Ok(());
    }
    merged.write(&list_path(archive), mode)
}

fn archived(connection: &Connection) -> Result<BTreeSet<String>, ArchiveError> {
    let mut select = connection.prepare("SELECT marker FROM forgotten")?;
    Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Adds the markers to the archive's list, and erases the archived people they are of.
fn erase_again(
    connection: &mut Connection,
    markers: &BTreeSet<&String>,
    rules: Rules,
) -> Result<(), ArchiveError> {
    let erased = in_transaction(connection, rules, |tx, now| {
        for marker in markers {
            record_marker(tx.connection, marker, now)?;
        }
        let mut erased = 0_u64;
        for (_, user) in users::all(tx.connection)? {
            if markers.contains(&user.forget_marker()) {
                forget(tx, &user, now)?;
                erased += 1;
            }
        }
        // Their IDs may stand in texts although the archive does not know them.
        sweep::request(tx.connection)?;
        Ok(erased)
    })?;
    if erased > 0 {
        tracing::warn!("a restored backup contained erased people: erased again: {erased}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anonymize::HashKey;

    #[test]
    fn a_list_round_trips_and_a_damaged_one_is_rejected() {
        let marker = "ab".repeat(32);
        let list = List { scheme: "sha256".to_owned(), markers: BTreeSet::from([marker.clone()]) };
        assert_eq!(List::parse(&list.text()), Some(list));
        let header = format!("{HEADER} sha256\n");
        for damaged in [
            "",
            "sha256\n",
            &header[..header.len() - 1],
            &format!("{header}{marker}"),
            &format!("{header}{}\n", &marker[1..]),
            &format!("{header}{}g\n", &marker[1..]),
            &format!("{header}\n{marker}\n"),
        ] {
            assert_eq!(List::parse(damaged), None, "{damaged:?}");
        }
    }

    #[test]
    fn a_plain_list_is_converted_and_one_of_another_key_refused() {
        let (key, other) = (HashKey::new([1; 32]), HashKey::new([2; 32]));
        let marker = "ab".repeat(32);
        let list = |scheme| List { scheme: scheme_text(scheme), markers: BTreeSet::from([marker.clone()]) };
        let archive = Path::new("archive.db");
        let converted = markers_of(&list(HashScheme::Plain), archive, HashScheme::Keyed(key)).unwrap();
        assert_eq!(converted, BTreeSet::from([key.marker(&marker)]));
        for (made_by, scheme) in
            [(HashScheme::Keyed(other), HashScheme::Keyed(key)), (HashScheme::Keyed(key), HashScheme::Plain)]
        {
            let error = markers_of(&list(made_by), archive, scheme).unwrap_err();
            assert_eq!(error.kind, ArchiveErrorKind::WrongKey);
        }
    }
}
