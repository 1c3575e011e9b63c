//! Lies, and which of them no other answer of the same run could contradict.

use std::collections::BTreeSet;
use std::fmt;

use discord_sim::{BodyKind, Match, RouteKind, TruthChannel, What, World};
use fastrand::Rng;
use serde_json::{Value, json};

use super::scene::{GUILD, Key, pick};

pub struct Lie {
    pub when: Match,
    pub what: What,
    /// Messages that nothing in the run tells of.
    excused: BTreeSet<Key>,
}

impl fmt::Display for Lie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Match { route, channel, message, cursor, skip, times, .. } = &self.when;
        write!(f, "{:?} on {route:?}", self.what)?;
        if let Some(channel) = channel {
            write!(f, " of {channel}")?;
        }
        if let Some(message) = message {
            write!(f, ", message {message}")?;
        }
        if let Some(cursor) = cursor {
            write!(f, ", cursor {cursor:?}")?;
        }
        let often = if *times == u32::MAX { "always".to_owned() } else { format!("{times} times") };
        write!(f, ", after {skip}, {often}")
    }
}

impl Lie {
    pub fn excuses(&self, key: Key) -> bool {
        self.excused.contains(&key)
    }
}

/// A channel or thread.
struct Place {
    id: u64,
    /// Of a thread.
    parent: Option<u64>,
    messages: Vec<u64>,
    is_archived: bool,
    /// Whether the archive has it already.
    is_known: bool,
    /// Whether a message of its parent names it.
    is_named: bool,
}

/// What lies may be about.
pub struct Targets {
    places: Vec<Place>,
    /// Messages and an emoji that several people reacted with.
    reacted: Vec<(Key, String)>,
    young: Vec<Key>,
}

impl Targets {
    pub fn of(world: &World, young: Vec<Key>, known: &BTreeSet<u64>) -> Self {
        let truth = world.truth(GUILD);
        let messages: BTreeSet<Key> = truth
            .iter()
            .flat_map(|channel| channel.live_messages().map(|message| (channel.id, message.id)))
            .collect();
        let place = |channel: &TruthChannel<'_>| Place {
            id: channel.id,
            parent: channel.parent_id.filter(|_| channel.is_thread),
            messages: channel.live_messages().map(|message| message.id).collect(),
            is_archived: channel.archived,
            is_known: known.contains(&channel.id),
            // A thread that was started on a message has its ID.
            is_named: channel.parent_id.is_some_and(|parent| messages.contains(&(parent, channel.id))),
        };
        let mut reacted = Vec::new();
        for channel in &truth {
            for message in channel.live_messages() {
                let several =
                    message.reactions.iter().filter(|reaction| reaction.count > 1 && !reaction.burst);
                reacted.extend(several.map(|reaction| ((channel.id, message.id), reaction.emoji.clone())));
            }
        }
        Self { places: truth.iter().map(place).collect(), reacted, young }
    }

    /// One that has so many messages.
    fn place(&self, rng: &mut Rng, has: impl Fn(usize) -> bool) -> Option<&Place> {
        let fitting: Vec<&Place> = self.places.iter().filter(|place| has(place.messages.len())).collect();
        (!fitting.is_empty()).then(|| pick(rng, &fitting))
    }

    fn id(&self, rng: &mut Rng, is_thread: bool) -> Option<u64> {
        let ids =
            self.places.iter().filter(|place| place.parent.is_some() == is_thread).map(|place| place.id);
        let ids: Vec<u64> = ids.collect();
        (!ids.is_empty()).then(|| pick(rng, &ids))
    }

    fn messages_of(&self, is_meant: impl Fn(&Place) -> bool) -> BTreeSet<Key> {
        let meant = self.places.iter().filter(|place| is_meant(place));
        meant.flat_map(|place| place.messages.iter().map(|message| (place.id, *message))).collect()
    }

    /// What is in channels that the archive doesn't know, and in their threads.
    fn of_unknown_channels(&self) -> BTreeSet<Key> {
        self.messages_of(|place| {
            let root = place.parent.unwrap_or(place.id);
            self.places.iter().any(|other| other.id == root && !other.is_known)
        })
    }

    /// What is in threads that the archive doesn't know and no message names.
    fn of_unnamed_threads(&self, is_archived: bool) -> BTreeSet<Key> {
        self.messages_of(|place| {
            place.parent.is_some() && place.is_archived == is_archived && !place.is_known && !place.is_named
        })
    }
}

/// One to three, in the order in which they are told.
pub fn some(rng: &mut Rng, targets: &Targets) -> Vec<Lie> {
    let mut lies: Vec<Lie> = (0..rng.u32(1..=3)).map(|_| random(rng, targets)).collect();
    lies.sort_by_key(|lie| lie.what != What::Blank);
    lies
}

fn random(rng: &mut Rng, targets: &Targets) -> Lie {
    let mut lie = match rng.u32(..10) {
        0..5 => of_messages(rng, targets),
        5..6 => of_channels(rng, targets),
        6..7 => of_threads(rng, targets, RouteKind::ActiveThreads),
        7..8 => of_threads(rng, targets, RouteKind::ArchivedPublicThreads),
        _ => of_reactions(rng, targets),
    };
    lie.when.skip = pick(rng, &[0, 0, 0, 1, 2]);
    lie.when.times = pick(rng, &[1, 1, 2, 3, 5, u32::MAX, u32::MAX, u32::MAX]);
    lie
}

fn plain(when: Match, what: What) -> Lie {
    Lie { when, what, excused: BTreeSet::new() }
}

fn broken(rng: &mut Rng) -> What {
    match rng.u32(..4) {
        0 => What::NullBody,
        1 => What::Status(500, BodyKind::Json(0)),
        2 => What::Status(502, BodyKind::Html),
        _ => What::Status(503, BodyKind::Empty),
    }
}

fn of_messages(rng: &mut Rng, targets: &Targets) -> Lie {
    let all = Match::route(RouteKind::Messages);
    let Some(channel) = targets.place(rng, |messages| messages > 0).map(|place| place.id) else {
        return plain(all, broken(rng));
    };
    let when = match rng.u32(..6) {
        0 => all,
        1 => Match::newest_page_of(channel),
        2 => Match::after_page_of(channel),
        _ => Match::page_of(channel),
    };
    match rng.u32(..9) {
        0 | 1 => plain(when, What::Empty),
        2 => plain(when, What::KeepOldest(rng.usize(..60))),
        // The last page of a channel that leaves out its older messages looks as if
        // they were deleted: nothing asks for them again.
        3 => plain(Match::newest_page_of(channel), What::Keep(rng.usize(..60))),
        4 => omit(rng, targets),
        5 => blank(rng, targets),
        6 => plain(when, malformed(rng)),
        7 => repeat(rng, targets),
        _ => plain(when, broken(rng)),
    }
}

/// Of one message of a page. A whole page of them takes more runs than this
/// test has: each tries 20 of a channel again.
fn malformed(rng: &mut Rng) -> What {
    let fields = [
        ("timestamp", json!("yesterday")),
        ("content", json!(7)),
        ("type", json!("0")),
        ("reactions", json!(7)),
        ("id", Value::Null),
    ];
    let (field, value) = &fields[rng.usize(..fields.len())];
    What::MessageField(rng.usize(..10), (*field).to_owned(), value.clone())
}

/// A few messages without content may be so: a dozen in a row may not. So no page
/// may be shorter.
fn blank(rng: &mut Rng, targets: &Targets) -> Lie {
    let is_long = |messages: usize| messages >= 30 && !(1..30).contains(&(messages % 100));
    match targets.place(rng, is_long) {
        Some(place) => plain(Match::page_of(place.id), What::Blank),
        None => plain(Match::route(RouteKind::Messages), What::Empty),
    }
}

/// The newest messages, wherever the page is to begin.
fn repeat(rng: &mut Rng, targets: &Targets) -> Lie {
    match targets.place(rng, |messages| messages > 0) {
        Some(place) => plain(Match::page_of(place.id), What::Repeat),
        None => plain(Match::route(RouteKind::Messages), What::Empty),
    }
}

/// A page without a message in its middle looks as if the message were deleted.
/// So that may be done to young messages only, which are read again once they
/// are a day old.
fn omit(rng: &mut Rng, targets: &Targets) -> Lie {
    if targets.young.is_empty() {
        return plain(Match::route(RouteKind::Messages), What::Empty);
    }
    let excused: BTreeSet<Key> = (0..rng.u32(1..=5)).map(|_| pick(rng, &targets.young)).collect();
    let what = What::Omit(excused.iter().map(|(_, message)| *message).collect());
    Lie { when: Match::route(RouteKind::Messages), what, excused }
}

/// In a first run nothing tells of a channel that the listing leaves out, but for
/// its active threads. What a listing says of a known channel's type is believed,
/// so that what is new waits for the next run.
fn of_channels(rng: &mut Rng, targets: &Targets) -> Lie {
    let when = Match::route(RouteKind::GuildChannels);
    let hidden = json!([{"id": GUILD.to_string(), "type": 0, "allow": "0", "deny": "1024"}]);
    let set = |field: &str, value: Value| What::Set(field.to_owned(), value);
    let young = || targets.young.iter().copied().collect::<BTreeSet<Key>>();
    let unknown = || targets.of_unknown_channels();
    let (what, excused) = match (rng.u32(..10), targets.id(rng, false)) {
        (0, _) => (What::Empty, unknown()),
        (1, _) => (What::Keep(rng.usize(..4)), unknown()),
        (2, _) => (What::KeepOldest(rng.usize(..4)), unknown()),
        (3, Some(channel)) => (What::Omit(vec![channel]), unknown()),
        (4, _) => (set("permission_overwrites", hidden), unknown()),
        (5, _) => (set("type", json!(99)), &unknown() | &young()),
        (6, _) => (set("id", Value::Null), unknown()),
        // Only that tells of a thread in a forum that was archived meanwhile.
        (7, _) => (set("last_message_id", Value::Null), targets.of_unnamed_threads(true)),
        (8, _) => (set("last_message_id", json!("5")), BTreeSet::new()),
        _ => (broken(rng), BTreeSet::new()),
    };
    Lie { when, what, excused }
}

/// Nothing tells of a thread that its listing leaves out if the archive doesn't
/// know it and no message names it. (A forum names its newest thread, but also if
/// that is deleted.)
fn of_threads(rng: &mut Rng, targets: &Targets, route: RouteKind) -> Lie {
    let mut when = Match::route(route);
    if route == RouteKind::ArchivedPublicThreads && rng.bool() {
        when.channel = targets.id(rng, false);
    }
    let (what, hides) = match (rng.u32(..8), targets.id(rng, true)) {
        (0 | 1, _) => (What::Empty, true),
        (2, _) => (What::Keep(rng.usize(..3)), true),
        (3, _) => (What::KeepOldest(rng.usize(..3)), true),
        (4, Some(thread)) => (What::Omit(vec![thread]), true),
        (5, _) => (What::Set("has_more".to_owned(), json!(rng.bool())), false),
        (6, _) => (What::Repeat, false),
        _ => (broken(rng), false),
    };
    let is_archived = route == RouteKind::ArchivedPublicThreads;
    let excused = if hides { targets.of_unnamed_threads(is_archived) } else { BTreeSet::new() };
    Lie { when, what, excused }
}

fn of_reactions(rng: &mut Rng, targets: &Targets) -> Lie {
    let all = Match::route(RouteKind::Reactions);
    if targets.reacted.is_empty() {
        return plain(all, What::Empty);
    }
    let ((channel, message), emoji) = &targets.reacted[rng.usize(..targets.reacted.len())];
    let of_one = Match { channel: Some(*channel), ..all.clone() }.of_message(*message).of_emoji(emoji);
    let when = if rng.bool() { all } else { of_one.clone() };
    match rng.u32(..6) {
        0 => plain(when, What::Empty),
        1 => plain(when, What::Keep(rng.usize(..3))),
        2 => plain(when, What::KeepOldest(rng.usize(..3))),
        // One that a single person gave would be believed to be another's.
        4 => plain(of_one, What::Set("id".to_owned(), json!("1000000000000000007"))),
        3 => plain(when, What::Repeat),
        _ => plain(when, broken(rng)),
    }
}
