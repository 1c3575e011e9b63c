//! Who is active when, and whether newcomers stay.

use std::fmt::Write as _;

use super::super::calendar::Period;
use super::super::figure::{Figure, median};
use super::super::report::{Interval, MonthOfNewcomers, TenantReport};
use super::super::words::{
    MIN_PERMILLE_OF_BUSIEST, day, month_and_year, number, percent, short_dates, short_month, tenths,
};
use super::escaped;
use super::part::{Community, empty, figure, finding};
use super::svg::{Chart, Mark, Unit, heat_map};
use super::table::{Table, csv_name};

/// Steps of colour for a share: six of a tenth and a half each, then the last.
const SHARE_STEP: u64 = 150;

/// The days of a short period, or the weeks of another, with a number of each; and what they are called.
pub fn intervals(report: &TenantReport, figure: impl Fn(&Interval) -> Figure) -> (&'static str, Vec<Mark>) {
    let (name, days, intervals) =
        if report.days.is_empty() { ("week", 7, &report.weeks) } else { ("day", 1, &report.days) };
    let mark = |interval: &Interval| {
        let first = day(&interval.from);
        let days = Period { first, end: first.later(days) };
        Mark { days, figure: figure(interval), label: short_dates(days) }
    };
    (name, intervals.iter().map(mark).collect())
}

/// The days from the first mark to the last.
pub fn days_of(marks: &[Mark]) -> Option<Period> {
    let (first, last) = (marks.first()?, marks.last()?);
    Some(Period { first: first.days.first, end: last.days.end })
}

/// A mark of a whole month.
pub fn month_mark(month: &str, figure: Figure) -> Mark {
    let first = day(&format!("{month}-01"));
    Mark { days: Period { first, end: first.next_month() }, figure, label: month_and_year(first) }
}

pub fn activity(community: &Community<'_>) -> String {
    let Community { id, report, names } = community;
    let (name, messages) = intervals(report, |interval| interval.messages);
    let (_, people) = intervals(report, |interval| interval.people);
    let Some(period) = days_of(&messages) else { return empty("The period has no whole week.") };
    let before = if report.days.is_empty() { &report.weeks_before[..] } else { &[] };
    let dashed = if before.is_empty() { String::new() } else { format!(" Dashed line: {}.", names.before) };
    let whole = if name == "week" { "whole week from Monday to Sunday" } else { name };
    let mut html = String::new();
    for (kind, marks, title, sub) in [
        (
            "messages",
            &messages,
            format!("Messages per {name}"),
            format!("Messages by people, per {whole}.{dashed}"),
        ),
        (
            "people",
            &people,
            format!("People who wrote, per {name}"),
            format!(
                "People who wrote at least one message in the {name}. A gap: fewer than five people.{dashed}"
            ),
        ),
    ] {
        let figures: Vec<Figure> = marks.iter().map(|mark| mark.figure).collect();
        let found = finding(&figures, kind, name);
        let of_before: Vec<Figure> = before
            .iter()
            .map(|interval| if kind == "people" { interval.people } else { interval.messages })
            .collect();
        let typical = median(figures.clone());
        let sub = match typical {
            Figure::Shown(_) => format!("{sub} Typical {name} (median): {}.", number(typical)),
            Figure::Hidden | Figure::Withheld => sub,
        };
        let chart = Chart {
            id: &format!("{id}-{kind}"),
            title: &title,
            description: &found,
            period,
            height: 230,
            unit: Unit::Count,
            caption: &format!("{kind} per {name}"),
            class: "c1",
        };
        let mut body = if figures.iter().all(|figure| !figure.is_shown()) {
            empty(&format!("Fewer than five people wrote in each {name}."))
        } else if kind == "people" {
            chart.line(marks, &of_before)
        } else {
            chart.columns(marks, &of_before, 78)
        };
        if kind == "people" {
            body.push_str(&table(report, name).closed());
        }
        html.push_str(&figure(&escaped(&found), &escaped(&sub), &body));
    }
    html
}

fn table(report: &TenantReport, name: &str) -> Table {
    let row =
        |interval: &Interval| vec![interval.from.clone(), number(interval.messages), number(interval.people)];
    Table {
        name: format!("{}: messages and people per {name}", report.tenant),
        file: csv_name(&report.tenant, &format!("{name}s")),
        columns: vec![
            format!("First day of the {name}"),
            "Messages".to_owned(),
            "People who wrote".to_owned(),
        ],
        rows: if report.days.is_empty() { &report.weeks } else { &report.days }.iter().map(row).collect(),
    }
}

pub fn when(community: &Community<'_>) -> String {
    let Community { id, report, .. } = community;
    let hours = &report.messages_by_hour_per_thousand;
    if hours.iter().flatten().all(|hour| !hour.is_shown()) {
        return empty("Fewer than five people wrote in each hour of the week.");
    }
    let title = report.busiest_hours.map_or_else(
        || "Messages by weekday and hour".to_owned(),
        |busiest| {
            if busiest.permille < MIN_PERMILLE_OF_BUSIEST {
                return "Messages are spread over the whole day".to_owned();
            }
            let (share, from) = (percent(Figure::Shown(busiest.permille)), busiest.from_hour);
            format!("{share} of all messages are written between {from}:00 and {}:00", (from + 4) % 24)
        },
    );
    let row = |(name, hours): (&str, &Vec<Figure>)| {
        let shown = |hour: &Figure| hour.number().map_or_else(|| number(*hour), |hour| tenths(hour, 1000));
        std::iter::once(name.to_owned()).chain(hours.iter().map(shown)).collect()
    };
    let names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let table = Table {
        name: format!("{}: messages by weekday and hour", report.tenant),
        file: csv_name(&report.tenant, "hours"),
        columns: std::iter::once("Day".to_owned()).chain((0..24).map(|hour| format!("{hour}:00"))).collect(),
        rows: names.into_iter().zip(hours).map(row).collect(),
    };
    let sub = "Messages in an hour of the week, on average. The stronger the colour, the more.";
    figure(&title, sub, &(heat_map(&format!("{id}-hours"), hours) + &table.closed()))
}

pub fn newcomers(community: &Community<'_>) -> String {
    let Community { id, report, .. } = community;
    let months = &report.newcomers_by_month;
    let marks: Vec<Mark> = months.iter().map(|month| month_mark(&month.month, month.people)).collect();
    let Some(period) = days_of(&marks) else { return empty("The period has no whole month.") };
    let figures: Vec<Figure> = marks.iter().map(|mark| mark.figure).collect();
    let sub = "People who wrote for the first time in the month.";
    if figures.iter().all(|figure| !figure.is_shown()) {
        return empty("Too few people wrote for the first time in each month for a chart.");
    }
    let title = finding(&figures, "newcomers", "month");
    let chart = Chart {
        id: &format!("{id}-new"),
        title: "Newcomers per month",
        description: &title,
        period,
        height: 180,
        unit: Unit::Count,
        caption: "newcomers per month",
        class: "c1",
    };
    figure(&escaped(&title), sub, &chart.columns(&marks, &[], 72)) + &cohorts(community)
}

/// How many newcomers came back, as a table: figure and data in one.
fn cohorts(community: &Community<'_>) -> String {
    let report = community.report;
    let months = &report.newcomers_by_month;
    let windows = months.iter().map(|month| month.returned_permille.len()).max().unwrap_or(0);
    if windows == 0 {
        return empty("Whether newcomers came back is known after eight weeks at the earliest.");
    }
    if months.iter().flat_map(|month| &month.returned_permille).all(|share| !share.is_shown()) {
        return empty("Too few newcomers of each month wrote again for a table.");
    }
    let mut html = String::from(
        "<table class=\"cohort\"><caption>Weeks after the first message</caption>\
         <thead><tr><th class=\"c0\" scope=\"col\">Month</th><th class=\"cn\" scope=\"col\">New</th>",
    );
    for window in 1..=windows {
        write!(html, "<th scope=\"col\">{}–{}</th>", 4 * window, 4 * window + 4).ok();
    }
    html.push_str("</tr></thead><tbody>");
    for month in months {
        let first = day(&format!("{}-01", month.month));
        let name = format!("{} {:02}", short_month(first), first.date().year() % 100);
        write!(
            html,
            "<tr><th scope=\"row\">{name}</th><td class=\"n\">{}</td>{}</tr>",
            escaped(&number(month.people)),
            cells(month, windows)
        )
        .ok();
    }
    html.push_str("</tbody></table>");
    let returned = report.returned_after_four_weeks_permille.now;
    let title = if returned.is_shown() {
        format!("{} of newcomers wrote again after four weeks", percent(returned))
    } else {
        "How many newcomers wrote again".to_owned()
    };
    let sub = "Of those who first wrote in the month: the share that wrote in each window of four weeks. Empty: not over for all of them.";
    figure(&title, sub, &html)
}

fn cells(month: &MonthOfNewcomers, windows: usize) -> String {
    let cell = |window: usize| match month.returned_permille.get(window) {
        None => "<td></td>".to_owned(),
        Some(hidden @ (Figure::Hidden | Figure::Withheld)) => {
            format!("<td>{}</td>", escaped(&number(*hidden)))
        }
        Some(Figure::Shown(share)) => {
            format!("<td class=\"q{}\">{}</td>", (share / SHARE_STEP).min(6), percent(Figure::Shown(*share)))
        }
    };
    (0..windows).map(cell).collect()
}
