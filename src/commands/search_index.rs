//! The search index beside the archive: when it is built, kept up to date and removed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::{CommandContext, Failure, FailureKind};
use crate::archive::message_scan::MessageFilter;
use crate::archive::word_index::{self, Build, SUBSCRIBER, WordIndex, WordIndexWriter};
use crate::archive::{ArchiveError, ArchiveErrorKind, Lock, Reader, Writer, changes, health};
use crate::config::Config;
use crate::search::index::{self, Progress};

/// How long a run may work on the index.
const BUDGET: Duration = Duration::from_mins(1);
/// From this many documents on, words of edited and deleted messages are dropped once a day.
const LARGE_INDEX: u64 = 1_000_000;
/// How long such words may stay in a large index.
const MAX_RESIDUE_AGE: Duration = Duration::from_hours(24);
/// Size of an index, in hundredths of the size of its archive, at most.
const MAX_SIZE_PERCENT: u64 = 60;

/// Why there is no index.
#[derive(Debug)]
pub enum NoIndex {
    /// The archive can't be locked or its key not be read.
    Failed(Failure),
    /// The archive or the index can't be read or written.
    Archive(ArchiveError),
    /// Another reason.
    Other(&'static str),
}

impl fmt::Display for NoIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => f.write_str(failure.parts().0),
            Self::Archive(error) => error.fmt(f),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

impl From<Failure> for NoIndex {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<ArchiveError> for NoIndex {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

/// The index of an archive as a search uses it.
pub struct SearchIndex<'c> {
    context: &'c CommandContext,
    config: &'c Config,
    path: PathBuf,
}

impl<'c> SearchIndex<'c> {
    /// The index of the configured archive.
    pub fn new(context: &'c CommandContext, config: &'c Config) -> Self {
        Self { context, config, path: word_index::path_of(&config.archive.path) }
    }

    /// Opens the index. To be called before the archive's snapshot is taken.
    pub fn open(&self) -> Result<WordIndex, ArchiveError> {
        WordIndex::open(&self.path)
    }

    /// Builds the index anew. The archive's lock is taken only for a moment: a sync may run
    /// meanwhile, and its changes are recorded. This process has no connection to the archive.
    /// `on_read` is called with the number of messages read, and of all.
    pub fn build(&self, on_read: &mut dyn FnMut(u64, u64)) -> Result<(), NoIndex> {
        let archive = &self.config.archive;
        self.check_space()?;
        let file = self.context.archive_file(archive)?;
        let lock = Lock::take(&file, "search", None, CommandContext::now());
        let lock = lock.map_err(|error| Failure::lock(error, &archive.path))?;
        let token = CommandContext::new_token();
        let build = Build::start(&archive.path, &token[..8])?
            .ok_or(NoIndex::Other("another search is building it"))?;
        file.change(|tx, now| changes::subscribe(tx, SUBSCRIBER, &token, now))?;
        drop(lock);
        let reader = Reader::open(&archive.path)?;
        let total = reader.filter_scope(&MessageFilter::default())?.messages;
        index::build(&reader, &build, &token, |read| on_read(read, total))?;
        Ok(build.finish()?)
    }

    fn check_space(&self) -> Result<(), NoIndex> {
        let archive = &self.config.archive.path;
        let size = archive.metadata().map_or(0, |metadata| metadata.len());
        if health::has_free_space(archive, size / 100 * MAX_SIZE_PERCENT) {
            return Ok(());
        }
        Err(NoIndex::Other("the disk has not enough free space"))
    }

    /// The failure of a command that was asked to build the index.
    pub fn failure(&self, error: NoIndex) -> Failure {
        match error {
            NoIndex::Failed(failure) => failure.with_context("cannot build the search index"),
            NoIndex::Archive(error) => {
                Failure::archive(&error, &self.path).with_context("cannot build the search index")
            }
            NoIndex::Other(reason) => Failure::new(
                FailureKind::Archive(ArchiveErrorKind::Io),
                format!("cannot build the search index: {reason}"),
            ),
        }
    }
}

/// Keeps the index up to date, for a command that holds the archive's lock.
pub struct Upkeep<'a> {
    runtime: &'a Runtime,
    writer: &'a Writer,
    archive: &'a Path,
    index: PathBuf,
}

/// What an index can be used for.
enum Usability {
    /// It can be brought up to date.
    Current(WordIndexWriter),
    /// There is none, or it belongs to another archive or version, or is damaged.
    Useless,
}

impl<'a> Upkeep<'a> {
    /// The upkeep of an archive's index.
    pub fn new(runtime: &'a Runtime, writer: &'a Writer, archive: &'a Path) -> Self {
        Self { runtime, writer, archive, index: word_index::path_of(archive) }
    }

    /// Brings the index up to date after a run, as far as the time allows; removes it if it can't be used, or
    /// is not wanted. What is left is done by the next run.
    pub fn after_run(&self, is_wanted: bool, is_stopping: impl Fn() -> bool) -> Result<(), ArchiveError> {
        let reader = Reader::open_beside_writer(self.archive)?;
        if reader.is_index_erasure_due()? {
            return self.after_erasure();
        }
        if !is_wanted {
            return self.discard(&reader);
        }
        let end = Instant::now() + BUDGET;
        match self.update(&reader, false, &is_stopping, || Instant::now() >= end) {
            Err(error) if is_useless(error.kind) => {
                tracing::warn!("removing the search index: {error}; the next search builds it anew");
                self.discard(&reader)
            }
            updated => updated,
        }
    }

    /// Cleans the index of what was erased from the archive. If that fails, removes it.
    pub fn after_erasure(&self) -> Result<(), ArchiveError> {
        word_index::discard_builds(&self.index)?;
        let reader = Reader::open_beside_writer(self.archive)?;
        if let Err(error) = self.update(&reader, true, &|| false, || false) {
            tracing::warn!("cannot clean the search index, so it is removed: {error}");
            self.discard(&reader)?;
        }
        self.runtime.block_on(self.writer.run(word_index::record_erasure))
    }

    fn update(
        &self,
        reader: &Reader,
        is_erasure: bool,
        is_stopping: &dyn Fn() -> bool,
        is_over: impl Fn() -> bool,
    ) -> Result<(), ArchiveError> {
        let mut writer = match self.usability(reader)? {
            Usability::Current(writer) => writer,
            Usability::Useless => return self.discard(reader),
        };
        word_index::restrict(&self.index, self.archive)?;
        let token = CommandContext::new_token();
        let has_changes = writer.state()?.position != reader.last_change()?;
        if has_changes {
            writer.announce(&token)?;
            let announced = token.clone();
            self.runtime.block_on(
                self.writer
                    .run(move |tx| changes::set_token(tx, SUBSCRIBER, &announced, CommandContext::now())),
            )?;
            loop {
                match index::update(reader, &mut writer, &token, CommandContext::now(), is_stopping)? {
                    Progress::Complete => break,
                    Progress::Unfinished if is_stopping() || is_over() => break,
                    Progress::Unfinished => {}
                    Progress::Lost => return self.discard(reader),
                }
            }
        }
        if !is_stopping() {
            Self::clean(&mut writer, is_erasure)?;
        }
        if has_changes {
            let position = writer.state()?.position;
            self.runtime.block_on(self.writer.run(move |tx| {
                changes::advance(tx, SUBSCRIBER, position, &token, CommandContext::now())?;
                changes::trim(tx)
            }))?;
        }
        Ok(())
    }

    /// Drops the words of removed documents from the file: at once after an erasure and in a small
    /// index, else once a day.
    fn clean(writer: &mut WordIndexWriter, is_erasure: bool) -> Result<(), ArchiveError> {
        if is_erasure {
            // Also if a killed process has dropped them already.
            writer.drop_residue()?;
            return writer.vacuum();
        }
        let Some(since) = writer.state()?.residue_since else { return Ok(()) };
        let is_old = CommandContext::now().as_millis() - since
            >= i64::try_from(MAX_RESIDUE_AGE.as_millis()).unwrap_or(i64::MAX);
        if is_old || writer.documents()? < LARGE_INDEX {
            writer.drop_residue()?;
        }
        Ok(())
    }

    fn usability(&self, reader: &Reader) -> Result<Usability, ArchiveError> {
        if !word_index::exists(&self.index) {
            return Ok(Usability::Useless);
        }
        let opened = WordIndexWriter::open(&self.index).and_then(|writer| Ok((writer.state()?, writer)));
        let (state, writer) = match opened {
            Ok(opened) => opened,
            Err(error) if is_useless(error.kind) => return Ok(Usability::Useless),
            Err(error) => return Err(error),
        };
        let subscription = reader.subscription(SUBSCRIBER)?.filter(|subscription| !subscription.is_lost);
        let belongs = subscription.is_some_and(|subscription| state.belongs_to(&subscription.token));
        let is_usable = belongs && state.format == index::format();
        Ok(if is_usable { Usability::Current(writer) } else { Usability::Useless })
    }

    /// Removes the index, and what a killed process left of one, and stops recording changes for
    /// it.
    fn discard(&self, reader: &Reader) -> Result<(), ArchiveError> {
        word_index::remove(&self.index)?;
        self.unsubscribe(reader)
    }

    /// Stops recording changes, unless a search is building an index.
    fn unsubscribe(&self, reader: &Reader) -> Result<(), ArchiveError> {
        if reader.subscription(SUBSCRIBER)?.is_none() || word_index::has_live_build(&self.index) {
            return Ok(());
        }
        self.runtime.block_on(self.writer.run(|tx| changes::unsubscribe(tx, SUBSCRIBER)))
    }
}

/// Whether an index with this error is to be removed: it is damaged, or another user's.
const fn is_useless(kind: ArchiveErrorKind) -> bool {
    use ArchiveErrorKind::{Busy, DiskFull, Interrupted, Io};
    !matches!(kind, Busy | DiskFull | Interrupted | Io)
}

/// The failure of a command that erased data from the archive, but not from the index.
pub fn not_erased(error: &ArchiveError, archive: &Path) -> Failure {
    let index = word_index::path_of(archive);
    let message = format!(
        "the archive is done, but the search index {} still holds what was erased: {error}",
        index.display()
    );
    Failure::new(FailureKind::Archive(error.kind), message)
        .hint("delete that file; the next search builds it anew")
}
