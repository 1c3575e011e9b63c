//! What the archive remembers of exports: that they were made, so that `forget` can remind of them,
//! and up to which change they are, so that the next one reads only what has changed.

use std::path::{Path, PathBuf};

use super::command_context::display_path;
use super::{CommandContext, Failure};
use crate::archive::audit::record_export;
use crate::archive::{ArchiveError, ArchiveFile, Lock, LockError, Reader, Tx, changes};
use crate::config::Config;
use crate::export::{ExportState, Format, Memory};
use crate::model::Timestamp;
use crate::report::terminal_safe;
use crate::ui::to_stderr;

/// Exports that `forget` names at most.
const NAMED_EXPORTS: usize = 10;
/// Longest path that is printed whole, in columns.
const PATH_WIDTH: usize = 200;

/// The record of an export to a path.
pub(super) struct ExportRecord<'c> {
    context: &'c CommandContext,
    config: &'c Config,
    path: PathBuf,
    format: Format,
}

impl<'c> ExportRecord<'c> {
    /// The record of an export to an absolute path.
    pub(super) fn new(
        context: &'c CommandContext,
        config: &'c Config,
        path: PathBuf,
        format: Format,
    ) -> Self {
        Self { context, config, path, format }
    }

    /// Records the export, and from now on what changes in the archive. `None`, with a notice, if the
    /// archive can't be written. This process has no connection to the archive.
    pub(super) fn begin(&self) -> Option<Memory> {
        let subscriber = Memory::subscriber(&self.path);
        let (name, path, format) = (subscriber.clone(), display_path(&self.path), self.format.name());
        let is_remembered = self.format != Format::Sqlite;
        let recorded = self.change(move |tx, now| {
            if is_remembered {
                changes::ensure_subscribed(tx, &name, now)?;
            }
            record_export(tx, &path, format, now)
        });
        match recorded {
            Ok(history) => Some(Memory { subscriber, history }),
            Err(failure) => {
                let notice = format!("\"forget\" will not remind of this export: {}", failure.parts().0);
                self.context.message_sink().warn(&notice, to_stderr);
                None
            }
        }
    }

    /// Records up to which change the export is. If that fails, the next export reads everything. This
    /// process has no connection to the archive.
    pub(super) fn end(&self, state: ExportState) {
        let subscriber = Memory::subscriber(&self.path);
        let recorded =
            self.change(move |tx, now| changes::advance(tx, &subscriber, state.position, &state.token, now));
        if let Err(failure) = recorded {
            tracing::warn!("the next export will read everything: {}", failure.parts().0);
        }
    }

    /// Writes to the archive, also while a sync runs. Returns the history that the change belongs to.
    fn change(
        &self,
        change: impl FnOnce(&mut Tx<'_>, Timestamp) -> Result<(), ArchiveError>,
    ) -> Result<String, Failure> {
        let file = self.context.archive_file(&self.config.archive)?;
        let failed = |error: &ArchiveError, file: &ArchiveFile| Failure::archive(error, &file.path);
        match Lock::take(&file, "export", None, CommandContext::now()) {
            Ok(lock) => {
                file.annotate(Some(&lock), change).map_err(|error| failed(&error, &file))?;
                Ok(lock.history().to_owned())
            }
            Err(error @ LockError::Held(_)) => {
                let history = Lock::history_of(&file.path);
                let history = history.ok_or_else(|| Failure::lock(error, &file.path))?;
                file.annotate(None, change).map_err(|error| failed(&error, &file))?;
                Ok(history)
            }
            Err(error) => Err(Failure::lock(error, &file.path)),
        }
    }
}

/// Reminds of the exports that may still hold what was erased.
pub(super) fn remind(archive: &Path, context: &CommandContext) {
    let exports = Reader::open(archive).and_then(|reader| reader.recorded_exports()).unwrap_or_default();
    if exports.is_empty() {
        return;
    }
    let named = exports.iter().take(NAMED_EXPORTS).map(|export| {
        let time = crate::report::utc_seconds(export.made_at);
        format!("{} ({time})", terminal_safe(&export.path, PATH_WIDTH))
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let warning = format!(
        "exports that were made still hold what was erased; export there again, or delete them: {named}"
    );
    context.message_sink().warn(&warning, to_stderr);
}
