use discord_sim::{ChannelDescription, ChannelKind, Description, Simulator, Visibility};

use crate::client::{get, id, ids, json, serve, walk};

const GUILD: u64 = 310_000_000_000_000_001;

fn community() -> (Simulator, u64) {
    let sim = serve(&Description::community(GUILD, 2, 20));
    let channel = sim.world().channel_named(GUILD, "chat-0").expect("it exists");
    (sim, channel)
}

#[test]
fn appended_messages_come_last_and_have_the_worlds_time() {
    let (sim, channel) = community();
    let world = sim.world();
    let before_ms = world.now_ms();
    let mut expected = world.append(channel, 5);
    expected.extend(world.append_text(channel, 4, "hi <@&1> \"quoted\""));
    let all = walk(&sim, channel);
    assert_eq!(all.len(), 26);
    let new: Vec<u64> = all[20..].iter().map(|message| id(&message["id"])).collect();
    assert_eq!(new, expected);
    assert!(discord_sim::unix_ms(new[0]) >= before_ms);
    let last = &all[25];
    assert_eq!(last["content"], "hi <@&1> \"quoted\"");
    let author = world.user_id(GUILD, 4).expect("in the pool");
    assert_eq!(id(&last["author"]["id"]), author);
    let path = format!("/channels/{channel}");
    assert_eq!(id(&json(&sim, &path)["last_message_id"]), new[5]);
}

#[test]
fn edits_deletions_and_restores_appear_on_the_next_read() {
    let (sim, channel) = community();
    let world = sim.world();
    let newest = ids(&json(&sim, &format!("/channels/{channel}/messages?limit=2")));
    assert!(world.edit(channel, newest[1], "changed"));
    assert!(world.delete(channel, newest[0]));
    assert!(!world.delete(channel, newest[0]));
    let all = walk(&sim, channel);
    assert_eq!(all.len(), 19);
    assert_eq!(all[18]["content"], "changed");
    assert!(all[18]["edited_timestamp"].is_string());
    let last = json(&sim, &format!("/channels/{channel}"));
    assert_eq!(id(&last["last_message_id"]), newest[0]);
    assert!(world.restore(channel, newest[0]));
    assert_eq!(walk(&sim, channel).len(), 20);
}

#[test]
fn pins_and_removed_attachments_appear_on_the_next_read() {
    let sim = serve(&Description::everything(1));
    let world = sim.world();
    let general = world.channel_named(320_000_000_000_000_001, "general").expect("it exists");
    let files = |message: &serde_json::Value| message["attachments"].as_array().map_or(0, Vec::len);
    let before = walk(&sim, general);
    let at = before.iter().position(|message| files(message) > 0 && message["pinned"] == false);
    let at = at.expect("it exists");
    let message = id(&before[at]["id"]);
    assert!(world.set_pinned(general, message, true));
    assert!(world.strip(general, message));
    let after = walk(&sim, general);
    assert_eq!(after[at]["pinned"], true);
    assert_eq!(files(&after[at]), 0);
    assert_eq!(after[at]["content"], before[at]["content"]);
    assert!(after[at]["edited_timestamp"].is_string());
    assert!(world.set_pinned(general, message, false));
    assert_eq!(walk(&sim, general)[at]["pinned"], false);
    world.delete(general, message);
    assert!(!world.set_pinned(general, message, true) && !world.strip(general, message));
}

#[test]
fn channels_hidden_from_the_bot_are_403_and_deleted_ones_404() {
    let (sim, channel) = community();
    let world = sim.world();
    let path = format!("/channels/{channel}/messages");
    world.hide(channel);
    assert_eq!(get(&sim, &path).status, 200);
    assert!(world.truth_channel(channel).is_none());
    world.set_visibility(channel, Visibility::BotHidden);
    assert_eq!(get(&sim, &path).error(), (403, 50001));
    assert!(world.show(channel));
    assert!(world.rename(channel, "renamed"));
    assert_eq!(json(&sim, &format!("/channels/{channel}"))["name"], "renamed");
    assert!(world.delete_channel(channel));
    assert_eq!(get(&sim, &path).error(), (404, 10003));
    let list = json(&sim, &format!("/guilds/{GUILD}/channels"));
    assert_eq!(ids(&list).len(), 1);
}

#[test]
fn removed_bot_and_revoked_token_lose_access() {
    let (sim, channel) = community();
    sim.world().remove_bot(GUILD);
    assert_eq!(get(&sim, &format!("/guilds/{GUILD}")).error(), (404, 10004));
    let channels = get(&sim, &format!("/guilds/{GUILD}/channels"));
    assert_eq!(channels.error(), (403, 50001));
    let messages = get(&sim, &format!("/channels/{channel}/messages"));
    assert_eq!(messages.error(), (403, 50001));
    sim.world().set_bot_present(GUILD, true);
    assert_eq!(get(&sim, &format!("/guilds/{GUILD}")).status, 200);
    sim.world().revoke_token();
    assert_eq!(get(&sim, &format!("/guilds/{GUILD}")).error(), (401, 0));
}

#[test]
fn messages_have_no_content_without_the_intent() {
    let sim = serve(&Description::everything(1));
    let general = sim.world().channel_named(320_000_000_000_000_001, "general");
    sim.world().set_message_content(false);
    for message in walk(&sim, general.expect("it exists")) {
        assert_eq!(message["content"], "");
        for list in ["attachments", "embeds", "components"] {
            assert_eq!(message[list], serde_json::json!([]));
        }
        assert!(message.get("poll").is_none());
    }
}

#[test]
fn threads_can_be_created_archived_and_unarchived() {
    let (sim, channel) = community();
    let world = sim.world();
    let starter = ids(&json(&sim, &format!("/channels/{channel}/messages?limit=1")))[0];
    let thread = world.create_thread(channel, "talk", Some(starter)).expect("it exists");
    assert_eq!(thread, starter);
    let note = &walk(&sim, thread)[0];
    assert_eq!((note["type"].as_u64(), id(&note["message_reference"]["message_id"])), (Some(21), starter));
    let active = format!("/guilds/{GUILD}/threads/active");
    let archived = format!("/channels/{channel}/threads/archived/public");
    assert_eq!(ids(&json(&sim, &active)["threads"]), [thread]);
    assert!(world.archive(thread));
    assert_eq!(ids(&json(&sim, &active)["threads"]), [0; 0]);
    assert_eq!(ids(&json(&sim, &archived)["threads"]), [thread]);
    assert!(world.unarchive(thread));
    assert_eq!(ids(&json(&sim, &archived)["threads"]), [0; 0]);
}

#[test]
fn channels_can_be_created_and_posts_begin_with_their_own_id() {
    let (sim, _) = community();
    let world = sim.world();
    let forum = ChannelDescription::new(ChannelKind::Forum, "new-forum");
    let forum = world.create_channel(GUILD, &forum).expect("it exists");
    let post = world.create_thread(forum, "first post", None).expect("it exists");
    assert_eq!(world.append_text(post, 0, "hello"), Some(post));
    assert!(world.append_text(post, 1, "welcome").is_some_and(|reply| reply > post));
    assert_eq!(walk(&sim, post).len(), 2);
    let text = world.create_channel(GUILD, &ChannelDescription::text("new-text", 7));
    assert_eq!(walk(&sim, text.expect("it exists")).len(), 7);
    let list = json(&sim, &format!("/guilds/{GUILD}/channels"));
    assert_eq!(ids(&list).len(), 4);
}

#[test]
fn late_message_appears_between_existing_messages() {
    let (sim, channel) = community();
    let world = sim.world();
    let now_ms = world.now_ms();
    let first = world.append_late(channel, now_ms - 10_000, 1, "first").expect("the message exists");
    let second = world.append_late(channel, now_ms, 1, "second").expect("the message exists");
    let late = world.append_late(channel, now_ms - 5_000, 1, "late").expect("the message exists");
    assert!(first < late && late < second);
    let path = format!("/channels/{channel}/messages?after={first}&limit=100");
    assert_eq!(ids(&json(&sim, &path)), [second, late]);
}

#[test]
fn changes_leave_other_messages_unchanged() {
    let sim = serve(&Description::everything(1));
    let world = sim.world();
    let chat = world.channel_named(320_000_000_000_000_001, "general").expect("it exists");
    let without_urls = |mut message: serde_json::Value| {
        for key in ["attachments", "thread", "flags", "referenced_message"] {
            message.as_object_mut().and_then(|fields| fields.remove(key));
        }
        message
    };
    let read = || -> Vec<_> { walk(&sim, chat).into_iter().map(without_urls).collect() };
    world.append(chat, 90);
    let before = read();
    let thread = world.create_thread(chat, "talk", Some(id(&before[3]["id"]))).expect("it exists");
    let late_ms = discord_sim::unix_ms(id(&before[430]["id"])) - 60_000;
    let late = world.append_late(chat, late_ms, 1, "late").expect("the message exists");
    world.delete_channel(thread);
    world.delete(chat, id(&before[50]["id"]));
    let after = read();
    assert_eq!(after.len(), before.len());
    let rest = |list: Vec<serde_json::Value>, excluded: u64| -> Vec<_> {
        list.into_iter().filter(|message| id(&message["id"]) != excluded).collect()
    };
    assert_eq!(rest(after, late), rest(before.clone(), id(&before[50]["id"])));
}
