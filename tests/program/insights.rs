//! `verta-sync insights`, as a user runs it.

use std::collections::BTreeSet;
use std::fs;

use discord_sim::{Description, World};
use rusqlite::Connection;
use serde_json::Value;

use crate::util::Sandbox;
use crate::util::truth::hash;

/// The first day of the period, and the one after the last.
pub const FROM: &str = "2024-09-01";
pub const UNTIL: &str = "2026-08-01";
const MIN_PEOPLE: i64 = 5;

/// A synced server with every kind of message.
pub fn synced() -> Sandbox {
    let sandbox = Sandbox::new(World::new(&Description::everything(9)));
    sandbox.run(&["start"]);
    sandbox
}

/// The report as JSON.
pub fn report(sandbox: &Sandbox, more: &[&str]) -> Value {
    let all = ["insights", "--out", "-", "--format", "json", "--since", FROM, "--until", UNTIL];
    let ran = sandbox.run(&[&all[..], more].concat()).expect_code(0);
    sandbox.assert_no_secrets(&ran);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// The SQL blocks of docs/insights.md by the figure that they define.
fn definitions() -> Vec<(String, String)> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/insights.md")).unwrap();
    let sections = text.split("\n### `").skip(1);
    let definition = |section: &str| {
        let name = section.split('`').next().unwrap().to_owned();
        let sql = section.split("```sql\n").nth(1).unwrap().split("```").next().unwrap().to_owned();
        (name, sql)
    };
    let definitions: Vec<(String, String)> = sections.map(definition).collect();
    let common = text.split("```sql\n").nth(1).unwrap().split("```").next().unwrap().to_owned();
    assert!(common.contains("WITH m AS"));
    definitions.into_iter().map(|(name, sql)| (name, format!("{common}{sql}"))).collect()
}

fn millis(date: &str) -> i64 {
    format!("{date}T00:00:00Z").parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// The rows of a query: what each is about if there are several, a number, and people.
fn rows(archive: &Connection, sql: &str, tenant: &str) -> Vec<(String, f64, i64)> {
    let mut select = archive.prepare(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
    let named = select.column_count() == 3;
    for (name, value) in [(":from", millis(FROM)), (":end", millis(UNTIL))] {
        if let Some(index) = select.parameter_index(name).unwrap() {
            select.raw_bind_parameter(index, value).unwrap();
        }
    }
    let index = select.parameter_index(":tenant").unwrap().unwrap();
    select.raw_bind_parameter(index, tenant).unwrap();
    let mut found = Vec::new();
    let mut rows = select.raw_query();
    while let Some(row) = rows.next().unwrap() {
        let first = usize::from(named);
        let key = if named { row.get(0).unwrap() } else { String::new() };
        found.push((key, row.get(first).unwrap(), row.get(first + 1).unwrap()));
    }
    found
}

/// The number that a report may show.
fn shown(number: f64, people: i64) -> Value {
    if people < MIN_PEOPLE {
        return Value::from("<5");
    }
    Value::from(format!("{number:.0}").parse::<u64>().unwrap())
}

#[test]
fn figures_are_those_of_their_definitions() {
    let sandbox = synced();
    let tenant = sandbox.sim.world().guilds()[0].1.clone();
    let report = report(&sandbox, &["--tenant", &tenant]);
    let figures = &report["tenants"][0];
    let archive = sandbox.archive();
    let definitions = definitions();
    assert_eq!(definitions.len(), 20);
    for (name, sql) in definitions {
        let expected = rows(&archive, &sql, &tenant);
        let found = name.split('.').fold(figures, |found, part| &found[part]);
        let Some(list) = found.as_array() else {
            let [(_, number, people)] = &expected[..] else { panic!("{name}: {expected:?}") };
            let now = found.get("now").unwrap_or(found);
            assert!(*people >= MIN_PEOPLE, "{name}: choose a period in which it is shown");
            assert_eq!(*now, shown(*number, *people), "{name}");
            continue;
        };
        assert!(list.len() > 2, "{name}");
        for entry in list {
            let (key, number) = match name.as_str() {
                "channels" => ("channel", "messages"),
                "newcomers_by_month" => ("month", "people"),
                "threads.lengths" => ("from_messages", "threads"),
                _ => ("from", "messages"),
            };
            let key = entry[key].as_str().map_or_else(|| entry[key].to_string(), str::to_owned);
            let of_key: Vec<_> = expected.iter().filter(|(other, ..)| *other == key).collect();
            let (value, people) = of_key.first().map_or((0.0, 0), |(_, number, people)| (*number, *people));
            // One more number may be hidden, so that a sum tells nothing.
            let is_protected = entry[number] == "hidden" && people >= MIN_PEOPLE;
            assert!(
                is_protected || entry[number] == shown(value, people),
                "{name} of {key}: {entry} {value}"
            );
        }
        let protected = list
            .iter()
            .filter(|entry| {
                let adds_up = |number: &str| entry[number].is_string();
                adds_up("messages") || adds_up("threads") || name == "newcomers_by_month" && adds_up("people")
            })
            .count();
        assert_ne!(protected, 1, "{name}");
    }
}

#[test]
fn nobody_can_be_found_in_a_report() {
    let sandbox = synced();
    let world = sandbox.sim.world();
    let json = report(&sandbox, &["--include-closed", "--include-deleted"]).to_string();
    let digest = ["insights", "--out", "-", "--format", "md", "--since", FROM, "--until", UNTIL];
    let digest = sandbox.run(&digest).expect_code(0).stdout;
    assert!(digest.lines().count() <= 40, "{digest}");
    for (guild, _) in world.guilds() {
        for user in world.users(guild) {
            let traces = [user.id.to_string(), hash(user.id)].into_iter().chain(user.names);
            for trace in traces.filter(|trace| trace.len() > 5) {
                assert!(!json.contains(&trace) && !digest.contains(&trace), "{trace}");
            }
        }
    }
    let words: BTreeSet<String> = sandbox
        .rows("SELECT content FROM message_log WHERE length(content) > 20 LIMIT 500")
        .into_iter()
        .collect();
    assert!(words.iter().all(|text| !json.contains(text.as_str()) && !digest.contains(text.as_str())));
}

#[test]
fn the_page_is_one_file_without_scripts_and_requests() {
    let sandbox = synced();
    let hostile = "<script>alert(1)</script>\"'&";
    sandbox.archive().execute("UPDATE channels SET name = ?1 WHERE name = 'general'", [hostile]).unwrap();
    let write = |name: &str| {
        let all = ["insights", "--out", name, "--since", FROM, "--until", UNTIL];
        sandbox.run(&all).expect_code(0);
        fs::read_to_string(sandbox.dir.path().join(name)).unwrap()
    };
    let page = write("page.html");
    assert_eq!(page, write("again.html"), "the same bytes");
    assert!(page.len() < 500_000, "{} bytes", page.len());
    for forbidden in ["<script", "javascript:", "http://", "https://", "@import", "url(", " style=", "onload"]
    {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"));
    let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let digest = {
        use base64::Engine as _;
        use sha2::Digest as _;
        base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(style))
    };
    assert!(page.contains(&format!("default-src 'none'; style-src 'sha256-{digest}'")));
    let ids: Vec<&str> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let unique: BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(ids.len(), unique.len(), "{ids:?}");
    let links = page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap());
    assert!(links.into_iter().all(|link| ids.contains(&link)));
    for chart in
        ["Activity", "When people write", "Newcomers per month", "Messages by channel", "Most used emoji"]
    {
        assert!(page.contains(chart), "{chart}");
    }
    for user in sandbox.sim.world().guilds().iter().flat_map(|(guild, _)| sandbox.sim.world().users(*guild)) {
        assert!(!page.contains(&user.id.to_string()) && !page.contains(&hash(user.id)));
    }
}
#[test]
fn time_zones_and_files() {
    let sandbox = synced();
    let of_zone = |zone: &str| report(&sandbox, &["--timezone", zone]);
    let (utc, tokyo) = (of_zone("UTC"), of_zone("Asia/Tokyo"));
    assert_eq!(tokyo["timezone"], "Asia/Tokyo");
    let hours = |report: &Value| report["tenants"][0]["messages_by_hour_per_thousand"].clone();
    assert_ne!(hours(&utc), hours(&tokyo));
    let write = |name: &str| {
        let all = ["insights", "--out", name, "--format", "md", "--since", FROM, "--until", UNTIL];
        sandbox.run(&all).expect_code(0);
        fs::read_to_string(sandbox.dir.path().join(name)).unwrap()
    };
    let (one, other) = (write("one.md"), write("other.md"));
    assert_eq!(one, other);
    assert!(
        one.contains("# 2024-09-01 to 2026-07-31") && one.contains("to 2024-08-31. Times: UTC."),
        "{one}"
    );
    assert!(sandbox.listing().iter().all(|name| !name.contains(".tmp")));
}

#[test]
fn short_periods_are_shown_by_day_and_hidden_numbers_do_not_follow() {
    let sandbox = synced();
    let run = |format: &str| {
        let all =
            ["insights", "--out", "-", "--format", format, "--since", "2026-02-02", "--until", "2026-03-02"];
        sandbox.run(&all).expect_code(0).stdout
    };
    let report: Value = serde_json::from_str(&run("json")).unwrap();
    let figures = &report["tenants"][0];
    let numbers = |list: &str| -> Vec<Option<u64>> {
        figures[list].as_array().unwrap().iter().map(|entry| entry["messages"].as_u64()).collect()
    };
    let (days, weeks) = (numbers("days"), numbers("weeks"));
    assert_eq!((days.len(), weeks.len()), (28, 4));
    // What is hidden in a week is about two days at least.
    for (week, days) in weeks.iter().zip(days.chunks(7)) {
        let hidden = days.iter().filter(|day| day.is_none()).count();
        assert!(hidden != 1 || week.is_none(), "{days:?} {weeks:?}");
    }
    assert!(days.iter().flatten().count() > 7 && weeks.iter().flatten().count() > 1, "{days:?} {weeks:?}");
    let page = run("html");
    assert!(page.contains("messages per day") && page.contains(">9 Feb<"), "{page}");
    assert!(page.contains("the period before") && !page.contains("the year before"));
    assert!(!page.contains("The newest archived message"));
    // An archive that ends before the period is no decline.
    let later = ["insights", "--out", "-", "--since", "2026-01-01", "--until", "2027-01-01"];
    let page = sandbox.run(&later).expect_code(0).stdout;
    assert!(
        page.contains("The newest archived message is of ") && page.contains("before the end of the period")
    );
}

#[test]
fn mistakes_are_named() {
    let sandbox = synced();
    for (arguments, problem) in [
        (&["--timezone", "Europe/Nowhere"][..], "unknown time zone"),
        (&["--since", "yesterday"], "YYYY-MM-DD"),
        (&["--since", UNTIL, "--until", FROM], "is not before --until"),
        (&["--since", "2026-07-27", "--until", UNTIL], "a week at least"),
        (&["--since", "1000-01-01", "--until", UNTIL], "ten years at most"),
        (&["--tenant", "nobody"], "unknown tenant"),
        (&[], "no community was archived completely yet"),
    ] {
        let all = [&["insights", "--out", "-", "--format", "md"], arguments].concat();
        let ran = sandbox.run(&all).expect_code(2);
        assert!(ran.stderr.contains(problem), "{arguments:?}: {}", ran.stderr);
    }
}
