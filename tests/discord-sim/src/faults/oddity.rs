//! Rate-limit headers that no client should believe.

/// What is odd about the rate-limit headers of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Oddity {
    /// There are none.
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
    /// Every number is `1e300`, which is more than any integer or time holds.
    Huge,
    /// Every number is `99999999999999999999`, which is more than 64 bits hold.
    ManyDigits,
    /// Every header is empty.
    Empty,
    /// Every number is a word.
    Words,
    /// Every header has a letter beyond ASCII.
    NotAscii,
    /// Every header comes twice, the second time as `7`.
    Duplicated,
    /// The limit is 0, whatever remains.
    ZeroLimit,
    /// Nothing remains.
    ZeroRemaining,
    /// The reset is 0 seconds away.
    ZeroResetAfter,
    /// Every number is 0.
    Zero,
}

/// A header's name in lower case, and its value.
pub(crate) type Header = (&'static str, String);

const LIMIT: &str = "x-ratelimit-limit";
const REMAINING: &str = "x-ratelimit-remaining";
const RESET: &str = "x-ratelimit-reset";
const RESET_AFTER: &str = "x-ratelimit-reset-after";
const BUCKET: &str = "x-ratelimit-bucket";
const RETRY_AFTER: &str = "retry-after";
const NUMBERS: &[&str] = &[LIMIT, REMAINING, RESET, RESET_AFTER, RETRY_AFTER];

impl Oddity {
    /// All of them.
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

    /// Makes headers odd; others than those of rate limits stay.
    pub(crate) fn apply(self, headers: &mut Vec<Header>) {
        match self {
            Self::Missing => headers.retain(|(name, _)| !is_of_limits(name)),
            Self::MissingLimit => remove(headers, &[LIMIT]),
            Self::MissingRemaining => remove(headers, &[REMAINING]),
            Self::MissingReset => remove(headers, &[RESET, RESET_AFTER]),
            Self::MissingBucket => remove(headers, &[BUCKET]),
            Self::Negative => set(headers, "-1", is_number),
            Self::NotANumber => set(headers, "NaN", is_number),
            Self::Infinite => set(headers, "inf", is_number),
            Self::Huge => set(headers, "1e300", is_number),
            Self::ManyDigits => set(headers, "99999999999999999999", is_number),
            Self::Empty => set(headers, "", is_of_limits),
            Self::Words => set(headers, "soon", is_number),
            Self::NotAscii => set(headers, "\u{e9}", is_of_limits),
            Self::Duplicated => double(headers),
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

fn is_of_limits(name: &str) -> bool {
    name.starts_with("x-ratelimit-") || name == RETRY_AFTER
}

fn remove(headers: &mut Vec<Header>, names: &[&str]) {
    headers.retain(|(name, _)| !names.contains(name));
}

fn set(headers: &mut [Header], value: &str, is_meant: impl Fn(&str) -> bool) {
    for (name, text) in headers {
        if is_meant(name) {
            value.clone_into(text);
        }
    }
}

fn double(headers: &mut Vec<Header>) {
    let of_limits = headers.iter().filter(|(name, _)| is_of_limits(name));
    let second: Vec<Header> = of_limits.map(|(name, _)| (*name, "7".to_owned())).collect();
    headers.extend(second);
}
