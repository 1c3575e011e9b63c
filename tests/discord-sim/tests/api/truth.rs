use std::collections::{BTreeMap, BTreeSet};

use discord_sim::{Description, Simulator, TruthMessage};
use serde_json::Value;

use crate::client::{id, ids, json, serve, walk};

const EVERYTHING: u64 = 320_000_000_000_000_001;

/// Converts a message of the API to the truth's form, without `edited_ms`.
fn to_truth(message: &Value) -> TruthMessage {
    let kind = message["type"].as_u64().expect("a type");
    let reference = &message["message_reference"];
    let is_reply = matches!(kind, 19 | 21 | 23) && reference["message_id"].is_string();
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let list = |key: &str| message[key].as_array().cloned().unwrap_or_default();
    let mut reactions = Vec::new();
    for reaction in list("reactions") {
        let name = text(&reaction["emoji"]["name"]);
        let custom = reaction["emoji"]["id"].as_str();
        for (burst, key) in [(false, "normal"), (true, "burst")] {
            let count = reaction["count_details"][key].as_u64().expect("a count");
            if count > 0 {
                reactions.push(discord_sim::TruthReaction {
                    emoji: custom.map_or(name.clone(), |id| format!("{name}:{id}")),
                    custom: custom.is_some(),
                    burst,
                    count,
                    listed: name != "gone",
                });
            }
        }
    }
    let forwarded = &message["message_snapshots"][0]["message"]["attachments"];
    let files = list("attachments").into_iter().chain(forwarded.as_array().cloned().unwrap_or_default());
    let attachments = files.map(|file| {
        let url = text(&file["url"]);
        assert!(url.contains("?ex="), "{url}");
        discord_sim::TruthAttachment {
            id: id(&file["id"]),
            filename: text(&file["filename"]),
            size: file["size"].as_u64().expect("a size"),
            content_type: file["content_type"].as_str().map(str::to_owned),
            url: url.split('?').next().unwrap_or_default().to_owned(),
        }
    });
    let original = &message["referenced_message"]["author"]["id"];
    TruthMessage {
        id: id(&message["id"]),
        channel_id: id(&message["channel_id"]),
        author_id: id(&message["author"]["id"]),
        author_is_bot: message["author"]["bot"] == true,
        author_is_webhook: message["webhook_id"].is_string()
            && message["webhook_id"] != message["application_id"],
        kind: u8::try_from(kind).expect("small"),
        content: text(&message["content"]),
        timestamp_ms: discord_sim::unix_ms(id(&message["id"])),
        edited_ms: None,
        reply_to: is_reply.then(|| discord_sim::TruthReply {
            message_id: id(&reference["message_id"]),
            channel_id: id(&reference["channel_id"]),
            author_id: original.as_str().and_then(|text| text.parse().ok()),
        }),
        attachments: attachments.collect(),
        pinned: message["pinned"] == true,
        reactions,
        deleted: false,
    }
}

#[test]
fn truth_equals_what_the_api_returns() {
    let sim = serve(&Description::everything(1));
    let mut kinds = BTreeSet::new();
    for channel in sim.world().truth(EVERYTHING) {
        let holds_messages = ![4, 14, 15, 16].contains(&channel.kind);
        if !channel.bot_can_read || !holds_messages {
            continue;
        }
        let walked = walk(&sim, channel.id);
        let mut expected: Vec<TruthMessage> = channel.live_messages().collect();
        assert_eq!(walked.len(), expected.len(), "{}", channel.name);
        assert_eq!(walked.len() as u64, channel.message_count, "{}", channel.name);
        for (message, truth) in walked.iter().zip(&mut expected) {
            let edited = &message["edited_timestamp"];
            let edited_ms = truth.edited_ms.take();
            assert_eq!(edited.as_str().map(str::to_owned), edited_ms.map(discord_sim::iso));
            assert_eq!(&to_truth(message), truth, "{}", channel.name);
            kinds.insert(truth.kind);
        }
    }
    let all = [0, 6, 7, 8, 12, 18, 19, 20, 21, 23, 25, 27, 46];
    assert_eq!(kinds, BTreeSet::from(all));
}

/// The name of each channel @everyone may see, and whether the bot can read it.
fn public(sim: &Simulator) -> BTreeMap<String, bool> {
    let truth = sim.world().truth(EVERYTHING).into_iter();
    truth.map(|channel| (channel.name.clone(), channel.bot_can_read)).collect()
}

#[test]
fn truth_has_only_what_everyone_may_see() {
    let sim = serve(&Description::everything(1));
    let public = public(&sim);
    for (name, bot_can_read) in [
        ("general", true),
        ("public-in-hidden-category", true),
        ("bot-locked-out", false),
        ("no-history", false),
        ("history-for-bot", true),
        ("bot-no-history", false),
        ("Lounge", true),
        ("Bot mute", false),
        ("Town hall", true),
        ("support thread 0", true),
    ] {
        assert_eq!(public.get(name), Some(&bot_can_read), "{name}");
    }
    let hidden = sim.world().hidden(EVERYTHING);
    let hidden_names: BTreeSet<&str> = hidden.iter().map(|item| item.name.as_str()).collect();
    for name in [
        "staff",
        "moderators",
        "moderators thread 0",
        "members-only",
        "Members talk",
        "Board meeting",
        "staff-forum",
        "support private 0",
    ] {
        assert!(hidden_names.contains(name), "{name}");
        assert!(!public.contains_key(name), "{name}");
    }
    let leak = hidden.iter().find(|item| item.name == "moderators").expect("one");
    assert!(leak.bot_can_read && leak.messages.len() == 20);
}

/// Collects every object with a username inside `value`, except webhooks.
fn user_objects<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Array(list) => list.iter().for_each(|item| user_objects(item, found)),
        Value::Object(fields) => {
            if fields.contains_key("username") && fields["discriminator"] != "0000" {
                found.push(value);
            }
            fields.values().for_each(|item| user_objects(item, found));
        }
        _ => {}
    }
}

#[test]
fn users_include_everyone_the_api_shows() {
    let sim = serve(&Description::everything(1));
    let users = sim.world().users(EVERYTHING).into_iter();
    let users: BTreeMap<u64, bool> = users.map(|user| (user.id, user.is_bot)).collect();
    let general = sim.world().channel_named(EVERYTHING, "general").expect("it exists");
    let messages = Value::Array(walk(&sim, general));
    let mut found = Vec::new();
    user_objects(&messages, &mut found);
    assert!(found.len() > 500, "{}", found.len());
    for user in found {
        let is_bot = users.get(&id(&user["id"]));
        assert_eq!(is_bot, Some(&(user["bot"] == true)));
    }
}

#[test]
fn only_contents_of_closed_channels_have_a_marker() {
    let sim = serve(&Description::everything(1));
    let world = sim.world();
    let is_marked = |text: &str| text.contains("[closed ");
    for hidden in world.hidden(EVERYTHING) {
        let texts = hidden.messages.iter().filter(|(_, text)| !text.is_empty());
        assert!(texts.clone().all(|(_, text)| is_marked(text)), "{}", hidden.name);
    }
    for channel in world.truth(EVERYTHING) {
        assert!(channel.messages().all(|message| !is_marked(&message.content)));
    }
}

#[test]
fn attachment_signatures_differ_on_every_read() {
    let sim = serve(&Description::everything(1));
    let general = sim.world().channel_named(EVERYTHING, "general").expect("it exists");
    let urls = || -> Vec<String> {
        let messages = walk(&sim, general);
        let files = messages.iter().filter_map(|message| message["attachments"].as_array());
        let files = files.flatten();
        files.filter_map(|file| file["url"].as_str().map(str::to_owned)).collect()
    };
    let (first, second) = (urls(), urls());
    assert!(first.len() > 20);
    assert!(first.iter().zip(&second).all(|(one, two)| one != two));
}

#[test]
fn demo_has_about_fifty_thousand_messages_and_sixty_channels() {
    let sim = serve(&Description::demo());
    let (mut message_count, mut channel_count) = (0, 0);
    for (guild, name) in sim.world().guilds() {
        let truth = sim.world().truth(guild);
        channel_count += truth.iter().filter(|channel| !channel.is_thread).count();
        message_count += truth.iter().map(|channel| channel.message_count).sum::<u64>();
        assert!(!sim.world().hidden(guild).is_empty(), "{name}");
    }
    assert!((49_000..=51_000).contains(&message_count), "{message_count}");
    let channels = json(&sim, "/guilds/330000000000000001/channels");
    assert!((55..=65).contains(&channel_count), "{channel_count}");
    assert!(ids(&channels).len() > 25);
}
