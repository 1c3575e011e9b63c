//! `verta-sync status`: before, while and after a sync runs.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::time::Duration;

use crate::util::{Sandbox, tenant_table, wait_for_exit, wait_until};
use discord_sim::{BodyKind, ChannelDescription, Description, FaultKind, GuildDescription, Match, World};
use serde_json::Value;

const GUILD: u64 = 77_000_000_000_000_001;
const TENANT: &str = "Simulated community";

fn small() -> Sandbox {
    Sandbox::new(World::new(&Description::community(GUILD, 3, 20)))
}

/// A server with one channel.
fn guild(index: u64, name: &str) -> GuildDescription {
    let channels = vec![ChannelDescription::text("chat", 5)];
    GuildDescription { id: GUILD + index, name: name.to_owned(), channels, ..Default::default() }
}

/// Large enough that a slow sync takes seconds.
fn large() -> Sandbox {
    Sandbox::new(World::new(&Description::community(GUILD, 3, 3000)))
}

fn overview(sandbox: &Sandbox) -> Value {
    sandbox.run(&["status", "--format", "json"]).expect_code(0).last_json()
}

#[track_caller]
fn assert_keys(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value.get(key).is_some(), "{key} is missing in {value}");
    }
}

#[test]
fn before_the_first_sync_tenants_are_pending_and_no_file_is_created() {
    let sandbox = small();
    let ran = sandbox.run(&["status"]).expect_code(0);
    assert!(ran.stdout.contains("pending") && ran.stdout.contains("verta-sync start"), "{}", ran.stdout);
    let overview = overview(&sandbox);
    assert_eq!(overview["tenants"][0]["status"], "pending");
    assert_eq!(overview["tenants"][0]["guild_id"], GUILD.to_string());
    assert_eq!(overview["running"], Value::Array(Vec::new()));
    assert_eq!(sandbox.listing(), ["sync.toml"]);
}

#[test]
fn running_job_shows_its_progress() {
    let sandbox = large();
    let mut sync = sandbox.spawn_slow(&["start"]);
    wait_until("the job's row counts messages", || {
        overview(&sandbox)["running"][0]["messages_processed"].as_u64() > Some(0)
    });
    let overview = overview(&sandbox);
    let job = &overview["running"][0];
    assert_eq!(overview["tenants"][0]["status"], "syncing");
    assert_eq!(job["status"], "running");
    assert_eq!(job["channels_total"], 3);
    assert_keys(job, &["eta_seconds"]);
    assert!((0.0..=1.0).contains(&job["progress"].as_f64().unwrap()), "{job}");
    assert!(job["parallel_stats"]["messages_per_second"].as_f64().unwrap() > 0.0, "{job}");
    assert_eq!(job["channel_results"][0]["status"], "in_progress");
    let job_id = job["job_id"].as_str().unwrap();
    let human = sandbox.run(&["status"]).expect_code(0);
    assert!(human.stdout.contains(&format!("running {job_id} ({TENANT})")), "{}", human.stdout);
    assert!(human.stdout.contains("ETA") && human.stdout.contains("of 3 channels"), "{}", human.stdout);
    let human = sandbox.run(&["status", "--job-id", job_id]).expect_code(0);
    assert!(human.stdout.contains("running") && human.stdout.contains("chat-0"), "{}", human.stdout);
    sync.kill().unwrap();
    wait_for_exit(sync);
}

#[test]
fn queued_job_shows_its_queue_position() {
    let sandbox = large();
    let mut sync = sandbox.spawn_slow(&["start"]);
    let add = "INSERT INTO sync_jobs (id, run_id, tenant_id, kind, status, created_at, updated_at)
               SELECT run_id || '-2', run_id, tenant_id, kind, 'queued', created_at + 1, updated_at
                 FROM sync_jobs";
    sandbox.archive().execute(add, []).unwrap();
    let job = &overview(&sandbox)["queued"][0];
    assert_eq!(job["queue_position"], 1);
    let alone = sandbox.run(&["status", "--format", "json", "--job-id", job["job_id"].as_str().unwrap()]);
    assert_eq!(alone.expect_code(0).last_json()["queue_position"], 1);
    sync.kill().unwrap();
    wait_for_exit(sync);
}

#[test]
fn job_of_a_killed_process_is_interrupted() {
    let sandbox = large();
    let mut sync = sandbox.spawn_slow(&["start"]);
    sync.kill().unwrap();
    wait_for_exit(sync);
    let files = ["archive.db", "archive.db-wal", "archive.db.lock"];
    let bytes = || files.map(|name| fs::read(sandbox.dir.path().join(name)).unwrap());
    let before = bytes();
    let overview = overview(&sandbox);
    assert_eq!(overview["running"], Value::Array(Vec::new()));
    assert_eq!(overview["interrupted"][0]["status"], "interrupted");
    assert_eq!(overview["tenants"][0]["status"], "partial");
    let job_id = overview["interrupted"][0]["job_id"].as_str().unwrap();
    let job = sandbox.run(&["status", "--format", "json", "--job-id", job_id]).expect_code(0).last_json();
    assert_eq!(job["status"], "interrupted");
    let human = sandbox.run(&["status"]).expect_code(0);
    assert!(human.stdout.contains(&format!("interrupted {job_id}")), "{}", human.stdout);
    assert!(bytes() == before, "status updates no job and checkpoints no WAL");
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_jobs WHERE status = 'running'"), 1);
}

#[test]
fn unknown_job_is_an_error() {
    let sandbox = small();
    for _ in 0..2 {
        let ran = sandbox.run(&["status", "--job-id", "nonesuch"]).expect_code(2);
        assert!(ran.stderr.contains("unknown job \"nonesuch\""), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
        sandbox.run(&["start"]).expect_code(0);
    }
}

#[test]
fn json_has_every_documented_key() {
    let sandbox = small();
    let job_id = sandbox.run(&["start", "--format", "json"]).last_json()["jobs"][0]["job_id"].clone();
    assert_keys(&overview(&sandbox), &["tenants", "running", "queued", "failing_channels"]);
    let arguments = ["status", "--format", "json", "--job-id", job_id.as_str().unwrap()];
    let job = sandbox.run(&arguments).expect_code(0).last_json();
    let keys = [
        "job_id",
        "run_id",
        "tenant",
        "kind",
        "status",
        "started_at",
        "completed_at",
        "channels_processed",
        "channels_skipped",
        "messages_processed",
        "reactions_processed",
        "reactions_pending",
        "attachments_processed",
        "errors",
        "parallel_stats",
        "channel_results",
    ];
    assert_keys(&job, &keys);
    let keys = [
        "max_concurrent_channels",
        "average_channel_seconds",
        "total_api_calls",
        "rate_limit_encounters",
        "rate_limit_wait_seconds",
        "retries",
        "messages_per_second",
    ];
    assert_keys(&job["parallel_stats"], &keys);
    let channel = &job["channel_results"][0];
    let keys = [
        "channel_id",
        "status",
        "worker_id",
        "started_at",
        "completed_at",
        "messages_processed",
        "last_message_id",
        "messages_per_second",
        "retry_count",
        "error",
    ];
    assert_keys(channel, &keys);
    assert!(channel["channel_id"].is_string() && channel["last_message_id"].is_string(), "{channel}");
    assert!(job["started_at"].as_str().unwrap().ends_with('Z'), "{job}");
    assert_eq!(job["status"], "completed");
}

#[test]
fn single_job_is_shown_as_text() {
    let sandbox = small();
    let ran = sandbox.run(&["start"]).expect_code(0);
    let job_id = ran.stdout.split([' ', ':']).nth(1).unwrap();
    let shown = sandbox.run(&["status", "--job-id", job_id]).expect_code(0).stdout;
    for word in [job_id, "completed", "chat-0", "chat-1", "chat-2", "60 new messages"] {
        assert!(shown.contains(word), "{word} is not in {shown}");
    }
}

#[test]
fn old_success_exits_with_8() {
    let mut description = Description::community(GUILD, 1, 5);
    description.guilds.push(guild(1, "Other"));
    let sandbox = Sandbox::new(World::new(&description));
    let exit_code = |arguments: &[&str]| sandbox.run(&[&["status", "--max-age"], arguments].concat()).code;
    assert_eq!(exit_code(&["1h"]), 8, "no success is too old");
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(exit_code(&["1h"]), 0);
    let make_older =
        "UPDATE tenants SET last_success_at = last_success_at - 3 * 3600000 WHERE name = 'Other'";
    sandbox.archive().execute(make_older, []).unwrap();
    assert_eq!(exit_code(&["2h"]), 8);
    assert_eq!(exit_code(&["4h"]), 0);
    assert_eq!(exit_code(&["2h", "--tenant", TENANT]), 0, "only the selected tenant counts");
    assert_eq!(exit_code(&["2h", "--tenant", "Other", "--format", "json"]), 8);
    let text = sandbox.run(&["status", "--max-age", "2h"]).expect_code(8).stdout;
    assert!(text.contains("✗ Other: last success 3h 00m ago, older than 2h 00m"), "{text}");
    assert!(!text.contains(&format!("✗ {TENANT}")), "{text}");
    let json = sandbox.run(&["status", "--max-age", "2h", "--format", "json"]).last_json();
    assert_eq!([&json["tenants"][0]["stale"], &json["tenants"][1]["stale"]], [true, false]);
    assert_eq!(overview(&sandbox)["tenants"][0].get("stale"), None);
}

#[test]
fn renamed_tenant_keeps_its_counts() {
    let sandbox = small();
    sandbox.run(&["start"]).expect_code(0);
    let config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    sandbox.write("sync.toml", &config.replace(TENANT, "renamed"));
    let ran = sandbox.run(&["status", "--tenant", "renamed", "--format", "json"]).expect_code(0);
    let tenants = ran.last_json()["tenants"].clone();
    assert_eq!(tenants.as_array().unwrap().len(), 1);
    assert_eq!(tenants[0]["messages"], 60);
}

#[test]
fn tenant_missing_from_the_configuration_is_shown() {
    let sandbox = small();
    sandbox.run(&["start"]).expect_code(0);
    sandbox.write("sync.toml", &tenant_table(GUILD + 1, "new"));
    let overview = overview(&sandbox);
    let states: Vec<_> = overview["tenants"].as_array().unwrap().iter().map(|t| &t["status"]).collect();
    assert_eq!(states, ["completed", "pending"]);
}

#[test]
fn status_changes_no_byte_of_the_archive() {
    let sandbox = small();
    sandbox.run(&["start"]).expect_code(0);
    let state = || {
        let path = sandbox.archive_path();
        (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap())
    };
    let before = state();
    for arguments in [&["status"][..], &["status", "--format", "json"], &["status", "--max-age", "1h"]] {
        sandbox.run(arguments).expect_code(0);
        assert!(state() == before, "{arguments:?} changed the archive");
    }
    assert_eq!(sandbox.count("SELECT count(*) FROM message_log"), 60);
}

#[test]
fn long_tenant_names_are_shown_in_full() {
    let sandbox = small();
    let names = ["a", "b"].map(|end| format!("{}{end}", "a name that two have in common ".repeat(2)));
    let tables = tenant_table(GUILD, &names[0]) + &tenant_table(GUILD + 1, &names[1]);
    sandbox.write("sync.toml", &tables);
    let text = sandbox.run(&["status"]).expect_code(0).stdout;
    assert!(names.iter().all(|name| text.contains(name.as_str())), "{text}");
}

#[test]
fn status_creates_no_file_beside_the_archive() {
    let sandbox = small();
    sandbox.run(&["start"]).expect_code(0);
    let before = sandbox.listing();
    sandbox.run(&["status"]).expect_code(0);
    assert_eq!(sandbox.listing(), before);
}

#[test]
fn watching_through_a_pipe_repeats_plain_text() {
    let sandbox = small();
    let mut watch = sandbox.spawn(&["status", "--watch"]);
    let lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut seen = String::new();
    for line in lines {
        seen += &line.unwrap();
        if seen.matches("archive.db").count() == 2 {
            break;
        }
    }
    watch.kill().unwrap();
    wait_for_exit(watch);
    assert_eq!(seen.matches("pending").count(), 1, "{seen}");
    assert!(!seen.contains('\u{1b}'), "{seen}");
}

#[test]
fn closed_stdout_is_not_an_error() {
    let sandbox = small();
    sandbox.run(&["start"]).expect_code(0);
    for arguments in [&["status"][..], &["start"], &["start", "--format", "json"], &["completions", "bash"]] {
        let mut command = sandbox.spawn(arguments);
        drop(command.stdout.take());
        wait_for_exit(command).expect_code(0);
    }
}

#[test]
fn run_with_a_date_range_is_not_a_success() {
    let sandbox = small();
    sandbox.run(&["start", "--until", "2016-01-01"]).expect_code(0);
    assert_eq!(overview(&sandbox)["tenants"][0]["last_success_at"], Value::Null);
    sandbox.run(&["status", "--max-age", "1h"]).expect_code(8);
}

#[test]
fn lock_file_has_the_mode_of_the_archive() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = small();
    let config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    sandbox.write("sync.toml", &format!("[archive]\nmode = \"0640\"\n{config}"));
    sandbox.run(&["start"]).expect_code(0);
    let mode = |name| fs::metadata(sandbox.dir.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("archive.db.lock"), mode("archive.db"));
}

#[test]
fn jobs_are_listed_in_the_order_of_their_tenants() {
    let mut description = Description::community(GUILD, 0, 0);
    description.guilds = (0..11).map(|index| guild(index, &format!("t{index}"))).collect();
    let sandbox = Sandbox::new(World::new(&description));
    let summary = sandbox.run(&["start", "--format", "json"]).expect_code(0).last_json();
    let jobs = summary["jobs"].as_array().unwrap().iter();
    let tenants: Vec<&str> = jobs.map(|job| job["tenant"].as_str().unwrap()).collect();
    assert_eq!(tenants, ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9", "t10"]);
}

#[test]
fn past_runs_are_listed_with_their_jobs() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 3, 20)));
    let listed =
        |arguments: &[&str]| sandbox.run(&[&["status", "--runs"], arguments].concat()).expect_code(0).stdout;
    assert_eq!(listed(&[]), "no runs yet\n");
    let job_ids: Vec<String> = (0..3)
        .map(|run| {
            sandbox.sim.world().advance(Duration::from_mins(1));
            let flags: &[&str] = if run == 1 { &["start", "--full"] } else { &["start"] };
            let ran = sandbox.run(flags).expect_code(0);
            let line =
                ran.stderr.lines().chain(ran.stdout.lines()).find(|line| line.starts_with("job ")).unwrap();
            line.trim_start_matches("job ").split(':').next().unwrap().to_owned()
        })
        .collect();
    let all = listed(&[]);
    let shown: Vec<&str> = all.lines().skip(1).take(3).map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(shown, [&*job_ids[2], &*job_ids[1], &*job_ids[0]], "{all}");
    assert!(all.lines().nth(2).unwrap().contains("completed, full"), "{all}");
    let last = listed(&["1"]);
    assert!(last.contains(&job_ids[2]) && !last.contains(&job_ids[1]), "{last}");
    let name = sandbox.sim.world().guilds()[0].1.clone();
    assert_eq!(listed(&["2", "--tenant", &name]).lines().count(), all.lines().count() - 1);
    let json = sandbox.run(&["status", "--runs", "2", "--format", "json"]).expect_code(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["runs"].as_array().unwrap().len(), 2);
    assert_eq!(json["runs"][0]["jobs"][0]["job_id"], job_ids[2].as_str());
    for mistake in [&["--job-id", "x"][..], &["--watch"], &["--tenant", "nobody"], &["x"]] {
        sandbox.run(&[&["status", "--runs"], mistake].concat()).expect_code(2);
    }
}

#[test]
fn only_tenants_with_problems_are_listed_on_request() {
    let guild = |id, channel: &str| GuildDescription {
        id,
        name: channel.to_owned(),
        channels: vec![ChannelDescription::text(channel, 20)],
        ..GuildDescription::default()
    };
    let guilds = vec![guild(GUILD, "good"), guild(GUILD + 1, "bad")];
    let sandbox = Sandbox::new(World::new(&Description { guilds, ..Description::default() }));
    let bad = sandbox.sim.world().channel_named(GUILD + 1, "bad").unwrap();
    sandbox.sim.faults().when(Match::page_of(bad).always(), FaultKind::Status(403, BodyKind::Json(50_001)));
    sandbox.run(&["start"]);
    let tenants = |arguments: &[&str]| -> Vec<String> {
        let all = [&["status", "--format", "json"], arguments].concat();
        let status: Value = serde_json::from_str(&sandbox.run(&all).expect_code(0).stdout).unwrap();
        status["tenants"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tenant| tenant["tenant"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(tenants(&[]), ["bad", "good"]);
    assert_eq!(tenants(&["--failing"]), ["bad"]);
    assert_eq!(tenants(&["--sort", "name"]), ["bad", "good"]);
    assert_eq!(tenants(&["--sort", "failing"]), ["bad", "good"]);
    assert_eq!(tenants(&["--sort", "messages"]), ["good", "bad"]);
    assert_eq!(tenants(&["--sort", "success"]), ["bad", "good"]);
    sandbox.run(&["status", "--sort", "age"]).expect_code(2);
    sandbox.run(&["status", "--failing", "--runs"]).expect_code(2);
}
