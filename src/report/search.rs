//! Search results as text, JSON lines and CSV.

use std::fmt::Write as _;
use std::ops::Range;

use serde_json::json;

use super::json::SCHEMA;
use super::time::iso;
use super::utc_seconds;
use crate::model::{escape_controls, with_separators};
use crate::search::{Found, Hit, Searched, ShownMessage};

/// Hexadecimal digits of a hash that are shown.
const SHORT_HASH: usize = 12;
/// Begins and ends a match in color: bold.
const MARK: [&str; 2] = ["\u{1b}[1;33m", "\u{1b}[0m"];
/// Begins and ends what is less important.
const DIM: [&str; 2] = ["\u{1b}[2m", "\u{1b}[0m"];

/// The hits for people. The text is safe for a terminal; in color it contains escape
/// sequences of this function only.
pub fn search(found: &Found, is_colored: bool) -> String {
    let mut text = String::new();
    for hit in &found.hits {
        for message in &hit.before {
            push_message(&mut text, message, &[], is_colored, Role::Context);
        }
        push_message(&mut text, &hit.message, &hit.ranges, is_colored, Role::Hit);
        for message in &hit.after {
            push_message(&mut text, message, &[], is_colored, Role::Context);
        }
        text.push('\n');
    }
    text
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Hit,
    Context,
}

fn push_message(
    text: &mut String,
    message: &ShownMessage,
    ranges: &[Range<usize>],
    is_colored: bool,
    role: Role,
) {
    let [dim, end] = if is_colored { DIM } else { ["", ""] };
    let author = message.author.as_deref().map_or("(erased)", short);
    let time = utc_seconds(message.sent_at);
    let time = time.trim_end_matches(" UTC");
    let state = match message.channel_state.as_str() {
        "active" => String::new(),
        state => format!(" [{state}]"),
    };
    let deleted = if message.deleted_at.is_some() { " [deleted]" } else { "" };
    let (tenant, channel) = (escape_controls(&message.tenant), escape_controls(&message.channel));
    let head = match role {
        Role::Hit => format!("{dim}{time}{end}  {tenant} #{channel}{state}{deleted}  {dim}{author}{end}"),
        Role::Context => format!("{dim}{time}  {author}{deleted}{end}"),
    };
    let indent = if role == Role::Hit { "  " } else { "    " };
    writeln!(text, "{head}").ok();
    for line in marked(&message.content, ranges, is_colored).lines() {
        writeln!(text, "{indent}{line}").ok();
    }
    if role == Role::Hit {
        writeln!(text, "{indent}{dim}{}{end}", escape_controls(&message.url)).ok();
    }
}

/// The text with the matches marked, in color if that is wanted, and with short hashes.
fn marked(content: &str, ranges: &[Range<usize>], is_colored: bool) -> String {
    let chars: Vec<char> = content.chars().collect();
    let (mut text, mut end) = (String::new(), 0);
    let plain = |range: Range<usize>| {
        let part: String = chars.get(range).unwrap_or_default().iter().collect();
        escape_controls(&with_short_hashes(&part)).into_owned()
    };
    for range in ranges.iter().filter(|_| is_colored) {
        text.push_str(&plain(end..range.start));
        // A mark doesn't span lines, which are indented.
        let matched = plain(range.clone()).replace('\n', &format!("{}\n{}", MARK[1], MARK[0]));
        write!(text, "{}{matched}{}", MARK[0], MARK[1]).ok();
        end = range.end;
    }
    text.push_str(&plain(end..chars.len()));
    text
}

/// Cuts the hashes of mentions.
fn with_short_hashes(text: &str) -> String {
    let mut parts = text.split("<@");
    let mut short_text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        short_text.push_str("<@");
        match part.split_once('>') {
            Some((hash, rest)) if hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                short_text.push_str(short(hash));
                short_text.push('>');
                short_text.push_str(rest);
            }
            _ => short_text.push_str(part),
        }
    }
    short_text
}

fn short(hash: &str) -> &str {
    hash.get(..SHORT_HASH).unwrap_or(hash)
}

/// The hits, of which there are `limit` at most, as JSON lines, then a summary line.
pub fn search_json(found: &Found, limit: usize) -> String {
    let mut text = String::new();
    for hit in &found.hits {
        writeln!(text, "{}", hit_json(hit)).ok();
    }
    let summary = json!({
        "event": "summary",
        "schema": SCHEMA,
        "hits": found.count.unwrap_or(found.hits.len() as u64),
        "more": found.has_more && found.count.is_none(),
        "limit": limit,
        "searched": match found.searched {
            Searched::Index => "index",
            Searched::Scan => "scan",
            Searched::Both => "both",
        },
        "complete": found.searched_until.is_none(),
        "searched_until": found.searched_until.map(iso),
    });
    writeln!(text, "{summary}").ok();
    text
}

/// How far the building of an index is, with a bar.
pub fn indexing(read: u64, total: u64) -> String {
    const WIDTH: u64 = 20;
    let total = total.max(1);
    let filled = (read * WIDTH / total).min(WIDTH);
    let bar: String = (0..WIDTH).map(|place| if place < filled { '█' } else { '░' }).collect();
    let percent = (read * 100 / total).min(100);
    format!("building the search index {bar} {percent} %, {} messages", with_separators(read))
}

fn hit_json(hit: &Hit) -> serde_json::Value {
    let matches: Vec<[usize; 2]> = hit.ranges.iter().map(|range| [range.start, range.end]).collect();
    let mut json = message_json(&hit.message);
    json["matches"] = json!(matches);
    if !hit.before.is_empty() || !hit.after.is_empty() {
        let list = |messages: &[ShownMessage]| messages.iter().map(message_json).collect::<Vec<_>>();
        json["context"] = json!({ "before": list(&hit.before), "after": list(&hit.after) });
    }
    json
}

fn message_json(message: &ShownMessage) -> serde_json::Value {
    json!({
        "tenant": message.tenant,
        "guild_id": message.guild_id,
        "channel_id": message.channel_id,
        "channel": message.channel,
        "channel_state": message.channel_state,
        "message_id": message.message_id,
        "author": message.author,
        "created_at": iso(message.sent_at),
        "deleted_at": message.deleted_at.map(iso),
        "content": message.content,
        "url": message.url,
    })
}

/// The hits as CSV (RFC 4180), with a header.
pub fn search_csv(found: &Found) -> String {
    let mut text = String::new();
    let header = [
        "tenant",
        "guild_id",
        "channel_id",
        "channel",
        "channel_state",
        "message_id",
        "author",
        "created_at",
        "deleted_at",
        "content",
        "url",
    ];
    push_record(&mut text, header.map(str::to_owned));
    for Hit { message, .. } in &found.hits {
        push_record(
            &mut text,
            [
                message.tenant.clone(),
                message.guild_id.clone(),
                message.channel_id.clone(),
                message.channel.clone(),
                message.channel_state.clone(),
                message.message_id.clone(),
                message.author.clone().unwrap_or_default(),
                iso(message.sent_at),
                message.deleted_at.map(iso).unwrap_or_default(),
                message.content.clone(),
                message.url.clone(),
            ],
        );
    }
    text
}

fn push_record<const N: usize>(text: &mut String, fields: [String; N]) {
    let quoted = fields.map(|field| {
        if field.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field
        }
    });
    text.push_str(&quoted.join(","));
    text.push_str("\r\n");
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "lists of ranges")]
mod tests {
    use super::*;

    #[test]
    fn matches_are_marked_and_hashes_cut() {
        let hash = "ab".repeat(32);
        let content = format!("é word <@{hash}> x\u{1b}[31m");
        assert_eq!(marked(&content, &[2..6], false), "é word <@abababababab> x\\u001b[31m");
        let colored = marked(&content, &[2..6], true);
        assert!(colored.starts_with("é \u{1b}[1;33mword\u{1b}[0m <@"), "{colored:?}");
        assert!(colored.ends_with("x\\u001b[31m"), "{colored:?}");
        let lines = marked("a\nb", &[0..3], true);
        assert_eq!(lines, "\u{1b}[1;33ma\u{1b}[0m\n\u{1b}[1;33mb\u{1b}[0m");
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        let mut text = String::new();
        push_record(&mut text, ["a".to_owned(), "b,\"c\"\n".to_owned()]);
        assert_eq!(text, "a,\"b,\"\"c\"\"\n\"\r\n");
    }
}
