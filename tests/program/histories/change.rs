//! Applies random changes to the simulated server.

use std::time::Duration;

use discord_sim::{ChannelDescription, TruthMessage, Visibility, World};

use super::setup::{GUILD, KINDS};
use super::step::{Change, ChangeKind};

const EMOJI: [&str; 3] = ["👍", "🎉", "wave:880000000000000001"];
const RESTRICTIONS: [Visibility; 6] = [
    Visibility::BotHidden,
    Visibility::BotNoHistory,
    Visibility::NoHistory,
    Visibility::HistoryForBot,
    Visibility::NoConnect,
    Visibility::BotNoConnect,
];
/// Upper bounds of the delay, in milliseconds, with which a message may appear.
const MAX_DELAYS_MS: [i64; 5] = [5_000, 50_000, 600_000, 7_200_000, 108_000_000];
/// Number of users that changes draw from.
const USERS: u32 = 200;

/// A channel or thread that a change may target, hidden ones included.
pub struct TargetChannel {
    pub id: u64,
    pub kind: u8,
    pub name: String,
    /// Visible to @everyone and readable by the bot.
    pub readable: bool,
    pub archived: bool,
}

impl TargetChannel {
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

pub fn target_channels(world: &World) -> Vec<TargetChannel> {
    let public = world.truth(GUILD).into_iter().map(|channel| TargetChannel {
        id: channel.id,
        kind: channel.kind,
        name: channel.name.clone(),
        readable: channel.bot_can_read,
        archived: channel.archived,
    });
    let hidden_channels = world.hidden(GUILD).into_iter().map(|hidden| TargetChannel {
        id: hidden.channel_id,
        kind: hidden.kind,
        name: hidden.name,
        readable: false,
        archived: false,
    });
    public.chain(hidden_channels).collect()
}

/// Picks one of the channels that match: the one at `number` modulo their count.
pub fn choose(
    world: &World,
    number: u32,
    is_match: impl Fn(&TargetChannel) -> bool,
) -> Option<TargetChannel> {
    let mut channels = target_channels(world);
    channels.retain(is_match);
    (!channels.is_empty()).then(|| channels.swap_remove(number as usize % channels.len()))
}

/// Applies the change and describes it; `None` if there was nothing to change.
pub fn apply(world: &World, change: &Change) -> Option<String> {
    apply_where(world, change, |_| true)
}

/// Like [`apply`], restricted to eligible channels.
pub fn apply_where(
    world: &World,
    change: &Change,
    is_eligible: impl Fn(&TargetChannel) -> bool,
) -> Option<String> {
    let channel =
        choose(world, change.channel, |channel| applies_to(change.kind, channel) && is_eligible(channel))?;
    let description = perform(world, change, &channel)?;
    world.advance(Duration::from_millis(200 + u64::from(change.amount % 3000)));
    Some(format!("#{} ({}): {description}", channel.name, channel.id))
}

fn applies_to(kind: ChangeKind, channel: &TargetChannel) -> bool {
    match kind {
        ChangeKind::CreateChannel => true,
        ChangeKind::CreateThread => channel.has_threads(),
        ChangeKind::CreateThreadOn => channel.has_threads() && channel.has_messages(),
        ChangeKind::Archive => channel.is_thread() && !channel.archived,
        ChangeKind::Unarchive => channel.is_thread() && channel.archived,
        ChangeKind::DeleteThread => channel.is_thread(),
        ChangeKind::Show => !channel.is_thread() && !channel.readable,
        ChangeKind::Hide | ChangeKind::Restrict | ChangeKind::DeleteChannel => !channel.is_thread(),
        // Voice and stage channels have no topic.
        ChangeKind::SetTopic => channel.has_threads(),
        // Only an active thread can be renamed.
        ChangeKind::Rename => !channel.archived,
        _ => channel.has_messages(),
    }
}

fn perform(world: &World, change: &Change, channel: &TargetChannel) -> Option<String> {
    let id = channel.id;
    let is_done = match change.kind {
        ChangeKind::Append | ChangeKind::AppendMany | ChangeKind::AppendLate => {
            return append(world, change, channel);
        }
        ChangeKind::CreateChannel => return create_channel(world, change),
        ChangeKind::CreateThread => return create_thread(world, change, channel),
        ChangeKind::CreateThreadOn => return create_thread_on(world, change, id),
        ChangeKind::Rename => return rename(world, change, id),
        ChangeKind::Restrict => {
            let visibility = RESTRICTIONS[change.amount as usize % RESTRICTIONS.len()];
            return world.set_visibility(id, visibility).then(|| format!("visibility {visibility:?}"));
        }
        ChangeKind::Archive => world.archive(id),
        ChangeKind::Unarchive => world.unarchive(id),
        ChangeKind::DeleteThread | ChangeKind::DeleteChannel => world.delete_channel(id),
        ChangeKind::Hide => world.hide(id),
        ChangeKind::Show => world.show(id),
        ChangeKind::SetTopic => world.set_topic(id, Some(&format!("topic {}", change.amount % 100))),
        _ => return change_messages(world, change, channel),
    };
    is_done.then(|| format!("{:?}", change.kind))
}

fn append(world: &World, change: &Change, channel: &TargetChannel) -> Option<String> {
    if channel.archived {
        // Discord docs, Topics/Threads: a new message unarchives the thread.
        world.unarchive(channel.id);
    }
    let amount = change.amount;
    if change.kind == ChangeKind::AppendLate {
        let max_ms = MAX_DELAYS_MS[change.message as usize % MAX_DELAYS_MS.len()];
        let delay_ms = 1000 + i64::from(amount) % max_ms;
        let id = world.append_late(channel.id, world.now_ms() - delay_ms, amount % USERS, "late")?;
        return Some(format!("append late, by up to {delay_ms} ms: {id}"));
    }
    if change.kind == ChangeKind::Append && amount.is_multiple_of(3) {
        let text = format!("hello {} of {amount}", mention(world, change));
        let id = world.append_text(channel.id, amount % USERS, &text)?;
        return Some(format!("append text: {id}"));
    }
    let count = if change.kind == ChangeKind::Append { 1 + amount % 5 } else { 101 + amount % 150 };
    let ids = world.append(channel.id, u64::from(count));
    Some(format!("append {count}: {} to {}", ids.first()?, ids.last()?))
}

/// The ID of a user, as a mention or as bare digits.
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

fn create_thread(world: &World, change: &Change, parent: &TargetChannel) -> Option<String> {
    let thread = world.create_thread(parent.id, &format!("thread {}", change.amount % 1000), None)?;
    // A forum post starts with its text; other parents get a message that announces the
    // thread.
    let posted_in = if parent.is_forum() { thread } else { parent.id };
    world.append_text(posted_in, change.amount % USERS, "a new thread");
    let ids = world.append(thread, u64::from(change.message % 4));
    Some(format!("create thread {thread} with {} more messages", ids.len()))
}

fn create_thread_on(world: &World, change: &Change, parent: u64) -> Option<String> {
    let starter = choose_message(world, change, parent, |message| !message.deleted)?;
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

/// Picks one of a channel's messages that match, usually one of its ten newest. `None`
/// for hidden channels, which the simulator's truth leaves out.
fn choose_message(
    world: &World,
    change: &Change,
    channel: u64,
    is_match: impl Fn(&TruthMessage) -> bool,
) -> Option<TruthMessage> {
    let mut messages = messages_where(world, channel, is_match);
    let len = messages.len();
    let span = if change.amount.is_multiple_of(3) { len } else { len.min(10) };
    (span > 0).then(|| messages.swap_remove(len - 1 - change.message as usize % span))
}

fn messages_where(
    world: &World,
    channel: u64,
    is_match: impl Fn(&TruthMessage) -> bool,
) -> Vec<TruthMessage> {
    let truth = world.truth_channel(channel);
    truth.map_or_else(Vec::new, |truth| truth.messages().filter(is_match).collect())
}

fn change_messages(world: &World, change: &Change, target: &TargetChannel) -> Option<String> {
    let channel = target.id;
    let live = || messages_where(world, channel, |message| !message.deleted);
    let deleted = || messages_where(world, channel, |message| message.deleted);
    let amount = change.amount as usize;
    match change.kind {
        ChangeKind::DeleteNewest => {
            let live = live();
            delete(world, channel, &live[live.len().saturating_sub(1 + amount % 3)..])
        }
        ChangeKind::DeleteBlock => {
            let live = live();
            let from = change.message as usize % live.len().max(1);
            let to = live.len().min(from + 2 + amount % 120);
            delete(world, channel, &live[from.min(to)..to])
        }
        ChangeKind::DeleteAll => delete(world, channel, &live()),
        ChangeKind::RestoreAll => {
            let deleted = deleted();
            deleted.iter().for_each(|message| assert!(world.restore(channel, message.id)));
            (!deleted.is_empty()).then(|| format!("restore all {}", deleted.len()))
        }
        ChangeKind::Restore => {
            let message = choose_message(world, change, channel, |message| message.deleted)?;
            world.restore(channel, message.id).then(|| format!("restore {}", message.id))
        }
        _ => change_one_message(world, change, target),
    }
}

fn delete(world: &World, channel: u64, messages: &[TruthMessage]) -> Option<String> {
    messages.iter().for_each(|message| assert!(world.delete(channel, message.id)));
    let (first, last) = (messages.first()?.id, messages.last()?.id);
    Some(format!("delete {}: {first} to {last}", messages.len()))
}

fn change_one_message(world: &World, change: &Change, target: &TargetChannel) -> Option<String> {
    let (channel, amount) = (target.id, change.amount);
    let message = choose_message(world, change, channel, |message| !message.deleted)?;
    let (id, user) = (message.id, amount % USERS);
    let emoji = EMOJI[amount as usize % EMOJI.len()];
    if target.archived
        && matches!(change.kind, ChangeKind::React | ChangeKind::Burst | ChangeKind::ReplaceReactions)
    {
        // Discord docs, Topics/Threads: an archived thread takes no reactions.
        world.unarchive(channel);
    }
    let is_done = match change.kind {
        ChangeKind::Edit => {
            world.edit(channel, id, &format!("edited {amount} for {}", mention(world, change)))
        }
        ChangeKind::Strip => !message.attachments.is_empty() && world.strip(channel, id),
        ChangeKind::Pin => world.set_pinned(channel, id, !message.pinned),
        ChangeKind::Delete => world.delete(channel, id),
        ChangeKind::React => world.react(channel, id, user, emoji, false),
        ChangeKind::Burst => world.react(channel, id, user, emoji, true),
        ChangeKind::Unreact => unreact(world, channel, &message),
        // Always two users: the users may change while the count stays the same.
        ChangeKind::ReplaceReactions => {
            world.set_reactions(channel, id, &[(emoji, false, &[user, (user + 1) % USERS])])
        }
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
