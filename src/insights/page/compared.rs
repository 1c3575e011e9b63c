//! The communities side by side.

use std::fmt::Write as _;

use super::super::figure::{Figure, median, rounded};
use super::super::report::{Compared, Interval, TenantReport};
use super::super::words::{Names, change, duration, number, percent, tenths};
use super::activity::{days_of, intervals};
use super::escaped;
use super::part::{empty, top_figure};
use super::svg::{Chart, Unit, bar};
use super::table::Table;

/// Communities of which each has a chart, and a column of the table.
const CHARTS: usize = 6;
const COLUMNS: usize = 4;
/// Weeks at both ends whose medians are compared.
const QUARTER: usize = 13;

/// A row of the comparison.
struct Measure {
    name: &'static str,
    text: fn(Figure) -> String,
    /// Whether bars are shares of the whole, not of the largest.
    is_share: bool,
    of: fn(&TenantReport) -> Compared,
}

const fn now(figure: Figure) -> Compared {
    Compared { now: figure, before: None }
}

const MEASURES: [Measure; 9] = [
    Measure { name: "People who wrote", text: number, is_share: false, of: |report| report.people },
    Measure { name: "Messages", text: number, is_share: false, of: |report| report.messages },
    Measure { name: "Newcomers", text: number, is_share: false, of: |report| report.newcomers },
    Measure {
        name: "Newcomers who wrote again after four weeks",
        text: percent,
        is_share: true,
        of: |report| now(report.returned_after_four_weeks_permille.now),
    },
    Measure {
        name: "Questions in forums",
        text: number,
        is_share: false,
        of: |report| now(report.questions.asked),
    },
    Measure {
        name: "Questions answered",
        text: percent,
        is_share: true,
        of: |report| now(report.questions.answered_permille),
    },
    Measure {
        name: "Half of the answers came within",
        text: duration,
        is_share: false,
        of: |report| now(report.questions.median_minutes),
    },
    Measure {
        name: "Pairs who replied in both directions",
        text: percent,
        is_share: true,
        of: |report| now(report.returned_replies_permille),
    },
    Measure {
        name: "Messages by bots",
        text: percent,
        is_share: true,
        of: |report| now(report.bots_permille),
    },
];

/// The comparison.
pub fn compared(tenants: &[TenantReport], names: Names) -> String {
    format!(
        "<section aria-labelledby=\"compare\"><h2 id=\"compare\">Side by side</h2>{}{}</section>",
        charts(tenants),
        measures(tenants, names)
    )
}

/// How many people wrote in each community, by week.
fn charts(tenants: &[TenantReport]) -> String {
    let mut panels = String::new();
    for (index, tenant) in tenants.iter().take(CHARTS).enumerate() {
        let (interval, marks) = intervals(tenant, |interval| interval.people);
        let name = escaped(&tenant.tenant);
        let is_shown = marks.iter().any(|mark| mark.figure.is_shown());
        let body = match days_of(&marks) {
            Some(period) if is_shown => {
                let typical = median(marks.iter().map(|mark| mark.figure).collect());
                let chart = Chart {
                    id: &format!("compare-{index}"),
                    title: &format!("People who wrote per {interval} in {}", tenant.tenant),
                    description: &format!("Typical {interval}: {} people", number(typical)),
                    period,
                    height: 130,
                    unit: Unit::Count,
                    caption: "",
                    class: "c1",
                };
                let typical = escaped(&number(typical));
                format!(
                    "<p class=\"sub\">typical {interval}: {typical} people</p>{}",
                    chart.line(&marks, &[])
                )
            }
            _ => empty(&format!("Fewer than five people wrote in each {interval}.")),
        };
        write!(panels, "<div><h4>{name}</h4>{body}</div>").ok();
    }
    let sub = "People who wrote. Each chart has its own scale, so that the shapes can be compared; the sizes are below. Gap in a line: fewer than five people.";
    top_figure(&escaped(&trends(tenants)), sub, &format!("<div class=\"panels\">{panels}</div>"))
}

/// How the communities went, by the medians of their first and last quarter of a year.
fn trends(tenants: &[TenantReport]) -> String {
    let trend = |tenant: &TenantReport| {
        let weeks = &tenant.weeks;
        if weeks.len() < 2 * QUARTER {
            return None;
        }
        let typical = |weeks: &[Interval]| median(weeks.iter().map(|week| week.people).collect()).number();
        let (first, last) = (typical(&weeks[..QUARTER])?, typical(&weeks[weeks.len() - QUARTER..])?);
        let percent = rounded(first.abs_diff(last) * 100, first);
        Some(match (percent, last > first) {
            (0..5, _) => format!("{} stayed level", tenant.tenant),
            (100.., true) => format!("{} has {} times as many people", tenant.tenant, tenths(last, first)),
            (_, true) => format!("{} grew by {percent}\u{202f}%", tenant.tenant),
            (_, false) => format!("{} shrank by {percent}\u{202f}%", tenant.tenant),
        })
    };
    let trends: Vec<String> = tenants.iter().take(3).filter_map(trend).collect();
    if trends.is_empty() {
        return "How many people wrote".to_owned();
    }
    trends.join("; ") + ", from the first to the last quarter"
}

fn measures(tenants: &[TenantReport], names: Names) -> String {
    let table = Table {
        name: "Communities compared".to_owned(),
        file: "compared".to_owned(),
        columns: std::iter::once("Community")
            .chain(MEASURES.iter().map(|measure| measure.name))
            .map(str::to_owned)
            .collect(),
        rows: tenants
            .iter()
            .map(|tenant| {
                let values = MEASURES.iter().map(|measure| (measure.text)((measure.of)(tenant).now));
                std::iter::once(tenant.tenant.clone()).chain(values).collect()
            })
            .collect(),
    };
    let sub = format!(
        "People, messages and newcomers are also compared with {}. A lower number is not worse by itself: communities differ in size and purpose.",
        names.before
    );
    let title = match tenants {
        [first, second, ..] => match (first.people.now, second.people.now) {
            (Figure::Shown(most), Figure::Shown(next)) if most >= 2 * next && next > 0 => {
                format!(
                    "{} has {} times as many people as {}",
                    first.tenant,
                    tenths(most, next),
                    second.tenant
                )
            }
            _ => {
                let largest = if tenants.len() > 2 { "largest" } else { "larger one" };
                format!("{} is the {largest}: {} people wrote", first.tenant, number(first.people.now))
            }
        },
        _ => String::new(),
    };
    let body =
        if tenants.len() <= COLUMNS { side_by_side(tenants, names) + &table.link() } else { table.open() };
    top_figure(&escaped(&title), &escaped(&sub), &body)
}

/// A column for each community, with bars.
fn side_by_side(tenants: &[TenantReport], names: Names) -> String {
    let mut html = String::from(
        "<table class=\"cmp\"><caption class=\"vh\">Comparison of communities</caption><thead><tr>",
    );
    for (column, tenant) in tenants.iter().enumerate() {
        write!(html, "<th id=\"cc{column}\" scope=\"col\">{}</th>", escaped(&tenant.tenant)).ok();
    }
    html.push_str("</tr></thead>");
    for (row, measure) in MEASURES.iter().enumerate() {
        let figures: Vec<Compared> = tenants.iter().map(measure.of).collect();
        let largest = figures.iter().filter_map(|figure| figure.now.number()).max().unwrap_or(0).max(1);
        let whole = if measure.is_share { 1000 } else { largest };
        write!(
            html,
            "<tbody><tr><th id=\"cr{row}\" scope=\"colgroup\" colspan=\"{}\">{}</th></tr><tr>",
            tenants.len(),
            measure.name
        )
        .ok();
        for (column, figure) in figures.into_iter().enumerate() {
            let text = if figure.now.is_shown() { measure.text } else { number };
            let value = escaped(&text(figure.now));
            let rest = match figure.now {
                Figure::Hidden | Figure::Withheld => "<small>too few people</small>".to_owned(),
                Figure::Shown(shown) => {
                    let change = figure.before.map_or_else(String::new, |_| change(figure, "", names.before));
                    let change = change.split(" than in ").next().unwrap_or_default().replace("  ", " ");
                    format!("{}<small>{}</small>", bar(shown * 1000 / whole), escaped(&change))
                }
            };
            write!(html, "<td headers=\"cc{column} cr{row}\"><b>{value}</b>{rest}</td>").ok();
        }
        html.push_str("</tr></tbody>");
    }
    html + "</table>"
}
