//! Findings: known incompleteness of the archive.

use std::time::Duration;

use super::{Cause, ChannelId, Timestamp};

/// A finding prevents a run from being a success for this long after it was first seen.
/// Then it counts as known.
const KNOWN_AFTER: Duration = Duration::from_hours(24);

/// The kind of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingKind {
    /// Only an empty page indicates that the channel ends at its checkpoint.
    UnconfirmedEnd,
    /// The listing of the channel's archived threads is incomplete.
    IncompleteListing,
    /// Messages of the channel, or some of their fields, are malformed.
    MalformedMessages,
    /// The channel is in no listing, and the bot may not see it.
    VanishedChannel,
    /// All known channels of the tenant have vanished.
    EveryChannelVanished,
    /// The tenant has no channel to read.
    NoChannels,
}

impl FindingKind {
    /// The corresponding cause. Its name is also the kind's name in JSON.
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

/// A known incompleteness of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The kind.
    pub kind: FindingKind,
    /// The channel it concerns; `None` if it concerns the tenant.
    pub channel: Option<ChannelId>,
    /// The channel's ID in the platform's format.
    pub channel_id: Option<String>,
    /// The channel's name, scrubbed.
    pub name: String,
    /// The number of messages or channels concerned.
    pub count: u64,
    /// When it was first seen. If it covers several messages or channels: the newest.
    pub since: Timestamp,
}

impl Finding {
    /// Whether it is old enough not to prevent a run from being a success.
    /// [`FindingKind::EveryChannelVanished`] never becomes known.
    pub fn is_known(&self, now: Timestamp) -> bool {
        self.kind != FindingKind::EveryChannelVanished && now.since(self.since) >= KNOWN_AFTER
    }

    /// The text displayed to users.
    pub fn text(&self) -> String {
        let channel =
            self.channel_id.as_ref().map(|channel| format!("channel {channel}")).unwrap_or_default();
        match self.kind {
            FindingKind::UnconfirmedEnd => format!(
                "{channel}: end unconfirmed: the API returns an empty page although the channel has messages"
            ),
            FindingKind::IncompleteListing => {
                format!("archived threads of {channel}: the listing is incomplete")
            }
            FindingKind::MalformedMessages => {
                let messages = super::with_noun(self.count, "malformed message");
                format!("{messages} in {channel}: only the readable parts are archived")
            }
            FindingKind::VanishedChannel => {
                format!("#{} ({channel}) is no longer listed, and the bot cannot see it", self.name)
            }
            FindingKind::EveryChannelVanished => {
                let channels = super::with_noun(self.count, "channel");
                format!("the bot cannot see any of the {channels} that it read before")
            }
            FindingKind::NoChannels => "no channel left to read".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_become_known_after_a_day_except_for_every_channel_vanished() {
        let since = Timestamp::from_millis(1_790_000_000_000);
        let finding =
            |kind| Finding { kind, channel: None, channel_id: None, name: "x".to_owned(), count: 2, since };
        let (fresh, old) = (since.later(Duration::from_hours(23)), since.later(KNOWN_AFTER));
        for kind in [FindingKind::UnconfirmedEnd, FindingKind::VanishedChannel, FindingKind::NoChannels] {
            assert!(!finding(kind).is_known(fresh) && finding(kind).is_known(old), "{kind:?}");
        }
        assert!(!finding(FindingKind::EveryChannelVanished).is_known(old));
    }
}
