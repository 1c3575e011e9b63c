//! Changes of the server.

use std::time::Duration;

use discord_sim::{ChannelDescription, TruthMessage, Visibility, World};

use super::setup::{GUILD, KINDS};
use super::step::{Change, Kind};

const EMOJI: [&str; 3] = ["👍", "🎉", "wave:880000000000000001"];
const LOCKS: [Visibility; 6] = [
    Visibility::BotHidden,
    Visibility::BotNoHistory,
    Visibility::NoHistory,
    Visibility::HistoryForBot,
    Visibility::NoConnect,
    Visibility::BotNoConnect,
];
/// How late a message may show up, at most.
const LATE_MS: [i64; 5] = [5_000, 50_000, 600_000, 7_200_000, 108_000_000];
const USERS: u32 = 200;

/// A channel or thread, closed ones too.
pub struct Place {
    pub id: u64,
    pub kind: u8,
    pub name: String,
    /// Everyone may see it and the bot may read it.
    pub readable: bool,
    pub archived: bool,
}

impl Place {
    pub const fn has_messages(&self) -> bool {
        !matches!(self.kind, 4 | 14..=16)
    }

    const fn has_threads(&self) -> bool {
        matches!(self.kind, 0 | 5 | 15 | 16)
    }

    const fn is_forum(&self) -> bool {
        matches!(self.kind, 15 | 16)
    }

    pub const fn is_thread(&self) -> bool {
        matches!(self.kind, 10..=12)
    }
}

pub fn places(world: &World) -> Vec<Place> {
    let public = world.truth(GUILD).into_iter().map(|channel| Place {
        id: channel.id,
        kind: channel.kind,
        name: channel.name.clone(),
        readable: channel.bot_can_read,
        archived: channel.archived,
    });
    let closed = world.hidden(GUILD).into_iter().map(|hidden| Place {
        id: hidden.channel_id,
        kind: hidden.kind,
        name: hidden.name,
        readable: false,
        archived: false,
    });
    public.chain(closed).collect()
}

/// One of those that fit.
pub fn choose(world: &World, number: u32, fits: impl Fn(&Place) -> bool) -> Option<Place> {
    let mut places = places(world);
    places.retain(fits);
    (!places.is_empty()).then(|| places.swap_remove(number as usize % places.len()))
}

/// Makes the change, if there is something to change, and says what it was.
pub fn apply(world: &World, change: &Change) -> Option<String> {
    apply_where(world, change, |_| true)
}

/// The same, in one of the channels that fit.
pub fn apply_where(world: &World, change: &Change, fitting: impl Fn(&Place) -> bool) -> Option<String> {
    let place = choose(world, change.place, |place| fits(change.kind, place) && fitting(place))?;
    let what = act(world, change, &place)?;
    world.advance(Duration::from_millis(200 + u64::from(change.amount % 3000)));
    Some(format!("#{} ({}): {what}", place.name, place.id))
}

fn fits(kind: Kind, place: &Place) -> bool {
    match kind {
        Kind::CreateChannel => true,
        Kind::CreateThread => place.has_threads(),
        Kind::CreateThreadOn => place.has_threads() && place.has_messages(),
        Kind::Archive => place.is_thread() && !place.archived,
        Kind::Unarchive => place.is_thread() && place.archived,
        Kind::DeleteThread => place.is_thread(),
        Kind::Show => !place.is_thread() && !place.readable,
        Kind::Hide | Kind::LockOut | Kind::DeleteChannel => !place.is_thread(),
        // Voice and stage channels have none.
        Kind::SetTopic => place.has_threads(),
        // Only an active thread can be renamed.
        Kind::Rename => !place.archived,
        _ => place.has_messages(),
    }
}

fn act(world: &World, change: &Change, place: &Place) -> Option<String> {
    let id = place.id;
    let is_done = match change.kind {
        Kind::Append | Kind::AppendMany | Kind::AppendLate => return append(world, change, place),
        Kind::CreateChannel => return create_channel(world, change),
        Kind::CreateThread => return create_thread(world, change, place),
        Kind::CreateThreadOn => return create_thread_on(world, change, id),
        Kind::Rename => return rename(world, change, id),
        Kind::LockOut => {
            let lock = LOCKS[change.amount as usize % LOCKS.len()];
            return world.set_visibility(id, lock).then(|| format!("visibility {lock:?}"));
        }
        Kind::Archive => world.archive(id),
        Kind::Unarchive => world.unarchive(id),
        Kind::DeleteThread | Kind::DeleteChannel => world.delete_channel(id),
        Kind::Hide => world.hide(id),
        Kind::Show => world.show(id),
        Kind::SetTopic => world.set_topic(id, Some(&format!("topic {}", change.amount % 100))),
        _ => return change_messages(world, change, place),
    };
    is_done.then(|| format!("{:?}", change.kind))
}

fn append(world: &World, change: &Change, place: &Place) -> Option<String> {
    if place.archived {
        // Topics/Threads: writing opens the thread again.
        world.unarchive(place.id);
    }
    let amount = change.amount;
    if change.kind == Kind::AppendLate {
        let most = LATE_MS[change.message as usize % LATE_MS.len()];
        let late_ms = 1000 + i64::from(amount) % most;
        let id = world.append_late(place.id, world.now_ms() - late_ms, amount % USERS, "late")?;
        return Some(format!("append late, by up to {late_ms} ms: {id}"));
    }
    if change.kind == Kind::Append && amount.is_multiple_of(3) {
        let text = format!("hello {} of {amount}", mention(world, change));
        let id = world.append_text(place.id, amount % USERS, &text)?;
        return Some(format!("append text: {id}"));
    }
    let count = if change.kind == Kind::Append { 1 + amount % 5 } else { 101 + amount % 150 };
    let ids = world.append(place.id, u64::from(count));
    Some(format!("append {count}: {} to {}", ids.first()?, ids.last()?))
}

/// Somebody, as a mention or as bare digits.
fn mention(world: &World, change: &Change) -> String {
    let id = world.user_id(GUILD, change.message % USERS).unwrap_or_default();
    if change.message.is_multiple_of(2) { format!("<@{id}>") } else { id.to_string() }
}

fn create_channel(world: &World, change: &Change) -> Option<String> {
    let amount = change.amount;
    let channel = ChannelDescription {
        messages: u64::from(amount % 30),
        visibility: if amount.is_multiple_of(5) { Visibility::Hidden } else { Visibility::Everyone },
        ..ChannelDescription::new(
            KINDS[change.message as usize % KINDS.len()],
            &format!("new-{}", amount % 1000),
        )
    };
    let id = world.create_channel(GUILD, &channel)?;
    Some(format!("create {:?} channel {} ({id}), {:?}", channel.kind, channel.name, channel.visibility))
}

fn create_thread(world: &World, change: &Change, parent: &Place) -> Option<String> {
    let thread = world.create_thread(parent.id, &format!("thread {}", change.amount % 1000), None)?;
    // A post begins with its text; elsewhere the parent gets a message that
    // tells of the thread.
    let told = if parent.is_forum() { thread } else { parent.id };
    world.append_text(told, change.amount % USERS, "a new thread");
    let ids = world.append(thread, u64::from(change.message % 4));
    Some(format!("create thread {thread} with {} more messages", ids.len()))
}

fn create_thread_on(world: &World, change: &Change, parent: u64) -> Option<String> {
    let starter = message(world, change, parent, |message| !message.deleted)?;
    let thread =
        world.create_thread(parent, &format!("thread on {}", change.amount % 1000), Some(starter.id))?;
    let ids = world.append(thread, u64::from(change.message % 4));
    Some(format!("create thread on message {thread} with {} more messages", ids.len()))
}

fn rename(world: &World, change: &Change, id: u64) -> Option<String> {
    let name = if change.amount.is_multiple_of(4) {
        format!("ticket-{}", world.user_id(GUILD, change.message % USERS)?)
    } else {
        format!("renamed-{}", change.amount % 1000)
    };
    world.rename(id, &name).then(|| format!("rename to {name}"))
}

/// One of a channel's messages that fit, mostly a young one. Of closed channels
/// the truth tells nothing: they are left as they are.
fn message(
    world: &World,
    change: &Change,
    channel: u64,
    fits: impl Fn(&TruthMessage) -> bool,
) -> Option<TruthMessage> {
    let mut messages = fitting(world, channel, fits);
    let len = messages.len();
    let span = if change.amount.is_multiple_of(3) { len } else { len.min(10) };
    (span > 0).then(|| messages.swap_remove(len - 1 - change.message as usize % span))
}

fn fitting(world: &World, channel: u64, fits: impl Fn(&TruthMessage) -> bool) -> Vec<TruthMessage> {
    let truth = world.truth_channel(channel);
    truth.map_or_else(Vec::new, |truth| truth.messages().filter(fits).collect())
}

fn change_messages(world: &World, change: &Change, place: &Place) -> Option<String> {
    let channel = place.id;
    let live = || fitting(world, channel, |message| !message.deleted);
    let gone = || fitting(world, channel, |message| message.deleted);
    let amount = change.amount as usize;
    match change.kind {
        Kind::DeleteNewest => {
            let live = live();
            delete(world, channel, &live[live.len().saturating_sub(1 + amount % 3)..])
        }
        Kind::DeleteBlock => {
            let live = live();
            let from = change.message as usize % live.len().max(1);
            let to = live.len().min(from + 2 + amount % 120);
            delete(world, channel, &live[from.min(to)..to])
        }
        Kind::DeleteAll => delete(world, channel, &live()),
        Kind::RestoreAll => {
            let gone = gone();
            gone.iter().for_each(|message| assert!(world.restore(channel, message.id)));
            (!gone.is_empty()).then(|| format!("restore all {}", gone.len()))
        }
        Kind::Restore => {
            let message = message(world, change, channel, |message| message.deleted)?;
            world.restore(channel, message.id).then(|| format!("restore {}", message.id))
        }
        _ => change_message(world, change, place),
    }
}

fn delete(world: &World, channel: u64, messages: &[TruthMessage]) -> Option<String> {
    messages.iter().for_each(|message| assert!(world.delete(channel, message.id)));
    let (first, last) = (messages.first()?.id, messages.last()?.id);
    Some(format!("delete {}: {first} to {last}", messages.len()))
}

fn change_message(world: &World, change: &Change, place: &Place) -> Option<String> {
    let (channel, amount) = (place.id, change.amount);
    let message = message(world, change, channel, |message| !message.deleted)?;
    let (id, user) = (message.id, amount % USERS);
    let emoji = EMOJI[amount as usize % EMOJI.len()];
    if place.archived && matches!(change.kind, Kind::React | Kind::Burst | Kind::Swap) {
        // Topics/Threads: an archived thread takes no reactions.
        world.unarchive(channel);
    }
    let is_done = match change.kind {
        Kind::Edit => world.edit(channel, id, &format!("edited {amount} for {}", mention(world, change))),
        Kind::Strip => !message.attachments.is_empty() && world.strip(channel, id),
        Kind::Pin => world.set_pinned(channel, id, !message.pinned),
        Kind::Delete => world.delete(channel, id),
        Kind::React => world.react(channel, id, user, emoji, false),
        Kind::Burst => world.react(channel, id, user, emoji, true),
        Kind::Unreact => unreact(world, channel, &message),
        // Others than before, but as many.
        Kind::Swap => world.set_reactions(channel, id, &[(emoji, false, &[user, (user + 1) % USERS])]),
        _ => false,
    };
    is_done.then(|| format!("{:?} {id}", change.kind))
}

fn unreact(world: &World, channel: u64, message: &TruthMessage) -> bool {
    message.reactions.first().is_some_and(|reaction| {
        let (emoji, burst) = (&reaction.emoji, reaction.burst);
        let reactors = world.reactors(channel, message.id, emoji, burst).unwrap_or_default();
        let users = world.users(GUILD);
        let index = users.iter().position(|user| reactors.first() == Some(&user.id));
        let index = index.and_then(|index| u32::try_from(index).ok());
        index.is_some_and(|index| world.unreact(channel, message.id, index, emoji, burst))
    })
}
