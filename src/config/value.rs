//! Single values: from what TOML has to what a setting needs.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use toml::de::{DeInteger, DeValue};

use super::input::InvalidValue;
use super::redact::{shown, shown_key};
use super::suggest::suggest;
use super::time::{parse_date, parse_duration, written};
use crate::model::Timestamp;

pub(super) type Read<T> = Result<T, InvalidValue>;

/// Text. A number in its place only lacks its quotes.
pub(super) fn text<'v>(value: &'v DeValue<'_>) -> Read<&'v str> {
    let without_quotes = match value {
        DeValue::String(text) => return Ok(text),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
        DeValue::Float(number) => number.as_str(),
        _ => return Err(wrong_type("text", value, "write it in double quotes")),
    };
    let remedy = format!("put it in quotes: {}", shown(without_quotes));
    Err(wrong_type("text", value, remedy))
}

/// A whole number in a range.
pub(super) fn whole<T: Whole>(value: &DeValue<'_>, range: &RangeInclusive<T>) -> Read<T> {
    match value {
        DeValue::Integer(number) => integer(number)
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| outside(&shown_key(number.as_str()), range)),
        DeValue::String(text) if parse_whole::<T>(text, range).is_ok() => {
            let remedy = format!("write {text} without quotes");
            Err(wrong_type("a whole number", value, remedy))
        }
        _ => Err(wrong_type("a whole number", value, from_to(range))),
    }
}

/// The same from an environment variable.
pub(super) fn parse_whole<T: Whole>(text: &str, range: &RangeInclusive<T>) -> Read<T> {
    text.trim()
        .parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| outside(&shown(text), range))
}

/// The same from a flag.
pub(super) fn check_whole<T: Whole>(number: T, range: &RangeInclusive<T>) -> Read<T> {
    if range.contains(&number) { Ok(number) } else { Err(outside(&number.to_string(), range)) }
}

/// An integer type that a setting has.
pub(super) trait Whole: TryFrom<i64> + FromStr + PartialOrd + Display + Copy {}
impl Whole for u16 {}
impl Whole for u32 {}
impl Whole for usize {}

/// A number that is not infinite, whole or not.
pub(super) fn number(value: &DeValue<'_>) -> Read<f64> {
    let number = match value {
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
        DeValue::Float(number) => number.as_str().parse().ok(),
        _ => {
            return Err(wrong_type("a number", value, "write a number without quotes"));
        }
    };
    number
        .filter(|number: &f64| number.is_finite())
        .ok_or_else(|| InvalidValue::new("is not a number", "write a number such as 48"))
}

/// A number as it is written.
pub(super) fn literal(value: &DeValue<'_>) -> String {
    let text = match value {
        DeValue::Integer(number) => number.as_str(),
        DeValue::Float(number) => number.as_str(),
        _ => kind(value),
    };
    shown(text).trim_matches('"').to_owned()
}

/// A length of time in a range.
pub(super) fn duration(value: &DeValue<'_>, range: &RangeInclusive<Duration>) -> Read<Duration> {
    let DeValue::String(text) = value else {
        let remedy = "write it with a unit and in quotes, such as \"30s\", \"15m\" or \"24h\"";
        return Err(wrong_type("a length of time", value, remedy));
    };
    let duration = parse_duration(text)?;
    if range.contains(&duration) {
        return Ok(duration);
    }
    let remedy =
        format!("write a time from \"{}\" to \"{}\"", written(*range.start()), written(*range.end()));
    Err(InvalidValue::of(text, "is out of range", remedy))
}

/// A day or time, in quotes or as TOML has them.
pub(super) fn date(value: &DeValue<'_>) -> Read<Timestamp> {
    match value {
        DeValue::Datetime(date) => parse_date(&date.to_string()),
        _ => parse_date(text(value)?),
    }
}

/// One of several words.
pub(super) fn choice<T: Copy>(value: &DeValue<'_>, choices: &[(&str, T)]) -> Read<T> {
    let words = choices.iter().map(|(word, _)| *word);
    let all = words.clone().map(|word| format!("\"{word}\"")).collect::<Vec<_>>();
    let remedy = match all.as_slice() {
        [only] => format!("write {only}"),
        [first @ .., last] => format!("write {} or {last}", first.join(", ")),
        [] => String::new(),
    };
    let DeValue::String(text) = value else {
        return Err(wrong_type("text", value, remedy));
    };
    if let Some((_, choice)) = choices.iter().find(|(word, _)| word == text) {
        return Ok(*choice);
    }
    let remedy = match suggest(text, words) {
        Some(meant) => format!("did you mean \"{meant}\"? {remedy}"),
        None => remedy,
    };
    Err(InvalidValue::of(text, "is not one of the choices", remedy))
}

/// A file mode that leaves its owner able to read and write.
pub(super) fn mode(value: &DeValue<'_>) -> Read<u32> {
    let remedy = "write \"0600\", or \"0640\" to let a group read the archive";
    let DeValue::String(text) = value else {
        return Err(wrong_type("text", value, remedy));
    };
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
pub(super) fn wrong_type(expected: &str, value: &DeValue<'_>, remedy: impl Into<String>) -> InvalidValue {
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

fn outside<T: Display>(shown: &str, range: &RangeInclusive<T>) -> InvalidValue {
    InvalidValue::new(format!("{shown} is out of range"), from_to(range))
}

fn from_to<T: Display>(range: &RangeInclusive<T>) -> String {
    format!("write a whole number from {} to {}", range.start(), range.end())
}
