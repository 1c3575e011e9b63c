//! Discord's IDs: snowflakes, written as decimal numbers.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::model::{ChannelId, IdCodec, IdText, Metadata, ParseIdError, UserId, WorkspaceId};

/// Number of digits of an ID: the first IDs have 15, those of 2015 have 18.
/// <https://discord.com/developers/docs/reference#snowflakes>
pub const ID_DIGITS: RangeInclusive<usize> = 15..=20;

/// Formats and parses snowflakes.
#[derive(Debug)]
pub struct Snowflakes;

impl IdCodec for Snowflakes {
    fn workspace_text(&self, workspace: WorkspaceId) -> IdText {
        IdText::decimal(workspace.get())
    }

    fn channel_text(&self, channel: ChannelId) -> IdText {
        IdText::decimal(channel.get())
    }

    fn user_text(&self, user: UserId) -> IdText {
        IdText::decimal(user.get())
    }

    fn parse_channel(&self, text: &str) -> Result<ChannelId, ParseIdError> {
        if !is_decimal(text) {
            return Err(ParseIdError::NotIdSyntax);
        }
        let expected = "a positive decimal number of at most 19 digits";
        number(text).and_then(ChannelId::new).ok_or(ParseIdError::OutOfRange(expected))
    }

    fn parse_user(&self, text: &str) -> Option<UserId> {
        number(text).and_then(UserId::new).filter(|_| ID_DIGITS.contains(&text.len()))
    }

    fn mask(&self, text: &str) -> String {
        mask(text)
    }
}

/// Parses an ID. Its type checks the range.
pub fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| is_decimal(text))
}

/// Whether the text holds only digits: Rust's parser also accepts a sign.
fn is_decimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A text with `…` in place of each number that is long enough to be an ID.
pub fn mask(text: &str) -> String {
    let mut masked = String::new();
    for part in text.split_inclusive(|char: char| !char.is_ascii_digit()) {
        let rest = part.trim_start_matches(|char: char| char.is_ascii_digit());
        let digits = &part[..part.len() - rest.len()];
        masked.push_str(if is_long(digits) { "…" } else { digits });
        masked.push_str(rest);
    }
    masked
}

/// Kept fields as metadata.
pub fn metadata(fields: Map<String, Value>) -> Metadata {
    Metadata::new(fields, is_long)
}

/// Whether a number is long enough to be an ID.
fn is_long(digits: &str) -> bool {
    digits.len() >= *ID_DIGITS.start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_round_trips() {
        let user = UserId::new(80_351_110_224_678_912).unwrap();
        assert_eq!(&*Snowflakes.user_text(user), "80351110224678912");
        assert_eq!(Snowflakes.parse_user("80351110224678912"), Some(user));
        for text in ["", "12345", "U80351110224678912", "803511102246789120000"] {
            assert_eq!(Snowflakes.parse_user(text), None, "{text}");
        }
    }

    #[test]
    fn a_channel_id_has_only_decimal_digits() {
        let parse = |text: &str| Snowflakes.parse_channel(text);
        assert_eq!(parse("42"), Ok(ChannelId::new(42).unwrap()));
        for text in ["", "0", "9223372036854775808", "99999999999999999999"] {
            assert!(matches!(parse(text), Err(ParseIdError::OutOfRange(_))), "{text}");
        }
        for text in ["+1", "-1", " 1", "1.0", "x"] {
            assert_eq!(parse(text), Err(ParseIdError::NotIdSyntax), "{text}");
        }
    }

    #[test]
    fn long_numbers_are_masked() {
        assert_eq!(mask("a80351110224678912b 12345 123456789012345"), "a…b 12345 …");
    }
}
