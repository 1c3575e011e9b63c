//! How often emoji are used, in texts and as reactions.

use std::cmp::Ordering;

use hashbrown::HashMap;
use serde::Serialize;

use super::few::Tally;
use super::figure::Figure;
use super::texts::{TextEmoji, emoji, reaction_emoji};
use crate::archive::activity_parts::EmojiName;

/// Emoji that are listed as the most used, and custom ones as the least used.
const MOST_USED: usize = 10;
const LEAST_USED: usize = 3;

/// Emoji of a period.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct EmojiReport {
    /// Those that were used the most.
    pub most_used: Vec<EmojiUse>,
    /// Custom emoji that were used the least, by enough people, and are not among the most used.
    pub least_used_custom: Vec<EmojiUse>,
}

/// An emoji.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EmojiUse {
    /// The character, or the name of a custom emoji.
    pub emoji: String,
    /// Whether it is a custom emoji of a server.
    pub is_custom: bool,
    /// Reactions, and times it was written.
    pub uses: Figure,
}

/// Counts emoji.
#[derive(Debug, Default)]
pub struct EmojiUses {
    unicode: HashMap<Box<str>, Tally>,
    custom: HashMap<i64, (Box<str>, Tally)>,
    /// Reactions by the emoji's row.
    reactions: HashMap<i64, Tally>,
}

impl EmojiUses {
    /// Counts those in a text.
    pub fn add_text(&mut self, text: &str, author: i64) {
        emoji(text, |emoji| match emoji {
            TextEmoji::Unicode(emoji) => self.unicode.entry_ref(emoji).or_default().add(author),
            TextEmoji::Custom(id, name) => self.custom(id, name).add(author),
        });
    }

    fn custom(&mut self, id: i64, name: &str) -> &mut Tally {
        &mut self.custom.entry(id).or_insert_with(|| (name.into(), Tally::default())).1
    }

    /// Counts reactions.
    pub fn add_reactions(&mut self, emoji_row: i64, count: u64) {
        self.reactions.entry(emoji_row).or_default().number += count;
    }

    /// Adds a user who gave them.
    pub fn add_reactor(&mut self, emoji_row: i64, user: i64) {
        self.reactions.entry(emoji_row).or_default().people.insert(user);
    }

    /// The emoji to show.
    pub fn report(mut self, names: &HashMap<i64, EmojiName>) -> EmojiReport {
        for (row, reactions) in std::mem::take(&mut self.reactions) {
            let Some(emoji) = names.get(&row) else { continue };
            let tally = match emoji.custom {
                Some(id) => self.custom(id, &emoji.name),
                None => self.unicode.entry_ref(reaction_emoji(&emoji.name)).or_default(),
            };
            tally.number += reactions.number;
            tally.people.insert_all(reactions.people);
        }
        let mut uses: Vec<(EmojiUse, u64)> = Vec::new();
        let mut push = |emoji: String, is_custom, tally: Tally| {
            if tally.people.is_enough() {
                uses.push((EmojiUse { emoji, is_custom, uses: tally.figure() }, tally.number));
            }
        };
        for (emoji, tally) in self.unicode {
            push(emoji.into(), false, tally);
        }
        for (name, tally) in self.custom.into_values() {
            push(name.into(), true, tally);
        }
        let by_name = |one: &EmojiUse, other: &EmojiUse| -> Ordering {
            (&one.emoji, one.is_custom).cmp(&(&other.emoji, other.is_custom))
        };
        uses.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| by_name(&one.0, &other.0)));
        let rest = uses.split_off(uses.len().min(MOST_USED));
        let least = rest.into_iter().rev().map(|(emoji, _)| emoji).filter(|emoji| emoji.is_custom);
        EmojiReport {
            least_used_custom: least.take(LEAST_USED).collect(),
            most_used: uses.into_iter().map(|(emoji, _)| emoji).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_reactions_count_together() {
        let mut uses = EmojiUses::default();
        for author in 0..4 {
            uses.add_text("👍🏽👍 <:gg:123456789012345678>", author);
            uses.add_text("🎉", author);
        }
        uses.add_reactions(1, 20);
        uses.add_reactor(1, 9);
        uses.add_reactions(2, 20);
        uses.add_reactor(2, 3);
        let names = [
            (1, EmojiName { custom: None, name: "👍🏿".to_owned() }),
            (2, EmojiName { custom: Some(123_456_789_012_345_678), name: "renamed".to_owned() }),
        ];
        let report = uses.report(&names.into_iter().collect());
        // Four people used :gg: and the party popper.
        let expected = EmojiUse { emoji: "👍".to_owned(), is_custom: false, uses: Figure::Shown(28) };
        assert_eq!(report, EmojiReport { most_used: vec![expected], least_used_custom: vec![] });
    }

    #[test]
    fn the_least_used_are_custom_and_not_among_the_most_used() {
        let mut uses = EmojiUses::default();
        for author in 0..5 {
            for emoji in 0..14_u64 {
                let text = format!("<:e{emoji}:{}> ", 123_456_789_012_345_678 + emoji);
                uses.add_text(&text.repeat(usize::try_from(20 - emoji).unwrap()), author);
            }
        }
        let report = uses.report(&HashMap::new());
        let names =
            |uses: &[EmojiUse]| uses.iter().map(|one| one.emoji.clone()).collect::<Vec<_>>().join(" ");
        assert_eq!(names(&report.most_used), "e0 e1 e2 e3 e4 e5 e6 e7 e8 e9");
        assert_eq!(names(&report.least_used_custom), "e13 e12 e11");
    }
}
