//! The mirror of `sync.toml`: sections and keys with their lines, values not yet
//! looked at. Whatever has no place in it is a problem.

use std::collections::BTreeMap;

use toml::de::{DeArray, DeTable, DeValue};

use super::input::InvalidValue;
use super::keys::{ARCHIVE, PLATFORM, SYNC, TENANT, home_of, names_of, sections};
use super::lines::Lines;
use super::pasted::{self, is_pasted, pasted_token};
use super::problem::Found;
use super::redact::shown_key;
use super::section::{Entry, Platforms, Scope, Section};
use super::suggest::{is_misspelling, suggest};
use super::syntax;

/// The file as it is written.
pub(super) struct File<'t> {
    pub(super) archive: Section<'t>,
    /// One for each platform, in their order.
    pub(super) platforms: Vec<Section<'t>>,
    pub(super) sync: Section<'t>,
    pub(super) tenants: Vec<Section<'t>>,
}

/// Reads the text; `None` if it can't be understood, which is then in `found`.
pub(super) fn read<'t>(
    text: &'t str,
    platforms: Platforms,
    lines: &Lines<'_>,
    found: &mut Found,
) -> Option<File<'t>> {
    let scope = Scope::new(platforms);
    pasted::scan(text, scope.platform, found);
    let table = syntax::parse(text, scope.platform, lines, found)?;
    let mut reader = Reader { scope, lines, found };
    let mut top = reader.known(table, None, scope);
    let mut section = |name, scope| reader.section(name, scope, top.remove(name));
    Some(File {
        archive: section(ARCHIVE, scope),
        platforms: platforms.iter().map(|platform| section(platform.name, scope.of(platform))).collect(),
        sync: section(SYNC, scope),
        tenants: reader.tenants(top.remove(TENANT)),
    })
}

struct Reader<'r, 'l> {
    scope: Scope,
    lines: &'r Lines<'l>,
    found: &'r mut Found,
}

impl Reader<'_, '_> {
    /// The entries of a section, or of the top if there is none. A misspelled
    /// key counts as the one it resembles, so that its value is checked too.
    fn known<'t>(
        &mut self,
        table: DeTable<'t>,
        section: Option<&'static str>,
        scope: Scope,
    ) -> BTreeMap<&'static str, Entry<'t>> {
        let known = section.map_or_else(|| sections(scope.platforms), |name| names_of(name, scope));
        let mut entries = BTreeMap::new();
        let mut strangers = Vec::new();
        for (key, value) in table {
            let line = self.lines.line(key.span().start);
            let value = value.into_inner();
            match known.iter().find(|known| **known == key.get_ref()) {
                Some(known) => drop(entries.insert(*known, Entry { line, value })),
                None => strangers.push((key.into_inner(), Entry { line, value })),
            }
        }
        for (key, entry) in strangers {
            let free = known.iter().copied().filter(|known| !entries.contains_key(known));
            let meant = suggest(&key, free);
            if let Some(meant) = self.stranger(section, scope, &key, &entry, meant) {
                entries.insert(meant, entry);
            }
        }
        entries
    }

    /// Reports a key that has no place here, and returns which it surely means.
    fn stranger(
        &mut self,
        section: Option<&'static str>,
        scope: Scope,
        key: &str,
        entry: &Entry<'_>,
        meant: Option<&'static str>,
    ) -> Option<&'static str> {
        let path = match section {
            Some(section) => format!("{section}.{}", shown_key(key)),
            None => shown_key(key),
        };
        if is_pasted(key, &entry.value) {
            self.found.at_line(entry.line, path, pasted_token(scope.platform));
            return None;
        }
        let is_section = section.is_none() && !is_scalar(&entry.value);
        let home = home_of(key, scope).filter(|home| !is_section && Some(*home) != section);
        let meant = meant.filter(|_| home.is_none() && is_section == section.is_none());
        let remedy = match (home, meant) {
            (Some(home), _) => format!("move it to {}", bracketed(home)),
            (None, Some(meant)) if is_section => format!("did you mean {}?", bracketed(meant)),
            (None, Some(meant)) => format!("did you mean {meant}?"),
            (None, None) => choices(section, scope),
        };
        let what = if is_section { "unknown section" } else { "unknown key" };
        self.found.at_line(entry.line, path, InvalidValue::new(what, remedy));
        meant.filter(|meant| is_misspelling(key, meant))
    }

    fn section<'t>(&mut self, name: &'static str, scope: Scope, entry: Option<Entry<'t>>) -> Section<'t> {
        let line = entry.as_ref().map_or(1, |entry| entry.line);
        let entries = match entry.map(|entry| entry.value) {
            None => BTreeMap::new(),
            Some(DeValue::Table(table)) => self.known(table, Some(name), scope),
            Some(_) => {
                let remedy = format!("write {} once, and its keys below it", bracketed(name));
                let invalid = InvalidValue::new("must be one section", remedy);
                self.found.at_line(line, name, invalid);
                BTreeMap::new()
            }
        };
        Section { name, scope, line, entries }
    }

    /// A `[[tenant]]`, whose keys depend on its platform.
    fn tenant<'t>(&mut self, entry: Entry<'t>) -> Section<'t> {
        let table = entry.value.as_table();
        let named = table.and_then(|table| table.iter().find(|(key, _)| key.get_ref() == PLATFORM));
        let name = named.and_then(|(_, value)| value.get_ref().as_str());
        let platform = self.scope.platforms.iter().find(|platform| Some(platform.name) == name);
        let scope = platform.map_or(self.scope, |platform| self.scope.of(platform));
        self.section(TENANT, scope, Some(entry))
    }

    fn tenants<'t>(&mut self, entry: Option<Entry<'t>>) -> Vec<Section<'t>> {
        let (workspace, key) = (self.scope.platform.workspace(), self.scope.platform.workspace_key);
        match entry {
            Some(Entry { value: DeValue::Array(tenants), .. }) if !tenants.is_empty() => {
                self.list_of_tenants(tenants)
            }
            None | Some(Entry { value: DeValue::Array(_), .. }) => {
                let invalid = InvalidValue::new(
                    "there is no tenant, so there is nothing to archive",
                    format!("add a section [[tenant]] with a name and the {key} of a {workspace}"),
                );
                self.found.missing(self.lines.last(), TENANT, invalid);
                Vec::new()
            }
            Some(single) => {
                let invalid = InvalidValue::new(
                    "must be a list of sections",
                    format!("write [[tenant]] in double brackets, once for each {workspace}"),
                );
                self.found.at_line(single.line, TENANT, invalid);
                self.single_tenant(single)
            }
        }
    }

    fn list_of_tenants<'t>(&mut self, tenants: DeArray<'t>) -> Vec<Section<'t>> {
        let entries = tenants
            .into_iter()
            .map(|tenant| Entry { line: self.lines.line(tenant.span().start), value: tenant.into_inner() });
        let entries: Vec<_> = entries.collect();
        let sections = entries.into_iter().map(|entry| self.tenant(entry));
        sections.collect()
    }

    /// `[tenant]` is read like `[[tenant]]`; `[tenant.name]` is not.
    fn single_tenant<'t>(&mut self, entry: Entry<'t>) -> Vec<Section<'t>> {
        match &entry.value {
            DeValue::Table(table) if table.values().any(|value| is_scalar(value.get_ref())) => {
                vec![self.tenant(entry)]
            }
            _ => Vec::new(),
        }
    }
}

fn is_scalar(value: &DeValue<'_>) -> bool {
    !value.is_table() && !value.is_array()
}

/// What a section or, without one, the file may hold.
fn choices(section: Option<&'static str>, scope: Scope) -> String {
    if let Some(section) = section {
        format!("remove it; {} has {}", bracketed(section), names_of(section, scope).join(", "))
    } else {
        let sections = sections(scope.platforms).into_iter().map(bracketed);
        format!("remove it; there are {}", sections.collect::<Vec<_>>().join(", "))
    }
}

/// A section as its header is written.
fn bracketed(section: &str) -> String {
    if section == TENANT { format!("[[{section}]]") } else { format!("[{section}]") }
}
