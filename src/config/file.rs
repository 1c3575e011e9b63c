//! The mirror of `sync.toml`: sections and keys with their lines, values not yet
//! looked at. Whatever has no place in it is a problem.

use std::collections::BTreeMap;

use toml::de::{DeArray, DeTable, DeValue};

use super::input::InvalidValue;
use super::keys::{TENANT, bracketed, choices, home_of, keys_of, sections};
use super::lines::Lines;
use super::pasted::{self, is_pasted, pasted_token};
use super::problem::Found;
use super::redact::shown_key;
use super::suggest::{is_misspelling, suggest};
use super::syntax;

/// The file as it is written.
pub(super) struct File<'t> {
    pub(super) archive: Section<'t>,
    pub(super) discord: Section<'t>,
    pub(super) sync: Section<'t>,
    pub(super) tenants: Vec<Section<'t>>,
}

/// `[section]`, or one `[[tenant]]`. Empty if it isn't there.
pub(super) struct Section<'t> {
    name: &'static str,
    pub(super) line: usize,
    entries: BTreeMap<&'static str, Entry<'t>>,
}

/// A value and the line of its key.
pub(super) struct Entry<'t> {
    pub(super) line: usize,
    pub(super) value: DeValue<'t>,
}

impl<'t> Section<'t> {
    /// The value of a key, if it is there.
    pub(super) fn get(&self, key: &'static str) -> Option<&Entry<'t>> {
        debug_assert!(keys_of(self.name).contains(&key), "unknown key {key}");
        self.entries.get(key)
    }

    /// A key with its section, as problems name it.
    pub(super) fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }
}

/// Reads the text; `None` if it can't be understood, which is then in `found`.
pub(super) fn read<'t>(text: &'t str, lines: &Lines<'_>, found: &mut Found) -> Option<File<'t>> {
    pasted::scan(text, found);
    let table = syntax::parse(text, lines, found)?;
    let mut reader = Reader { lines, found };
    let mut top = reader.known(table, None);
    Some(File {
        archive: reader.section("archive", top.remove("archive")),
        discord: reader.section("discord", top.remove("discord")),
        sync: reader.section("sync", top.remove("sync")),
        tenants: reader.tenants(top.remove(TENANT)),
    })
}

struct Reader<'r, 'l> {
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
    ) -> BTreeMap<&'static str, Entry<'t>> {
        let known = section.map_or_else(|| sections().to_vec(), |name| keys_of(name).to_vec());
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
            if let Some(meant) = self.stranger(section, &key, &entry, meant) {
                entries.insert(meant, entry);
            }
        }
        entries
    }

    /// Reports a key that has no place here, and returns which it surely means.
    fn stranger(
        &mut self,
        section: Option<&'static str>,
        key: &str,
        entry: &Entry<'_>,
        meant: Option<&'static str>,
    ) -> Option<&'static str> {
        let path = match section {
            Some(section) => format!("{section}.{}", shown_key(key)),
            None => shown_key(key),
        };
        if is_pasted(key, &entry.value) {
            self.found.at_line(entry.line, path, pasted_token());
            return None;
        }
        let is_section = section.is_none() && !is_scalar(&entry.value);
        let home = home_of(key).filter(|_| !is_section);
        let meant = meant.filter(|_| home.is_none() && is_section == section.is_none());
        let remedy = match (home, meant) {
            (Some(home), _) => format!("move it to {}", bracketed(home)),
            (None, Some(meant)) if is_section => format!("did you mean {}?", bracketed(meant)),
            (None, Some(meant)) => format!("did you mean {meant}?"),
            (None, None) => choices(section),
        };
        let what = if is_section { "unknown section" } else { "unknown key" };
        self.found.at_line(entry.line, path, InvalidValue::new(what, remedy));
        meant.filter(|meant| is_misspelling(key, meant))
    }

    fn section<'t>(&mut self, name: &'static str, entry: Option<Entry<'t>>) -> Section<'t> {
        let line = entry.as_ref().map_or(1, |entry| entry.line);
        let entries = match entry.map(|entry| entry.value) {
            None => BTreeMap::new(),
            Some(DeValue::Table(table)) => self.known(table, Some(name)),
            Some(_) => {
                let remedy = format!("write {} once, and its keys below it", bracketed(name));
                let invalid = InvalidValue::new("must be one section", remedy);
                self.found.at_line(line, name, invalid);
                BTreeMap::new()
            }
        };
        Section { name, line, entries }
    }

    fn tenants<'t>(&mut self, entry: Option<Entry<'t>>) -> Vec<Section<'t>> {
        match entry {
            Some(Entry { value: DeValue::Array(tenants), .. }) if !tenants.is_empty() => {
                self.list_of_tenants(tenants)
            }
            None | Some(Entry { value: DeValue::Array(_), .. }) => {
                let invalid = InvalidValue::new(
                    "there is no tenant, so there is nothing to archive",
                    "add a section [[tenant]] with a name and the guild_id of a Discord server",
                );
                self.found.missing(self.lines.last(), TENANT, invalid);
                Vec::new()
            }
            Some(single) => {
                let invalid = InvalidValue::new(
                    "must be a list of sections",
                    "write [[tenant]] in double brackets, once for each Discord server",
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
        let sections = entries.into_iter().map(|entry| self.section(TENANT, Some(entry)));
        sections.collect()
    }

    /// `[tenant]` is read like `[[tenant]]`; `[tenant.name]` is not.
    fn single_tenant<'t>(&mut self, entry: Entry<'t>) -> Vec<Section<'t>> {
        match &entry.value {
            DeValue::Table(table) if table.values().any(|value| is_scalar(value.get_ref())) => {
                vec![self.section(TENANT, Some(entry))]
            }
            _ => Vec::new(),
        }
    }
}

fn is_scalar(value: &DeValue<'_>) -> bool {
    !value.is_table() && !value.is_array()
}
