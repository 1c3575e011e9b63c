//! A report as one HTML file without scripts, which requests nothing.

mod svg;
mod table;
mod tenant;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use self::table::Table;
use super::report::{Report, TenantReport};
use super::words::{change, number, percent};

const STYLE: &str = include_str!("page/style.css");
/// Bytes of a page at most.
pub const MAX_BYTES: usize = 500_000;
/// What stands around the communities.
const FRAME_BYTES: usize = 40_000;

/// The page.
pub fn page(report: &Report) -> String {
    let mut sections = Vec::new();
    let (mut left, mut omitted) = (MAX_BYTES - FRAME_BYTES, Vec::new());
    for (index, tenant) in report.tenants.iter().enumerate() {
        let section = tenant::section(&format!("c{index}"), tenant);
        if section.len() > left {
            omitted.push(escaped(&tenant.tenant));
            continue;
        }
        left -= section.len();
        sections.push((format!("c{index}"), tenant, section));
    }
    let names: Vec<String> = report.tenants.iter().map(|tenant| escaped(&tenant.tenant)).collect();
    let title = match &names[..] {
        [name] => format!("How {name} lives"),
        names => format!("How {} communities live", names.len()),
    };
    let mut contents = String::new();
    if names.len() > 1 {
        contents.push_str("<li class=\"top\"><a href=\"#compare\">Compared</a></li>");
    }
    for (id, tenant, section) in &sections {
        write!(contents, "<li class=\"top\"><a href=\"#{id}\">{}</a></li>", escaped(&tenant.tenant)).ok();
        for (part, name) in tenant::PARTS {
            if section.contains(&format!("id=\"{id}-{part}\"")) {
                write!(contents, "<li><a href=\"#{id}-{part}\">{name}</a></li>").ok();
            }
        }
    }
    let mut main = String::new();
    if names.len() > 1 {
        main.push_str(&compared(&report.tenants));
    }
    for (_, _, section) in &sections {
        main.push_str(section);
    }
    if !omitted.is_empty() {
        let omitted = omitted.join(", ");
        write!(main, "<p class=\"note\">Not shown in depth, for want of room: {omitted}.</p>").ok();
    }
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    let as_of = report.as_of.as_deref().and_then(|time| time.split('T').next()).unwrap_or("an unknown day");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'\">\
<meta name=\"referrer\" content=\"no-referrer\"><meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" href=\"data:,\">\
<title>{title}</title>\n<style>{STYLE}</style>\n</head><body>\n\
<a class=\"skip\" href=\"#main\">Skip to the figures</a>\n<div class=\"wrap\">\n\
<header><h1>{title}</h1>\n<p class=\"meta\">{} to {}, compared with {} to {}. Public channels only. Times: {}. Archive as of {as_of}. \
Bots are left out. Nobody is named, no message is shown, and nothing is said about fewer than five people.</p></header>\n\
<nav aria-label=\"Contents\"><p>Contents</p><ul>{contents}<li class=\"top\"><a href=\"#health\">Health of the archive</a></li>\
<li class=\"top\"><a href=\"#method\">How it is counted</a></li></ul></nav>\n<main id=\"main\">{main}{}{METHOD}</main>\n\
<footer>Made by verta-sync.</footer>\n</div>\n</body></html>\n",
        report.period.from,
        report.period.to,
        report.before.from,
        report.before.to,
        escaped(&report.timezone),
        health(&report.tenants),
    )
}

const METHOD: &str = "<section aria-labelledby=\"method\"><h2 id=\"method\">How it is counted</h2>\
<p>Counted are messages that people wrote in channels that everybody may see; a thread counts as its channel. Left out are \
bots and webhooks, what the platform announces, deleted messages, and people who asked to be erased.</p>\
<p>A number about fewer than five people is shown as &lt;5, also if it is zero. Where it would follow from other \
numbers, one of those is hidden as well.</p>\
<p>Newcomers are people whose first archived message was sent in the period. A question is a post in a forum; it is answered \
when another person has written in it, and has a week for that.</p></section>";

/// The communities side by side.
fn compared(tenants: &[TenantReport]) -> String {
    let row = |tenant: &TenantReport| {
        vec![
            tenant.tenant.clone(),
            number(tenant.people.now),
            number(tenant.messages.now),
            number(tenant.newcomers.now),
            percent(tenant.returned_after_four_weeks_permille),
            percent(tenant.questions.answered_permille),
            number(tenant.typical_week_people),
        ]
    };
    let table = Table {
        name: "Communities compared",
        file: "compared",
        columns: &[
            "Community",
            "People who wrote",
            "Messages",
            "Newcomers",
            "Wrote again after four weeks",
            "Questions answered",
            "People in a typical week",
        ],
        rows: tenants.iter().map(row).collect(),
    };
    let largest = &tenants[0];
    format!(
        "<section aria-labelledby=\"compare\"><h2 id=\"compare\">Side by side</h2><p class=\"sub\">{} is the largest: {} people wrote, {}.</p>{}</section>",
        escaped(&largest.tenant),
        number(largest.people.now),
        change(largest.people, "people"),
        table.open()
    )
}

fn health(tenants: &[TenantReport]) -> String {
    let row = |tenant: &TenantReport| {
        let health = &tenant.health;
        vec![
            tenant.tenant.clone(),
            tenant.archived_since.clone().unwrap_or_else(|| "nothing yet".to_owned()),
            health
                .last_success
                .as_deref()
                .map_or("never", |time| time.split('T').next().unwrap_or(time))
                .to_owned(),
            health.channels_read.to_string(),
            health.channels_unreadable.to_string(),
            health.channels_hidden.to_string(),
        ]
    };
    let table = Table {
        name: "Health of the archive",
        file: "health",
        columns: &[
            "Community",
            "Archived since",
            "Last complete sync",
            "Channels read",
            "Channels the bot may not read",
            "Channels closed since",
        ],
        rows: tenants.iter().map(row).collect(),
    };
    format!(
        "<section aria-labelledby=\"health\"><h2 id=\"health\">Health of the archive</h2>{}</section>",
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
