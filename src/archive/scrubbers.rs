//! Finds the platform whose rules scrub the texts of a row.

use hashbrown::HashMap;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::ArchiveError;
use crate::anonymize::{HashScheme, Rules, Scrubber};

/// Cache of scrubbers by channel row. A text without a channel is scrubbed by all
/// platforms' scrubbers in turn.
#[derive(Debug)]
pub(super) struct ScrubberByChannel {
    rules: Rules,
    channels: HashMap<i64, Option<Scrubber>>,
    /// Scrubbers of the archive's tenants, once loaded.
    all: Option<Vec<Scrubber>>,
}

impl ScrubberByChannel {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, channels: HashMap::new(), all: None }
    }

    /// How users are hashed.
    pub(super) const fn scheme(&self) -> HashScheme {
        self.rules.scheme
    }

    /// Empties the cache, since cached rows may have been rolled back.
    pub(super) fn clear(&mut self) {
        self.channels.clear();
        self.all = None;
    }

    /// The scrubbers for the texts of a channel: its platform's, or all of them if there
    /// is no channel or its platform is unknown.
    pub(super) fn of(
        &mut self,
        connection: &Connection,
        channel: Option<i64>,
    ) -> Result<Vec<Scrubber>, ArchiveError> {
        if let Some(channel) = channel {
            let cached = self.channels.get(&channel).copied();
            let scrubber = cached.map_or_else(|| self.load(connection, channel), Ok)?;
            if let Some(scrubber) = scrubber {
                return Ok(vec![scrubber]);
            }
        }
        self.all(connection)
    }

    fn load(&mut self, connection: &Connection, channel: i64) -> Result<Option<Scrubber>, ArchiveError> {
        let mut select = connection.prepare_cached(
            "SELECT t.platform FROM channels c JOIN tenants t ON t.id = c.tenant_id WHERE c.id = ?1",
        )?;
        let name: Option<String> = select.query_row(params![channel], |row| row.get(0)).optional()?;
        let Rules { scheme, .. } = self.rules;
        let platform = name.and_then(|name| self.rules.platform(&name));
        let scrubber = platform.map(|platform| Scrubber::new(platform, scheme));
        self.channels.insert(channel, scrubber);
        Ok(scrubber)
    }

    /// The scrubbers of every platform in the archive; of every known platform, if the
    /// archive has none.
    pub(super) fn all(&mut self, connection: &Connection) -> Result<Vec<Scrubber>, ArchiveError> {
        if self.all.is_none() {
            let mut select = connection.prepare_cached("SELECT DISTINCT platform FROM tenants")?;
            let names = select.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
            let mut platforms: Vec<_> = names.iter().filter_map(|name| self.rules.platform(name)).collect();
            if platforms.is_empty() {
                platforms = self.rules.platforms.to_vec();
            }
            let scrubber = |platform| Scrubber::new(platform, self.rules.scheme);
            self.all = Some(platforms.into_iter().map(scrubber).collect());
        }
        Ok(self.all.clone().unwrap_or_default())
    }
}
