//! The selection: which channels are read, and from when.

use std::time::Duration;

use crate::config::ChannelSelector;
use crate::model::{Channel, ChannelId, PlatformSpec, Timestamp, VisibilityRule};

/// What one run reads of one tenant.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only these channels and their threads, by the command line; all if empty.
    pub channels: Vec<ChannelId>,
    /// Only these channels, by the tenant's configuration; all if empty.
    pub include: Vec<ChannelSelector>,
    /// Not these channels, by the tenant's configuration.
    pub exclude: Vec<ChannelSelector>,
    /// IDs that names in `exclude` resolved to in earlier runs: a renamed channel stays
    /// excluded.
    pub excluded: Vec<ChannelId>,
    /// Which channels count as public.
    pub visibility: VisibilityRule,
    /// Whether everything is read again.
    pub full: bool,
    /// ID of the job that began the full re-read of all channels which this job
    /// continues; this job's own ID if it begins one.
    pub full_job_id: Option<String>,
    /// Where the archive begins, by the tenant's configuration.
    pub since: Option<Timestamp>,
    /// Where this run begins to read, by the command line.
    pub run_since: Option<Timestamp>,
    /// Where this run ends, by the command line.
    pub run_until: Option<Timestamp>,
    /// Messages younger than this are read again.
    pub refresh_window: Duration,
}

impl Selection {
    /// Whether the run reads everything that the tenant's configuration selects.
    pub fn is_whole(&self) -> bool {
        self.channels.is_empty() && self.run_since.is_none() && self.run_until.is_none()
    }

    /// Text that is equal for two runs exactly if they select the same channels and agree
    /// on [`Self::is_whole`].
    pub fn fingerprint(&self, platform: &PlatformSpec) -> String {
        let entries = |list: &[ChannelSelector]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let channels: Vec<String> =
            self.channels.iter().map(|channel| platform.channel_text(*channel)).collect();
        let (include, exclude) = (entries(&self.include), entries(&self.exclude));
        let is_of_history = self.visibility == VisibilityRule::History;
        let parts = serde_json::json!([channels, include, exclude, is_of_history, !self.is_whole()]);
        parts.to_string()
    }

    /// The names in `exclude_channels`, without the IDs.
    pub fn excluded_names(&self) -> impl Iterator<Item = &str> {
        self.exclude.iter().filter_map(|selector| match selector {
            ChannelSelector::Name(name) => Some(name.as_str()),
            ChannelSelector::Id { .. } => None,
        })
    }

    /// The configuration key that excludes the channel, by its own name or ID or by that
    /// of a channel above it. `lineage` is the channel itself, its parent, and so on.
    pub fn excluding_key(&self, lineage: &[&Channel]) -> Option<&'static str> {
        let named: Vec<(ChannelId, &str)> =
            lineage.iter().map(|channel| (channel.id, channel.name.as_str())).collect();
        self.excluding_key_of(&named)
    }

    /// Like [`Self::excluding_key`], for channels of which only ID and name are known.
    pub fn excluding_key_of(&self, lineage: &[(ChannelId, &str)]) -> Option<&'static str> {
        let named = |selectors: &[ChannelSelector]| {
            selectors.iter().any(|selector| lineage.iter().any(|(id, name)| selector.matches(*id, name)))
        };
        let is_excluded = lineage.iter().any(|(id, _)| self.excluded.contains(id));
        if is_excluded || named(&self.exclude) {
            Some("exclude_channels")
        } else if self.include.is_empty() || named(&self.include) {
            None
        } else {
            Some("include_channels")
        }
    }

    /// Whether `--channel` selects the channel or one above it.
    pub fn selects(&self, lineage: &[&Channel]) -> bool {
        self.channels.is_empty() || lineage.iter().any(|channel| self.channels.contains(&channel.id))
    }
}
