//! Draws bars with indicatif; no other module uses that crate.

use std::io;
use std::mem::take;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use super::frame::{Layout, Row};

/// Steps of a bar: one per percent.
const LENGTH: u64 = 100;

/// A surface to draw rows on.
pub trait Canvas: std::fmt::Debug + Send + Sync + 'static {
    /// Size in columns and rows.
    fn size(&self) -> (usize, usize);

    /// Replaces the rows shown.
    fn show(&self, rows: Vec<String>);
}

/// The bars, one per row.
#[derive(Debug)]
pub struct Drawing {
    multi: MultiProgress,
    bars: Vec<ProgressBar>,
    collector: RowCollector,
}

impl Drawing {
    /// Starts without bars.
    pub fn new(canvas: impl Canvas) -> Self {
        let collector = RowCollector(Arc::new(CollectorState {
            canvas: Box::new(canvas),
            rows: Mutex::default(),
            is_paused: AtomicBool::new(false),
        }));
        let target = ProgressDrawTarget::term_like(Box::new(collector.clone()));
        Self { multi: MultiProgress::with_draw_target(target), bars: Vec::new(), collector }
    }

    /// Replaces all rows in a single drawing.
    pub fn draw(&mut self, rows: &[Row], layout: Layout) {
        self.collector.set_paused(true);
        while self.bars.len() > rows.len() {
            self.bars.pop().inspect(|bar| self.multi.remove(bar));
        }
        while self.bars.len() < rows.len() {
            self.bars.push(self.multi.add(ProgressBar::new(LENGTH)));
        }
        for (bar, row) in self.bars.iter().zip(rows) {
            bar.set_style(style(row, layout));
            bar.set_position(percent(row.progress));
            bar.set_message(row.text.clone());
        }
        self.collector.set_paused(false);
        if let Some(bar) = self.bars.first() {
            bar.tick();
        }
    }
}

/// The template of a bar. It contains the colour's escape sequence, because indicatif
/// would decide by its own rules whether to use colours.
fn style(row: &Row, layout: Layout) -> ProgressStyle {
    let bar = match (layout.bar_width(), layout.colors) {
        (0, _) => String::new(),
        (width, true) => format!("\x1b[{}m{{bar:{width}}}\x1b[0m ", row.color),
        (width, false) => format!("{{bar:{width}}} "),
    };
    ProgressStyle::with_template(&format!("{bar}{{percent:>3}}%  {{msg}}"))
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
fn percent(progress: f64) -> u64 {
    (progress * 100.0).floor() as u64
}

/// Terminal for indicatif that collects rows and ignores cursor movements. The canvas
/// positions the rows and clears the previous ones.
#[derive(Debug, Clone)]
struct RowCollector(Arc<CollectorState>);

#[derive(Debug)]
struct CollectorState {
    canvas: Box<dyn Canvas>,
    rows: Mutex<Vec<String>>,
    /// True while several bars are updated, so that they are drawn together.
    is_paused: AtomicBool,
}

impl RowCollector {
    fn set_paused(&self, is_paused: bool) {
        self.0.is_paused.store(is_paused, Ordering::Relaxed);
    }

    fn rows(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TermLike for RowCollector {
    /// At least 1, because indicatif can't handle a width of 0.
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

    /// indicatif writes a row, or spaces that pad one.
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
        if !self.0.is_paused.load(Ordering::Relaxed) {
            self.0.canvas.show(rows);
        }
        Ok(())
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Records the rows shown last and the number of drawings.
    #[derive(Debug, Clone)]
    pub struct RecordingCanvas {
        pub size: (usize, usize),
        pub rows: Arc<Mutex<Vec<String>>>,
        pub draws: Arc<Mutex<usize>>,
    }

    impl Canvas for RecordingCanvas {
        fn size(&self) -> (usize, usize) {
            self.size
        }

        fn show(&self, rows: Vec<String>) {
            *self.rows.lock().unwrap() = rows;
            *self.draws.lock().unwrap() += 1;
        }
    }

    /// The text of a drawn row.
    pub fn drawn(row: &Row, layout: Layout) -> String {
        let canvas = RecordingCanvas { size: layout.size, rows: Arc::default(), draws: Arc::default() };
        let mut drawing = Drawing::new(canvas.clone());
        drawing.draw(std::slice::from_ref(row), layout);
        canvas.rows.lock().unwrap().join("\n")
    }

    fn row(text: &str) -> Row {
        Row { progress: 0.5, color: 34, text: text.to_owned() }
    }

    #[test]
    fn all_rows_are_replaced_in_one_drawing() {
        let layout = Layout { size: (80, 24), colors: false };
        let canvas = RecordingCanvas { size: layout.size, rows: Arc::default(), draws: Arc::default() };
        let mut drawing = Drawing::new(canvas.clone());
        let bar = |text: &str| format!("██████░░░░░░  50%  {text}");
        for texts in [&["one", "two", "three"][..], &["two"], &["one", "two"]] {
            let rows: Vec<Row> = texts.iter().map(|text| row(text)).collect();
            drawing.draw(&rows, layout);
            let expected: Vec<String> = texts.iter().map(|text| bar(text)).collect();
            assert_eq!(*canvas.rows.lock().unwrap(), expected);
        }
        assert_eq!(*canvas.draws.lock().unwrap(), 3);
    }

    #[test]
    fn a_row_is_coloured_only_if_the_layout_has_colours() {
        let layout = |colors| Layout { size: (80, 24), colors };
        assert!(drawn(&row("x"), layout(true)).starts_with("\u{1b}[34m██████░░░░░░\u{1b}[0m  50%  x"));
        assert_eq!(drawn(&row("x"), layout(false)), "██████░░░░░░  50%  x");
    }
}
