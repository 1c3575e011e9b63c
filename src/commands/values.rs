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

/// The ID of a channel on one of these platforms.
fn channel(text: &str, platforms: Platforms) -> Result<String, String> {
    let errors = platforms.iter().map(|platform| platform.ids.parse_channel(text).err());
    let Some(errors) = errors.collect::<Option<Vec<NotAnId>>>() else { return Ok(text.to_owned()) };
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
