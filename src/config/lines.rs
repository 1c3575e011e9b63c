//! Maps byte offsets to lines and columns.

/// A text with the byte offsets at which its lines begin.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(breaks).collect() }
    }

    /// The line that holds this byte, counted from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// The column of this byte in its line, in characters, counted from 1.
    pub(super) fn column(&self, offset: usize) -> usize {
        let start = self.starts[self.line(offset) - 1];
        let end = self.text.floor_char_boundary(offset);
        self.text.get(start..end).map_or(1, |before| before.chars().count() + 1)
    }

    /// A line's text without its line ending; empty past the last line.
    pub(super) fn text(&self, line: usize) -> &'t str {
        let Some(start) = self.starts.get(line - 1) else { return "" };
        let end = self.starts.get(line).map_or(self.text.len(), |next| next - 1);
        let text = &self.text[*start..end];
        text.strip_suffix('\r').unwrap_or(text)
    }

    /// The last non-blank line, or 1.
    pub(super) fn last(&self) -> usize {
        self.line(self.text.trim_end().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_offsets_to_lines_and_columns_in_characters() {
        let lines = Lines::of("ab\néé = 1\r\n\n");
        assert_eq!((lines.line(0), lines.column(0)), (1, 1));
        assert_eq!((lines.line(2), lines.column(2)), (1, 3));
        assert_eq!((lines.line(8), lines.column(8)), (2, 4));
        assert_eq!(lines.text(2), "éé = 1");
        assert_eq!(lines.last(), 2);
    }

    #[test]
    fn accepts_offsets_inside_characters_and_past_the_end() {
        let lines = Lines::of("é");
        assert_eq!((lines.line(1), lines.column(1)), (1, 1));
        assert_eq!((lines.line(99), lines.column(99)), (1, 2));
        assert_eq!(lines.text(99), "");
        assert_eq!(Lines::of("").last(), 1);
    }
}
