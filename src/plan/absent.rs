//! What became of known channels that no listing names, or that a listing says
//! are closed.
//!
//! A listing alone proves nothing about a channel that it leaves out: the channel
//! itself is asked for. Without a right to see it, the platform refuses it
//! whether it was closed to everyone or to the bot.

use std::time::Duration;

use hashbrown::{HashMap, HashSet};

use super::facts::{Facts, ThreadListing};
use super::lookup::{Answer, Lookups};
use super::times::is_past;
use crate::model::{
    Channel, ChannelId, ChannelKind, ChannelState, KnownChannel, KnownChannels, ProvenState, Timestamp,
    Visibility,
};
use crate::monitor::Monitor;
use crate::platform::{ErrorKind, PageCursor, PageRequest, PlatformAdapter, PlatformError};

/// Refused lookups a run makes at most: platforms count them against their sender.
const MOST_REFUSALS: usize = 50;
/// A channel that was refused is asked for again this often.
const REFUSED_INTERVAL: Duration = Duration::from_hours(24);

/// What became of a known channel.
enum Fate {
    /// A listing named it, or nothing can be said: it stays as it is.
    Unchanged,
    /// It is closed or gone, with its parent.
    Gone(ProvenState),
    /// What the archive knows of it holds, and it is seen like its parent.
    Remembered(Visibility),
    /// No listing names it, and it was refused less than a day ago.
    StillRefused,
    /// Only the answer for the channel itself can tell.
    Unknown,
    /// The rights say that the bot can't read it any more; reading it tells.
    Disputed,
}

/// What the listings say of channels.
struct Listed<'a> {
    /// Who sees those that they name.
    named: HashMap<ChannelId, &'a Visibility>,
    /// Parents all of whose archived threads were named, by kind.
    bottoms: HashMap<ChannelId, ChannelKind>,
    /// Parents whose archived threads couldn't be listed.
    unlisted: HashSet<ChannelId>,
    /// Known channels that are closed, gone or out of sight.
    gone: HashMap<ChannelId, ChannelState>,
    /// Channels that couldn't be asked for.
    silent: HashSet<ChannelId>,
    now: Timestamp,
}

impl<'a> Listed<'a> {
    fn new(
        channels: &'a [Channel],
        listings: &[ThreadListing],
        known: &KnownChannels,
        now: Timestamp,
    ) -> Self {
        // Nothing is concluded from what can't be read.
        let readable = || channels.iter().filter(|channel| channel.kind != ChannelKind::Unreadable);
        let kinds: HashMap<ChannelId, ChannelKind> =
            readable().map(|channel| (channel.id, channel.kind)).collect();
        let kind_of = |parent| kinds.get(parent).map(|kind| (*parent, *kind));
        let bottoms = listings.iter().filter(|listing| listing.reached_bottom);
        let unlisted = listings.iter().filter(|listing| listing.error.is_some());
        let gone = known.values().filter(|channel| is_gone(channel.state));
        Self {
            named: readable().map(|channel| (channel.id, &channel.visibility)).collect(),
            bottoms: bottoms.filter_map(|listing| kind_of(&listing.parent)).collect(),
            unlisted: unlisted.map(|listing| listing.parent).collect(),
            gone: gone.map(|channel| (channel.id, channel.state)).collect(),
            silent: HashSet::new(),
            now,
        }
    }

    fn fate(&self, channel: &KnownChannel) -> Fate {
        match channel.parent_id.filter(|_| channel.kind.is_thread()) {
            Some(parent) => self.fate_of_thread(channel, parent),
            None => self.fate_of_root(channel),
        }
    }

    fn fate_of_root(&self, channel: &KnownChannel) -> Fate {
        match self.named.get(&channel.id).copied() {
            Some(visibility) if !visibility.everyone_sees => match channel.state {
                ChannelState::Hidden => Fate::Unchanged,
                _ => Fate::Unknown,
            },
            Some(visibility) if !visibility.bot_lacks.is_empty() && may_dispute(channel) => Fate::Disputed,
            Some(_) => Fate::Unchanged,
            None if channel.state == ChannelState::Hidden => Fate::Unchanged,
            None if self.was_refused(channel) => Fate::StillRefused,
            None => Fate::Unknown,
        }
    }

    /// Threads share what becomes of their parent.
    fn fate_of_thread(&self, channel: &KnownChannel, parent: ChannelId) -> Fate {
        let named = self.named.get(&channel.id);
        match named.or_else(|| self.named.get(&parent)).copied() {
            Some(visibility) if !visibility.everyone_sees => match self.gone.get(&parent) {
                Some(state) => Fate::Gone(ProvenState::of_parent(*state)),
                None => Fate::Unchanged,
            },
            Some(_) if named.is_some() => Fate::Unchanged,
            // Threads of a channel that the bot can't read aren't listed, nor
            // shown to it when it asks.
            Some(visibility)
                if !visibility.bot_lacks.is_empty() || self.may_have_left_out(parent, channel) =>
            {
                Fate::Remembered(visibility.clone())
            }
            Some(_) if self.was_refused(channel) => Fate::Unchanged,
            Some(_) => Fate::Unknown,
            None => match self.gone.get(&parent) {
                Some(state) => Fate::Gone(ProvenState::of_parent(*state)),
                None if self.silent.contains(&parent) || channel.state == ChannelState::Hidden => {
                    Fate::Unchanged
                }
                None => Fate::Unknown,
            },
        }
    }

    fn was_refused(&self, channel: &KnownChannel) -> bool {
        let is_recent = |at: Timestamp| is_past(at, self.now) && self.now.since(at) < REFUSED_INTERVAL;
        channel.state == ChannelState::Unreadable && channel.asked_at.is_some_and(is_recent)
    }

    /// Whether a thread may be archived though the listing doesn't name it.
    fn may_have_left_out(&self, parent: ChannelId, thread: &KnownChannel) -> bool {
        let reached_bottom = self.bottoms.contains_key(&parent);
        self.unlisted.contains(&parent) || (thread.archived == Some(true) && !reached_bottom)
    }

    /// Whether a complete listing should have named an archived thread. After a
    /// conversion it has only threads of the channel's type now
    /// (seen in public reports).
    fn should_have_named(&self, thread: &Channel) -> Option<ChannelId> {
        let is_archived = thread.thread.as_ref().is_some_and(|facts| facts.archived);
        let parent = thread.parent_id.filter(|_| is_archived)?;
        let made_there = match self.bottoms.get(&parent)? {
            ChannelKind::Announcement => ChannelKind::AnnouncementThread,
            _ => ChannelKind::PublicThread,
        };
        (thread.kind == made_there).then_some(parent)
    }
}

/// Whether reading a channel can tell that it is readable after all.
const fn may_dispute(channel: &KnownChannel) -> bool {
    matches!(channel.state, ChannelState::Active) && channel.has_messages && channel.kind.has_messages()
}

/// Completes the facts by known channels that no listing named: closed, deleted,
/// out of sight, or archived so long ago that the listing ended before them.
///
/// # Errors
/// When the run must end.
pub(super) async fn find_absent(
    platform: &dyn PlatformAdapter,
    facts: &mut Facts,
    known: &KnownChannels,
    now: Timestamp,
    monitor: &dyn Monitor,
) -> Result<(), PlatformError> {
    let listed = Listed::new(&facts.channels, &facts.listings, known, now);
    let mut absent: Vec<&KnownChannel> = known
        .values()
        .map(Box::as_ref)
        .filter(|channel| channel.state != ChannelState::Deleted && channel.kind != ChannelKind::Category)
        .collect();
    // Parents come before their threads, and who was not asked for longest first.
    absent.sort_by_key(|channel| (channel.kind.is_thread(), channel.asked_at, channel.id));
    let lookups = Lookups::new(platform, facts.workspace.id, monitor);
    let mut search = Search { platform, monitor, lookups, listed, found: Found::default() };
    for channel in absent {
        search.settle(channel).await?;
    }
    let found = std::mem::take(&mut search.found);
    drop(search);
    if facts.remembered.is_empty() {
        // Moved, not copied: there can be tens of thousands.
        facts.remembered = found.remembered;
    } else {
        facts.remembered.extend(found.remembered);
    }
    facts.gone.extend(found.gone);
    facts.vanished.extend(found.vanished);
    facts.refused.extend(found.refused);
    facts.unsettled.extend(found.unsettled);
    for channel in found.readable {
        if let Some(listed) = facts.channels.iter_mut().find(|listed| listed.id == channel) {
            listed.visibility.bot_lacks.clear();
        }
    }
    for (parent, thread) in found.left_out {
        if let Some(listing) = facts.listings.iter_mut().find(|listing| listing.parent == parent) {
            listing.contradict(platform.spec(), thread);
        }
    }
    facts.channels.extend(found.roots);
    let mut listed = facts.listed();
    facts.add_threads(&mut listed, found.threads);
    Ok(())
}

/// What was found of absent channels.
#[derive(Default)]
struct Found {
    threads: Vec<Channel>,
    /// Public channels that the listing left out.
    roots: Vec<Channel>,
    remembered: Vec<Channel>,
    gone: Vec<(ChannelId, ProvenState)>,
    vanished: Vec<ChannelId>,
    refused: Vec<ChannelId>,
    /// Channels that the bot reads, whatever the rights say.
    readable: Vec<ChannelId>,
    /// Parents whose complete listing left out this thread.
    left_out: Vec<(ChannelId, ChannelId)>,
    unsettled: Vec<(ChannelId, PlatformError)>,
}

/// Asking for absent channels, one by one.
struct Search<'a> {
    platform: &'a dyn PlatformAdapter,
    monitor: &'a dyn Monitor,
    lookups: Lookups<'a>,
    listed: Listed<'a>,
    found: Found,
}

impl Search<'_> {
    async fn settle(&mut self, channel: &KnownChannel) -> Result<(), PlatformError> {
        match self.listed.fate(channel) {
            Fate::Unchanged => {}
            Fate::Gone(proven) => self.conclude(channel.id, proven),
            Fate::Remembered(parent) => self.found.remembered.push(remember(channel, &parent)),
            Fate::StillRefused => self.lose_sight(channel.id),
            Fate::Unknown | Fate::Disputed if self.lookups.gave_up() => {}
            Fate::Unknown if self.found.refused.len() >= MOST_REFUSALS => {
                if !channel.kind.is_thread() && !self.listed.named.contains_key(&channel.id) {
                    self.lose_sight(channel.id);
                }
            }
            Fate::Unknown => self.ask(channel).await?,
            Fate::Disputed => self.try_reading(channel.id).await?,
        }
        Ok(())
    }

    fn conclude(&mut self, channel: ChannelId, proven: ProvenState) {
        self.listed.gone.insert(channel, proven.state());
        self.found.gone.push((channel, proven));
    }

    fn lose_sight(&mut self, channel: ChannelId) {
        self.listed.gone.insert(channel, ChannelState::Unreadable);
        self.found.vanished.push(channel);
    }

    async fn ask(&mut self, channel: &KnownChannel) -> Result<(), PlatformError> {
        match self.lookups.ask(channel.id).await? {
            Answer::Found(answered) if channel.kind.is_thread() => self.take_thread(channel, *answered),
            Answer::Found(answered) => self.take_root(*answered),
            Answer::Refused(state) => self.take_refusal(channel, state),
            Answer::Failed(error) => {
                self.listed.silent.insert(channel.id);
                self.found.unsettled.push((channel.id, error));
            }
        }
        Ok(())
    }

    /// A thread is there, though no listing named it.
    fn take_thread(&mut self, known: &KnownChannel, answered: Channel) {
        // One that no listing ever named proves nothing about the others.
        if let Some(parent) = self.listed.should_have_named(&answered).filter(|_| !known.was_named) {
            self.found.left_out.push((parent, answered.id));
            // The listing isn't believed, and its other threads stay as they are.
            self.listed.bottoms.remove(&parent);
        }
        let parent = known.parent_id.and_then(|parent| self.listed.named.get(&parent));
        self.found.threads.push(Channel {
            visibility: parent.map(|parent| (*parent).clone()).unwrap_or_default(),
            ..answered
        });
    }

    /// A channel is there: the listing left it out, or says that it is closed.
    fn take_root(&mut self, answered: Channel) {
        let is_listed = self.listed.named.contains_key(&answered.id);
        match (answered.visibility.everyone_sees, is_listed) {
            (false, _) => self.conclude(answered.id, ProvenState::answered(ChannelState::Hidden)),
            (true, true) => self.contradict(
                answered.id,
                "the server's listing says that it is closed, and its own answer that it is public",
            ),
            (true, false) => {
                self.contradict(answered.id, "the server's listing leaves it out, though it is there");
                self.found.roots.push(answered);
            }
        }
    }

    fn contradict(&mut self, channel: ChannelId, detail: &str) {
        let subject = format!("channel {}", self.platform.spec().channel_text(channel));
        let error = PlatformError::new(ErrorKind::Unreadable, subject, detail);
        self.found.unsettled.push((channel, error));
    }

    fn take_refusal(&mut self, channel: &KnownChannel, proven: ChannelState) {
        let is_unreadable = proven == ChannelState::Unreadable;
        let is_listed = self.listed.named.contains_key(&channel.id);
        if is_unreadable && is_listed && !channel.kind.is_thread() {
            // The listing says that it is closed, and so does its refusal.
            self.conclude(channel.id, ProvenState::answered(ChannelState::Hidden));
            return;
        }
        if is_unreadable {
            self.found.refused.push(channel.id);
            if !channel.kind.is_thread() {
                self.found.vanished.push(channel.id);
            }
        }
        self.conclude(channel.id, ProvenState::answered(proven));
    }

    /// A message that comes shows that the bot can read the channel.
    async fn try_reading(&mut self, channel: ChannelId) -> Result<(), PlatformError> {
        let request = PageRequest {
            cursor: PageCursor::Newest,
            is_probe: true,
            ..PageRequest::after(channel, None, 1)
        };
        match self.platform.messages(&request, self.monitor).await {
            Ok(page) if page.last_id().is_some() => self.found.readable.push(channel),
            Err(error) if error.kind.ends_run() => return Err(error),
            Ok(_) | Err(_) => {}
        }
        Ok(())
    }
}

const fn is_gone(state: ChannelState) -> bool {
    matches!(state, ChannelState::Hidden | ChannelState::Deleted)
}

fn remember(known: &KnownChannel, parent: &Visibility) -> Channel {
    Channel {
        parent_id: known.parent_id,
        // Nothing came since: it would have left the archive for that.
        last_message_id: known.checkpoint.last_message_id,
        visibility: parent.clone(),
        ..Channel::new(known.id, known.kind, &known.name, known.opened_at)
    }
}
