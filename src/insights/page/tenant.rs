//! The part of the page about one community.

use std::fmt::Write as _;

use super::super::calendar::{Day, Period};
use super::super::figure::{Figure, median, rounded};
use super::super::report::{Interval, TenantReport};
use super::super::words::{change, duration, number, percent};
use super::escaped;
use super::svg::{Chart, Mark, bar, heat_map};
use super::table::Table;
use crate::model::with_separators;

/// The parts of a section, by the end of their ID, with their titles.
pub const PARTS: [(&str, &str); 6] = [
    ("headline", "Headline figures"),
    ("activity", "Activity"),
    ("when", "When people write"),
    ("newcomers", "Newcomers"),
    ("channels", "Channels"),
    ("help", "Questions"),
];
/// Steps of colour for a share: six of a tenth and a half each, then the last.
const SHARE_STEP: u64 = 150;

/// Picks a figure of a week.
type FigureOf = fn(&Interval) -> Figure;

/// The section of a community.
pub fn section(id: &str, tenant: &TenantReport) -> String {
    let since = tenant
        .archived_since
        .as_deref()
        .map_or_else(|| "nothing is archived yet".to_owned(), |since| format!("archived since {since}"));
    let mut html = format!(
        "<section aria-labelledby=\"{id}\"><h2 id=\"{id}\">{}</h2><p class=\"meta\">{} channels are read; {since}.</p>",
        escaped(&tenant.tenant),
        tenant.health.channels_read
    );
    if tenant.people.now == Figure::Hidden {
        return html + &empty("Fewer than five people wrote in the period.") + "</section>";
    }
    let name = escaped(&tenant.tenant);
    let parts: [(&str, String); 6] = [
        ("headline", headline(tenant)),
        ("activity", activity(id, tenant)),
        ("when", when(id, tenant)),
        ("newcomers", newcomers(id, tenant)),
        ("channels", channels(tenant)),
        ("help", help(id, tenant)),
    ];
    for (part, body) in parts {
        let title = PARTS.iter().find(|(name, _)| *name == part).map_or("", |(_, title)| title);
        write!(
            html,
            "<section aria-labelledby=\"{id}-{part}\"><h3 id=\"{id}-{part}\">{title}<span class=\"vh\"> of {name}</span></h3>{body}</section>"
        )
        .ok();
    }
    html + "</section>"
}

fn headline(tenant: &TenantReport) -> String {
    let mut html = String::from("<ul class=\"cards\">");
    for (figure, what, compared) in [
        (tenant.people, "people wrote", "people"),
        (tenant.messages, "messages were written", "messages"),
        (tenant.newcomers, "people wrote for the first time", "newcomers"),
    ] {
        let change = escaped(&change(figure, compared));
        write!(html, "<li><b>{}</b> {what}<span>{change}</span></li>", escaped(&number(figure.now))).ok();
    }
    for (share, what) in [
        (tenant.returned_after_four_weeks_permille, "of newcomers wrote again after four weeks"),
        (tenant.questions.answered_permille, "of questions in forums were answered"),
        (tenant.replies_permille, "of messages are replies"),
        (tenant.returned_replies_permille, "of pairs who replied did so in both directions"),
        (tenant.bots_permille, "of all messages are of bots"),
        (tenant.edited_permille, "of messages were edited"),
    ] {
        if share != Figure::Hidden {
            write!(html, "<li><b>{}</b> {what}</li>", percent(share)).ok();
        }
    }
    html + "</ul>"
}

fn day(text: &str) -> Day {
    text.parse().map_or(Day(0), Day::of)
}

/// The days of intervals, from the first to the end of the last.
fn days_of(intervals: &[Interval], end: impl Fn(Day) -> Day) -> Option<Period> {
    let (first, last) = (intervals.first()?, intervals.last()?);
    Some(Period { first: day(&first.from), end: end(day(&last.from)) })
}

fn marks(
    intervals: &[Interval],
    end: impl Fn(Day) -> Day,
    figure: impl Fn(&Interval) -> Figure,
) -> Vec<Mark> {
    let mark = |interval: &Interval| {
        let first = day(&interval.from);
        Mark {
            days: Period { first, end: end(first) },
            figure: figure(interval),
            label: interval.from.clone(),
        }
    };
    intervals.iter().map(mark).collect()
}

/// What is found: a peak, or the range.
fn finding(marks: &[Mark], unit: &str, interval: &str) -> String {
    let shown = || marks.iter().filter_map(|mark| mark.figure.number());
    let (Some(least), Some(most)) = (shown().min(), shown().max()) else {
        return format!("Fewer than five people wrote in each {interval}");
    };
    match median(marks.iter().map(|mark| mark.figure).collect()) {
        Figure::Shown(typical) if typical > 0 && most * 2 >= typical * 3 => {
            let tenths = rounded(most * 10, typical);
            let times = format!("{}.{}", tenths / 10, tenths % 10);
            format!("The busiest {interval} had {times} times as many {unit} as the typical one")
        }
        _ => {
            format!("Between {} and {} {unit} in a {interval}", with_separators(least), with_separators(most))
        }
    }
}

fn activity(id: &str, tenant: &TenantReport) -> String {
    let week = |first: Day| first.later(7);
    let Some(period) = days_of(&tenant.weeks, week) else {
        return empty("The period has no whole week.");
    };
    let mut html = String::new();
    let figures: [(&str, &str, FigureOf); 2] =
        [("messages", "messages", |week| week.messages), ("people", "people", |week| week.people)];
    for (name, unit, figure) in figures {
        let marks = marks(&tenant.weeks, week, figure);
        let title = finding(&marks, unit, "week");
        let sub = match name {
            "people" => "People who wrote at least one message in the week. Gap: fewer than five people.",
            _ => "Messages by people per week, from Monday to Sunday.",
        };
        let chart =
            Chart { id: &format!("{id}-{name}"), title: sub, description: &title, period, height: 200, unit };
        let plot = if marks.iter().all(|mark| mark.figure == Figure::Hidden) {
            empty("Fewer than five people wrote in each week.")
        } else if name == "people" {
            chart.line(&marks)
        } else {
            chart.columns(&marks)
        };
        write!(
            html,
            "<figure class=\"fig\"><figcaption><h4>{title}</h4><p class=\"sub\">{sub}</p></figcaption>{plot}"
        )
        .ok();
        if name == "people" {
            let row = |week: &Interval| vec![week.from.clone(), number(week.messages), number(week.people)];
            let table = Table {
                name: &format!("{}: messages and people per week", tenant.tenant),
                file: "weeks",
                columns: &["Week from", "Messages", "People who wrote"],
                rows: tenant.weeks.iter().map(row).collect(),
            };
            html.push_str(&table.closed());
        }
        html.push_str("</figure>");
    }
    html
}

fn when(id: &str, tenant: &TenantReport) -> String {
    let hours = &tenant.messages_by_hour_per_thousand;
    let Some(busiest) =
        tenant.busiest_hours.filter(|_| hours.iter().flatten().any(|hour| *hour != Figure::Hidden))
    else {
        return empty("Fewer than five people wrote in each hour of the week.");
    };
    let share = percent(Figure::Shown(busiest.permille));
    let row = |(name, hours): (&str, &Vec<Figure>)| {
        let tenths = |hour: &Figure| {
            hour.number()
                .map_or_else(|| "<5".to_owned(), |hour| format!("{}.{}", hour / 1000, hour % 1000 / 100))
        };
        std::iter::once(name.to_owned()).chain(hours.iter().map(tenths)).collect()
    };
    let names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let columns: Vec<String> =
        std::iter::once("Day".to_owned()).chain((0..24).map(|hour| format!("{hour}:00"))).collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let table = Table {
        name: &format!("{}: messages by weekday and hour", tenant.tenant),
        file: "hours",
        columns: &columns,
        rows: names.into_iter().zip(hours).map(row).collect(),
    };
    format!(
        "<figure class=\"fig\"><figcaption><h4>{share} of messages are written from {}:00 to {}:00</h4>\
         <p class=\"sub\">Messages in an hour of the week, on average. The stronger the colour, the more.</p></figcaption>{}{}</figure>",
        busiest.from_hour,
        (busiest.from_hour + 4) % 24,
        heat_map(&format!("{id}-hours"), hours),
        table.closed()
    )
}

fn newcomers(id: &str, tenant: &TenantReport) -> String {
    let months = &tenant.newcomers_by_month;
    if months.is_empty() {
        return empty("The period has no whole month.");
    }
    let first = |month: &str| day(&format!("{month}-01"));
    let mark = |month: &super::super::report::MonthOfNewcomers| Mark {
        days: Period { first: first(&month.month), end: first(&month.month).next_month() },
        figure: month.people,
        label: month.month.clone(),
    };
    let marks: Vec<Mark> = months.iter().map(mark).collect();
    let period = Period { first: marks[0].days.first, end: marks[marks.len() - 1].days.end };
    let title = finding(&marks, "newcomers", "month");
    let sub = "People who wrote for the first time in the month.";
    let id = format!("{id}-new");
    let chart = Chart { id: &id, title: sub, description: &title, period, height: 150, unit: "newcomers" };
    let mut html = format!(
        "<figure class=\"fig\"><figcaption><h4>{title}</h4><p class=\"sub\">{sub}</p></figcaption>{}</figure>",
        chart.columns(&marks)
    );
    let windows = months.iter().map(|month| month.returned_permille.len()).max().unwrap_or(0);
    let is_any_shown =
        months.iter().flat_map(|month| &month.returned_permille).any(|share| *share != Figure::Hidden);
    if windows > 0 && !is_any_shown {
        return html + &empty("Fewer than five newcomers of each month wrote again.");
    }
    if windows == 0 {
        return html + &empty("Whether newcomers came back is known after eight weeks at the earliest.");
    }
    html.push_str(
        "<figure class=\"fig\"><figcaption><h4>How many newcomers wrote again</h4><p class=\"sub\">Of those who first wrote in the month: \
         the share that wrote in each window of four weeks after their first four.</p></figcaption><table class=\"cohort\"><caption>Weeks after the first message</caption>\
         <thead><tr><th class=\"c0\" scope=\"col\">Month</th><th class=\"cn\" scope=\"col\">New</th>",
    );
    for window in 1..=windows {
        write!(html, "<th scope=\"col\">{}–{}</th>", 4 * window, 4 * window + 4).ok();
    }
    html.push_str("</tr></thead><tbody>");
    for month in months {
        let people = escaped(&number(month.people));
        write!(html, "<tr><th scope=\"row\">{}</th><td class=\"n\">{people}</td>", month.month).ok();
        for window in 0..windows {
            match month.returned_permille.get(window) {
                None => html.push_str("<td></td>"),
                Some(Figure::Hidden) => html.push_str("<td>&lt;5</td>"),
                Some(Figure::Shown(share)) => {
                    let (step, share) = ((share / SHARE_STEP).min(6), percent(Figure::Shown(*share)));
                    write!(html, "<td class=\"q{step}\">{share}</td>").ok();
                }
            }
        }
        html.push_str("</tr>");
    }
    html + "</tbody></table></figure>"
}

fn channels(tenant: &TenantReport) -> String {
    let channels = &tenant.channels;
    if channels.is_empty() {
        return empty("In no channel five people wrote.");
    }
    let largest = channels.iter().filter_map(|channel| channel.messages.number()).max().unwrap_or(1).max(1);
    let mut html = String::from(
        "<figure class=\"fig\"><figcaption><h4>The busiest channels</h4><p class=\"sub\">Messages of people, threads included.</p></figcaption>\
         <table class=\"num\"><caption class=\"vh\">The busiest channels</caption><thead><tr><th scope=\"col\">Channel</th><th scope=\"col\">Messages</th><th scope=\"col\">People</th></tr></thead><tbody>",
    );
    for channel in channels {
        let share = channel.messages.number().unwrap_or(0) * 1000 / largest;
        write!(
            html,
            "<tr><th scope=\"row\">#{}{}</th><td>{}</td><td>{}</td></tr>",
            escaped(&channel.channel),
            bar(share),
            escaped(&number(channel.messages)),
            escaped(&number(channel.people))
        )
        .ok();
    }
    html.push_str("</tbody></table>");
    let others = tenant.other_channels;
    if others.channels > 0 {
        let (count, messages) = (others.channels, escaped(&number(others.messages)));
        write!(html, "<p class=\"note\">{count} other channels: {messages} messages.</p>").ok();
    }
    html.push_str("</figure>");
    for (word, changes) in [("grew", &tenant.growing_channels), ("faded", &tenant.fading_channels)] {
        if changes.is_empty() {
            continue;
        }
        write!(html, "<h4>Channels that {word}</h4><ul class=\"short\">").ok();
        for change in changes {
            write!(
                html,
                "<li>#{}: {} messages in the last three months, {} in the same months a year before</li>",
                escaped(&change.channel),
                escaped(&number(change.messages)),
                escaped(&number(change.messages_a_year_before))
            )
            .ok();
        }
        html.push_str("</ul>");
    }
    html
}

fn help(id: &str, tenant: &TenantReport) -> String {
    let questions = &tenant.questions;
    if questions.asked == Figure::Hidden {
        return empty("Fewer than five people asked something in a forum.");
    }
    let first = |month: &str| day(&format!("{month}-01"));
    let mark = |month: &super::super::questions::MonthOfQuestions| Mark {
        days: Period { first: first(&month.month), end: first(&month.month).next_month() },
        figure: month.asked,
        label: month.month.clone(),
    };
    let marks: Vec<Mark> = questions.by_month.iter().map(mark).collect();
    let answered = escaped(&percent(questions.answered_permille));
    let title = format!("{answered} of questions were answered");
    let sub = format!(
        "{} questions in forums; half of the answered ones within {}, nine in ten within {}. Columns: questions in a month.",
        number(questions.asked),
        duration(questions.median_minutes),
        duration(questions.p90_minutes)
    );
    let sub = escaped(&sub);
    let plot = match (marks.first(), marks.last()) {
        (Some(one), Some(last)) if marks.iter().any(|mark| mark.figure != Figure::Hidden) => {
            let period = Period { first: one.days.first, end: last.days.end };
            let id = format!("{id}-asked");
            let description = finding(&marks, "questions", "month");
            let chart = Chart {
                id: &id,
                title: "Questions per month",
                description: &description,
                period,
                height: 150,
                unit: "questions",
            };
            chart.columns(&marks)
        }
        _ => empty("In no month five people asked."),
    };
    let row = |month: &super::super::questions::MonthOfQuestions| {
        vec![
            month.month.clone(),
            number(month.asked),
            percent(month.answered_permille),
            number(month.median_minutes),
            number(month.p90_minutes),
        ]
    };
    let table = Table {
        name: &format!("{}: questions per month", tenant.tenant),
        file: "questions",
        columns: &["Month", "Questions", "Answered", "Median minutes to the answer", "90th percentile"],
        rows: questions.by_month.iter().map(row).collect(),
    };
    format!(
        "<figure class=\"fig\"><figcaption><h4>{title}</h4><p class=\"sub\">{sub}</p></figcaption>{plot}{}</figure>",
        table.closed()
    )
}

/// What stands in place of a chart.
fn empty(reason: &str) -> String {
    format!("<p class=\"empty\">{}</p>", escaped(reason))
}
