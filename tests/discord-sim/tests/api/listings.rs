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
fn the_channel_list_has_no_threads_and_nothing_the_bot_cannot_view() {
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
fn archived_threads_come_newest_first_and_tie_at_the_page_edge() {
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
    // Going on from the last time shown loses the rest of the tie; a step of a
    // millisecond back finds it.
    assert!(walk_archive(&sim, parent, 0).len() < 230);
    assert_eq!(walk_archive(&sim, parent, 1).len(), 230);
}

/// All archived threads, going on `back_ms` before the end of each page.
fn walk_archive(sim: &Simulator, parent: u64, back_ms: i64) -> BTreeSet<u64> {
    let (mut all, mut query) = (BTreeSet::new(), String::new());
    loop {
        let page = archived(sim, parent, &query);
        all.extend(ids(&page["threads"]));
        if page["has_more"] == false {
            return all;
        }
        let last = page["threads"].as_array().and_then(|list| list.last());
        let last = last.and_then(|thread| thread["thread_metadata"]["archive_timestamp"].as_str());
        let next = discord_sim::iso(parse(last.expect("a time")) + back_ms);
        query = format!("&before={}", next.replace('+', "%2B"));
    }
}

/// Milliseconds of a time in 2026 as the simulator writes it.
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
fn a_plus_in_before_must_be_encoded() {
    let sim = serve(&Description::everything(1));
    let parent = channel(&sim, "many-threads");
    let base = format!("/channels/{parent}/threads/archived/public?before=2026-08-02T00:00:00");
    assert_eq!(get(&sim, &format!("{base}+00:00")).error(), (400, 50035));
    assert_eq!(get(&sim, &format!("{base}%2B00:00")).status, 200);
    assert_eq!(get(&sim, &format!("{base}Z")).status, 200);
    assert_eq!(get(&sim, &format!("{base}Z&limit=1")).error(), (400, 50035));
}

#[test]
fn private_archives_need_manage_threads() {
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
fn a_text_thread_begins_with_a_starter_and_a_post_with_its_own_id() {
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
fn administrators_see_everything_and_roles_count() {
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
fn the_bot_lists_only_guilds_it_is_in() {
    let sim = serve(&Description::everything(1));
    assert_eq!(ids(&json(&sim, "/users/@me/guilds")), [EVERYTHING]);
    let guild = json(&sim, &format!("/guilds/{EVERYTHING}?with_counts=true"));
    assert_eq!(guild["approximate_member_count"], 401);
    assert_eq!(guild["roles"][0]["id"], EVERYTHING.to_string());
    let members = get(&sim, &format!("/guilds/{EVERYTHING}/members"));
    assert_eq!(members.error(), (403, 50001));
}
