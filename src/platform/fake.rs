//! A platform in memory, for tests: holds what it is given, fails where a failure is
//! planned, and records its calls.

mod call;
mod recorder;
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

pub use self::call::{Call, CallTarget};
pub use self::recorder::Recorder;
use super::{
    ErrorKind, PageCursor, PageRequest, PlatformAdapter, PlatformError, SearchPage, SearchRequest,
    WrittenChannel, discord,
};
use crate::model::{
    BotIdentity, Channel, ChannelId, ChannelKind, Emoji, IdTimes, MalformedMessage, Message, MessageId,
    MessagePage, Metadata, PlatformSpec, ReactorPage, Timestamp, User, UserId, Visibility, Workspace,
    WorkspaceId,
};
use crate::monitor::{Counter, Monitor};

/// Message of a planned panic: private data that must not reach any output.
pub const PANIC: &str = "user 80351110224678912 met the token";
/// Messages on a page.
const MAX_PAGE: u16 = 100;
/// Archived threads on a page.
const THREADS_PER_PAGE: usize = 50;
/// Messages on a page of a search.
const FOUND_PER_PAGE: usize = 25;
/// Users on a page of reactors.
const REACTORS_PER_PAGE: usize = 100;
/// An ID holds its time as Discord's do: milliseconds since this epoch, shifted left by
/// [`TIME_SHIFT`] bits.
const EPOCH_MILLIS: i64 = 1_420_070_400_000;
const TIME_SHIFT: u32 = 22;

/// A platform whose contents can be changed between calls.
#[derive(Debug)]
pub struct Fake {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    identity: BotIdentity,
    is_token_rejected: bool,
    workspaces: BTreeMap<WorkspaceId, Workspace>,
    channels: BTreeMap<ChannelId, FakeChannel>,
    failures: HashMap<CallTarget, VecDeque<PlatformError>>,
    panics: HashSet<CallTarget>,
    calls: Vec<Call>,
}

#[derive(Debug)]
struct FakeChannel {
    workspace: WorkspaceId,
    channel: Channel,
    messages: BTreeMap<MessageId, Result<Message, MalformedMessage>>,
    reactors: HashMap<(MessageId, Emoji, bool), Vec<User>>,
}

impl Default for Fake {
    fn default() -> Self {
        Self::new()
    }
}

impl Fake {
    /// A platform without any workspace, which accepts the token.
    pub fn new() -> Self {
        let state = State {
            identity: BotIdentity { reads_content: Some(true), server_time: None, invite_url: None },
            is_token_rejected: false,
            workspaces: BTreeMap::new(),
            channels: BTreeMap::new(),
            failures: HashMap::new(),
            panics: HashSet::new(),
            calls: Vec::new(),
        };
        Self { state: Mutex::new(state) }
    }

    /// Sets what [`PlatformAdapter::identity`] returns.
    pub fn set_identity(&self, identity: BotIdentity) {
        self.lock().identity = identity;
    }

    /// Makes every later call fail with [`ErrorKind::TokenRejected`].
    pub fn reject_token(&self) {
        self.lock().is_token_rejected = true;
    }

    /// Adds or replaces a workspace the bot is in.
    pub fn add_workspace(&self, workspace: Workspace) {
        self.lock().workspaces.insert(workspace.id, workspace);
    }

    /// Removes the bot from a workspace.
    pub fn leave_workspace(&self, id: WorkspaceId) {
        self.lock().workspaces.remove(&id);
    }

    /// Adds or replaces a channel, category or thread, keeping its messages.
    pub fn add_channel(&self, workspace: WorkspaceId, channel: Channel) {
        let mut state = self.lock();
        let old = state.channels.remove(&channel.id);
        let (messages, reactors) = old.map(|old| (old.messages, old.reactors)).unwrap_or_default();
        state.channels.insert(channel.id, FakeChannel { workspace, channel, messages, reactors });
    }

    /// Changes a channel.
    ///
    /// # Panics
    /// Panics if there is no channel with this ID.
    pub fn change_channel(&self, id: ChannelId, change: impl FnOnce(&mut Channel)) {
        change(&mut self.lock().channel_mut(id).channel);
    }

    /// Deletes a channel.
    pub fn remove_channel(&self, id: ChannelId) {
        self.lock().channels.remove(&id);
    }

    /// Adds or replaces a message, and updates the channel's `last_message_id`.
    ///
    /// # Panics
    /// Panics if there is no channel with this ID.
    pub fn add_message(&self, channel: ChannelId, message: Message) {
        let id = message.id;
        self.lock().channel_mut(channel).put(id, Ok(message));
    }

    /// Sets the reactors of an emoji of a message, ascending by ID.
    ///
    /// # Panics
    /// Panics if there is no channel with this ID.
    pub fn set_reactors(
        &self,
        channel: ChannelId,
        message: MessageId,
        emoji: Emoji,
        burst: bool,
        users: Vec<User>,
    ) {
        self.lock().channel_mut(channel).reactors.insert((message, emoji, burst), users);
    }

    /// Adds a malformed message, or replaces a message by a malformed one.
    ///
    /// # Panics
    /// Panics if there is no channel with this ID.
    pub fn add_malformed_message(&self, channel: ChannelId, id: MessageId, reason: &str) {
        let malformed = MalformedMessage { id: Some(id), reason: reason.to_owned() };
        self.lock().channel_mut(channel).put(id, Err(malformed));
    }

    /// Deletes a message; the channel's `last_message_id` stays.
    ///
    /// # Panics
    /// Panics if there is no channel with this ID.
    pub fn remove_message(&self, channel: ChannelId, id: MessageId) {
        self.lock().channel_mut(channel).messages.remove(&id);
    }

    /// Plans a failure of the next call to `target`, after the failures already planned.
    pub fn fail_next(&self, target: CallTarget, error: PlatformError) {
        self.lock().failures.entry(target).or_default().push_back(error);
    }

    /// Makes every later call to `target` panic with [`PANIC`].
    pub fn panic_at(&self, target: CallTarget) {
        self.lock().panics.insert(target);
    }

    /// Undoes every [`Self::panic_at`].
    pub fn stop_panicking(&self) {
        self.lock().panics.clear();
    }

    /// The recorded calls in order, failed ones included.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// Clears the recorded calls.
    pub fn clear_calls(&self) {
        self.lock().calls.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a call; fails or panics if that is planned for it.
    fn call(&self, call: Call, monitor: &dyn Monitor) -> Result<MutexGuard<'_, State>, PlatformError> {
        monitor.count(Counter::ApiCalls, 1);
        let mut state = self.lock();
        state.calls.push(call);
        if state.is_token_rejected {
            return Err(PlatformError::new(ErrorKind::TokenRejected, "the bot's account", "it is nobody's"));
        }
        if state.panics.contains(&call.target()) {
            drop(state);
            // Formatted at run time, like a panic message that holds a value.
            panic!("{}", PANIC.to_owned());
        }
        let planned = state.failures.get_mut(&call.target());
        planned.and_then(VecDeque::pop_front).map_or(Ok(state), Err)
    }
}

impl State {
    fn channel_mut(&mut self, id: ChannelId) -> &mut FakeChannel {
        self.channels.get_mut(&id).expect("the channel was added")
    }

    fn channel(&self, id: ChannelId) -> Result<&FakeChannel, PlatformError> {
        let unknown =
            || PlatformError::new(ErrorKind::NotFound, format!("channel {}", id.get()), "there is none");
        self.channels.get(&id).ok_or_else(unknown)
    }

    fn channels_of(&self, id: WorkspaceId) -> impl Iterator<Item = &Channel> {
        self.channels
            .values()
            .filter(move |fake_channel| fake_channel.workspace == id)
            .map(|fake_channel| &fake_channel.channel)
    }

    fn workspace(&self, id: WorkspaceId) -> Result<&Workspace, PlatformError> {
        let absent =
            || PlatformError::new(ErrorKind::NotInWorkspace, format!("server {}", id.get()), "not invited");
        self.workspaces.get(&id).ok_or_else(absent)
    }
}

impl FakeChannel {
    fn put(&mut self, id: MessageId, message: Result<Message, MalformedMessage>) {
        self.messages.insert(id, message);
        if Some(id) > self.channel.last_message_id {
            self.channel.last_message_id = Some(id);
            self.channel.last_message_at = Some(sent_at(id));
        }
    }

    /// A page of messages. Without the permission to read the history, a channel looks
    /// empty.
    fn page(&self, cursor: PageCursor, limit: u16) -> Result<MessagePage, PlatformError> {
        let refuse = |kind, detail| {
            Err(PlatformError::new(kind, format!("messages of channel {}", self.channel.id.get()), detail))
        };
        if !self.channel.kind.has_messages() {
            return refuse(ErrorKind::Rejected, "this kind of channel has none");
        }
        let bot_lacks = &self.channel.visibility.bot_lacks;
        if bot_lacks.contains(&"View Channel") {
            return refuse(ErrorKind::Forbidden, "the bot can't see it");
        }
        let mut page = MessagePage::default();
        if !bot_lacks.is_empty() {
            return Ok(page);
        }
        let limit = usize::from(limit);
        let (skipped, taken) = match cursor {
            PageCursor::After(after) => {
                (self.messages.keys().take_while(|id| Some(**id) <= after).count(), limit)
            }
            PageCursor::Before(before) => {
                let older = self.messages.keys().take_while(|id| **id < before).count();
                (older.saturating_sub(limit), older.min(limit))
            }
            PageCursor::Newest => (self.messages.len().saturating_sub(limit), limit),
        };
        for message in self.messages.values().skip(skipped).take(taken).cloned() {
            match message {
                Ok(message) => page.messages.push(message),
                Err(malformed) => page.malformed.push(malformed),
            }
        }
        page.is_full = page.messages.len() + page.malformed.len() >= limit;
        Ok(page)
    }
}

#[async_trait]
impl PlatformAdapter for Fake {
    fn spec(&self) -> &'static PlatformSpec {
        &discord::SPEC
    }

    async fn identity(&self, monitor: &dyn Monitor) -> Result<BotIdentity, PlatformError> {
        Ok(self.call(Call::Identity, monitor)?.identity.clone())
    }

    async fn workspace(
        &self,
        id: WorkspaceId,
        monitor: &dyn Monitor,
    ) -> Result<(Workspace, Vec<Channel>), PlatformError> {
        let state = self.call(Call::Workspace(id), monitor)?;
        let workspace = state.workspace(id)?.clone();
        let channels = state.channels_of(id).filter(|channel| !channel.kind.is_thread());
        Ok((workspace, channels.cloned().collect()))
    }

    async fn active_threads(
        &self,
        id: WorkspaceId,
        channels: &[Channel],
        monitor: &dyn Monitor,
    ) -> Result<Vec<Channel>, PlatformError> {
        let state = self.call(Call::ActiveThreads(id), monitor)?;
        state.workspace(id)?;
        let is_active = |thread: &&Channel| thread.thread.as_ref().is_some_and(|facts| !facts.archived);
        let visibility_of = |thread: &Channel| {
            let mut parents = channels.iter();
            let parent = parents.find(|channel| Some(channel.id) == thread.parent_id);
            parent.map(|parent| parent.visibility.clone()).unwrap_or_default()
        };
        let active = state.channels_of(id).filter(is_active);
        Ok(active.map(|thread| Channel { visibility: visibility_of(thread), ..thread.clone() }).collect())
    }

    async fn archived_threads(
        &self,
        parent: &Channel,
        before: Option<Timestamp>,
        monitor: &dyn Monitor,
    ) -> Result<(Vec<Channel>, bool), PlatformError> {
        let state = self.call(Call::ArchivedThreads { parent: parent.id, before }, monitor)?;
        state.channel(parent.id)?;
        let archived_at = |thread: &Channel| {
            let facts = thread.thread.as_ref().filter(|facts| facts.archived)?;
            let is_later = before.is_some_and(|before| facts.archived_at >= Some(before));
            (!is_later).then_some(facts.archived_at)
        };
        let children = state.channels.values().map(|fake_channel| &fake_channel.channel);
        let mut threads: Vec<(Option<Timestamp>, &Channel)> = children
            .filter(|child| child.parent_id == Some(parent.id))
            .filter_map(|child| Some((archived_at(child)?, child)))
            .collect();
        threads.sort_by_key(|(archived_at, thread)| std::cmp::Reverse((*archived_at, thread.id)));
        let has_more = threads.len() > THREADS_PER_PAGE;
        let page = threads.into_iter().take(THREADS_PER_PAGE);
        let seen = |thread: &Channel| Channel { visibility: parent.visibility.clone(), ..thread.clone() };
        Ok((page.map(|(_, thread)| seen(thread)).collect(), has_more))
    }

    async fn search_channels(
        &self,
        request: &SearchRequest,
        monitor: &dyn Monitor,
    ) -> Result<SearchPage, PlatformError> {
        let SearchRequest { workspace, channel, after, before, page } = *request;
        let state = self.call(Call::Search(*request), monitor)?;
        state.workspace(workspace)?;
        let readable = state.channels.values().filter(|fake_channel| {
            fake_channel.workspace == workspace
                && fake_channel.channel.visibility.bot_lacks.is_empty()
                && channel.is_none_or(|channel| channel == fake_channel.channel.id)
        });
        let messages = readable.flat_map(|fake_channel| {
            let written = WrittenChannel {
                id: fake_channel.channel.id,
                parent: fake_channel.channel.parent_id.filter(|_| fake_channel.channel.kind.is_thread()),
            };
            let is_within =
                move |id: &&MessageId| Some(**id) > after && before.is_none_or(|before| **id < before);
            fake_channel.messages.keys().filter(is_within).map(move |id| (*id, written))
        });
        let mut found: Vec<(MessageId, WrittenChannel)> = messages.collect();
        found.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
        let begin = usize::from(page) * FOUND_PER_PAGE;
        let mut channels: Vec<WrittenChannel> = Vec::new();
        for (_, written) in found.iter().skip(begin).take(FOUND_PER_PAGE) {
            if !channels.contains(written) {
                channels.push(*written);
            }
        }
        let total = found.len() as u64;
        Ok(SearchPage { channels, total, has_more: found.len() > begin + FOUND_PER_PAGE })
    }

    async fn channel(
        &self,
        id: ChannelId,
        _workspace: WorkspaceId,
        monitor: &dyn Monitor,
    ) -> Result<Channel, PlatformError> {
        let state = self.call(Call::Channel(id), monitor)?;
        let channel = state.channel(id)?.channel.clone();
        if channel.visibility.bot_lacks.contains(&"View Channel") {
            return Err(PlatformError::new(
                ErrorKind::Forbidden,
                format!("channel {}", id.get()),
                "it is closed",
            ));
        }
        if channel.kind.is_thread() || channel.kind == ChannelKind::Other {
            return Ok(Channel { visibility: Visibility::default(), ..channel });
        }
        Ok(channel)
    }

    async fn messages(
        &self,
        request: &PageRequest,
        monitor: &dyn Monitor,
    ) -> Result<MessagePage, PlatformError> {
        let PageRequest { channel, cursor, limit, .. } = *request;
        let state = self.call(Call::Messages { channel, cursor, limit }, monitor)?;
        state.channel(channel)?.page(cursor, limit.min(MAX_PAGE))
    }

    async fn reactors(
        &self,
        (channel, message): (ChannelId, MessageId),
        emoji: &Emoji,
        burst: bool,
        after: Option<UserId>,
        monitor: &dyn Monitor,
    ) -> Result<ReactorPage, PlatformError> {
        let state = self.call(Call::Reactors { channel, message, burst, after }, monitor)?;
        let fake_channel = state.channel(channel)?;
        let gone = || {
            PlatformError::new(ErrorKind::MessageGone, format!("message {}", message.get()), "there is none")
        };
        fake_channel.messages.get(&message).ok_or_else(gone)?;
        let all = fake_channel
            .reactors
            .get(&(message, emoji.clone(), burst))
            .map(Vec::as_slice)
            .unwrap_or_default();
        let following = all.iter().filter(|user| Some(user.id) > after);
        let users: Vec<User> = following.take(REACTORS_PER_PAGE).copied().collect();
        Ok(ReactorPage { is_full: users.len() == REACTORS_PER_PAGE, users })
    }

    fn channel_pages_per_second(&self) -> f64 {
        1.0
    }

    fn max_page(&self) -> u16 {
        MAX_PAGE
    }
}

impl IdTimes for Fake {
    fn id_before(&self, time: Timestamp) -> Option<MessageId> {
        let millis = u64::try_from(time.as_millis().saturating_sub(EPOCH_MILLIS)).ok()?;
        let first = millis.checked_mul(1 << TIME_SHIFT).unwrap_or(1 << 63);
        MessageId::new(first.checked_sub(1)?)
    }

    fn sent_at(&self, id: MessageId) -> Timestamp {
        sent_at(id)
    }
}

/// A text message of user 7.
pub fn message(id: MessageId) -> Message {
    Message {
        id,
        author: UserId::new(7).map(|id| User { id, is_bot: Some(false) }),
        kind: 0,
        content: format!("message {}", id.get()),
        created_at: sent_at(id),
        edited_at: None,
        pinned: false,
        reply: None,
        attachments: Vec::new(),
        reactions: Vec::new(),
        people: Vec::new(),
        metadata: Metadata::default(),
        is_blank: false,
        named_thread: None,
        malformed_fields: Vec::new(),
    }
}

fn sent_at(id: MessageId) -> Timestamp {
    Timestamp::from_millis(EPOCH_MILLIS + (id.as_i64() >> TIME_SHIFT))
}
