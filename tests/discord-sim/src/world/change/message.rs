//! Changes to messages.

use crate::message::{Reaction, ReactionEmoji, Reactors, compose};
use crate::snowflake;
use crate::world::log::Edit;
use crate::world::{Channel, Scene, World};

impl World {
    /// Adds `count` generated messages, sent now, and returns their IDs.
    pub fn append(&self, channel_id: u64, count: u64) -> Vec<u64> {
        (0..count).map_while(|_| self.add(channel_id, self.next_id(), None)).collect()
    }

    /// Adds a message, sent now by the user with this index (see `user_id`), and returns
    /// its ID.
    pub fn append_text(&self, channel_id: u64, author: u32, content: &str) -> Option<u64> {
        self.add(channel_id, self.next_id(), Some((author, content.to_owned())))
    }

    /// Adds a message whose ID has an earlier time, like a message that becomes visible
    /// late, and returns its ID. It never precedes the messages the world was built with.
    pub fn append_late(&self, channel_id: u64, unix_ms: i64, author: u32, content: &str) -> Option<u64> {
        let min_id = snowflake::first_of(unix_ms);
        self.add(channel_id, min_id, Some((author, content.to_owned())))
    }

    fn add(&self, channel_id: u64, min_id: u64, authored: Option<(u32, String)>) -> Option<u64> {
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
        let id = if is_first_of_post { channel.id } else { min_id };
        let has_messages = channel.kind.has_messages();
        has_messages.then(|| channel.log.append(id, authored))
    }

    /// Replaces a message's content; it is edited now.
    pub fn edit(&self, channel_id: u64, message_id: u64, content: &str) -> bool {
        let edit = Edit { content: content.to_owned(), edited_ms: self.now_ms() };
        self.change(channel_id, message_id, |channel| {
            channel.log.edit(message_id, edit);
            true
        })
    }

    /// Removes a message's attachments, which counts as an edit: Resources/Message, "Edit
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

    /// Pins or unpins a message, without the type 6 message that Discord adds for it.
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

    /// Restores a deleted message, as if a lagging replica answered.
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

    /// Adds a user's reaction; `emoji` is the Unicode character or `name:id`. The empty
    /// string stands for an emoji without ID and name, whose reactors no route lists.
    pub fn react(&self, channel_id: u64, message_id: u64, user: u32, emoji: &str, burst: bool) -> bool {
        let emoji = ReactionEmoji::parse(emoji);
        self.change_reactions(channel_id, message_id, |scene, reactions| {
            let pool = &scene.guild.pool;
            let existing = reactions.iter().position(|reaction| reaction.emoji.is_same(&emoji));
            let index = existing.unwrap_or_else(|| {
                reactions.push(Reaction { emoji, normal: Reactors::NONE, burst: Reactors::NONE });
                reactions.len() - 1
            });
            let reaction = &mut reactions[index];
            let reactors = if burst { &mut reaction.burst } else { &mut reaction.normal };
            user < pool.count() && reactors.add(user, pool)
        })
    }

    /// Removes a user's reaction.
    pub fn unreact(&self, channel_id: u64, message_id: u64, user: u32, emoji: &str, burst: bool) -> bool {
        let emoji = ReactionEmoji::parse(emoji);
        self.change_reactions(channel_id, message_id, |scene, reactions| {
            let existing = reactions.iter().position(|reaction| reaction.emoji.is_same(&emoji));
            let Some(index) = existing else { return false };
            let reaction = &mut reactions[index];
            let reactors = if burst { &mut reaction.burst } else { &mut reaction.normal };
            let is_changed = reactors.remove(user, &scene.guild.pool);
            if reaction.normal.count() + reaction.burst.count() == 0 {
                reactions.remove(index);
            }
            is_changed
        })
    }

    /// Replaces all reactions with these: emoji, whether burst, and the users' indices.
    pub fn set_reactions(&self, channel_id: u64, message_id: u64, wanted: &[(&str, bool, &[u32])]) -> bool {
        let exists = self.change_reactions(channel_id, message_id, |_, reactions| {
            reactions.clear();
            true
        });
        for (emoji, burst, users) in wanted {
            for user in *users {
                self.react(channel_id, message_id, *user, emoji, *burst);
            }
        }
        exists
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
