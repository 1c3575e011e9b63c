//! What an archive must hold, derived from the simulator's truth without any code of the
//! product.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use discord_sim::{TruthChannel, TruthMessage, World};
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

/// The hash under which the archive stores a user.
pub fn hash(user: u64) -> String {
    format!("{:x}", Sha256::digest(user.to_string()))
}

/// Asserts that the archive holds every live message that @everyone can see and the bot
/// can read, once and in full, and no other live message.
#[track_caller]
pub fn assert_archived(world: &World, archive: &Connection, guild: u64) {
    let hashes: HashMap<u64, String> =
        world.users(guild).iter().map(|user| (user.id, hash(user.id))).collect();
    let known: HashSet<String> = column(archive, "SELECT anonymized_id FROM users").into_iter().collect();
    let scrub = |text: &str| scrub(text, &hashes, &known);
    let mut expected = BTreeMap::new();
    for channel in world.truth(guild).iter().filter(|channel| channel.bot_can_read) {
        for message in channel.live_messages() {
            let line = expected_row(channel, &message, &scrub);
            assert_eq!(expected.insert((channel.id, message.id), line), None, "the truth has a duplicate");
        }
    }
    let actual = archived_rows(archive, guild);
    for (key, line) in &expected {
        assert_eq!(actual.get(key), Some(line), "message {key:?}");
    }
    for key in actual.keys() {
        assert!(expected.contains_key(key), "message {key:?} is archived but not visible");
    }
}

/// Asserts that the archive holds exactly the reactors of the messages that it must hold.
#[track_caller]
pub fn assert_reactors(world: &World, archive: &Connection, guild: u64) {
    let mut expected = BTreeSet::new();
    for channel in world.truth(guild).iter().filter(|channel| channel.bot_can_read) {
        for message in channel.live_messages() {
            for reaction in &message.reactions {
                let users = world.reactors(channel.id, message.id, &reaction.emoji, reaction.burst);
                for user in users.unwrap_or_default() {
                    let key = (channel.id, message.id, reaction.emoji.clone(), reaction.burst, hash(user));
                    expected.insert(key);
                }
            }
        }
    }
    let mut select = archive
        .prepare(
            "SELECT r.channel_id, r.message_id, r.emoji, r.burst, r.user
               FROM reaction_log r JOIN message_log m ON m.channel_id = r.channel_id AND m.message_id = r.message_id
              WHERE r.guild_id = ?1 AND m.deleted_at IS NULL",
        )
        .unwrap();
    let rows = select
        .query_map([guild.to_string()], |row| {
            let (channel, message) = (id(&row.get::<_, String>(0)?), id(&row.get::<_, String>(1)?));
            Ok((channel, message, row.get::<_, String>(2)?, row.get::<_, bool>(3)?, row.get::<_, String>(4)?))
        })
        .unwrap();
    let actual: BTreeSet<_> = rows.map(Result::unwrap).collect();
    for key in &expected {
        assert!(actual.contains(key), "{key:?} reacted and is not archived");
    }
    for key in &actual {
        assert!(expected.contains(key), "{key:?} is archived and did not react");
    }
}

/// Channel ID and message ID.
type Key = (u64, u64);

fn expected_row(
    channel: &TruthChannel<'_>,
    message: &TruthMessage,
    scrub: &dyn Fn(&str) -> String,
) -> String {
    let reply = message.reply_to.as_ref();
    let mut attachments: Vec<String> = message
        .attachments
        .iter()
        .map(|file| {
            let kind = file.content_type.as_deref().unwrap_or("-");
            format!("{} {} {} {kind} {}", file.id, scrub(&file.filename), file.size, scrub(&file.url))
        })
        .collect();
    attachments.sort();
    let mut reactions: Vec<String> = message
        .reactions
        .iter()
        .map(|reaction| format!("{} {} {}", reaction.emoji, reaction.burst, reaction.count))
        .collect();
    reactions.sort();
    format!(
        "{}|{}|{}|{}|{}|{}|{}|{}|{}|{attachments:?}|{reactions:?}",
        channel.name.as_str().pipe(scrub),
        hash(message.author_id),
        message.author_is_bot || message.author_is_webhook,
        message.kind,
        scrub(&message.content),
        message.timestamp_ms,
        message.edited_ms.map(|ms| ms.to_string()).unwrap_or_default(),
        reply.map(|reply| format!("{}/{}", reply.channel_id, reply.message_id)).unwrap_or_default(),
        reply.and_then(|reply| reply.author_id).map(hash).unwrap_or_default(),
    )
}

trait Pipe {
    fn pipe<T>(&self, function: impl Fn(&Self) -> T) -> T {
        function(self)
    }
}

impl Pipe for str {}

/// Replaces the IDs of known users by their hashes. A mention loses its `!`, the URL of a
/// picture loses its path after the user. In the simulator's texts, such a URL ends with
/// a space or with the text.
pub fn scrub(text: &str, hashes: &HashMap<u64, String>, known: &HashSet<String>) -> String {
    let mut scrubbed = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|char: char| char.is_ascii_digit()) {
        let digits = &rest[start..];
        let end = digits.find(|char: char| !char.is_ascii_digit()).unwrap_or(digits.len());
        scrubbed.push_str(&rest[..start]);
        let user = digits[..end].parse().ok().and_then(|id: u64| hashes.get(&id));
        match user.filter(|hash| known.contains(*hash)) {
            Some(hash) => {
                if scrubbed.ends_with("<@!") {
                    scrubbed.pop();
                }
                scrubbed.push_str(hash);
            }
            None => scrubbed.push_str(&digits[..end]),
        }
        rest = &digits[end..];
        let before = scrubbed.strip_suffix(user.map_or("?", |hash| hash.as_str())).unwrap_or_default();
        if ["/users/", "/avatars/", "/banners/"].iter().any(|segment| before.ends_with(segment)) {
            rest =
                if rest.starts_with('/') { rest.find(' ').map_or("", |space| &rest[space..]) } else { rest };
        }
    }
    scrubbed.push_str(rest);
    scrubbed
}

fn archived_rows(archive: &Connection, guild: u64) -> BTreeMap<Key, String> {
    let attachments = child_rows(
        archive,
        "SELECT channel_id, message_id, attachment_id || ' ' || filename || ' ' || file_size || ' ' ||
                coalesce(content_type, '-') || ' ' || substr(url, 1, instr(url || '?', '?') - 1)
           FROM attachment_log WHERE guild_id = ?1",
        guild,
    );
    let reactions = child_rows(
        archive,
        "SELECT channel_id, message_id, emoji || ' ' || iif(burst, 'true', 'false') || ' ' || count
           FROM reaction_count_log WHERE guild_id = ?1",
        guild,
    );
    let no_rows = Vec::new();
    let mut select = archive
        .prepare(
            "SELECT l.channel_id, l.message_id,
                    l.channel || '|' || coalesce(l.author, '') || '|' || iif(l.author_is_bot, 'true', 'false') || '|' ||
                    l.type || '|' || l.content || '|' || m.created_at || '|' || coalesce(m.edited_at, '') || '|' ||
                    coalesce(l.reply_to_channel_id || '/' || l.reply_to_message_id, '') || '|' ||
                    coalesce(l.reply_to_author, '')
               FROM message_log l
               JOIN channels c ON CAST(c.platform_id AS TEXT) = l.channel_id
               JOIN messages m ON m.channel_id = c.id AND m.platform_id = CAST(l.message_id AS INTEGER)
              WHERE l.guild_id = ?1 AND l.deleted_at IS NULL",
        )
        .unwrap();
    let rows = select
        .query_map([guild.to_string()], |row| {
            let key = (id(&row.get::<_, String>(0)?), id(&row.get::<_, String>(1)?));
            Ok((key, row.get::<_, String>(2)?))
        })
        .unwrap();
    let mut lines = BTreeMap::new();
    for row in rows {
        let (key, line) = row.unwrap();
        let files = attachments.get(&key).unwrap_or(&no_rows);
        let counts = reactions.get(&key).unwrap_or(&no_rows);
        let duplicate = lines.insert(key, format!("{line}|{files:?}|{counts:?}"));
        assert_eq!(duplicate, None, "message {key:?} is archived twice");
    }
    lines
}

fn child_rows(archive: &Connection, sql: &str, guild: u64) -> HashMap<Key, Vec<String>> {
    let mut select = archive.prepare(sql).unwrap();
    let rows = select
        .query_map([guild.to_string()], |row| {
            let key = (id(&row.get::<_, String>(0)?), id(&row.get::<_, String>(1)?));
            Ok((key, row.get::<_, String>(2)?))
        })
        .unwrap();
    let mut child_rows: HashMap<Key, Vec<String>> = HashMap::new();
    for row in rows {
        let (key, text) = row.unwrap();
        child_rows.entry(key).or_default().push(text);
    }
    for texts in child_rows.values_mut() {
        texts.sort();
    }
    child_rows
}

fn id(text: &str) -> u64 {
    text.parse().unwrap()
}

fn column(archive: &Connection, sql: &str) -> Vec<String> {
    let mut select = archive.prepare(sql).unwrap();
    select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}
