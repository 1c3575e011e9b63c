//! Changes of the index.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, params};

use super::runs::{self, Run};
use super::{State, open, read_state};
use crate::archive::{ArchiveError, ChannelRow, MessageRanges};
use crate::model::Timestamp;

/// How long a change waits for readers of the index.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Runs of a platform at most; documents that fit none of them go to an unordered one.
const MAX_RUNS: usize = 64;
/// A range costs about this many steps to find.
const STEPS_PER_RANGE: u64 = 30;
/// Documents that are looked at together when messages are removed.
const WINDOW: i64 = 50_000;
/// Documents that are always removed one by one.
const MIN_REMOVED: u64 = 100_000;
/// Runs of a platform beyond which the smaller ones are merged.
const MERGED_RUNS: usize = 8;
/// Runs that such a merge leaves as they are.
const KEPT_RUNS: usize = 4;
/// Documents that are merged at once at most.
const MAX_MERGED: u64 = 100_000;

/// A message with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Its ID.
    pub message: i64,
    /// Its channel.
    pub channel: ChannelRow,
    /// Its words, separated by spaces.
    pub words: String,
}

/// A connection that changes an index.
#[derive(Debug)]
pub struct WordIndexWriter {
    pub(super) connection: Connection,
}

/// An open change of an index.
#[derive(Debug)]
pub struct IndexTx<'a> {
    connection: &'a Connection,
    runs: Vec<Run>,
}

impl WordIndexWriter {
    /// Opens an index for changes.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if there is none, or if it can't be used.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let connection = open(path, BUSY_TIMEOUT)?;
        connection.pragma_update(None, "secure_delete", true)?;
        connection.pragma_update(None, "cache_size", -8_000)?;
        Ok(Self { connection })
    }

    /// What it knows about itself.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn state(&self) -> Result<State, ArchiveError> {
        read_state(&self.connection)
    }

    /// The number of documents.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn documents(&self) -> Result<u64, ArchiveError> {
        Ok(runs::documents(&runs::read_all(&self.connection)?))
    }

    /// Stores the token of the next change.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn announce(&self, token: &str) -> Result<(), ArchiveError> {
        self.connection.execute("UPDATE state SET next_token = ?1 WHERE id = 1", params![token])?;
        Ok(())
    }

    /// Applies a change, all or nothing: nothing if it returns `None` or fails.
    ///
    /// # Errors
    /// Returns the change's own [`ArchiveError`], or that of the commit.
    pub fn change<T>(
        &mut self,
        change: impl FnOnce(&mut IndexTx<'_>) -> Result<Option<T>, ArchiveError>,
    ) -> Result<Option<T>, ArchiveError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut tx = IndexTx { connection: &transaction, runs: runs::read_all(&transaction)? };
        let Some(result) = change(&mut tx)? else { return Ok(None) };
        for run in &tx.runs {
            run.store(&transaction)?;
        }
        transaction.commit()?;
        Ok(Some(result))
    }

    /// Merges all lists, which drops the words of removed documents.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn drop_residue(&mut self) -> Result<(), ArchiveError> {
        self.connection.execute_batch("INSERT INTO words (words) VALUES ('optimize')")?;
        self.connection.execute("UPDATE state SET residue_since = NULL WHERE id = 1", [])?;
        Ok(())
    }

    /// Rewrites the file, so that no free page holds anything.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn vacuum(&self) -> Result<(), ArchiveError> {
        Ok(self.connection.execute_batch("VACUUM")?)
    }
}

impl IndexTx<'_> {
    /// Records which changes of the archive the index holds now.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn set_position(&mut self, position: i64, token: &str) -> Result<(), ArchiveError> {
        self.connection.execute(
            "UPDATE state SET position = ?1, token = ?2, next_token = NULL WHERE id = 1",
            params![position, token],
        )?;
        Ok(())
    }

    /// Adds the messages of a platform, in the order of time, ID and channel. They are not in
    /// the index.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn add(&mut self, platform: &str, documents: &[Document]) -> Result<(), ArchiveError> {
        let mut insert_words =
            self.connection.prepare_cached("INSERT INTO words (rowid, list) VALUES (?1, ?2)")?;
        let mut insert_document = self
            .connection
            .prepare_cached("INSERT INTO documents (id, channel, message) VALUES (?1, ?2, ?3)")?;
        for document in documents {
            let index = self.run_for(platform, document);
            let run = &mut self.runs[index];
            let id = run.document(run.next);
            insert_words.execute(params![id, document.words])?;
            insert_document.execute(params![id, document.channel.0, document.message])?;
            run.next += 1;
            run.documents += 1;
            run.last_message = run.last_message.max(document.message);
            run.last_sent_at = run.last_sent_at.max(document.sent_at);
        }
        Ok(())
    }

    /// The run that a document continues: of those that it fits, the one that ends last.
    fn run_for(&mut self, platform: &str, document: &Document) -> usize {
        let fits = |run: &Run| {
            run.platform == platform
                && run.is_ordered
                && run.last_message <= document.message
                && run.last_sent_at <= document.sent_at
        };
        let fitting = (0..self.runs.len()).filter(|index| fits(&self.runs[*index]));
        if let Some(best) = fitting.max_by_key(|index| self.runs[*index].last_message) {
            return best;
        }
        let of_platform = || self.runs.iter().filter(|run| run.platform == platform);
        let is_ordered = of_platform().count() < MAX_RUNS;
        let unordered = self.runs.iter().position(|run| run.platform == platform && !run.is_ordered);
        if let Some(unordered) = unordered.filter(|_| !is_ordered) {
            return unordered;
        }
        let id = self.runs.iter().map(|run| run.id + 1).max().unwrap_or(0);
        self.runs.push(Run::new(id, platform, is_ordered));
        self.runs.len() - 1
    }

    /// Removes messages. Their words stay in the file until
    /// [`WordIndexWriter::drop_residue`]. Returns whether it did: not if that is most of a large index,
    /// which is built anew in less time.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn remove(&mut self, ranges: &MessageRanges, now: Timestamp) -> Result<bool, ArchiveError> {
        let documents = runs::documents(&self.runs);
        let limit = MIN_REMOVED.max(documents / 3);
        let mut removed = 0;
        for index in 0..self.runs.len() {
            for (from, end) in self.spans(&self.runs[index], ranges)? {
                let mut first = from;
                while first < end {
                    let next = end.min(first + WINDOW);
                    for document in self.documents_in((first, next), ranges)? {
                        self.delete(index, document)?;
                        removed += 1;
                    }
                    if removed > limit {
                        return Ok(false);
                    }
                    first = next;
                }
            }
        }
        if removed > 0 {
            self.record_residue(now)?;
        }
        Ok(true)
    }

    fn delete(&mut self, run: usize, document: i64) -> Result<(), ArchiveError> {
        self.connection.prepare_cached("DELETE FROM words WHERE rowid = ?1")?.execute([document])?;
        self.connection.prepare_cached("DELETE FROM documents WHERE id = ?1")?.execute([document])?;
        self.runs[run].documents = self.runs[run].documents.saturating_sub(1);
        Ok(())
    }

    fn record_residue(&self, now: Timestamp) -> Result<(), ArchiveError> {
        self.connection.execute(
            "UPDATE state SET residue_since = coalesce(residue_since, ?1) WHERE id = 1",
            params![now.as_millis()],
        )?;
        Ok(())
    }

    /// The documents to look through for messages: each from the first to the one before the
    /// end.
    fn spans(&self, run: &Run, ranges: &MessageRanges) -> Result<Vec<(i64, i64)>, ArchiveError> {
        let mut spans = Vec::new();
        let mut steps = ranges.len() as u64 * STEPS_PER_RANGE;
        if run.is_ordered && steps < run.documents {
            for (first, last) in ranges.channels().flat_map(|(_, ranges)| ranges) {
                let from = run.first_from(self.connection, *first)?;
                let end = match last.checked_add(1) {
                    Some(after) => run.first_from(self.connection, after)?,
                    None => run.end(),
                };
                steps += u64::try_from(end - from).unwrap_or(0);
                spans.push((from, end));
            }
        }
        if !run.is_ordered || steps >= run.documents {
            return Ok(vec![(run.document(0), run.end())]);
        }
        Ok(spans)
    }

    /// The documents of a span that are among the messages.
    fn documents_in(&self, span: (i64, i64), ranges: &MessageRanges) -> Result<Vec<i64>, ArchiveError> {
        let mut select = self
            .connection
            .prepare_cached("SELECT id, channel, message FROM documents WHERE id >= ?1 AND id < ?2")?;
        let mut rows = select.query(span)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            if ranges.contains(ChannelRow(row.get(1)?), row.get(2)?) {
                found.push(row.get(0)?);
            }
        }
        Ok(found)
    }

    /// If a platform has many runs, removes the smaller ones, of which all together are not too
    /// large, and an unordered one, and returns their messages, to be added again in order.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn take_small_runs(&mut self, now: Timestamp) -> Result<MessageRanges, ArchiveError> {
        let mut platforms: Vec<String> = self.runs.iter().map(|run| run.platform.clone()).collect();
        platforms.sort_unstable();
        platforms.dedup();
        let mut taken = Vec::new();
        for platform in platforms {
            let mut runs: Vec<usize> =
                (0..self.runs.len()).filter(|index| self.runs[*index].platform == platform).collect();
            if runs.len() <= MERGED_RUNS {
                continue;
            }
            runs.sort_by_key(|index| (self.runs[*index].is_ordered, self.runs[*index].documents));
            let mut documents = 0;
            for index in &runs[..runs.len() - KEPT_RUNS] {
                documents += self.runs[*index].documents;
                if documents > MAX_MERGED {
                    break;
                }
                taken.push(*index);
            }
        }
        let mut messages = Vec::new();
        for index in &taken {
            messages.extend(self.empty_run(*index)?);
        }
        taken.sort_unstable();
        for index in taken.iter().rev() {
            let run = self.runs.remove(*index);
            self.connection.execute("DELETE FROM runs WHERE id = ?1", [run.id])?;
        }
        if !messages.is_empty() {
            self.record_residue(now)?;
        }
        Ok(messages.into_iter().collect())
    }

    /// Removes the documents of a run. Returns their messages.
    fn empty_run(&mut self, index: usize) -> Result<Vec<(ChannelRow, i64, i64)>, ArchiveError> {
        let range = [self.runs[index].document(0), self.runs[index].end()];
        let messages: Vec<(i64, ChannelRow, i64)> = {
            let mut select = self
                .connection
                .prepare_cached("SELECT id, channel, message FROM documents WHERE id >= ?1 AND id < ?2")?;
            let rows =
                select.query_map(range, |row| Ok((row.get(0)?, ChannelRow(row.get(1)?), row.get(2)?)))?;
            rows.collect::<Result<_, _>>()?
        };
        for (document, ..) in &messages {
            self.delete(index, *document)?;
        }
        Ok(messages.into_iter().map(|(_, channel, message)| (channel, message, message)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::word_index::Build;
    use crate::archive::word_index::runs::read_all;

    fn documents(times: impl IntoIterator<Item = i64>) -> Vec<Document> {
        let document = |time: i64| Document {
            sent_at: Timestamp::from_millis(time * 1000),
            message: time,
            channel: ChannelRow(time % 3),
            words: format!("w{time} common"),
        };
        times.into_iter().map(document).collect()
    }

    #[test]
    fn many_runs_are_merged_and_stay_ordered() {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("archive.db");
        std::fs::write(&archive, "").unwrap();
        let build = Build::start(&archive, "test").unwrap().unwrap();
        let mut writer = build.writer("test", "token", 0).unwrap();
        let now = Timestamp::from_millis(1);
        for sync in 0..80_i64 {
            writer
                .change(|tx| {
                    // An old message was edited, and there are many new ones.
                    let edited = 1_000_000 - sync;
                    tx.add("chat", &documents([edited]))?;
                    tx.add("chat", &documents((0..30).map(|new| 2_000_000 + sync * 100 + new)))?;
                    let small: Vec<i64> = tx
                        .take_small_runs(now)?
                        .channels()
                        .flat_map(|(_, ranges)| {
                            ranges.iter().flat_map(|(first, last)| *first..=*last).collect::<Vec<_>>()
                        })
                        .collect();
                    let mut small = documents(small);
                    small.sort_unstable_by_key(|document| (document.sent_at, document.message));
                    tx.add("chat", &small)?;
                    Ok(Some(()))
                })
                .unwrap();
        }
        let runs = read_all(&writer.connection).unwrap();
        assert!(runs.len() <= MERGED_RUNS, "{runs:?}");
        assert_eq!(runs.iter().map(|run| run.documents).sum::<u64>(), 80 * 31);
        let largest = runs.iter().map(|run| run.documents).max();
        assert_eq!(largest, Some(80 * 30 + 1), "new messages go on with the same run: {runs:?}");
        for run in &runs {
            let mut select = writer
                .connection
                .prepare("SELECT message FROM documents WHERE id >= ?1 AND id < ?2 ORDER BY id")
                .unwrap();
            let rows = select.query_map([run.document(0), run.end()], |row| row.get(0)).unwrap();
            let messages: Vec<i64> = rows.map(Result::unwrap).collect();
            assert!(run.is_ordered && messages.is_sorted() && messages.len() as u64 == run.documents);
        }
    }
}
