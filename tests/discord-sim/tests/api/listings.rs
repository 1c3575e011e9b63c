use std::collections::BTreeSet;

use discord_sim::permissions::{ADMINISTRATOR, MANAGE_THREADS, VIEW_CHANNEL};
use discord_sim::{Description, Simulator};
use serde_json::Value;

use crate::client::{get, id, ids, json, serve};

const EVERYTHING: u64 = 320_000_000_000_000_001;

fn channel(sim: &Simulator, name: &str) -> u64 {
    sim.world().channel_named(EVERYTHING, name).expect(name)
}

fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list");
    list.iter().filter_map(|item| item["name"].as_str()).collect()
}

#[test]
fn channel_list_omits_threads_and_channels_the_bot_cannot_view() {
    let sim = serve(&Description::everything(1));
    let list = json(&sim, &format!("/guilds/{EVERYTHING}/channels"));
    let names = names(&list);
    for present in ["general", "moderators", "no-history", "Bot mute", "ideas", "hub"] {
        assert!(names.contains(&present), "{present}");
    }
    for absent in ["bot-locked-out", "members-only", "support thread 0"] {
        assert!(!names.contains(&absent), "{absent}");
    }
    let kinds: BTreeSet<u64> =
        list.as_array().expect("a list").iter().map(|item| item["type"].as_u64().expect("a type")).collect();
    assert_eq!(kinds, BTreeSet::from([0, 2, 4, 5, 13, 14, 15, 16]));
    let hidden = channel(&sim, "bot-locked-out");
    assert_eq!(get(&sim, &format!("/channels/{hidden}")).error(), (403, 50001));
}

#[test]
fn last_message_id_may_name_a_deleted_message_and_on_forums_a_thread() {
    let sim = serve(&Description::everything(1));
    let last = |name| {
        let path = format!("/channels/{}", channel(&sim, name));
        json(&sim, &path)["last_message_id"].clone()
    };
    assert!(last("empty").is_null());
    let deleted = id(&last("deleted-last"));
    let path = format!("/channels/{}/messages/{deleted}", channel(&sim, "deleted-last"));
    assert_eq!(get(&sim, &path).error(), (404, 10008));
    let threads = sim.world().threads_of(channel(&sim, "ideas"));
    assert_eq!(Some(&id(&last("ideas"))), threads.last());
}

#[test]
fn active_threads_include_private_ones_the_bot_is_in() {
    let sim = serve(&Description::everything(1));
    let active = json(&sim, &format!("/guilds/{EVERYTHING}/threads/active"));
    let threads = active["threads"].as_array().expect("a list");
    let of_kind = |kind| threads.iter().filter(|thread| thread["type"] == kind).count();
    assert_eq!((of_kind(10), of_kind(12)), (1, 2));
    assert_eq!(of_kind(11), 4 + 3 + 2 + 6 + 2 + 1);
    assert_eq!(active["members"].as_array().map(Vec::len), Some(2));
    assert!(threads.iter().all(|thread| thread["thread_metadata"]["archived"] == false));
    let private = threads.iter().find(|thread| thread["type"] == 12).expect("one");
    sim.world().set_bot_in_thread(id(&private["id"]), false);
    let path = format!("/channels/{}", id(&private["id"]));
    assert_eq!(get(&sim, &path).error(), (403, 50001));
}

fn archived(sim: &Simulator, parent: u64, query: &str) -> Value {
    json(sim, &format!("/channels/{parent}/threads/archived/public?limit=100{query}"))
}

#[test]
fn archived_threads_come_newest_first_and_share_a_time_across_pages() {
    let sim = serve(&Description::everything(1));
    let parent = channel(&sim, "many-threads");
    let first = archived(&sim, parent, "");
    assert_eq!(first["has_more"], true);
    let time = |thread: &Value| {
        let time = thread["thread_metadata"]["archive_timestamp"].as_str();
        time.expect("a time").to_owned()
    };
    let page = first["threads"].as_array().expect("a list");
    assert_eq!(page.len(), 100);
    assert!(page.windows(2).all(|pair| time(&pair[0]) >= time(&pair[1])));
    // Continuing before the last archive time of a page skips the threads that share it;
    // continuing a millisecond later returns them.
    assert!(walk_archive(&sim, parent, 0).len() < 230);
    assert_eq!(walk_archive(&sim, parent, 1).len(), 230);
}

/// The IDs of all archived threads; each page continues before the last archive time
/// of the previous one plus `overlap_ms`.
fn walk_archive(sim: &Simulator, parent: u64, overlap_ms: i64) -> BTreeSet<u64> {
    let (mut all, mut query) = (BTreeSet::new(), String::new());
    loop {
        let page = archived(sim, parent, &query);
        all.extend(ids(&page["threads"]));
        if page["has_more"] == false {
            return all;
        }
        let last = page["threads"].as_array().and_then(|list| list.last());
        let last = last.and_then(|thread| thread["thread_metadata"]["archive_timestamp"].as_str());
        let next = discord_sim::iso(parse(last.expect("a time")) + overlap_ms);
        query = format!("&before={}", next.replace('+', "%2B"));
    }
}

/// The Unix milliseconds of a timestamp from 2026 in the simulator's format.
fn parse(iso: &str) -> i64 {
    let start = 1_767_225_600_000;
    let (mut low, mut high) = (start, start + 400 * 86_400_000);
    while low < high {
        let middle = low + (high - low) / 2;
        let text = discord_sim::iso(middle);
        let key = |text: &str| text.replace("+00:00", "").replace('.', "~");
        if key(&text) < key(iso) { low = middle + 1 } else { high = middle }
    }
    low
}

#[test]
fn plus_sign_in_before_must_be_percent_encoded() {
    let sim = serve(&Description::everything(1));
    let parent = channel(&sim, "many-threads");
    let base = format!("/channels/{parent}/threads/archived/public?before=2026-08-02T00:00:00");
    assert_eq!(get(&sim, &format!("{base}+00:00")).error(), (400, 50035));
    assert_eq!(get(&sim, &format!("{base}%2B00:00")).status, 200);
    assert_eq!(get(&sim, &format!("{base}Z")).status, 200);
    assert_eq!(get(&sim, &format!("{base}Z&limit=1")).error(), (400, 50035));
}

#[test]
fn archived_private_threads_require_manage_threads() {
    let sim = serve(&Description::everything(1));
    let support = channel(&sim, "support");
    let path = format!("/channels/{support}/threads/archived/private");
    assert_eq!(get(&sim, &path).error(), (403, 50013));
    sim.world().set_bot_permissions(support, MANAGE_THREADS, 0);
    assert_eq!(ids(&json(&sim, &path)["threads"]).len(), 2);
    let voice = channel(&sim, "Lounge");
    let path = format!("/channels/{voice}/threads/archived/public");
    assert_eq!(get(&sim, &path).error(), (400, 50024));
}

#[test]
fn text_thread_begins_with_a_starter_message_and_post_with_its_own_id() {
    let sim = serve(&Description::everything(1));
    let support = channel(&sim, "support");
    let thread = sim.world().threads_of(support)[0];
    let oldest = |channel| {
        let path = format!("/channels/{channel}/messages?after=0&limit=1");
        json(&sim, &path)[0].clone()
    };
    let starter = oldest(thread);
    assert_eq!(starter["type"], 21);
    assert_eq!(starter["referenced_message"]["id"], thread.to_string());
    let parent = json(&sim, &format!("/channels/{support}/messages/{thread}"));
    assert_eq!(parent["thread"]["id"], thread.to_string());
    assert_eq!(parent["flags"].as_u64().map(|flags| flags & 32), Some(32));
    let post = sim.world().threads_of(channel(&sim, "ideas"))[0];
    assert_eq!(id(&oldest(post)["id"]), post);
    assert_eq!(oldest(post)["type"], 0);
}

#[test]
fn permissions_follow_the_bots_roles() {
    let sim = serve(&Description::everything(1));
    let locked = format!("/channels/{}", channel(&sim, "bot-locked-out"));
    let roles = json(&sim, &format!("/guilds/{EVERYTHING}/roles"));
    let roles = roles.as_array().expect("a list");
    let own = roles.iter().find(|role| role["tags"]["bot_id"].is_string());
    let own = id(&own.expect("the bot's role")["id"]);
    assert!(sim.world().set_role_permissions(EVERYTHING, own, ADMINISTRATOR));
    assert_eq!(get(&sim, &locked).status, 200);
    assert!(sim.world().set_role_permissions(EVERYTHING, own, VIEW_CHANNEL));
    assert_eq!(get(&sim, &locked).status, 403);
    let me = json(&sim, &format!("/guilds/{EVERYTHING}/members/{}", sim.world().bot_id()));
    assert_eq!(me["roles"][0], own.to_string());
}

#[test]
fn guild_list_has_only_guilds_the_bot_is_in() {
    let sim = serve(&Description::everything(1));
    assert_eq!(ids(&json(&sim, "/users/@me/guilds")), [EVERYTHING]);
    let guild = json(&sim, &format!("/guilds/{EVERYTHING}?with_counts=true"));
    assert_eq!(guild["approximate_member_count"], 401);
    assert_eq!(guild["roles"][0]["id"], EVERYTHING.to_string());
    let members = get(&sim, &format!("/guilds/{EVERYTHING}/members"));
    assert_eq!(members.error(), (403, 50001));
}
