//! The output of commands: IDs appear in each platform's format.

use serde_json::Value;

use crate::sandbox::{BOARD, GENERAL, GUILD, RANDOM, Sandbox};
use crate::server::TEAM;
use crate::util::CommandOutput;

/// The string values of `key` in a list of objects, sorted.
fn texts<'v>(list: &'v Value, key: &str) -> Vec<&'v str> {
    let items = list.as_array().unwrap().iter();
    let mut texts: Vec<&str> = items.map(|item| item[key].as_str().unwrap()).collect();
    texts.sort_unstable();
    texts
}

/// The job of the Parley tenant.
fn team(ran: &CommandOutput) -> Value {
    ran.last_json()["jobs"].as_array().unwrap().iter().find(|job| job["tenant"] == "team").unwrap().clone()
}

pub fn start_formats_ids_as_the_platform_does() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["start", "--format", "json"]).expect_code(0);
    let team = team(&ran);
    assert_eq!(texts(&team["channel_results"], "channel_id"), [GENERAL, RANDOM]);
    let last = texts(&team["channel_results"], "last_message_id");
    assert_eq!(last, ["1718000449.123456", sandbox.reply.as_str()]);
    let events = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let is_of_team = |event: &Value| event["event"] == "channel_started" && event["job_id"] == team["job_id"];
    let started = Value::Array(events.filter(is_of_team).collect());
    assert_eq!(texts(&started, "channel_id"), [GENERAL, RANDOM]);
}

pub fn status_formats_ids_as_the_platform_does() {
    let sandbox = Sandbox::with_config("requests_per_second = 5000", "max_retries = 0");
    sandbox.parley.world().unreadable = Some(RANDOM);
    let ran = sandbox.run(&["start", "--format", "json"]).expect_code(3);
    assert_eq!(texts(&team(&ran)["errors"], "channel_id"), [RANDOM]);
    let status = sandbox.run(&["status", "--format", "json"]).expect_code(0).last_json();
    assert_eq!(texts(&status["tenants"], "guild_id"), [GUILD.to_string().as_str(), TEAM]);
    assert_eq!(texts(&status["failing_channels"], "channel_id"), [RANDOM]);
}

pub fn plan_formats_ids_as_the_platform_does() {
    let sandbox = Sandbox::new();
    let plan = |format: &str| sandbox.run(&["plan", "--tenant", "team", "--format", format]).expect_code(0);
    let team = plan("json").last_json()["tenants"][0].clone();
    assert_eq!(team["guild_id"], TEAM);
    assert_eq!(texts(&team["reads"], "channel_id"), [GENERAL, RANDOM]);
    assert_eq!(texts(&team["left_out"], "channel_id"), [BOARD]);
    let text = plan("human").stdout;
    assert!([GENERAL, RANDOM, BOARD].iter().all(|id| text.contains(id)), "{text}");
    sandbox.run(&["start"]).expect_code(0);
    let full = sandbox.run(&["plan", "--format", "json", "--verbose"]).expect_code(0).stdout;
    assert!(!full.contains("187858"), "the team's number: {full}");
}

pub fn channel_flag_accepts_the_platforms_id_format() {
    let sandbox = Sandbox::new();
    let channels = || sandbox.texts("SELECT DISTINCT channel_id FROM message_log");
    let number = sandbox.run(&["start", "--channel", "95959522"]).expect_code(1);
    assert!(number.stderr.contains("no selected tenant has a channel 95959522"), "{}", number.stderr);
    sandbox.run(&["start", "--channel", GENERAL]).expect_code(0);
    assert_eq!(channels(), [GENERAL]);
    let unknown = sandbox.run(&["start", "--channel", GENERAL, "--channel", "C0N0WHERE"]).expect_code(3);
    assert!(unknown.stderr.contains("has a channel C0N0WHERE"), "{}", unknown.stderr);
    let reset =
        |channel: &str| sandbox.run(&["reset", "--tenant", "team", "--channel", channel, "--yes", "--purge"]);
    reset("C0N0WHERE").expect_code(2);
    reset(GENERAL).expect_code(0);
    assert!(channels().is_empty());
    sandbox.run(&["start"]).expect_code(0);
    sandbox.assert_team_archived();
}

pub fn malformed_message_is_reported_with_its_channels_name() {
    let sandbox = Sandbox::new();
    sandbox.parley.world().send(RANDOM, "1718000900.000001", "nobody", "who says this?");
    let ran = sandbox.run(&["start"]).expect_code(3);
    assert!(ran.stdout.contains("#random: "), "{}", ran.stdout);
}
