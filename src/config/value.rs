//! Parsers for the values of keys, one for each kind of value.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;

use super::api_url::is_host_of;
use super::environment::Environment;
use super::hash_key::HashKeyFile;
use super::pasted_token::pasted_token;
use super::path::{ExpandError, expand};
use super::problem::InvalidValue;
use super::redact::{is_token, quoted_input, shown_key};
use super::suggest::suggest;
use super::time::{in_one_unit, parse_date, parse_duration};
use super::token::TokenSource;
use crate::files;
use crate::model::{PlatformSpec, Timestamp, WorkspaceId};

/// Requests per second, from one every 100 s to ten per millisecond. Outside of this
/// range the interval between requests is meaningless.
const RATE_RANGE: RangeInclusive<f64> = 0.01..=10_000.0;

const MAX_NAME_CHARS: usize = 100;

pub(super) type ValueResult<T> = Result<T, InvalidValue>;

/// An unparsed value and where it comes from.
#[derive(Clone, Copy)]
pub(super) enum RawValue<'v> {
    /// From the file.
    Toml(&'v DeValue<'v>),
    /// From an environment variable or a default, without quotes.
    Text(&'v str),
    /// From a flag; clap has already checked its type.
    Flag(&'v str),
}

/// The errors of one value: a single one, or for a list one per invalid item, with
/// the item's byte offset in the file.
pub(super) struct ValueErrors(pub(super) Vec<(Option<usize>, InvalidValue)>);

impl From<InvalidValue> for ValueErrors {
    fn from(invalid: InvalidValue) -> Self {
        Self(vec![(None, invalid)])
    }
}

/// Parses text. A number is rejected with the remedy to quote it.
fn text(raw: RawValue<'_>) -> ValueResult<&str> {
    let number = if let RawValue::Toml(value) = raw { decimal(value) } else { None };
    let remedy = number.map(|number| format!("put it in double quotes: {}", quoted_input(number)));
    quoted(raw, "text", remedy.as_deref().unwrap_or("put it in double quotes"))
}

/// Parses a string, which needs quotes in the file.
fn quoted<'v>(raw: RawValue<'v>, expected: &str, remedy: &str) -> ValueResult<&'v str> {
    match raw {
        RawValue::Text(text) | RawValue::Flag(text) => Ok(text),
        RawValue::Toml(DeValue::String(text)) => Ok(text),
        RawValue::Toml(value) => Err(wrong_type(expected, value, remedy)),
    }
}

/// Parses text with `parse`.
pub(super) fn parsed<T>(parse: impl Fn(&str) -> ValueResult<T>) -> impl Fn(RawValue<'_>) -> ValueResult<T> {
    move |raw| parse(text(raw)?)
}

/// Parses an optional value.
pub(super) fn optional<T>(
    read: impl Fn(RawValue<'_>) -> ValueResult<T>,
) -> impl Fn(RawValue<'_>) -> ValueResult<Option<T>> {
    move |raw| read(raw).map(Some)
}

/// Parses a list, each item with `parse`.
pub(super) fn list<T>(
    parse: impl Fn(&str) -> ValueResult<T>,
) -> impl Fn(RawValue<'_>) -> Result<Vec<T>, ValueErrors> {
    move |raw| {
        let items = match raw {
            RawValue::Toml(DeValue::Array(items)) => items,
            RawValue::Toml(value) => {
                let remedy = "use a list, such as [\"general\", \"123456789012345678\"]";
                return Err(wrong_type("a list", value, remedy).into());
            }
            RawValue::Text(item) | RawValue::Flag(item) => return Ok(vec![parse(item)?]),
        };
        let (mut values, mut errors) = (Vec::new(), Vec::new());
        for item in items {
            match text(RawValue::Toml(item.get_ref())).and_then(&parse) {
                Ok(value) => values.push(value),
                Err(invalid) => errors.push((Some(item.span().start), invalid)),
            }
        }
        if errors.is_empty() { Ok(values) } else { Err(ValueErrors(errors)) }
    }
}

/// Parses `true` or `false`, without quotes.
pub(super) fn truth(raw: RawValue<'_>) -> ValueResult<bool> {
    const REMEDY: &str = "use true or false, without quotes";
    match raw {
        RawValue::Toml(DeValue::Boolean(value)) => Ok(*value),
        RawValue::Toml(value) => Err(wrong_type("true or false", value, REMEDY)),
        RawValue::Text(text) | RawValue::Flag(text) => text.trim().parse().map_err(|_| {
            InvalidValue::new(format!("{} is neither true nor false", quoted_input(text)), REMEDY)
        }),
    }
}

/// Parses an integer in a range.
pub(super) fn whole<T>(range: RangeInclusive<T>) -> impl Fn(RawValue<'_>) -> ValueResult<T>
where
    T: TryFrom<i64> + PartialOrd + Display,
{
    move |raw| {
        let in_range =
            |number: Option<i64>| T::try_from(number?).ok().filter(|number| range.contains(number));
        let bounds = format!("use a whole number from {} to {}", range.start(), range.end());
        let (number, shown) = match raw {
            RawValue::Toml(DeValue::Integer(number)) => {
                let value = i64::from_str_radix(number.as_str(), number.radix()).ok();
                (value, shown_key(number.as_str()))
            }
            RawValue::Toml(value) => {
                let number = value.as_str().filter(|text| in_range(text.trim().parse().ok()).is_some());
                let remedy = number.map_or(bounds, |number| format!("use {number} without quotes"));
                return Err(wrong_type("a whole number", value, &remedy));
            }
            RawValue::Text(text) => (text.trim().parse().ok(), quoted_input(text)),
            RawValue::Flag(text) => (text.parse().ok(), text.to_owned()),
        };
        in_range(number).ok_or_else(|| InvalidValue::new(format!("{shown} is out of range"), bounds))
    }
}

/// Parses a rate in requests per second. The platform's limit applies unless
/// `api_url` points to another host.
pub(super) fn rate(
    platform: &PlatformSpec,
    api_url: Option<&DeValue<'_>>,
) -> impl Fn(RawValue<'_>) -> ValueResult<f64> {
    let is_own = api_url.is_none_or(|url| url.as_str().is_some_and(|url| is_host_of(url, platform)));
    let (limit, title) = (platform.max_requests_per_second, platform.title);
    move |raw| {
        let text = match raw {
            RawValue::Toml(value) => {
                decimal(value).ok_or_else(|| wrong_type("a number", value, "use a number without quotes"))?
            }
            RawValue::Text(text) | RawValue::Flag(text) => text.trim(),
        };
        let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite());
        let rate = rate.ok_or_else(|| InvalidValue::new("is not a number", "use a number such as 48"))?;
        let text = quoted_input(text);
        let shown = text.trim_matches('"');
        if !RATE_RANGE.contains(&rate) {
            let (least, most) = (RATE_RANGE.start(), if is_own { &limit } else { RATE_RANGE.end() });
            let remedy = format!("use a number from {least} to {most}");
            return Err(InvalidValue::new(format!("{shown} is out of range"), remedy));
        }
        if is_own && rate > limit {
            return Err(InvalidValue::new(
                format!("{shown} exceeds the {limit} requests per second that {title} allows a bot"),
                format!("use {limit} or less; a higher rate requires the api_url of a proxy"),
            ));
        }
        Ok(rate)
    }
}

/// Parses a duration in a range.
pub(super) fn duration(range: RangeInclusive<Duration>) -> impl Fn(RawValue<'_>) -> ValueResult<Duration> {
    move |raw| {
        let remedy = "use a unit and quotes, such as \"30s\", \"15m\" or \"24h\"";
        let text = quoted(raw, "a duration", remedy)?;
        let duration = parse_duration(text)?;
        if range.contains(&duration) {
            return Ok(duration);
        }
        let (least, most) = (in_one_unit(*range.start()), in_one_unit(*range.end()));
        let remedy = format!("use a duration from \"{least}\" to \"{most}\"");
        Err(InvalidValue::of(text, "is out of range", remedy))
    }
}

/// Parses a date or time, quoted or as a TOML datetime.
pub(super) fn date(raw: RawValue<'_>) -> ValueResult<Timestamp> {
    match raw {
        RawValue::Toml(DeValue::Datetime(date)) => parse_date(&date.to_string()),
        _ => parse_date(text(raw)?),
    }
}

/// Parses one of several keywords.
pub(super) fn choice<T: Copy>(
    choices: impl AsRef<[(&'static str, T)]>,
) -> impl Fn(RawValue<'_>) -> ValueResult<T> {
    move |raw| {
        let choices = choices.as_ref();
        let words = choices.iter().map(|(word, _)| *word);
        let all: Vec<_> = words.clone().map(|word| format!("\"{word}\"")).collect();
        let remedy = match all.as_slice() {
            [first @ .., last] if !first.is_empty() => format!("use {} or {last}", first.join(", ")),
            _ => format!("use {}", all.concat()),
        };
        let text = quoted(raw, "text", &remedy)?;
        let choice = choices.iter().find(|(word, _)| *word == text);
        choice.map(|(_, choice)| *choice).ok_or_else(|| {
            let meant = suggest(text, words).map(|meant| format!("did you mean \"{meant}\"? "));
            InvalidValue::of(text, "is not a valid value", meant.unwrap_or_default() + &remedy)
        })
    }
}

/// The platforms with their names, for [`choice`].
pub(super) fn by_name(platforms: &[&'static PlatformSpec]) -> Vec<(&'static str, &'static PlatformSpec)> {
    platforms.iter().map(|platform| (platform.name, *platform)).collect()
}

/// Parses the ID of a workspace on this platform.
pub(super) fn workspace_id(platform: &PlatformSpec) -> impl Fn(&str) -> ValueResult<WorkspaceId> {
    move |text| {
        (platform.parse_workspace)(text).ok_or_else(|| {
            let what = format!("is not the ID of a {}", platform.workspace_title());
            InvalidValue::of(text, &what, format!("use its ID, {}", platform.workspace_id_help))
        })
    }
}

/// Validates a tenant's name.
pub(super) fn tenant_name(text: &str) -> ValueResult<String> {
    let what = if text.is_empty() {
        "is empty"
    } else if text.trim() != text {
        "starts or ends with a space"
    } else if text.contains(char::is_control) {
        "contains a control character"
    } else if text.chars().count() > MAX_NAME_CHARS {
        "is longer than 100 characters"
    } else {
        return Ok(text.to_owned());
    };
    Err(InvalidValue::of(text, what, "use a short name, such as \"takaro\""))
}

/// Parses an octal file mode; the owner must keep read and write permission.
pub(super) fn file_mode(raw: RawValue<'_>) -> ValueResult<u32> {
    let remedy = "use \"0600\", or \"0640\" to let a group read the archive";
    let text = quoted(raw, "text", remedy)?;
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let is_octal = matches!(digits.len(), 3 | 4) && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    match u32::from_str_radix(digits, 8) {
        Ok(mode @ ..=0o777) if is_octal && mode & 0o600 == 0o600 => Ok(mode),
        Ok(..=0o777) if is_octal => {
            Err(InvalidValue::of(text, "denies verta-sync itself read or write permission", remedy))
        }
        _ => Err(InvalidValue::of(text, "is not an octal file mode", remedy)),
    }
}

/// Parses the archive's path: absolute, with symbolic links resolved where possible.
pub(super) fn archive_path(env: &Environment, folder: &Path) -> impl Fn(&str) -> ValueResult<PathBuf> {
    move |text| {
        if text.ends_with('/') {
            let remedy = "add a file name, such as \"archive.db\"";
            return Err(InvalidValue::of(text, "is a folder", remedy));
        }
        let path = expand(text, env).map_err(|error| match error {
            ExpandError::Unset(name) => {
                let what = format!("uses the variable {}, which is not set", shown_key(&name));
                InvalidValue::of(text, &what, "set it, or use an absolute path")
            }
            ExpandError::Invalid(invalid) => invalid,
        })?;
        let path = folder.join(path);
        // Resolved, so that two paths to one archive take the same lock. A missing or
        // inaccessible folder is reported when the archive is opened.
        Ok(files::resolve(&path).unwrap_or(path))
    }
}

/// Parses the path of the token file.
pub(super) fn token_file(
    env: &Environment,
    folder: &Path,
    platform: &PlatformSpec,
) -> impl Fn(&str) -> ValueResult<TokenSource> {
    move |text| match expand(text, env) {
        _ if is_token(text) => Err(pasted_token(platform)),
        Ok(path) => Ok(TokenSource::File(folder.join(path))),
        Err(ExpandError::Unset(variable)) => {
            Ok(TokenSource::UnsetVariable { path: text.to_owned(), variable })
        }
        Err(ExpandError::Invalid(invalid)) => Err(invalid),
    }
}

/// Parses the path of the hash key's file.
pub(super) fn hash_key_file(env: &Environment, folder: &Path) -> impl Fn(&str) -> ValueResult<HashKeyFile> {
    move |text| match expand(text, env) {
        Ok(path) => Ok(HashKeyFile::Path(folder.join(path))),
        Err(ExpandError::Unset(variable)) => {
            Ok(HashKeyFile::UnsetVariable { path: text.to_owned(), variable })
        }
        Err(ExpandError::Invalid(invalid)) => Err(invalid),
    }
}

/// A decimal number as written in the file.
fn decimal<'v>(value: &'v DeValue<'_>) -> Option<&'v str> {
    match value {
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str()),
        DeValue::Float(number) => Some(number.as_str()),
        _ => None,
    }
}

/// The error for a value of the wrong type.
fn wrong_type(expected: &str, value: &DeValue<'_>, remedy: &str) -> InvalidValue {
    let kind = match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    };
    InvalidValue::new(format!("must be {expected}, not {kind}"), remedy)
}
