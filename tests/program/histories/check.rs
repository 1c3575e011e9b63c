//! Compares the archive with what it may hold.

use std::collections::HashMap;

use discord_sim::{TruthMessage, World};
use rusqlite::Connection;

use super::archived::{self, Archive, Archived, Channel, Key};
use super::message::Message;
use super::model::{Model, Place};
use super::setup::GUILD;
use super::{DELETIONS, FULL_LISTS_THREADS, REACTORS};
use crate::util::truth::{hash, scrub};

/// Problems told at most.
const MOST: usize = 6;

/// The hashes of everybody who may turn up.
pub struct People(HashMap<u64, String>);

impl People {
    pub fn of(world: &World) -> Self {
        Self(world.users(GUILD).iter().map(|user| (user.id, hash(user.id))).collect())
    }
}

/// What of the archive can't be.
pub fn problems(model: &Model, archive: &Connection, people: &People) -> Option<String> {
    let archive = Archive::read(archive);
    let check = Check { model, people, archive: &archive };
    let mut problems = archive.problems.clone();
    problems.extend(archive.channels.iter().flat_map(|channel| check.channel(channel)));
    problems.extend(archive.messages.iter().filter_map(|(key, row)| check.message(*key, row)));
    problems.extend(check.missing());
    told(problems)
}

/// What of the archive isn't the truth wholly, after two full reads.
pub fn differences(model: &Model, archive: &Connection, people: &People, world: &World) -> Option<String> {
    let stored = Archive::read(archive);
    let check = Check { model, people, archive: &stored };
    let mut problems = Vec::new();
    for channel in world.truth(GUILD).iter().filter(|channel| channel.bot_can_read) {
        let is_promised = model.places.get(&channel.id).is_some_and(|place| place.must_exist);
        if FULL_LISTS_THREADS || is_promised {
            problems.extend(channel.messages().filter_map(|message| check.difference(&message)));
        }
    }
    for (sql, sound) in [("PRAGMA integrity_check", "ok"), ("PRAGMA foreign_key_check", "")] {
        let mut select = archive.prepare(sql).unwrap();
        let found: Vec<String> =
            select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        if found.concat() != sound {
            problems.push(format!("{sql}: {found:?}"));
        }
    }
    if REACTORS {
        problems.extend(reactors(archive, world));
    }
    told(problems)
}

fn told(problems: Vec<String>) -> Option<String> {
    let count = problems.len();
    let mut text = problems.into_iter().take(MOST).collect::<Vec<_>>().join("\n");
    if count > MOST {
        text.push_str(&format!("\n… and {} more", count - MOST));
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
                // Discord tells nobody who used an emoji that is deleted.
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
    people: &'a People,
    archive: &'a Archive,
}

impl Check<'_> {
    fn channel(&self, row: &Channel) -> Vec<String> {
        let Some(place) = self.model.places.get(&row.id).filter(|place| place.may_exist) else {
            return vec![format!("channel {} was never to be seen: {row:?}", row.id)];
        };
        let mut problems = self.figures(row);
        let mut expect = |is_right: bool, what: &str, allowed: &dyn std::fmt::Debug| {
            if !is_right {
                problems.push(format!("channel {}: {what} isn't {allowed:?}: {row:?}", row.id));
            }
        };
        let names: Vec<String> = place.names.iter().map(|name| self.scrub(name)).collect();
        expect(names.contains(&row.name), "the name", &names);
        let topics: Vec<_> =
            place.topics.iter().map(|topic| topic.as_ref().map(|topic| self.scrub(topic))).collect();
        expect(topics.contains(&row.topic), "the topic", &topics);
        expect(place.states.contains(row.state.as_str()), "the state", &place.states);
        let archived = row.archived.is_none_or(|archived| place.archived.contains(&archived));
        expect(archived && row.archived.is_some() == place.is_thread, "archived", &place.archived);
        problems
    }

    /// The counters, which must say what counting says.
    fn figures(&self, row: &Channel) -> Vec<String> {
        let rows = self.archive.messages.range((row.id, 0)..=(row.id, u64::MAX));
        let times: Vec<&String> = rows.map(|(_, row)| &row.created_at).collect();
        let counted = (times.len() as u64, times.first().copied(), times.last().copied());
        let stored = (row.messages, row.first_message_at.as_ref(), row.last_message_at.as_ref());
        let wrong = (counted != stored).then(|| format!("{counted:?} are counted: {row:?}"));
        wrong.into_iter().collect()
    }

    fn message(&self, key: Key, row: &Archived) -> Option<String> {
        let place = self.model.places.get(&key.0);
        let message = place.and_then(|place| place.messages.get(&key.1));
        let Some(message) = message.filter(|message| !message.versions.is_empty()) else {
            return Some(format!("message {key:?} was never to be seen: {row:?}"));
        };
        if DELETIONS && !(if row.is_deleted { message.may_be_deleted } else { message.may_be_live }) {
            let word = if row.is_deleted { "deleted" } else { "live" };
            return Some(format!("message {key:?} can't be {word}: {message:?}"));
        }
        let versions: Vec<Version> = message.versions.iter().map(|truth| self.version(truth)).collect();
        if !versions.iter().any(|version| version.is_in(row)) {
            return Some(format!("message {key:?} is {row:?}\n    but may be {versions:?}"));
        }
        let is_right = self.has_reply_author(message, row);
        (!is_right).then(|| format!("message {key:?} answers somebody else: {row:?}, {message:?}"))
    }

    /// A message as it is now, or marked as deleted.
    fn difference(&self, truth: &TruthMessage) -> Option<String> {
        let row = self.archive.messages.get(&(truth.channel_id, truth.id));
        let is_right = match row {
            Some(row) if truth.deleted => row.is_deleted || !DELETIONS,
            Some(row) => !row.is_deleted && self.version(truth).is_in(row),
            None => truth.deleted,
        };
        (!is_right).then(|| format!("{row:?}\n    isn't {truth:?}"))
    }

    /// A known author of the original isn't forgotten, even if the original is gone.
    fn has_reply_author(&self, message: &Message, row: &Archived) -> bool {
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
        for (id, place) in &self.model.places {
            // A category has no row in the view.
            if place.must_exist && !known.contains(id) {
                missing.push(format!("channel {id} is missing: {:?}", place.names));
            }
            missing.extend(self.missing_messages(*id, place));
        }
        missing
    }

    fn missing_messages(&self, channel: u64, place: &Place) -> impl Iterator<Item = String> {
        let wanted = place.messages.iter().filter(|(_, message)| !message.may_be_missing);
        let missing = wanted.filter(move |(id, _)| !self.archive.messages.contains_key(&(channel, **id)));
        let texts: Vec<String> = missing
            .map(|(id, message)| format!("message {channel}/{id} is missing: {:?}", message.versions))
            .collect();
        texts.into_iter()
    }

    fn scrub(&self, text: &str) -> String {
        scrub(text, &self.people.0, &self.archive.known)
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

/// A message in the words of the archive.
#[derive(Debug)]
struct Version {
    head: String,
    attachments: Vec<String>,
    reactions: Vec<String>,
}

impl Version {
    /// Nothing is promised of what belongs to a deleted message.
    fn is_in(&self, row: &Archived) -> bool {
        let is_whole = self.attachments == row.attachments && self.reactions == row.reactions;
        self.head == row.head && (row.is_deleted || is_whole)
    }
}
