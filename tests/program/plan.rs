//! `verta-sync plan`: predicts the next sync and writes nothing.

use std::time::Duration;

use crate::util::Sandbox;
use discord_sim::{BodyKind, Description, FaultKind, Match, RouteKind, World};
use serde_json::Value;

const GUILD: u64 = 77_000_000_000_000_001;
const HOUR: Duration = Duration::from_hours(1);

fn everything() -> Sandbox {
    Sandbox::new(World::new(&Description::everything(7)))
}

/// The JSON plan of the first server; the bot isn't a member of all of them.
fn plan(sandbox: &Sandbox) -> Value {
    let (_, name) = &sandbox.sim.world().guilds()[0];
    let ran = sandbox.run(&["plan", "--tenant", name, "--format", "json"]).expect_code(0);
    serde_json::from_str(&ran.stdout).unwrap()
}

fn ids(list: &Value) -> Vec<u64> {
    let mut ids: Vec<u64> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|channel| channel["channel_id"].as_str().unwrap().parse().unwrap())
        .collect();
    ids.sort_unstable();
    ids
}

#[test]
fn plan_names_every_channel_with_its_action_or_why_it_is_left_out() {
    let sandbox = everything();
    let world = sandbox.sim.world();
    for tenant in plan(&sandbox)["tenants"].as_array().unwrap() {
        let truth = world.truth(world.guilds()[0].0);
        let readable = truth
            .iter()
            .filter(|channel| channel.bot_can_read && matches!(channel.kind, 0 | 2 | 5 | 10 | 11 | 13));
        let mut expected: Vec<u64> = readable.map(|channel| channel.id).collect();
        expected.sort_unstable();
        assert_eq!(ids(&tenant["reads"]), expected);
        assert!(tenant["reads"].as_array().unwrap().iter().all(|read| read["action"] == "first_read"));
        for left_out in tenant["left_out"].as_array().unwrap() {
            let is_permission_rule =
                left_out["rule"] == "not_public" || left_out["rule"] == "bot_lacks_permission";
            let names = left_out["missing_permissions"].as_array().unwrap();
            assert!(!is_permission_rule || !names.is_empty(), "{left_out}");
        }
        assert!(tenant["expected"]["requests"].as_u64().unwrap() >= expected.len() as u64);
    }
}

#[test]
fn plan_writes_nothing_and_prints_no_user_id() {
    let sandbox = everything();
    let ran = sandbox.run(&["plan"]).expect_code(3);
    assert_eq!(sandbox.listing(), ["sync.toml"]);
    sandbox.assert_no_secrets(&ran);
    sandbox.assert_no_secrets(&sandbox.run(&["plan", "--format", "json", "-vv"]).expect_code(3));
    let pages = sandbox.sim.journal().count(RouteKind::Messages);
    assert_eq!(pages, 0, "no message is read");
}

#[test]
fn next_sync_follows_the_plan() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 4, 120)));
    sandbox.run(&["start"]).expect_code(0);
    let world = sandbox.sim.world();
    world.advance(48 * HOUR);
    sandbox.run(&["start"]).expect_code(0);
    world.advance(48 * HOUR);
    let quiet = plan(&sandbox)["tenants"][0].clone();
    assert_eq!(quiet["reads"], serde_json::json!([]), "{quiet}");
    let chat = world.truth(GUILD).iter().find(|channel| channel.message_count > 0).unwrap().id;
    world.append(chat, 3);
    let planned = plan(&sandbox)["tenants"][0].clone();
    assert_eq!(ids(&planned["reads"]), [chat]);
    assert_eq!(planned["reads"][0]["action"], "refresh");
    let job = sandbox.run(&["start", "--format", "json"]).expect_code(0).last_json()["jobs"][0].clone();
    assert_eq!(ids(&job["channel_results"]), [chat]);
    assert_eq!(job["channels_skipped"], planned["skipped"].as_array().unwrap().len());
}

#[test]
fn dead_letter_channel_is_listed_as_waiting() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 120)));
    let chat = sandbox.sim.world().truth(GUILD).iter().find(|channel| channel.message_count > 0).unwrap().id;
    let refused = FaultKind::Status(400, BodyKind::Json(50_024));
    sandbox.sim.faults().when(Match::page_of(chat).always(), refused);
    for run in 0..5 {
        let planned = plan(&sandbox)["tenants"][0].clone();
        assert_eq!(ids(&planned["reads"]).contains(&chat), run < 5);
        sandbox.run(&["start"]).expect_code(3);
    }
    let planned = plan(&sandbox)["tenants"][0].clone();
    assert_eq!(ids(&planned["waiting"]), [chat], "{planned}");
    let text = sandbox.run(&["plan"]).expect_code(0).stdout;
    assert!(text.contains("too many consecutive failures"), "{text}");
    let status = sandbox.run(&["status", "--format", "json"]).expect_code(0).stdout;
    let failing = serde_json::from_str::<Value>(&status).unwrap()["failing_channels"][0].clone();
    assert_eq!((&failing["dead_letter"], &failing["failure_count"]), (&true.into(), &5.into()), "{failing}");
    let text = sandbox.run(&["status"]).expect_code(0).stdout;
    assert!(text.contains("failed in 5 consecutive runs") && text.contains("start --channel"), "{text}");
    sandbox.run(&["start"]).expect_code(0);
    sandbox.run(&["start", "--channel", &chat.to_string()]).expect_code(1);
    sandbox.sim.world().advance(25 * HOUR);
    sandbox.sim.faults().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(ids(&plan(&sandbox)["tenants"][0]["waiting"]), Vec::<u64>::new());
}

#[test]
fn plan_names_unmatched_entries_and_the_list_that_leaves_a_channel_out() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 3, 10)));
    let config = std::fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    let lists = "include_channels = [\"chat-0\", \"chat-1\", \"chat_2\"]\nexclude_channels = [\"chat-1\"]\n";
    sandbox.write("sync.toml", &(config + lists));
    let planned = plan(&sandbox)["tenants"][0].clone();
    assert_eq!(planned["reads"].as_array().unwrap().len(), 1);
    let keys: Vec<_> =
        planned["left_out"].as_array().unwrap().iter().map(|channel| &channel["key"]).collect();
    assert_eq!(keys, ["exclude_channels", "include_channels"]);
    assert_eq!(
        planned["unmatched_entries"],
        serde_json::json!([{"key": "include_channels", "entry": "chat_2", "meant": "chat-2"}])
    );
    sandbox.run(&["check"]).expect_code(0);
}

#[test]
fn unknown_channel_sizes_are_not_estimated() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 60, 10)));
    let planned = plan(&sandbox)["tenants"][0].clone();
    assert_eq!(planned["reads"][0]["expected_messages"], Value::Null);
    assert_eq!(planned["expected"]["channels_of_unknown_size"], 60);
    let text = sandbox.run(&["plan"]).expect_code(0).stdout;
    assert!(text.contains("expected: at least ") && text.contains("60 channels of unknown size"), "{text}");
    assert!(text.contains("plus reactors: at least one request") && text.contains("and 20 more"), "{text}");
    sandbox.run(&["start"]).expect_code(0);
    sandbox.sim.world().advance(48 * HOUR);
    let text = sandbox.run(&["plan"]).expect_code(0).stdout;
    assert!(!text.contains("unknown size"), "{text}");
}

#[test]
fn plan_fails_like_a_sync() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 1, 10)));
    sandbox.sim.world().remove_bot(GUILD);
    let ran = sandbox.run(&["plan"]).expect_code(4);
    assert!(ran.stdout.contains("invite the bot"), "{}", ran.stdout);
    sandbox.sim.world().revoke_token();
    sandbox.run(&["plan"]).expect_code(4);
    sandbox.run(&["plan", "--tenant", "nobody"]).expect_code(2);
}
