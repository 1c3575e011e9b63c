//! Finds out what became of known channels that no listing names, or that a listing
//! reports as closed.
//!
//! A listing alone proves nothing about a channel that it leaves out: the channel itself
//! is looked up. A refused lookup doesn't tell whether the channel was closed to everyone
//! or only to the bot.

use std::time::Duration;

use hashbrown::{HashMap, HashSet};

use super::facts::{Facts, ThreadListing};
use super::lookup::{LookupAnswer, Lookups};
use super::times::is_past;
use crate::model::{
    Channel, ChannelId, ChannelKind, ChannelState, KnownChannel, KnownChannels, ProvenState, Timestamp,
    Visibility, with_noun,
};
use crate::monitor::Monitor;
use crate::platform::{ErrorKind, PageCursor, PageRequest, PlatformAdapter, PlatformError};

/// Refused lookups per run at most: platforms count them against the sender.
const MAX_REFUSED_LOOKUPS: usize = 50;
/// Interval between lookups of a refused channel.
const REFUSED_LOOKUP_INTERVAL: Duration = Duration::from_hours(24);

/// What the listings imply for a known channel.
enum ListingVerdict {
    /// A listing names it, or implies nothing: its state stays.
    Unchanged,
    /// It is closed or deleted, as its parent is.
    HiddenOrDeleted(ProvenState),
    /// The archived facts are still valid, with its parent's visibility.
    Remembered(Visibility),
    /// No listing names it, and its lookup was refused less than a day ago.
    StillRefused,
    /// It must be looked up.
    Unknown,
    /// The listed permissions say that the bot can't read it any more: try to read it.
    Disputed,
}

/// What the listings and earlier lookups say about channels.
struct ListingEvidence<'a> {
    /// Visibility of the channels that the listings name.
    named: HashMap<ChannelId, &'a Visibility>,
    /// Kinds of the parents whose archived threads were all listed.
    completely_read: HashMap<ChannelId, ChannelKind>,
    /// Parents whose listing of archived threads failed.
    unlisted: HashSet<ChannelId>,
    /// States of known channels that are closed, deleted or unreadable.
    gone: HashMap<ChannelId, ChannelState>,
    /// Channels whose lookup failed.
    unanswered: HashSet<ChannelId>,
    /// Threads in which a search found messages.
    written: &'a HashSet<ChannelId>,
    now: Timestamp,
}

impl<'a> ListingEvidence<'a> {
    fn new(
        channels: &'a [Channel],
        listings: &[ThreadListing],
        (known, written): (&KnownChannels, &'a HashSet<ChannelId>),
        now: Timestamp,
    ) -> Self {
        // Malformed channels prove nothing.
        let readable = || channels.iter().filter(|channel| channel.kind != ChannelKind::Malformed);
        let kinds: HashMap<ChannelId, ChannelKind> =
            readable().map(|channel| (channel.id, channel.kind)).collect();
        let kind_of = |parent| kinds.get(parent).map(|kind| (*parent, *kind));
        let completely_read = listings.iter().filter(|listing| listing.reached_bottom);
        let unlisted = listings.iter().filter(|listing| listing.error.is_some());
        let gone = known.values().filter(|channel| is_gone(channel.state));
        Self {
            named: readable().map(|channel| (channel.id, &channel.visibility)).collect(),
            completely_read: completely_read.filter_map(|listing| kind_of(&listing.parent)).collect(),
            unlisted: unlisted.map(|listing| listing.parent).collect(),
            gone: gone.map(|channel| (channel.id, channel.state)).collect(),
            unanswered: HashSet::new(),
            written,
            now,
        }
    }

    fn verdict(&self, channel: &KnownChannel) -> ListingVerdict {
        match channel.parent_id.filter(|_| channel.kind.is_thread()) {
            Some(parent) => self.verdict_on_thread(channel, parent),
            None => self.verdict_on_root(channel),
        }
    }

    fn verdict_on_root(&self, channel: &KnownChannel) -> ListingVerdict {
        match self.named.get(&channel.id).copied() {
            Some(visibility) if !visibility.everyone_sees => match channel.state {
                ChannelState::Hidden => ListingVerdict::Unchanged,
                _ => ListingVerdict::Unknown,
            },
            Some(visibility) if !visibility.bot_lacks.is_empty() && can_be_probed(channel) => {
                ListingVerdict::Disputed
            }
            Some(_) => ListingVerdict::Unchanged,
            None if channel.state == ChannelState::Hidden => ListingVerdict::Unchanged,
            None if self.was_refused(channel) => ListingVerdict::StillRefused,
            None => ListingVerdict::Unknown,
        }
    }

    /// A thread shares its parent's state.
    fn verdict_on_thread(&self, channel: &KnownChannel, parent: ChannelId) -> ListingVerdict {
        let named = self.named.get(&channel.id);
        match named.or_else(|| self.named.get(&parent)).copied() {
            Some(visibility) if !visibility.everyone_sees => match self.gone.get(&parent) {
                Some(state) => ListingVerdict::HiddenOrDeleted(ProvenState::from_parent(*state)),
                None => ListingVerdict::Unchanged,
            },
            Some(_) if named.is_some() => ListingVerdict::Unchanged,
            // Threads of a channel that the bot can't read are neither listed nor
            // returned by a lookup.
            Some(visibility)
                if !visibility.bot_lacks.is_empty() || self.may_be_missing_from_listing(parent, channel) =>
            {
                ListingVerdict::Remembered(visibility.clone())
            }
            Some(_) if self.was_refused(channel) => ListingVerdict::Unchanged,
            Some(_) => ListingVerdict::Unknown,
            None => match self.gone.get(&parent) {
                Some(state) => ListingVerdict::HiddenOrDeleted(ProvenState::from_parent(*state)),
                None if self.unanswered.contains(&parent) || channel.state == ChannelState::Hidden => {
                    ListingVerdict::Unchanged
                }
                None => ListingVerdict::Unknown,
            },
        }
    }

    fn was_refused(&self, channel: &KnownChannel) -> bool {
        let is_recent = |at: Timestamp| is_past(at, self.now) && self.now.since(at) < REFUSED_LOOKUP_INTERVAL;
        channel.state == ChannelState::Unreadable && channel.requested_at.is_some_and(is_recent)
    }

    /// Whether the thread may exist although the listing of archived threads doesn't name
    /// it.
    fn may_be_missing_from_listing(&self, parent: ChannelId, thread: &KnownChannel) -> bool {
        let reached_bottom = self.completely_read.contains_key(&parent);
        let is_archived = thread.archived == Some(true) && !self.written.contains(&thread.id);
        self.unlisted.contains(&parent) || (is_archived && !reached_bottom)
    }

    /// The parent whose complete listing should have named this archived thread, if any.
    /// After a parent is converted to another type, its listing holds only threads of the
    /// new type (known from public reports).
    fn should_have_named(&self, thread: &Channel) -> Option<ChannelId> {
        let is_archived = thread.thread.as_ref().is_some_and(|facts| facts.archived);
        let parent = thread.parent_id.filter(|_| is_archived)?;
        let listed_kind = match self.completely_read.get(&parent)? {
            ChannelKind::Announcement => ChannelKind::AnnouncementThread,
            _ => ChannelKind::PublicThread,
        };
        (thread.kind == listed_kind).then_some(parent)
    }
}

/// Whether a probe of the channel's messages can show that it is readable after all.
const fn can_be_probed(channel: &KnownChannel) -> bool {
    matches!(channel.state, ChannelState::Active) && channel.has_messages && channel.kind.has_messages()
}

/// Completes the facts by known channels that no listing named: they are closed, deleted,
/// refused, or were archived before the end of the listing. `written` are threads in which
/// a search found messages.
///
/// # Errors
/// Returns a [`PlatformError`] that must end the run.
pub(super) async fn find_absent(
    platform: &dyn PlatformAdapter,
    facts: &mut Facts,
    (known, written): (&KnownChannels, &HashSet<ChannelId>),
    now: Timestamp,
    monitor: &dyn Monitor,
) -> Result<(), PlatformError> {
    let listed = ListingEvidence::new(&facts.channels, &facts.listings, (known, written), now);
    let mut absent: Vec<&KnownChannel> = known
        .values()
        .map(Box::as_ref)
        .filter(|channel| channel.state != ChannelState::Deleted && channel.kind != ChannelKind::Category)
        .collect();
    // Parents before their threads; the one whose last lookup is oldest first.
    absent.sort_by_key(|channel| (channel.kind.is_thread(), channel.requested_at, channel.id));
    let lookups = Lookups::new(platform, facts.workspace.id, monitor);
    let mut search = AbsentSearch { platform, monitor, lookups, listed, results: AbsenceResults::default() };
    for channel in absent {
        search.resolve(channel).await?;
    }
    let results = std::mem::take(&mut search.results);
    drop(search);
    if facts.remembered.is_empty() {
        // Moved rather than copied: there can be tens of thousands.
        facts.remembered = results.remembered;
    } else {
        facts.remembered.extend(results.remembered);
    }
    facts.proven_states.extend(results.proven_states);
    facts.vanished.extend(results.vanished);
    facts.refused.extend(results.refused);
    facts.inconclusive.extend(results.inconclusive);
    if results.postponed > 0 {
        let lookups = with_noun(results.postponed, "lookup");
        facts.postponed.push(format!(
            "{lookups} of unlisted channels and threads left to the next run, since {MAX_REFUSED_LOOKUPS} were refused in this one"
        ));
    }
    for channel in results.readable {
        if let Some(listed) = facts.channels.iter_mut().find(|listed| listed.id == channel) {
            listed.visibility.bot_lacks.clear();
        }
    }
    for (parent, thread) in results.left_out {
        if let Some(listing) = facts.listings.iter_mut().find(|listing| listing.parent == parent) {
            listing.contradict(platform.spec(), thread);
        }
    }
    facts.channels.extend(results.roots);
    let mut listed = facts.listed();
    facts.add_threads(&mut listed, results.threads);
    Ok(())
}

/// What the search found out about absent channels.
#[derive(Default)]
struct AbsenceResults {
    threads: Vec<Channel>,
    /// Public channels that the listing leaves out.
    roots: Vec<Channel>,
    remembered: Vec<Channel>,
    proven_states: Vec<(ChannelId, ProvenState)>,
    vanished: Vec<ChannelId>,
    refused: Vec<ChannelId>,
    /// Channels that the bot can read, whatever the listed permissions say.
    readable: Vec<ChannelId>,
    /// Parents whose complete listing leaves out a thread, with that thread.
    left_out: Vec<(ChannelId, ChannelId)>,
    /// Number of lookups left to the next run.
    postponed: u64,
    inconclusive: Vec<(ChannelId, PlatformError)>,
}

/// The search for absent channels, one by one.
struct AbsentSearch<'a> {
    platform: &'a dyn PlatformAdapter,
    monitor: &'a dyn Monitor,
    lookups: Lookups<'a>,
    listed: ListingEvidence<'a>,
    results: AbsenceResults,
}

impl AbsentSearch<'_> {
    /// Finds out what became of a channel, by a lookup if need be.
    async fn resolve(&mut self, channel: &KnownChannel) -> Result<(), PlatformError> {
        match self.listed.verdict(channel) {
            ListingVerdict::Unchanged => {}
            ListingVerdict::HiddenOrDeleted(proven) => self.add_proven(channel.id, proven),
            ListingVerdict::Remembered(parent) => {
                self.results.remembered.push(remembered_channel(channel, &parent));
            }
            ListingVerdict::StillRefused => self.add_vanished(channel.id),
            ListingVerdict::Unknown | ListingVerdict::Disputed if self.lookups.gave_up() => {}
            ListingVerdict::Unknown if self.results.refused.len() >= MAX_REFUSED_LOOKUPS => {
                if !channel.kind.is_thread() && !self.listed.named.contains_key(&channel.id) {
                    self.add_vanished(channel.id);
                } else if channel.state != ChannelState::Unreadable {
                    // An earlier refusal still counts; this one was never refused.
                    self.results.postponed += 1;
                }
            }
            ListingVerdict::Unknown => self.look_up(channel).await?,
            ListingVerdict::Disputed => self.probe_messages(channel.id).await?,
        }
        Ok(())
    }

    fn add_proven(&mut self, channel: ChannelId, proven: ProvenState) {
        self.listed.gone.insert(channel, proven.state());
        self.results.proven_states.push((channel, proven));
    }

    fn add_vanished(&mut self, channel: ChannelId) {
        self.listed.gone.insert(channel, ChannelState::Unreadable);
        self.results.vanished.push(channel);
    }

    async fn look_up(&mut self, channel: &KnownChannel) -> Result<(), PlatformError> {
        match self.lookups.look_up(channel.id).await? {
            LookupAnswer::Found(answered) if channel.kind.is_thread() => self.add_thread(channel, *answered),
            LookupAnswer::Found(answered) => self.add_root(*answered),
            LookupAnswer::Refused(state) => self.add_refusal(channel, state),
            LookupAnswer::Failed(error) => {
                self.listed.unanswered.insert(channel.id);
                self.results.inconclusive.push((channel.id, error));
            }
        }
        Ok(())
    }

    /// Adds a thread that exists although no listing named it.
    fn add_thread(&mut self, known: &KnownChannel, answered: Channel) {
        // A thread that no listing ever named proves nothing about this listing.
        if let Some(parent) = self.listed.should_have_named(&answered).filter(|_| !known.was_named_by_message)
        {
            self.results.left_out.push((parent, answered.id));
            // The listing can't be trusted: the parent's other threads keep their state.
            self.listed.completely_read.remove(&parent);
        }
        let parent = known.parent_id.and_then(|parent| self.listed.named.get(&parent));
        self.results.threads.push(Channel {
            visibility: parent.map(|parent| (*parent).clone()).unwrap_or_default(),
            ..answered
        });
    }

    /// Handles a channel that exists although the listing leaves it out or reports it as
    /// closed.
    fn add_root(&mut self, answered: Channel) {
        let is_listed = self.listed.named.contains_key(&answered.id);
        match (answered.visibility.everyone_sees, is_listed) {
            (false, _) => self.add_proven(answered.id, ProvenState::from_direct_answer(ChannelState::Hidden)),
            (true, true) => self.add_contradiction(
                answered.id,
                "the API's listing reports it as closed, but its own lookup as public",
            ),
            (true, false) => {
                self.add_contradiction(answered.id, "the API's listing omits it although it exists");
                self.results.roots.push(answered);
            }
        }
    }

    fn add_contradiction(&mut self, channel: ChannelId, detail: &str) {
        let subject = format!("channel {}", self.platform.spec().channel_text(channel));
        let error = PlatformError::new(ErrorKind::Unreadable, subject, detail);
        self.results.inconclusive.push((channel, error));
    }

    fn add_refusal(&mut self, channel: &KnownChannel, proven: ChannelState) {
        let is_unreadable = proven == ChannelState::Unreadable;
        let is_listed = self.listed.named.contains_key(&channel.id);
        if is_unreadable && is_listed && !channel.kind.is_thread() {
            // The listing reports it as closed, and the refusal confirms that.
            self.add_proven(channel.id, ProvenState::from_direct_answer(ChannelState::Hidden));
            return;
        }
        if is_unreadable {
            self.results.refused.push(channel.id);
            if !channel.kind.is_thread() {
                self.results.vanished.push(channel.id);
            }
        }
        self.add_proven(channel.id, ProvenState::from_direct_answer(proven));
    }

    /// Requests the newest message: if it comes, the bot can read the channel.
    async fn probe_messages(&mut self, channel: ChannelId) -> Result<(), PlatformError> {
        let request = PageRequest {
            cursor: PageCursor::Newest,
            is_probe: true,
            ..PageRequest::after(channel, None, 1)
        };
        match self.platform.messages(&request, self.monitor).await {
            Ok(page) if page.last_id().is_some() => self.results.readable.push(channel),
            Err(error) if error.kind.ends_run() => return Err(error),
            Ok(_) | Err(_) => {}
        }
        Ok(())
    }
}

const fn is_gone(state: ChannelState) -> bool {
    matches!(state, ChannelState::Hidden | ChannelState::Deleted)
}

fn remembered_channel(known: &KnownChannel, parent: &Visibility) -> Channel {
    Channel {
        parent_id: known.parent_id,
        // No newer message exists: a new message unarchives a thread.
        last_message_id: known.checkpoint.last_message_id,
        visibility: parent.clone(),
        ..Channel::new(known.id, known.kind, &known.name, known.opened_at)
    }
}
