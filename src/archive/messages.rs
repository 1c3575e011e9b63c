//! Pages of messages, with attachments and reaction counts.

use std::borrow::Cow;

use hashbrown::HashMap;
use rusqlite::{CachedStatement, params};

use super::missing::{self, Range};
use super::progress::{self, PageProgress};
use super::reactions::{self, KeptReactions};
use super::{ArchiveError, ChannelRow, Tx, broken, named_threads, unknown_fields, users};
use crate::anonymize::{Attachment, Message, Page, Person};
use crate::model::{BrokenMessage, CONTENT_FIELDS, MessageId, ReactionMode, Timestamp};

/// A page that is to be stored.
#[derive(Debug)]
pub struct PageBatch {
    /// The channel it is of.
    pub channel: ChannelRow,
    /// What it was read after; `None` is the channel's beginning.
    pub after: Option<MessageId>,
    /// Its messages.
    pub page: Page,
    /// When it was read.
    pub read_at: Timestamp,
    /// What is kept of its reactions.
    pub reactions: KeptReactions,
    /// Whether messages may be missing from its range that the server couldn't
    /// give: then nothing absent from it counts as deleted.
    pub has_gap: bool,
    /// What commits with it.
    pub progress: PageProgress,
}

/// What storing a page did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PageOutcome {
    /// Messages that were not in the archive.
    pub new_messages: u64,
    /// Messages that differed from what was in the archive.
    pub changed_messages: u64,
    /// Whether nothing was stored, because messages came without content that
    /// the archive knows them to have.
    pub is_withheld: bool,
    /// Attachments on the page.
    pub attachments: u64,
    /// Reactions on the page, by people.
    pub reactions: u64,
}

impl PageBatch {
    /// What the page tells about: behind the first, up to the last.
    fn range(&self) -> Range {
        let after = self.after.map_or(0, MessageId::as_i64);
        (after, self.page.last_id.map_or(after, MessageId::as_i64))
    }
}

/// Stores a page and the progress that it makes: new messages are added, changed ones
/// updated, others left alone, down to `updated_at`.
///
/// # Errors
/// When the archive can't be written.
pub fn store_page(tx: &mut Tx<'_>, batch: &PageBatch, now: Timestamp) -> Result<PageOutcome, ArchiveError> {
    let mut left_over = stored_in_range(tx, batch)?;
    let mut outcome = PageOutcome::default();
    if is_withheld(tx, batch, &left_over)? {
        return Ok(PageOutcome { is_withheld: true, ..PageOutcome::default() });
    }
    let mut insert = tx.connection.prepare_cached(INSERT_MESSAGE)?;
    for message in &batch.page.messages {
        let message = &*obey_erasure(tx, message)?;
        for person in &message.people {
            users::intern(tx, person, now)?;
        }
        let is_new = left_over.remove(&message.id.as_i64()).is_none();
        if !is_new && message.is_blank && has_lost_its_content(tx, batch.channel, message)? {
            // Blanks never overwrite.
            outcome.changed_messages += store_pin(tx, batch.channel, message, now)?;
        } else {
            let statement = match (is_new, message.malformed_fields.is_empty()) {
                (true, _) => &mut insert,
                (false, true) => &mut tx.connection.prepare_cached(UPDATE_MESSAGE)?,
                (false, false) => &mut tx.connection.prepare_cached(UPDATE_CORE)?,
            };
            let written = store_message(tx, statement, batch.channel, message, now)?;
            outcome.changed_messages += if is_new { 0 } else { written };
            store_attachments(tx, batch.channel, message, is_new, now)?;
        }
        if let Some(thread) = message.named_thread {
            named_threads::note(tx, batch.channel, thread, now)?;
        }
        if batch.reactions.mode != ReactionMode::Off {
            reactions::store(tx, batch.channel, message, &batch.reactions, is_new, now)?;
            outcome.reactions +=
                message.reactions.iter().map(|reaction| reaction.count.unsigned_abs()).sum::<u64>();
        }
        outcome.new_messages += u64::from(is_new);
        outcome.attachments += message.attachments.len() as u64;
    }
    broken::store(tx, batch.channel, batch.range(), &batch.page, now)?;
    let absent = if batch.has_gap { Vec::new() } else { absent(left_over, &batch.page.broken) };
    missing::note(tx, batch.channel, batch.range(), &absent, batch.read_at)?;
    unknown_fields::count(tx, &batch.page.unknown_fields, now)?;
    if outcome.new_messages > 0 {
        progress::end_moved(tx, batch.channel)?;
        count_messages(tx, batch, outcome.new_messages, now)?;
    }
    batch.progress.store(tx, batch.channel, now)?;
    Ok(outcome)
}

/// Whether the content of the page is withheld: no message of a person has any, and
/// one is archived with content.
fn is_withheld(tx: &Tx<'_>, batch: &PageBatch, stored: &HashMap<i64, bool>) -> Result<bool, ArchiveError> {
    let by_people = || batch.page.messages.iter().filter(|message| message.is_by_person);
    if by_people().any(|message| !message.is_blank) {
        return Ok(false);
    }
    for message in by_people().filter(|message| stored.contains_key(&message.id.as_i64())) {
        if has_lost_its_content(tx, batch.channel, message)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Of a message by somebody who was erased only the blank row is kept.
fn obey_erasure<'a>(tx: &mut Tx<'_>, message: &'a Message) -> Result<Cow<'a, Message>, ArchiveError> {
    match &message.author {
        Some(author) if tx.is_forgotten(&author.hash)? => Ok(Cow::Owned(message.blanked())),
        _ => Ok(Cow::Borrowed(message)),
    }
}

/// The archived messages in the page's own range, by ID, and whether each is
/// marked as deleted.
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

/// Of the archived messages that the page's readable ones left over, those that
/// it doesn't hold: a broken one is there, and one whose ID can't be read may be
/// any of them.
fn absent(left_over: HashMap<i64, bool>, broken: &[BrokenMessage]) -> Vec<i64> {
    if broken.iter().any(|broken| broken.id.is_none()) {
        return Vec::new();
    }
    let is_broken =
        |id: i64| broken.iter().any(|broken| broken.id.is_some_and(|broken| broken.as_i64() == id));
    let live = left_over.into_iter().filter(|(_, deleted)| !deleted);
    live.map(|(id, _)| id).filter(|id| !is_broken(*id)).collect()
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
    let content = tx.settle(&message.content, channel, id)?;
    let metadata = tx.settle_optional(message.metadata.as_ref(), channel, id)?;
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

/// A known author is not replaced by an unknown one.
const UPDATE_MESSAGE: &str = "
    UPDATE messages
       SET author_id = coalesce(?3, author_id), kind = ?4, content = ?5, created_at = ?6, edited_at = ?7,
           deleted_at = NULL, pinned = ?8, reply_to_message_id = ?9, reply_to_channel_id = ?10,
           reply_to_author_id = coalesce(?11, reply_to_author_id), metadata = ?12, updated_at = ?13
     WHERE channel_id = ?1 AND platform_id = ?2
       AND (coalesce(?3, author_id), ?4, ?5, ?6, ?7, NULL, ?8, ?9, ?10, coalesce(?11, reply_to_author_id), ?12)
           IS NOT (author_id, kind, content, created_at, edited_at, deleted_at, pinned, reply_to_message_id,
                   reply_to_channel_id, reply_to_author_id, metadata)";

/// Of a message with malformed fields only what could be read replaces what is
/// stored; parameters are those of [`UPDATE_MESSAGE`].
const UPDATE_CORE: &str = "
    UPDATE messages
       SET author_id = coalesce(?3, author_id), kind = ?4, content = ?5, edited_at = coalesce(?7, edited_at),
           deleted_at = NULL, updated_at = ?13
     WHERE channel_id = ?1 AND platform_id = ?2
       AND (coalesce(?3, author_id), ?4, ?5, coalesce(?7, edited_at), NULL)
           IS NOT (author_id, kind, content, edited_at, deleted_at)";

/// Whether the archive has the content of a message that came blank, and it
/// wasn't edited: the bot may not read content any more.
fn has_lost_its_content(tx: &Tx<'_>, channel: ChannelRow, message: &Message) -> Result<bool, ArchiveError> {
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

/// What the bot can see of a message without its content.
fn store_pin(
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
    // What is malformed may be one of those that are archived.
    if !is_new && !message.has_malformed("attachments") {
        let current: Vec<i64> = message.attachments.iter().map(|file| file.id.as_i64()).collect();
        tx.delete_others("message_attachments", "platform_id", channel, message.id, &current)?;
    }
    for attachment in &message.attachments {
        store_attachment(tx, channel, message.id.as_i64(), attachment, now)?;
    }
    Ok(())
}

/// A new signature alone is no change.
fn store_attachment(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    message_id: i64,
    attachment: &Attachment,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let filename = tx.settle(&attachment.filename, channel, message_id)?;
    let content_type = tx.settle_optional(attachment.content_type.as_ref(), channel, message_id)?;
    let url = tx.settle(&attachment.url, channel, message_id)?;
    let url_signature = tx.settle_optional(attachment.url_signature.as_ref(), channel, message_id)?;
    let metadata = tx.settle_optional(attachment.metadata.as_ref(), channel, message_id)?;
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

fn count_messages(tx: &Tx<'_>, batch: &PageBatch, new: u64, now: Timestamp) -> Result<(), ArchiveError> {
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
