//! A report as a short text that can be posted.

use std::fmt::Write as _;

use super::report::{ChannelChange, Report, TenantReport};
use super::words::{MIN_PERMILLE_OF_BUSIEST, Names, change, duration, number, percent};

/// Lines of a digest at most.
pub const MAX_LINES: usize = 40;
/// Lines before and after the communities.
const FRAME_LINES: usize = 6;
/// Channels that a digest names.
const CHANNELS: usize = 3;

/// The digest. Communities for which no line is left are named in the last one.
pub fn digest(report: &Report) -> String {
    let mut text = format!(
        "# {} to {}\n\nCompared with {} to {}. Times: {}. Bots are left out, and nothing is said about fewer than five people.\n",
        report.period.from, report.period.to, report.before.from, report.before.to, report.timezone
    );
    let mut left = MAX_LINES - FRAME_LINES;
    let mut omitted = 0;
    for tenant in &report.tenants {
        let lines = of_tenant(tenant, Names::of(report));
        if lines.len() + 3 > left {
            omitted += 1;
            continue;
        }
        left -= lines.len() + 3;
        write!(text, "\n## {}\n\n", plain(&tenant.tenant)).ok();
        for line in &lines {
            writeln!(text, "- {line}").ok();
        }
    }
    if omitted > 0 {
        writeln!(text, "\nLeft out for want of room: {omitted} more; choose some with --tenant.").ok();
    }
    text
}

fn of_tenant(tenant: &TenantReport, names: Names) -> Vec<String> {
    let before = names.before;
    if tenant.archived_since.is_none() {
        return vec!["nothing is archived yet".to_owned()];
    }
    let mut lines = vec![
        format!(
            "**{}** people wrote: {}",
            number(tenant.people.now),
            change(tenant.people, "people", before)
        ),
        format!(
            "**{}** messages: {}",
            number(tenant.messages.now),
            change(tenant.messages, "messages", before)
        ),
        format!(
            "**{}** people wrote for the first time: {}",
            number(tenant.newcomers.now),
            change(tenant.newcomers, "newcomers", before)
        ),
    ];
    if tenant.returned_after_four_weeks_permille.now.number().is_some() {
        let share = percent(tenant.returned_after_four_weeks_permille.now);
        lines.push(format!("{share} of newcomers wrote again after four weeks"));
    }
    if let Some(hours) = tenant.busiest_hours.filter(|hours| hours.permille >= MIN_PERMILLE_OF_BUSIEST) {
        let share = percent(super::figure::Figure::Shown(hours.permille));
        let (from, to) = (hours.from_hour, (hours.from_hour + 4) % 24);
        lines.push(format!("busiest from {from}:00 to {to}:00: {share} of messages"));
    }
    let busiest = tenant.channels.iter().take(CHANNELS);
    let busiest: Vec<String> = busiest
        .map(|channel| format!("#{} ({})", plain(&channel.channel), number(channel.messages)))
        .collect();
    if !busiest.is_empty() {
        lines.push(format!("busiest channels: {}", busiest.join(", ")));
    }
    for (word, channels) in [("grew", &tenant.growing_channels), ("faded", &tenant.fading_channels)] {
        if let Some(ChannelChange { channel, messages, messages_a_year_before }) = channels.first() {
            let (now, then) = (number(*messages), number(*messages_a_year_before));
            lines.push(format!(
                "#{} {word} the most: {now} messages in the last three months, {then} a year before",
                plain(channel)
            ));
        }
    }
    let questions = &tenant.questions;
    if questions.asked.number().is_some() {
        let asked = number(questions.asked);
        let mut line =
            format!("**{asked}** questions in forums: {} answered", percent(questions.answered_permille));
        if questions.median_minutes.number().is_some() {
            write!(line, ", half of them within {}", duration(questions.median_minutes)).ok();
        }
        lines.push(line);
    }
    if let [first, ..] = &tenant.words_that_rose[..] {
        let mut line = format!("more talk of “{}”", plain(&first.word));
        if let [first, ..] = &tenant.words_that_fell[..] {
            write!(line, ", less of “{}”", plain(&first.word)).ok();
        }
        lines.push(line);
    }
    if tenant.health.channels_unreadable > 0 {
        lines.push(format!("{} channels cannot be read by the bot", tenant.health.channels_unreadable));
    }
    lines
}

/// A name without what Markdown or Discord would take as markup.
fn plain(name: &str) -> String {
    let mut text = String::new();
    for char in name.chars().filter(|char| !char.is_control()) {
        if matches!(char, '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '>' | '[' | ']' | '@') {
            text.push('\\');
        }
        text.push(char);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_markup() {
        assert_eq!(plain("a_b *c* <@1> [x](y)\n"), "a\\_b \\*c\\* \\<\\@1\\> \\[x\\](y)");
    }
}
