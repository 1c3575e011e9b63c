//! Colours of text on terminals. The output layer (`ui`) removes them where they are off.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr as _;

use super::{JobStatus, ProgressStatus, TenantStatus};

/// The colour of a word or mark, by its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It is as it should be.
    Success,
    /// It needs attention.
    Warning,
    /// It failed.
    Failure,
    /// It is in progress.
    Progress,
    /// What can be done about something.
    Hint,
    /// It matters less.
    Muted,
}

impl Tone {
    /// The SGR code (ECMA-48, section 8.3.117).
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 32,
            Self::Warning => 33,
            Self::Failure => 31,
            Self::Progress => 34,
            Self::Hint => 36,
            Self::Muted => 2,
        }
    }

    /// The text in this colour.
    pub fn paint(self, text: &str) -> String {
        format!("\u{1b}[{}m{text}\u{1b}[0m", self.code())
    }
}

impl JobStatus {
    /// The status word in its colour.
    pub fn painted(self) -> String {
        let tone = match self {
            Self::Queued | Self::Running => Tone::Progress,
            Self::Completed => Tone::Success,
            Self::Partial | Self::Interrupted => Tone::Warning,
            Self::Failed => Tone::Failure,
        };
        tone.paint(self.name())
    }
}

impl TenantStatus {
    /// The status word in its colour.
    pub fn painted(self) -> String {
        let tone = match self {
            Self::Pending => Tone::Muted,
            Self::Queued | Self::Syncing => Tone::Progress,
            Self::Completed => Tone::Success,
            Self::Partial => Tone::Warning,
            Self::Failed => Tone::Failure,
        };
        tone.paint(self.name())
    }
}

impl ProgressStatus {
    /// The status word in its colour.
    pub fn painted(self) -> String {
        let tone = match self {
            Self::Pending => Tone::Muted,
            Self::InProgress => Tone::Progress,
            Self::Completed => Tone::Success,
            Self::Deferred | Self::Interrupted => Tone::Warning,
            Self::Failed => Tone::Failure,
        };
        tone.paint(self.name())
    }
}

/// The text without its colours.
pub fn without_colors(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\u{1b}') {
        let (before, sequence) = rest.split_at(start);
        plain.push_str(before);
        let length = color_sequence(sequence);
        // Another sequence than a colour's is left to be escaped.
        plain.push_str(if length == 0 { &sequence[..1] } else { "" });
        rest = &sequence[length.max(1)..];
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// The length in bytes of the sequence that sets a colour at the start of the text; 0 if there
/// is none.
pub(super) fn color_sequence(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\u{1b}[") else { return 0 };
    match parameters.find(|char: char| !char.is_ascii_digit() && char != ';') {
        Some(end) if parameters[end..].starts_with('m') => "\u{1b}[".len() + end + 1,
        _ => 0,
    }
}

/// The number of terminal columns that the text takes; colours take none.
pub fn display_width(text: &str) -> usize {
    without_colors(text).width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_take_no_columns_and_can_be_removed() {
        let text = format!("{} 日本 {}", Tone::Failure.paint("✗"), JobStatus::Completed.painted());
        assert_eq!(text, "\u{1b}[31m✗\u{1b}[0m 日本 \u{1b}[32mcompleted\u{1b}[0m");
        assert_eq!(without_colors(&text), "✗ 日本 completed");
        assert_eq!(display_width(&text), 16);
    }

    #[test]
    fn only_colors_are_removed() {
        assert_eq!(without_colors("a\u{1b}[2Jb\u{1b}[1;33mc\u{1b}"), "a\u{1b}[2Jbc\u{1b}");
    }
}
