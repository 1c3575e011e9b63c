//! Changes to channels and threads.

use crate::description::{ChannelDescription, ChannelKind, Visibility};
use crate::permissions::Overwrite;
use crate::world::{Channel, Thread, World, build};

impl World {
    /// Adds a channel with its threads at the end of a guild, created now, and returns
    /// its ID.
    pub fn create_channel(&self, guild_id: u64, described: &ChannelDescription) -> Option<u64> {
        let now_ms = self.now_ms();
        build::add_at_runtime(&mut self.write(), guild_id, described, now_ms)
    }

    /// Adds an active public thread, created now, and returns its ID. With `starter`, it
    /// is started from that message of the parent: it has the message's ID, and its first
    /// message is a type 21. Otherwise it is empty and no message of the parent announces
    /// it.
    /// In a forum, the first message appended to the thread gets the thread's ID.
    pub fn create_thread(&self, parent_id: u64, name: &str, starter: Option<u64>) -> Option<u64> {
        let (now_ms, fresh_id) = (self.now_ms(), self.next_id());
        let mut state = self.write();
        let id = starter.unwrap_or(fresh_id);
        let parent = state.channel(parent_id)?;
        let is_possible = parent.kind.has_threads()
            && !state.channels.contains_key(&id)
            && starter.is_none_or(|starter| parent.log.find_live(starter).is_some());
        if !is_possible {
            return None;
        }
        let starter_message_id = starter.map(|_| fresh_id);
        let thread = build::new_thread(&state, parent, id, name, now_ms, starter_message_id)?;
        state.channels.insert(id, thread);
        let parent = state.channels.get_mut(&parent_id)?;
        parent.thread_ids.push(id);
        Some(id)
    }

    /// Starts a public thread as [`World::create_thread`] does and appends `messages`
    /// generated messages to it. If it isn't started from a message, its parent gets a
    /// type 18, unless the parent is a forum: Resources/Message, "Message Reference
    /// Content Attribution".
    pub fn start_thread(
        &self,
        parent_id: u64,
        from_message: Option<u64>,
        name: &str,
        messages: u64,
    ) -> Option<u64> {
        let thread_id = self.create_thread(parent_id, name, from_message)?;
        if from_message.is_none() {
            self.post_thread_created(parent_id, thread_id);
        }
        self.append(thread_id, messages);
        Some(thread_id)
    }

    /// Appends the `THREAD_CREATED` notice of a thread to its parent.
    fn post_thread_created(&self, parent_id: u64, thread_id: u64) -> Option<u64> {
        let id = self.next_id();
        let mut state = self.write();
        let thread = state.channel(thread_id)?;
        let authored = (thread.thread.as_ref()?.owner, thread.name.clone());
        let parent = live(state.channels.get_mut(&parent_id))?;
        let has_messages = parent.kind.has_messages();
        has_messages.then(|| parent.log.append_notice(id, authored, thread_id))
    }

    /// Removes a thread from all listings; it can still be read.
    pub fn unlist_thread(&self, thread_id: u64) -> bool {
        self.with_thread(thread_id, |thread| thread.is_unlisted = true)
    }

    /// Puts a thread back into the listings.
    pub fn list_thread(&self, thread_id: u64) -> bool {
        self.with_thread(thread_id, |thread| thread.is_unlisted = false)
    }

    /// Archives a thread now.
    pub fn archive(&self, thread_id: u64) -> bool {
        self.set_archived(thread_id, true)
    }

    /// Unarchives a thread.
    pub fn unarchive(&self, thread_id: u64) -> bool {
        self.set_archived(thread_id, false)
    }

    fn set_archived(&self, thread_id: u64, is_archived: bool) -> bool {
        let now_ms = self.now_ms();
        self.with_thread(thread_id, |thread| {
            thread.archived = is_archived;
            thread.archive_ms = now_ms;
        })
    }

    /// Adds the bot to a thread, or removes it.
    pub fn set_bot_in_thread(&self, thread_id: u64, is_member: bool) -> bool {
        self.with_thread(thread_id, |thread| thread.has_bot = is_member)
    }

    /// Replaces a channel's overwrites so that @everyone is denied `VIEW_CHANNEL` and the
    /// bot is allowed it.
    pub fn hide(&self, channel_id: u64) -> bool {
        self.set_visibility(channel_id, Visibility::Hidden)
    }

    /// Removes all overwrites, so that @everyone sees the channel again.
    pub fn show(&self, channel_id: u64) -> bool {
        self.set_visibility(channel_id, Visibility::Everyone)
    }

    /// Replaces a channel's overwrites with those of a [`Visibility`].
    pub fn set_visibility(&self, channel_id: u64, visibility: Visibility) -> bool {
        let mut state = self.write();
        let bot_id = state.bot_id;
        let channel = live(state.channels.get_mut(&channel_id));
        let replace = |channel: &mut Channel| {
            channel.overwrites = build::visibility(visibility, channel.guild_id, bot_id);
        };
        channel.map(replace).is_some()
    }

    /// Makes a channel age-restricted.
    pub fn set_nsfw(&self, channel_id: u64) -> bool {
        self.with_channel(channel_id, |channel| channel.is_nsfw = true)
    }

    /// Replaces a channel's overwrites.
    pub fn set_overwrites(&self, channel_id: u64, overwrites: Vec<Overwrite>) -> bool {
        self.with_channel(channel_id, |channel| channel.overwrites = overwrites)
    }

    /// Replaces the bot's member overwrite in one channel.
    pub fn set_bot_permissions(&self, channel_id: u64, allow: u64, deny: u64) -> bool {
        let own = Overwrite::member(self.bot_id(), allow, deny);
        self.with_channel(channel_id, |channel| {
            channel.overwrites.retain(|overwrite| (overwrite.kind, overwrite.id) != (own.kind, own.id));
            channel.overwrites.push(own);
        })
    }

    /// Deletes a channel with its threads, or a thread.
    pub fn delete_channel(&self, channel_id: u64) -> bool {
        let mut state = self.write();
        let Some(channel) = live(state.channels.get_mut(&channel_id)) else {
            return false;
        };
        channel.deleted = true;
        let thread_ids = channel.thread_ids.clone();
        for thread_id in thread_ids {
            if let Some(thread) = state.channels.get_mut(&thread_id) {
                thread.deleted = true;
            }
        }
        true
    }

    /// Renames a channel or thread.
    pub fn rename(&self, channel_id: u64, name: &str) -> bool {
        self.with_channel(channel_id, |channel| name.clone_into(&mut channel.name))
    }

    /// Replaces or removes a channel's topic.
    pub fn set_topic(&self, channel_id: u64, topic: Option<&str>) -> bool {
        self.with_channel(channel_id, |channel| {
            channel.topic = topic.map(str::to_owned);
        })
    }

    /// Converts a channel between text and announcement. Its threads keep their kind, and
    /// the archived-thread listing has only threads of the kind the channel creates now:
    /// Resources/Channel, "List Public Archived Threads".
    pub fn set_kind(&self, channel_id: u64, kind: ChannelKind) -> bool {
        self.with_channel(channel_id, |channel| channel.kind = kind)
    }

    fn with_channel(&self, channel_id: u64, change: impl FnOnce(&mut Channel)) -> bool {
        let mut state = self.write();
        live(state.channels.get_mut(&channel_id)).map(change).is_some()
    }

    fn with_thread(&self, thread_id: u64, change: impl FnOnce(&mut Thread)) -> bool {
        let mut state = self.write();
        let channel = live(state.channels.get_mut(&thread_id));
        let thread = channel.and_then(|channel| channel.thread.as_mut());
        thread.map(change).is_some()
    }
}

fn live(channel: Option<&mut Channel>) -> Option<&mut Channel> {
    channel.filter(|channel| !channel.deleted)
}
