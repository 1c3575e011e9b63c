//! What is wrong with a configuration, where, and what to write instead.

use std::collections::BTreeSet;
use std::path::Path;

use super::lines::Lines;
use super::redact::shown;

/// A file with more problems than these is no configuration.
const MOST_SHOWN: usize = 100;

/// A value that can't be used, wherever it was written, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {remedy}")]
pub struct InvalidValue {
    /// Such as `"24x" is not a length of time`.
    pub(super) what: String,
    /// Starts with a verb, such as `write "30s", "15m" or "24h"`.
    pub(super) remedy: String,
}

impl InvalidValue {
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }

    /// "`text` is …", with the text quoted, cut and free of secrets.
    pub(super) fn of(text: &str, what: &str, remedy: impl Into<String>) -> Self {
        Self::new(format!("{} {what}", shown(text)), remedy)
    }
}

/// Where a value was written. Problems are reported in this order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// On a line, and for what isn't TOML at a column.
    File(usize, Option<usize>),
    /// In this `$VARIABLE` or `--flag`.
    Outside(String),
}

impl Place {
    fn shown(&self, file: &str) -> String {
        match self {
            Self::File(line, None) => format!("{file}:{line}"),
            Self::File(line, Some(column)) => format!("{file}:{line}:{column}"),
            Self::Outside(name) => name.clone(),
        }
    }
}

/// The problems of a file and of what overrides it. None shows a secret.
pub(super) struct Problems<'t> {
    pub(super) lines: Lines<'t>,
    list: Vec<(Place, String)>,
    /// Lines that have to be written anew, whatever else is wrong with them.
    ignored: BTreeSet<usize>,
}

impl<'t> Problems<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { lines: Lines::of(text), list: Vec::new(), ignored: BTreeSet::new() }
    }

    /// Something wrong with the value of `key`, such as `sync.max_retries`; with the
    /// whole line if the key is empty.
    pub(super) fn at(&mut self, place: Place, key: &str, invalid: &InvalidValue) {
        if !matches!(&place, Place::File(line, _) if self.ignored.contains(line)) {
            self.push(place, key, invalid);
        }
    }

    pub(super) fn at_line(&mut self, line: usize, key: &str, invalid: &InvalidValue) {
        self.at(Place::File(line, None), key, invalid);
    }

    /// Something that has to be added near this line, even if that is ignored.
    pub(super) fn missing(&mut self, line: usize, key: &str, invalid: &InvalidValue) {
        self.push(Place::File(line, None), key, invalid);
    }

    /// Something that isn't TOML, with the line where it is safe to show. Ignores the line from then on.
    pub(super) fn at_offset(&mut self, offset: usize, invalid: &InvalidValue, excerpt: Option<&str>) {
        let (line, column) = (self.lines.line(offset), self.lines.column(offset));
        if !self.ignore_line(line) {
            return;
        }
        let (number, InvalidValue { what, remedy }) = (line.to_string(), invalid);
        let excerpt = excerpt.map_or_else(String::new, |text| {
            let blank = number.len();
            format!("      {number} | {text}\n      {:blank$} | {:>column$}\n", "", "^")
        });
        self.list.push((Place::File(line, Some(column)), format!("{what}\n{excerpt}      {remedy}")));
    }

    /// Reports nothing more of this line. False if it was ignored before.
    pub(super) fn ignore_line(&mut self, line: usize) -> bool {
        self.ignored.insert(line)
    }

    /// All of them in the file's order, variables and flags last; `None` if there are none.
    pub(super) fn report(mut self, file: &Path) -> Option<String> {
        self.list.sort_by(|(one, _), (other, _)| one.cmp(other));
        let (file, count) = (file.display().to_string(), self.list.len());
        let shown = self.list.iter().take(MOST_SHOWN);
        let mut told: Vec<_> =
            shown.map(|(place, text)| format!("  {}: {text}", place.shown(&file))).collect();
        if count > MOST_SHOWN {
            told.push(format!("  and {} more", count - MOST_SHOWN));
        }
        let noun = if count == 1 { "problem" } else { "problems" };
        (count > 0).then(|| format!("read the configuration {file}: {count} {noun}\n{}", told.join("\n")))
    }

    fn push(&mut self, place: Place, key: &str, InvalidValue { what, remedy }: &InvalidValue) {
        let separator = if key.is_empty() { "" } else { ": " };
        self.list.push((place, format!("{key}{separator}{what}\n      {remedy}")));
    }
}
