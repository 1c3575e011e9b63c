//! Changes to messages.

use crate::message::{Reaction, ReactionEmoji, Reactors, compose};
use crate::snowflake;
use crate::world::log::Edit;
use crate::world::{Channel, Scene, World};

impl World {
    /// Adds `count` generated messages now and returns their IDs.
    pub fn append(&self, channel_id: u64, count: u64) -> Vec<u64> {
        (0..count).map_while(|_| self.add(channel_id, self.next_id(), None)).collect()
    }

    /// Adds a message of the user with this index (see `user_id`) now.
    pub fn append_text(&self, channel_id: u64, author: u32, content: &str) -> Option<u64> {
        self.add(channel_id, self.next_id(), Some((author, content.to_owned())))
    }

    /// Adds a message with the ID of an earlier instant: one that shows up late.
    /// It never comes before the messages the world began with.
    pub fn append_late(&self, channel_id: u64, unix_ms: i64, author: u32, content: &str) -> Option<u64> {
        let wanted = snowflake::first_of(unix_ms);
        self.add(channel_id, wanted, Some((author, content.to_owned())))
    }

    fn add(&self, channel_id: u64, wanted_id: u64, authored: Option<(u32, String)>) -> Option<u64> {
        let mut state = self.write();
        let guild_id = state.channel(channel_id)?.guild_id;
        let users = state.guild(guild_id)?.pool.count();
        let authored = authored.map(|(author, content)| (author % users, content));
        let parent = state.channel(channel_id)?.parent_id;
        let is_post = parent
            .and_then(|parent_id| state.channel(parent_id))
            .is_some_and(|parent| parent.kind.is_forum());
        let channel = state.channels.get_mut(&channel_id)?;
        let is_first_of_post = is_post && channel.log.end() == 0;
        let id = if is_first_of_post { channel.id } else { wanted_id };
        let has_messages = channel.kind.has_messages();
        has_messages.then(|| channel.log.append(id, authored))
    }

    /// Changes a message's text now.
    pub fn edit(&self, channel_id: u64, message_id: u64, content: &str) -> bool {
        let edit = Edit { content: content.to_owned(), edited_ms: self.now_ms() };
        self.change(channel_id, message_id, |channel| {
            channel.log.edit(message_id, edit);
            true
        })
    }

    /// Takes a message's files off, which is an edit: Resources/Message, "Edit
    /// Message", `attachments`.
    pub fn strip(&self, channel_id: u64, message_id: u64) -> bool {
        let state = self.read();
        let scene = state.scene(channel_id);
        let content = scene.and_then(|scene| {
            let position = scene.channel.log.find_live(message_id)?;
            Some(compose(&scene, position).content)
        });
        drop(state);
        let Some(content) = content else { return false };
        let edit = Edit { content, edited_ms: self.now_ms() };
        self.change(channel_id, message_id, |channel| {
            channel.log.edit(message_id, edit);
            channel.log.strip(message_id);
            true
        })
    }

    /// Pins a message or unpins it. The message of type 6 that Discord writes
    /// besides is left out.
    pub fn set_pinned(&self, channel_id: u64, message_id: u64, is_pinned: bool) -> bool {
        self.change(channel_id, message_id, |channel| {
            channel.log.set_pinned(message_id, is_pinned);
            true
        })
    }

    /// Deletes a message.
    pub fn delete(&self, channel_id: u64, message_id: u64) -> bool {
        self.change(channel_id, message_id, |channel| channel.log.delete(message_id))
    }

    /// Brings a deleted message back, as a lagging replica would.
    pub fn restore(&self, channel_id: u64, message_id: u64) -> bool {
        let mut state = self.write();
        let channel = state.channels.get_mut(&channel_id);
        channel.is_some_and(|channel| channel.log.restore(message_id))
    }

    fn change(&self, channel_id: u64, message_id: u64, change: impl FnOnce(&mut Channel) -> bool) -> bool {
        let mut state = self.write();
        let channel = state.channels.get_mut(&channel_id);
        let live = channel.filter(|channel| channel.log.find_live(message_id).is_some());
        live.is_some_and(change)
    }

    /// Adds a user's reaction; `emoji` is the character or `name:id`. An empty
    /// one has no ID and an empty name, and no route lists who reacted.
    pub fn react(&self, channel_id: u64, message_id: u64, user: u32, emoji: &str, burst: bool) -> bool {
        let emoji = ReactionEmoji::parse(emoji);
        self.change_reactions(channel_id, message_id, |scene, reactions| {
            let pool = &scene.guild.pool;
            let known = reactions.iter().position(|reaction| reaction.emoji.is_same(&emoji));
            let index = known.unwrap_or_else(|| {
                reactions.push(Reaction { emoji, normal: Reactors::NONE, burst: Reactors::NONE });
                reactions.len() - 1
            });
            let reaction = &mut reactions[index];
            let reactors = if burst { &mut reaction.burst } else { &mut reaction.normal };
            user < pool.count() && reactors.add(user, pool)
        })
    }

    /// Takes a user's reaction away.
    pub fn unreact(&self, channel_id: u64, message_id: u64, user: u32, emoji: &str, burst: bool) -> bool {
        let emoji = ReactionEmoji::parse(emoji);
        self.change_reactions(channel_id, message_id, |scene, reactions| {
            let known = reactions.iter().position(|reaction| reaction.emoji.is_same(&emoji));
            let Some(index) = known else { return false };
            let reaction = &mut reactions[index];
            let reactors = if burst { &mut reaction.burst } else { &mut reaction.normal };
            let is_changed = reactors.remove(user, &scene.guild.pool);
            if reaction.normal.count() + reaction.burst.count() == 0 {
                reactions.remove(index);
            }
            is_changed
        })
    }

    /// Replaces all reactions: emoji, whether burst, and the users' indices.
    pub fn set_reactions(&self, channel_id: u64, message_id: u64, wanted: &[(&str, bool, &[u32])]) -> bool {
        let is_known = self.change_reactions(channel_id, message_id, |_, reactions| {
            reactions.clear();
            true
        });
        for (emoji, burst, users) in wanted {
            for user in *users {
                self.react(channel_id, message_id, *user, emoji, *burst);
            }
        }
        is_known
    }

    fn change_reactions(
        &self,
        channel_id: u64,
        message_id: u64,
        change: impl FnOnce(&Scene<'_>, &mut Vec<Reaction>) -> bool,
    ) -> bool {
        let mut state = self.write();
        let changed = state.scene(channel_id).and_then(|scene| {
            let position = scene.channel.log.find_live(message_id)?;
            let mut reactions = compose(&scene, position).reactions;
            change(&scene, &mut reactions).then_some(reactions)
        });
        let (Some(reactions), Some(channel)) = (changed, state.channels.get_mut(&channel_id)) else {
            return false;
        };
        channel.log.set_reactions(message_id, reactions);
        true
    }
}
