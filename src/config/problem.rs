//! Problems: what is wrong, where, and what to write instead.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use super::input::InvalidValue;

/// Problems told at most: a file with more is no configuration.
const MOST_SHOWN: usize = 100;

/// Where a problem's value was written; they are reported in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    File {
        line: usize,
        column: Option<usize>,
    },
    /// `$VARIABLE` or `--flag`, in this order, which is that of their first letters.
    Outside(String),
}

/// One thing that is wrong. Its text holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Problem {
    place: Place,
    /// With its section, such as `sync.max_retries`; empty if there is none.
    key: String,
    invalid: InvalidValue,
    excerpt: Option<String>,
}

impl Problem {
    fn write(&self, f: &mut fmt::Formatter<'_>, file: &str) -> fmt::Result {
        match &self.place {
            Place::File { line, column } => {
                write!(f, "  {file}:{line}")?;
                column.map_or(Ok(()), |column| write!(f, ":{column}"))?;
            }
            Place::Outside(name) => write!(f, "  {name}")?,
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        writeln!(f, ": {}", self.invalid.what())?;
        if let Some(excerpt) = &self.excerpt {
            writeln!(f, "{excerpt}")?;
        }
        write!(f, "      {}", self.invalid.remedy())
    }
}

/// All problems of a file and of what stands for it, in the file's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    file: PathBuf,
    list: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display().to_string();
        let count = self.list.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(f, "read the configuration {file}: {count} {noun}")?;
        for problem in self.list.iter().take(MOST_SHOWN) {
            writeln!(f)?;
            problem.write(f, &file)?;
        }
        match count.saturating_sub(MOST_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// Problems while they are found.
#[derive(Default)]
pub(super) struct Found {
    list: Vec<Problem>,
    settled: BTreeSet<usize>,
}

impl Found {
    /// Something wrong with the value of `key` on this line.
    pub(super) fn at_line(&mut self, line: usize, key: impl Into<String>, invalid: InvalidValue) {
        if !self.settled.contains(&line) {
            self.missing(line, key, invalid);
        }
    }

    /// Something that has to be added near this line.
    pub(super) fn missing(&mut self, line: usize, key: impl Into<String>, invalid: InvalidValue) {
        let column = None;
        self.push(Place::File { line, column }, key.into(), invalid);
    }

    /// Something that isn't TOML, with the line it is on.
    pub(super) fn at_position(
        &mut self,
        (line, column): (usize, usize),
        invalid: InvalidValue,
        excerpt: Option<String>,
    ) {
        if self.settled.contains(&line) {
            return;
        }
        let column = Some(column);
        self.list.push(Problem { place: Place::File { line, column }, key: String::new(), invalid, excerpt });
    }

    /// Something wrong with the `$VARIABLE` or `--flag` that stands for `key`.
    pub(super) fn outside(&mut self, name: &str, key: &str, invalid: InvalidValue) {
        self.push(Place::Outside(name.to_owned()), key.to_owned(), invalid);
    }

    /// From here on, nothing more is wrong with this line: it has to be written
    /// anew.
    pub(super) fn settle(&mut self, line: usize) {
        self.settled.insert(line);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// In the order of the file; variables and flags follow.
    pub(super) fn of_file(self, file: PathBuf) -> Problems {
        let mut list = self.list;
        list.sort_by(|one, other| one.place.cmp(&other.place));
        Problems { file, list }
    }

    fn push(&mut self, place: Place, key: String, invalid: InvalidValue) {
        self.list.push(Problem { place, key, invalid, excerpt: None });
    }
}
