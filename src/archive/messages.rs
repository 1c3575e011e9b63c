//! Stores pages of messages with their attachments and reaction counts. A page commits
//! with the progress that it makes.

use std::borrow::Cow;

use hashbrown::HashMap;
use rusqlite::{CachedStatement, params};

use super::deletions::{self, IdRange};
use super::progress::{self, PageProgress};
use super::reactions::{self, ReactionPolicy};
use super::{ArchiveError, ChannelRow, Tx, malformed, named_threads, unknown_fields, users};
use crate::anonymize::{Attachment, Message, Page, Person};
use crate::model::{CONTENT_FIELDS, MalformedMessage, MessageId, ReactionMode, Timestamp};

/// A page to be stored.
#[derive(Debug)]
pub struct PageBatch {
    /// The channel of the page.
    pub channel: ChannelRow,
    /// The message that it was requested after; `None` is the beginning of the channel.
    pub after: Option<MessageId>,
    /// Its messages.
    pub page: Page,
    /// When the page was read.
    pub read_at: Timestamp,
    /// How its reactions are stored.
    pub reactions: ReactionPolicy,
    /// Whether the server couldn't return some messages of the range: then absent
    /// messages are no deletion candidates.
    pub has_gap: bool,
    /// The progress that commits with the page.
    pub progress: PageProgress,
}

/// Result of [`store_page`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PageOutcome {
    /// Messages that weren't archived before.
    pub new_messages: u64,
    /// Archived messages that the page changed.
    pub changed_messages: u64,
    /// Whether nothing was stored, because the server withheld content that the archive
    /// has.
    pub is_withheld: bool,
    /// Attachments on the page.
    pub attachments: u64,
    /// Sum of the reaction counts on the page.
    pub reactions: u64,
}

impl PageBatch {
    /// The range that the page covers.
    pub(super) fn range(&self) -> IdRange {
        let after = self.after.map_or(0, MessageId::as_i64);
        (after, self.page.last_id.map_or(after, MessageId::as_i64))
    }
}

/// Upserts the messages of a page and stores the progress that it makes. Unchanged rows
/// are not written, not even `updated_at`.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn store_page(tx: &mut Tx<'_>, batch: &PageBatch, now: Timestamp) -> Result<PageOutcome, ArchiveError> {
    let mut unmatched = stored_in_range(tx, batch)?;
    let mut outcome = PageOutcome::default();
    if is_content_withheld(tx, batch, &unmatched)? {
        return Ok(PageOutcome { is_withheld: true, ..PageOutcome::default() });
    }
    let mut insert = tx.connection.prepare_cached(INSERT_MESSAGE)?;
    for message in &batch.page.messages {
        let message = &*blank_if_erased(tx, message)?;
        for person in &message.people {
            users::intern(tx, person, now)?;
        }
        let is_new = unmatched.remove(&message.id.as_i64()).is_none();
        if !is_new && message.is_blank && has_lost_content(tx, batch.channel, message)? {
            // A blank message never overwrites archived content.
            outcome.changed_messages += update_pin(tx, batch.channel, message, now)?;
        } else {
            let statement = match (is_new, message.malformed_fields.is_empty()) {
                (true, _) => &mut insert,
                (false, true) => &mut tx.connection.prepare_cached(UPDATE_MESSAGE)?,
                (false, false) => &mut tx.connection.prepare_cached(UPDATE_WELL_FORMED_COLUMNS)?,
            };
            let written = store_message(tx, statement, batch.channel, message, now)?;
            outcome.changed_messages += if is_new { 0 } else { written };
            store_attachments(tx, batch.channel, message, is_new, now)?;
        }
        if let Some(thread) = message.named_thread {
            named_threads::record(tx, batch.channel, thread, now)?;
        }
        if batch.reactions.mode != ReactionMode::Off {
            reactions::store(tx, batch.channel, message, &batch.reactions, is_new, now)?;
            outcome.reactions +=
                message.reactions.iter().map(|reaction| reaction.count.unsigned_abs()).sum::<u64>();
        }
        outcome.new_messages += u64::from(is_new);
        outcome.attachments += message.attachments.len() as u64;
    }
    malformed::store(tx, batch.channel, batch.range(), &batch.page, now)?;
    let absent = if batch.has_gap { Vec::new() } else { absent_ids(unmatched, &batch.page.malformed) };
    deletions::record_absent(tx, batch.channel, batch.range(), &absent, batch.read_at)?;
    unknown_fields::count(tx, &batch.page.unknown_fields, now)?;
    if outcome.new_messages > 0 {
        progress::clear_unconfirmed_end(tx, batch.channel)?;
        update_channel_totals(tx, batch, outcome.new_messages, now)?;
    }
    batch.progress.store(tx, batch.channel, now)?;
    Ok(outcome)
}

/// Whether the server withholds content: no message by a person on the page has any, but
/// the archive has the content of one of them.
fn is_content_withheld(
    tx: &Tx<'_>,
    batch: &PageBatch,
    stored: &HashMap<i64, bool>,
) -> Result<bool, ArchiveError> {
    let by_people = || batch.page.messages.iter().filter(|message| message.is_by_person);
    if by_people().any(|message| !message.is_blank) {
        return Ok(false);
    }
    for message in by_people().filter(|message| stored.contains_key(&message.id.as_i64())) {
        if has_lost_content(tx, batch.channel, message)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Blanks a message whose author was erased.
fn blank_if_erased<'a>(tx: &mut Tx<'_>, message: &'a Message) -> Result<Cow<'a, Message>, ArchiveError> {
    match &message.author {
        Some(author) if tx.is_forgotten(&author.hash)? => Ok(Cow::Owned(message.without_content())),
        _ => Ok(Cow::Borrowed(message)),
    }
}

/// The archived messages in the page's range: the ID, and whether it is marked as
/// deleted.
fn stored_in_range(tx: &Tx<'_>, batch: &PageBatch) -> Result<HashMap<i64, bool>, ArchiveError> {
    let (after, last) = batch.range();
    let mut select = tx.connection.prepare_cached(
        "SELECT platform_id, deleted_at IS NOT NULL FROM messages
          WHERE channel_id = ?1 AND platform_id > ?2 AND platform_id <= ?3",
    )?;
    let rows =
        select.query_map(params![batch.channel.0, after, last], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The live archived messages that the page doesn't contain; `unmatched` are those
/// without a well-formed message on the page. A malformed message isn't absent, and one
/// without an ID may be any of them.
fn absent_ids(unmatched: HashMap<i64, bool>, malformed: &[MalformedMessage]) -> Vec<i64> {
    if malformed.iter().any(|message| message.id.is_none()) {
        return Vec::new();
    }
    let is_malformed =
        |id: i64| malformed.iter().any(|message| message.id.is_some_and(|known| known.as_i64() == id));
    let live = unmatched.into_iter().filter(|(_, deleted)| !deleted);
    live.map(|(id, _)| id).filter(|id| !is_malformed(*id)).collect()
}

fn store_message(
    tx: &mut Tx<'_>,
    statement: &mut CachedStatement<'_>,
    channel: ChannelRow,
    message: &Message,
    now: Timestamp,
) -> Result<u64, ArchiveError> {
    let id = message.id.as_i64();
    let author = intern(tx, message.author.as_ref(), now)?;
    let reply_author = intern(tx, message.reply.as_ref().and_then(|reply| reply.author.as_ref()), now)?;
    let content = tx.resolve_text(&message.content, channel, id)?;
    let metadata = tx.resolve_optional_text(message.metadata.as_ref(), channel, id)?;
    let written = statement.execute(params![
        channel.0,
        id,
        author,
        message.kind,
        content,
        message.created_at.as_millis(),
        message.edited_at.map(Timestamp::as_millis),
        message.pinned,
        message.reply.as_ref().map(|reply| reply.message_id.as_i64()),
        message.reply.as_ref().map(|reply| reply.channel_id.as_i64()),
        reply_author,
        metadata,
        now.as_millis(),
    ])?;
    Ok(written as u64)
}

const INSERT_MESSAGE: &str = "
    INSERT INTO messages (channel_id, platform_id, author_id, kind, content, created_at, edited_at, pinned,
                          reply_to_message_id, reply_to_channel_id, reply_to_author_id, metadata, updated_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";

/// Never replaces a known author by an unknown one. The `WHERE` clause skips rows that
/// wouldn't change.
const UPDATE_MESSAGE: &str = "
    UPDATE messages
       SET author_id = coalesce(?3, author_id), kind = ?4, content = ?5, created_at = ?6, edited_at = ?7,
           deleted_at = NULL, pinned = ?8, reply_to_message_id = ?9, reply_to_channel_id = ?10,
           reply_to_author_id = coalesce(?11, reply_to_author_id), metadata = ?12, updated_at = ?13
     WHERE channel_id = ?1 AND platform_id = ?2
       AND (coalesce(?3, author_id), ?4, ?5, ?6, ?7, NULL, ?8, ?9, ?10, coalesce(?11, reply_to_author_id), ?12)
           IS NOT (author_id, kind, content, created_at, edited_at, deleted_at, pinned, reply_to_message_id,
                   reply_to_channel_id, reply_to_author_id, metadata)";

/// For a message with malformed fields: keeps the archived values of the columns that
/// such a field may have emptied. Takes the parameters of [`UPDATE_MESSAGE`].
const UPDATE_WELL_FORMED_COLUMNS: &str = "
    UPDATE messages
       SET author_id = coalesce(?3, author_id), kind = ?4, content = ?5, edited_at = coalesce(?7, edited_at),
           deleted_at = NULL, updated_at = ?13
     WHERE channel_id = ?1 AND platform_id = ?2
       AND (coalesce(?3, author_id), ?4, ?5, coalesce(?7, edited_at), NULL)
           IS NOT (author_id, kind, content, edited_at, deleted_at)";

/// Whether the archive has content for a message that arrived blank although it wasn't
/// edited since: the bot has lost the right to read content.
fn has_lost_content(tx: &Tx<'_>, channel: ChannelRow, message: &Message) -> Result<bool, ArchiveError> {
    let mut select = tx.connection.prepare_cached(
        "SELECT edited_at IS ?3
                AND (content <> ''
                     OR EXISTS (SELECT 1 FROM json_each(coalesce(metadata, '{}'))
                                 WHERE key IN (SELECT value FROM json_each(?4)))
                     OR EXISTS (SELECT 1 FROM message_attachments WHERE channel_id = ?1 AND message_id = ?2))
           FROM messages WHERE channel_id = ?1 AND platform_id = ?2",
    )?;
    let edited_at = message.edited_at.map(Timestamp::as_millis);
    let content = serde_json::Value::from(CONTENT_FIELDS.as_slice()).to_string();
    Ok(select.query_row(params![channel.0, message.id.as_i64(), edited_at, content], |row| row.get(0))?)
}

/// Updates what a message without content still shows: that it exists, and whether it is
/// pinned.
fn update_pin(
    tx: &Tx<'_>,
    channel: ChannelRow,
    message: &Message,
    now: Timestamp,
) -> Result<u64, ArchiveError> {
    let written = tx
        .connection
        .prepare_cached(
            "UPDATE messages SET pinned = ?3, deleted_at = NULL, updated_at = ?4
              WHERE channel_id = ?1 AND platform_id = ?2 AND (pinned, deleted_at) IS NOT (?3, NULL)",
        )?
        .execute(params![channel.0, message.id.as_i64(), message.pinned, now.as_millis()])?;
    Ok(written as u64)
}

fn intern(tx: &mut Tx<'_>, person: Option<&Person>, now: Timestamp) -> Result<Option<i64>, ArchiveError> {
    Ok(person.map(|person| users::intern(tx, person, now)).transpose()?.flatten())
}

fn store_attachments(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    message: &Message,
    is_new: bool,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    // A malformed attachment may be one of the archived ones, so none is deleted then.
    if !is_new && !message.has_malformed_field("attachments") {
        let current: Vec<i64> = message.attachments.iter().map(|file| file.id.as_i64()).collect();
        tx.delete_others("message_attachments", "platform_id", channel, message.id, &current)?;
    }
    for attachment in &message.attachments {
        store_attachment(tx, channel, message.id.as_i64(), attachment, now)?;
    }
    Ok(())
}

/// Upserts an attachment. A new URL signature alone is not a change.
fn store_attachment(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    message_id: i64,
    attachment: &Attachment,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let filename = tx.resolve_text(&attachment.filename, channel, message_id)?;
    let content_type = tx.resolve_optional_text(attachment.content_type.as_ref(), channel, message_id)?;
    let url = tx.resolve_text(&attachment.url, channel, message_id)?;
    let url_signature = tx.resolve_optional_text(attachment.url_signature.as_ref(), channel, message_id)?;
    let metadata = tx.resolve_optional_text(attachment.metadata.as_ref(), channel, message_id)?;
    tx.connection
        .prepare_cached(
            "INSERT INTO message_attachments (channel_id, message_id, platform_id, id_text, filename, file_size,
                                              content_type, url, url_signature, metadata, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?11, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)
             ON CONFLICT (channel_id, message_id, platform_id) DO UPDATE
                SET filename = excluded.filename, file_size = excluded.file_size,
                    content_type = excluded.content_type, url = excluded.url,
                    url_signature = excluded.url_signature, metadata = excluded.metadata,
                    updated_at = excluded.updated_at
              WHERE (excluded.filename, excluded.file_size, excluded.content_type, excluded.url, excluded.metadata)
                    IS NOT (filename, file_size, content_type, url, metadata)",
        )?
        .execute(params![
            channel.0,
            message_id,
            attachment.id.as_i64(),
            filename,
            attachment.size_bytes,
            content_type,
            url,
            url_signature,
            metadata,
            now.as_millis(),
            attachment.id_text.as_deref(),
        ])?;
    Ok(())
}

/// Adds a page with `new` messages to the channel's message count, and extends its first
/// and last message.
fn update_channel_totals(
    tx: &Tx<'_>,
    batch: &PageBatch,
    new: u64,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let messages = &batch.page.messages;
    let (Some(first), Some(last)) = (messages.first(), messages.last()) else {
        return Ok(());
    };
    tx.connection
        .prepare_cached(
            "UPDATE channels
                SET message_count = message_count + ?2,
                    first_message_at = CASE WHEN ?3 < coalesce(first_message_id, ?3 + 1) THEN ?4
                                            ELSE first_message_at END,
                    first_message_id = min(coalesce(first_message_id, ?3), ?3),
                    last_message_at = CASE WHEN ?5 > coalesce(last_message_id, 0) THEN ?6 ELSE last_message_at END,
                    last_message_id = max(coalesce(last_message_id, ?5), ?5),
                    updated_at = ?7
              WHERE id = ?1",
        )?
        .execute(params![
            batch.channel.0,
            i64::try_from(new).unwrap_or(i64::MAX),
            first.id.as_i64(),
            first.created_at.as_millis(),
            last.id.as_i64(),
            last.created_at.as_millis(),
            now.as_millis(),
        ])?;
    Ok(())
}
