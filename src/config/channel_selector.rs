//! Entries of the include and exclude lists: they select channels by ID or name.

use std::fmt;

use super::problem::InvalidValue;
use super::redact::quoted_input;
use crate::model::{ChannelId, ParseIdError, PlatformSpec};

/// IDs with fewer digits could as well be a channel's name, such as "2024".
const MIN_UNAMBIGUOUS_ID_LEN: usize = 17;

/// Selects a channel or category by ID or by current name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ChannelSelector {
    /// By ID; a short one also matches a channel of that name.
    Id {
        /// The ID.
        id: ChannelId,
        /// As the platform writes it.
        text: String,
    },
    /// By current name, with or without "#" in front.
    Name(String),
}

impl ChannelSelector {
    pub(super) fn parse(written: &str, platform: &PlatformSpec) -> Result<Self, InvalidValue> {
        let text = written.trim();
        if text.trim_start_matches('#').is_empty() {
            return Err(InvalidValue::of(written, "names no channel", "use a channel's ID or current name"));
        }
        match platform.ids.parse_channel(text) {
            Ok(id) if platform.channel_text(id) == text => Ok(Self::Id { id, text: text.to_owned() }),
            // Digits with leading zeros are a name.
            Err(ParseIdError::OutOfRange(_)) if !text.starts_with('0') => {
                let what = format!("{} is too large for a channel ID", quoted_input(text));
                Err(InvalidValue::new(what, platform.channel_id_help))
            }
            Ok(_) | Err(_) => Ok(Self::Name(text.to_owned())),
        }
    }

    /// True if this selects the channel with this ID and current name.
    pub fn matches(&self, id: ChannelId, name: &str) -> bool {
        match self {
            Self::Id { id: selected, text } => *selected == id || is_short_name(text, name),
            Self::Name(selected) => {
                selected == name || selected.strip_prefix('#').is_some_and(|rest| rest == name)
            }
        }
    }
}

impl fmt::Display for ChannelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id { text, .. } | Self::Name(text) => f.write_str(text),
        }
    }
}

fn is_short_name(id: &str, name: &str) -> bool {
    name.len() < MIN_UNAMBIGUOUS_ID_LEN && id == name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::discord::SPEC;

    fn id(raw: u64) -> ChannelId {
        ChannelId::new(raw).unwrap()
    }

    #[test]
    fn a_channel_is_selected_by_id_or_name() {
        let by_id = ChannelSelector::parse("123456789012345678", &SPEC).unwrap();
        let text = "123456789012345678".to_owned();
        assert_eq!(by_id, ChannelSelector::Id { id: id(123_456_789_012_345_678), text });
        assert!(by_id.matches(id(123_456_789_012_345_678), "general"));
        assert!(!by_id.matches(id(2), "123456789012345678"));

        let by_name = ChannelSelector::parse(" #general", &SPEC).unwrap();
        assert!(by_name.matches(id(1), "general") && by_name.matches(id(1), "#general"));
        assert!(!by_name.matches(id(1), "General"));
    }

    #[test]
    fn short_digits_match_an_id_and_a_name() {
        let selector = ChannelSelector::parse("2024", &SPEC).unwrap();
        assert!(selector.matches(id(2024), "x") && selector.matches(id(1), "2024"));
        let zeros = ChannelSelector::parse("007", &SPEC).unwrap();
        assert!(zeros.matches(id(1), "007") && !zeros.matches(id(7), "7"));
    }

    #[test]
    fn empty_and_out_of_range_selectors_are_rejected() {
        for written in ["", " ", "#", "99999999999999999999"] {
            assert!(ChannelSelector::parse(written, &SPEC).is_err(), "{written}");
        }
    }
}
