//! What commands print.

use serde_json::Value;

use crate::sandbox::{GENERAL, GUILD, RANDOM, Sandbox};
use crate::server::TEAM;
use crate::util::Ran;

/// The texts at a key of the objects of a list, sorted.
fn texts<'v>(list: &'v Value, key: &str) -> Vec<&'v str> {
    let items = list.as_array().unwrap().iter();
    let mut texts: Vec<&str> = items.map(|item| item[key].as_str().unwrap()).collect();
    texts.sort_unstable();
    texts
}

/// The job of the team.
fn team(ran: &Ran) -> Value {
    ran.last_json()["jobs"].as_array().unwrap().iter().find(|job| job["tenant"] == "team").unwrap().clone()
}

pub fn start_shows_the_texts_of_ids() {
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

pub fn status_shows_the_texts_of_ids() {
    let sandbox = Sandbox::with_config("requests_per_second = 5000", "max_retries = 0");
    sandbox.parley.world().unreadable = Some(RANDOM);
    let ran = sandbox.run(&["start", "--format", "json"]).expect_code(3);
    assert_eq!(texts(&team(&ran)["errors"], "channel_id"), [RANDOM]);
    let status = sandbox.run(&["status", "--format", "json"]).expect_code(0).last_json();
    assert_eq!(texts(&status["tenants"], "guild_id"), [GUILD.to_string().as_str(), TEAM]);
    assert_eq!(texts(&status["failing_channels"], "channel_id"), [RANDOM]);
}
