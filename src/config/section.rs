//! Sections as parsed from the file, and the [`Reader`] that determines the value
//! of each key.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::DeValue;

use super::environment::Environment;
use super::problem::{InvalidValue, Location, Problems};
use super::value::{RawValue, ValueErrors};
use crate::model::PlatformSpec;

/// All platforms, the default first. Never empty.
pub(super) type Platforms = &'static [&'static PlatformSpec];

/// The platforms, on which the keys of a section and their defaults depend.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) platforms: Platforms,
    /// The section's platform; the default platform for sections without one.
    pub(super) platform: &'static PlatformSpec,
}

impl Scope {
    pub(super) fn new(platforms: Platforms) -> Self {
        Self { platforms, platform: platforms[0] }
    }

    /// The scope of a section of this platform.
    pub(super) fn of(self, platform: &'static PlatformSpec) -> Self {
        Self { platform, ..self }
    }
}

/// A key's declaration, without the parser of its value.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// As written in the file, without quotes.
    pub(super) default: Option<String>,
    /// For a required key, the remedy reported if it is missing.
    pub(super) required: Option<String>,
    /// The environment variable that overrides the file.
    pub(super) variable: Option<&'static str>,
    /// The flag that overrides both.
    pub(super) flag: Option<&'static str>,
}

/// `[section]`, or one `[[tenant]]`. Empty if the file lacks the section.
pub(super) struct Section<'t> {
    pub(super) name: &'static str,
    pub(super) scope: Scope,
    pub(super) line: usize,
    pub(super) entries: BTreeMap<&'static str, Entry<'t>>,
}

/// A value and the line of its key.
pub(super) struct Entry<'t> {
    pub(super) line: usize,
    pub(super) value: DeValue<'t>,
}

impl Section<'_> {
    /// `section.key`, as problems show it.
    pub(super) fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }
}

/// Reads sections and the values of their keys, and collects all problems.
pub(super) struct Reader<'a> {
    pub(super) env: &'a Environment,
    /// Base of relative paths: the file's folder.
    pub(super) folder: &'a Path,
    pub(super) problems: Problems<'a>,
}

impl Reader<'_> {
    /// The value from the flag, else the variable, else the file, else the default.
    /// Every given value is validated, also those that are overridden. The default
    /// also replaces an invalid value, so that the rest of the file can be checked.
    pub(super) fn value<T, E: Into<ValueErrors>>(
        &mut self,
        section: &Section<'_>,
        key: &Key,
        flag: Option<String>,
        read: impl Fn(RawValue<'_>) -> Result<T, E>,
    ) -> Option<T> {
        let path = section.path(key.name);
        let entry = section.entries.get(key.name);
        let of_file = entry.and_then(|entry| {
            self.usable(read(RawValue::Toml(&entry.value)), &Location::File(entry.line, None), &path)
        });
        if let (None, Some(remedy)) = (entry, &key.required) {
            self.problems.missing(section.line, &path, &InvalidValue::new("is missing", remedy));
        }
        let of_variable = key.variable.and_then(|name| {
            let text = self.env.variable(name)?.to_string_lossy();
            self.usable(read(RawValue::Text(&text)), &Location::Override(format!("${name}")), &path)
        });
        let of_flag = key.flag.zip(flag).and_then(|(name, text)| {
            self.usable(read(RawValue::Flag(&text)), &Location::Override(name.to_owned()), &path)
        });
        of_flag.or(of_variable).or(of_file).or_else(|| {
            let default = read(RawValue::Text(key.default.as_ref()?));
            self.usable(default, &Location::File(section.line, None), &path)
        })
    }

    /// The value, or `None` after reporting every error.
    fn usable<T, E: Into<ValueErrors>>(
        &mut self,
        result: Result<T, E>,
        location: &Location,
        path: &str,
    ) -> Option<T> {
        let report = |(offset, invalid): (Option<usize>, InvalidValue)| {
            let line = offset.map(|offset| self.problems.lines.line(offset));
            let location = line.map_or_else(|| location.clone(), |line| Location::File(line, None));
            self.problems.at(location, path, &invalid);
        };
        result.map_err(|errors| errors.into().0.into_iter().for_each(report)).ok()
    }
}
