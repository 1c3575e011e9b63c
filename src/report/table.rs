//! Columns of text.

use unicode_width::UnicodeWidthStr as _;

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

/// The columns that text takes.
pub fn columns(text: &str) -> usize {
    text.lines().map(str::width).max().unwrap_or(0)
}

/// As much of a text as a terminal shows without scrolling.
pub fn first_rows(text: &str, rows: usize, columns: usize) -> String {
    let taken = |line: &str| line.width().div_ceil(columns.max(1)).max(1);
    // The last row is the cursor's.
    if text.lines().map(taken).sum::<usize>() < rows {
        return text.to_owned();
    }
    let mut left = rows.saturating_sub(2);
    let fits = |line: &&str| {
        let is_room = taken(line) <= left;
        left = left.saturating_sub(taken(line));
        is_room
    };
    let mut kept: Vec<&str> = text.lines().take_while(fits).collect();
    let more = format!("… {}\n", counted((text.lines().count() - kept.len()) as u64, "more line"));
    kept.push(&more);
    kept.join("\n")
}

/// A number with thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and its noun.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// Text from a platform as it may go to a terminal: no control characters, not
/// longer than `width`.
pub fn shown(text: &str, width: usize) -> String {
    let clean: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    if clean.width() <= width {
        return clean;
    }
    let mut cut = String::new();
    for char in clean.chars() {
        if cut.width() + 2 > width {
            break;
        }
        cut.push(char);
    }
    cut.push('…');
    cut
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

    #[test]
    fn a_text_is_cut_to_the_rows_of_a_terminal() {
        let text = "a\nb\nc\n";
        assert_eq!(first_rows(text, 4, 80), text);
        assert_eq!(first_rows(text, 3, 80), "a\n… 2 more lines\n");
        assert_eq!(first_rows("aaaa\nb\nc\n", 4, 2), "aaaa\n… 2 more lines\n", "a long line takes two rows");
        assert_eq!(first_rows(text, 0, 0), "… 3 more lines\n");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(counted(1, "message"), "1 message");
    }

    #[test]
    fn what_comes_from_outside_is_tamed() {
        assert_eq!(shown("a\u{1b}[31mb", 20), "a [31mb");
        assert_eq!(shown("abcdefghij", 5), "abcd…");
    }
}
