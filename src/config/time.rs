//! Parses durations and dates, as written in the file and in flags.

use std::time::Duration;

use jiff::SpanRelativeTo;
use jiff::civil::{Date, DateTime};
use jiff::fmt::friendly::SpanParser;
use jiff::tz::TimeZone;

use super::problem::InvalidValue;
use crate::model::Timestamp;

const DURATION_REMEDY: &str =
    "use a number with a unit, such as \"500ms\", \"30s\", \"15m\", \"24h\" or \"7d\"";
const DATE_REMEDY: &str = "use a date such as \"2024-01-31\" or a time such as \"2024-01-31T18:00:00Z\"";

/// A hundred years. Longer durations would overflow in later arithmetic.
pub(super) const MAX_DURATION: Duration = Duration::from_hours(100 * 365 * 24);

/// 1970 up to, not including, 2084: times that fit into the platform's 63-bit IDs.
const YEAR_RANGE: std::ops::Range<i16> = 1970..2084;

/// Parses a duration: "500ms", "30s", "15m", "24h", "7d", "1h30m" or "0". A day has 24
/// hours.
///
/// # Errors
/// Returns [`InvalidValue`] if the text is no duration, negative, longer than a hundred
/// years, or in months or years.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidValue> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let invalid = |what| InvalidValue::of(text, what, DURATION_REMEDY);
    let span = SpanParser::new().parse_span(text).map_err(|_| invalid("is not a duration"))?;
    if span.is_negative() {
        return Err(invalid("is negative"));
    }
    let days = SpanRelativeTo::days_are_24_hours();
    span.to_duration(days)
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| *duration <= MAX_DURATION)
        .ok_or_else(|| invalid("is too long, or uses months or years"))
}

/// Formats a duration for [`parse_duration`], in the largest unit that fits a whole
/// number of times. Fractions of a millisecond are dropped.
pub(super) fn in_one_unit(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
    match units.iter().find(|(unit, _)| millis.is_multiple_of(*unit)) {
        _ if millis == 0 => "0".to_owned(),
        Some((unit, name)) => format!("{}{name}", millis / unit),
        None => format!("{millis}ms"),
    }
}

/// Parses a day (its start) or a time, in UTC unless the text has an offset.
///
/// # Errors
/// Returns [`InvalidValue`] if the text is neither, the date doesn't exist, or it lies
/// before 1970 or after 2083.
pub fn parse_date(text: &str) -> Result<Timestamp, InvalidValue> {
    let invalid = |what| InvalidValue::of(text, what, DATE_REMEDY);
    let out_of_range = || {
        let remedy = "use a date from 1970 to 2083, or leave it out for all messages";
        InvalidValue::of(text, "is before 1970 or after 2083", remedy)
    };
    let instant = match instant(text) {
        Some(instant) => instant,
        None if has_long_year(text) => return Err(out_of_range()),
        None => return Err(nonexistent_day(text).unwrap_or_else(|| invalid("is not a date"))),
    };
    let year = instant.to_zoned(TimeZone::UTC).year();
    if !YEAR_RANGE.contains(&year) {
        return Err(out_of_range());
    }
    Ok(Timestamp::from_millis(instant.as_millisecond()))
}

/// True for a date whose year has more than four digits.
fn has_long_year(text: &str) -> bool {
    text.split_once('-').is_some_and(|(year, rest)| {
        year.len() > 4 && year.bytes().all(|byte| byte.is_ascii_digit()) && rest.contains('-')
    })
}

/// The problem of a date in the right form whose month or day doesn't exist.
fn nonexistent_day(text: &str) -> Option<InvalidValue> {
    let day = text.get(..10)?;
    let mut parts = day.split('-');
    let mut number = |digits: usize| parts.next().filter(|part| part.len() == digits)?.parse::<i16>().ok();
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let Some(first) = i8::try_from(month).ok().and_then(|month| Date::new(year, month, 1).ok()) else {
        return Some(InvalidValue::of(
            text,
            "is not a date: there is no such month",
            "use a month from 01 to 12",
        ));
    };
    let last = first.last_of_month();
    if (1..=i16::from(last.day())).contains(&day) {
        return None;
    }
    let remedy = format!("use a day that exists; the last one of that month is \"{last}\"");
    Some(InvalidValue::of(text, "is not a date: there is no such day", remedy))
}

fn instant(text: &str) -> Option<jiff::Timestamp> {
    // jiff also parses signed years, dates without hyphens and time zone names; it
    // ignores the last.
    if text.as_bytes().get(4) != Some(&b'-') || text.contains('[') {
        return None;
    }
    text.parse().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_durations_with_units() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("500ms", 500),
            ("30s", 30_000),
            ("15m", 900_000),
            ("24h", 86_400_000),
            ("7d", 604_800_000),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn rejects_invalid_durations() {
        for text in [
            "",
            " ",
            "24",
            "h",
            "24x",
            "-3h",
            "2h ago",
            "1mo",
            "1y",
            "99999999999999999999d",
            "36501d",
            "1h1h",
            "forever",
            "١h",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn formats_a_duration_in_one_unit() {
        for text in ["0", "1ms", "1500ms", "90s", "15m", "25h", "7d"] {
            assert_eq!(in_one_unit(parse_duration(text).unwrap()), text);
        }
    }

    #[test]
    fn a_day_begins_at_midnight_utc() {
        for (text, millis) in [
            ("1970-01-01", 0),
            ("2024-01-01", 1_704_067_200_000),
            ("2024-01-01T10:00:00Z", 1_704_103_200_000),
            ("2024-01-01T12:00:00+02:00", 1_704_103_200_000),
            ("2024-01-01 10:00", 1_704_103_200_000),
        ] {
            assert_eq!(parse_date(text), Ok(Timestamp::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn the_error_of_a_date_says_what_is_wrong_with_it() {
        for (text, what, remedy) in [
            ("2024-02-31", "there is no such day", "the last one of that month is \"2024-02-29\""),
            ("2023-02-29T10:00", "there is no such day", "\"2023-02-28\""),
            ("2024-04-00", "there is no such day", "\"2024-04-30\""),
            ("2024-13-01", "there is no such month", "from 01 to 12"),
            ("99999-01-01", "is before 1970 or after 2083", "from 1970 to 2083"),
            ("2084-01-01", "is before 1970 or after 2083", "from 1970 to 2083"),
            ("1066-10-14", "is before 1970 or after 2083", "from 1970 to 2083"),
            ("2024-01-01T25:00", "is not a date", "use a date such as"),
            ("yesterday", "is not a date", "use a date such as"),
        ] {
            let error = parse_date(text).unwrap_err().to_string();
            assert!(error.contains(what) && error.contains(remedy), "{error}");
        }
    }

    #[test]
    fn rejects_invalid_dates() {
        for text in [
            "",
            "today",
            "2024",
            "2024-1-1",
            "20240101",
            "2024-02-30",
            "2024-13-01",
            "01.01.2024",
            "1969-12-31",
            "2084-01-01",
            "9999-12-31",
            "-000001-01-01",
            "2024-01-01T10:00[Europe/Berlin]",
        ] {
            assert!(parse_date(text).is_err(), "{text}");
        }
    }
}
