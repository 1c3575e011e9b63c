use discord_sim::{Description, Simulator};

use crate::client::{get, ids, json, serve};

const EVERYTHING: u64 = 320_000_000_000_000_001;

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |sum, byte| format!("{sum}%{byte:02X}"))
}

/// The IDs of all reactors, read in pages of `limit`.
fn reactors(sim: &Simulator, base: &str, kind: u8, limit: u32) -> Vec<u64> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = ids(&json(sim, &format!("{base}?type={kind}&limit={limit}&after={after}")));
        let Some(last) = page.last() else { return all };
        after = *last;
        all.extend(page);
    }
}

#[test]
fn the_reactions_route_lists_as_many_users_as_the_message_counts() {
    let sim = serve(&Description::everything(1));
    let world = sim.world();
    let general = world.channel_named(EVERYTHING, "general").expect("it exists");
    let truth = world.truth_channel(general).expect("public");
    let (mut checked, mut largest) = (0, 0);
    for message in truth.live_messages() {
        for reaction in &message.reactions {
            let emoji = encode(&reaction.emoji);
            let base = format!("/channels/{general}/messages/{}/reactions/{emoji}", message.id);
            if !reaction.listed {
                assert_eq!(get(&sim, &base).error(), (400, 10014));
                continue;
            }
            let users = reactors(&sim, &base, u8::from(reaction.burst), 100);
            assert!(users.windows(2).all(|pair| pair[0] < pair[1]));
            let expected = world.reactors(general, message.id, &reaction.emoji, reaction.burst);
            assert_eq!(Some(&users), expected.as_ref());
            assert_eq!(users.len() as u64, reaction.count);
            largest = largest.max(reaction.count);
            checked += 1;
        }
    }
    assert!(checked > 50 && largest > 100, "{checked} {largest}");
}

#[test]
fn unknown_emoji_are_rejected_and_unused_ones_have_no_reactors() {
    let sim = serve(&Description::community(1 << 58, 1, 5));
    let channel = sim.world().channel_named(1 << 58, "chat-0").expect("it exists");
    let message = ids(&json(&sim, &format!("/channels/{channel}/messages")))[0];
    let base = format!("/channels/{channel}/messages/{message}/reactions");
    assert_eq!(get(&sim, &format!("{base}/word")).error(), (400, 10014));
    assert_eq!(get(&sim, &format!("{base}/gone:123")).error(), (400, 10014));
    assert_eq!(get(&sim, &format!("{base}/%F0%9F%A6%80")).body, b"[]");
    let reply = get(&sim, &format!("{base}/%F0%9F%A6%80?limit=101"));
    assert_eq!(reply.error(), (400, 50035));
}

#[test]
fn added_and_removed_reactions_appear_on_the_next_read() {
    let sim = serve(&Description::community(1 << 58, 1, 5));
    let world = sim.world();
    let channel = world.channel_named(1 << 58, "chat-0").expect("it exists");
    let message = world.append_text(channel, 1, "react to me").expect("the message exists");
    let base = format!("/channels/{channel}/messages/{message}");
    for user in 0..30 {
        assert!(world.react(channel, message, user, "👍", false));
    }
    assert!(!world.react(channel, message, 3, "👍", false));
    assert!(world.react(channel, message, 3, "👍", true));
    let details = json(&sim, &base)["reactions"][0].clone();
    assert_eq!(details["count"], 31);
    assert_eq!(details["count_details"]["burst"], 1);
    let route = format!("{base}/reactions/{}", encode("👍"));
    assert_eq!(ids(&json(&sim, &route)).len(), 25);
    assert!(world.unreact(channel, message, 3, "👍", false));
    assert_eq!(reactors(&sim, &route, 0, 100).len(), 29);
    assert!(world.set_reactions(channel, message, &[]));
    assert!(json(&sim, &base).get("reactions").is_none());
}

#[test]
fn custom_emoji_requires_its_name_and_id() {
    let sim = serve(&Description::community(1 << 58, 1, 5));
    let world = sim.world();
    let channel = world.channel_named(1 << 58, "chat-0").expect("it exists");
    let message = world.append_text(channel, 1, "react to me").expect("the message exists");
    let emojis = world.custom_emoji(1 << 58);
    assert!(world.react(channel, message, 4, &emojis[0], false));
    assert!(world.react(channel, message, 4, "elsewhere:99", false));
    let base = format!("/channels/{channel}/messages/{message}/reactions");
    let reactor = world.user_id(1 << 58, 4).expect("in the pool");
    for used in [emojis[0].as_str(), "elsewhere:99"] {
        let (_, id) = used.split_once(':').expect("a name and an ID");
        for path in [format!("{base}/{used}"), format!("{base}/{}", encode(used))] {
            assert_eq!(ids(&json(&sim, &path)), [reactor], "{path}");
        }
        for wrong in ["other", "", "a:takaro", "emoji", "null"] {
            let path = format!("{base}/{wrong}:{id}");
            assert_eq!(get(&sim, &path).error(), (400, 10014), "{path}");
        }
        assert_eq!(get(&sim, &format!("{base}/{id}")).error(), (400, 10014));
    }
    let (_, unused) = emojis[1].split_once(':').expect("a name and an ID");
    assert_eq!(get(&sim, &format!("{base}/{}", emojis[1])).body, b"[]");
    assert_eq!(get(&sim, &format!("{base}/other:{unused}")).error(), (400, 10014));
}

#[test]
fn emoji_without_id_and_name_appears_on_a_message_but_has_no_route() {
    let sim = serve(&Description::community(1 << 58, 1, 5));
    let world = sim.world();
    let channel = world.channel_named(1 << 58, "chat-0").expect("it exists");
    let message = world.append_text(channel, 1, "react to me").expect("the message exists");
    assert!(world.react(channel, message, 4, "", false));
    let base = format!("/channels/{channel}/messages/{message}");
    let reaction = &json(&sim, &base)["reactions"][0];
    assert_eq!(reaction["emoji"], serde_json::json!({"id": null, "name": ""}));
    assert_eq!(reaction["count"], 1);
    for path in [format!("{base}/reactions/"), format!("{base}/reactions/?limit=100")] {
        assert_eq!(get(&sim, &path).error(), (404, 0));
    }
    let truth = world.truth_channel(channel).expect("public");
    let seen = truth.live_messages().find(|seen| seen.id == message).expect("the message exists");
    assert_eq!((seen.reactions[0].count, seen.reactions[0].listed), (1, false));
}
