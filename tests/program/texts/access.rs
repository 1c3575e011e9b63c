//! What Discord and the network refuse.

use std::net::TcpListener;

use discord_sim::{BodyKind, Description, GuildDescription, Match, RouteKind, Scope, What, World};

use super::transcript::Transcript;
use super::{GUILD, sandbox, with_config};
use crate::util::{Sandbox, tenant_table};

const READ_MESSAGE_HISTORY: u64 = 1 << 16;

#[test]
fn what_discord_refuses_is_told_with_what_to_do() {
    let mut said = Transcript::default();
    let without_intent = sandbox();
    without_intent.sim.world().set_message_content(false);
    let not_invited = sandbox();
    not_invited.sim.world().remove_bot(GUILD);
    let without_right = sandbox();
    let chat = without_right.sim.world().channel_named(GUILD, "chat-0").unwrap();
    without_right.sim.world().set_bot_permissions(chat, 0, READ_MESSAGE_HISTORY);
    for (situation, sandbox) in [
        ("Message Content Intent is off", &without_intent),
        ("the bot isn't in the server", &not_invited),
        ("the bot lacks a right in one channel", &without_right),
    ] {
        for command in ["check", "plan", "start", "status"] {
            said.run(situation, sandbox, &[command]);
        }
    }
    let revoked = sandbox();
    revoked.sim.world().revoke_token();
    for command in ["check", "plan", "start", "status"] {
        said.run("the token was revoked", &revoked, &[command]);
    }
    let sandbox = sandbox();
    said.run("a channel that nobody has", &sandbox, &["start", "--channel", "12345"]);
    let mut description = Description::community(GUILD, 1, 20);
    description.guilds.push(GuildDescription { id: GUILD + 1, name: "Other".into(), ..Default::default() });
    let two = Sandbox::new(World::new(&description));
    let chat = two.sim.world().channel_named(GUILD, "chat-0").unwrap().to_string();
    said.run("a channel of one of two servers", &two, &["start", "--channel", &chat]);
    said.expect("access");
}

#[test]
fn what_the_network_and_the_limits_do_is_told_with_what_to_do() {
    let mut said = Transcript::default();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = sandbox();
    let discord = format!("[discord]\napi_url = \"http://{closed}\"\n");
    let sync = "[sync]\nmax_retries = 1\nretry_base_delay = \"1ms\"\n";
    nobody.write("sync.toml", &(discord + sync + &tenant_table(GUILD, "takaro")));
    said.run("nobody listens at api_url", &nobody, &["start"]);
    let redirected = sandbox();
    redirected.sim.faults().when(
        Match::route(RouteKind::CurrentApplication).always(),
        What::Redirect("https://discordapp.com/".to_owned()),
    );
    said.run("api_url redirects", &redirected, &["start"]);
    for (situation, what) in [
        ("Discord has trouble with one channel", What::Status(503, BodyKind::Html)),
        ("one channel is refused", What::Status(403, BodyKind::Json(50001))),
        ("one channel's answers are broken", What::InvalidJson),
        ("one channel's answers are cut off", What::TruncatedBody),
    ] {
        let sandbox = sandbox();
        let chat = sandbox.sim.world().channel_named(GUILD, "chat-1").unwrap();
        sandbox.sim.faults().when(Match::page_of(chat).always(), what);
        said.run(situation, &sandbox, &["start"]);
        said.run(situation, &sandbox, &["status"]);
    }
    let hasty = with_config("[sync]\non_rate_limit = \"stop\"");
    let limit = What::RateLimited { retry_after: 60.0, scope: Scope::Global };
    hasty.sim.faults().when(Match::route(RouteKind::Messages).always(), limit);
    said.run("a limit, and the run shall not wait", &hasty, &["start", "--max-channel-workers", "1"]);
    said.expect("network");
}
