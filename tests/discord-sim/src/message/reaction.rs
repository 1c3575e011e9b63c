//! Reactions. The reactors of a reaction are a computed range of users; a test's change
//! turns them into an explicit list.

use crate::world::{Emoji, Pool};

/// The reactions with one emoji on one message.
#[derive(Debug, Clone)]
pub(crate) struct Reaction {
    pub emoji: ReactionEmoji,
    pub normal: Reactors,
    pub burst: Reactors,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReactionEmoji {
    Unicode(String),
    Custom(Emoji),
}

impl ReactionEmoji {
    /// Parses the Unicode character or `name:id`.
    pub(crate) fn parse(text: &str) -> Self {
        let custom = text.rsplit_once(':').and_then(|(name, id)| {
            let id = id.parse().ok()?;
            let name = name.to_owned();
            Some(Self::Custom(Emoji { id, name, animated: false, deleted: false }))
        });
        custom.unwrap_or_else(|| Self::Unicode(text.to_owned()))
    }

    /// The Unicode character, or `name:id`.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Unicode(text) => text.clone(),
            Self::Custom(emoji) => format!("{}:{}", emoji.name, emoji.id),
        }
    }

    /// Whether both are the same emoji; custom emoji are compared by ID.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unicode(one), Self::Unicode(two)) => one == two,
            (Self::Custom(one), Self::Custom(two)) => one.id == two.id,
            _ => false,
        }
    }

    /// Whether the reactions route can't list its reactors, because the emoji is deleted
    /// or has neither ID nor name.
    pub(crate) fn is_unlistable(&self) -> bool {
        match self {
            Self::Unicode(text) => text.is_empty(),
            Self::Custom(emoji) => emoji.deleted,
        }
    }
}

/// The reactors, as indices in the guild's user pool.
#[derive(Debug, Clone)]
pub(crate) enum Reactors {
    /// `count` users from `first` on, wrapping at the end of the pool.
    Window { first: u32, count: u32 },
    /// Sorted, without duplicates.
    List(Vec<u32>),
}

impl Reactors {
    pub(crate) const NONE: Self = Self::Window { first: 0, count: 0 };

    /// `count` users from `first` modulo the pool's size on; at most the whole pool.
    pub(crate) fn window(first: u64, count: u32, pool: &Pool) -> Self {
        Self::Window { first: (first % u64::from(pool.count())) as u32, count: count.min(pool.count()) }
    }

    pub(crate) const fn count(&self) -> u64 {
        match self {
            Self::Window { count, .. } => *count as u64,
            Self::List(list) => list.len() as u64,
        }
    }

    /// The users' indices in ascending order.
    pub(crate) fn members(&self, pool: &Pool) -> Vec<u32> {
        match self {
            Self::Window { first, count } => {
                let mut members: Vec<u32> =
                    (*first..first + count).map(|index| index % pool.count()).collect();
                members.sort_unstable();
                members
            }
            Self::List(list) => list.clone(),
        }
    }

    /// Adds a user; `false` if it is already a reactor.
    pub(crate) fn add(&mut self, user: u32, pool: &Pool) -> bool {
        let mut members = self.members(pool);
        let Err(at) = members.binary_search(&user) else {
            return false;
        };
        members.insert(at, user);
        *self = Self::List(members);
        true
    }

    /// Removes a user; `false` if it isn't a reactor.
    pub(crate) fn remove(&mut self, user: u32, pool: &Pool) -> bool {
        let mut members = self.members(pool);
        let Ok(at) = members.binary_search(&user) else {
            return false;
        };
        members.remove(at);
        *self = Self::List(members);
        true
    }
}
