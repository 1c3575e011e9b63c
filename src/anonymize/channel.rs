//! Channels without people.

use super::{Person, ScrubbedText, Scrubber};
use crate::model::{self, ChannelId, ChannelKind, ChannelState, IdText, Timestamp};

/// What only threads have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// Who started it.
    pub owner: Option<Person>,
    /// Whether it is archived.
    pub archived: bool,
    /// When its archive state last changed.
    pub archived_at: Option<Timestamp>,
    /// Whether only moderators can unarchive it.
    pub locked: bool,
}

/// A channel as it may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its own ID.
    pub id: ChannelId,
    /// That ID as the platform writes it.
    pub id_text: IdText,
    /// A channel's category, a thread's channel.
    pub parent_id: Option<ChannelId>,
    /// What it is.
    pub kind: ChannelKind,
    /// Whether it can be read.
    pub state: ChannelState,
    /// The name people see.
    pub name: ScrubbedText,
    /// The description people see.
    pub topic: Option<ScrubbedText>,
    /// When it was made.
    pub opened_at: Timestamp,
    /// For threads only.
    pub thread: Option<Thread>,
    /// Everyone that name, topic and thread show.
    pub people: Vec<Person>,
    /// Further kept facts, JSON.
    pub metadata: Option<ScrubbedText>,
}

impl Scrubber {
    /// Takes the people out of a channel's facts.
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
