use discord_sim::{Description, RouteKind};

use crate::client::{get, headers, json, send, serve};

const EVERYTHING: u64 = 320_000_000_000_000_001;
const ELSEWHERE: u64 = 320_000_000_000_000_002;

#[test]
fn a_wrong_or_missing_token_is_a_401() {
    let sim = serve(&Description::empty_guild());
    let agent = "User-Agent: DiscordBot (https://example.org, 1.0)\r\n";
    for authorization in ["", "Authorization: Bot wrong\r\n"] {
        let lines = format!("{authorization}{agent}");
        let reply = send(&sim, "GET", "/api/v10/users/@me", &lines).expect("an answer");
        assert_eq!(reply.error(), (401, 0));
        assert_eq!(reply.json()["message"], "401: Unauthorized");
    }
    sim.world().revoke_token();
    assert_eq!(get(&sim, "/users/@me").status, 401);
}

#[test]
fn a_missing_user_agent_is_stopped_at_the_front_door() {
    let sim = serve(&Description::empty_guild());
    let lines = format!("Authorization: Bot {}\r\n", sim.token());
    let reply = send(&sim, "GET", "/api/v10/users/@me", &lines).expect("an answer");
    assert_eq!(reply.status, 403);
    assert!(reply.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
}

#[test]
fn unknown_routes_and_methods_are_404_and_405() {
    let sim = serve(&Description::empty_guild());
    assert_eq!(get(&sim, "/nowhere").error(), (404, 0));
    let reply = send(&sim, "GET", "/api/v1/users/@me", &headers(&sim)).expect("an answer");
    assert_eq!(reply.error(), (404, 0));
    let reply = send(&sim, "POST", "/api/v10/users/@me", &headers(&sim)).expect("an answer");
    assert_eq!(reply.status, 405);
    assert_eq!(get(&sim, "/channels/general").error(), (400, 50035));
}

#[test]
fn unknown_things_have_their_own_codes() {
    let sim = serve(&Description::everything(1));
    let general = sim.world().channel_named(EVERYTHING, "general").expect("made");
    assert_eq!(get(&sim, "/channels/1").error(), (404, 10003));
    assert_eq!(get(&sim, "/channels/1/messages").error(), (404, 10003));
    assert_eq!(get(&sim, "/guilds/1").error(), (404, 10004));
    assert_eq!(get(&sim, "/guilds/1/channels").error(), (404, 10004));
    let path = format!("/channels/{general}/messages/1");
    assert_eq!(get(&sim, &path).error(), (404, 10008));
    let path = format!("/guilds/{EVERYTHING}/members/1");
    assert_eq!(get(&sim, &path).error(), (404, 10007));
}

#[test]
fn a_guild_the_bot_is_not_in_is_unknown_or_out_of_reach() {
    let sim = serve(&Description::everything(1));
    let guild = get(&sim, &format!("/guilds/{ELSEWHERE}"));
    assert_eq!(guild.error(), (404, 10004));
    let channels = get(&sim, &format!("/guilds/{ELSEWHERE}/channels"));
    assert_eq!(channels.error(), (403, 50001));
    let channel = sim.world().channel_named(ELSEWHERE, "general").expect("made");
    let messages = get(&sim, &format!("/channels/{channel}/messages"));
    assert_eq!(messages.error(), (403, 50001));
}

#[test]
fn rights_decide_between_403_an_empty_page_and_messages() {
    let sim = serve(&Description::everything(1));
    let ask = |name: &str| {
        let channel = sim.world().channel_named(EVERYTHING, name).expect(name);
        get(&sim, &format!("/channels/{channel}/messages?limit=100"))
    };
    assert_eq!(ask("bot-locked-out").error(), (403, 50001));
    assert_eq!(ask("Bot mute").error(), (403, 50001));
    assert_eq!(ask("community").error(), (400, 50024));
    assert_eq!(ask("ideas").error(), (400, 50024));
    for silent in ["no-history", "bot-no-history", "empty", "all-deleted"] {
        let reply = ask(silent);
        assert_eq!((reply.status, &reply.body[..]), (200, &b"[]"[..]), "{silent}");
    }
    for (name, count) in [
        ("moderators", 60),
        ("history-for-bot", 60),
        ("Members talk", 30),
        ("Town hall", 30),
        ("exactly-one-page", 100),
        ("news", 40),
    ] {
        let reply = ask(name);
        assert_eq!(reply.status, 200, "{name}");
        assert_eq!(reply.json().as_array().map(Vec::len), Some(count), "{name}");
    }
}

#[test]
fn every_answer_carries_date_type_and_honest_bucket_headers_but_no_scope() {
    let sim = serve(&Description::everything(1));
    let reply = get(&sim, &format!("/guilds/{EVERYTHING}/channels"));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert!(reply.header("date").is_some_and(|date| date.ends_with(" GMT")));
    for name in ["limit", "remaining", "reset", "reset-after", "bucket"] {
        assert!(reply.header(&format!("x-ratelimit-{name}")).is_some(), "{name}");
    }
    assert_eq!(reply.header("x-ratelimit-scope"), None);
}

#[test]
fn the_application_tells_about_the_message_content_intent() {
    let sim = serve(&Description::empty_guild());
    let flags = |sim| json(sim, "/applications/@me")["flags"].as_u64().expect("a number");
    assert_ne!(flags(&sim) & (1 << 18 | 1 << 19), 0);
    sim.world().set_message_content(false);
    assert_eq!(flags(&sim) & (1 << 18 | 1 << 19), 0);
    assert_eq!(json(&sim, "/users/@me")["bot"], true);
    assert_eq!(sim.journal().count(RouteKind::CurrentApplication), 2);
}
