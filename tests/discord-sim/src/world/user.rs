//! The users of a guild, each computed from seed, guild and index.

use crate::dice::{self, Dice};
use crate::snowflake;

/// Accounts were created from the first second of 2016 on, one every 25 minutes.
const FIRST_ACCOUNT_MS: i64 = 1_451_606_400_000;
const ACCOUNT_STRIDE: u64 = (25 * 60_000) << 22;
/// Every eighth user is the same one in all guilds of a world.
const SHARED_EVERY: u32 = 8;

const NAMES: [&str; 32] = [
    "amber", "basil", "cedar", "delta", "ember", "fable", "gale", "harbor", "indigo", "juniper", "kestrel",
    "lumen", "maple", "nimbus", "onyx", "pixel", "quartz", "raven", "sable", "talon", "umbra", "vesper",
    "willow", "xenon", "yarrow", "zephyr", "mika", "jonas", "lena", "tomasz", "aiko", "farid",
];

/// The users of one guild, addressed by an index.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    seed: u64,
    guild_seed: u64,
    count: u32,
}

/// A user as the API shows it.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub id: u64,
    pub username: String,
    pub display_name: Option<String>,
    /// The avatar's hash, from which the other picture hashes are derived.
    pub avatar: Option<u64>,
    pub is_bot: bool,
}

impl Pool {
    pub(crate) fn new(seed: u64, guild_id: u64, count: u32) -> Self {
        Self { seed, guild_seed: dice::hash(seed, 11, guild_id), count: count.clamp(1, 100_000) }
    }

    pub(crate) const fn count(&self) -> u32 {
        self.count
    }

    const fn hash(&self, index: u32) -> u64 {
        let shared = index.is_multiple_of(SHARED_EVERY);
        let seed = if shared { self.seed } else { self.guild_seed };
        dice::hash(seed, 3, index as u64)
    }

    /// The ID of the user with this index; it increases with the index.
    pub(crate) const fn id(&self, index: u32) -> u64 {
        let start = snowflake::first_of(FIRST_ACCOUNT_MS) + index as u64 * ACCOUNT_STRIDE;
        start + self.hash(index) % ACCOUNT_STRIDE
    }

    pub(crate) fn index_of(&self, id: u64) -> Option<u32> {
        let since = id.checked_sub(snowflake::first_of(FIRST_ACCOUNT_MS))?;
        let index = u32::try_from(since / ACCOUNT_STRIDE).ok()?;
        (index < self.count && self.id(index) == id).then_some(index)
    }

    pub(crate) const fn is_bot(index: u32) -> bool {
        index % 23 == 7
    }

    pub(crate) fn user(&self, index: u32) -> User {
        let mut dice = Dice::new(self.hash(index));
        let name = *dice.pick(&NAMES);
        let is_bot = Self::is_bot(index);
        let suffix = if is_bot { "-bot" } else { "" };
        User {
            id: self.id(index),
            username: format!("{name}{index}{suffix}"),
            display_name: dice.percent(60).then(|| format!("{name} the {index}th")),
            avatar: dice.percent(70).then(|| dice.roll()),
            is_bot,
        }
    }

    /// The index of a random user; low indices are more frequent.
    pub(crate) const fn random_user(&self, dice: &mut Dice) -> u32 {
        let fraction = dice.fraction();
        (fraction * fraction * fraction * self.count as f64) as u32
    }
}
