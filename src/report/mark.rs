//! The marks before a line.

use std::fmt;

use crate::model::Tone;

/// A mark in its colour.
#[derive(Debug, Clone, Copy)]
pub struct Mark(Tone, char);

/// All is well.
pub const SUCCESS: Mark = Mark(Tone::Success, '✓');
/// Something needs attention.
pub const WARNING: Mark = Mark(Tone::Warning, '!');
/// Something failed or is missing.
pub const FAILURE: Mark = Mark(Tone::Failure, '✗');
/// Something is known, and nothing has to be done.
pub const NOTE: Mark = Mark(Tone::Muted, '·');
/// What to do about the line above.
pub const HINT: Mark = Mark(Tone::Hint, '→');

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(tone, mark) = self;
        f.write_str(&tone.paint(mark.encode_utf8(&mut [0; 4])))
    }
}
