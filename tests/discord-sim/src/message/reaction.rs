//! Reactions: who reacted is computed until someone changes it.

use crate::world::{Emoji, Pool};

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
    /// From the character or from `name:id`.
    pub(crate) fn parse(text: &str) -> Self {
        let custom = text.rsplit_once(':').and_then(|(name, id)| {
            let id = id.parse().ok()?;
            let name = name.to_owned();
            Some(Self::Custom(Emoji { id, name, animated: false, deleted: false }))
        });
        custom.unwrap_or_else(|| Self::Unicode(text.to_owned()))
    }

    /// The character, or `name:id`.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Unicode(text) => text.clone(),
            Self::Custom(emoji) => format!("{}:{}", emoji.name, emoji.id),
        }
    }

    /// Whether both are one emoji; a custom one is known by its ID.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unicode(one), Self::Unicode(two)) => one == two,
            (Self::Custom(one), Self::Custom(two)) => one.id == two.id,
            _ => false,
        }
    }

    /// Whether nobody can ask for it: it is deleted, or has neither ID nor name.
    pub(crate) fn is_out_of_reach(&self) -> bool {
        match self {
            Self::Unicode(text) => text.is_empty(),
            Self::Custom(emoji) => emoji.deleted,
        }
    }
}

/// Indices of users in the guild's pool.
#[derive(Debug, Clone)]
pub(crate) enum Reactors {
    /// `count` users from `first` on, around the end of the pool.
    Window { first: u32, count: u32 },
    /// Sorted.
    List(Vec<u32>),
}

impl Reactors {
    pub(crate) const NONE: Self = Self::Window { first: 0, count: 0 };

    pub(crate) fn window(first: u64, count: u32, pool: &Pool) -> Self {
        Self::Window { first: (first % u64::from(pool.count())) as u32, count: count.min(pool.count()) }
    }

    pub(crate) const fn count(&self) -> u64 {
        match self {
            Self::Window { count, .. } => *count as u64,
            Self::List(list) => list.len() as u64,
        }
    }

    /// The users in ascending order.
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

    pub(crate) fn add(&mut self, user: u32, pool: &Pool) -> bool {
        let mut members = self.members(pool);
        let Err(at) = members.binary_search(&user) else {
            return false;
        };
        members.insert(at, user);
        *self = Self::List(members);
        true
    }

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
