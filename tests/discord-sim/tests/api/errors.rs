use discord_sim::{Description, RouteKind};

use crate::client::{get, headers, json, send, serve};

const EVERYTHING: u64 = 320_000_000_000_000_001;
const ELSEWHERE: u64 = 320_000_000_000_000_002;

#[test]
fn wrong_missing_or_revoked_token_is_a_401() {
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
fn missing_user_agent_is_a_403_from_cloudflare() {
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
fn unknown_objects_have_their_own_error_codes() {
    let sim = serve(&Description::everything(1));
    let general = sim.world().channel_named(EVERYTHING, "general").expect("it exists");
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
fn guild_without_the_bot_is_unknown_or_forbidden() {
    let sim = serve(&Description::everything(1));
    let guild = get(&sim, &format!("/guilds/{ELSEWHERE}"));
    assert_eq!(guild.error(), (404, 10004));
    let channels = get(&sim, &format!("/guilds/{ELSEWHERE}/channels"));
    assert_eq!(channels.error(), (403, 50001));
    let channel = sim.world().channel_named(ELSEWHERE, "general").expect("it exists");
    let messages = get(&sim, &format!("/channels/{channel}/messages"));
    assert_eq!(messages.error(), (403, 50001));
}

#[test]
fn permissions_decide_between_403_empty_page_and_messages() {
    let sim = serve(&Description::everything(1));
    let page_of = |name: &str| {
        let channel = sim.world().channel_named(EVERYTHING, name).expect(name);
        get(&sim, &format!("/channels/{channel}/messages?limit=100"))
    };
    assert_eq!(page_of("bot-locked-out").error(), (403, 50001));
    assert_eq!(page_of("Bot mute").error(), (403, 50001));
    assert_eq!(page_of("community").error(), (400, 50024));
    assert_eq!(page_of("ideas").error(), (400, 50024));
    for empty in ["no-history", "bot-no-history", "empty", "all-deleted"] {
        let reply = page_of(empty);
        assert_eq!((reply.status, &reply.body[..]), (200, &b"[]"[..]), "{empty}");
    }
    for (name, count) in [
        ("moderators", 60),
        ("history-for-bot", 60),
        ("Members talk", 30),
        ("Town hall", 30),
        ("exactly-one-page", 100),
        ("news", 40),
    ] {
        let reply = page_of(name);
        assert_eq!(reply.status, 200, "{name}");
        assert_eq!(reply.json().as_array().map(Vec::len), Some(count), "{name}");
    }
}

#[test]
fn answers_have_date_content_type_and_bucket_headers_but_no_scope() {
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
fn application_flags_show_the_message_content_intent() {
    let sim = serve(&Description::empty_guild());
    let flags = |sim| json(sim, "/applications/@me")["flags"].as_u64().expect("a number");
    assert_ne!(flags(&sim) & (1 << 18 | 1 << 19), 0);
    sim.world().set_message_content(false);
    assert_eq!(flags(&sim) & (1 << 18 | 1 << 19), 0);
    assert_eq!(json(&sim, "/users/@me")["bot"], true);
    assert_eq!(sim.journal().count(RouteKind::CurrentApplication), 2);
}
