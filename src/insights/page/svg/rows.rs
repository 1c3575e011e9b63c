//! Charts whose rows are named: bars, and pairs of numbers.

use std::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use super::super::super::words::tenths;
use super::super::escaped;
use super::percent;

/// Heights of rows and bars in pixels.
const BAR_ROW: u64 = 26;
const BAR: u64 = 18;
const PAIR_ROW: u64 = 30;
/// Columns of a name at most; longer ones are cut.
const NAME: usize = 22;
/// Room on both sides of a plot of pairs, for numbers: hundredths of a per cent.
const PAIR_MARGIN: u64 = 1500;

/// A row with a bar.
pub struct Bar {
    /// What it is about.
    pub name: String,
    /// Its length; `None` if it is hidden.
    pub number: Option<u64>,
    /// The number in words.
    pub value: String,
}

/// Rows with bars from zero, the longest as long as the plot, or as `full`.
pub fn bars(id: &str, title: &str, rows: &[Bar], full: Option<u64>) -> String {
    let full = full.or_else(|| rows.iter().filter_map(|row| row.number).max()).unwrap_or(1).max(1);
    let mut body = String::new();
    let mut description = Vec::new();
    for (row, Bar { name, number, value }) in (0_u64..).zip(rows) {
        let (y, text) = (row * BAR_ROW + 4, row * BAR_ROW + 17);
        let width = number.map_or(0, |number| number.min(full) * 10_000 / full);
        let (shown, name, value) = (escaped(&cut(name)), escaped(name), escaped(value));
        description.push(format!("{name} {value}"));
        write!(
            body,
            "<text x=\"-8\" y=\"{text}\" class=\"lab\" text-anchor=\"end\">{shown}</text>\
             <rect class=\"c1\" x=\"0\" y=\"{y}\" width=\"{}\" height=\"{BAR}\"><title>{name}: {value}</title></rect>\
             <text x=\"{}\" y=\"{text}\" class=\"val\" dx=\"6\">{value}</text>",
            percent(width),
            percent(width),
        )
        .ok();
    }
    let height = rows.len() as u64 * BAR_ROW + 4;
    let margin = margin(rows.iter().map(|row| row.name.as_str()));
    format!(
        "<div class=\"plot l{margin} r60\"><svg width=\"100%\" height=\"{height}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>{body}\
         <line class=\"base\" x1=\"0\" x2=\"0\" y1=\"0\" y2=\"{height}\"/></svg></div>",
        escaped(title),
        description.join("; "),
    )
}

/// A row with the number of the period before and that of the period, both in tenths.
pub struct Dumbbell {
    /// What it is about.
    pub name: String,
    /// The number before.
    pub before: u64,
    /// The number.
    pub now: u64,
}

/// Rows with two numbers each, joined by a line. `class` is the colour of the period.
pub fn dumbbells(id: &str, title: &str, rows: &[Dumbbell], class: &str) -> String {
    let max = rows.iter().map(|row| row.before.max(row.now)).max().unwrap_or(1).max(1);
    let x = |number: u64| PAIR_MARGIN + number * (10_000 - 2 * PAIR_MARGIN) / max;
    let text = |number: u64| {
        if number.is_multiple_of(10) && number >= 1000 {
            crate::model::with_separators(number / 10)
        } else {
            tenths(number, 10)
        }
    };
    let mut body = String::new();
    let mut description = Vec::new();
    for (row, Dumbbell { name, before, now }) in (0_u64..).zip(rows) {
        let y = row * PAIR_ROW + 17;
        let (shown, name) = (escaped(&cut(name)), escaped(name));
        let (from, to) = (text(*before), text(*now));
        description.push(format!("{name} from {from} to {to}"));
        // The numbers stand outside of the pair.
        let (before_anchor, before_dx, now_anchor, now_dx) =
            if before <= now { ("end", "-10", "start", "11") } else { ("start", "10", "end", "-11") };
        write!(
            body,
            "<text x=\"-8\" y=\"{0}\" class=\"lab\" text-anchor=\"end\">{shown}</text><g><title>{name}: {from} before, {to} now</title>\
             <line class=\"link\" x1=\"{1}\" x2=\"{2}\" y1=\"{y}\" y2=\"{y}\"/><circle class=\"hollow\" cx=\"{1}\" cy=\"{y}\" r=\"5\"/>\
             <circle class=\"{class}\" cx=\"{2}\" cy=\"{y}\" r=\"6\"/></g>\
             <text x=\"{2}\" y=\"{0}\" class=\"val halo\" text-anchor=\"{now_anchor}\" paint-order=\"stroke\" dx=\"{now_dx}\">{to}</text>\
             <text x=\"{1}\" y=\"{0}\" class=\"halo\" text-anchor=\"{before_anchor}\" paint-order=\"stroke\" dx=\"{before_dx}\">{from}</text>",
            y + 4,
            percent(x(*before)),
            percent(x(*now)),
        )
        .ok();
    }
    let height = rows.len() as u64 * PAIR_ROW + 8;
    let margin = margin(rows.iter().map(|row| row.name.as_str()));
    let zero = percent(x(0));
    format!(
        "<div class=\"plot l{margin} r10\"><svg width=\"100%\" height=\"{height}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>\
         <line class=\"base\" x1=\"{zero}\" x2=\"{zero}\" y1=\"0\" y2=\"{height}\"/>{body}</svg></div>",
        escaped(title),
        description.join("; "),
    )
}

/// A bar as wide as this share of its cell, in thousandths.
pub fn bar(permille: u64) -> String {
    format!(
        "<svg class=\"bar\" aria-hidden=\"true\"><rect class=\"c1\" width=\"{}\" height=\"6\"/></svg>",
        percent(permille.min(1000) * 10)
    )
}

/// The class of the left margin that has room for names: one of those of the style sheet.
fn margin<'n>(names: impl Iterator<Item = &'n str>) -> usize {
    let widest = names.map(|name| cut(name).width()).max().unwrap_or(0) * 7 + 12;
    [44, 54, 84, 112, 132, 162].into_iter().find(|margin| *margin >= widest).unwrap_or(162)
}

/// A name that fits.
fn cut(name: &str) -> String {
    if name.width() <= NAME {
        return name.to_owned();
    }
    let mut shown = String::new();
    for grapheme in name.graphemes(true) {
        if shown.width() + grapheme.width() >= NAME {
            break;
        }
        shown.push_str(grapheme);
    }
    shown + "…"
}
