//! Missing access: bot token, privileged intent, server membership, API address, channel.

use std::net::TcpListener;

use discord_sim::{Description, GuildDescription, World};

use super::{GUILD, assert_refusal_output, assert_refused, sandbox};
use crate::util::{CommandOutput, Sandbox, tenant_table};

/// Runs `start` with this token in the environment, or without the variable.
fn start_with_token(sandbox: &Sandbox, token: Option<&str>) -> CommandOutput {
    let mut command = sandbox.command(&["start"]);
    match token {
        Some(token) => command.env("DISCORD_BOT_TOKEN", token),
        None => command.env_remove("DISCORD_BOT_TOKEN"),
    };
    command.output().unwrap().into()
}

#[test]
fn missing_or_empty_token_is_reported() {
    let sandbox = sandbox();
    for token in [None, Some("")] {
        let ran = start_with_token(&sandbox, token).expect_code(4);
        assert_refusal_output(&sandbox, &ran, &["DISCORD_BOT_TOKEN", "not set", "token_file"]);
    }
    assert_eq!(sandbox.listing(), ["sync.toml"]);
}

#[test]
fn rejected_token_is_reported_but_not_printed() {
    let sandbox = sandbox();
    let ran = start_with_token(&sandbox, Some("wrong.token.indeed")).expect_code(4);
    assert_refusal_output(&sandbox, &ran, &["rejected the token", "create a new token"]);
    assert!(!ran.stderr.contains("wrong.token.indeed"), "{}", ran.stderr);
    assert_eq!(sandbox.listing(), ["sync.toml"]);
}

#[test]
fn token_may_end_with_a_newline_but_not_contain_one() {
    let sandbox = sandbox();
    let ran = start_with_token(&sandbox, Some("simulated\n.discord.token")).expect_code(4);
    assert_refusal_output(&sandbox, &ran, &["DISCORD_BOT_TOKEN", "characters that a token cannot have"]);
    assert!(!ran.stderr.contains(".discord.token"), "{}", ran.stderr);
    assert_eq!(sandbox.listing(), ["sync.toml"]);
    let with_newline = format!("{}\n", sandbox.sim.token());
    start_with_token(&sandbox, Some(&with_newline)).expect_code(0);
}

#[test]
fn missing_message_content_intent_stops_before_reading() {
    let sandbox = sandbox();
    sandbox.sim.world().set_message_content(false);
    assert_refused(&sandbox, &["start"], 4, &["no access to message content", "Message Content Intent"]);
    assert_eq!(sandbox.sim.journal().len(), 1, "only one request is sent");
}

#[test]
fn bot_in_no_server_exits_with_4() {
    let sandbox = sandbox();
    sandbox.sim.world().remove_bot(GUILD);
    let ran = sandbox.run(&["start"]).expect_code(4);
    assert!(ran.stdout.contains("invite the bot"), "{}", ran.stdout);
    let ran = sandbox.run(&["start", "--format", "json"]).expect_code(4);
    let summary = ran.last_json();
    assert_eq!(summary["exit_code"], 4);
    assert_eq!(summary["jobs"][0]["status"], "failed");
    assert_eq!(summary["jobs"][0]["errors"][0]["channel_id"], serde_json::Value::Null);
    assert!(summary["jobs"][0]["errors"][0]["hint"].as_str().unwrap().contains("invite"), "{summary}");
    let is_error = |line: &str| line.contains(r#""event":"error""#) && line.contains("invite the bot");
    assert!(ran.stdout.lines().any(is_error), "{}", ran.stdout);
    let status = sandbox.run(&["status"]).expect_code(0);
    assert!(status.stdout.contains("failed") && status.stdout.contains('✗'), "{}", status.stdout);
}

#[test]
fn bot_in_one_of_two_servers_exits_with_3() {
    let mut description = Description::community(GUILD, 2, 20);
    let other =
        GuildDescription { id: GUILD + 1, name: "Closed".into(), bot_present: false, ..Default::default() };
    description.guilds.push(other);
    let sandbox = Sandbox::new(World::new(&description));
    let ran = sandbox.run(&["start"]).expect_code(3);
    assert!(ran.stdout.contains("invite the bot"), "{}", ran.stdout);
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 40);
}

#[test]
fn refused_connection_names_the_api_address() {
    let sandbox = sandbox();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let discord = format!("[discord]\napi_url = \"http://{closed}\"\n");
    let sync = "[sync]\nmax_retries = 1\nretry_base_delay = \"1ms\"\n";
    sandbox.write("sync.toml", &(discord + sync + &tenant_table(GUILD, "a")));
    assert_refused(&sandbox, &["start"], 1, &["Connection refused", &closed.to_string(), "api_url"]);
}

#[test]
fn json_output_of_a_failed_run_is_an_error_and_a_summary() {
    let sandbox = sandbox();
    sandbox.sim.world().revoke_token();
    let ran = sandbox.run(&["start", "--format", "json"]).expect_code(4);
    let lines: Vec<serde_json::Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["event"], "error");
    assert_eq!(lines[1]["event"], "summary");
    assert_eq!(lines[1]["exit_code"], 4);
    assert_eq!(lines.len(), 2);
    sandbox.assert_no_secrets(&ran);
}

#[test]
fn unknown_channel_is_not_a_success() {
    let sandbox = sandbox();
    let ran = sandbox.run(&["start", "--channel", "12345"]).expect_code(1);
    assert!(ran.stderr.contains("channel 12345"), "{}", ran.stderr);
    let channel = sandbox.sim.world().channel_named(GUILD, "chat-0").unwrap().to_string();
    let ran = sandbox.run(&["start", "--channel", "12345", "--channel", &channel]).expect_code(3);
    assert!(ran.stderr.contains("channel 12345"), "{}", ran.stderr);
    sandbox.run(&["start", "--channel", &channel]).expect_code(0);
}

#[test]
fn log_contains_no_user_id_including_the_bots() {
    let sandbox = sandbox();
    let ran = sandbox.run(&["start", "-vv"]).expect_code(0);
    sandbox.assert_no_secrets(&ran);
}
