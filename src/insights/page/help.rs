//! Whether questions are answered, and how fast.

use std::fmt::Write as _;

use super::super::figure::Figure;
use super::super::questions::{MonthOfQuestions, QuestionsOfTag};
use super::super::words::{duration, number, percent};
use super::activity::{days_of, month_mark};
use super::escaped;
use super::part::{Community, empty, figure, finding};
use super::svg::{Bar, Chart, Mark, Unit, bars};
use super::table::{Table, csv_name};

/// A small chart: its name, what it shows, its unit, its colour, and the number of a month.
type Panel = (&'static str, &'static str, Unit, &'static str, fn(&MonthOfQuestions) -> Figure);

const PANELS: [Panel; 3] = [
    ("median", "Half were answered within (median)", Unit::Minutes, "c1", |month| month.median_minutes),
    ("p90", "Nine in ten within (90th percentile)", Unit::Minutes, "c1", |month| month.p90_minutes),
    ("open", "Share that nobody answered", Unit::Permille, "c2", |month| match month.answered_permille {
        Figure::Shown(permille) => Figure::Shown(1000 - permille.min(1000)),
        hidden => hidden,
    }),
];

pub fn help(community: &Community<'_>) -> String {
    forums(community) + &chat(community)
}

fn forums(community: &Community<'_>) -> String {
    let questions = &community.report.questions;
    if !questions.asked.is_shown() {
        return empty("Fewer than five people asked something in a forum.");
    }
    let tags = tags(community);
    let asked = asked(community);
    let first = if tags.is_empty() { asked } else { format!("<div class=\"row\">{asked}{tags}</div>") };
    first + &responses(community)
}

fn asked(community: &Community<'_>) -> String {
    let Community { id, report, .. } = community;
    let questions = &report.questions;
    let marks: Vec<Mark> =
        questions.by_month.iter().map(|month| month_mark(&month.month, month.asked)).collect();
    let mut title = format!("{} questions were asked in forums", number(questions.asked));
    if questions.answered_permille.is_shown() {
        write!(title, "; {} were answered", percent(questions.answered_permille)).ok();
    }
    let figures: Vec<Figure> = marks.iter().map(|mark| mark.figure).collect();
    let plot = match days_of(&marks) {
        Some(period) if figures.iter().any(|figure| figure.is_shown()) => Chart {
            id: &format!("{id}-asked"),
            title: "Questions per month",
            description: &finding(&figures, "questions", "month"),
            period,
            height: 180,
            unit: Unit::Count,
            caption: "questions per month",
            class: "c1",
        }
        .columns(&marks, &[], 72),
        _ => empty("Too few people asked in each month for a chart."),
    };
    // "< 5" alone would be a number of minutes.
    let minutes = |figure: Figure| if figure.is_shown() { number(figure) } else { percent(figure) };
    let row = |month: &MonthOfQuestions| {
        vec![
            month.month.clone(),
            number(month.asked),
            percent(month.answered_permille),
            minutes(month.median_minutes),
            minutes(month.p90_minutes),
        ]
    };
    let table = Table {
        name: format!("{}: questions per month", report.tenant),
        file: csv_name(&report.tenant, "questions"),
        columns: [
            "Month",
            "Questions",
            "Answered",
            "Median minutes to the answer",
            "90th percentile of minutes",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: questions.by_month.iter().map(row).collect(),
    };
    let sub = "Posts in forums, by the month in which they were opened. Answered: another person wrote in the post.";
    let has_numbers = figures.iter().any(|figure| figure.is_shown());
    let table = if has_numbers { table.closed() } else { String::new() };
    figure(&escaped(&title), sub, &(plot + &table))
}

fn tags(community: &Community<'_>) -> String {
    let Community { id, report, .. } = community;
    let questions = &report.questions;
    let tags: Vec<&QuestionsOfTag> =
        questions.tags.iter().filter(|tag| tag.solved_permille.is_shown()).collect();
    if !questions.solved_permille.is_shown() || tags.is_empty() {
        return String::new();
    }
    let row = |tag: &&QuestionsOfTag| Bar {
        name: format!("{} ({})", tag.tag, number(tag.asked)),
        number: tag.solved_permille.number(),
        value: percent(tag.solved_permille),
    };
    let rows: Vec<Bar> = tags.iter().map(row).collect();
    let by_share = |tag: &&&QuestionsOfTag| tag.solved_permille.number();
    let (most, least) = (tags.iter().max_by_key(by_share), tags.iter().min_by_key(by_share));
    let title = match (most, least) {
        (Some(most), Some(least)) if tags.len() > 2 && most.solved_permille != least.solved_permille => {
            format!("“{}” is solved most often, “{}” least", most.tag, least.tag)
        }
        _ => format!("{} of questions are marked as solved", percent(questions.solved_permille)),
    };
    let sub = "Share of the questions with the tag that carry a tag for solved ones. In brackets: questions.";
    let table = Table {
        name: format!("{}: questions by tag", report.tenant),
        file: csv_name(&report.tenant, "tags"),
        columns: ["Tag", "Questions", "Solved"].map(str::to_owned).to_vec(),
        rows: tags
            .iter()
            .map(|tag| vec![tag.tag.clone(), number(tag.asked), percent(tag.solved_permille)])
            .collect(),
    };
    let plot = bars(&format!("{id}-tags"), "Share of solved questions by tag", &rows, Some(1000));
    figure(&escaped(&title), sub, &(plot + &table.closed()))
}

fn responses(community: &Community<'_>) -> String {
    let Community { id, report, names } = community;
    let questions = &report.questions;
    if !questions.median_minutes.is_shown() {
        return empty(
            "Fewer than five people were answered in a forum, which is too few for response times.",
        );
    }
    let mut panels = String::new();
    for (name, title, unit, class, of_month) in PANELS {
        let marks: Vec<Mark> =
            questions.by_month.iter().map(|month| month_mark(&month.month, of_month(month))).collect();
        let shown: Vec<&Mark> = marks.iter().filter(|mark| mark.figure.is_shown()).collect();
        let (Some(period), [first, .., last]) = (days_of(&marks), &shown[..]) else { continue };
        let text = |mark: &Mark| {
            format!(
                "{}: {}",
                mark.label,
                mark.figure.number().map_or_else(String::new, |number| unit.text(number))
            )
        };
        let all: Vec<String> = shown.iter().map(|mark| text(mark)).collect();
        let chart = Chart {
            id: &format!("{id}-{name}"),
            title,
            description: &all.join("; "),
            period,
            height: 130,
            unit,
            caption: "",
            class,
        };
        write!(
            panels,
            "<div><h5>{title}</h5><p class=\"sub\">{} → {}</p>{}</div>",
            escaped(&text(first)),
            escaped(&text(last)),
            chart.columns(&marks, &[], 72)
        )
        .ok();
    }
    let title = format!(
        "Half of the answers came within {}, nine in ten within {}",
        duration(questions.median_minutes),
        duration(questions.p90_minutes)
    );
    let mut sub = "Time to the first message of another person, by month of the question. Questions younger than a week are left out.".to_owned();
    if let Some(before) = questions.before.filter(|before| before.median_minutes.is_shown()) {
        let (median, p90) = (duration(before.median_minutes), duration(before.p90_minutes));
        write!(sub, " {}: {median} and {p90}.", capital(names.before)).ok();
    }
    let body = if panels.is_empty() {
        empty("Too few people were answered in each month for charts.")
    } else {
        format!(
            "<div class=\"panels\">{panels}</div><p class=\"note\">The small charts have different units; each begins at zero. The numbers are in the table of questions.</p>"
        )
    };
    figure(&escaped(&title), &escaped(&sub), &body)
}

fn chat(community: &Community<'_>) -> String {
    let questions = community.report.chat_questions;
    if !questions.asked.is_shown() {
        return String::new();
    }
    let answered = match questions.answered_permille {
        Figure::Hidden | Figure::Withheld => String::new(),
        share @ Figure::Shown(_) => format!("; {} got an answer within a week", percent(share)),
    };
    let text = format!(
        "Outside of forums people asked about {} questions{answered}. This is an estimate: messages that are no \
         replies and have a question mark at the end of a sentence.",
        number(questions.asked)
    );
    format!("<p class=\"aside\">{}</p>", escaped(&text))
}

/// A text with a capital letter at its beginning.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + chars.as_str())
}
