//! Compares the archive with the model of what it may hold.

use std::collections::HashMap;

use discord_sim::{TruthMessage, World};
use rusqlite::Connection;

use super::archived::{self, Archive, ArchivedChannel, ArchivedMessage, Key};
use super::message::MessageModel;
use super::model::{ChannelModel, Model};
use super::setup::GUILD;
use super::{DETECTS_DELETIONS, FULL_LISTS_ARCHIVED_THREADS, READS_REACTORS};
use crate::util::truth::{hash, scrub};

/// Maximum number of problems in a report.
const MAX_REPORTED: usize = 6;

/// The hash of every user of the server, by user ID.
pub struct UserHashes(HashMap<u64, String>);

impl UserHashes {
    pub fn of(world: &World) -> Self {
        Self(world.users(GUILD).iter().map(|user| (user.id, hash(user.id))).collect())
    }
}

/// Contradictions between the archive and the model; `None` if there are none.
pub fn problems(model: &Model, archive: &Connection, user_hashes: &UserHashes) -> Option<String> {
    let archive = Archive::read(archive);
    let check = Check { model, user_hashes, archive: &archive };
    let mut problems = archive.problems.clone();
    problems.extend(archive.channels.iter().flat_map(|channel| check.channel(channel)));
    problems.extend(archive.messages.iter().filter_map(|(key, row)| check.message(*key, row)));
    problems.extend(check.missing());
    summary(problems)
}

/// Differences between the archive and the simulator's truth after the final full reads;
/// `None` if there are none.
pub fn differences(
    model: &Model,
    archive: &Connection,
    user_hashes: &UserHashes,
    world: &World,
) -> Option<String> {
    let stored = Archive::read(archive);
    let check = Check { model, user_hashes, archive: &stored };
    let mut problems = Vec::new();
    for channel in world.truth(GUILD).iter().filter(|channel| channel.bot_can_read) {
        let must_exist = model.channels.get(&channel.id).is_some_and(|model| model.must_exist);
        if FULL_LISTS_ARCHIVED_THREADS || must_exist {
            problems.extend(channel.messages().filter_map(|message| check.difference(&message)));
        }
    }
    for (sql, expected) in [("PRAGMA integrity_check", "ok"), ("PRAGMA foreign_key_check", "")] {
        let mut select = archive.prepare(sql).unwrap();
        let found: Vec<String> =
            select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        if found.concat() != expected {
            problems.push(format!("{sql}: {found:?}"));
        }
    }
    if READS_REACTORS {
        problems.extend(reactors(archive, world));
    }
    summary(problems)
}

fn summary(problems: Vec<String>) -> Option<String> {
    let count = problems.len();
    let mut text = problems.into_iter().take(MAX_REPORTED).collect::<Vec<_>>().join("\n");
    if count > MAX_REPORTED {
        text.push_str(&format!("\n… and {} more", count - MAX_REPORTED));
    }
    (count > 0).then_some(text)
}

fn reactors(archive: &Connection, world: &World) -> Vec<String> {
    let mut stored = archived::reactors(archive);
    let mut problems = Vec::new();
    for channel in world.truth(GUILD).iter().filter(|channel| channel.bot_can_read) {
        for message in channel.live_messages() {
            for reaction in &message.reactions {
                let key = ((channel.id, message.id), reaction.emoji.clone(), reaction.burst);
                let found = stored.remove(&key).unwrap_or_default();
                let users = world.reactors(channel.id, message.id, &reaction.emoji, reaction.burst);
                let mut expected: Vec<String> = users.unwrap_or_default().into_iter().map(hash).collect();
                expected.sort();
                // Discord does not list the reactors of a deleted emoji.
                if reaction.listed && found != expected {
                    problems.push(format!("{key:?}: {found:?} reacted, not {expected:?}"));
                }
            }
            let rest = stored.keys().find(|(key, _, _)| *key == (channel.id, message.id));
            problems.extend(rest.map(|key| format!("{key:?}: nobody reacted so")));
        }
    }
    problems
}

struct Check<'a> {
    model: &'a Model,
    user_hashes: &'a UserHashes,
    archive: &'a Archive,
}

impl Check<'_> {
    fn channel(&self, row: &ArchivedChannel) -> Vec<String> {
        let Some(model) = self.model.channels.get(&row.id).filter(|model| model.may_exist) else {
            return vec![format!("channel {} was never to be seen: {row:?}", row.id)];
        };
        let mut problems = self.counters(row);
        let mut expect = |is_right: bool, what: &str, allowed: &dyn std::fmt::Debug| {
            if !is_right {
                problems.push(format!("channel {}: {what} isn't {allowed:?}: {row:?}", row.id));
            }
        };
        let names: Vec<String> = model.names.iter().map(|name| self.scrub(name)).collect();
        expect(names.contains(&row.name), "the name", &names);
        let topics: Vec<_> =
            model.topics.iter().map(|topic| topic.as_ref().map(|topic| self.scrub(topic))).collect();
        expect(topics.contains(&row.topic), "the topic", &topics);
        expect(model.states.contains(row.state.as_str()), "the state", &model.states);
        let archived = row.archived.is_none_or(|archived| model.archived.contains(&archived));
        expect(archived && row.archived.is_some() == model.is_thread, "archived", &model.archived);
        problems
    }

    /// The counters of the view must equal the counted rows.
    fn counters(&self, row: &ArchivedChannel) -> Vec<String> {
        let rows = self.archive.messages.range((row.id, 0)..=(row.id, u64::MAX));
        let times: Vec<&String> = rows.map(|(_, row)| &row.created_at).collect();
        let counted = (times.len() as u64, times.first().copied(), times.last().copied());
        let stored = (row.messages, row.first_message_at.as_ref(), row.last_message_at.as_ref());
        let wrong = (counted != stored).then(|| format!("{counted:?} are counted: {row:?}"));
        wrong.into_iter().collect()
    }

    fn message(&self, key: Key, row: &ArchivedMessage) -> Option<String> {
        let model = self.model.channels.get(&key.0);
        let message = model.and_then(|model| model.messages.get(&key.1));
        let Some(message) = message.filter(|message| !message.versions.is_empty()) else {
            return Some(format!("message {key:?} was never to be seen: {row:?}"));
        };
        if DETECTS_DELETIONS && !(if row.is_deleted { message.may_be_deleted } else { message.may_be_live }) {
            let word = if row.is_deleted { "deleted" } else { "live" };
            return Some(format!("message {key:?} can't be {word}: {message:?}"));
        }
        let versions: Vec<Version> = message.versions.iter().map(|truth| self.version(truth)).collect();
        if !versions.iter().any(|version| version.matches(row)) {
            return Some(format!("message {key:?} is {row:?}\n    but may be {versions:?}"));
        }
        let is_right = self.reply_author_is_possible(message, row);
        (!is_right).then(|| format!("message {key:?} answers somebody else: {row:?}, {message:?}"))
    }

    /// The row must hold the current state of the message, or be marked as deleted.
    fn difference(&self, truth: &TruthMessage) -> Option<String> {
        let row = self.archive.messages.get(&(truth.channel_id, truth.id));
        let is_right = match row {
            Some(row) if truth.deleted => row.is_deleted || !DETECTS_DELETIONS,
            Some(row) => !row.is_deleted && self.version(truth).matches(row),
            None => truth.deleted,
        };
        (!is_right).then(|| format!("{row:?}\n    isn't {truth:?}"))
    }

    /// The archive keeps the known author of a reply target even after its deletion.
    fn reply_author_is_possible(&self, message: &MessageModel, row: &ArchivedMessage) -> bool {
        let mut possible = message.possible_reply_authors.iter();
        match &row.reply_author {
            Some(author) => possible.any(|possible| hash(*possible) == *author),
            None => message.known_reply_author.is_none(),
        }
    }

    fn missing(&self) -> Vec<String> {
        let archive = self.archive;
        let known: Vec<u64> = archive.channels.iter().map(|row| row.id).collect();
        let mut missing = Vec::new();
        for (id, model) in &self.model.channels {
            // Histories have no categories, which would have no row in the view.
            if model.must_exist && !known.contains(id) {
                missing.push(format!("channel {id} is missing: {:?}", model.names));
            }
            missing.extend(self.missing_messages(*id, model));
        }
        missing
    }

    fn missing_messages(&self, channel: u64, model: &ChannelModel) -> impl Iterator<Item = String> {
        let required = model.messages.iter().filter(|(_, message)| !message.may_be_missing);
        let missing = required.filter(move |(id, _)| !self.archive.messages.contains_key(&(channel, **id)));
        let texts: Vec<String> = missing
            .map(|(id, message)| format!("message {channel}/{id} is missing: {:?}", message.versions))
            .collect();
        texts.into_iter()
    }

    fn scrub(&self, text: &str) -> String {
        scrub(text, &self.user_hashes.0, &self.archive.known_users)
    }

    fn version(&self, truth: &TruthMessage) -> Version {
        let is_bot = truth.author_is_bot || truth.author_is_webhook;
        let reply = truth.reply_to.as_ref();
        let mut attachments: Vec<(u64, String)> = truth
            .attachments
            .iter()
            .map(|file| {
                let (name, url) = (self.scrub(&file.filename), self.scrub(&file.url));
                let kind = file.content_type.as_deref().unwrap_or("-");
                (file.id, format!("{} {name} {} {kind} {url}", file.id, file.size))
            })
            .collect();
        attachments.sort();
        let mut reactions: Vec<String> = truth
            .reactions
            .iter()
            .map(|reaction| {
                let kind = if reaction.custom { "custom" } else { "unicode" };
                let burst = if reaction.burst { "burst" } else { "normal" };
                format!("{} {kind} {burst} {}", reaction.emoji, reaction.count)
            })
            .collect();
        reactions.sort();
        Version {
            head: format!(
                "{}|{}|{}|{}|{}|{}|{}|{}",
                hash(truth.author_id),
                if is_bot { "bot" } else { "human" },
                truth.kind,
                self.scrub(&truth.content),
                truth.timestamp_ms,
                truth.edited_ms.map_or_else(|| "-".to_owned(), |ms| ms.to_string()),
                reply.map_or_else(|| "-".to_owned(), |to| format!("{}/{}", to.channel_id, to.message_id)),
                if truth.pinned { "pinned" } else { "-" },
            ),
            attachments: attachments.into_iter().map(|(_, text)| text).collect(),
            reactions,
        }
    }
}

/// A message in the form in which [`Archive`] reads it.
#[derive(Debug)]
struct Version {
    head: String,
    attachments: Vec<String>,
    reactions: Vec<String>,
}

impl Version {
    /// Whether a row holds this version. Attachments and reactions of a deleted message
    /// carry no guarantee.
    fn matches(&self, row: &ArchivedMessage) -> bool {
        let has_children = self.attachments == row.attachments && self.reactions == row.reactions;
        self.head == row.head && (row.is_deleted || has_children)
    }
}
