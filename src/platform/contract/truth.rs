//! Converts the simulated world into the model: what an adapter must return.

use discord_sim::{TruthChannel, TruthMessage, World};

use crate::model::{
    Attachment, AttachmentId, Channel, ChannelId, ChannelKind, Emoji, IdTimes as _, Message, MessageId,
    ReactionCount, Reply, ThreadProperties, Timestamp, User, UserId, Visibility, Workspace, WorkspaceId,
};
use crate::platform::fake::Fake;

/// First archive time of a thread, later than any message of the world.
const ARCHIVED_FROM_MILLIS: i64 = 1_900_000_000_000;
/// Number of threads that share one archive time.
const TIED: i64 = 3;

/// The contents of one workspace.
#[derive(Debug)]
pub struct Truth {
    /// The workspace.
    pub workspace: Workspace,
    /// A workspace that exists, without the bot.
    pub uninvited: WorkspaceId,
    /// Channels, categories and public threads that everyone may see.
    pub open: Vec<ChannelTruth>,
    /// Channels and threads that not everyone may see.
    pub hidden: Vec<ChannelId>,
}

/// A channel or thread with its messages.
#[derive(Debug)]
pub struct ChannelTruth {
    /// The channel.
    pub channel: Channel,
    /// Its messages, ascending.
    pub messages: Vec<Message>,
    /// IDs of its deleted messages, ascending.
    pub deleted: Vec<MessageId>,
}

impl ChannelTruth {
    /// Whether the bot may read it.
    pub fn is_readable(&self) -> bool {
        self.channel.visibility.bot_lacks.is_empty()
    }

    /// Its messages' IDs, ascending.
    pub fn ids(&self) -> Vec<MessageId> {
        self.messages.iter().map(|message| message.id).collect()
    }
}

impl Truth {
    /// Reads the first guild; the second one is the guild without the bot.
    pub fn of(world: &World) -> Self {
        let guilds = world.guilds();
        let [(guild, name), (uninvited, _)] = &guilds[..] else { panic!("a world of two guilds") };
        let mut archived = 0;
        let channel_truth = |channel: &TruthChannel<'_>| {
            archived += i64::from(channel.archived);
            channel_truth(channel, Timestamp::from_millis(ARCHIVED_FROM_MILLIS + archived / TIED * 1000))
        };
        Self {
            workspace: Workspace { id: WorkspaceId::new(*guild).unwrap(), name: name.clone() },
            uninvited: WorkspaceId::new(*uninvited).unwrap(),
            open: world.truth(*guild).iter().map(channel_truth).collect(),
            hidden: world.hidden(*guild).iter().map(|hidden| channel_id(hidden.channel_id)).collect(),
        }
    }

    /// The channel or thread of this ID, if everyone may see it.
    pub fn get(&self, id: ChannelId) -> Option<&ChannelTruth> {
        self.open.iter().find(|channel_truth| channel_truth.channel.id == id)
    }

    /// The channel or thread of this name.
    pub fn named(&self, name: &str) -> &ChannelTruth {
        self.open
            .iter()
            .find(|channel_truth| channel_truth.channel.name == name)
            .expect("the world has this channel")
    }

    /// Channels and categories.
    pub fn channels(&self) -> impl Iterator<Item = &ChannelTruth> {
        self.open.iter().filter(|channel_truth| !channel_truth.channel.kind.is_thread())
    }

    /// The threads.
    pub fn threads(&self) -> impl Iterator<Item = &ChannelTruth> {
        self.open.iter().filter(|channel_truth| channel_truth.channel.kind.is_thread())
    }

    /// Where messages can be read: every channel, and a sample of the threads.
    pub fn readable(&self) -> impl Iterator<Item = &ChannelTruth> {
        let is_sampled = |channel_truth: &&ChannelTruth| {
            !channel_truth.channel.kind.is_thread() || channel_truth.channel.name.ends_with(['0', '7'])
        };
        self.open
            .iter()
            .filter(|channel_truth| channel_truth.channel.kind.has_messages() && channel_truth.is_readable())
            .filter(is_sampled)
    }

    /// A fake that holds the same data.
    pub fn fake(&self) -> Fake {
        let fake = Fake::new();
        let workspace = self.workspace.id;
        fake.add_workspace(self.workspace.clone());
        for channel_truth in &self.open {
            fake.add_channel(workspace, channel_truth.channel.clone());
            for message in &channel_truth.messages {
                fake.add_message(channel_truth.channel.id, message.clone());
            }
        }
        for id in &self.hidden {
            let hidden = Channel { id: *id, visibility: closed(), ..self.open[0].channel.clone() };
            fake.add_channel(workspace, hidden);
        }
        fake
    }
}

fn closed() -> Visibility {
    Visibility { everyone_lacks: vec!["View Channel"], ..Visibility::default() }
}

fn channel_id(raw: u64) -> ChannelId {
    ChannelId::new(raw).unwrap()
}

fn message_id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

fn channel_truth(truth: &TruthChannel<'_>, archived_at: Timestamp) -> ChannelTruth {
    let (deleted, live): (Vec<_>, Vec<_>) = truth.messages().partition(|message| message.deleted);
    ChannelTruth {
        channel: channel(truth, archived_at),
        messages: live.into_iter().map(message).collect(),
        deleted: deleted.iter().map(|message| message_id(message.id)).collect(),
    }
}

fn channel(truth: &TruthChannel<'_>, archived_at: Timestamp) -> Channel {
    let kind = kind(truth.kind);
    let facts = ThreadProperties {
        owner: truth.owner_id.map(|id| User { id: UserId::new(id).unwrap(), is_bot: None }),
        archived: truth.archived,
        archived_at: Some(archived_at),
        locked: truth.locked,
        messages_sent: None,
        message_count: None,
    };
    let created_at = Fake::new().sent_at(message_id(truth.id));
    Channel {
        parent_id: truth.parent_id.and_then(ChannelId::new),
        topic: truth.topic.clone(),
        visibility: Visibility {
            everyone_sees: true,
            everyone_reads_history: truth.everyone_history,
            bot_lacks: if truth.bot_can_read { vec![] } else { vec!["Read Message History"] },
            everyone_lacks: vec![],
        },
        thread: kind.is_thread().then_some(facts),
        ..Channel::new(channel_id(truth.id), kind, &*truth.name, created_at)
    }
}

/// <https://discord.com/developers/docs/resources/channel#channel-object-channel-types>
fn kind(code: u8) -> ChannelKind {
    match code {
        0 => ChannelKind::Text,
        2 => ChannelKind::Voice,
        4 => ChannelKind::Category,
        5 => ChannelKind::Announcement,
        10 => ChannelKind::AnnouncementThread,
        11 => ChannelKind::PublicThread,
        13 => ChannelKind::Stage,
        15 => ChannelKind::Forum,
        16 => ChannelKind::Media,
        _ => ChannelKind::Other,
    }
}

fn message(truth: TruthMessage) -> Message {
    let author = User { id: UserId::new(truth.author_id).unwrap(), is_bot: Some(truth.author_is_bot) };
    let reply = truth.reply_to.map(|reply| Reply {
        message_id: message_id(reply.message_id),
        channel_id: channel_id(reply.channel_id),
        author: reply.author_id.and_then(UserId::new).map(|id| User { id, is_bot: None }),
    });
    let attachments = truth.attachments.into_iter().map(|file| Attachment {
        id: AttachmentId::new(file.id).unwrap(),
        filename: file.filename,
        size_bytes: file.size,
        content_type: file.content_type,
        url: file.url,
        url_signature: None,
        metadata: crate::model::Metadata::default(),
    });
    let reactions = truth.reactions.into_iter().map(|reaction| ReactionCount {
        emoji: emoji(&reaction.emoji, reaction.custom),
        burst: reaction.burst,
        count: reaction.count,
    });
    Message {
        id: message_id(truth.id),
        author: Some(author),
        kind: truth.kind.into(),
        content: truth.content,
        created_at: Timestamp::from_millis(truth.timestamp_ms),
        edited_at: truth.edited_ms.map(Timestamp::from_millis),
        pinned: false,
        reply,
        attachments: attachments.collect(),
        reactions: reactions.collect(),
        people: Vec::new(),
        is_blank: false,
        named_thread: None,
        malformed_fields: Vec::new(),
        metadata: crate::model::Metadata::default(),
    }
}

fn emoji(text: &str, is_custom: bool) -> Emoji {
    match text.rsplit_once(':') {
        Some((name, id)) if is_custom => Emoji::Custom { id: id.parse().unwrap(), name: name.to_owned() },
        _ => Emoji::Unicode(text.to_owned()),
    }
}
