//! Tables and screens of plain text.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar as _;

use crate::model::display_width;
pub use crate::model::{terminal_safe, with_noun, with_separators};

/// The least width to which a table cuts names.
pub const SHORTEST_NAME: usize = 8;
/// Separates two columns of a table.
const SEPARATOR: &str = "  ";
/// Further indentation of the rest of a wrapped line.
const HANGING_INDENT: usize = 2;

/// Rows in aligned columns, two spaces apart, under a row of headings.
#[derive(Debug, Clone, Default)]
pub struct Table {
    columns: Vec<Column>,
}

#[derive(Debug, Clone)]
struct Column {
    heading: &'static str,
    is_right_aligned: bool,
    cells: Vec<String>,
}

/// A way to make a table narrower. Names a column by its heading.
#[derive(Debug, Clone, Copy)]
pub enum Concession {
    /// Omits the column.
    Omit(&'static str),
    /// Replaces the column's heading.
    Rename(&'static str, &'static str),
    /// Shows a part of each cell.
    Shorten(&'static str, fn(&str) -> &str),
    /// Cuts the column's cells with "…", as far as needed, but not below this width.
    Cut(&'static str, usize),
}

impl Table {
    /// Adds a column of texts.
    pub fn text(&mut self, heading: &'static str, cells: impl Iterator<Item = String>) {
        self.columns.push(Column { heading, is_right_aligned: false, cells: cells.collect() });
    }

    /// Adds a column of numbers, right-aligned.
    pub fn number(&mut self, heading: &'static str, cells: impl Iterator<Item = String>) {
        self.columns.push(Column { heading, is_right_aligned: true, cells: cells.collect() });
    }

    /// Whether the column is shown.
    pub fn has(&self, heading: &str) -> bool {
        self.columns.iter().any(|column| column.heading == heading)
    }

    /// Makes as many of the concessions, in their order, as it takes to fit `columns`, and
    /// takes those back that the later ones made needless. Without a terminal (`None`) the
    /// table stays whole.
    pub fn fit(&mut self, columns: Option<usize>, concessions: &[Concession]) {
        let Some(columns) = columns else { return };
        let mut made: Vec<Concession> = Vec::new();
        for concession in concessions {
            if self.conceding(&made, columns).width() <= columns {
                break;
            }
            made.push(*concession);
        }
        for index in (0..made.len()).rev() {
            let without = [&made[..index], &made[index + 1..]].concat();
            if self.conceding(&without, columns).width() <= columns {
                made = without;
            }
        }
        *self = self.conceding(&made, columns);
    }

    fn conceding(&self, concessions: &[Concession], columns: usize) -> Self {
        let mut table = self.clone();
        for concession in concessions {
            let excess = table.width().saturating_sub(columns);
            table.concede(*concession, excess);
        }
        table
    }

    fn concede(&mut self, concession: Concession, excess: usize) {
        if let Concession::Omit(heading) = concession {
            self.columns.retain(|column| column.heading != heading);
            return;
        }
        let (Concession::Omit(heading)
        | Concession::Rename(heading, _)
        | Concession::Shorten(heading, _)
        | Concession::Cut(heading, _)) = concession;
        let Some(column) = self.columns.iter_mut().find(|column| column.heading == heading) else { return };
        match concession {
            Concession::Omit(_) => {}
            Concession::Rename(_, heading) => column.heading = heading,
            Concession::Shorten(_, part) => {
                column.cells.iter_mut().for_each(|cell| *cell = part(cell).to_owned());
            }
            Concession::Cut(_, least) => {
                let width = column.width().saturating_sub(excess).max(least);
                column.cells.iter_mut().for_each(|cell| *cell = terminal_safe(cell, width));
            }
        }
    }

    fn width(&self) -> usize {
        let widths: usize = self.columns.iter().map(Column::width).sum();
        widths + SEPARATOR.len() * self.columns.len().saturating_sub(1)
    }

    /// The lines, each after `indent`.
    pub fn lines(&self, indent: &str) -> String {
        let rows = self.columns.first().map_or(0, |column| column.cells.len());
        let widths: Vec<usize> = self.columns.iter().map(Column::width).collect();
        let mut text = String::new();
        for row in 0..=rows {
            let aligned = self.columns.iter().zip(&widths).map(|(column, width)| column.aligned(row, *width));
            text.push_str(indent);
            text.push_str(aligned.collect::<Vec<_>>().join(SEPARATOR).trim_end());
            text.push('\n');
        }
        text
    }
}

impl Column {
    fn width(&self) -> usize {
        self.cells.iter().map(|cell| display_width(cell)).chain([self.heading.len()]).max().unwrap_or(0)
    }

    /// The cell of a row, padded; the heading is in row 0.
    fn aligned(&self, row: usize, width: usize) -> String {
        let cell = match row.checked_sub(1) {
            None => self.heading,
            Some(row) => self.cells.get(row).map_or("", String::as_str),
        };
        let gap = " ".repeat(width - display_width(cell));
        if self.is_right_aligned { gap + cell } else { cell.to_owned() + &gap }
    }
}

/// The result of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Text for people. Its long lines are wrapped on a terminal.
    ForPeople(String),
    /// Text that is written as it is.
    ForPrograms(String),
}

impl Report {
    /// The text as a terminal of this width shows it; the whole text without one (`None`).
    pub fn fitted(&self, columns: Option<usize>) -> Cow<'_, str> {
        match (self, columns) {
            (Self::ForPeople(text), Some(columns)) => wrap(text, columns).into(),
            (Self::ForPeople(text) | Self::ForPrograms(text), _) => text.into(),
        }
    }
}

/// Breaks the lines that are wider than `columns` at spaces, and words that are wider than a
/// line wherever needed. The rest of a line is indented by two more than its start.
pub fn wrap(text: &str, columns: usize) -> String {
    let mut wrapped = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        if display_width(line) <= columns {
            wrapped.push_str(line);
        } else {
            wrap_line(&mut wrapped, line, columns.max(1));
        }
        wrapped.push_str(end);
    }
    wrapped
}

fn wrap_line(wrapped: &mut String, line: &str, columns: usize) {
    let start = &line[..line.len() - line.trim_start().len()];
    let indent = display_width(start) + HANGING_INDENT;
    // In a terminal too narrow for it, nothing is indented.
    let indent = if indent * 2 > columns { String::new() } else { " ".repeat(indent) };
    let mut part = start.to_owned();
    let mut is_at_start = true;
    for word in line.trim_start().split(' ') {
        let fits = display_width(&part) + 1 + display_width(word) <= columns;
        // A word that doesn't fit the next line either is broken where it stands.
        let is_breakable =
            display_width(&indent) + display_width(word) > columns && display_width(&part) + 1 < columns;
        if !is_at_start && !fits && !is_breakable {
            wrapped.push_str(part.trim_end());
            wrapped.push('\n');
            part.clone_from(&indent);
        } else if !is_at_start {
            part.push(' ');
        }
        is_at_start = false;
        if fits || display_width(&indent) + display_width(word) <= columns {
            part.push_str(word);
            continue;
        }
        for char in word.chars() {
            if display_width(&part) + char.width().unwrap_or(0) > columns && part.trim_start() != "" {
                wrapped.push_str(&part);
                wrapped.push('\n');
                part.clone_from(&indent);
            }
            part.push(char);
        }
    }
    wrapped.push_str(part.trim_end());
}

/// The first lines of a text, as many as a terminal shows without scrolling, with the
/// number of the omitted lines at the end.
pub fn first_rows(text: &str, rows: usize, columns: usize) -> String {
    let row_count = |line: &str| display_width(line).div_ceil(columns.max(1)).max(1);
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

    fn cells<const N: usize>(cells: [&str; N]) -> impl Iterator<Item = String> {
        cells.map(str::to_owned).into_iter()
    }

    fn people() -> Table {
        let mut table = Table::default();
        table.text("name", cells(["日本語", "x"]));
        table.number("count", cells(["12", "1"]));
        table.text("time", cells(["2026-11-22 05:45", ""]));
        table
    }

    #[test]
    fn columns_align_with_wide_characters() {
        let lines = "name    count  time\n日本語     12  2026-11-22 05:45\nx           1\n";
        assert_eq!(people().lines(""), lines);
    }

    #[test]
    fn a_table_makes_only_the_concessions_that_it_takes() {
        let concessions = [
            Concession::Shorten("time", |time| time.get(..10).unwrap_or(time)),
            Concession::Rename("count", "n"),
            Concession::Omit("time"),
            Concession::Cut("name", 4),
        ];
        let fitted = |columns| {
            let mut table = people();
            table.fit(columns, &concessions);
            table.lines("")
        };
        let first = |columns| fitted(Some(columns)).lines().nth(1).unwrap().to_owned();
        assert_eq!(fitted(None), people().lines(""));
        assert_eq!(first(31), "日本語     12  2026-11-22 05:45");
        assert_eq!(first(30), "日本語     12  2026-11-22");
        assert_eq!(first(24), "日本語  12  2026-11-22");
        assert_eq!(first(20), "日本語     12", "the heading is whole again");
        assert_eq!(first(9), "日本…  12");
        assert_eq!(first(1), "日…   12", "the heading needs four columns");
    }

    #[test]
    fn long_lines_are_wrapped_at_spaces() {
        assert_eq!(wrap("  ✗ one two three\nfour\n", 12), "  ✗ one two\n    three\nfour\n");
        assert_eq!(wrap("日本語 日本語 a\n", 8), "日本語\n  日本語\n  a\n");
        assert_eq!(wrap("a  b  cdefghijklmno p", 8), "a  b  cd\n  efghij\n  klmno\n  p");
        assert_eq!(wrap("  日本語", 1), "  日\n本\n語", "a character wider than the terminal");
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
