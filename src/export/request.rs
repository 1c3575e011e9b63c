//! What an export is asked for, and what it tells.

use std::path::Path;

use hashbrown::HashSet;
use sha2::{Digest as _, Sha256};

use super::folder::{FinishedFolder, Folder};
use super::months::Month;
use super::stale::Stale;
use super::tables::Table;
use super::{ExportError, Format};
use crate::archive::{ChannelRow, Reader, changes};
use crate::model::Timestamp;

/// Which rows to export.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Names of tenants; all if empty.
    pub tenants: Vec<String>,
    /// IDs or names of channels, with their threads; all if empty.
    pub channels: Vec<String>,
    /// Rows of messages sent then or later.
    pub since: Option<Timestamp>,
    /// Rows of messages sent before.
    pub until: Option<Timestamp>,
    /// Whether rows of deleted messages are exported.
    pub includes_deleted: bool,
    /// Whether channels that are hidden or can't be read any more are exported.
    pub includes_closed: bool,
    /// Channels that are left out.
    pub excluded: HashSet<ChannelRow>,
}

/// What to export.
#[derive(Debug)]
pub struct Request {
    /// The tables, in their order.
    pub tables: Vec<Table>,
    /// Which rows.
    pub filter: Filter,
    /// The format.
    pub format: Format,
    /// How the archive may know what was exported before.
    pub memory: Option<Memory>,
}

/// A subscription to the archive's change log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// Its name.
    pub subscriber: String,
    /// Identifies the changes that the log has; see [`crate::archive::Lock::history`].
    pub history: String,
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exported {
    /// Rows that were read.
    pub rows: u64,
    /// Files of the export.
    pub files: u64,
    /// Files that are new or have changed.
    pub written: u64,
    /// Files of an earlier export whose rows are gone.
    pub removed: u64,
    /// What the archive is to remember of a folder.
    pub state: Option<ExportState>,
}

/// A state of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportState {
    /// The last change that is in it.
    pub position: i64,
    /// Identifies the content of the folder and how it was made.
    pub token: String,
}

/// All of an export, in the unit of [`Progress::done`].
pub const ALL: u64 = 1_000_000;

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Rows read.
    pub rows: u64,
    /// The part that is done, in millionths.
    pub done: u64,
}

/// Called now and then while an export runs. If it returns `false`, the export is stopped.
pub type OnProgress<'p> = dyn FnMut(Progress) -> bool + 'p;

impl Memory {
    /// The name of the subscription of exports to a path.
    pub fn subscriber(path: &Path) -> String {
        let digest = format!("{:x}", Sha256::digest(path.as_os_str().as_encoded_bytes()));
        format!("{}{}", changes::EXPORT_PREFIX, &digest[..16])
    }
}

impl Request {
    /// Identifies the content of a folder and what it was made by.
    fn token(&self, fingerprint: &str) -> String {
        let Self { tables, filter, format, memory } = self;
        let history = memory.as_ref().map(|memory| memory.history.as_str()).unwrap_or_default();
        let Filter { tenants, channels, since, until, includes_deleted, includes_closed, excluded } = filter;
        let mut excluded: Vec<ChannelRow> = excluded.iter().copied().collect();
        excluded.sort_unstable();
        let version = env!("CARGO_PKG_VERSION");
        let made_by = format!(
            "{version}\n{format:?}\n{tables:?}\n{tenants:?}\n{channels:?}\n{since:?}\n{until:?}\n\
             {includes_deleted} {includes_closed}\n{excluded:?}\n{history}\n{fingerprint}"
        );
        format!("{:x}", Sha256::digest(made_by))
    }

    /// What may differ from the archive in a folder; `None` if that is everything.
    pub(super) fn stale(&self, folder: &Folder, reader: &Reader) -> Result<Option<Stale>, ExportError> {
        let (Some(memory), Some(fingerprint)) = (&self.memory, folder.fingerprint()) else { return Ok(None) };
        let subscription = reader.subscription(&memory.subscriber)?;
        let Some(subscription) = subscription
            .filter(|subscription| !subscription.is_lost && subscription.token == self.token(fingerprint))
        else {
            return Ok(None);
        };
        let Some(mut stale) = Stale::since(reader, subscription.position)? else { return Ok(None) };
        for (contents, is_intact) in folder.listed_files() {
            if is_intact {
                continue;
            }
            match contents.month.as_deref().map(Month::parse) {
                Some(Some(month)) => stale.add_month(&contents.tenant, month),
                // Written anyway, unless it is the file of a channel.
                None if contents.channel_id.is_none() => {}
                _ => return Ok(None),
            }
        }
        Ok(Some(stale))
    }

    /// The state of a folder that is complete.
    pub(super) fn state(&self, folder: &FinishedFolder, position: i64) -> Option<ExportState> {
        self.memory.is_some().then(|| ExportState { position, token: self.token(&folder.fingerprint) })
    }
}

impl Exported {
    pub(super) fn of_folder(rows: u64, folder: &FinishedFolder, state: Option<ExportState>) -> Self {
        let FinishedFolder { files, written, removed, .. } = *folder;
        Self { rows, files, written, removed, state }
    }
}
