//! Months in UTC.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::Timestamp;

/// A month in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(Date);

impl Month {
    /// The month of a time.
    pub fn of(time: Timestamp) -> Self {
        let instant = jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or_default();
        Self(instant.to_zoned(TimeZone::UTC).date().first_of_month())
    }

    /// Its first moment.
    pub fn start(self) -> Timestamp {
        let start = self.0.to_zoned(TimeZone::UTC).ok();
        Timestamp::from_millis(start.map_or(i64::MIN, |start| start.timestamp().as_millisecond()))
    }

    /// The first moment after it.
    pub fn end(self) -> Timestamp {
        let next = self.0.last_of_month().tomorrow().ok();
        let end = next.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
        Timestamp::from_millis(end.map_or(i64::MAX, |end| end.timestamp().as_millisecond()))
    }

    /// Parses a name.
    pub fn parse(name: &str) -> Option<Self> {
        format!("{name}-01").parse().ok().map(Self)
    }

    /// Its name, such as `2026-11`.
    pub fn name(self) -> String {
        format!("{:04}-{:02}", self.0.year(), self.0.month())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_and_end_in_utc() {
        for (time, name, end) in [
            (1_793_491_199_999, "2026-10", 1_793_491_200_000),
            (1_793_491_200_000, "2026-11", 1_796_083_200_000),
            (1_798_761_599_999, "2026-12", 1_798_761_600_000),
            (0, "1970-01", 2_678_400_000),
        ] {
            let month = Month::of(Timestamp::from_millis(time));
            assert_eq!((month.name().as_str(), month.end().as_millis()), (name, end), "{time}");
            assert_eq!((Month::parse(name), Month::of(month.start())), (Some(month), month));
        }
    }
}
