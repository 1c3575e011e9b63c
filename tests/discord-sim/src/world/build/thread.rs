//! Builds threads.

use super::Span;
use crate::description::{ChannelDescription, ChannelKind};
use crate::dice;
use crate::snowflake::{self, Layout};
use crate::world::{Channel, Log, Pool, State, Thread};

/// Minimum average distance between the messages of one thread.
const THREAD_STEP_MS: i64 = 20_000;
/// Threads per page of the archived-thread listing: Resources/Channel, "List Public
/// Archived Threads".
const PAGE_LEN: u32 = 100;

/// Builds the threads of one channel of a description.
pub(super) struct ThreadBuilder<'a> {
    pub described: &'a ChannelDescription,
    pub span: Span,
    pub pool: Pool,
}

impl ThreadBuilder<'_> {
    /// Adds the threads to `state` and to `parent`: first the public ones, of which the
    /// oldest are archived, then the private ones.
    pub(super) fn add_to(&self, state: &mut State, parent: &mut Channel) {
        let plan = &self.described.threads;
        if !parent.kind.has_threads() {
            return;
        }
        let (first_ms, last_ms) = (self.span.first_ms, self.span.last_ms);
        let public = u64::from(plan.active) + u64::from(plan.archived);
        let (seed, messages) = (parent.seed, parent.log.end());
        let own_ids = Layout::new(seed ^ 1, first_ms, last_ms, public);
        for index in 0..public {
            let has_starter = messages > public;
            let id = if has_starter {
                parent.log.entry((index + 1) * messages / (public + 1)).id
            } else {
                own_ids.id(index)
            };
            let rank = u32::try_from(public - index - 1).unwrap_or(u32::MAX);
            let archived = rank.checked_sub(plan.active);
            let name = format!("{} thread {index}", parent.name);
            let mut thread = self.thread(state, parent, id, &name);
            if let Some(facts) = &mut thread.thread {
                facts.has_starter = has_starter;
                facts.is_initial = true;
                self.set_archive(facts, archived);
            }
            parent.thread_ids.push(id);
            state.channels.insert(id, thread);
        }
        let private_ids = Layout::new(seed ^ 2, first_ms, last_ms, u64::from(plan.private));
        for index in 0..u64::from(plan.private) {
            let name = format!("{} private {index}", parent.name);
            let mut thread = self.thread(state, parent, private_ids.id(index), &name);
            thread.kind = ChannelKind::PrivateThread;
            if let Some(facts) = &mut thread.thread {
                facts.has_bot = true;
                self.set_archive(facts, (index % 2 == 1).then_some(index as u32));
            }
            parent.thread_ids.push(thread.id);
            state.channels.insert(thread.id, thread);
        }
    }

    /// A thread with generated messages.
    fn thread(&self, state: &State, parent: &Channel, id: u64, name: &str) -> Channel {
        let messages = self.described.threads.messages;
        let created_ms = snowflake::unix_ms(id);
        let head = (parent.kind.is_forum() && messages > 0).then_some(id);
        let count = messages - u64::from(head.is_some());
        let shortest_ms = count as i64 * THREAD_STEP_MS;
        let length_ms = ((self.span.last_ms - created_ms) / 2).max(shortest_ms);
        let mut thread = empty_thread(state, &self.pool, parent, id, name, created_ms);
        let (first_ms, last_ms) = (created_ms + 1000, created_ms + 2000 + length_ms);
        thread.log = Log::new(head, Layout::new(thread.seed, first_ms, last_ms, count));
        thread
    }

    /// Archives a thread so that it has this `rank` in the listing, newest first.
    /// The `tied` threads around the end of the first page share one archive time.
    fn set_archive(&self, thread: &mut Thread, rank: Option<u32>) {
        let Some(rank) = rank else { return };
        let plan = &self.described.threads;
        let all = i64::from(plan.archived.max(plan.private));
        let half = plan.tied.div_ceil(2);
        let tied = PAGE_LEN.saturating_sub(half)..PAGE_LEN + plan.tied / 2;
        let effective_rank = if tied.contains(&rank) { tied.start } else { rank };
        let first_archive_ms = self.span.last_ms + plan.messages as i64 * THREAD_STEP_MS + 60_000;
        thread.archived = true;
        thread.archive_ms = first_archive_ms + (all - i64::from(effective_rank)) * 1007;
        thread.locked = rank % 5 == 4;
    }
}

/// A thread without messages.
fn empty_thread(
    state: &State,
    pool: &Pool,
    parent: &Channel,
    id: u64,
    name: &str,
    created_ms: i64,
) -> Channel {
    let seed = dice::hash(state.seed, parent.id, id);
    let owner = (dice::hash(seed, 9, 0) % u64::from(pool.count())) as u32;
    Channel {
        id,
        guild_id: parent.guild_id,
        kind: parent.kind.public_thread(),
        name: name.to_owned(),
        topic: None,
        parent_id: Some(parent.id),
        position: 0,
        overwrites: Vec::new(),
        is_nsfw: false,
        mix: parent.mix,
        seed,
        log: Log::new(None, Layout::new(seed, created_ms, created_ms, 0)),
        thread: Some(Thread {
            owner,
            created_ms,
            archived: false,
            archive_ms: created_ms,
            locked: false,
            has_starter: false,
            is_initial: false,
            has_bot: false,
            is_unlisted: false,
        }),
        thread_ids: Vec::new(),
        has_closed_marker: false,
        deleted: false,
    }
}

/// A thread created in an existing world. `starter_message_id` is `Some` if it is
/// started from a message of its parent: the ID of its own first message, a type 21.
pub(in crate::world) fn new_thread(
    state: &State,
    parent: &Channel,
    id: u64,
    name: &str,
    now_ms: i64,
    starter_message_id: Option<u64>,
) -> Option<Channel> {
    let guild = state.guild(parent.guild_id)?;
    let mut thread = empty_thread(state, &guild.pool, parent, id, name, now_ms);
    if let (Some(starter_message_id), Some(facts)) = (starter_message_id, &mut thread.thread) {
        facts.has_starter = true;
        thread.log.append(starter_message_id, None);
    }
    Some(thread)
}
