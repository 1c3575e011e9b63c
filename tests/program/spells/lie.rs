//! Random lies, and the messages they hide without any contradicting response in the
//! same run.

use std::collections::BTreeSet;
use std::fmt;

use discord_sim::{BodyKind, FaultKind, Match, RouteKind, TruthChannel, World};
use fastrand::Rng;
use serde_json::{Value, json};

use super::scene::{GUILD, Key, pick};

pub struct Lie {
    pub when: Match,
    pub what: FaultKind,
    /// Messages that the run may miss: no other response in it reveals them.
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
        let frequency = if *times == u32::MAX { "always".to_owned() } else { format!("{times} times") };
        write!(f, ", after {skip}, {frequency}")
    }
}

impl Lie {
    pub fn excuses(&self, key: Key) -> bool {
        self.excused.contains(&key)
    }
}

/// A channel or thread.
struct TargetChannel {
    id: u64,
    /// Parent channel, if it is a thread.
    parent: Option<u64>,
    messages: Vec<u64>,
    is_archived: bool,
    /// The archive knows it from an earlier run.
    is_known: bool,
    /// It was started on a message of its parent, which names it.
    is_named: bool,
}

/// The channels, messages and reactions that lies may be about.
pub struct Targets {
    channels: Vec<TargetChannel>,
    /// Messages with an emoji that several users reacted with.
    reactions: Vec<(Key, String)>,
    /// Messages written shortly before the run.
    new_messages: Vec<Key>,
}

impl Targets {
    pub fn of(world: &World, new_messages: Vec<Key>, known: &BTreeSet<u64>) -> Self {
        let truth = world.truth(GUILD);
        let messages: BTreeSet<Key> = truth
            .iter()
            .flat_map(|channel| channel.live_messages().map(|message| (channel.id, message.id)))
            .collect();
        let target = |channel: &TruthChannel<'_>| TargetChannel {
            id: channel.id,
            parent: channel.parent_id.filter(|_| channel.is_thread),
            messages: channel.live_messages().map(|message| message.id).collect(),
            is_archived: channel.archived,
            is_known: known.contains(&channel.id),
            // A thread that was started on a message has the ID of that message.
            is_named: channel.parent_id.is_some_and(|parent| messages.contains(&(parent, channel.id))),
        };
        let mut reactions = Vec::new();
        for channel in &truth {
            for message in channel.live_messages() {
                let several =
                    message.reactions.iter().filter(|reaction| reaction.count > 1 && !reaction.burst);
                reactions.extend(several.map(|reaction| ((channel.id, message.id), reaction.emoji.clone())));
            }
        }
        Self { channels: truth.iter().map(target).collect(), reactions, new_messages }
    }

    /// A random channel whose number of messages matches.
    fn channel(&self, rng: &mut Rng, matches: impl Fn(usize) -> bool) -> Option<&TargetChannel> {
        let matching: Vec<&TargetChannel> =
            self.channels.iter().filter(|channel| matches(channel.messages.len())).collect();
        (!matching.is_empty()).then(|| pick(rng, &matching))
    }

    fn random_id(&self, rng: &mut Rng, is_thread: bool) -> Option<u64> {
        let ids = self
            .channels
            .iter()
            .filter(|channel| channel.parent.is_some() == is_thread)
            .map(|channel| channel.id);
        let ids: Vec<u64> = ids.collect();
        (!ids.is_empty()).then(|| pick(rng, &ids))
    }

    fn messages_of(&self, matches: impl Fn(&TargetChannel) -> bool) -> BTreeSet<Key> {
        let matching = self.channels.iter().filter(|channel| matches(channel));
        matching.flat_map(|channel| channel.messages.iter().map(|message| (channel.id, *message))).collect()
    }

    /// Messages of channels that the archive doesn't know, and of their threads.
    fn messages_of_unknown_channels(&self) -> BTreeSet<Key> {
        self.messages_of(|channel| {
            let root = channel.parent.unwrap_or(channel.id);
            self.channels.iter().any(|other| other.id == root && !other.is_known)
        })
    }

    /// Messages of threads that the archive doesn't know and no message names.
    fn messages_of_unnamed_threads(&self, is_archived: bool) -> BTreeSet<Key> {
        self.messages_of(|channel| {
            channel.parent.is_some()
                && channel.is_archived == is_archived
                && !channel.is_known
                && !channel.is_named
        })
    }
}

/// One to three lies. Those that blank pages come first, since the simulator applies the
/// first lie that matches.
pub fn random_lies(rng: &mut Rng, targets: &Targets) -> Vec<Lie> {
    let mut lies: Vec<Lie> = (0..rng.u32(1..=3)).map(|_| random_lie(rng, targets)).collect();
    lies.sort_by_key(|lie| lie.what != FaultKind::Blank);
    lies
}

fn random_lie(rng: &mut Rng, targets: &Targets) -> Lie {
    let mut lie = match rng.u32(..10) {
        0..5 => message_lie(rng, targets),
        5..6 => channel_lie(rng, targets),
        6..7 => thread_lie(rng, targets, RouteKind::ActiveThreads),
        7..8 => thread_lie(rng, targets, RouteKind::ArchivedPublicThreads),
        _ => reaction_lie(rng, targets),
    };
    lie.when.skip = pick(rng, &[0, 0, 0, 1, 2]);
    lie.when.times = pick(rng, &[1, 1, 2, 3, 5, u32::MAX, u32::MAX, u32::MAX]);
    lie
}

fn unexcused(when: Match, what: FaultKind) -> Lie {
    Lie { when, what, excused: BTreeSet::new() }
}

fn server_fault(rng: &mut Rng) -> FaultKind {
    match rng.u32(..4) {
        0 => FaultKind::NullBody,
        1 => FaultKind::Status(500, BodyKind::Json(0)),
        2 => FaultKind::Status(502, BodyKind::Html),
        _ => FaultKind::Status(503, BodyKind::Empty),
    }
}

fn message_lie(rng: &mut Rng, targets: &Targets) -> Lie {
    let any = Match::route(RouteKind::Messages);
    let Some(channel) = targets.channel(rng, |messages| messages > 0).map(|channel| channel.id) else {
        return unexcused(any, server_fault(rng));
    };
    let when = match rng.u32(..6) {
        0 => any,
        1 => Match::newest_page_of(channel),
        2 => Match::after_page_of(channel),
        _ => Match::page_of(channel),
    };
    match rng.u32(..9) {
        0 | 1 => unexcused(when, FaultKind::Empty),
        2 => unexcused(when, FaultKind::KeepOldest(rng.usize(..60))),
        // Only on the page without a cursor: if the last page left out its older
        // messages, they would look deleted, and no run would request them again.
        3 => unexcused(Match::newest_page_of(channel), FaultKind::Keep(rng.usize(..60))),
        4 => omit(rng, targets),
        5 => blank(rng, targets),
        6 => unexcused(when, malformed(rng)),
        7 => repeat(rng, targets),
        _ => unexcused(when, server_fault(rng)),
    }
}

/// Makes one message of a page malformed. A whole page would take more runs than this
/// test has: each run retries 20 malformed messages per channel.
fn malformed(rng: &mut Rng) -> FaultKind {
    let fields = [
        ("timestamp", json!("yesterday")),
        ("content", json!(7)),
        ("type", json!("0")),
        ("reactions", json!(7)),
        ("id", Value::Null),
    ];
    let (field, value) = &fields[rng.usize(..fields.len())];
    FaultKind::MessageField(rng.usize(..10), (*field).to_owned(), value.clone())
}

/// Blanks the content of pages. A few messages without content are plausible, a dozen in
/// a row are not, so every page must be long enough.
fn blank(rng: &mut Rng, targets: &Targets) -> Lie {
    let is_long = |messages: usize| messages >= 30 && !(1..30).contains(&(messages % 100));
    match targets.channel(rng, is_long) {
        Some(channel) => unexcused(Match::page_of(channel.id), FaultKind::Blank),
        None => unexcused(Match::route(RouteKind::Messages), FaultKind::Empty),
    }
}

/// Returns the newest messages whatever the cursor.
fn repeat(rng: &mut Rng, targets: &Targets) -> Lie {
    match targets.channel(rng, |messages| messages > 0) {
        Some(channel) => unexcused(Match::page_of(channel.id), FaultKind::Repeat),
        None => unexcused(Match::route(RouteKind::Messages), FaultKind::Empty),
    }
}

/// Leaves out single messages. A page without a message in its middle proves the message
/// deleted, so only new ones are left out: they are re-read once they are a day old.
fn omit(rng: &mut Rng, targets: &Targets) -> Lie {
    if targets.new_messages.is_empty() {
        return unexcused(Match::route(RouteKind::Messages), FaultKind::Empty);
    }
    let excused: BTreeSet<Key> = (0..rng.u32(1..=5)).map(|_| pick(rng, &targets.new_messages)).collect();
    let what = FaultKind::Omit(excused.iter().map(|(_, message)| *message).collect());
    Lie { when: Match::route(RouteKind::Messages), what, excused }
}

/// In a first run, only its active threads reveal a channel that the listing leaves out.
/// The type that a listing gives for a known channel is trusted, so that new messages
/// wait for the next run.
fn channel_lie(rng: &mut Rng, targets: &Targets) -> Lie {
    let when = Match::route(RouteKind::GuildChannels);
    let hidden = json!([{"id": GUILD.to_string(), "type": 0, "allow": "0", "deny": "1024"}]);
    let set = |field: &str, value: Value| FaultKind::Set(field.to_owned(), value);
    let new_messages = || targets.new_messages.iter().copied().collect::<BTreeSet<Key>>();
    let unknown = || targets.messages_of_unknown_channels();
    let (what, excused) = match (rng.u32(..10), targets.random_id(rng, false)) {
        (0, _) => (FaultKind::Empty, unknown()),
        (1, _) => (FaultKind::Keep(rng.usize(..4)), unknown()),
        (2, _) => (FaultKind::KeepOldest(rng.usize(..4)), unknown()),
        (3, Some(channel)) => (FaultKind::Omit(vec![channel]), unknown()),
        (4, _) => (set("permission_overwrites", hidden), unknown()),
        (5, _) => (set("type", json!(99)), &unknown() | &new_messages()),
        (6, _) => (set("id", Value::Null), unknown()),
        // Only this field reveals a forum thread that was archived between two runs.
        (7, _) => (set("last_message_id", Value::Null), targets.messages_of_unnamed_threads(true)),
        (8, _) => (set("last_message_id", json!("5")), BTreeSet::new()),
        _ => (server_fault(rng), BTreeSet::new()),
    };
    Lie { when, what, excused }
}

/// A thread that its listing leaves out stays unknown if the archive doesn't know it and
/// no message names it. (A forum names its newest thread, but even if that is deleted.)
fn thread_lie(rng: &mut Rng, targets: &Targets, route: RouteKind) -> Lie {
    let mut when = Match::route(route);
    if route == RouteKind::ArchivedPublicThreads && rng.bool() {
        when.channel = targets.random_id(rng, false);
    }
    let (what, hides) = match (rng.u32(..8), targets.random_id(rng, true)) {
        (0 | 1, _) => (FaultKind::Empty, true),
        (2, _) => (FaultKind::Keep(rng.usize(..3)), true),
        (3, _) => (FaultKind::KeepOldest(rng.usize(..3)), true),
        (4, Some(thread)) => (FaultKind::Omit(vec![thread]), true),
        (5, _) => (FaultKind::Set("has_more".to_owned(), json!(rng.bool())), false),
        (6, _) => (FaultKind::Repeat, false),
        _ => (server_fault(rng), false),
    };
    let is_archived = route == RouteKind::ArchivedPublicThreads;
    let excused = if hides { targets.messages_of_unnamed_threads(is_archived) } else { BTreeSet::new() };
    Lie { when, what, excused }
}

fn reaction_lie(rng: &mut Rng, targets: &Targets) -> Lie {
    let any = Match::route(RouteKind::Reactions);
    if targets.reactions.is_empty() {
        return unexcused(any, FaultKind::Empty);
    }
    let ((channel, message), emoji) = &targets.reactions[rng.usize(..targets.reactions.len())];
    let of_one = Match { channel: Some(*channel), ..any.clone() }.of_message(*message).of_emoji(emoji);
    let when = if rng.bool() { any } else { of_one.clone() };
    match rng.u32(..6) {
        0 => unexcused(when, FaultKind::Empty),
        1 => unexcused(when, FaultKind::Keep(rng.usize(..3))),
        2 => unexcused(when, FaultKind::KeepOldest(rng.usize(..3))),
        // Only for reactions of several users: a single reactor with a false ID would be
        // accepted.
        4 => unexcused(of_one, FaultKind::Set("id".to_owned(), json!("1000000000000000007"))),
        3 => unexcused(when, FaultKind::Repeat),
        _ => unexcused(when, server_fault(rng)),
    }
}
