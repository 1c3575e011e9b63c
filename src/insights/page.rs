//! A report as one HTML file without scripts, which requests nothing.

mod activity;
mod compared;
mod help;
mod part;
mod svg;
mod table;
mod talk;
mod tenant;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use self::compared::compared;
use self::table::Table;
use super::report::{Report, TenantReport};
use super::words::{Names, date, day, small_number};

const STYLE: &str = include_str!("page/style.css");
/// Bytes of a page at most.
pub const MAX_BYTES: usize = 500_000;
/// What stands around the communities.
const FRAME_BYTES: usize = 40_000;

/// The page.
pub fn page(report: &Report) -> String {
    let (period_names, end) = (Names::of(report), day(&report.period.to).later(1));
    let mut sections = Vec::new();
    let (mut left, mut omitted) = (MAX_BYTES - FRAME_BYTES, Vec::new());
    for (index, tenant) in report.tenants.iter().enumerate() {
        let section = tenant::section(&format!("c{index}"), tenant, period_names, end);
        if section.len() > left {
            omitted.push(escaped(&tenant.tenant));
            continue;
        }
        left -= section.len();
        sections.push((format!("c{index}"), tenant, section));
    }
    let names: Vec<String> = report.tenants.iter().map(|tenant| escaped(&tenant.tenant)).collect();
    let span = if period_names.now == "this year" { "A year" } else { "A look" };
    let title = match &names[..] {
        [name] => format!("{span} in {name}"),
        names => format!("{span} in {} communities", small_number(names.len())),
    };
    let mut contents = String::new();
    if names.len() > 1 {
        contents.push_str("<li class=\"top\"><a href=\"#compare\">Side by side</a></li>");
    }
    for (id, tenant, section) in &sections {
        write!(contents, "<li class=\"top\"><a href=\"#{id}\">{}</a></li>", escaped(&tenant.tenant)).ok();
        for (part, name, _) in tenant::PARTS {
            if section.contains(&format!("id=\"{id}-{part}\"")) {
                write!(contents, "<li><a href=\"#{id}-{part}\">{name}</a></li>").ok();
            }
        }
    }
    let mut main = String::new();
    if names.len() > 1 {
        main.push_str(&compared(&report.tenants, period_names));
    }
    for (_, _, section) in &sections {
        main.push_str(section);
    }
    if !omitted.is_empty() {
        let omitted = omitted.join(", ");
        write!(main, "<p class=\"note\">Not shown in depth, for want of room: {omitted}.</p>").ok();
    }
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    let date_of = |text: &str| date(day(text.split('T').next().unwrap_or(text)));
    let as_of = report.as_of.as_deref().map_or_else(|| "an unknown day".to_owned(), date_of);
    let deleted = if report.includes_deleted { " Deleted messages count." } else { "" };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'\">\
<meta name=\"referrer\" content=\"no-referrer\"><meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" href=\"data:,\">\
<title>{title}</title>\n<style>{STYLE}</style>\n</head><body>\n\
<a class=\"skip\" href=\"#main\">Skip to the figures</a>\n<div class=\"wrap\">\n\
<header><h1>{title}</h1>\n<p class=\"meta\">{} to {}, compared with {} to {}. Public channels only. Times: {}. Archive as of {as_of}. \
Bots are counted apart.{deleted} Nobody is named, no message is shown, and nothing is said about fewer than five people.</p></header>\n\
<nav aria-label=\"Contents\"><p>Contents</p><ul>{contents}<li class=\"top\"><a href=\"#health\">Health of the archive</a></li>\
<li class=\"top\"><a href=\"#method\">How it is counted</a></li></ul></nav>\n<main id=\"main\">{main}{}{METHOD}</main>\n\
<footer>Made by verta-sync.</footer>\n</div>\n</body></html>\n",
        date_of(&report.period.from),
        date_of(&report.period.to),
        date_of(&report.before.from),
        date_of(&report.before.to),
        escaped(&report.timezone),
        health(&report.tenants),
    )
}

const METHOD: &str = "<section aria-labelledby=\"method\"><h2 id=\"method\">How it is counted</h2>\
<p>The figures are about messages that people wrote in channels that everybody may see; a thread counts as its channel. Left out \
are bots and webhooks, what the platform announces, deleted messages unless the page says otherwise, and people who asked to be erased.</p>\
<p>A number about fewer than five people is shown as &lt;&nbsp;5, also if it is zero. Where it would follow from other \
numbers, some of those are shown as &ldquo;hidden&rdquo;.</p><dl class=\"defs\">\
<div><dt>Newcomer</dt><dd>A person whose first archived message was sent in the period.</dd></div>\
<div><dt>Wrote again after four weeks</dt><dd>Wrote on a day from the 28th to the 55th after the first one; only months for \
which these days are over for everybody.</dd></div>\
<div><dt>Question</dt><dd>A post in a forum. It is answered when another person has written in it, and counts as neither \
answered nor unanswered until it is a week old.</dd></div>\
<div><dt>Question outside of forums</dt><dd>An estimate: a message that is no reply, with a question mark at the end of a sentence. \
It is answered when another person replies to it or writes in its thread within a week, or mentions the person who asked within a day.</dd></div>\
<div><dt>Growing and fading channels</dt><dd>Messages in the last three whole months against the same months a year before; \
at least 100 a month in one of the two.</dd></div>\
<div><dt>Words that rose and fell</dt><dd>Words of at least five people in both periods whose share of messages changed more than \
chance explains (log-likelihood, p&nbsp;&lt;&nbsp;0.001). Mentions, addresses, words with digits and single letters are left out.</dd></div>\
<div><dt>Emoji</dt><dd>Reactions, and emoji in the texts of people.</dd></div>\
<div><dt>Site</dt><dd>The registered domain of an address, such as example.co.uk.</dd></div></dl></section>";

fn health(tenants: &[TenantReport]) -> String {
    let short_date = |time: &str| date(day(time.split('T').next().unwrap_or(time)));
    let row = |tenant: &TenantReport| {
        let health = &tenant.health;
        vec![
            tenant.tenant.clone(),
            tenant.archived_since.as_deref().map_or_else(|| "nothing yet".to_owned(), short_date),
            health.last_success.as_deref().map_or_else(|| "never".to_owned(), short_date),
            format!("{} of {}", health.days_without_success, health.days_since_first_success),
            health.channels_read.to_string(),
            health.channels_unreadable.to_string(),
            health.channels_hidden.to_string(),
            health.messages_unreadable.to_string(),
        ]
    };
    let columns = [
        "Community",
        "Archived since",
        "Last complete sync",
        "Days without a completed run",
        "Channels read",
        "Channels the bot may not read",
        "Channels closed since",
        "Unreadable messages",
    ];
    let table = Table {
        name: "Health of the archive".to_owned(),
        file: "health".to_owned(),
        columns: columns.map(str::to_owned).to_vec(),
        rows: tenants.iter().map(row).collect(),
    };
    let unreadable: u64 = tenants.iter().map(|tenant| tenant.health.channels_unreadable).sum();
    let text = match unreadable {
        0 => "All public channels could be read.".to_owned(),
        1 => "One public channel could not be read; what is written there is missing here.".to_owned(),
        count => format!("{count} public channels could not be read; what is written there is missing here."),
    };
    format!(
        "<section aria-labelledby=\"health\"><h2 id=\"health\">Health of the archive</h2><p>{text}</p>{}</section>",
        table.open()
    )
}

/// A text in HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars().filter(|char| !char.is_control()) {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
