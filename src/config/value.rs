//! Kinds of values: each turns what is written into what a key holds.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;

use super::api_url::is_host_of;
use super::environment::Environment;
use super::pasted::pasted_token;
use super::path::{Unexpanded, expand};
use super::problem::InvalidValue;
use super::redact::{is_token, shown, shown_key};
use super::suggest::suggest;
use super::time::{in_one_unit, parse_date, parse_duration};
use super::token::TokenSource;
use crate::files;
use crate::model::{PlatformSpec, Timestamp, WorkspaceId};

/// One request in 100 seconds to ten a millisecond; beyond, intervals lose meaning.
const RATES: RangeInclusive<f64> = 0.01..=10_000.0;

const MAX_NAME_CHARS: usize = 100;

pub(super) type Read<T> = Result<T, InvalidValue>;

/// A value as it is written.
#[derive(Clone, Copy)]
pub(super) enum Written<'v> {
    /// In the file.
    Toml(&'v DeValue<'v>),
    /// In a variable or as a default: without quotes.
    Text(&'v str),
    /// By a flag, whose type the command line has checked.
    Flag(&'v str),
}

/// Why a value can't be used: one reason, or one for each item of a list, with
/// the item's offset in the file.
pub(super) struct Misread(pub(super) Vec<(Option<usize>, InvalidValue)>);

impl From<InvalidValue> for Misread {
    fn from(invalid: InvalidValue) -> Self {
        Self(vec![(None, invalid)])
    }
}

/// Text. A number in its place only lacks its quotes.
fn text(written: Written<'_>) -> Read<&str> {
    let number = if let Written::Toml(value) = written { decimal(value) } else { None };
    let remedy = number.map(|number| format!("put it in quotes: {}", shown(number)));
    quoted(written, "text", remedy.as_deref().unwrap_or("write it in double quotes"))
}

/// What is written in quotes in the file.
fn quoted<'v>(written: Written<'v>, expected: &str, remedy: &str) -> Read<&'v str> {
    match written {
        Written::Text(text) | Written::Flag(text) => Ok(text),
        Written::Toml(DeValue::String(text)) => Ok(text),
        Written::Toml(value) => Err(wrong_type(expected, value, remedy)),
    }
}

/// Text that `parse` understands.
pub(super) fn parsed<T>(parse: impl Fn(&str) -> Read<T>) -> impl Fn(Written<'_>) -> Read<T> {
    move |written| parse(text(written)?)
}

/// A value that need not be there.
pub(super) fn optional<T>(read: impl Fn(Written<'_>) -> Read<T>) -> impl Fn(Written<'_>) -> Read<Option<T>> {
    move |written| read(written).map(Some)
}

/// A list of texts that `parse` understands.
pub(super) fn list<T>(parse: impl Fn(&str) -> Read<T>) -> impl Fn(Written<'_>) -> Result<Vec<T>, Misread> {
    move |written| {
        let items = match written {
            Written::Toml(DeValue::Array(items)) => items,
            Written::Toml(value) => {
                let remedy = "write a list, such as [\"general\", \"123456789012345678\"]";
                return Err(wrong_type("a list", value, remedy).into());
            }
            Written::Text(item) | Written::Flag(item) => return Ok(vec![parse(item)?]),
        };
        let (mut read, mut misread) = (Vec::new(), Vec::new());
        for item in items {
            match text(Written::Toml(item.get_ref())).and_then(&parse) {
                Ok(value) => read.push(value),
                Err(invalid) => misread.push((Some(item.span().start), invalid)),
            }
        }
        if misread.is_empty() { Ok(read) } else { Err(Misread(misread)) }
    }
}

/// A whole number in a range.
pub(super) fn whole<T>(range: RangeInclusive<T>) -> impl Fn(Written<'_>) -> Read<T>
where
    T: TryFrom<i64> + PartialOrd + Display,
{
    move |written| {
        let in_range =
            |number: Option<i64>| T::try_from(number?).ok().filter(|number| range.contains(number));
        let bounds = format!("write a whole number from {} to {}", range.start(), range.end());
        let (number, shown) = match written {
            Written::Toml(DeValue::Integer(number)) => {
                let value = i64::from_str_radix(number.as_str(), number.radix()).ok();
                (value, shown_key(number.as_str()))
            }
            Written::Toml(value) => {
                let number = value.as_str().filter(|text| in_range(text.trim().parse().ok()).is_some());
                let remedy = number.map_or(bounds, |number| format!("write {number} without quotes"));
                return Err(wrong_type("a whole number", value, &remedy));
            }
            Written::Text(text) => (text.trim().parse().ok(), shown(text)),
            Written::Flag(text) => (text.parse().ok(), text.to_owned()),
        };
        in_range(number).ok_or_else(|| InvalidValue::new(format!("{shown} is out of range"), bounds))
    }
}

/// Requests per second. The platform's own limit applies unless `api_url` leads
/// elsewhere.
pub(super) fn rate(
    platform: &PlatformSpec,
    api_url: Option<&DeValue<'_>>,
) -> impl Fn(Written<'_>) -> Read<f64> {
    let is_own = api_url.is_none_or(|url| url.as_str().is_some_and(|url| is_host_of(url, platform)));
    let (limit, title) = (platform.max_requests_per_second, platform.title);
    move |written| {
        let text = match written {
            Written::Toml(value) => decimal(value)
                .ok_or_else(|| wrong_type("a number", value, "write a number without quotes"))?,
            Written::Text(text) | Written::Flag(text) => text.trim(),
        };
        let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite());
        let rate = rate.ok_or_else(|| InvalidValue::new("is not a number", "write a number such as 48"))?;
        let text = shown(text);
        let shown = text.trim_matches('"');
        if !RATES.contains(&rate) {
            let (least, most) = (RATES.start(), if is_own { &limit } else { RATES.end() });
            let remedy = format!("write a number from {least} to {most}");
            return Err(InvalidValue::new(format!("{shown} is out of range"), remedy));
        }
        if is_own && rate > limit {
            return Err(InvalidValue::new(
                format!("{shown} is more than the {limit} requests a second {title} allows a bot"),
                format!("write {limit} or less; more is possible only with the api_url of a proxy"),
            ));
        }
        Ok(rate)
    }
}

/// A length of time in a range.
pub(super) fn duration(range: RangeInclusive<Duration>) -> impl Fn(Written<'_>) -> Read<Duration> {
    move |written| {
        let remedy = "write it with a unit and in quotes, such as \"30s\", \"15m\" or \"24h\"";
        let text = quoted(written, "a length of time", remedy)?;
        let duration = parse_duration(text)?;
        if range.contains(&duration) {
            return Ok(duration);
        }
        let (least, most) = (in_one_unit(*range.start()), in_one_unit(*range.end()));
        let remedy = format!("write a time from \"{least}\" to \"{most}\"");
        Err(InvalidValue::of(text, "is out of range", remedy))
    }
}

/// A day or time, in quotes or as TOML has them.
pub(super) fn date(written: Written<'_>) -> Read<Timestamp> {
    match written {
        Written::Toml(DeValue::Datetime(date)) => parse_date(&date.to_string()),
        _ => parse_date(text(written)?),
    }
}

/// One of several words.
pub(super) fn choice<T: Copy>(choices: impl AsRef<[(&'static str, T)]>) -> impl Fn(Written<'_>) -> Read<T> {
    move |written| {
        let choices = choices.as_ref();
        let words = choices.iter().map(|(word, _)| *word);
        let all: Vec<_> = words.clone().map(|word| format!("\"{word}\"")).collect();
        let remedy = match all.as_slice() {
            [first @ .., last] if !first.is_empty() => format!("write {} or {last}", first.join(", ")),
            _ => format!("write {}", all.concat()),
        };
        let text = quoted(written, "text", &remedy)?;
        let choice = choices.iter().find(|(word, _)| *word == text);
        choice.map(|(_, choice)| *choice).ok_or_else(|| {
            let meant = suggest(text, words).map(|meant| format!("did you mean \"{meant}\"? "));
            InvalidValue::of(text, "is not one of the choices", meant.unwrap_or_default() + &remedy)
        })
    }
}

/// The platforms by name.
pub(super) fn by_name(platforms: &[&'static PlatformSpec]) -> Vec<(&'static str, &'static PlatformSpec)> {
    platforms.iter().map(|platform| (platform.name, *platform)).collect()
}

/// The ID of a platform's workspace.
pub(super) fn workspace_id(platform: &PlatformSpec) -> impl Fn(&str) -> Read<WorkspaceId> {
    move |text| {
        (platform.parse_workspace)(text).ok_or_else(|| {
            let what = format!("is not the ID of a {}", platform.workspace());
            InvalidValue::of(text, &what, format!("write its ID, {}", platform.workspace_id_help))
        })
    }
}

/// A tenant's name.
pub(super) fn tenant_name(text: &str) -> Read<String> {
    let what = if text.is_empty() {
        "is empty"
    } else if text.trim() != text {
        "begins or ends with a space"
    } else if text.contains(char::is_control) {
        "holds a control character"
    } else if text.chars().count() > MAX_NAME_CHARS {
        "is longer than 100 characters"
    } else {
        return Ok(text.to_owned());
    };
    Err(InvalidValue::of(text, what, "write a short name, such as \"takaro\""))
}

/// A file mode that leaves its owner able to read and write.
pub(super) fn file_mode(written: Written<'_>) -> Read<u32> {
    let remedy = "write \"0600\", or \"0640\" to let a group read the archive";
    let text = quoted(written, "text", remedy)?;
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let is_octal = matches!(digits.len(), 3 | 4) && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    match u32::from_str_radix(digits, 8) {
        Ok(mode @ ..=0o777) if is_octal && mode & 0o600 == 0o600 => Ok(mode),
        Ok(..=0o777) if is_octal => Err(InvalidValue::of(text, "keeps verta-sync itself out", remedy)),
        _ => Err(InvalidValue::of(text, "is not an octal file mode", remedy)),
    }
}

/// The archive's path.
pub(super) fn archive_path(env: &Environment, folder: &Path) -> impl Fn(&str) -> Read<PathBuf> {
    move |text| {
        if text.ends_with('/') {
            let remedy = "add the file's name, such as \"archive.db\"";
            return Err(InvalidValue::of(text, "is a folder", remedy));
        }
        let path = expand(text, env).map_err(|unexpanded| match unexpanded {
            Unexpanded::Unset(name) => {
                let what = format!("names the variable {}, which is not set", shown_key(&name));
                InvalidValue::of(text, &what, "set it, or write the whole path")
            }
            Unexpanded::Invalid(invalid) => invalid,
        })?;
        let path = folder.join(path);
        // Two names of one archive must lead to one lock. Where the folder is
        // missing or closed, anyone who opens the file says so.
        Ok(files::resolve(&path).unwrap_or(path))
    }
}

/// The file that holds the token.
pub(super) fn token_file(
    env: &Environment,
    folder: &Path,
    platform: &PlatformSpec,
) -> impl Fn(&str) -> Read<TokenSource> {
    move |text| match expand(text, env) {
        _ if is_token(text) => Err(pasted_token(platform)),
        Ok(path) => Ok(TokenSource::File(folder.join(path))),
        Err(Unexpanded::Unset(variable)) => {
            Ok(TokenSource::UnsetVariable { path: text.to_owned(), variable })
        }
        Err(Unexpanded::Invalid(invalid)) => Err(invalid),
    }
}

/// A decimal number as it is written.
fn decimal<'v>(value: &'v DeValue<'_>) -> Option<&'v str> {
    match value {
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str()),
        DeValue::Float(number) => Some(number.as_str()),
        _ => None,
    }
}

/// That a value has the wrong type.
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
