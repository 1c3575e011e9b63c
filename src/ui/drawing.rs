//! Bars as indicatif makes them: its only user.

use std::io;
use std::mem::take;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use super::frame::{Look, Row};

/// Hundredths of a bar.
const LENGTH: u64 = 100;

/// What is drawn on.
pub trait Canvas: std::fmt::Debug + Send + Sync + 'static {
    /// Columns and rows.
    fn size(&self) -> (usize, usize);

    /// Shows these rows, and no others.
    fn show(&self, rows: Vec<String>);
}

/// A bar for each row.
#[derive(Debug)]
pub struct Drawing {
    multi: MultiProgress,
    bars: Vec<ProgressBar>,
    pen: Pen,
}

impl Drawing {
    /// Nothing as yet.
    pub fn new(canvas: impl Canvas) -> Self {
        let pen = Pen(Arc::new(Sheet {
            canvas: Box::new(canvas),
            rows: Mutex::default(),
            is_lifted: AtomicBool::new(false),
        }));
        let target = ProgressDrawTarget::term_like(Box::new(pen.clone()));
        Self { multi: MultiProgress::with_draw_target(target), bars: Vec::new(), pen }
    }

    /// Replaces what is drawn, at once.
    pub fn draw(&mut self, rows: &[Row], look: Look) {
        self.pen.lift(true);
        while self.bars.len() > rows.len() {
            self.bars.pop().inspect(|bar| self.multi.remove(bar));
        }
        while self.bars.len() < rows.len() {
            self.bars.push(self.multi.add(ProgressBar::new(LENGTH)));
        }
        for (bar, row) in self.bars.iter().zip(rows) {
            bar.set_style(style(row, look));
            bar.set_position(hundredths(row.progress));
            bar.set_message(row.text.clone());
        }
        self.pen.lift(false);
        if let Some(bar) = self.bars.first() {
            bar.tick();
        }
    }
}

/// The colour is part of the template, because indicatif has rules of its own
/// for when there may be one.
fn style(row: &Row, look: Look) -> ProgressStyle {
    let bar = match (look.bar_width(), look.colors) {
        (0, _) => String::new(),
        (width, true) => format!("\x1b[{}m{{bar:{width}}}\x1b[0m ", row.color),
        (width, false) => format!("{{bar:{width}}} "),
    };
    ProgressStyle::with_template(&format!("{bar}{{percent:>3}}%  {{msg}}"))
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
fn hundredths(progress: f64) -> u64 {
    (progress * 100.0).floor() as u64
}

/// A terminal for indicatif that gathers rows: where they go, and how those
/// before are cleared, is the canvas's business.
#[derive(Debug, Clone)]
struct Pen(Arc<Sheet>);

#[derive(Debug)]
struct Sheet {
    canvas: Box<dyn Canvas>,
    rows: Mutex<Vec<String>>,
    /// While many bars change, none is drawn.
    is_lifted: AtomicBool,
}

impl Pen {
    fn lift(&self, is_lifted: bool) {
        self.0.is_lifted.store(is_lifted, Ordering::Relaxed);
    }

    fn rows(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TermLike for Pen {
    /// indicatif can't reckon with none.
    fn width(&self) -> u16 {
        self.0.canvas.size().0.max(1).try_into().unwrap_or(u16::MAX)
    }

    fn height(&self) -> u16 {
        self.0.canvas.size().1.try_into().unwrap_or(u16::MAX)
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    /// A row, or blanks that fill one up.
    fn write_str(&self, text: &str) -> io::Result<()> {
        if !text.trim().is_empty() {
            self.rows().push(text.trim_end().to_owned());
        }
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let rows = take(&mut *self.rows());
        if !self.0.is_lifted.load(Ordering::Relaxed) {
            self.0.canvas.show(rows);
        }
        Ok(())
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Keeps what was shown last.
    #[derive(Debug, Clone)]
    pub struct Paper {
        pub size: (usize, usize),
        pub rows: Arc<Mutex<Vec<String>>>,
        pub times: Arc<Mutex<usize>>,
    }

    impl Canvas for Paper {
        fn size(&self) -> (usize, usize) {
            self.size
        }

        fn show(&self, rows: Vec<String>) {
            *self.rows.lock().unwrap() = rows;
            *self.times.lock().unwrap() += 1;
        }
    }

    /// A row as it is drawn.
    pub fn drawn(row: &Row, look: Look) -> String {
        let paper = Paper { size: look.size, rows: Arc::default(), times: Arc::default() };
        let mut drawing = Drawing::new(paper.clone());
        drawing.draw(std::slice::from_ref(row), look);
        paper.rows.lock().unwrap().join("\n")
    }

    fn row(text: &str) -> Row {
        Row { progress: 0.5, color: 34, text: text.to_owned() }
    }

    #[test]
    fn rows_come_and_go_and_all_are_shown_at_once() {
        let look = Look { size: (80, 24), colors: false };
        let paper = Paper { size: look.size, rows: Arc::default(), times: Arc::default() };
        let mut drawing = Drawing::new(paper.clone());
        let bar = |text: &str| format!("██████░░░░░░  50%  {text}");
        for texts in [&["one", "two", "three"][..], &["two"], &["one", "two"]] {
            let rows: Vec<Row> = texts.iter().map(|text| row(text)).collect();
            drawing.draw(&rows, look);
            let expected: Vec<String> = texts.iter().map(|text| bar(text)).collect();
            assert_eq!(*paper.rows.lock().unwrap(), expected);
        }
        assert_eq!(*paper.times.lock().unwrap(), 3);
    }

    #[test]
    fn a_row_has_colours_only_if_wanted() {
        let look = |colors| Look { size: (80, 24), colors };
        assert!(drawn(&row("x"), look(true)).starts_with("\u{1b}[34m██████░░░░░░\u{1b}[0m  50%  x"));
        assert_eq!(drawn(&row("x"), look(false)), "██████░░░░░░  50%  x");
    }
}
