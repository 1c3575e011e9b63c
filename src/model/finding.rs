//! What a run knows to be incomplete.

use std::time::Duration;

use super::{Cause, ChannelId, Timestamp};

/// A finding keeps a run from being a success for this long after it was first
/// seen; after that it is known.
const FRESH: Duration = Duration::from_hours(24);

/// What is incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingKind {
    /// Nothing but an empty page says that the channel ends where it was read
    /// to.
    UnconfirmedEnd,
    /// The listing of the channel's archived threads could not be finished.
    IncompleteListing,
    /// Messages of the channel, or fields of them, are malformed.
    MalformedMessages,
    /// The channel is in no listing, and the bot may not see it.
    VanishedChannel,
    /// Every known channel of the tenant has vanished.
    EveryChannelVanished,
    /// No channel of the tenant is left to read.
    NoChannels,
}

impl FindingKind {
    /// The cause that people are told, whose word is the kind's in JSON.
    pub const fn cause(self) -> Cause {
        match self {
            Self::UnconfirmedEnd => Cause::EndUnconfirmed,
            Self::IncompleteListing => Cause::ListingIncomplete,
            Self::MalformedMessages => Cause::Malformed,
            Self::VanishedChannel | Self::EveryChannelVanished => Cause::Vanished,
            Self::NoChannels => Cause::NoChannels,
        }
    }
}

/// Something incomplete, in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// The channel, if it is about one.
    pub channel: Option<ChannelId>,
    /// The channel's ID, as its platform writes it.
    pub channel_id: Option<String>,
    /// The channel's name, scrubbed.
    pub name: String,
    /// How many messages or channels are concerned.
    pub count: u64,
    /// When it was first seen; of several, the newest.
    pub since: Timestamp,
}

impl Finding {
    /// Whether it has been there for so long that it keeps no run from being a
    /// success. That every channel has vanished never becomes known.
    pub fn is_known(&self, now: Timestamp) -> bool {
        self.kind != FindingKind::EveryChannelVanished && now.since(self.since) >= FRESH
    }

    /// What is incomplete, in words.
    pub fn text(&self) -> String {
        let channel =
            self.channel_id.as_ref().map(|channel| format!("channel {channel}")).unwrap_or_default();
        match self.kind {
            FindingKind::UnconfirmedEnd => format!(
                "{channel}: its end is unconfirmed: the server answers with an empty page although it holds messages"
            ),
            FindingKind::IncompleteListing => {
                format!("archived threads of {channel}: the listing is incomplete")
            }
            FindingKind::MalformedMessages => {
                let messages = super::counted(self.count, "malformed message");
                format!("{messages} in {channel}: only what can be read of them is archived")
            }
            FindingKind::VanishedChannel => {
                format!("#{} ({channel}) is in no listing any more, and the bot may not see it", self.name)
            }
            FindingKind::EveryChannelVanished => {
                let channels = super::counted(self.count, "channel");
                format!("the bot can't see any of the {channels} that it read before")
            }
            FindingKind::NoChannels => "no channel is left to read".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_becomes_known_after_a_day_but_for_the_loss_of_everything() {
        let since = Timestamp::from_millis(1_790_000_000_000);
        let finding =
            |kind| Finding { kind, channel: None, channel_id: None, name: "x".to_owned(), count: 2, since };
        let (fresh, old) = (since.later(Duration::from_hours(23)), since.later(FRESH));
        for kind in [FindingKind::UnconfirmedEnd, FindingKind::VanishedChannel, FindingKind::NoChannels] {
            assert!(!finding(kind).is_known(fresh) && finding(kind).is_known(old), "{kind:?}");
        }
        assert!(!finding(FindingKind::EveryChannelVanished).is_known(old));
    }
}
