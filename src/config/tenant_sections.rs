//! The `[[tenant]]` sections.

use std::collections::HashMap;
use std::hash::Hash;

use toml::de::{DeArray, DeValue};

use super::channel_selector::ChannelSelector;
use super::file::Section;
use super::input::InvalidValue;
use super::redact::shown;
use super::resolve::{ANY_DURATION, REACTIONS, Resolver};
use super::settings::{Platform, SyncConfig, TenantConfig};
use super::value::{self, Read};
use crate::model::{VisibilityRule, WorkspaceId};

const PLATFORMS: [(&str, Platform); 1] = [("discord", Platform::Discord)];

const VISIBILITY: [(&str, VisibilityRule); 2] =
    [("everyone", VisibilityRule::Everyone), ("history", VisibilityRule::History)];

const MOST_NAME_CHARS: usize = 100;

impl Resolver<'_> {
    pub(super) fn tenants(&mut self, sections: &[Section<'_>], sync: &SyncConfig) -> Vec<TenantConfig> {
        let mut names = HashMap::new();
        let mut guilds = HashMap::new();
        let mut tenants = Vec::new();
        for section in sections {
            let name = self.required(section, "name", name);
            let workspace_id = self.required(section, "guild_id", guild_id);
            self.unique(section, "name", name.clone(), &mut names);
            self.unique(section, "guild_id", workspace_id, &mut guilds);
            tenants.extend(self.tenant(section, sync, name, workspace_id));
        }
        tenants
    }

    fn tenant(
        &mut self,
        section: &Section<'_>,
        sync: &SyncConfig,
        name: Option<String>,
        workspace_id: Option<WorkspaceId>,
    ) -> Option<TenantConfig> {
        let platform = self.choice(section, "platform", &PLATFORMS);
        let since = self.read(section, "since", value::date);
        let reactions = self.choice(section, "reactions", &REACTIONS);
        let refresh_window = self.duration(section, "refresh_window", ANY_DURATION);
        let visibility = self.choice(section, "visibility", &VISIBILITY);
        let include_channels = self.selectors(section, "include_channels");
        let exclude_channels = self.selectors(section, "exclude_channels");
        Some(TenantConfig {
            name: name?,
            platform: platform.unwrap_or(Platform::Discord),
            workspace_id: workspace_id?,
            since,
            include_channels,
            exclude_channels,
            reactions: reactions.unwrap_or(sync.reactions),
            refresh_window: refresh_window.unwrap_or(sync.refresh_window),
            visibility: visibility.unwrap_or_default(),
        })
    }

    fn required<T>(
        &mut self,
        section: &Section<'_>,
        key: &'static str,
        read: impl FnOnce(&DeValue<'_>) -> Read<T>,
    ) -> Option<T> {
        if section.get(key).is_none() {
            let remedy = match key {
                "name" => "add name = \"…\", the name you want to call it by",
                _ => "add guild_id = \"…\", the ID of the Discord server",
            };
            let invalid = InvalidValue::new("is missing", remedy);
            self.found.missing(section.line, section.path(key), invalid);
        }
        self.read(section, key, read)
    }

    /// Reports a value that an earlier tenant has, with that one's line.
    fn unique<T: Hash + Eq>(
        &mut self,
        section: &Section<'_>,
        key: &'static str,
        value: Option<T>,
        earlier: &mut HashMap<T, usize>,
    ) {
        let (Some(value), Some(entry)) = (value, section.get(key)) else {
            return;
        };
        if let Some(line) = earlier.get(&value) {
            let what = format!("is the same as on line {line}");
            let remedy = match key {
                "name" => "give each tenant a name of its own",
                _ => "keep one of the two tenants; a server is archived once",
            };
            let invalid = InvalidValue::new(what, remedy);
            self.found.at_line(entry.line, section.path(key), invalid);
        } else {
            earlier.insert(value, entry.line);
        }
    }

    fn selectors(&mut self, section: &Section<'_>, key: &'static str) -> Vec<ChannelSelector> {
        let Some(entry) = section.get(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = &entry.value else {
            let remedy = "write a list, such as [\"general\", \"123456789012345678\"]";
            let invalid = value::wrong_type("a list", &entry.value, remedy);
            self.found.at_line(entry.line, section.path(key), invalid);
            return Vec::new();
        };
        self.selected(items, &section.path(key))
    }

    fn selected(&mut self, items: &DeArray<'_>, path: &str) -> Vec<ChannelSelector> {
        let mut selectors = Vec::new();
        for item in items {
            match value::text(item.get_ref()).and_then(ChannelSelector::parse) {
                Ok(selector) => selectors.push(selector),
                Err(invalid) => {
                    let line = self.lines.line(item.span().start);
                    self.found.at_line(line, path, invalid);
                }
            }
        }
        selectors
    }
}

fn name(value: &DeValue<'_>) -> Read<String> {
    let text = value::text(value)?;
    let remedy = "write a short name, such as \"takaro\"";
    let what = if text.is_empty() {
        "is empty"
    } else if text.trim() != text {
        "begins or ends with a space"
    } else if text.contains(char::is_control) {
        "holds a control character"
    } else if text.chars().count() > MOST_NAME_CHARS {
        "is longer than 100 characters"
    } else {
        return Ok(text.to_owned());
    };
    Err(InvalidValue::of(text, what, remedy))
}

fn guild_id(value: &DeValue<'_>) -> Read<WorkspaceId> {
    let text = value::text(value)?;
    text.parse().map_err(|_| {
        let what = format!("{} is not the ID of a Discord server", shown(text));
        let remedy = "write its ID, up to 19 digits in quotes (in Discord: turn on Developer \
             Mode, right click the server, Copy Server ID)";
        InvalidValue::new(what, remedy)
    })
}
