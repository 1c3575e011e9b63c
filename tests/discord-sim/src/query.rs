//! Query parameters, validated as Discord validates them.

use crate::answer::ApiError;
use crate::time;

/// The decoded parameters of one request.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

/// Parses a decimal number of at most 64 bits.
pub(crate) fn snowflake(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Decodes percent-encoding; if `is_form`, `+` is a space. Invalid escapes are dropped.
pub(crate) fn decode(text: &str, is_form: bool) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' if is_form => out.push(b' '),
            b'%' => {
                let pair = [bytes.next(), bytes.next()];
                out.extend(hex(pair));
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(pair: [Option<u8>; 2]) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)
}

impl Query {
    pub(crate) fn parse(query: &str) -> Self {
        let pieces = query.split('&').filter(|piece| !piece.is_empty());
        let pair = |piece: &str| {
            let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
            (decode(key, true), decode(value, true))
        };
        Self { pairs: pieces.map(pair).collect() }
    }

    /// The parameter's first value.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let mut pairs = self.pairs.iter();
        let pair = pairs.find(|(name, _)| name == key)?;
        Some(&pair.1)
    }

    /// Removes `before`, `after` and `around`.
    pub(crate) fn without_cursor(mut self) -> Self {
        self.pairs.retain(|(name, _)| !matches!(name.as_str(), "before" | "after" | "around"));
        self
    }

    pub(crate) fn snowflake(&self, key: &'static str) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.get(key) else {
            return Ok(None);
        };
        let id = snowflake(text).ok_or_else(|| ApiError::not_a_snowflake(key, text))?;
        Ok(Some(id))
    }

    /// The parameter as an integer in `min..=max`, or `default` if it is absent.
    pub(crate) fn number(
        &self,
        key: &'static str,
        min: i64,
        max: i64,
        default: i64,
    ) -> Result<i64, ApiError> {
        let Some(text) = self.get(key) else {
            return Ok(default);
        };
        let Ok(number) = text.parse::<i64>() else {
            let message = format!("Value \"{text}\" is not int.");
            return Err(ApiError::invalid_form(key, "NUMBER_TYPE_COERCE", message));
        };
        if number < min {
            let message = format!("int value should be greater than or equal to {min}.");
            return Err(ApiError::invalid_form(key, "NUMBER_TYPE_MIN", message));
        }
        if number > max {
            let message = format!("int value should be less than or equal to {max}.");
            return Err(ApiError::invalid_form(key, "NUMBER_TYPE_MAX", message));
        }
        Ok(number)
    }

    /// All values of a parameter that may be repeated, each a snowflake.
    pub(crate) fn snowflakes(&self, key: &'static str) -> Result<Vec<u64>, ApiError> {
        let values = self.pairs.iter().filter(|(name, _)| name == key);
        values.map(|(_, text)| snowflake(text).ok_or_else(|| ApiError::not_a_snowflake(key, text))).collect()
    }

    /// One of the `allowed` values; the first of them if the parameter is absent.
    pub(crate) fn choice(
        &self,
        key: &'static str,
        allowed: &[&'static str],
    ) -> Result<&'static str, ApiError> {
        let Some(text) = self.get(key) else { return Ok(allowed[0]) };
        allowed.iter().find(|value| **value == text).copied().ok_or_else(|| {
            let message = format!("Value must be one of {allowed:?}.");
            ApiError::invalid_form(key, "BASE_TYPE_CHOICES", message)
        })
    }

    /// The first of these parameters that is present.
    pub(crate) fn any_of(&self, keys: &[&'static str]) -> Option<&'static str> {
        keys.iter().find(|key| self.get(key).is_some()).copied()
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        matches!(self.get(key), Some("true" | "True" | "1"))
    }

    /// The parameter, an ISO 8601 time, in Unix microseconds.
    pub(crate) fn time_us(&self, key: &'static str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.get(key) else {
            return Ok(None);
        };
        let time = time::parse_iso_us(text).ok_or_else(|| {
            let message = format!("Could not parse {text}. Should be ISO8601.");
            ApiError::invalid_form(key, "DATE_TIME_TYPE_PARSE", message)
        })?;
        Ok(Some(time))
    }
}
