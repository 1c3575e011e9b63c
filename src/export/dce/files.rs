//! Writes a file per channel.

use std::io::{BufWriter, Write};
use std::path::Path;

use hashbrown::HashSet;
use serde::Serialize;

use super::message::{Message, MessageRow, NO_PICTURE, time};
use crate::archive::message_parts::{ChannelHeading, KnownUser};
use crate::archive::view_rows::{Cell, RowSink, ViewChannel};
use crate::archive::{ChannelRow, Reader};
use crate::export::folder::{Folder, FolderFile, Partition};
use crate::export::manifest::Contents;
use crate::export::request::{ALL, Exported, OnProgress, Progress, Request};
use crate::export::rows::encoded;
use crate::export::{ExportError, Format};
use crate::model::Timestamp;

/// The columns that are read, in the order of [`FileSink::cell`].
const COLUMNS: [&str; 14] = [
    "message_key",
    "message_id",
    "type",
    "content",
    "author",
    "author_is_bot",
    "created_ms",
    "edited_ms",
    "pinned",
    "attachments",
    "reactions",
    "reply_to_message_id",
    "reply_to_channel_id",
    "metadata",
];
/// Bytes of a name in a path. Two of them and an ID stay below the 255 bytes of a file's name.
const NAME_BYTES: usize = 90;
/// What [`Contents::table`] says.
const TABLE: &str = "messages";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Guild<'c> {
    id: &'c str,
    name: &'c str,
    icon_url: &'c str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Channel<'c> {
    id: &'c str,
    r#type: &'c str,
    category_id: Option<&'c str>,
    category: Option<&'c str>,
    name: &'c str,
    topic: Option<&'c str>,
}

#[derive(Serialize)]
struct DateRange {
    after: Option<String>,
    before: Option<String>,
}

/// Exports one state of the archive. Channels without messages get no file.
///
/// # Errors
/// Returns [`ExportError`] if the archive can't be read or a file not be written, or if it was
/// stopped.
pub fn run(
    reader: &Reader,
    request: &Request,
    path: &Path,
    mode: u32,
    on_progress: &mut OnProgress<'_>,
) -> Result<Exported, ExportError> {
    let _snapshot = reader.snapshot()?;
    let mut folder = Folder::open(path, Format::DceJson, mode)?;
    let stale = request.stale(&folder, reader)?;
    let position = reader.last_change()?;
    let mut chosen: Vec<(String, ViewChannel)> = Vec::new();
    let filter = &request.filter;
    for tenant in reader.tenant_names(&filter.tenants)? {
        let channels = reader.view_channels(&tenant, &filter.channels, filter.includes_closed)?;
        let channels = channels.into_iter().filter(|channel| !filter.excluded.contains(&channel.row));
        chosen.extend(channels.map(|channel| (tenant.clone(), channel)));
    }
    let (mut kept, mut left) = (HashSet::new(), Vec::new());
    for (tenant, channel) in chosen {
        match &stale {
            Some(stale) if !stale.has_channel(channel.row) => {
                kept.insert((tenant, channel.id));
            }
            _ => left.push((tenant, channel)),
        }
    }
    folder.keep(|contents| {
        let id = contents.channel_id.clone().unwrap_or_default();
        kept.contains(&(contents.tenant.clone(), id))
    });
    let total = (left.len() as u64).max(1);
    let mut export = Export { reader, request, folder, rows: 0 };
    for (done, (tenant, channel)) in (1..).zip(left) {
        export.channel(&tenant, &channel)?;
        if !on_progress(Progress { rows: export.rows, done: ALL * done / total }) {
            return Err(ExportError::Stopped);
        }
    }
    let folder = export.folder.finish()?;
    Ok(Exported::of_folder(export.rows, &folder, request.state(&folder, position)))
}

struct Export<'e> {
    reader: &'e Reader,
    request: &'e Request,
    folder: Folder,
    rows: u64,
}

impl Export<'_> {
    fn channel(&mut self, tenant: &str, channel: &ViewChannel) -> Result<(), ExportError> {
        let filter = &self.request.filter;
        let Some(heading) = self.reader.channel_heading(channel.row)? else { return Ok(()) };
        let from = match filter.since {
            Some(since) => self.reader.first_message_since(channel.row, since)?.map(|(message, _)| message),
            None => channel.sent.map(|_| i64::MIN),
        };
        let Some(from) = from else { return Ok(()) };
        let end = filter.until.unwrap_or(Timestamp::from_millis(i64::MAX));
        let numbered: Vec<(usize, &str)> = COLUMNS.into_iter().enumerate().collect();
        let mut rows = self.reader.message_rows("message_log", &numbered, filter.includes_deleted)?;
        let mut sink = FileSink {
            reader: self.reader,
            channel: channel.row,
            heading: &heading,
            row: MessageRow::default(),
            file: None,
            messages: 0,
            result: Ok(()),
            preamble: self.preamble(tenant, channel, &heading),
            folder: &self.folder,
        };
        rows.read(channel.row, from, end, &mut sink)?;
        let FileSink { result, file, messages, .. } = sink;
        result?;
        let Some(mut file) = file else { return Ok(()) };
        let failed = |source| ExportError::Io { path: self.folder.temporary(), source };
        writeln!(file, "\n],\"messageCount\":{messages}}}").map_err(failed)?;
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        self.rows += messages;
        let contents = Contents {
            table: TABLE.to_owned(),
            tenant: tenant.to_owned(),
            month: None,
            channel_id: Some(heading.id.clone()),
        };
        self.folder.end(Partition { path: path(tenant, &heading), contents }, messages, file)
    }

    /// What stands before the messages of a file.
    fn preamble(&self, tenant: &str, channel: &ViewChannel, heading: &ChannelHeading) -> String {
        let ChannelHeading { guild_id, id, kind, name, topic, parent } = heading;
        let guild = Guild { id: guild_id, name: tenant, icon_url: NO_PICTURE };
        let parent = parent.as_ref().map(|(id, name)| (id.as_str(), name.as_str()));
        let channel_object = Channel {
            id,
            r#type: channel_type(kind),
            category_id: parent.map(|(id, _)| id),
            category: parent.map(|(_, name)| name),
            name,
            topic: topic.as_deref(),
        };
        let filter = &self.request.filter;
        let range = DateRange {
            after: filter.since.map(|since| time(since.as_millis())),
            before: filter.until.map(|until| time(until.as_millis())),
        };
        // The same archive gives the same bytes, so this is the time of the newest message.
        let exported_at = channel.sent.map(|(_, newest)| time(newest.as_millis()));
        let json = |value: serde_json::Result<String>| value.unwrap_or_default();
        format!(
            "{{\"guild\":{},\"channel\":{},\"dateRange\":{},\"exportedAt\":{},\"messages\":[\n",
            json(serde_json::to_string(&guild)),
            json(serde_json::to_string(&channel_object)),
            json(serde_json::to_string(&range)),
            json(serde_json::to_string(&exported_at)),
        )
    }
}

/// Writes the messages of a channel.
struct FileSink<'s> {
    reader: &'s Reader,
    channel: ChannelRow,
    heading: &'s ChannelHeading,
    /// The message that is being read.
    row: MessageRow,
    folder: &'s Folder,
    preamble: String,
    /// `None` before the first message.
    file: Option<BufWriter<FolderFile>>,
    messages: u64,
    result: Result<(), ExportError>,
}

impl FileSink<'_> {
    fn write(&mut self) -> Result<(), ExportError> {
        let row = std::mem::take(&mut self.row);
        let ChannelHeading { id, guild_id, .. } = self.heading;
        let message = Message::of(row, self.reader, self.channel, id, guild_id)?;
        let failed = |source| ExportError::Io { path: self.folder.temporary(), source };
        let is_first = self.file.is_none();
        if is_first {
            self.file = Some(BufWriter::new(self.folder.begin()?));
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let before = if is_first { self.preamble.as_bytes() } else { b",\n" };
        file.write_all(before).map_err(failed)?;
        self.messages += 1;
        serde_json::to_writer(file, &message).map_err(|error| failed(error.into()))
    }
}

impl RowSink for FileSink<'_> {
    fn constant(&mut self, _column: usize, _value: Cell<'_>) {}

    fn cell(&mut self, column: usize, value: Cell<'_>) {
        let row = &mut self.row;
        let number = match value {
            Cell::Integer(number) => Some(number),
            _ => None,
        };
        let text = || match value {
            Cell::Text(text) | Cell::Shared(_, text) => Some(text.to_owned()),
            _ => None,
        };
        match COLUMNS[column] {
            "message_key" => row.key = number.unwrap_or_default(),
            "message_id" => row.id = text().unwrap_or_default(),
            "type" => row.kind = number.unwrap_or_default(),
            "content" => row.content = text().unwrap_or_default(),
            "author" => row.author = text().map(|hash| KnownUser { hash, is_bot: None }),
            "author_is_bot" => {
                if let Some(author) = &mut row.author {
                    author.is_bot = number.map(|number| number != 0);
                }
            }
            "created_ms" => row.created_ms = number.unwrap_or_default(),
            "edited_ms" => row.edited_ms = number,
            "pinned" => row.is_pinned = number == Some(1),
            "attachments" => row.attachments = number.unwrap_or_default(),
            "reactions" => row.reactions = number.unwrap_or_default(),
            "reply_to_message_id" => row.reply_to = text().map(|message| (message, None)),
            "reply_to_channel_id" => {
                if let Some((_, channel)) = &mut row.reply_to {
                    *channel = text();
                }
            }
            "metadata" => row.metadata = text(),
            _ => {}
        }
    }

    fn end_row(&mut self) {
        if self.result.is_ok() {
            self.result = self.write();
        }
    }
}

/// The type of a channel. Kinds that programs for these files don't know are what they resemble.
fn channel_type(kind: &str) -> &'static str {
    match kind {
        "voice" | "stage" => "GuildVoiceChat",
        "announcement" => "GuildNews",
        "forum" | "media" => "GuildForum",
        "public_thread" | "announcement_thread" => "GuildPublicThread",
        _ => "GuildTextChat",
    }
}

/// The path of a channel's file, such as `takaro/general - help [7]`.
fn path(tenant: &str, heading: &ChannelHeading) -> String {
    let parent = heading.parent.as_ref().map(|(_, name)| format!("{} - ", plain(name)));
    let id = plain(&heading.id);
    // No name of a file that an export has in its folder has a percent sign.
    let folder = encoded(tenant).replace('.', "%2E");
    format!("{folder}/{}{} [{id}]", parent.unwrap_or_default(), plain(&heading.name))
}

/// A name as part of a path: other characters than letters, digits and a few signs become `_`.
fn plain(name: &str) -> String {
    let is_safe = |char: char| char.is_alphanumeric() || matches!(char, '-' | '_' | ' ' | '.');
    let mut bytes = 0;
    let name: String = name
        .chars()
        .map(|char| if is_safe(char) { char } else { '_' })
        .take_while(|char| {
            bytes += char.len_utf8();
            bytes <= NAME_BYTES
        })
        .collect();
    let name = name.trim_matches([' ', '.']);
    if name.is_empty() { "_".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_safe_in_paths() {
        for (name, expected) in [
            ("general", "general"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("a\0b\nc\u{202e}d", "a_b_c_d"),
            (" . ", "_"),
            ("日本語 чат", "日本語 чат"),
            ("💥", "_"),
        ] {
            assert_eq!(plain(name), expected);
        }
        assert_eq!(plain(&"語".repeat(500)).len(), NAME_BYTES);
        let long = ChannelHeading {
            guild_id: "1".to_owned(),
            id: "9".repeat(20),
            kind: "text".to_owned(),
            name: "語".repeat(500),
            topic: None,
            parent: Some(("2".to_owned(), "𝖆".repeat(500))),
        };
        assert!(path("takaro", &long).len() < "takaro/".len() + 240);
        assert!(path("manifest.json", &long).starts_with("manifest%2Ejson/"));
    }
}
