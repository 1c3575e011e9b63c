//! Parses response headers. Implausible values count as missing.

use std::time::{Duration, Instant};

use hyper::header::{HeaderMap, RETRY_AFTER};
use twilight_http_ratelimiting::RateLimitHeaders;

use crate::model::Timestamp;

/// Longer waits are implausible: the longest, bans of an address, last up to a day.
const MAX_WAIT: Duration = Duration::from_hours(24);

/// The value of a header, if it is text.
pub fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Parses seconds, with or without a fraction; `None` unless from 0 to [`MAX_WAIT`].
pub fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok().filter(|wait| *wait <= MAX_WAIT)
}

/// The `Retry-After` header.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    seconds(headers.get(RETRY_AFTER)?.to_str().ok()?)
}

/// Size of the bucket.
pub fn limit(headers: &HeaderMap) -> Option<u16> {
    text(headers, RateLimitHeaders::LIMIT)?.trim().parse().ok()
}

/// Time until the bucket is full again.
pub fn reset_after(headers: &HeaderMap) -> Option<Duration> {
    seconds(text(headers, RateLimitHeaders::RESET_AFTER)?)
}

/// The bucket of a successful response; `None` if any part is missing or implausible.
pub fn bucket(headers: &HeaderMap) -> Option<RateLimitHeaders> {
    Some(RateLimitHeaders {
        bucket: headers.get(RateLimitHeaders::BUCKET)?.as_bytes().to_vec(),
        limit: limit(headers)?,
        remaining: text(headers, RateLimitHeaders::REMAINING)?.trim().parse().ok()?,
        reset_at: Instant::now() + reset_after(headers)?,
    })
}

/// The bucket of a 429, exhausted for `retry_after`. Without a name it is named after the
/// route.
pub fn exhausted_bucket(headers: &HeaderMap, template: &str, retry_after: Duration) -> RateLimitHeaders {
    let name = headers.get(RateLimitHeaders::BUCKET).map_or(template.as_bytes(), |name| name.as_bytes());
    RateLimitHeaders {
        bucket: name.to_vec(),
        limit: limit(headers).unwrap_or(1),
        remaining: 0,
        reset_at: Instant::now() + retry_after,
    }
}

/// The server's time, to the second.
pub fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = jiff::fmt::rfc2822::parse(text(headers, "date")?).ok()?;
    Some(Timestamp::from_millis(date.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (hyper::header::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn documented_headers_are_parsed() {
        let headers = headers(&[
            ("x-ratelimit-bucket", "abcd"),
            ("x-ratelimit-limit", "5"),
            ("x-ratelimit-remaining", "4"),
            ("x-ratelimit-reset-after", "4.75"),
            ("date", "Sun, 22 Nov 2026 05:45:25 GMT"),
        ]);
        let bucket = bucket(&headers).unwrap();
        assert_eq!((bucket.limit, bucket.remaining), (5, 4));
        assert_eq!(date(&headers).unwrap().as_millis(), 1_795_326_325_000);
    }

    #[test]
    fn implausible_values_count_as_missing() {
        for odd in ["", "-1", "NaN", "inf", "1e300", "1e400", "99999999999999999999999", "86401", "soon"] {
            let headers = headers(&[
                ("x-ratelimit-bucket", "abcd"),
                ("x-ratelimit-limit", odd),
                ("x-ratelimit-remaining", odd),
                ("x-ratelimit-reset-after", odd),
            ]);
            assert!(bucket(&headers).is_none(), "{odd}");
            assert_eq!(seconds(odd), None, "{odd}");
        }
    }
}
