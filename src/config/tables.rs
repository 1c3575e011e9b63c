//! Turns TOML tables into sections with line numbers, and reports unknown sections
//! and keys. Never parses a value.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::include::INCLUDE;
use super::keys::{PLATFORM, TENANT, key_names, section_with_key, sections};
use super::pasted_token::{is_pasted_token, pasted_token};
use super::problem::InvalidValue;
use super::redact::shown_key;
use super::section::{Entry, Reader, Scope, Section};
use super::suggest::{is_misspelling, suggest};
use super::syntax::double_brackets;

impl Reader<'_> {
    /// The entries of a section, or without `section` those of the whole file. A
    /// misspelled key is reported and treated as the key it resembles, so that its
    /// value is checked too.
    pub(super) fn entries<'t>(
        &mut self,
        table: DeTable<'t>,
        section: Option<&'static str>,
        scope: Scope,
    ) -> BTreeMap<&'static str, Entry<'t>> {
        let top = || sections(scope.platforms).into_iter().chain([INCLUDE]).collect();
        let known = section.map_or_else(top, |name| key_names(name, scope));
        let (mut entries, mut unknown) = (BTreeMap::new(), Vec::new());
        for (key, value) in table {
            let line = self.problems.lines.line(key.span().start);
            let entry = Entry { line, value: value.into_inner() };
            match known.iter().find(|known| **known == key.get_ref()) {
                Some(known) => drop(entries.insert(*known, entry)),
                None => unknown.push((key.into_inner(), entry)),
            }
        }
        for (key, entry) in unknown {
            let free = known.iter().copied().filter(|known| !entries.contains_key(known));
            let meant = suggest(&key, free);
            if let Some(meant) = self.unknown(section, scope, &key, &entry, meant) {
                entries.insert(meant, entry);
            }
        }
        entries
    }

    /// Reports an unknown key or section. Returns `meant` if the key is clearly a
    /// misspelling of it.
    fn unknown(
        &mut self,
        section: Option<&'static str>,
        scope: Scope,
        key: &str,
        entry: &Entry<'_>,
        meant: Option<&'static str>,
    ) -> Option<&'static str> {
        let path = section.map(|section| format!("{section}.")).unwrap_or_default() + &shown_key(key);
        if is_pasted_token(key, &entry.value) {
            self.problems.at_line(entry.line, &path, &pasted_token(scope.platform));
            return None;
        }
        let is_include = meant == Some(INCLUDE);
        let is_section = section.is_none() && !is_scalar(&entry.value) && !is_include;
        let right_section = section_with_key(key, scope)
            .filter(|right_section| !is_section && Some(*right_section) != section);
        let meant =
            meant.filter(|_| right_section.is_none() && (is_section == section.is_none() || is_include));
        let remedy = match (right_section, meant) {
            _ if key == INCLUDE => "move it to the top of the file, above all sections".to_owned(),
            (Some(right_section), _) => format!("move it to {}", bracketed(right_section)),
            (None, Some(meant)) if is_section => format!("did you mean {}?", bracketed(meant)),
            (None, Some(meant)) => format!("did you mean {meant}?"),
            (None, None) => choices(section, scope),
        };
        let what = if is_section { "unknown section" } else { "unknown key" };
        self.problems.at_line(entry.line, &path, &InvalidValue::new(what, remedy));
        meant.filter(|meant| is_misspelling(key, meant))
    }

    /// The section with this name; empty if the file lacks it. Reports a value that
    /// isn't a table.
    pub(super) fn section<'t>(
        &mut self,
        name: &'static str,
        scope: Scope,
        entry: Option<Entry<'t>>,
    ) -> Section<'t> {
        let line = entry.as_ref().map_or(1, |entry| entry.line);
        let entries = match entry.map(|entry| entry.value) {
            None => BTreeMap::new(),
            Some(DeValue::Table(table)) => self.entries(table, Some(name), scope),
            Some(_) => {
                let remedy = format!("use {} once, with its keys below it", bracketed(name));
                self.problems.at_line(line, name, &InvalidValue::new("must be one section", remedy));
                BTreeMap::new()
            }
        };
        Section { name, scope, line, entries }
    }

    /// Every `[[tenant]]`. `[tenant]` is reported and read like one; `[tenant.name]`
    /// is only reported.
    pub(super) fn tenants<'t>(&mut self, scope: Scope, entry: Option<Entry<'t>>) -> Vec<Section<'t>> {
        let lines = &self.problems.lines;
        let listed = |tenant: Spanned<DeValue<'t>>| {
            let line = lines.line(tenant.span().start);
            Entry { line, value: tenant.into_inner() }
        };
        let entries: Vec<_> = match entry {
            Some(Entry { value: DeValue::Array(tenants), .. }) if !tenants.is_empty() => {
                tenants.into_iter().map(listed).collect()
            }
            None | Some(Entry { value: DeValue::Array(_), .. }) => {
                let (workspace, key) = (scope.platform.workspace_title(), scope.platform.workspace_key);
                let what = "no tenant is configured, so there is nothing to archive";
                let remedy = format!("add a [[tenant]] section with a name and the {key} of a {workspace}");
                self.problems.missing(lines.last(), TENANT, &InvalidValue::new(what, remedy));
                Vec::new()
            }
            Some(single) => {
                let remedy = double_brackets(scope.platform);
                let invalid = InvalidValue::new("must be a list of sections", remedy);
                self.problems.at_line(single.line, TENANT, &invalid);
                let has_keys = |table: &DeTable<'_>| table.values().any(|value| is_scalar(value.get_ref()));
                single.value.as_table().is_some_and(has_keys).then_some(single).into_iter().collect()
            }
        };
        entries.into_iter().map(|entry| self.tenant(scope, entry)).collect()
    }

    /// A `[[tenant]]`, whose keys depend on its platform.
    fn tenant<'t>(&mut self, scope: Scope, entry: Entry<'t>) -> Section<'t> {
        let name = entry.value.get(PLATFORM).and_then(|value| value.get_ref().as_str());
        let platform = scope.platforms.iter().find(|platform| Some(platform.name) == name);
        let scope = platform.map_or(scope, |platform| scope.of(platform));
        self.section(TENANT, scope, Some(entry))
    }
}

fn is_scalar(value: &DeValue<'_>) -> bool {
    !value.is_table() && !value.is_array()
}

/// Remedy that lists the keys of a section or, without one, all sections.
fn choices(section: Option<&'static str>, scope: Scope) -> String {
    if let Some(section) = section {
        return format!(
            "remove it; valid keys of {} are {}",
            bracketed(section),
            key_names(section, scope).join(", ")
        );
    }
    let sections: Vec<_> = sections(scope.platforms).into_iter().map(bracketed).collect();
    format!("remove it; valid sections are {}", sections.join(", "))
}

/// A section's header, such as `[sync]`.
fn bracketed(section: &str) -> String {
    if section == TENANT { format!("[[{section}]]") } else { format!("[{section}]") }
}
