//! Which channels are wanted, and from when.

use std::time::Duration;

use crate::config::ChannelSelector;
use crate::model::{Channel, ChannelId, PlatformSpec, Timestamp, VisibilityRule};

/// What one run wants of one tenant.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only these channels, with their threads; all when empty.
    pub channels: Vec<ChannelId>,
    /// Only these, by the tenant's configuration; all when empty.
    pub include: Vec<ChannelSelector>,
    /// Not these, by the tenant's configuration.
    pub exclude: Vec<ChannelSelector>,
    /// What names of that list resolved to in earlier runs: a channel that was
    /// renamed stays excluded.
    pub excluded: Vec<ChannelId>,
    /// Which channels count as public.
    pub visibility: VisibilityRule,
    /// Read everything again.
    pub full: bool,
    /// The job that began the full re-read of all channels which this one goes
    /// on with, or this job itself.
    pub full_job_id: Option<String>,
    /// The archive begins here, by the tenant's configuration.
    pub since: Option<Timestamp>,
    /// This run alone reads from here.
    pub run_since: Option<Timestamp>,
    /// This run alone reads to here.
    pub run_until: Option<Timestamp>,
    /// History this young is read again.
    pub refresh_window: Duration,
}

impl Selection {
    /// Whether all that the tenant's configuration wants is asked for.
    pub fn is_whole(&self) -> bool {
        self.channels.is_empty() && self.run_since.is_none() && self.run_until.is_none()
    }

    /// What distinguishes the channels that two runs want of a tenant of the platform,
    /// as text.
    pub fn fingerprint(&self, platform: &PlatformSpec) -> String {
        let entries = |list: &[ChannelSelector]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let channels: Vec<String> =
            self.channels.iter().map(|channel| platform.channel_text(*channel)).collect();
        let (include, exclude) = (entries(&self.include), entries(&self.exclude));
        let is_of_history = self.visibility == VisibilityRule::History;
        let parts = serde_json::json!([channels, include, exclude, is_of_history, !self.is_whole()]);
        parts.to_string()
    }

    /// Names of `exclude_channels`, IDs apart.
    pub fn excluded_names(&self) -> impl Iterator<Item = &str> {
        self.exclude.iter().filter_map(|selector| match selector {
            ChannelSelector::Name(name) => Some(name.as_str()),
            ChannelSelector::Id { .. } => None,
        })
    }

    /// The tenant's key that leaves the channel out, by itself or by one it
    /// hangs below. `lineage` is the channel itself, then its parent, and so on.
    pub fn unwanted_by(&self, lineage: &[&Channel]) -> Option<&'static str> {
        let named = |selectors: &[ChannelSelector]| {
            selectors
                .iter()
                .any(|selector| lineage.iter().any(|channel| selector.matches(channel.id, &channel.name)))
        };
        let is_excluded = lineage.iter().any(|channel| self.excluded.contains(&channel.id));
        if is_excluded || named(&self.exclude) {
            Some("exclude_channels")
        } else if self.include.is_empty() || named(&self.include) {
            None
        } else {
            Some("include_channels")
        }
    }

    /// Whether `--channel` names the channel, or one it hangs below.
    pub fn asks_for(&self, lineage: &[&Channel]) -> bool {
        self.channels.is_empty() || lineage.iter().any(|channel| self.channels.contains(&channel.id))
    }
}
