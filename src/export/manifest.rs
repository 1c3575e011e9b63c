//! The list of an export's files (`manifest.json`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Format;

/// Raised when a field changes its meaning or goes away.
const SCHEMA: u32 = 1;

/// The files of an export. It has no time in it: the same archive gives the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    schema: u32,
    /// The name of the format.
    pub format: String,
    /// The files by path, relative to the folder.
    pub files: BTreeMap<String, FileEntry>,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// What its rows are.
    #[serde(flatten)]
    pub contents: Contents,
    /// Its rows, or messages if it has them nested.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of it, in hex.
    pub sha256: String,
}

/// What the rows of a file are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The name of the table.
    pub table: String,
    /// The tenant.
    pub tenant: String,
    /// The month, if the table is divided by month.
    pub month: Option<String>,
    /// The ID of the channel, in a format with a file for each.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channel_id: Option<String>,
}

impl Manifest {
    /// A manifest without files.
    pub fn new(format: Format) -> Self {
        Self { schema: SCHEMA, format: format.name().to_owned(), files: BTreeMap::new() }
    }

    /// Parses a manifest; `None` if it isn't one of this version.
    pub fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok().filter(|manifest: &Self| manifest.schema == SCHEMA)
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}
