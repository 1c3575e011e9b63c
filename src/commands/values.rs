//! Value parsers for flags.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Command;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::{Failure, FailureKind};
use crate::archive::Reader;
use crate::config::{Config, parse_date, parse_duration};
use crate::model::{ParseIdError, Platforms, Timestamp};
use crate::report;

/// clap's ID of the `--channel` argument, which is the name of its field.
const CHANNELS: &str = "channels";

/// Makes the `--channel` flags of all subcommands accept the channel IDs of `platforms`.
pub fn set_channel_parsers(command: Command, platforms: Platforms) -> Command {
    command.mut_subcommands(|command| {
        let takes_channels = command.get_arguments().any(|argument| argument.get_id() == CHANNELS);
        let parse = move |text: &str| channel(text, platforms);
        if takes_channels {
            command.mut_arg(CHANNELS, |argument| argument.value_parser(parse))
        } else {
            command
        }
    })
}

/// Parses a channel ID. Returns it in the platform's spelling if exactly one platform
/// accepts it, as given if several do.
fn channel(text: &str, platforms: Platforms) -> Result<String, String> {
    let mut errors: Vec<ParseIdError> = Vec::new();
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
    let out_of_range = errors.iter().find(|error| matches!(error, ParseIdError::OutOfRange(_)));
    Err(out_of_range.map_or_else(
        || {
            "expected a channel ID, not a name; \"verta-sync plan\" and the archive's view channel_log list both"
                .to_owned()
        },
        ToString::to_string,
    ))
}

/// Parses a day or a time; UTC unless it has an offset.
pub fn date(text: &str) -> Result<Timestamp, String> {
    parse_date(text).map_err(|error| error.to_string())
}

/// Fails unless `--since` is before `--until`.
///
/// # Errors
/// Returns a [`Failure`] that quotes both.
pub fn check_order(since: Option<Timestamp>, until: Option<Timestamp>) -> Result<(), Failure> {
    let Some((since, until)) = since.zip(until).filter(|(since, until)| since >= until) else {
        return Ok(());
    };
    let (since, until) = (report::utc_seconds(since), report::utc_seconds(until));
    let message = format!("--since {since} is not before --until {until}");
    Err(Failure::new(FailureKind::Usage, message).hint("swap the two dates"))
}

/// Parses a number with a unit, such as `15m`.
pub fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// Parses the name of one of the values.
pub fn one_of<T: Copy + Send + Sync + 'static>(
    values: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(values.iter().map(|value| name(*value))).map(move |text| {
        let value = values.iter().find(|value| name(**value) == text);
        *value.expect("clap accepts only these names")
    })
}

/// Fails if a tenant is neither archived nor configured.
///
/// # Errors
/// Returns a [`Failure`] that names the known tenants, or that the archive can't be read.
pub fn check_tenants(wanted: &[String], reader: &Reader, config: &Config) -> Result<(), Failure> {
    let archived = reader.tenants().map_err(|error| Failure::archive(&error, &config.archive.path))?;
    let configured = config.tenants.iter().map(|tenant| tenant.name.as_str());
    let known: BTreeSet<&str> =
        archived.iter().map(|tenant| tenant.name.as_str()).chain(configured).collect();
    Failure::if_tenants_unknown(wanted, &known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::registry::REGISTRY;

    #[test]
    fn a_channel_id_is_normalized_to_the_platforms_spelling() {
        assert_eq!(channel("0012345", REGISTRY.specs), Ok("12345".to_owned()));
        assert!(channel("general", REGISTRY.specs).is_err());
    }
}
