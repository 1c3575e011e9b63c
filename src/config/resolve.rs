//! From what is written to a complete configuration: defaults, precedence, and
//! all problems at once.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;

use super::environment::{Environment, Overrides};
use super::error::ConfigError;
use super::file::{self, File, Section};
use super::input::InvalidValue;
use super::lines::Lines;
use super::path::{Unexpanded, expand};
use super::problem::Found;
use super::redact::shown_key;
use super::settings::{ArchiveConfig, Config};
use super::source::Source;
use super::time::LONGEST;
use super::value::{self, Read};
use crate::files;
use crate::model::ReactionMode;

/// For the file and for a tenant.
pub(super) const REACTIONS: [(&str, ReactionMode); 3] =
    [("users", ReactionMode::Users), ("counts", ReactionMode::Counts), ("off", ReactionMode::Off)];

/// For windows and budgets, which zero turns off.
pub(super) const ANY_DURATION: RangeInclusive<Duration> = Duration::ZERO..=LONGEST;
/// The configuration that `source`, environment and flags amount to.
pub(super) fn resolve(source: &Source, env: &Environment, flags: &Overrides) -> Result<Config, ConfigError> {
    let lines = Lines::of(&source.text);
    let mut resolver = Resolver {
        env,
        lines: &lines,
        folder: source.path.parent().unwrap_or(Path::new("/")),
        found: Found::default(),
    };
    let config = file::read(&source.text, &lines, &mut resolver.found)
        .map(|file| resolver.config(source, &file, flags));
    match config {
        Some(config) if resolver.found.is_empty() => Ok(config),
        _ => Err(ConfigError::Invalid(resolver.found.of_file(source.shown.clone()))),
    }
}

/// Goes through the file. A value that can't be used is a problem, and the
/// default stands in for it until all of them are known.
pub(super) struct Resolver<'a> {
    pub(super) env: &'a Environment,
    pub(super) lines: &'a Lines<'a>,
    pub(super) folder: &'a Path,
    pub(super) found: Found,
}

impl Resolver<'_> {
    fn config(&mut self, source: &Source, file: &File<'_>, flags: &Overrides) -> Config {
        let sync = self.sync(&file.sync, flags);
        Config {
            source: source.path.clone(),
            archive: self.archive(&file.archive),
            discord: self.discord(&file.discord),
            tenants: self.tenants(&file.tenants, &sync),
            sync,
        }
    }

    /// A key's value, if it is there and can be used.
    pub(super) fn read<T>(
        &mut self,
        section: &Section<'_>,
        key: &'static str,
        read: impl FnOnce(&DeValue<'_>) -> Read<T>,
    ) -> Option<T> {
        let entry = section.get(key)?;
        match read(&entry.value) {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.found.at_line(entry.line, section.path(key), invalid);
                None
            }
        }
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        section: &Section<'_>,
        key: &'static str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        self.read(section, key, |value| value::choice(value, choices))
    }

    /// A length of time in a range.
    pub(super) fn duration(
        &mut self,
        section: &Section<'_>,
        key: &'static str,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        self.read(section, key, |value| value::duration(value, &range))
    }

    fn archive(&mut self, section: &Section<'_>) -> ArchiveConfig {
        let (env, folder) = (self.env, self.folder);
        let path = self.read(section, "path", |value| archive_path(value, env));
        let path = folder.join(path.unwrap_or_else(|| PathBuf::from("archive.db")));
        ArchiveConfig {
            // Two names of one archive must lead to one lock. Where the folder is
            // missing or closed, anyone who opens the file says so.
            path: files::resolve(&path).unwrap_or(path),
            mode: self.read(section, "mode", value::mode).unwrap_or(0o600),
        }
    }
}

fn archive_path(value: &DeValue<'_>, env: &Environment) -> Read<PathBuf> {
    let text = value::text(value)?;
    if text.ends_with('/') {
        let remedy = "add the file's name, such as \"archive.db\"";
        return Err(InvalidValue::of(text, "is a folder", remedy));
    }
    expand(text, env).map_err(|unexpanded| match unexpanded {
        Unexpanded::Unset(name) => InvalidValue::of(
            text,
            &format!("names the variable {}, which is not set", shown_key(&name)),
            "set it, or write the whole path",
        ),
        Unexpanded::Invalid(invalid) => invalid,
    })
}
