//! Matching of faults to requests.

use discord_sim::{BodyKind, Cursor, Description, FaultKind, Match, RouteKind, Simulator};

use crate::client::{get, ids, json, serve};

const GUILD: u64 = 310_000_000_000_000_001;

fn community() -> (Simulator, u64) {
    let sim = serve(&Description::community(GUILD, 2, 250));
    let channel = sim.world().channel_named(GUILD, "chat-0").expect("it exists");
    (sim, channel)
}

fn unavailable() -> FaultKind {
    FaultKind::Status(503, BodyKind::Empty)
}

/// The queries for a channel's messages that fail.
fn failing<'q>(sim: &Simulator, channel: u64, queries: &[&'q str]) -> Vec<&'q str> {
    let fails = |query: &&&str| get(sim, &format!("/channels/{channel}/messages{query}")).status == 503;
    queries.iter().filter(fails).copied().collect()
}

/// A match for a channel, and the queries it matches.
type Case<'q> = (fn(u64) -> Match, &'q [&'q str]);

#[test]
fn faults_match_pages_by_cursor() {
    let queries = ["", "?limit=100", "?after=0", "?after=0&limit=1", "?before=1", "?around=1"];
    let cases: [Case<'_>; 4] = [
        (Match::newest_page_of, &["", "?limit=100"]),
        (Match::after_page_of, &["?after=0", "?after=0&limit=1"]),
        (Match::before_page_of, &["?before=1"]),
        (|channel| Match::page_of(channel).with_cursor(Cursor::Around), &["?around=1"]),
    ];
    for (when, expected) in cases {
        let (sim, channel) = community();
        sim.faults().when(when(channel).always(), unavailable());
        assert_eq!(failing(&sim, channel, &queries), expected);
        let other = sim.world().channel_named(GUILD, "chat-1").expect("it exists");
        assert!(failing(&sim, other, &queries).is_empty());
    }
}

#[test]
fn faults_match_pages_by_limit() {
    let queries = ["?limit=49", "?limit=50", "", "?limit=51", "?limit=100"];
    let (sim, channel) = community();
    sim.faults().when(Match::page_of(channel).with_limit_from(50).always(), unavailable());
    assert_eq!(failing(&sim, channel, &queries), &queries[1..]);
    sim.faults().clear();
    sim.faults().when(Match::page_of(channel).with_limit_above(50).always(), unavailable());
    assert_eq!(failing(&sim, channel, &queries), &queries[3..]);
    sim.faults().clear();
    sim.faults().when(Match::default().with_limit_from(0).always(), unavailable());
    assert_eq!(get(&sim, &format!("/channels/{channel}")).status, 200);
}

#[test]
fn faults_match_pages_by_a_message_they_contain() {
    let (sim, channel) = community();
    let newest = ids(&json(&sim, &format!("/channels/{channel}/messages?limit=100")));
    let (poison, next) = (newest[60], newest[61]);
    let number = sim.faults().when(Match::page_of(channel).holding(poison).always(), unavailable());
    let before = |id: u64, limit| format!("?before={id}&limit={limit}");
    let after = |id: u64, limit| format!("?after={id}&limit={limit}");
    let queries = [
        "?limit=100".to_owned(),
        "?limit=60".to_owned(),
        "?limit=61".to_owned(),
        before(poison, 100),
        before(newest[59], 1),
        before(newest[50], 9),
        after(next, 100),
        after(next, 1),
        after(poison, 100),
        format!("?around={poison}&limit=3"),
    ];
    let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
    let expected = [queries[0], queries[2], queries[4], queries[6], queries[7], queries[9]];
    assert_eq!(failing(&sim, channel, &queries), expected);
    assert_eq!(sim.faults().fired(number), 6);
    assert!(sim.world().delete(channel, poison));
    assert!(failing(&sim, channel, &queries).is_empty());
}

#[test]
fn pages_without_the_message_are_not_counted() {
    let (sim, channel) = community();
    let newest = ids(&json(&sim, &format!("/channels/{channel}/messages?limit=2")));
    sim.faults().when(Match::page_of(channel).holding(newest[1]).after(1), unavailable());
    let queries = ["?limit=1", "?limit=1", "?limit=2", "?limit=2", "?limit=2"];
    let statuses = queries.map(|query| get(&sim, &format!("/channels/{channel}/messages{query}")).status);
    assert_eq!(statuses, [200, 200, 200, 503, 200]);
}

#[test]
fn faults_match_guilds_including_their_channels() {
    let sim = serve(&Description::demo());
    let guilds = sim.world().guilds();
    let (one, other) = (guilds[0].0, guilds[1].0);
    sim.faults().when(Match::default().in_guild(one).always(), unavailable());
    for (guild, expected) in [(one, 503), (other, 200)] {
        let channel = ids(&readable_channels(&sim, guild))[0];
        assert_eq!(get(&sim, &format!("/guilds/{guild}/roles")).status, expected);
        assert_eq!(get(&sim, &format!("/channels/{channel}")).status, expected);
    }
    assert_eq!(get(&sim, "/users/@me").status, 200);
}

/// The guild's channels that everyone and the bot can read, as JSON objects with an ID.
fn readable_channels(sim: &Simulator, guild: u64) -> serde_json::Value {
    let truth = sim.world().truth(guild);
    let readable = truth.iter().filter(|channel| channel.bot_can_read && !channel.is_thread);
    readable.map(|channel| serde_json::json!({"id": channel.id.to_string()})).collect()
}

#[test]
fn faults_match_reactor_lists_by_message_and_emoji() {
    let (sim, channel) = community();
    let world = sim.world();
    let emoji = world.custom_emoji(GUILD).remove(0);
    let messages: Vec<u64> = (0..2).filter_map(|_| world.append_text(channel, 1, "react to me")).collect();
    for message in &messages {
        assert!(world.react(channel, *message, 1, "👍", false));
        assert!(world.react(channel, *message, 1, &emoji, false));
    }
    let status = |message: u64, emoji: &str| {
        get(&sim, &format!("/channels/{channel}/messages/{message}/reactions/{emoji}?limit=100")).status
    };
    let thumb = "%F0%9F%91%8D";
    let reactions = || Match::route(RouteKind::Reactions).always();
    sim.faults().when(reactions().of_emoji("👍").of_message(messages[0]), unavailable());
    sim.faults().when(reactions().of_emoji(&emoji).of_message(messages[1]), unavailable());
    assert_eq!(messages.iter().map(|message| status(*message, thumb)).collect::<Vec<_>>(), [503, 200]);
    assert_eq!(messages.iter().map(|message| status(*message, &emoji)).collect::<Vec<_>>(), [200, 503]);
    let single = format!("/channels/{channel}/messages/{}", messages[0]);
    assert_eq!(get(&sim, &single).status, 200);
    sim.faults().clear();
    sim.faults().when(Match::default().of_message(messages[0]).always(), unavailable());
    assert_eq!(get(&sim, &single).status, 503);
    assert_eq!(get(&sim, &format!("/channels/{channel}/messages")).status, 200);
}
