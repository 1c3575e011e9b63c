//! A section as it is written, and how the values of its keys are found.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::DeValue;

use super::environment::Environment;
use super::input::InvalidValue;
use super::lines::Lines;
use super::problem::Found;
use super::value::{Misread, Written};
use crate::model::PlatformSpec;

/// All platforms, the default first; there is at least one.
pub(super) type Platforms = &'static [&'static PlatformSpec];

/// What the keys of a section depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) platforms: Platforms,
    /// The one that the section is about; the default where it is about none.
    pub(super) platform: &'static PlatformSpec,
}

impl Scope {
    pub(super) fn new(platforms: Platforms) -> Self {
        Self { platforms, platform: platforms[0] }
    }

    /// The same for a section of this platform.
    pub(super) fn of(self, platform: &'static PlatformSpec) -> Self {
        Self { platform, ..self }
    }
}

/// What is declared of a key, apart from how its value is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) name: &'static str,
    /// As in the file, without quotes.
    pub(super) default: Option<String>,
    /// What to do if a section lacks it.
    pub(super) required: Option<String>,
    /// The environment variable that wins over the file.
    pub(super) variable: Option<&'static str>,
    /// The flag that wins over both.
    pub(super) flag: Option<&'static str>,
}

/// `[section]`, or one `[[tenant]]`. Empty if it isn't there.
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

impl<'t> Section<'t> {
    /// The value of a key, if it is there.
    pub(super) fn get(&self, key: &str) -> Option<&Entry<'t>> {
        self.entries.get(key)
    }

    /// A key with its section, as problems name it.
    pub(super) fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }
}

/// Reads the values of keys. One that can't be used is a problem, and the default
/// stands in for it until all problems are known.
pub(super) struct KeyReader<'a> {
    pub(super) env: &'a Environment,
    /// Relative paths start here.
    pub(super) folder: &'a Path,
    pub(super) lines: &'a Lines<'a>,
    pub(super) found: Found,
}

impl KeyReader<'_> {
    /// The flag's value, else the variable's, else the file's, else the default.
    /// All of them are checked.
    pub(super) fn value<T, E: Into<Misread>>(
        &mut self,
        section: &Section<'_>,
        key: &Key,
        flag: Option<String>,
        read: impl Fn(Written<'_>) -> Result<T, E>,
    ) -> Option<T> {
        let path = section.path(key.name);
        let of_file = section.get(key.name).and_then(|entry| {
            usable(read(Written::Toml(&entry.value)), |offset, invalid| {
                let line = offset.map_or(entry.line, |offset| self.lines.line(offset));
                self.found.at_line(line, &path, invalid);
            })
        });
        if let (None, Some(remedy)) = (section.get(key.name), &key.required) {
            self.found.missing(section.line, &path, InvalidValue::new("is missing", remedy));
        }
        let variable = key
            .variable
            .and_then(|name| Some((format!("${name}"), self.env.variable(name)?.to_string_lossy())));
        let of_variable = variable.and_then(|(name, text)| {
            usable(read(Written::Text(&text)), |_, invalid| self.found.outside(&name, &path, invalid))
        });
        let of_flag = key.flag.zip(flag).and_then(|(name, text)| {
            usable(read(Written::Flag(&text)), |_, invalid| self.found.outside(name, &path, invalid))
        });
        let default = || read(Written::Text(key.default.as_ref()?)).ok();
        of_flag.or(of_variable).or(of_file).or_else(default)
    }
}

/// The value, or `None` once every reason why there is none is reported with its
/// offset.
fn usable<T, E: Into<Misread>>(
    result: Result<T, E>,
    mut report: impl FnMut(Option<usize>, InvalidValue),
) -> Option<T> {
    let misread = match result {
        Ok(value) => return Some(value),
        Err(misread) => misread.into(),
    };
    misread.0.into_iter().for_each(|(offset, invalid)| report(offset, invalid));
    None
}
