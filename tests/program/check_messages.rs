//! `verta-sync check --messages`: the archive against the platform, message by message.

use std::time::Duration;

use crate::util::{Sandbox, send, wait_for_exit, wait_until};
use discord_sim::{
    BodyKind, ChannelDescription, ChannelKind, Description, FaultKind, Match, RouteKind, ThreadPlan, World,
};
use rustix::process::Signal;
use serde_json::{Value, json};

const GUILD: u64 = 77_000_000_000_000_001;
const HOUR: Duration = Duration::from_hours(1);

/// A channel of 450 messages, a quiet one, and a forum with threads, all of which are old.
fn sandbox() -> Sandbox {
    let threads = ThreadPlan { active: 2, archived: 4, messages: 12, ..ThreadPlan::default() };
    let channels = vec![
        ChannelDescription::text("general", 450),
        ChannelDescription::text("quiet", 3),
        ChannelDescription { threads, ..ChannelDescription::new(ChannelKind::Forum, "help") },
    ];
    let world = World::new(&Description::of_channels(GUILD, channels));
    let sandbox = Sandbox::with_config(world, "[sync]\nreactions = \"counts\"\nretry_base_delay = \"10ms\"");
    sandbox.run(&["start"]).expect_code(0);
    sandbox
}

fn check(sandbox: &Sandbox, percent: u32, code: i32) -> Value {
    let ran = sandbox.run(&["check", &format!("--messages={percent}"), "--format", "json"]).expect_code(code);
    sandbox.assert_no_secrets(&ran);
    let document = ran.last_json();
    assert_eq!(document["exit_code"], code);
    document["tenants"][0].clone()
}

/// Channel, message, kind, fields and class of each difference.
fn differences(tenant: &Value) -> Vec<(String, String, String, Vec<String>, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = tenant["differences"].as_array().unwrap();
    list.iter()
        .map(|difference| {
            let fields = difference["fields"].as_array().unwrap().iter().map(text).collect();
            (
                text(&difference["channel"]),
                text(&difference["message_id"]),
                text(&difference["kind"]),
                fields,
                text(&difference["class"]),
            )
        })
        .collect()
}

/// The counts that aren't 0, as "class kind count".
fn counts(tenant: &Value) -> Vec<String> {
    let classes = tenant["counts"].as_object().unwrap();
    let counts = classes.iter().flat_map(|(class, kinds)| {
        kinds.as_object().unwrap().iter().map(move |(kind, count)| format!("{class} {kind} {count}"))
    });
    counts.filter(|count| !count.ends_with(" 0")).collect()
}

/// The archived message at a position of a channel, as the archive's keys.
fn message(sandbox: &Sandbox, channel: &str, order: &str, offset: u32) -> (i64, i64) {
    sandbox
        .archive()
        .query_row(
            &format!(
                "SELECT m.channel_id, m.platform_id FROM messages m JOIN channels c ON c.id = m.channel_id
                  WHERE c.name = ?1 ORDER BY m.platform_id {order} LIMIT 1 OFFSET {offset}"
            ),
            [channel],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap()
}

/// Runs SQL on the archive, with the message as ?1 and ?2.
fn sabotage(sandbox: &Sandbox, (channel, id): (i64, i64), statements: &[&str]) {
    let archive = sandbox.archive();
    for sql in statements {
        archive.execute(sql, [channel, id]).unwrap();
    }
}

const DELETE: [&str; 3] = [
    "DELETE FROM message_attachments WHERE channel_id = ?1 AND message_id = ?2",
    "DELETE FROM message_reaction_counts WHERE channel_id = ?1 AND message_id = ?2",
    "DELETE FROM messages WHERE channel_id = ?1 AND platform_id = ?2",
];

#[test]
fn an_archive_that_agrees_shows_no_difference() {
    let sandbox = sandbox();
    for percent in [100, 40, 1] {
        let tenant = check(&sandbox, percent, 0);
        assert_eq!(differences(&tenant), []);
        assert_eq!(tenant["channels"], 8);
        assert_eq!(tenant["failed_channels"], json!([]));
    }
    let whole = check(&sandbox, 100, 0);
    assert_eq!((&whole["messages"], &whole["whole_channels"]), (&json!(450 + 3 + 6 * 12), &json!(8)));
    let ran = sandbox.run(&["check", "--messages"]).expect_code(0);
    assert!(ran.stdout.contains("8 channels compared, no difference"), "{}", ran.stdout);
    let recorded = "SELECT count(*) FROM audit_log WHERE action = 'messages_compared'
                       AND json_extract(details, '$.fault') = 0";
    assert_eq!(sandbox.count(recorded), 5);
}

#[test]
fn what_is_missing_or_altered_in_the_archive_is_found() {
    let sandbox = sandbox();
    let middle = message(&sandbox, "general", "ASC", 222);
    let newest = message(&sandbox, "general", "DESC", 0);
    let altered = message(&sandbox, "general", "ASC", 17);
    let last_in_thread = message(&sandbox, "help thread 0", "DESC", 0);
    let with_file: (i64, i64) = sandbox
        .archive()
        .query_row("SELECT channel_id, message_id FROM message_attachments LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    for lost in [middle, newest, last_in_thread] {
        sabotage(&sandbox, lost, &DELETE);
    }
    sabotage(
        &sandbox,
        altered,
        &["UPDATE messages SET content = 'not what was said' WHERE channel_id = ?1 AND platform_id = ?2"],
    );
    sabotage(
        &sandbox,
        with_file,
        &["DELETE FROM message_attachments WHERE channel_id = ?1 AND message_id = ?2"],
    );
    let tenant = check(&sandbox, 100, 3);
    let mut found = differences(&tenant);
    found.sort();
    let id = |(_, id): (i64, i64)| id.to_string();
    let fault = |id: String, kind: &str, fields: &[&str]| {
        (id, kind.to_owned(), fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>())
    };
    let mut expected = vec![
        fault(id(middle), "missing", &[]),
        fault(id(newest), "missing", &[]),
        fault(id(last_in_thread), "missing", &[]),
        fault(id(altered), "differs", &["content"]),
        fault(id(with_file), "differs", &["attachments"]),
    ];
    expected.sort();
    let mut actual: Vec<_> =
        found.iter().map(|(_, id, kind, fields, _)| (id.clone(), kind.clone(), fields.clone())).collect();
    actual.sort();
    assert_eq!(actual, expected);
    assert!(found.iter().all(|(.., class)| class == "fault"), "{found:?}");
    let people = sandbox.run(&["check", "--messages=100"]).expect_code(3);
    assert!(
        people.stdout.contains("is missing") && people.stdout.contains("differs: content"),
        "{}",
        people.stdout
    );
    assert!(
        people.stdout.contains("\"verta-sync start --full\" reads everything again"),
        "{}",
        people.stdout
    );
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert_eq!(differences(&check(&sandbox, 100, 0)), []);
}

#[test]
fn a_thread_that_is_missing_is_found() {
    let sandbox = sandbox();
    // By the archive's row IDs, a thread disappears with everything that refers to it.
    let forget_thread = |name: &str, keeps_row: bool| {
        let archive = sandbox.archive();
        let row: i64 =
            archive.query_row("SELECT id FROM channels WHERE name = ?1", [name], |row| row.get(0)).unwrap();
        for table in [
            "message_attachments",
            "message_reaction_counts",
            "messages",
            "channel_sync_jobs",
            "sync_progress",
        ] {
            archive.execute(&format!("DELETE FROM {table} WHERE channel_id = ?1"), [row]).unwrap();
        }
        if !keeps_row {
            archive.execute("DELETE FROM channels WHERE id = ?1", [row]).unwrap();
        }
    };
    forget_thread("help thread 1", false);
    forget_thread("help thread 3", true);
    let tenant = check(&sandbox, 100, 3);
    let found = differences(&tenant);
    assert_eq!(found.len(), 24, "{found:?}");
    for name in ["help thread 1", "help thread 3"] {
        assert_eq!(found.iter().filter(|(channel, ..)| channel == name).count(), 12);
    }
    assert!(found.iter().all(|(_, _, kind, ..)| kind == "missing"));
    assert_eq!(tenant["unarchived_channels"].as_array().unwrap().len(), 1);
    let people = sandbox.run(&["check", "--messages=100"]).expect_code(3);
    assert!(people.stdout.contains("nothing of it is archived"), "{}", people.stdout);
}

#[test]
fn changes_that_syncs_do_not_follow_are_aged_and_others_young() {
    let sandbox = sandbox();
    let world = sandbox.sim.world();
    let general = world.channel_named(GUILD, "general").unwrap();
    let old: Vec<u64> = [10, 20, 30]
        .iter()
        .map(|at| u64::try_from(message(&sandbox, "general", "ASC", *at).1).unwrap())
        .collect();
    world.delete(general, old[0]);
    world.edit(general, old[1], "said otherwise");
    let tenant = check(&sandbox, 100, 0);
    let found: Vec<(String, String)> = differences(&tenant)
        .into_iter()
        .map(|(_, id, kind, _, class)| {
            assert_eq!(class, "aged");
            (id, kind)
        })
        .collect();
    assert_eq!(
        found,
        [(old[0].to_string(), "not_deleted".to_owned()), (old[1].to_string(), "differs".to_owned())]
    );
    let people = sandbox.run(&["check", "--messages=100"]).expect_code(0);
    assert!(people.stdout.contains("2 messages that changed after"), "{}", people.stdout);
    assert!(people.stdout.contains("start --full\" reads everything again"), "{}", people.stdout);
    // New messages are archived, then change before the next sync.
    let young: Vec<u64> = world.append(general, 3);
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    world.edit(general, young[0], "on second thought");
    world.delete(general, young[1]);
    let newest = world.append(general, 1)[0];
    world.advance(HOUR);
    let tenant = check(&sandbox, 100, 3);
    assert_eq!(counts(&tenant)[2..], ["young differs 1", "young not_deleted 1"]);
    assert!(!tenant["differences"].to_string().contains(&newest.to_string()), "not read yet");
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert_eq!(differences(&check(&sandbox, 100, 0)), []);
    // What came back although the archive shows it as deleted.
    world.restore(general, old[0]);
    let tenant = check(&sandbox, 100, 3);
    assert_eq!(counts(&tenant), ["fault not_restored 1"]);
}

#[test]
fn counts_raise_doubt_about_a_channel_that_a_sample_would_pass() {
    let sandbox = sandbox();
    let world = sandbox.sim.world();
    // Neither page of the sample needs to hold what is missing: the counts say that something is.
    for offset in 0..30 {
        sabotage(&sandbox, message(&sandbox, "general", "ASC", 100 + 2 * offset), &DELETE);
    }
    let doubted = check(&sandbox, 1, 3);
    assert_eq!(counts(&doubted), ["fault missing 30"]);
    // The hint proves nothing: a wrong one costs only requests.
    sandbox.run(&["start", "--full"]).expect_code(0);
    let wrong = json!({ "messages": [], "total_results": 9, "doing_deep_historical_index": false });
    sandbox.sim.faults().when(Match::route(RouteKind::GuildSearch).always(), FaultKind::Body(wrong));
    let tenant = check(&sandbox, 1, 0);
    assert_eq!(differences(&tenant), []);
    assert!(tenant["messages"].as_u64().unwrap() > 450, "the channel was read whole");
    sandbox.sim.faults().clear();
    sandbox
        .sim
        .faults()
        .when(Match::route(RouteKind::GuildSearch).always(), FaultKind::Status(403, BodyKind::Json(50_001)));
    assert_eq!(differences(&check(&sandbox, 1, 0)), []);
    assert!(world.now_ms() > 0);
}

#[test]
fn answers_that_lie_are_no_differences() {
    let sandbox = sandbox();
    let world = sandbox.sim.world();
    let general = world.channel_named(GUILD, "general").unwrap();
    let page = || Match::page_of(general);
    // Once without ten messages, once whole.
    sandbox.sim.faults().when(page(), FaultKind::Keep(90));
    assert_eq!(differences(&check(&sandbox, 100, 0)), []);
    for (lie, words) in [
        (FaultKind::Empty, "an empty"),
        (FaultKind::Blank, "without their content"),
        (FaultKind::Status(403, BodyKind::Json(50_001)), "403"),
        (FaultKind::Repeat, "begin differently"),
    ] {
        sandbox.sim.faults().clear();
        sandbox.sim.faults().when(page().always(), lie.clone());
        let tenant = check(&sandbox, 100, 3);
        assert_eq!(differences(&tenant), [], "{lie:?}");
        let failed = tenant["failed_channels"].to_string();
        assert!(failed.contains(words) && failed.contains(&general.to_string()), "{failed}");
    }
}

#[test]
fn what_no_run_has_covered_is_no_difference() {
    let sandbox = sandbox();
    let world = sandbox.sim.world();
    let general = world.channel_named(GUILD, "general").unwrap().to_string();
    // Of a channel that was reset, only a part is archived again.
    let tenant = world.guilds()[0].1.clone();
    sandbox.run(&["reset", "--tenant", &tenant, "--channel", &general, "--purge", "--yes"]).expect_code(0);
    sandbox.run(&["start", "--channel", &general, "--since", "2026-06-01"]).expect_code(0);
    assert_eq!(differences(&check(&sandbox, 100, 0)), []);
    sandbox.run(&["start"]).expect_code(0);
    // Messages sent while a channel was hidden.
    let quiet = world.channel_named(GUILD, "quiet").unwrap();
    world.hide(quiet);
    world.advance(HOUR);
    world.append(quiet, 3);
    sandbox.run(&["start"]).expect_code(0);
    world.advance(3 * HOUR);
    sandbox.run(&["start"]).expect_code(0);
    world.show(quiet);
    assert_eq!(differences(&check(&sandbox, 100, 0)), []);
}

#[test]
fn pages_that_cannot_be_had_whole_are_compared_in_pieces() {
    let sandbox = sandbox();
    let general = sandbox.sim.world().channel_named(GUILD, "general").unwrap();
    let large = Match { least_limit: Some(60), ..Match::page_of(general) };
    sandbox.sim.faults().when(large.always(), FaultKind::Status(502, BodyKind::Html));
    let tenant = check(&sandbox, 100, 0);
    assert_eq!((differences(&tenant), &tenant["messages"]), (vec![], &json!(450 + 3 + 6 * 12)));
}

#[test]
fn a_signal_ends_it_with_what_was_compared() {
    let sandbox = sandbox();
    sandbox.sim.set_latency(Duration::from_millis(300), Duration::ZERO);
    sandbox.sim.journal().clear();
    let child = sandbox.spawn(&["check", "--messages=100"]);
    let reads_general = || {
        let general = sandbox.sim.world().channel_named(GUILD, "general");
        let entries = sandbox.sim.journal().entries();
        entries.iter().filter(|entry| entry.channel == general).count() > 1
    };
    wait_until("the channel is compared", reads_general);
    send(&child, Signal::INT);
    let ran = wait_for_exit(child).expect_code(130);
    let says_so = ["stopped before the other channels", "the check ended before"];
    assert!(says_so.iter().any(|words| ran.stdout.contains(words)), "{}", ran.stdout);
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    assert_eq!(differences(&check(&sandbox, 100, 0)), []);
}

#[test]
fn an_empty_page_hides_no_missing_end() {
    let sandbox = sandbox();
    let general = sandbox.sim.world().channel_named(GUILD, "general").unwrap();
    for _ in 0..50 {
        sabotage(&sandbox, message(&sandbox, "general", "DESC", 0), &DELETE);
    }
    let last_page = Match { skip: 4, ..Match::page_of(general) };
    sandbox.sim.faults().when(last_page, FaultKind::Empty);
    let tenant = check(&sandbox, 100, 3);
    assert!(tenant["failed_channels"].to_string().contains("newer messages exist"), "{tenant}");
    assert_eq!(counts(&check(&sandbox, 100, 3)), ["fault missing 50"]);
}

#[test]
fn it_needs_an_archive_and_runs_beside_a_sync() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 30)));
    let ran = sandbox.run(&["check", "--messages"]).expect_code(6);
    assert!(ran.stderr.contains("no archive"), "{}", ran.stderr);
    sandbox.run(&["check", "--messages=0"]).expect_code(2);
    sandbox.run(&["check", "--messages=101"]).expect_code(2);
    sandbox.run(&["check", "--messages", "--privacy"]).expect_code(2);
    sandbox.run(&["start"]).expect_code(0);
    let lock = std::fs::File::open(sandbox.dir.path().join("archive.db.lock")).unwrap();
    lock.lock().unwrap();
    sandbox.run(&["check", "--messages=100"]).expect_code(0);
    drop(lock);
    sandbox.sim.world().revoke_token();
    sandbox.run(&["check", "--messages"]).expect_code(4);
}
