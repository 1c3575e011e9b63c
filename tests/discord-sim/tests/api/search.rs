//! The server search.

use std::time::Duration;

use discord_sim::permissions::READ_MESSAGE_HISTORY;
use discord_sim::{
    ChannelDescription, ChannelKind, Description, FaultKind, Match, RouteKind, Simulator, ThreadPlan,
};
use serde_json::Value;

use crate::client::{get, id, json, serve};

const GUILD: u64 = 340_000_000_000_000_001;

/// Two channels, the first with an archived thread of 3 messages.
fn sim() -> Simulator {
    let threads = ThreadPlan { archived: 1, messages: 3, ..ThreadPlan::default() };
    serve(&Description::of_channels(
        GUILD,
        vec![
            ChannelDescription {
                messages: 40,
                threads,
                ..ChannelDescription::new(ChannelKind::Text, "talk")
            },
            ChannelDescription::text("quiet", 0),
        ],
    ))
}

fn search(sim: &Simulator, query: &str) -> Value {
    json(sim, &format!("/guilds/{GUILD}/messages/search?{query}"))
}

/// The IDs of the found messages, in order.
fn found(answer: &Value) -> Vec<u64> {
    let groups = answer["messages"].as_array().expect("a list");
    groups.iter().map(|group| id(&group[0]["id"])).collect()
}

#[test]
fn finds_the_newest_messages_first_in_pages() {
    let sim = sim();
    let all: Vec<u64> =
        [0, 25].iter().flat_map(|offset| found(&search(&sim, &format!("offset={offset}")))).collect();
    assert_eq!(all.len(), 43);
    assert!(all.windows(2).all(|pair| pair[0] > pair[1]), "not descending");
    let first = search(&sim, "limit=10&sort_by=timestamp&sort_order=asc");
    assert_eq!(found(&first), all.iter().rev().take(10).copied().collect::<Vec<u64>>());
    assert_eq!(first["total_results"], 43);
    assert_eq!(first["doing_deep_historical_index"], false);
    assert!(first["messages"][0][0].get("reactions").is_none());
    let newer = search(&sim, &format!("min_id={}", all[5]));
    assert_eq!(found(&newer), all[..5]);
    assert_eq!(found(&search(&sim, &format!("max_id={}&limit=2", all[5]))), all[6..8]);
}

#[test]
fn names_the_threads_of_the_found_messages() {
    let sim = sim();
    let world = sim.world();
    let talk = world.channel_named(GUILD, "talk").expect("talk");
    let thread = world.threads_of(talk)[0];
    let written = world.append(thread, 1)[0];
    let answer = search(&sim, &format!("min_id={}", written - 1));
    assert_eq!(found(&answer), [written]);
    assert_eq!(id(&answer["messages"][0][0]["channel_id"]), thread);
    let named = answer["threads"].as_array().expect("a list");
    assert_eq!(named.iter().map(|thread| id(&thread["id"])).collect::<Vec<u64>>(), [thread]);
    assert_eq!(id(&named[0]["parent_id"]), talk);
    assert!(found(&search(&sim, &format!("min_id={}&channel_id={talk}", written - 1))).is_empty());
}

#[test]
fn omits_what_the_bot_cannot_read_and_age_restricted_channels_unless_asked() {
    let sim = sim();
    let world = sim.world();
    let (talk, quiet) =
        (world.channel_named(GUILD, "talk").unwrap(), world.channel_named(GUILD, "quiet").unwrap());
    world.append(quiet, 1);
    world.set_nsfw(talk);
    assert_eq!(search(&sim, "")["total_results"], 1);
    assert_eq!(search(&sim, "include_nsfw=true")["total_results"], 44);
    world.set_bot_permissions(talk, 0, READ_MESSAGE_HISTORY);
    assert_eq!(search(&sim, "include_nsfw=true")["total_results"], 1);
}

#[test]
fn finds_a_message_only_when_it_is_indexed() {
    let sim = sim();
    let world = sim.world();
    let quiet = world.channel_named(GUILD, "quiet").expect("quiet");
    world.set_search_delay(Duration::from_mins(30));
    let written = world.append(quiet, 1)[0];
    let query = format!("channel_id={quiet}");
    assert!(found(&search(&sim, &query)).is_empty());
    world.advance(Duration::from_mins(31));
    assert_eq!(found(&search(&sim, &query)), [written]);
    world.set_search_indexing(true);
    let reply = get(&sim, &format!("/guilds/{GUILD}/messages/search"));
    assert_eq!(reply.error(), (202, 110_000));
    assert!(reply.json()["retry_after"].is_u64() && reply.json()["documents_indexed"].is_u64());
}

#[test]
fn refuses_what_discord_refuses() {
    let sim = sim();
    let path = |query: &str| format!("/guilds/{GUILD}/messages/search?{query}");
    for query in
        ["limit=0", "limit=26", "offset=9976", "sort_by=age", "sort_order=up", "min_id=x", "channel_id=x"]
    {
        assert_eq!(get(&sim, &path(query)).error(), (400, 50_035), "{query}");
    }
    assert_eq!(get(&sim, &path("content=x")).error(), (400, 50_035));
    sim.world().set_message_content(false);
    assert_eq!(get(&sim, &path("")).error(), (403, 50_001));
    sim.world().set_message_content(true);
    sim.world().remove_bot(GUILD);
    assert_eq!(get(&sim, &path("")).error(), (403, 50_001));
}

#[test]
fn faults_shorten_and_empty_the_answer() {
    let sim = sim();
    sim.faults().when(Match::route(RouteKind::GuildSearch), FaultKind::Keep(2));
    assert_eq!(found(&search(&sim, "")).len(), 2);
    sim.faults().when(Match::route(RouteKind::GuildSearch), FaultKind::Empty);
    assert_eq!(found(&search(&sim, "")).len(), 0);
}
