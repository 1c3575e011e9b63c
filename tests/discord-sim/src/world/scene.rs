//! A channel with the guild around it, and what the bot may do there.

use super::{Channel, Guild, State};
use crate::permissions::{CONNECT, MANAGE_THREADS, Overwrite, READ_MESSAGE_HISTORY, Subject, VIEW_CHANNEL};

/// What composing and showing a message needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub state: &'a State,
    pub guild: &'a Guild,
    pub channel: &'a Channel,
}

/// What someone may do in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    pub bits: u64,
    /// Sees the channel; for a private thread also membership.
    pub view: bool,
    /// CONNECT where it is needed.
    pub connect: bool,
    pub history: bool,
}

impl State {
    pub(crate) fn scene(&self, channel_id: u64) -> Option<Scene<'_>> {
        let channel = self.channel(channel_id)?;
        let guild = self.guild(channel.guild_id)?;
        Some(Scene { state: self, guild, channel })
    }

    pub(crate) fn bot_in<'a>(&self, guild: &'a Guild) -> Subject<'a> {
        Subject {
            user_id: Some(self.bot_id),
            is_owner: guild.owner_id == self.bot_id,
            everyone_id: guild.id,
            everyone_bits: guild.everyone_bits(),
            roles: &guild.bot_roles,
        }
    }
}

impl<'a> Scene<'a> {
    /// The overwrites that count: threads take their parent's.
    /// `None` when the parent is gone.
    pub(crate) fn overwrites(&self) -> Option<&'a [Overwrite]> {
        if !self.channel.kind.is_thread() {
            return Some(&self.channel.overwrites);
        }
        let parent = self.state.channel(self.channel.parent_id?)?;
        Some(&parent.overwrites)
    }

    /// What the bot may do here.
    pub(crate) fn bot(&self) -> Access {
        let bits = match self.overwrites() {
            Some(overwrites) if self.guild.bot_present => {
                self.state.bot_in(self.guild).in_channel(overwrites)
            }
            _ => 0,
        };
        let mut access = self.access(bits);
        let thread = self.channel.thread.as_ref();
        let has_bot = thread.is_none_or(|thread| thread.has_bot);
        if self.is_private() && !has_bot && bits & MANAGE_THREADS == 0 {
            access.view = false;
        }
        access
    }

    /// What the bare @everyone role may do here; private threads are nobody's.
    pub(crate) fn everyone(&self) -> Access {
        let reader = Subject {
            user_id: None,
            is_owner: false,
            everyone_id: self.guild.id,
            everyone_bits: self.guild.everyone_bits(),
            roles: &[],
        };
        let bits = self.overwrites().map_or(0, |overwrites| reader.in_channel(overwrites));
        let mut access = self.access(bits);
        access.view &= !self.is_private();
        access
    }

    fn access(&self, bits: u64) -> Access {
        Access {
            bits,
            view: bits & VIEW_CHANNEL != 0,
            connect: !self.channel.kind.is_vocal() || bits & CONNECT != 0,
            history: bits & READ_MESSAGE_HISTORY != 0,
        }
    }

    pub(crate) fn is_private(&self) -> bool {
        self.channel.kind == crate::description::ChannelKind::PrivateThread
    }

    /// Whether the world began with a thread on the message of this ID, be it
    /// deleted since.
    pub(crate) fn is_thread_root(&self, message_id: u64) -> bool {
        let is_own = |thread: &&Channel| thread.parent_id == Some(self.channel.id);
        !self.channel.thread_ids.is_empty()
            && self
                .state
                .channels
                .get(&message_id)
                .filter(is_own)
                .and_then(|channel| channel.thread.as_ref())
                .is_some_and(|thread| thread.is_original)
    }

    /// The thread that began with the message of this ID.
    pub(crate) fn thread_of(&self, message_id: u64) -> Option<&'a Channel> {
        if self.channel.thread_ids.is_empty() {
            return None;
        }
        let thread = self.state.channel(message_id)?;
        (thread.parent_id == Some(self.channel.id)).then_some(thread)
    }
}
