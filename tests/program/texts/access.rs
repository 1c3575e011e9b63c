//! Refusals of Discord, network problems and rate limits.

use std::net::TcpListener;

use discord_sim::{BodyKind, Description, FaultKind, GuildDescription, Match, RouteKind, Scope, World};

use super::transcript::Transcript;
use super::{GUILD, sandbox, with_config};
use crate::util::{Sandbox, tenant_table};

const READ_MESSAGE_HISTORY: u64 = 1 << 16;

#[test]
fn discord_refusals_are_reported_with_a_remedy() {
    let mut transcript = Transcript::default();
    let without_intent = sandbox();
    without_intent.sim.world().set_message_content(false);
    let not_invited = sandbox();
    not_invited.sim.world().remove_bot(GUILD);
    let without_permission = sandbox();
    let chat = without_permission.sim.world().channel_named(GUILD, "chat-0").unwrap();
    without_permission.sim.world().set_bot_permissions(chat, 0, READ_MESSAGE_HISTORY);
    for (situation, sandbox) in [
        ("Message Content Intent is off", &without_intent),
        ("the bot isn't in the server", &not_invited),
        ("the bot lacks a permission in one channel", &without_permission),
    ] {
        for command in ["check", "plan", "start", "status"] {
            transcript.run(situation, sandbox, &[command]);
        }
    }
    let revoked = sandbox();
    revoked.sim.world().revoke_token();
    for command in ["check", "plan", "start", "status"] {
        transcript.run("the token was revoked", &revoked, &[command]);
    }
    let sandbox = sandbox();
    transcript.run("a channel that does not exist", &sandbox, &["start", "--channel", "12345"]);
    let chat = sandbox.sim.world().channel_named(GUILD, "chat-0").unwrap();
    sandbox.sim.world().hide(chat);
    transcript.run("a private channel", &sandbox, &["start", "--channel", &chat.to_string()]);
    let mut description = Description::community(GUILD, 1, 20);
    description.guilds.push(GuildDescription { id: GUILD + 1, name: "Other".into(), ..Default::default() });
    let two_servers = Sandbox::new(World::new(&description));
    let chat = two_servers.sim.world().channel_named(GUILD, "chat-0").unwrap().to_string();
    transcript.run("a channel of one of two servers", &two_servers, &["start", "--channel", &chat]);
    transcript.expect("access");
}

#[test]
fn network_problems_and_rate_limits_are_reported_with_a_remedy() {
    let mut transcript = Transcript::default();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable_api = sandbox();
    let discord = format!("[discord]\napi_url = \"http://{closed}\"\n");
    let sync = "[sync]\nmax_retries = 1\nretry_base_delay = \"1ms\"\n";
    unreachable_api.write("sync.toml", &(discord + sync + &tenant_table(GUILD, "takaro")));
    transcript.run("nothing listens at api_url", &unreachable_api, &["start"]);
    let redirected = sandbox();
    redirected.sim.faults().when(
        Match::route(RouteKind::CurrentApplication).always(),
        FaultKind::Redirect("https://discordapp.com/".to_owned()),
    );
    transcript.run("api_url redirects", &redirected, &["start"]);
    for (situation, what) in [
        ("Discord fails for one channel", FaultKind::Status(503, BodyKind::Html)),
        ("one channel is refused", FaultKind::Status(403, BodyKind::Json(50001))),
        ("one channel's responses are malformed", FaultKind::InvalidJson),
        ("one channel's responses are truncated", FaultKind::TruncatedBody),
    ] {
        let sandbox = sandbox();
        let chat = sandbox.sim.world().channel_named(GUILD, "chat-1").unwrap();
        sandbox.sim.faults().when(Match::page_of(chat).always(), what);
        transcript.run(situation, &sandbox, &["start"]);
        transcript.run(situation, &sandbox, &["status"]);
    }
    let stopping_at_limit = with_config("[sync]\non_rate_limit = \"stop\"");
    let limit = FaultKind::RateLimited { retry_after: 60.0, scope: Scope::Global };
    stopping_at_limit.sim.faults().when(Match::route(RouteKind::Messages).always(), limit);
    transcript.run(
        "a rate limit with on_rate_limit = \"stop\"",
        &stopping_at_limit,
        &["start", "--max-channel-workers", "1"],
    );
    transcript.expect("network");
}
