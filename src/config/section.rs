//! A section as it is written, and how the values of its keys are found.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::DeValue;

use super::environment::Environment;
use super::problem::{InvalidValue, Place, Problems};
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

impl Section<'_> {
    /// A key with its section, as problems name it.
    pub(super) fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }
}

/// Reads sections and the values of their keys, and collects what is wrong with them.
pub(super) struct Reader<'a> {
    pub(super) env: &'a Environment,
    /// Relative paths start here.
    pub(super) folder: &'a Path,
    pub(super) problems: Problems<'a>,
}

impl Reader<'_> {
    /// The flag's value, else the variable's, else the file's, else the default. All
    /// that are there are checked. The default also replaces a value that can't be used,
    /// so that the rest of the file is checked.
    pub(super) fn value<T, E: Into<Misread>>(
        &mut self,
        section: &Section<'_>,
        key: &Key,
        flag: Option<String>,
        read: impl Fn(Written<'_>) -> Result<T, E>,
    ) -> Option<T> {
        let path = section.path(key.name);
        let entry = section.entries.get(key.name);
        let of_file = entry.and_then(|entry| {
            self.usable(read(Written::Toml(&entry.value)), &Place::File(entry.line, None), &path)
        });
        if let (None, Some(remedy)) = (entry, &key.required) {
            self.problems.missing(section.line, &path, &InvalidValue::new("is missing", remedy));
        }
        let of_variable = key.variable.and_then(|name| {
            let text = self.env.variable(name)?.to_string_lossy();
            self.usable(read(Written::Text(&text)), &Place::Outside(format!("${name}")), &path)
        });
        let of_flag = key.flag.zip(flag).and_then(|(name, text)| {
            self.usable(read(Written::Flag(&text)), &Place::Outside(name.to_owned()), &path)
        });
        of_flag.or(of_variable).or(of_file).or_else(|| {
            let default = read(Written::Text(key.default.as_ref()?));
            self.usable(default, &Place::File(section.line, None), &path)
        })
    }

    /// The value, or `None` once every reason why there is none is reported.
    fn usable<T, E: Into<Misread>>(&mut self, result: Result<T, E>, place: &Place, path: &str) -> Option<T> {
        let report = |(offset, invalid): (Option<usize>, InvalidValue)| {
            let line = offset.map(|offset| self.problems.lines.line(offset));
            let place = line.map_or_else(|| place.clone(), |line| Place::File(line, None));
            self.problems.at(place, path, &invalid);
        };
        result.map_err(|misread| misread.into().0.into_iter().for_each(report)).ok()
    }
}
