//! Parsers for the values of flags.

use std::time::Duration;

use crate::config::{parse_date, parse_duration};
use crate::model::{ChannelId, Timestamp};

/// A channel's ID.
pub fn channel(text: &str) -> Result<ChannelId, String> {
    text.parse().map_err(|error| {
        if text.chars().all(|char| char.is_ascii_digit()) {
            format!("{error}")
        } else {
            "give the channel's ID, not its name: \"verta-sync plan\" and the archive's view channel_log show both"
                .to_owned()
        }
    })
}

/// A day or a time, UTC unless it says otherwise.
pub fn date(text: &str) -> Result<Timestamp, String> {
    parse_date(text).map_err(|error| error.to_string())
}

/// A number with a unit, such as "15m".
pub fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}
