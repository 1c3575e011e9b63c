//! What is wrong with one value, wherever it was written.

use super::redact::shown;

/// A value that can't be used, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {remedy}")]
pub struct InvalidValue {
    what: String,
    remedy: String,
}

impl InvalidValue {
    /// Both are fragments: `what` is wrong, and the `remedy` starts with a verb.
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }

    /// "`text` is …", with the text quoted, cut and free of secrets.
    pub(super) fn of(text: &str, what: &str, remedy: impl Into<String>) -> Self {
        Self::new(format!("{} {what}", shown(text)), remedy)
    }

    /// What is wrong, such as `"24x" is not a length of time`.
    pub(super) fn what(&self) -> &str {
        &self.what
    }

    /// What to do, such as `write "30s", "15m" or "24h"`.
    pub(super) fn remedy(&self) -> &str {
        &self.remedy
    }
}
