//! Threads that are started, unlisted, or left behind by a channel's conversion.

use discord_sim::{ChannelDescription, ChannelKind, Description, Simulator, ThreadPlan, Visibility};
use serde_json::Value;

use crate::client::{get, id, ids, json, serve, walk};

const GUILD: u64 = 310_000_000_000_000_001;
const HAS_THREAD: u64 = 1 << 5;

/// A guild with a channel that has one active and three archived threads.
fn with_threads() -> (Simulator, u64) {
    let mut description = Description::community(GUILD, 1, 20);
    let threads = ThreadPlan { active: 1, archived: 3, messages: 4, ..ThreadPlan::default() };
    let talk = ChannelDescription { threads, ..ChannelDescription::text("talk", 40) };
    description.guilds[0].channels.push(talk);
    let sim = serve(&description);
    let channel = sim.world().channel_named(GUILD, "talk").expect("it exists");
    (sim, channel)
}

fn active(sim: &Simulator) -> Vec<u64> {
    ids(&json(sim, &format!("/guilds/{GUILD}/threads/active"))["threads"])
}

fn archived(sim: &Simulator, channel: u64) -> Vec<u64> {
    ids(&json(sim, &format!("/channels/{channel}/threads/archived/public"))["threads"])
}

fn message(sim: &Simulator, channel: u64, message: u64) -> Value {
    json(sim, &format!("/channels/{channel}/messages/{message}"))
}

fn has_thread(message: &Value) -> bool {
    message["flags"].as_u64().is_some_and(|flags| flags & HAS_THREAD != 0)
}

#[test]
fn message_has_the_thread_started_from_it() {
    let (sim, channel) = with_threads();
    let world = sim.world();
    let root = world.append_text(channel, 1, "let us talk").expect("the message exists");
    assert!(!has_thread(&message(&sim, channel, root)));
    let count = walk(&sim, channel).len();
    let thread = world.start_thread(channel, Some(root), "talk about it", 3);
    assert_eq!(thread, Some(root));
    let shown = walk(&sim, channel).pop().expect("the newest");
    assert_eq!((id(&shown["id"]), has_thread(&shown)), (root, true));
    assert_eq!(shown["thread"], json(&sim, &format!("/channels/{root}")));
    assert_eq!(shown["thread"]["name"], "talk about it");
    assert_eq!(walk(&sim, channel).len(), count);
    let inside = walk(&sim, root);
    assert_eq!((inside.len(), &inside[0]["type"]), (4, &Value::from(21)));
    assert_eq!(inside[0]["message_reference"]["message_id"], root.to_string());
    assert_eq!(inside[0]["message_reference"]["channel_id"], channel.to_string());
    assert_eq!(world.start_thread(channel, Some(root), "again", 0), None);
    assert_eq!(world.start_thread(channel, Some(1), "on nothing", 0), None);
}

#[test]
fn only_messages_with_a_thread_have_the_flag() {
    let (sim, channel) = with_threads();
    let threads = sim.world().threads_of(channel);
    for message in walk(&sim, channel) {
        let is_root = threads.contains(&id(&message["id"]));
        assert_eq!(has_thread(&message), is_root);
        assert_eq!(
            message["thread"]["id"].as_str().map(str::to_owned),
            is_root.then(|| message["id"].as_str().expect("an ID").to_owned())
        );
    }
}

#[test]
fn thread_not_started_from_a_message_is_announced_in_its_parent() {
    let (sim, channel) = with_threads();
    let world = sim.world();
    let thread = world.start_thread(channel, None, "out of nothing", 2).expect("it exists");
    let notice = walk(&sim, channel).pop().expect("the newest");
    assert_eq!((&notice["type"], &notice["content"]), (&Value::from(18), &Value::from("out of nothing")));
    let reference = &notice["message_reference"];
    assert_eq!(reference["channel_id"], thread.to_string());
    assert_eq!(reference["guild_id"], GUILD.to_string());
    assert!(reference.get("message_id").is_none());
    assert_ne!(id(&notice["id"]), thread);
    let owner = &json(&sim, &format!("/channels/{thread}"))["owner_id"];
    assert_eq!(&notice["author"]["id"], owner);
    assert_eq!(walk(&sim, thread).len(), 2);
    assert!(active(&sim).contains(&thread));
    assert_eq!(get(&sim, &format!("/channels/{channel}/messages/{thread}")).error(), (404, 10008));
    let truth = world.truth_channel(channel).expect("public");
    let seen = truth.live_messages().find(|seen| seen.id == id(&notice["id"])).expect("the message exists");
    assert_eq!((seen.kind, seen.content.as_str()), (18, "out of nothing"));
}

#[test]
fn forum_post_has_its_own_first_message_and_forum_has_no_messages() {
    let (sim, _) = with_threads();
    let world = sim.world();
    let forum = ChannelDescription::new(ChannelKind::Forum, "forum");
    let forum = world.create_channel(GUILD, &forum).expect("it exists");
    let post = world.start_thread(forum, None, "a post", 3).expect("it exists");
    let inside = walk(&sim, post);
    assert_eq!((inside.len(), id(&inside[0]["id"])), (3, post));
    assert_eq!(get(&sim, &format!("/channels/{forum}/messages")).error(), (400, 50024));
}

#[test]
fn unlisted_thread_can_be_read() {
    let (sim, channel) = with_threads();
    let world = sim.world();
    let (open, closed) = (active(&sim), archived(&sim, channel));
    assert_eq!((open.len(), closed.len()), (1, 3));
    for thread in [open[0], closed[1]] {
        let messages = walk(&sim, thread);
        assert!(world.unlist_thread(thread));
        assert_eq!(id(&json(&sim, &format!("/channels/{thread}"))["id"]), thread);
        assert_eq!(walk(&sim, thread), messages);
    }
    assert_eq!(active(&sim), [0; 0]);
    assert_eq!(archived(&sim, channel), [closed[0], closed[2]]);
    assert!(world.list_thread(open[0]) && world.list_thread(closed[1]));
    assert_eq!((active(&sim), archived(&sim, channel)), (open, closed));
    assert!(!world.unlist_thread(channel) && !world.list_thread(1));
}

#[test]
fn archived_threads_of_the_former_kind_are_unlisted_after_conversion() {
    let (sim, channel) = with_threads();
    let world = sim.world();
    let (open, closed) = (active(&sim), archived(&sim, channel));
    assert!(world.set_kind(channel, ChannelKind::Announcement));
    assert_eq!(archived(&sim, channel), [0; 0]);
    assert_eq!(active(&sim), open);
    let later = world.start_thread(channel, None, "later", 1).expect("it exists");
    assert!(world.archive(later));
    assert_eq!(archived(&sim, channel), [later]);
    assert_eq!(json(&sim, &format!("/channels/{later}"))["type"], 10);
    let left_behind = json(&sim, &format!("/channels/{}", closed[0]));
    assert_eq!(
        (&left_behind["type"], &left_behind["parent_id"]),
        (&Value::from(11), &Value::from(channel.to_string()))
    );
    assert_eq!(walk(&sim, closed[0]).len(), 4);
    assert!(world.set_kind(channel, ChannelKind::Text));
    assert_eq!(archived(&sim, channel), closed);
}

#[test]
fn channel_the_bot_cannot_view_is_unlisted_and_forbidden() {
    let (sim, channel) = with_threads();
    let list = || ids(&json(&sim, &format!("/guilds/{GUILD}/channels")));
    assert!(list().contains(&channel));
    let open = active(&sim);
    assert!(sim.world().set_visibility(channel, Visibility::BotHidden));
    assert!(!list().contains(&channel));
    assert_eq!(active(&sim), [0; 0]);
    for path in [format!("/channels/{channel}"), format!("/channels/{}", open[0])] {
        assert_eq!(get(&sim, &path).error(), (403, 50001));
    }
    assert!(sim.world().show(channel));
    assert!(list().contains(&channel));
}
