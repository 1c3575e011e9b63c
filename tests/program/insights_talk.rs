//! What `verta-sync insights` says about texts, reactions and files, against references written anew.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use discord_sim::{ChannelDescription, Description, World};
use serde_json::Value;

use crate::insights::{FROM, UNTIL, report, synced};
use crate::util::Sandbox;
use crate::util::truth::hash;

const GUILD: u64 = 77_000_000_000_000_001;

/// A number and the users behind it.
type Tally = (u64, BTreeSet<String>);

/// What counts of the messages in the period: rows of a query on `m`.
fn rows(sandbox: &Sandbox, tenant: &str, query: &str) -> Vec<Vec<String>> {
    let archive = sandbox.archive();
    let sql = format!(
        "WITH x AS (SELECT * FROM message_log WHERE tenant = ?1 AND deleted_ms IS NULL
               AND channel_state NOT IN ('hidden', 'unreadable') AND created_at >= ?2 AND created_at < ?3),
             m AS (SELECT * FROM x WHERE author_is_bot = 0 AND is_system = 0) {query}"
    );
    let mut select = archive.prepare(&sql).unwrap();
    let columns = select.column_count();
    let text = |row: &rusqlite::Row<'_>, column| match row.get_ref(column).unwrap() {
        rusqlite::types::ValueRef::Null => String::new(),
        rusqlite::types::ValueRef::Integer(number) => number.to_string(),
        other => other.as_str().unwrap().to_owned(),
    };
    let rows = select
        .query_map([tenant, FROM, UNTIL], |row| Ok((0..columns).map(|column| text(row, column)).collect()))
        .unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// The number of a list's entry, by its name.
fn entries(list: &Value, name: &str, number: &str) -> BTreeMap<String, u64> {
    let entry = |entry: &Value| (entry[name].as_str().unwrap().to_owned(), entry[number].as_u64().unwrap());
    list.as_array().unwrap().iter().map(entry).collect()
}

/// The numbers about five people or more.
fn enough(tallies: BTreeMap<String, Tally>) -> BTreeMap<String, u64> {
    let enough = tallies.into_iter().filter(|(_, (_, people))| people.len() >= 5);
    enough.map(|(name, (number, _))| (name, number)).collect()
}

fn add(tallies: &mut BTreeMap<String, Tally>, name: &str, number: u64, person: &str) {
    let (sum, people) = tallies.entry(name.to_owned()).or_default();
    *sum += number;
    people.insert(person.to_owned());
}

/// An emoji without skin tones and variation selectors.
fn plain(emoji: &str) -> String {
    emoji.chars().filter(|char| !matches!(char, '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')).collect()
}

#[test]
fn emoji_files_sites_and_threads_are_those_of_references() {
    let sandbox = synced();
    let tenant = sandbox.sim.world().guilds()[0].1.clone();
    let report = report(&sandbox, &["--tenant", &tenant]);
    let figures = &report["tenants"][0];

    let mut emoji: BTreeMap<String, Tally> = BTreeMap::new();
    for row in rows(
        &sandbox,
        &tenant,
        "SELECT e.emoji, sum(e.count) FROM reaction_count_log e JOIN x USING (channel_key, message_key) GROUP BY 1",
    ) {
        add(&mut emoji, &plain(&row[0]), row[1].parse().unwrap(), "");
    }
    for (_, people) in emoji.values_mut() {
        people.clear();
    }
    for row in rows(
        &sandbox,
        &tenant,
        "SELECT r.emoji, r.user FROM reaction_log r JOIN x USING (channel_key, message_key) WHERE r.user_is_bot IS NOT 1",
    ) {
        add(&mut emoji, &plain(&row[0]), 0, &row[1]);
    }
    let texts = rows(&sandbox, &tenant, "SELECT content, author FROM m");
    let of_reactions: Vec<String> = emoji.keys().cloned().collect();
    for row in &texts {
        for known in &of_reactions {
            let written = match known.split_once(':') {
                Some((name, id)) => row[0].matches(&format!(":{name}:{id}>")).count(),
                None => plain(&row[0]).matches(known.as_str()).count(),
            };
            if written > 0 {
                add(&mut emoji, known, written as u64, &row[1]);
            }
        }
    }
    let expected = enough(emoji);
    let found = entries(&figures["emoji"]["most_used"], "emoji", "uses");
    assert_eq!(found.len(), 10);
    for (name, uses) in &found {
        let of_name = expected.iter().find(|(key, _)| key.split(':').next() == Some(plain(name).as_str()));
        assert_eq!(of_name.map(|(_, uses)| uses), Some(uses), "{name}");
    }
    let mut largest: Vec<u64> = expected.values().copied().collect();
    largest.sort_unstable();
    assert_eq!(largest[largest.len() - 10..].iter().sum::<u64>(), found.values().sum::<u64>());

    let mut kinds: BTreeMap<String, Tally> = BTreeMap::new();
    for row in rows(
        &sandbox,
        &tenant,
        "SELECT coalesce(a.content_type, ''), m.author FROM attachment_log a JOIN m USING (channel_key, message_key)",
    ) {
        let kind = match row[0].split('/').next().unwrap() {
            "image" => "images",
            "video" => "videos",
            "audio" => "audio",
            "text" => "text",
            _ => "others",
        };
        add(&mut kinds, kind, 1, &row[1]);
    }
    let found = entries(&figures["files"]["kinds"], "kind", "files");
    for kind in ["images", "videos", "audio"] {
        assert_eq!(found.get(kind), enough(kinds.clone()).get(kind), "{kind}");
    }
    let all: u64 = kinds.values().map(|(number, _)| number).sum();
    assert_eq!(figures["files"]["files"], all);
    let hidden = figures["files"]["of_other_kinds"].as_u64().unwrap_or(0);
    assert_eq!(found.values().sum::<u64>() + hidden, all);

    let mut sites: BTreeMap<String, Tally> = BTreeMap::new();
    for row in rows(
        &sandbox,
        &tenant,
        "SELECT l.host, m.author FROM link_log l JOIN m USING (channel_key, message_key) WHERE l.host LIKE '%.%'",
    ) {
        let labels: Vec<&str> = row[0].rsplit('.').take(2).collect();
        add(&mut sites, &format!("{}.{}", labels[1], labels[0]), 1, &row[1]);
    }
    assert_eq!(figures["links"]["links"], sites.values().map(|(number, _)| number).sum::<u64>());
    let found = entries(&figures["links"]["sites"], "site", "links");
    assert!(found.len() > 2);
    for (site, links) in found {
        assert_eq!(enough(sites.clone()).get(&site), Some(&links), "{site}");
    }
}

#[test]
fn questions_in_chat_are_those_of_a_reference() {
    let sandbox = synced();
    let tenant = sandbox.sim.world().guilds()[0].1.clone();
    let report = report(&sandbox, &["--tenant", &tenant]);
    let messages = rows(
        &sandbox,
        &tenant,
        "SELECT channel_key, message_key, author, created_ms, content, coalesce(reply_to_message_key, ''), channel_type,
                (SELECT group_concat(t.channel_key) FROM thread_log t WHERE t.starter_message_key = m.message_key),
                coalesce((SELECT p.parent_channel_type FROM thread_log p WHERE p.channel_key = m.channel_key), '')
           FROM m",
    );
    let is_chat = |row: &&Vec<String>| !matches!(row[8].as_str(), "forum" | "media");
    let asks = |text: &str| {
        let plain: String = text.split('`').step_by(2).collect();
        plain.split_whitespace().filter(|word| !word.contains("://")).any(|word| {
            word.contains(['？', '؟'])
                || word.trim_end_matches(|end| ")]}>\"'*_~|!»”’".contains(end)).ends_with(['?', '\u{37e}'])
        })
    };
    let at = |row: &Vec<String>| row[3].parse::<i64>().unwrap();
    let day = 86_400_000;
    let end = format!("{UNTIL}T00:00:00Z").parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let (mut asked, mut old, mut answered) = (0, 0, 0);
    for question in messages.iter().filter(is_chat).filter(|row| row[5].is_empty() && asks(&row[4])) {
        asked += 1;
        if at(question) >= end - 7 * day {
            continue;
        }
        old += 1;
        let answers =
            messages.iter().filter(|row| row[2] != question[2] && at(row) >= at(question)).any(|row| {
                let waited = at(row) - at(question);
                let is_reply = row[0] == question[0] && row[5] == question[1];
                let is_in_thread = question[7].split(',').any(|thread| thread == row[0]);
                let mentions = row[0] == question[0] && row[4].contains(&format!("<@{}>", question[2]));
                (is_reply || is_in_thread) && waited <= 7 * day || mentions && waited <= day
            });
        answered += u64::from(answers);
    }
    let found = &report["tenants"][0]["chat_questions"];
    assert!(asked > 50 && answered > 0);
    assert_eq!(found["asked"], asked);
    assert_eq!(found["answered_permille"], (answered * 1000 + old / 2) / old);
}

/// A server in which people said certain words in two years, with secrets of few.
struct Secrets {
    sandbox: Sandbox,
    /// What may not be shown.
    hidden: Vec<String>,
    from: String,
    until: String,
}

fn secrets() -> Secrets {
    let channels = ["chat", "few", "lonely"].map(|name| ChannelDescription::text(name, 0)).to_vec();
    let sandbox = Sandbox::new(World::new(&Description::of_channels(GUILD, channels)));
    let world = sandbox.sim.world();
    let [chat, few, lonely] = ["chat", "few", "lonely"].map(|name| world.channel_named(GUILD, name).unwrap());
    let say = |channel, user: u32, text: &str| {
        world.append_text(channel, user, text).unwrap();
        world.advance(Duration::from_mins(7));
    };
    let date = |ms: i64| jiff::Timestamp::from_millisecond(ms).unwrap().strftime("%Y-%m-%d").to_string();
    let begin = world.now_ms();
    let mut hidden = Vec::new();
    for week in 0..104 {
        for user in 3..15 {
            let topic = if week < 52 { "winter harvest" } else { "summer harvest" };
            // Both are said in both years, or they would not be compared.
            let other = if week % 13 == 0 { " winter summer" } else { "" };
            // A site that all link to, and one for each person.
            let own = if week % 10 == 0 { format!(" https://own{user}.example/") } else { String::new() };
            say(chat, user, &format!("talk about {topic}{other}{own} https://www.everyone.example/{week}"));
        }
        // Words, sites and emoji of four people, however often they use them.
        for user in 3..7 {
            say(few, user, "xylophone https://quartet.example/x <:quartetto:123456789012345678> 🦧");
        }
        say(lonely, 3, &format!("soliloquy{} alone", "o".repeat(week % 7)));
        world.advance(Duration::from_mins(7 * 24 * 60 - 7 * 17));
    }
    let until = date(world.now_ms());
    let from = date(begin + 52 * 7 * 86_400_000);
    world.advance(Duration::from_hours(48));
    hidden.extend(
        ["xylophone", "quartet.example", "quartetto", "🦧", "soliloquy", "alone", "few", "lonely"]
            .map(str::to_owned),
    );
    hidden.extend((3..15).map(|user| format!("own{user}.example")));
    for user in world.users(GUILD) {
        hidden.extend([user.id.to_string(), hash(user.id)]);
        hidden.extend(user.names.into_iter().filter(|name| name.len() > 5));
    }
    sandbox.run(&["start"]).expect_code(0);
    Secrets { sandbox, hidden, from, until }
}

#[test]
fn words_that_many_said_rise_and_fall_and_those_of_few_stay_hidden() {
    let Secrets { sandbox, hidden, from, until } = secrets();
    for format in ["json", "md", "html"] {
        for more in [&[][..], &["--include-deleted", "--include-closed"]] {
            let all =
                [&["insights", "--out", "-", "--format", format, "--since", &from, "--until", &until], more]
                    .concat();
            let text = sandbox.run(&all).expect_code(0).stdout;
            // Words of the page itself are none of people.
            let own = ["few", "alone"];
            for secret in hidden.iter().filter(|secret| !own.contains(&secret.as_str())) {
                assert!(!text.contains(secret.as_str()), "{secret} in {format}: {text}");
            }
            assert!(!text.contains("#few") && !text.contains("\"few\""), "{format}");
            // Nor any other word of fewer than five people.
            for word in
                sandbox.rows("SELECT DISTINCT content FROM message_log WHERE channel IN ('few', 'lonely')")
            {
                assert!(!text.contains(&word), "{word}");
            }
            for word in ["winter", "summer"] {
                assert!(text.contains(word), "{word} in {format}");
            }
            assert_eq!(text.contains("everyone.example"), format != "md");
        }
    }
    let all = ["insights", "--out", "-", "--format", "json", "--since", &from, "--until", &until];
    let report: Value = serde_json::from_str(&sandbox.run(&all).expect_code(0).stdout).unwrap();
    let figures = &report["tenants"][0];
    let words = |list: &str| -> Vec<&str> {
        figures[list].as_array().unwrap().iter().map(|word| word["word"].as_str().unwrap()).collect()
    };
    assert_eq!((words("words_that_rose"), words("words_that_fell")), (vec!["summer"], vec!["winter"]));
    // Of 52 weeks with 17 messages, 12 and 4 in 48 and 4 of the year.
    let rate = |list: &str, number: &str| figures[list][0][number].as_u64().unwrap();
    let rates = [rate("words_that_rose", "per_100_000"), rate("words_that_rose", "per_100_000_before")];
    assert!(rates[0] > 65_000 && rates[1] < 10_000, "{rates:?}");
    // "harvest" was said as often before.
    assert!(!report.to_string().contains("harvest"));
    // Some of the twelve members are bots.
    let people =
        sandbox.rows("SELECT DISTINCT author FROM message_log WHERE channel = 'chat' AND author_is_bot = 0");
    assert!(people.len() >= 10);
    let everyone = serde_json::json!({"site": "everyone.example", "links": people.len() * 52});
    assert_eq!(figures["links"]["sites"], serde_json::json!([everyone]));
    assert_eq!(figures["links"]["other_sites"]["sites"], people.len() + 1);
}
