//! Tables and screens of plain text.

use unicode_width::UnicodeWidthStr as _;

pub use crate::model::{terminal_safe, with_noun, with_separators};

/// Aligns rows in columns, two spaces apart. The columns in `right` (by index) are
/// right-aligned.
pub fn table(rows: &[Vec<String>], right: &[usize]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let gap = " ".repeat(widths[column] - cell.width());
            let separator = if column > 0 { "  " } else { "" };
            line.push_str(separator);
            if right.contains(&column) {
                line.push_str(&gap);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&gap);
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The width of the longest line, in terminal columns.
pub fn columns(text: &str) -> usize {
    text.lines().map(str::width).max().unwrap_or(0)
}

/// The first lines of a text, as many as a terminal shows without scrolling, with the
/// number of the omitted lines at the end.
pub fn first_rows(text: &str, rows: usize, columns: usize) -> String {
    let row_count = |line: &str| line.width().div_ceil(columns.max(1)).max(1);
    // The cursor takes the last row.
    if text.lines().map(row_count).sum::<usize>() < rows {
        return text.to_owned();
    }
    let mut rows_left = rows.saturating_sub(2);
    let fits = |line: &&str| {
        let fits = row_count(line) <= rows_left;
        rows_left = rows_left.saturating_sub(row_count(line));
        fits
    };
    let mut lines: Vec<&str> = text.lines().take_while(fits).collect();
    let more = format!("… {}\n", with_noun((text.lines().count() - lines.len()) as u64, "more line"));
    lines.push(&more);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_with_wide_characters() {
        let rows =
            [vec!["name".into(), "n".into()], vec!["日本".into(), "12".into()], vec!["x".into(), "1".into()]];
        assert_eq!(table(&rows, &[1]), "name   n\n日本  12\nx      1\n");
    }

    #[test]
    fn a_text_is_truncated_to_the_rows_of_a_terminal() {
        let text = "a\nb\nc\n";
        assert_eq!(first_rows(text, 4, 80), text);
        assert_eq!(first_rows(text, 3, 80), "a\n… 2 more lines\n");
        assert_eq!(first_rows("aaaa\nb\nc\n", 4, 2), "aaaa\n… 2 more lines\n", "a long line takes two rows");
        assert_eq!(first_rows(text, 0, 0), "… 3 more lines\n");
    }
}
