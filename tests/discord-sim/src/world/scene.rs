//! A channel with its guild, and the permissions of the bot and @everyone there.

use super::{Channel, Guild, State};
use crate::permissions::{CONNECT, MANAGE_THREADS, Overwrite, READ_MESSAGE_HISTORY, Subject, VIEW_CHANNEL};

/// A channel or thread with its guild and the world's state: the context in which
/// messages are composed and rendered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub state: &'a State,
    pub guild: &'a Guild,
    pub channel: &'a Channel,
}

/// Permissions in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    /// All permission bits.
    pub bits: u64,
    /// `VIEW_CHANNEL`; for private threads also access to the thread itself.
    pub view: bool,
    /// `CONNECT`; always true in channels that don't require it.
    pub connect: bool,
    /// `READ_MESSAGE_HISTORY`.
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
    /// The overwrites that apply: a thread has those of its parent. `None` if the parent
    /// is deleted.
    pub(crate) fn overwrites(&self) -> Option<&'a [Overwrite]> {
        if !self.channel.kind.is_thread() {
            return Some(&self.channel.overwrites);
        }
        let parent = self.state.channel(self.channel.parent_id?)?;
        Some(&parent.overwrites)
    }

    /// The bot's permissions.
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

    /// The permissions of a user with only the @everyone role, who never sees private
    /// threads.
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

    /// Whether the world was built with a thread started from this message, even if the
    /// thread is deleted by now.
    pub(crate) fn is_thread_root(&self, message_id: u64) -> bool {
        let is_own = |thread: &&Channel| thread.parent_id == Some(self.channel.id);
        !self.channel.thread_ids.is_empty()
            && self
                .state
                .channels
                .get(&message_id)
                .filter(is_own)
                .and_then(|channel| channel.thread.as_ref())
                .is_some_and(|thread| thread.is_initial)
    }

    /// The thread that was started from this message.
    pub(crate) fn thread_of(&self, message_id: u64) -> Option<&'a Channel> {
        if self.channel.thread_ids.is_empty() {
            return None;
        }
        let thread = self.state.channel(message_id)?;
        (thread.parent_id == Some(self.channel.id)).then_some(thread)
    }
}
