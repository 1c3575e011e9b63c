//! Channels and threads, scrubbed.

use super::{Person, ScrubbedText, Scrubber};
use crate::model::{self, ChannelId, ChannelKind, ChannelState, IdText, Timestamp};

/// Properties that only threads have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// The user who started it, if known.
    pub owner: Option<Person>,
    /// Whether it is archived.
    pub archived: bool,
    /// When its archive state last changed.
    pub archived_at: Option<Timestamp>,
    /// Whether only moderators can unarchive it.
    pub locked: bool,
}

/// A scrubbed channel, category or thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// The channel's ID.
    pub id: ChannelId,
    /// The ID in the platform's format.
    pub id_text: IdText,
    /// The category of a channel, the parent channel of a thread.
    pub parent_id: Option<ChannelId>,
    /// The kind of channel.
    pub kind: ChannelKind,
    /// The channel's state.
    pub state: ChannelState,
    /// The displayed name.
    pub name: ScrubbedText,
    /// The displayed description.
    pub topic: Option<ScrubbedText>,
    /// When it was created.
    pub opened_at: Timestamp,
    /// Present for threads only.
    pub thread: Option<Thread>,
    /// The users in name, topic and metadata, and a thread's owner.
    pub people: Vec<Person>,
    /// Other archived fields, as JSON.
    pub metadata: Option<ScrubbedText>,
}

impl Scrubber {
    /// Scrubs a channel.
    pub fn channel(self, channel: model::Channel, state: ChannelState) -> Channel {
        let mut people = Vec::new();
        let thread = channel.thread.map(|thread| Thread {
            owner: thread.owner.map(|owner| self.person(owner)),
            archived: thread.archived,
            archived_at: thread.archived_at,
            locked: thread.locked,
        });
        people.extend(thread.as_ref().and_then(|thread| thread.owner));
        Channel {
            id: channel.id,
            id_text: self.ids().channel_text(channel.id),
            parent_id: channel.parent_id,
            kind: channel.kind,
            state,
            name: self.scrub(channel.name, &mut people),
            topic: channel.topic.map(|topic| self.scrub(topic, &mut people)),
            opened_at: channel.created_at,
            thread,
            metadata: self.scrub_json(channel.metadata, &mut people),
            people,
        }
    }
}
