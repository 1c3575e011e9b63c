//! Times and durations as text.

use std::time::Duration;

use crate::model::Timestamp;

/// ISO 8601 in UTC, with milliseconds unless they are 0.
pub fn iso(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or_default().to_string()
}

/// A time for display: UTC, to the second.
pub fn utc_seconds(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A time for a table: UTC, to the minute, without the name of the zone.
pub fn utc_minutes(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// A duration in its two largest units: "1h 05m", "2m 03s", "4.2s", "4s".
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 if duration.subsec_nanos() > 0 => format!("{:.1}s", duration.as_secs_f64()),
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// The time that has passed since `time`: "just now", "41 min ago", "1h 05m ago".
pub fn ago(time: Timestamp, now: Timestamp) -> String {
    let passed = now.since(time);
    match passed.as_secs() {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", passed.as_secs() / 60),
        _ => format!("{} ago", duration(passed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_at_most_two_units() {
        for (seconds, expected) in
            [(4, "4s"), (59, "59s"), (123, "2m 03s"), (3900, "1h 05m"), (180_000, "2d 02h")]
        {
            assert_eq!(duration(Duration::from_secs(seconds)), expected);
        }
        assert_eq!(duration(Duration::from_millis(4200)), "4.2s");
    }

    #[test]
    fn times_are_in_utc() {
        let time = Timestamp::from_millis(1_795_326_325_000);
        assert_eq!(iso(time), "2026-11-22T05:45:25Z");
        assert_eq!(utc_seconds(time), "2026-11-22 05:45:25 UTC");
        assert_eq!(ago(time, time.later(Duration::from_mins(41))), "41 min ago");
    }
}
