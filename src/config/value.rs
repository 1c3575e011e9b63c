//! Kinds of values: each turns what is written into what a key holds.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::{DeInteger, DeValue};

use super::problem::InvalidValue;
use super::redact::{shown, shown_key};
use super::suggest::suggest;
use super::time::{in_one_unit, parse_date, parse_duration};
use crate::model::Timestamp;

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
pub(super) fn text(written: Written<'_>) -> Read<&str> {
    let remedy = match written {
        Written::Toml(DeValue::Integer(number)) if number.radix() == 10 => in_quotes(number.as_str()),
        Written::Toml(DeValue::Float(number)) => in_quotes(number.as_str()),
        _ => "write it in double quotes".to_owned(),
    };
    quoted(written, "text", &remedy)
}

fn in_quotes(number: &str) -> String {
    format!("put it in quotes: {}", shown(number))
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
            Written::Toml(DeValue::Integer(number)) => (integer(number), shown_key(number.as_str())),
            Written::Toml(value) => {
                let number = value.as_str().filter(|text| in_range(text.trim().parse().ok()).is_some());
                let remedy = number.map_or(bounds, |number| format!("write {number} without quotes"));
                return Err(wrong_type("a whole number", value, remedy));
            }
            Written::Text(text) => (text.trim().parse().ok(), shown(text)),
            Written::Flag(text) => (text.parse().ok(), text.to_owned()),
        };
        in_range(number).ok_or_else(|| InvalidValue::new(format!("{shown} is out of range"), bounds))
    }
}

/// A number that is not infinite, whole or not, and as it is written.
pub(super) fn number(written: Written<'_>) -> Read<(f64, String)> {
    let text = match written {
        Written::Toml(DeValue::Integer(number)) if number.radix() == 10 => number.as_str(),
        Written::Toml(DeValue::Float(number)) => number.as_str(),
        Written::Text(text) | Written::Flag(text) => text.trim(),
        Written::Toml(value) => {
            return Err(wrong_type("a number", value, "write a number without quotes"));
        }
    };
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    let number = number.ok_or_else(|| InvalidValue::new("is not a number", "write a number such as 48"))?;
    Ok((number, shown(text).trim_matches('"').to_owned()))
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
        let all = words.clone().map(|word| format!("\"{word}\"")).collect::<Vec<_>>();
        let remedy = match all.as_slice() {
            [first @ .., last] if !first.is_empty() => format!("write {} or {last}", first.join(", ")),
            _ => format!("write {}", all.concat()),
        };
        let text = quoted(written, "text", &remedy)?;
        if let Some((_, choice)) = choices.iter().find(|(word, _)| *word == text) {
            return Ok(*choice);
        }
        let remedy = match suggest(text, words) {
            Some(meant) => format!("did you mean \"{meant}\"? {remedy}"),
            None => remedy,
        };
        Err(InvalidValue::of(text, "is not one of the choices", remedy))
    }
}

/// A file mode that leaves its owner able to read and write.
pub(super) fn file_mode(written: Written<'_>) -> Read<u32> {
    let remedy = "write \"0600\", or \"0640\" to let a group read the archive";
    let text = quoted(written, "text", remedy)?;
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let is_octal = (3..=4).contains(&digits.len()) && digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
    let mode = u32::from_str_radix(digits, 8)
        .ok()
        .filter(|mode| is_octal && *mode <= 0o777)
        .ok_or_else(|| InvalidValue::of(text, "is not an octal file mode", remedy))?;
    if mode & 0o600 == 0o600 {
        Ok(mode)
    } else {
        Err(InvalidValue::of(text, "keeps verta-sync itself out", remedy))
    }
}

/// That a value has the wrong type.
fn wrong_type(expected: &str, value: &DeValue<'_>, remedy: impl Into<String>) -> InvalidValue {
    InvalidValue::new(format!("must be {expected}, not {}", kind(value)), remedy)
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}
