//! Problems of a configuration: what is wrong, where, and the remedy.

use std::collections::BTreeSet;
use std::path::Path;

pub(super) use super::invalid_value::InvalidValue;
use super::lines::Lines;
use super::source::Source;

/// Problems shown at most; a file with more is hardly a configuration.
const MAX_SHOWN_PROBLEMS: usize = 100;

/// Where a value was given. The order is that of the report.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Location {
    /// Line and, for a syntax error, column; both counted from 1.
    File(usize, Option<usize>),
    /// The `$VARIABLE` or `--flag`.
    Override(String),
}

/// Collects the problems of a file, its variables and its flags. No text contains a
/// secret.
pub(super) struct Problems<'t> {
    pub(super) lines: Lines<'t>,
    source: &'t Source,
    list: Vec<(Location, String)>,
    /// Lines with an error that must be fixed first; further problems are dropped.
    ignored: BTreeSet<usize>,
}

impl<'t> Problems<'t> {
    pub(super) fn of(source: &'t Source) -> Self {
        Self { lines: Lines::of(&source.text), source, list: Vec::new(), ignored: BTreeSet::new() }
    }

    /// The file of a line of the whole text, and its number there.
    fn file_and_line(&self, line: usize) -> (&Path, usize) {
        let of_line = self.source.included.iter().rfind(|included| included.first_line <= line);
        of_line
            .map_or((&self.source.shown, line), |included| (&included.shown, line - included.first_line + 1))
    }

    /// A line in a message about another line.
    pub(super) fn place(&self, line: usize) -> String {
        let (file, number) = self.file_and_line(line);
        if file == self.source.shown {
            format!("line {number}")
        } else {
            format!("{}:{number}", file.display())
        }
    }

    fn shown(&self, location: &Location) -> String {
        let (line, column) = match location {
            Location::Override(name) => return name.clone(),
            Location::File(line, column) => (*line, column),
        };
        let (file, number) = self.file_and_line(line);
        let column = column.map_or_else(String::new, |column| format!(":{column}"));
        format!("{}:{number}{column}", file.display())
    }

    /// Reports a problem with the value of `key`, such as `sync.max_retries`, or with
    /// the whole line if `key` is empty. Dropped if the line is ignored.
    pub(super) fn at(&mut self, location: Location, key: &str, invalid: &InvalidValue) {
        if !matches!(&location, Location::File(line, _) if self.ignored.contains(line)) {
            self.push(location, key, invalid);
        }
    }

    /// Like [`Self::at`], for a line of the file.
    pub(super) fn at_line(&mut self, line: usize, key: &str, invalid: &InvalidValue) {
        self.at(Location::File(line, None), key, invalid);
    }

    /// Reports something to be added near this line, even if the line is ignored.
    pub(super) fn missing(&mut self, line: usize, key: &str, invalid: &InvalidValue) {
        self.push(Location::File(line, None), key, invalid);
    }

    /// Reports a syntax error, with `excerpt` (the line, if it is safe to show), and
    /// ignores the line from then on.
    pub(super) fn at_offset(&mut self, offset: usize, invalid: &InvalidValue, excerpt: Option<&str>) {
        let (line, column) = (self.lines.line(offset), self.lines.column(offset));
        if !self.ignore_line(line) {
            return;
        }
        let number = self.file_and_line(line).1.to_string();
        let InvalidValue { what, remedy } = invalid;
        let excerpt = excerpt.map_or_else(String::new, |text| {
            let blank = number.len();
            format!("      {number} | {text}\n      {:blank$} | {:>column$}\n", "", "^")
        });
        self.list.push((Location::File(line, Some(column)), format!("{what}\n{excerpt}      {remedy}")));
    }

    /// Drops further problems of this line. Returns false if it was already ignored.
    pub(super) fn ignore_line(&mut self, line: usize) -> bool {
        self.ignored.insert(line)
    }

    /// The report: problems in the file's order, then variables and flags; `None` if
    /// there are none.
    pub(super) fn report(mut self) -> Option<String> {
        self.list.sort_by(|(one, _), (other, _)| one.cmp(other));
        let (file, count) = (self.source.shown.display(), self.list.len());
        let shown = self.list.iter().take(MAX_SHOWN_PROBLEMS);
        let mut lines: Vec<_> =
            shown.map(|(location, text)| format!("  {}: {text}", self.shown(location))).collect();
        if count > MAX_SHOWN_PROBLEMS {
            lines.push(format!("  and {} more", count - MAX_SHOWN_PROBLEMS));
        }
        let noun = if count == 1 { "problem" } else { "problems" };
        (count > 0).then(|| format!("read the configuration {file}: {count} {noun}\n{}", lines.join("\n")))
    }

    fn push(&mut self, location: Location, key: &str, InvalidValue { what, remedy }: &InvalidValue) {
        let separator = if key.is_empty() { "" } else { ": " };
        self.list.push((location, format!("{key}{separator}{what}\n      {remedy}")));
    }
}
