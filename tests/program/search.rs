//! `verta-sync search`, as a user runs it.

use std::time::Duration;

use discord_sim::{ChannelDescription, ChannelKind, Description, ThreadPlan, World};
use serde_json::Value;

use crate::util::truth::hash;
use crate::util::{CommandOutput, Sandbox};

const GUILD: u64 = 77_000_000_000_000_001;
const USER: u32 = 3;

/// A synced server with known messages in two channels, by different members.
struct Scene {
    sandbox: Sandbox,
    chat: u64,
    other: u64,
    author: u64,
}

fn scene() -> Scene {
    let forum = ChannelDescription {
        threads: ThreadPlan { active: 1, archived: 1, messages: 3, ..ThreadPlan::default() },
        ..ChannelDescription::new(ChannelKind::Forum, "ideas")
    };
    let channels = vec![ChannelDescription::text("chat", 20), ChannelDescription::text("other", 20), forum];
    let sandbox = Sandbox::new(World::new(&Description::of_channels(GUILD, channels)));
    let world = sandbox.sim.world();
    let [chat, other] = ["chat", "other"].map(|name| world.channel_named(GUILD, name).unwrap());
    let author = world.user_id(GUILD, USER).unwrap();
    for (channel, user, text) in [
        (chat, USER, "Zebra crossing, the first"),
        (chat, 5, "a ZÉBRA and a giraffe"),
        (other, USER, "zebras everywhere: https://zoo.example/zebra?x=1"),
        (other, 5, "東京の動物園でシマウマ"),
        (other, 5, "quagga \u{1b}[31mred\u{202e} <@>"),
    ] {
        world.append_text(channel, user, text).unwrap();
        world.advance(Duration::from_mins(10));
    }
    world.append_text(chat, 5, &format!("okapi for <@{author}>")).unwrap();
    world.advance(Duration::from_hours(1));
    sandbox.run(&["start"]).expect_code(0);
    Scene { sandbox, chat, other, author }
}

/// The JSON lines of the hits, and the summary.
fn json(sandbox: &Sandbox, arguments: &[&str]) -> (Vec<Value>, Value) {
    let all: Vec<&str> = ["search"].iter().chain(arguments).chain(&["--format", "json"]).copied().collect();
    let ran = sandbox.run(&all).expect_code(0);
    let mut lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = lines.pop().unwrap();
    assert_eq!((&summary["event"], &summary["schema"]), (&"summary".into(), &1.into()));
    (lines, summary)
}

fn contents(sandbox: &Sandbox, arguments: &[&str]) -> Vec<String> {
    json(sandbox, arguments).0.iter().map(|hit| hit["content"].as_str().unwrap().to_owned()).collect()
}

fn search(scene: &Scene, arguments: &[&str]) -> CommandOutput {
    let all: Vec<&str> = ["search"].iter().chain(arguments).copied().collect();
    scene.sandbox.run(&all).expect_code(0)
}

#[test]
fn words_are_found_newest_first_with_their_places() {
    let scene = scene();
    let (hits, summary) = json(&scene.sandbox, &["zebra*"]);
    let texts: Vec<&str> = hits.iter().map(|hit| hit["content"].as_str().unwrap()).collect();
    let expected = [
        "zebras everywhere: https://zoo.example/zebra?x=1",
        "a ZÉBRA and a giraffe",
        "Zebra crossing, the first",
    ];
    assert_eq!(texts, expected);
    assert_eq!(hits[1]["matches"], serde_json::json!([[2, 7]]));
    assert_eq!(hits[0]["matches"], serde_json::json!([[0, 6], [39, 44]]));
    assert_eq!(
        (&summary["hits"], &summary["more"], &summary["complete"]),
        (&3.into(), &false.into(), &true.into())
    );
    let first = &hits[0];
    assert_eq!(first["channel_id"], scene.other.to_string());
    assert_eq!(first["author"], hash(scene.author));
    let url = format!("https://discord.com/channels/{GUILD}/{}/", scene.other);
    assert!(first["url"].as_str().unwrap().starts_with(&url));
    assert_eq!(contents(&scene.sandbox, &["zebra*", "--sort", "oldest", "--limit", "1"]), [expected[2]]);
    let (_, summary) = json(&scene.sandbox, &["zebra*", "--limit", "2"]);
    assert_eq!((&summary["hits"], &summary["more"]), (&2.into(), &true.into()));
    assert_eq!(search(&scene, &["zebra*", "--count"]).stdout, "3\n");
    assert_eq!(contents(&scene.sandbox, &["動物園"]).len(), 1);
    assert_eq!(contents(&scene.sandbox, &["zebra* -giraffe", "OR", "okapi"]).len(), 3);
}

#[test]
fn filters_select_messages() {
    let scene = scene();
    let find = |arguments: &[&str]| contents(&scene.sandbox, arguments).len();
    assert_eq!(find(&["zebra*", "--channel", "chat"]), 2);
    assert_eq!(find(&["zebra*", "--channel", "#Chat"]), 2);
    assert_eq!(find(&["zebra*", "--channel", &scene.other.to_string()]), 1);
    assert_eq!(find(&["zebra*", "--has", "link"]), 1);
    assert_eq!(find(&["zebra*", "--has", "reply"]), 0);
    assert_eq!(find(&["zebra*", "--until", "2016-01-01"]), 0);
    assert_eq!(find(&["zebra*", "--since", "2016-01-01"]), 3);
    let hash = hash(scene.author);
    for author in [scene.author.to_string(), hash.clone(), hash[..6].to_owned()] {
        assert_eq!(find(&["zebra*", "--author", &author]), 2, "{author}");
    }
    let (hits, _) = json(&scene.sandbox, &["giraffe", "-C", "1"]);
    let before = &hits[0]["context"]["before"][0]["content"];
    assert_eq!(before, "Zebra crossing, the first");
    assert!(hits[0]["context"]["after"][0]["content"].as_str().unwrap().starts_with("okapi for"));
    let threads = scene.sandbox.count("SELECT count(*) FROM message_log WHERE parent_channel = 'ideas'");
    assert!(threads > 0);
    let text =
        "SELECT content FROM message_log WHERE parent_channel = 'ideas' AND content GLOB '[a-z]* *' LIMIT 1";
    let archive = scene.sandbox.archive();
    let text: String = archive.query_row(text, [], |row| row.get(0)).unwrap();
    let phrase = format!("\"{}\"", text.split_whitespace().next().unwrap());
    assert!(find(&[&phrase, "--channel", "ideas"]) > 0, "a channel covers its threads: {phrase}");
}

#[test]
fn an_id_is_neither_shown_nor_logged() {
    let scene = scene();
    let id = scene.author.to_string();
    for arguments in [
        &["zebra", "--author", &id, "-vv"][..],
        &["zebra", "--author", &format!("{id}x")],
        &["zebra", "--authr", &id],
        &["zebra", "--limit", &id, "--author", &id],
    ] {
        let all: Vec<&str> = ["search"].iter().chain(arguments).copied().collect();
        let ran = scene.sandbox.run(&all);
        assert!(!ran.stdout.contains(&id) && !ran.stderr.contains(&id), "{arguments:?}: {}", ran.stderr);
    }
    let shown = search(&scene, &["okapi"]).stdout;
    assert!(shown.contains(&format!("okapi for <@{}>", &hash(scene.author)[..12])), "{shown}");
}

#[test]
fn nothing_found_says_why_and_is_no_failure() {
    let scene = scene();
    for (arguments, reason) in [
        (&["unheard"][..], "has \"unheard\""),
        (&["zebra", "unheard", "\"never said\""], "has one of \"unheard\", \"never said\""),
        (&["zebra", "okapi"], "has all of this"),
        (&["zebra", "--channel", "nowhere"], "the archive has no such channel"),
        (&["zebra", "--author", "0123456789abcdef"], "does not know this author"),
        (&["zebra", "--until", "2016-01-01"], "no message is within the filters"),
    ] {
        let ran = search(&scene, arguments);
        assert!(ran.stdout.is_empty() && ran.stderr.contains(reason), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn mistakes_are_named() {
    let scene = scene();
    for (arguments, problem) in [
        (&["search", "a ("][..], "the query ends where a word is expected at character 4"),
        (&["search", "x", "--tenant", "nobody"], "unknown tenant \"nobody\""),
        (&["search", "x", "--author", "zz"], "neither a user ID nor a hash"),
        (&["search", "x", "--since", "2026-01-02", "--until", "2026-01-01"], "is not before"),
        (&["search", "12345678901234567"], "long numbers and hashes are not searched for"),
        (&["search"], "QUERY"),
    ] {
        let ran = scene.sandbox.run(arguments).expect_code(2);
        assert!(ran.stderr.contains(problem), "{arguments:?}: {}", ran.stderr);
    }
    let empty = Sandbox::new(World::new(&Description::community(GUILD, 1, 1)));
    let missing = empty.run(&["search", "x"]).expect_code(6);
    assert!(missing.stderr.contains("no archive at"), "{}", missing.stderr);
}

#[test]
fn text_and_csv_are_safe_to_read() {
    let scene = scene();
    let human = search(&scene, &["quagga"]).stdout;
    assert!(human.contains("quagga \\u001b[31mred\\u202e <@>"), "{human:?}");
    assert!(!human.contains('\u{1b}'));
    let colored = search(&scene, &["quagga", "--color", "always"]).stdout;
    assert!(colored.contains("\u{1b}[1;33mquagga\u{1b}[0m \\u001b[31m"), "{colored:?}");
    let csv = search(&scene, &["zebra*", "--format", "csv", "--limit", "1"]).stdout;
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(lines[0].split(',').count(), 11);
    assert!(
        lines[1].contains(",zebras everywhere: https://zoo.example/zebra?x=1,https://discord.com/"),
        "{csv}"
    );
}

#[test]
fn deleted_and_erased_messages_are_not_found() {
    let scene = scene();
    let (hits, _) = json(&scene.sandbox, &["giraffe"]);
    let message: u64 = hits[0]["message_id"].as_str().unwrap().parse().unwrap();
    scene.sandbox.sim.world().delete(scene.chat, message);
    scene.sandbox.sim.world().advance(Duration::from_mins(5));
    scene.sandbox.run(&["start", "--full"]).expect_code(0);
    assert_eq!(contents(&scene.sandbox, &["giraffe"]).len(), 0);
    let human = search(&scene, &["giraffe", "--include-deleted"]).stdout;
    assert!(human.contains("#chat [deleted]"), "{human}");
    scene.sandbox.run(&["forget", "--user", &scene.author.to_string(), "--yes"]).expect_code(0);
    assert_eq!(contents(&scene.sandbox, &["zebra*"]).len(), 0);
}

#[test]
fn a_search_runs_beside_a_sync() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 20, 500)));
    let running = sandbox.spawn_slow(&["start"]);
    assert!(!contents(&sandbox, &["the", "OR", "an*"]).is_empty());
    crate::util::send(&running, rustix::process::Signal::INT);
    crate::util::wait_for_exit(running);
}
