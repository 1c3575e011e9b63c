//! Columns of text.

use unicode_width::UnicodeWidthStr as _;

pub use crate::model::{counted, grouped, shown};

/// Lays rows out in columns two spaces apart; the first row is the heading.
/// Columns named in `right` are aligned to the right.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_also_with_wide_characters() {
        let rows =
            [vec!["name".into(), "n".into()], vec!["日本".into(), "12".into()], vec!["x".into(), "1".into()]];
        assert_eq!(table(&rows, &[1]), "name   n\n日本  12\nx      1\n");
    }
}
