//! Where an export must not go.

use std::path::Path;

use super::ExportError;
use crate::archive::word_index;

/// Checks that a path is none of the names beside an archive that its own files have, such as
/// `archive.db-wal`.
///
/// # Errors
/// Returns [`ExportError::Target`] if it is.
pub fn check_name(path: &Path, archive: &Path) -> Result<(), ExportError> {
    let folder = |path: &Path| path.parent().map(|folder| folder.canonicalize().unwrap_or(folder.to_owned()));
    let archive = archive.canonicalize().unwrap_or_else(|_| archive.to_owned());
    let name =
        |path: &Path| path.file_name().map(|name| name.as_encoded_bytes().to_vec()).unwrap_or_default();
    let (theirs, own) = (name(path), name(&archive));
    let is_side_file = theirs.len() > own.len() && theirs.starts_with(&own);
    let is_index = path.file_name() == word_index::path_of(&archive).file_name();
    if folder(path) == folder(&archive) && (is_side_file || is_index) {
        let message = format!("{} is a name for a file of the archive itself", path.display());
        return Err(ExportError::Target(message));
    }
    Ok(())
}
