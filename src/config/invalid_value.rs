//! What is wrong with a value, and the remedy.

use super::redact::quoted_input;

/// An invalid value and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {remedy}")]
pub struct InvalidValue {
    /// Such as `"24x" is not a length of time`.
    pub(super) what: String,
    /// Starts with a verb, such as `use "30s", "15m" or "24h"`.
    pub(super) remedy: String,
}

impl InvalidValue {
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }

    /// "`text` `what`", with the text quoted, truncated and stripped of secrets.
    pub(super) fn of(text: &str, what: &str, remedy: impl Into<String>) -> Self {
        Self::new(format!("{} {what}", quoted_input(text)), remedy)
    }
}
