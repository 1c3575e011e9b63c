//! The world's clock, ISO 8601 times as Discord writes them, and HTTP dates.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY_MS: i64 = 86_400_000;
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The world's clock: the real time or a fixed time, plus an offset that only `advance`
/// and `set_back` change.
#[derive(Debug)]
pub(crate) struct Clock {
    fixed_ms: Option<i64>,
    offset_ms: AtomicI64,
}

impl Clock {
    pub(crate) const fn new(fixed_ms: Option<i64>) -> Self {
        Self { fixed_ms, offset_ms: AtomicI64::new(0) }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        let base = self.fixed_ms.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            since.map_or(0, |since| since.as_millis() as i64)
        });
        base + self.offset_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn advance(&self, by: Duration) {
        let by_ms = by.as_millis() as i64;
        self.offset_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    pub(crate) fn set_back(&self, by: Duration) {
        let by_ms = by.as_millis() as i64;
        self.offset_ms.fetch_sub(by_ms, Ordering::Relaxed);
    }
}

/// Converts days since 1970-01-01 into year, month (1 to 12) and day.
/// Source: Howard Hinnant, "`chrono`-Compatible Low-Level Date Algorithms".
const fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + (month <= 2) as i64;
    (year, month, day)
}

/// Converts year, month (1 to 12) and day into days since 1970-01-01; the inverse of
/// [`civil`].
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Writes the last `width` digits of a non-negative number, padded with zeros.
fn push_digits(out: &mut Vec<u8>, value: i64, width: usize) {
    let start = out.len();
    out.resize(start + width, b'0');
    let mut rest = value;
    for slot in out[start..].iter_mut().rev() {
        *slot = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

/// Writes `2026-08-01T12:30:05.678000+00:00`; a fraction of zero is omitted.
pub(crate) fn write_iso(out: &mut Vec<u8>, unix_ms: i64) {
    let (year, month, day) = civil(unix_ms.div_euclid(DAY_MS));
    let in_day = unix_ms.rem_euclid(DAY_MS);
    let fields = [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (in_day / 3_600_000, 2, b':'),
        (in_day / 60_000 % 60, 2, b':'),
    ];
    for (value, width, separator) in fields {
        push_digits(out, value, width);
        out.push(separator);
    }
    push_digits(out, in_day / 1000 % 60, 2);
    if in_day % 1000 != 0 {
        out.push(b'.');
        push_digits(out, in_day % 1000 * 1000, 6);
    }
    out.extend_from_slice(b"+00:00");
}

/// Formats a time in Unix milliseconds as ISO 8601, as Discord writes it.
pub fn iso(unix_ms: i64) -> String {
    let mut out = Vec::with_capacity(32);
    write_iso(&mut out, unix_ms);
    String::from_utf8_lossy(&out).into_owned()
}

/// Formats a `Date` header: RFC 9110, 5.6.7, IMF-fixdate.
pub(crate) fn http_date(unix_ms: i64) -> String {
    let days = unix_ms.div_euclid(DAY_MS);
    let (year, month, day) = civil(days);
    let seconds = unix_ms.rem_euclid(DAY_MS) / 1000;
    let name = DAYS[days.rem_euclid(7) as usize];
    let month = MONTHS[(month - 1) as usize];
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{name}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Parses an ISO 8601 date or time into Unix microseconds. Without an offset it is UTC.
pub(crate) fn parse_iso_us(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't']).unwrap_or((text, "00:00:00Z"));
    let mut parts = date.splitn(3, '-').map(digits);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || date.len() != 10 {
        return None;
    }
    let (clock, offset_s) = split_offset(time)?;
    let clock_us = parse_clock_us(clock)?;
    let days_us = days_from_civil(year, month, day) * DAY_MS * 1000;
    Some(days_us + clock_us - offset_s * 1_000_000)
}

fn digits(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Splits a time of day from its offset, in seconds east of UTC.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = time.find(['+', '-']) else {
        return Some((time, 0));
    };
    let (clock, offset) = time.split_at(at);
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = offset[1..].split_once(':').unwrap_or((&offset[1..], "0"));
    Some((clock, sign * (digits(hours)? * 3600 + digits(minutes)? * 60)))
}

fn parse_clock_us(clock: &str) -> Option<i64> {
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = whole.splitn(3, ':').map(digits);
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    if hour > 23 || minute > 59 || second > 60 || fraction.len() > 9 {
        return None;
    }
    let scale = 10_i64.pow(9 - fraction.len() as u32);
    let fraction_us = digits(fraction)? * scale / 1000;
    Some((hour * 3600 + minute * 60 + second) * 1_000_000 + fraction_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_iso_times_like_discord() {
        assert_eq!(iso(1_700_000_000_000), "2023-11-14T22:13:20+00:00");
        assert_eq!(iso(1_700_000_000_042), "2023-11-14T22:13:20.042000+00:00");
        assert_eq!(iso(1_709_164_800_000), "2024-02-29T00:00:00+00:00");
    }

    #[test]
    fn parses_iso_times_and_rejects_malformed_ones() {
        let expected = Some(1_700_000_000_042_000);
        for text in
            ["2023-11-14T22:13:20.042Z", "2023-11-14T22:13:20.042000+00:00", "2023-11-15T00:13:20.042+02:00"]
        {
            assert_eq!(parse_iso_us(text), expected, "{text}");
        }
        for text in ["2023-11-14T22:13:20 00:00", "yesterday", "2023-13-01", ""] {
            assert_eq!(parse_iso_us(text), None, "{text}");
        }
    }

    #[test]
    fn formats_http_dates_as_imf_fixdate() {
        assert_eq!(http_date(1_700_000_000_000), "Tue, 14 Nov 2023 22:13:20 GMT");
    }
}
