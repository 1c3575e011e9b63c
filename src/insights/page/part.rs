//! What the parts of a community's section have in common.

use super::super::figure::{Figure, median};
use super::super::report::TenantReport;
use super::super::words::{Names, number, tenths};
use super::escaped;

/// What the parts are made from.
pub struct Community<'r> {
    /// The ID of the community in the page.
    pub id: &'r str,
    pub report: &'r TenantReport,
    pub names: Names,
}

/// What stands in place of a chart.
pub fn empty(reason: &str) -> String {
    format!("<p class=\"empty\">{}</p>", escaped(reason))
}

/// A chart with its title, what it shows, and what follows it. The parts are HTML.
pub fn figure(title: &str, sub: &str, body: &str) -> String {
    figure_of("fig", 4, title, sub, body)
}

/// The same in a section of the second level.
pub fn top_figure(title: &str, sub: &str, body: &str) -> String {
    figure_of("fig", 3, title, sub, body)
}

/// The same for a chart that does not need the whole width.
pub fn slim_figure(title: &str, sub: &str, body: &str) -> String {
    figure_of("fig slim", 4, title, sub, body)
}

fn figure_of(class: &str, level: u8, title: &str, sub: &str, body: &str) -> String {
    format!(
        "<figure class=\"{class}\"><figcaption><h{level}>{title}</h{level}><p class=\"sub\">{sub}</p></figcaption>{body}</figure>"
    )
}

/// What is found in numbers: a peak, or the range.
pub fn finding(figures: &[Figure], unit: &str, interval: &str) -> String {
    let shown = || figures.iter().filter_map(|figure| figure.number());
    let (Some(least), Some(most)) = (shown().min(), shown().max()) else {
        return format!("Fewer than five people wrote in each {interval}");
    };
    let [low, high] = [least, most].map(|number_shown| number(Figure::Shown(number_shown)));
    match median(figures.to_vec()) {
        Figure::Shown(typical) if typical > 0 && most * 2 >= typical * 3 && figures.len() > 2 => {
            let times = tenths(most, typical);
            format!("The busiest {interval} had {times} times as many {unit} as the typical one")
        }
        _ if !figures.iter().all(|figure| figure.is_shown()) => {
            format!("Up to {high} {unit} in a {interval}")
        }
        _ if least == most => format!("{high} {unit} in each {interval}"),
        _ => format!("Between {low} and {high} {unit} in a {interval}"),
    }
}
