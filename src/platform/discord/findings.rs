//! Collects the paths of a message's malformed and unknown fields. Never holds a
//! value.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::ObjectFields;
use super::ids::ID_DIGITS;
use super::value::MemoryBudget;

/// Most distinct paths of malformed fields per message.
const MAX_MALFORMED_PATHS: usize = 20;
/// Most distinct paths of unknown fields per page.
const MAX_UNKNOWN_PATHS: usize = 100;
/// Most names in a path; components nest.
const MAX_PATH_NAMES: usize = 8;
/// Replaces field names that don't look like Discord's.
const OTHER: &str = "(other)";

/// Path of a value in a message: names of known fields, without indexes.
#[derive(Debug, Clone, Copy)]
pub struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    name: &'static str,
}

impl<'p> Path<'p> {
    /// A field of the message itself.
    pub const fn field(name: &'static str) -> Self {
        Self { parent: None, name }
    }

    /// A field of the object at this path.
    pub const fn then(&'p self, name: &'static str) -> Self {
        Self { parent: Some(self), name }
    }

    /// Names joined by dots, repeated ones once: `components.components` is
    /// `components`.
    fn to_text(self) -> String {
        let mut names: Vec<&str> =
            std::iter::successors(Some(&self), |path| path.parent).map(|path| path.name).collect();
        names.reverse();
        names.dedup();
        names.truncate(MAX_PATH_NAMES);
        names.join(".")
    }
}

/// Malformed and unknown fields of one message.
#[derive(Debug, Default)]
pub struct Findings {
    /// Memory left for its values.
    pub budget: MemoryBudget,
    malformed: BTreeSet<String>,
    unknown: BTreeMap<String, u64>,
}

impl Findings {
    /// Notes that the field at `path`, or an item of the list there, is malformed
    /// and was dropped.
    pub fn add_malformed(&mut self, path: Path<'_>) {
        if self.malformed.len() < MAX_MALFORMED_PATHS {
            self.malformed.insert(path.to_text());
        }
    }

    /// Whether no field was malformed.
    pub fn is_well_formed(&self) -> bool {
        self.malformed.is_empty()
    }

    /// Counts the unknown fields of one object.
    pub fn add_unknown<'n>(&mut self, object: &ObjectFields, names: impl Iterator<Item = &'n str>) {
        let mut names: Vec<&str> = names.map(printable).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            count(&mut self.unknown, format!("{}.{name}", object.name), 1);
        }
    }

    /// Adds the counts of unknown fields to those of the page. Returns the sorted paths
    /// of the malformed fields.
    pub fn merge_into(self, page: &mut BTreeMap<String, u64>) -> Vec<String> {
        for (path, objects) in self.unknown {
            count(page, path, objects);
        }
        self.malformed.into_iter().collect()
    }
}

/// Adds to the count of a path, unless it is new and the limit of paths is reached.
fn count(counts: &mut BTreeMap<String, u64>, path: String, objects: u64) {
    if counts.len() < MAX_UNKNOWN_PATHS || counts.contains_key(&path) {
        *counts.entry(path).or_default() += objects;
    }
}

/// The field's name if it looks like Discord's, else `(other)`: the key of a map
/// may be a user's ID.
fn printable(name: &str) -> &str {
    let is_name_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    let is_printable =
        (1..=40).contains(&name.len()) && name.bytes().all(is_name_byte) && digits < *ID_DIGITS.start();
    if is_printable { name } else { OTHER }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_unlike_discords_are_not_printed() {
        for name in ["", "Name", "a b", "80351110224678912", "user_80351110224678912", &"a".repeat(41), "é"]
        {
            assert_eq!(printable(name), OTHER, "{name}");
        }
        assert_eq!(["v2", "new_field"].map(printable), ["v2", "new_field"]);
    }
}
