//! Makes an index, and brings it up to date.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;

use super::slices::{Slice, Slices};
use super::terms::format;
use crate::archive::changes::{Change, RangeChange};
use crate::archive::word_index::{Build, Document, IndexTx, IndexedChannel, WordIndexWriter};
use crate::archive::{ArchiveError, ChannelRow, MessageRanges, Reader};
use crate::model::Timestamp;

/// Changes of the archive that are processed together. A page of new messages is one.
const STEP: u32 = 5_000;

/// Slices that wait to be written.
const SLICES_AHEAD: usize = 2;

/// How far an index has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It holds all changes.
    Complete,
    /// Changes are left.
    Unfinished,
    /// It has to be built anew: the archive doesn't have the changes any more, or they are too
    /// many.
    Lost,
}

/// Builds an index of all messages, from one state of the archive. `on_read` is called now and then
/// with the number of messages read.
///
/// # Errors
/// Returns [`ArchiveError`] if reading or writing fails; the build can't be continued then.
pub fn build(
    reader: &Reader,
    build: &Build,
    token: &str,
    mut on_read: impl FnMut(u64),
) -> Result<(), ArchiveError> {
    let _snapshot = reader.snapshot()?;
    let mut writer = build.writer(&format(), token, reader.last_change()?)?;
    let channels = reader.indexed_channels()?;
    let all = MessageRanges::all_of(channels.iter().map(|channel| channel.row));
    let (mut read, index) = (0, &mut writer);
    // One thread reads and cuts texts, the other one writes lists.
    let (send, slices) = mpsc::sync_channel::<(String, Vec<Document>)>(SLICES_AHEAD);
    thread::scope(|scope| {
        let writing = scope.spawn(move || {
            index.change(|tx| {
                slices.iter().try_for_each(|(platform, slice)| tx.add(&platform, &slice)).map(Some)
            })
        });
        let reading = read_all(reader, &channels, &all, |platform, slice| {
            read += slice.read;
            on_read(read);
            // The other thread has failed if it takes no more.
            Ok(send.send((platform.to_owned(), slice.documents)).is_ok())
        });
        drop(send);
        let written = writing.join().unwrap_or_else(|panic| resume_unwind(panic));
        reading.and(written)
    })?;
    build.complete(writer)
}

/// Processes a part of the changes that the index doesn't hold yet; nothing if it is stopped
/// meanwhile.
///
/// # Errors
/// Returns [`ArchiveError`] if reading or writing fails; the index is unchanged then.
pub fn update(
    reader: &Reader,
    writer: &mut WordIndexWriter,
    token: &str,
    now: Timestamp,
    is_stopping: &dyn Fn() -> bool,
) -> Result<Progress, ArchiveError> {
    let _snapshot = reader.snapshot()?;
    let position = writer.state()?.position;
    let Some(changes) = reader.changes_after(position, STEP)? else { return Ok(Progress::Lost) };
    let reached = changes.last().map_or(position, |(position, _)| *position);
    let messages: MessageRanges = changes.iter().filter_map(|(_, change)| changed_range(change)).collect();
    let channels = reader.indexed_channels()?;
    let is_done = writer.change(|tx| {
        // Also what was added: a range that was read again may hold it already.
        if !tx.remove(&messages, now)? {
            return Ok(None);
        }
        add(reader, tx, &channels, &messages, is_stopping)?;
        let small = tx.take_small_runs(now)?;
        add(reader, tx, &channels, &small, is_stopping)?;
        tx.set_position(reached, token)?;
        Ok(if is_stopping() { None } else { Some(()) })
    })?;
    Ok(match is_done {
        None if is_stopping() => Progress::Unfinished,
        None => Progress::Lost,
        Some(()) if changes.len() < STEP as usize => Progress::Complete,
        Some(()) => Progress::Unfinished,
    })
}

/// The messages that a change concerns.
pub(super) fn changed_range(change: &Change) -> Option<(ChannelRow, i64, i64)> {
    match change {
        Change::Messages(RangeChange::Added | RangeChange::Changed | RangeChange::Removed, range) => {
            Some((range.channel, range.first, range.last))
        }
        // A message keeps its words when a channel, a person or an emoji changes.
        Change::Channel(_) | Change::Author(_) | Change::Emoji(_) | Change::Tenant(_) => None,
    }
}

/// Adds messages to an index, until it is stopped.
fn add(
    reader: &Reader,
    tx: &mut IndexTx<'_>,
    channels: &[IndexedChannel],
    messages: &MessageRanges,
    is_stopping: &dyn Fn() -> bool,
) -> Result<(), ArchiveError> {
    read_all(reader, channels, messages, |platform, slice| {
        tx.add(platform, &slice.documents)?;
        Ok(!is_stopping())
    })
}

/// Reads messages, platform by platform, each in the order of time. Stops if `on_slice`
/// returns false.
fn read_all(
    reader: &Reader,
    channels: &[IndexedChannel],
    messages: &MessageRanges,
    mut on_slice: impl FnMut(&str, Slice) -> Result<bool, ArchiveError>,
) -> Result<(), ArchiveError> {
    let mut platforms: Vec<&str> = channels.iter().map(|channel| channel.platform.as_str()).collect();
    platforms.sort_unstable();
    platforms.dedup();
    for platform in platforms {
        let of_platform = channels.iter().filter(|channel| channel.platform == platform).cloned();
        let mut slices = Slices::new(reader, of_platform, messages)?;
        while let Some(slice) = slices.next()? {
            if !on_slice(platform, slice)? {
                return Ok(());
            }
        }
    }
    Ok(())
}
