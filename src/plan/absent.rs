//! What became of known channels that no listing names.

use hashbrown::{HashMap, HashSet};

use super::discover::{Facts, ThreadListing, add_threads};
use crate::archive::KnownChannel;
use crate::model::{Channel, ChannelId, ChannelKind, ChannelState, Visibility};
use crate::monitor::Monitor;
use crate::platform::{PlatformAdapter, PlatformError};

/// So many channels that can't be asked for, one after the other, and no more
/// are asked for.
const MOST_FAILURES: usize = 3;

/// What became of a known channel.
enum Fate<'a> {
    /// A listing named it, or nothing can be said: it stays as it is.
    Unchanged,
    /// It is closed or gone, by itself or with its parent.
    Gone(ChannelState),
    /// What the archive knows of it holds, and it is seen like its parent.
    Remembered(&'a Visibility),
    /// Only the platform can tell.
    Unknown,
}

/// What the listings say of channels that they don't name.
struct Listed<'a> {
    /// Who sees those that they name.
    named: HashMap<ChannelId, &'a Visibility>,
    /// Parents all of whose archived threads were named.
    bottoms: HashSet<ChannelId>,
    /// Parents whose archived threads couldn't be listed.
    unlisted: HashSet<ChannelId>,
    /// Known channels that are closed or gone.
    gone: HashMap<ChannelId, ChannelState>,
    /// Channels that couldn't be asked for.
    silent: HashSet<ChannelId>,
}

impl<'a> Listed<'a> {
    fn new(
        channels: &'a [Channel],
        listings: &[ThreadListing],
        known: &HashMap<ChannelId, KnownChannel>,
    ) -> Self {
        // Nothing is concluded from what can't be read.
        let readable = channels.iter().filter(|channel| channel.kind != ChannelKind::Unreadable);
        let parents = |is_meant: fn(&ThreadListing) -> bool| {
            listings.iter().filter(move |listing| is_meant(listing)).map(|listing| listing.parent)
        };
        let gone = known.values().filter(|channel| is_gone(channel.state));
        Self {
            named: readable.map(|channel| (channel.id, &channel.visibility)).collect(),
            bottoms: parents(|listing| listing.reached_bottom).collect(),
            unlisted: parents(|listing| listing.error.is_some()).collect(),
            gone: gone.map(|channel| (channel.id, channel.state)).collect(),
            silent: HashSet::new(),
        }
    }

    /// Threads share what becomes of their parent.
    fn fate(&self, channel: &KnownChannel) -> Fate<'a> {
        let (named, parent) = (self.named.get(&channel.id), channel.parent_id);
        let Some(parent) = parent.filter(|_| channel.kind.is_thread()) else {
            return match named {
                Some(visibility) if !visibility.everyone_sees => Fate::Gone(ChannelState::Hidden),
                None if channel.state != ChannelState::Hidden => Fate::Unknown,
                _ => Fate::Unchanged,
            };
        };
        match named.or_else(|| self.named.get(&parent)) {
            Some(visibility) if !visibility.everyone_sees => Fate::Gone(ChannelState::Hidden),
            Some(_) if named.is_some() => Fate::Unchanged,
            // Threads of a channel that the bot can't read aren't listed, nor
            // shown to it when it asks.
            Some(visibility)
                if !visibility.bot_lacks.is_empty() || self.may_have_left_out(parent, channel) =>
            {
                Fate::Remembered(visibility)
            }
            Some(_) => Fate::Unknown,
            None => match self.gone.get(&parent) {
                Some(state) => Fate::Gone(*state),
                None if self.silent.contains(&parent) || channel.state == ChannelState::Hidden => {
                    Fate::Unchanged
                }
                None => Fate::Unknown,
            },
        }
    }

    /// Whether a thread may be archived though the listing doesn't name it.
    fn may_have_left_out(&self, parent: ChannelId, thread: &KnownChannel) -> bool {
        self.unlisted.contains(&parent) || (thread.archived == Some(true) && !self.bottoms.contains(&parent))
    }
}

/// Completes the facts by known channels that no listing named: closed, deleted,
/// or archived so long ago that the listing ended before them.
///
/// # Errors
/// When the run must end.
pub(super) async fn find_absent<P: PlatformAdapter>(
    platform: &P,
    facts: &mut Facts,
    known: &HashMap<ChannelId, KnownChannel>,
    monitor: &dyn Monitor,
) -> Result<(), PlatformError> {
    let mut listed = Listed::new(&facts.channels, &facts.listings, known);
    let mut absent: Vec<&KnownChannel> = known
        .values()
        .filter(|channel| channel.state != ChannelState::Deleted && channel.kind != ChannelKind::Category)
        .collect();
    // Parents come before their threads.
    absent.sort_by_key(|channel| (channel.kind.is_thread(), channel.id));
    let mut found = Vec::new();
    let mut failures_in_a_row = 0;
    for channel in absent {
        let state = match listed.fate(channel) {
            Fate::Unchanged => None,
            Fate::Gone(state) => Some(state),
            Fate::Remembered(parent) => {
                facts.remembered.push(remember(channel, parent));
                None
            }
            // The platform is in trouble, and asking takes long then.
            Fate::Unknown if failures_in_a_row >= MOST_FAILURES => None,
            Fate::Unknown => match platform.channel(channel.id, facts.workspace.id, monitor).await {
                Ok(answered) => {
                    failures_in_a_row = 0;
                    // A channel is there, though no listing named it.
                    if channel.kind.is_thread() {
                        let parent = channel.parent_id.and_then(|parent| listed.named.get(&parent).copied());
                        found.push(Channel { visibility: parent.cloned().unwrap_or_default(), ..answered });
                    }
                    None
                }
                Err(error) if error.kind.ends_run() => return Err(error),
                Err(error) => {
                    let proven = error.kind.proves();
                    if proven.is_some() {
                        failures_in_a_row = 0;
                    } else {
                        failures_in_a_row += 1;
                        listed.silent.insert(channel.id);
                        facts.unasked.push((channel.id, error));
                    }
                    proven
                }
            },
        };
        if let Some(state) = state {
            listed.gone.insert(channel.id, state);
            facts.gone.push((channel.id, state));
        }
    }
    drop(listed);
    add_threads(facts, found.into_iter());
    Ok(())
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
