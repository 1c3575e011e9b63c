//! Parsers for the values of flags.

use std::time::Duration;

use clap::Command;

use crate::config::{parse_date, parse_duration};
use crate::model::{NotAnId, Platforms, Timestamp};

/// The field of a command's arguments that holds the IDs of `--channel`.
const CHANNELS: &str = "channels";

/// Lets subcommands take the IDs of channels on these platforms.
pub fn read_channels(command: Command, platforms: Platforms) -> Command {
    command.mut_subcommands(|command| {
        let takes_channels = command.get_arguments().any(|argument| argument.get_id() == CHANNELS);
        let read = move |text: &str| channel(text, platforms);
        if takes_channels {
            command.mut_arg(CHANNELS, |argument| argument.value_parser(read))
        } else {
            command
        }
    })
}

/// The ID of a channel on one of these platforms, as that platform writes it.
fn channel(text: &str, platforms: Platforms) -> Result<String, String> {
    let mut errors: Vec<NotAnId> = Vec::new();
    let mut texts = Vec::new();
    for platform in platforms {
        match platform.ids.parse_channel(text) {
            Ok(id) => texts.push(platform.channel_text(id)),
            Err(error) => errors.push(error),
        }
    }
    match texts.len() {
        0 => {}
        1 => return Ok(texts.swap_remove(0)),
        _ => return Ok(text.to_owned()),
    }
    let out_of_range = errors.iter().find(|error| matches!(error, NotAnId::OutOfRange(_)));
    Err(out_of_range.map_or_else(
        || {
            "give the channel's ID, not its name: \"verta-sync plan\" and the archive's view channel_log show both"
                .to_owned()
        },
        ToString::to_string,
    ))
}

/// A day or a time, UTC unless it says otherwise.
pub fn date(text: &str) -> Result<Timestamp, String> {
    parse_date(text).map_err(|error| error.to_string())
}

/// A number with a unit, such as "15m".
pub fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::registry::REGISTRY;

    #[test]
    fn a_channels_id_is_kept_as_its_platform_writes_it() {
        assert_eq!(channel("0012345", REGISTRY.specs), Ok("12345".to_owned()));
        assert!(channel("general", REGISTRY.specs).is_err());
    }
}
