//! The part of the page about one community.

use std::fmt::Write as _;

use super::super::calendar::Day;
use super::super::figure::Figure;
use super::super::report::{Compared, TenantReport};
use super::super::words::{
    Names, change, date, day, duration, duration_change, number, percent, share_change, short_dates,
};
use super::activity::{activity, intervals, newcomers, when};
use super::escaped;
use super::help::help;
use super::part::{Community, empty};
use super::svg::Mark;
use super::talk::{channels, conversations, emoji, files_and_links, other_messages, words};

/// Days between the newest message and the end of a period from which on this is said.
const DAYS_OF_GAP: i32 = 8;

/// Writes a part.
type WritePart = fn(&Community<'_>) -> String;

/// The parts of a section, by the end of their ID, with their titles. A part without content is left out.
pub const PARTS: [(&str, &str, WritePart); 11] = [
    ("headline", "Headline figures", headline),
    ("activity", "Activity", activity),
    ("when", "When people write", when),
    ("newcomers", "Newcomers", newcomers),
    ("channels", "Channels", channels),
    ("help", "Questions and answers", help),
    ("conversations", "Conversations", conversations),
    ("emoji", "Emoji", emoji),
    ("words", "Words that rose and fell", words),
    ("links", "Files and links", files_and_links),
    ("others", "Bots, edits and deletions", other_messages),
];

/// The section of a community.
pub fn section(id: &str, report: &TenantReport, names: Names, end: Day) -> String {
    let since = report.archived_since.as_deref().map_or_else(
        || "nothing is archived yet".to_owned(),
        |since| format!("archived since {}", date(day(since))),
    );
    let mut html = format!(
        "<section aria-labelledby=\"{id}\"><h2 id=\"{id}\">{}</h2><p class=\"meta\">{} channels are read; {since}.</p>{}",
        escaped(&report.tenant),
        report.health.channels_read,
        gap(report, end)
    );
    if !report.people.now.is_shown() {
        return html + &empty("Fewer than five people wrote in the period.") + "</section>";
    }
    let name = escaped(&report.tenant);
    let community = Community { id, report, names };
    for (part, title, body) in PARTS {
        let body = body(&community);
        if !body.is_empty() {
            write!(
                html,
                "<section aria-labelledby=\"{id}-{part}\"><h3 id=\"{id}-{part}\">{title}<span class=\"vh\">: {name}</span></h3>{body}</section>"
            )
            .ok();
        }
    }
    html + "</section>"
}

/// Says that the archive ends before the period, which is not a decline of the community.
fn gap(report: &TenantReport, end: Day) -> String {
    match report.newest_message.as_deref().map(day) {
        Some(newest) if newest.later(DAYS_OF_GAP) < end => empty(&format!(
            "The newest archived message is of {}, before the end of the period: later weeks are empty, and comparisons with earlier periods are too low.",
            date(newest)
        )),
        _ => String::new(),
    }
}

fn headline(community: &Community<'_>) -> String {
    format!("{}<ul class=\"cards\">{}</ul>", summary(community), cards(community))
}

/// What changed, in sentences.
fn summary(community: &Community<'_>) -> String {
    let Community { report, names, .. } = community;
    let before = names.before;
    let mut sentences = vec![format!(
        "{} people wrote {} messages: {}; {}.",
        number(report.people.now),
        number(report.messages.now),
        of_noun(&change(report.people, "people", before), "people"),
        of_noun(&change(report.messages, "messages", before), "messages"),
    )];
    let (interval, marks) = intervals(report, |interval| interval.messages);
    let shown = || marks.iter().filter(|mark| mark.figure.is_shown());
    let (most, least) =
        (shown().max_by_key(|mark| mark.figure.number()), shown().min_by_key(|mark| mark.figure.number()));
    let is_single = |mark: &Mark| shown().filter(|other| other.figure == mark.figure).count() == 1;
    if let (Some(most), Some(least), true) = (most, least, marks.len() > 2 && shown().count() == marks.len())
        && is_single(most)
        && is_single(least)
    {
        sentences.push(format!(
            "The busiest {interval} was {}, the quietest {}.",
            short_dates(most.days),
            short_dates(least.days)
        ));
    }
    let mut newcomers = match report.newcomers.now {
        Figure::Shown(_) => format!("{} people wrote for the first time", number(report.newcomers.now)),
        Figure::Hidden => "Fewer than five people wrote for the first time".to_owned(),
        Figure::Withheld => "How many people wrote for the first time is not shown".to_owned(),
    };
    if let returned @ Figure::Shown(_) = report.returned_after_four_weeks_permille.now {
        write!(newcomers, "; {} of those who could wrote again after four weeks", percent(returned)).ok();
    }
    sentences.push(newcomers + ".");
    let questions = &report.questions;
    if questions.asked.is_shown() {
        let asked = Compared { now: questions.asked, before: questions.before.map(|before| before.asked) };
        let mut text = format!(
            "In forums {} questions were asked: {}",
            number(questions.asked),
            change(asked, "questions", before)
        );
        if questions.median_minutes.is_shown() {
            write!(text, "; half of the answers came within {}", duration(questions.median_minutes)).ok();
            if let Some(then @ Figure::Shown(_)) = questions.before.map(|before| before.median_minutes)
                && duration(then) != duration(questions.median_minutes)
            {
                write!(text, " instead of {}", duration(then)).ok();
            }
        }
        sentences.push(text + ".");
    }
    let first = |changes: &[super::super::report::ChannelChange]| {
        changes.first().map(|change| format!("#{}", change.channel))
    };
    match (first(&report.growing_channels), first(&report.fading_channels)) {
        (Some(grew), Some(faded)) => sentences.push(format!("{grew} grew most, {faded} faded most.")),
        (Some(grew), None) => sentences.push(format!("{grew} grew most.")),
        (None, Some(faded)) => sentences.push(format!("{faded} faded most.")),
        (None, None) => {}
    }
    if let (Some(rose), Some(fell)) = (report.words_that_rose.first(), report.words_that_fell.first()) {
        sentences.push(format!("There was more talk of “{}”, and less of “{}”.", rose.word, fell.word));
    }
    let mut html = String::from("<ul class=\"short\">");
    for sentence in sentences {
        write!(html, "<li>{}</li>", escaped(&sentence)).ok();
    }
    html + "</ul>"
}

/// A change with its noun, such as "8 % fewer people than in the year before".
fn of_noun(change: &str, noun: &str) -> String {
    for word in ["more", "fewer"] {
        if let Some((start, end)) = change.split_once(&format!(" {word} ")) {
            return format!("{start} {word} {noun} {end}");
        }
    }
    change.to_owned()
}

fn cards(community: &Community<'_>) -> String {
    let Community { report, names, .. } = community;
    let before = names.before;
    let mut html = String::new();
    let mut card = |value: String, what: &str, change: String| {
        write!(html, "<li><b>{}</b> {what}<span>{}</span></li>", escaped(&value), escaped(&change)).ok();
    };
    for (figure, what, noun) in [
        (report.people, "people wrote", "people"),
        (report.messages, "messages were written", "messages"),
        (report.newcomers, "people wrote for the first time", "newcomers"),
    ] {
        card(number(figure.now), what, change(figure, noun, before));
    }
    let returned = report.returned_after_four_weeks_permille;
    if returned.now.is_shown() {
        card(
            percent(returned.now),
            "of newcomers wrote again after four weeks",
            share_change(returned, before),
        );
    }
    let questions = &report.questions;
    let of_before = questions.before;
    if questions.asked.is_shown() {
        let asked = Compared { now: questions.asked, before: of_before.map(|before| before.asked) };
        card(number(asked.now), "questions were asked in forums", change(asked, "questions", before));
    }
    if questions.answered_permille.is_shown() {
        let answered = Compared {
            now: questions.answered_permille,
            before: of_before.map(|before| before.answered_permille),
        };
        card(percent(answered.now), "of questions in forums were answered", share_change(answered, before));
    }
    if questions.median_minutes.is_shown() {
        let change =
            duration_change(questions.median_minutes, of_before.map(|before| before.median_minutes), before);
        card(
            duration(questions.median_minutes),
            "or less to the first answer, for half of the questions",
            change,
        );
    }
    let chat = report.chat_questions;
    if chat.asked.is_shown() && chat.answered_permille.is_shown() {
        let about = format!("of about {} questions outside of forums", number(chat.asked));
        card(percent(chat.answered_permille), "of questions elsewhere got an answer (estimate)", about);
    }
    if report.reactions.now.is_shown() {
        card(
            number(report.reactions.now),
            "reactions were given",
            change(report.reactions, "reactions", before),
        );
    }
    html
}
