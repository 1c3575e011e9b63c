//! Where people talk, and what about.

use std::fmt::Write as _;

use super::super::emoji::EmojiUse;
use super::super::figure::Figure;
use super::super::report::{ChannelChange, Ranks};
use super::super::threads::ThreadsOfLength;
use super::super::vocabulary::WordChange;
use super::super::words::{number, percent, tenths};
use super::escaped;
use super::part::{Community, empty, figure, slim_figure};
use super::svg::{Bar, Dumbbell, bars, dumbbells};
use super::table::{Table, csv_name};

/// A row with a count.
fn count_bar(name: String, figure: Figure) -> Bar {
    Bar { name, number: figure.number(), value: number(figure) }
}

fn columns<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

/// The legend of [`dumbbells`]: the names of the two dots.
fn key(before: &str, now: &str, class: &str) -> String {
    format!(
        "<ul class=\"key\"><li><svg width=\"14\" height=\"14\" aria-hidden=\"true\"><circle class=\"hollow\" cx=\"7\" cy=\"7\" r=\"5\"/></svg>{before}</li>\
         <li><svg width=\"14\" height=\"14\" aria-hidden=\"true\"><circle class=\"{class}\" cx=\"7\" cy=\"7\" r=\"6\"/></svg>{now}</li></ul>"
    )
}

pub fn channels(community: &Community<'_>) -> String {
    let Community { id, report, .. } = community;
    let channels = &report.channels;
    if channels.is_empty() {
        return empty("In no channel five people wrote.");
    }
    let rows: Vec<Bar> =
        channels.iter().map(|channel| count_bar(format!("#{}", channel.channel), channel.messages)).collect();
    let table = Table {
        name: format!("{}: channels", report.tenant),
        file: csv_name(&report.tenant, "channels"),
        columns: columns(["Channel", "Messages", "People who wrote"]),
        rows: channels
            .iter()
            .map(|channel| vec![channel.channel.clone(), number(channel.messages), number(channel.people)])
            .collect(),
    };
    let top: u64 = channels.iter().take(3).filter_map(|channel| channel.messages.number()).sum();
    let title = match report.messages.now {
        Figure::Shown(all) if channels.len() > 3 && all > 0 => {
            format!("Three channels hold {} of all messages", percent(Figure::Shown(top * 1000 / all)))
        }
        _ => "The busiest channels".to_owned(),
    };
    let mut body = bars(&format!("{id}-channel-bars"), "Messages by channel", &rows, None);
    let others = report.other_channels;
    if others.channels > 0 {
        write!(
            body,
            "<p class=\"note\">{} other channels: {} messages.</p>",
            others.channels,
            escaped(&number(others.messages))
        )
        .ok();
    }
    body.push_str(&table.closed());
    slim_figure(&title, "Messages of people; threads and posts count as their channel.", &body)
        + &changed_channels(community)
}

fn changed_channels(community: &Community<'_>) -> String {
    let Community { id, report, .. } = community;
    let figure_of = |verb: &str, class: &str, changes: &[ChannelChange]| {
        let Some(first) = changes.first() else { return String::new() };
        let row = |change: &ChannelChange| Dumbbell {
            name: format!("#{}", change.channel),
            before: change.messages_a_year_before.number().unwrap_or(0) * 10,
            now: change.messages.number().unwrap_or(0) * 10,
        };
        let rows: Vec<Dumbbell> = changes.iter().map(row).collect();
        let title = escaped(&format!("#{} {verb} most", first.channel));
        let table = Table {
            name: format!("{}: channels that {verb}", report.tenant),
            file: csv_name(&report.tenant, &format!("channels-{verb}")),
            columns: columns(["Channel", "Messages a year before", "Messages"]),
            rows: changes
                .iter()
                .map(|change| {
                    vec![
                        change.channel.clone(),
                        number(change.messages_a_year_before),
                        number(change.messages),
                    ]
                })
                .collect(),
        };
        let plot = dumbbells(&format!("{id}-{verb}"), &format!("Channels that {verb}"), &rows, class);
        let sub = "Messages in the last three whole months, and in the same months a year before.";
        let key = key("a year before", "the last three months", class);
        figure(&title, sub, &(key + &plot + &table.closed()))
    };
    let grew = figure_of("grew", "c1", &report.growing_channels);
    let faded = figure_of("faded", "c2", &report.fading_channels);
    if grew.is_empty() && faded.is_empty() {
        empty(
            "No channel with at least 100 messages a month, in the last three months or a year before, grew or faded by a twentieth; \
             or the archive does not reach back.",
        )
    } else {
        format!("<div class=\"row\">{grew}{faded}</div>")
    }
}

pub fn conversations(community: &Community<'_>) -> String {
    let (most_active, threads) = (most_active(community), threads(community));
    match (most_active.is_empty(), threads.is_empty()) {
        (false, false) => format!("<div class=\"row\">{most_active}{threads}</div>"),
        _ => most_active + &threads,
    }
}

fn most_active(community: &Community<'_>) -> String {
    let Community { id, report, .. } = community;
    let mut text = String::new();
    if report.replies_permille.is_shown() {
        write!(text, "{} of messages are replies.", percent(report.replies_permille)).ok();
    }
    if report.returned_replies_permille.is_shown() {
        write!(
            text,
            " Of {} pairs of people of whom one replied to the other, both did in {}.",
            number(report.reply_pairs),
            percent(report.returned_replies_permille)
        )
        .ok();
    }
    let text = if text.is_empty() { text } else { format!("<p class=\"note\">{}</p>", escaped(&text)) };
    let ranks: Vec<&Ranks> = report.concentration.iter().filter(|ranks| ranks.permille.is_shown()).collect();
    let Some(first) = ranks.first().filter(|ranks| ranks.from_rank == 1) else {
        return empty("Fewer than twenty people wrote, which is too few for the share of the most active.")
            + &text;
    };
    let name = |ranks: &Ranks| match (ranks.from_rank, ranks.to_rank) {
        (1, Some(to)) => format!("{to} most active"),
        (from, Some(to)) => format!("next {}", number(Figure::Shown(to - from + 1))),
        (1, None) => "all".to_owned(),
        (_, None) => "all others".to_owned(),
    };
    let row = |ranks: &&Ranks| Bar {
        name: name(ranks),
        number: ranks.permille.number(),
        value: percent(ranks.permille),
    };
    let rows: Vec<Bar> = ranks.iter().map(row).collect();
    let plot = bars(&format!("{id}-ranks"), "Share of messages by how much people wrote", &rows, None);
    let table = Table {
        name: format!("{}: share of messages by how much people wrote", report.tenant),
        file: csv_name(&report.tenant, "concentration"),
        columns: columns(["People by how much they wrote", "Share of messages"]),
        rows: ranks.iter().map(|ranks| vec![name(ranks), percent(ranks.permille)]).collect(),
    };
    let title = format!("The {} people write {} of the messages", name(first), percent(first.permille));
    figure(
        &escaped(&title),
        "Share of the messages, people ordered by how much they wrote.",
        &(plot + &text + &table.closed()),
    )
}

fn threads(community: &Community<'_>) -> String {
    let Community { id, report, .. } = community;
    let threads = &report.threads;
    let Figure::Shown(opened) = threads.opened else { return String::new() };
    let name = |length: &ThreadsOfLength| match (length.from_messages, length.to_messages) {
        (0, _) => "none or one".to_owned(),
        (from, Some(to)) => format!("{from}–{to}"),
        (from, None) => format!("{from} or more"),
    };
    let rows: Vec<Bar> =
        threads.lengths.iter().map(|length| count_bar(name(length), length.threads)).collect();
    let short: Vec<Option<u64>> =
        threads.lengths.iter().take(3).map(|length| length.threads.number()).collect();
    let title = match short.into_iter().sum::<Option<u64>>() {
        Some(short) => format!(
            "{} of the threads stay below eight messages",
            percent(Figure::Shown(short * 1000 / opened.max(1)))
        ),
        None => format!("{} threads and posts were opened", number(threads.opened)),
    };
    let table = Table {
        name: format!("{}: threads by number of messages", report.tenant),
        file: csv_name(&report.tenant, "threads"),
        columns: columns(["Messages in the thread", "Threads"]),
        rows: threads.lengths.iter().map(|length| vec![name(length), number(length.threads)]).collect(),
    };
    let sub = format!(
        "{} threads and posts that people opened, by the messages of people in them.",
        number(threads.opened)
    );
    let plot = if rows.iter().all(|row| row.number.is_none()) {
        empty("Of each length there are threads of fewer than five people.")
    } else {
        bars(&format!("{id}-threads"), "Threads by number of messages", &rows, None)
    };
    figure(&escaped(&title), &escaped(&sub), &(plot + &table.closed()))
}

/// What an emoji shows, such as "thumbs up".
fn meaning(emoji: &EmojiUse) -> Option<&'static str> {
    emojis::get(&emoji.emoji).filter(|_| !emoji.is_custom).map(emojis::Emoji::name)
}

/// An emoji in words: custom ones by their name.
fn emoji_name(emoji: &EmojiUse) -> String {
    if emoji.is_custom { format!(":{}:", emoji.emoji) } else { emoji.emoji.clone() }
}

pub fn emoji(community: &Community<'_>) -> String {
    let Community { id, report, .. } = community;
    let emoji = &report.emoji;
    let Some(first) = emoji.most_used.first() else {
        return empty("No emoji was used by five people.");
    };
    let rows: Vec<Bar> =
        emoji.most_used.iter().map(|emoji| count_bar(emoji_name(emoji), emoji.uses)).collect();
    let custom = emoji.most_used.iter().find(|emoji| emoji.is_custom).filter(|custom| *custom != first);
    let leading = match meaning(first) {
        Some(meaning) => format!("{} ({meaning})", emoji_name(first)),
        None => emoji_name(first),
    };
    let title = match custom {
        Some(custom) => format!("{leading} leads; {} is the most used custom emoji", emoji_name(custom)),
        None => format!("{leading} leads"),
    };
    let mut body = bars(&format!("{id}-emoji-bars"), "Most used emoji", &rows, None);
    if !emoji.least_used_custom.is_empty() {
        let least: Vec<String> = emoji
            .least_used_custom
            .iter()
            .map(|emoji| format!("{} ({})", emoji_name(emoji), number(emoji.uses)))
            .collect();
        write!(body, "<p class=\"note\">Least used custom emoji: {}.</p>", escaped(&least.join(", "))).ok();
    }
    let name = |emoji: &EmojiUse| {
        let words =
            emojis::get(&emoji.emoji).filter(|_| !emoji.is_custom).map_or("custom", |known| known.name());
        vec![emoji_name(emoji), words.to_owned(), number(emoji.uses)]
    };
    let table = Table {
        name: format!("{}: emoji", report.tenant),
        file: csv_name(&report.tenant, "emoji"),
        columns: columns(["Emoji", "Name", "Uses"]),
        rows: emoji.most_used.iter().chain(&emoji.least_used_custom).map(name).collect(),
    };
    body.push_str(&table.closed());
    slim_figure(&escaped(&title), "Uses in reactions and in messages by people; skin tones together.", &body)
}

pub fn words(community: &Community<'_>) -> String {
    let report = community.report;
    if report.words_that_rose.is_empty() && report.words_that_fell.is_empty() {
        return if report.messages.before.is_none() {
            empty(&format!(
                "The archive does not reach back, so there is no {} to compare words with.",
                community.names.before.trim_start_matches("the ")
            ))
        } else {
            empty("No word that five people used in both periods became much more or less frequent.")
        };
    }
    let rose = changed_words(community, "rose", "c1", &report.words_that_rose);
    let fell = changed_words(community, "fell", "c2", &report.words_that_fell);
    format!("<div class=\"row\">{rose}{fell}</div>")
}

fn changed_words(community: &Community<'_>, verb: &str, class: &str, words: &[WordChange]) -> String {
    let Community { id, report, names } = community;
    let Some(first) = words.first() else { return String::new() };
    // In tenths, for each 10,000 messages.
    let row = |word: &WordChange| Dumbbell {
        name: word.word.clone(),
        before: word.per_100_000_before,
        now: word.per_100_000,
    };
    let rows: Vec<Dumbbell> = words.iter().map(row).collect();
    let table = Table {
        name: format!("{}: words that {verb}", report.tenant),
        file: csv_name(&report.tenant, &format!("words-{verb}")),
        columns: columns(["Word", "Per 10,000 messages before", "Per 10,000 messages"]),
        rows: words
            .iter()
            .map(|word| {
                vec![word.word.clone(), tenths(word.per_100_000_before, 10), tenths(word.per_100_000, 10)]
            })
            .collect(),
    };
    let title = escaped(&format!("“{}” {verb} most", first.word));
    let sub = format!(
        "Messages with the word, per 10,000 messages. Words used by at least five people in {} and {}.",
        names.now, names.before
    );
    let plot = dumbbells(&format!("{id}-words-{verb}"), &format!("Words that {verb}"), &rows, class);
    figure(&title, &escaped(&sub), &(key(names.before, names.now, class) + &plot + &table.closed()))
}

pub fn files_and_links(community: &Community<'_>) -> String {
    let (files, links) = (files(community), links(community));
    match (files.is_empty(), links.is_empty()) {
        (true, true) => {
            empty("Fewer than five people attached a file, and fewer than five linked to a site.")
        }
        (false, false) => format!("<div class=\"row\">{files}{links}</div>"),
        _ => files + &links,
    }
}

fn files(community: &Community<'_>) -> String {
    let Community { id, report, .. } = community;
    let files = &report.files;
    let Some(first) = files.kinds.first() else { return String::new() };
    let mut rows: Vec<Bar> =
        files.kinds.iter().map(|kind| count_bar(kind.kind.name().to_owned(), kind.files)).collect();
    rows.extend(files.of_other_kinds.map(|others| count_bar("All others".to_owned(), others)));
    let table = Table {
        name: format!("{}: files by kind", report.tenant),
        file: csv_name(&report.tenant, "files"),
        columns: columns(["Kind", "Files"]),
        rows: rows.iter().map(|row| vec![row.name.clone(), row.value.clone()]).collect(),
    };
    let share = Figure::permille(first.files, files.files);
    let title = format!("{} of attached files are {}", percent(share), first.kind.name().to_lowercase());
    let sub = format!("{} files that people attached, by kind.", number(files.files));
    let plot = bars(&format!("{id}-files"), "Attached files by kind", &rows, None);
    figure(&escaped(&title), &escaped(&sub), &(plot + &table.closed()))
}

fn links(community: &Community<'_>) -> String {
    let Community { id, report, .. } = community;
    let links = &report.links;
    let Some(first) = links.sites.first() else { return String::new() };
    let rows: Vec<Bar> = links.sites.iter().map(|site| count_bar(site.site.clone(), site.links)).collect();
    let table = Table {
        name: format!("{}: links by site", report.tenant),
        file: csv_name(&report.tenant, "links"),
        columns: columns(["Site", "Links"]),
        rows: rows.iter().map(|row| vec![row.name.clone(), row.value.clone()]).collect(),
    };
    let mut body = bars(&format!("{id}-sites"), "Links by site", &rows, None);
    if links.other_sites.sites > 0 {
        let text = format!(
            "{} other sites: {} links.",
            number(Figure::Shown(links.other_sites.sites)),
            number(links.other_sites.links)
        );
        write!(body, "<p class=\"note\">{}</p>", escaped(&text)).ok();
    }
    body.push_str(&table.closed());
    let title = format!("Links lead to {} most often", first.site);
    figure(&escaped(&title), "Links in messages by people, by site.", &body)
}

pub fn other_messages(community: &Community<'_>) -> String {
    let report = community.report;
    let mut cards = String::new();
    for (share, what) in [
        (report.bots_permille, "of all messages are by bots and webhooks"),
        (report.edited_permille, "of messages were edited"),
        (report.deleted_permille, "of messages were deleted"),
    ] {
        if share.is_shown() {
            write!(cards, "<li><b>{}</b> {what}</li>", escaped(&percent(share))).ok();
        }
    }
    if cards.is_empty() { cards } else { format!("<ul class=\"cards\">{cards}</ul>") }
}
