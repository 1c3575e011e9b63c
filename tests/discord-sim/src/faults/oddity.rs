//! Missing, malformed and contradictory rate-limit headers.

/// An anomaly in an answer's rate-limit headers, `Retry-After` included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Oddity {
    /// No rate-limit headers.
    Missing,
    /// No `X-RateLimit-Limit`.
    MissingLimit,
    /// No `X-RateLimit-Remaining`.
    MissingRemaining,
    /// Neither `X-RateLimit-Reset` nor `X-RateLimit-Reset-After`.
    MissingReset,
    /// No `X-RateLimit-Bucket`.
    MissingBucket,
    /// Every number is -1.
    Negative,
    /// Every number is `NaN`.
    NotANumber,
    /// Every number is `inf`.
    Infinite,
    /// Every number is `1e300`, which overflows every integer and time type.
    Huge,
    /// Every number is `99999999999999999999`, which overflows 64 bits.
    ManyDigits,
    /// Every value is empty.
    Empty,
    /// Every number is a word.
    Words,
    /// Every value is a non-ASCII letter.
    NotAscii,
    /// Every header is repeated with the value `7`.
    Duplicated,
    /// `X-RateLimit-Limit` is 0; the other headers stay.
    ZeroLimit,
    /// `X-RateLimit-Remaining` is 0.
    ZeroRemaining,
    /// `X-RateLimit-Reset-After` is 0.
    ZeroResetAfter,
    /// Every number is 0.
    Zero,
}

/// A header's name in lower case and its value.
pub(crate) type Header = (&'static str, String);

const LIMIT: &str = "x-ratelimit-limit";
const REMAINING: &str = "x-ratelimit-remaining";
const RESET: &str = "x-ratelimit-reset";
const RESET_AFTER: &str = "x-ratelimit-reset-after";
const BUCKET: &str = "x-ratelimit-bucket";
const RETRY_AFTER: &str = "retry-after";
const NUMBERS: &[&str] = &[LIMIT, REMAINING, RESET, RESET_AFTER, RETRY_AFTER];

impl Oddity {
    /// All anomalies.
    pub const ALL: [Self; 18] = [
        Self::Missing,
        Self::MissingLimit,
        Self::MissingRemaining,
        Self::MissingReset,
        Self::MissingBucket,
        Self::Negative,
        Self::NotANumber,
        Self::Infinite,
        Self::Huge,
        Self::ManyDigits,
        Self::Empty,
        Self::Words,
        Self::NotAscii,
        Self::Duplicated,
        Self::ZeroLimit,
        Self::ZeroRemaining,
        Self::ZeroResetAfter,
        Self::Zero,
    ];

    /// Applies the anomaly to the rate-limit headers; other headers stay.
    pub(crate) fn apply(self, headers: &mut Vec<Header>) {
        match self {
            Self::Missing => headers.retain(|(name, _)| !is_rate_limit_header(name)),
            Self::MissingLimit => remove(headers, &[LIMIT]),
            Self::MissingRemaining => remove(headers, &[REMAINING]),
            Self::MissingReset => remove(headers, &[RESET, RESET_AFTER]),
            Self::MissingBucket => remove(headers, &[BUCKET]),
            Self::Negative => set(headers, "-1", is_number),
            Self::NotANumber => set(headers, "NaN", is_number),
            Self::Infinite => set(headers, "inf", is_number),
            Self::Huge => set(headers, "1e300", is_number),
            Self::ManyDigits => set(headers, "99999999999999999999", is_number),
            Self::Empty => set(headers, "", is_rate_limit_header),
            Self::Words => set(headers, "soon", is_number),
            Self::NotAscii => set(headers, "\u{e9}", is_rate_limit_header),
            Self::Duplicated => duplicate(headers),
            Self::ZeroLimit => set(headers, "0", |name| name == LIMIT),
            Self::ZeroRemaining => set(headers, "0", |name| name == REMAINING),
            Self::ZeroResetAfter => set(headers, "0", |name| name == RESET_AFTER),
            Self::Zero => set(headers, "0", is_number),
        }
    }
}

fn is_number(name: &str) -> bool {
    NUMBERS.contains(&name)
}

fn is_rate_limit_header(name: &str) -> bool {
    name.starts_with("x-ratelimit-") || name == RETRY_AFTER
}

fn remove(headers: &mut Vec<Header>, names: &[&str]) {
    headers.retain(|(name, _)| !names.contains(name));
}

fn set(headers: &mut [Header], value: &str, selects: impl Fn(&str) -> bool) {
    for (name, text) in headers {
        if selects(name) {
            value.clone_into(text);
        }
    }
}

fn duplicate(headers: &mut Vec<Header>) {
    let rate_limit_headers = headers.iter().filter(|(name, _)| is_rate_limit_header(name));
    let second: Vec<Header> = rate_limit_headers.map(|(name, _)| (*name, "7".to_owned())).collect();
    headers.extend(second);
}
