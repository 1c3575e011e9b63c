//! The world with everything in it shows people wherever Discord does.

use std::collections::{BTreeSet, HashSet};

use discord_sim::{Description, Simulator};
use serde_json::Value;

use crate::client::{get, serve};

/// Where a user's ID stands in a message, whether as it is or within a text.
/// A key that is an ID reads `*`.
const OF_MESSAGES: [&str; 58] = [
    "author.id",
    "mentions[].id",
    "content",
    "interaction.user.id",
    "interaction_metadata.user.id",
    "interaction_metadata.target_user.id",
    "interaction_metadata.authorizing_integration_owners.1",
    "interaction_metadata.triggering_interaction_metadata.user.id",
    "interaction_metadata.triggering_interaction_metadata.authorizing_integration_owners.1",
    "application.bot.id",
    "application_id",
    "activity.party_id",
    "call.participants[]",
    "stickers[].user.id",
    "resolved.users.*",
    "resolved.users.*.id",
    "resolved.members.*",
    "referenced_message.author.id",
    "referenced_message.mentions[].id",
    "referenced_message.content",
    "message_snapshots[].message.mentions[].id",
    "message_snapshots[].message.content",
    "message_snapshots[].message.attachments[].filename",
    "message_snapshots[].message.attachments[].description",
    "message_snapshots[].message.attachments[].url",
    "message_snapshots[].message.embeds[].description",
    "attachments[].clip_participants[].id",
    "attachments[].filename",
    "attachments[].description",
    "attachments[].title",
    "attachments[].url",
    "attachments[].proxy_url",
    "embeds[].title",
    "embeds[].description",
    "embeds[].url",
    "embeds[].author.url",
    "embeds[].author.icon_url",
    "embeds[].fields[].name",
    "embeds[].fields[].value",
    "embeds[].footer.text",
    "embeds[].footer.icon_url",
    "embeds[].image.url",
    "embeds[].thumbnail.proxy_url",
    "embeds[].video.url",
    "embeds[].provider.name",
    "poll.question.text",
    "poll.answers[].poll_media.text",
    "components[].components[].label",
    "components[].components[].custom_id",
    "components[].components[].placeholder",
    "components[].components[].default_values[].id",
    "components[].components[].options[].label",
    "components[].components[].options[].value",
    "components[].components[].content",
    "components[].components[].accessory.media.url",
    "components[].components[].items[].media.url",
    "thread.owner_id",
    "thread.member.user_id",
];

/// Where names and pictures of somebody stand.
const NAMES: [&str; 13] = [
    "author.username",
    "author.global_name",
    "author.avatar",
    "author.banner",
    "author.avatar_decoration_data.asset",
    "author.primary_guild.badge",
    "author.clan.badge",
    "mentions[].username",
    "interaction.member.nick",
    "resolved.members.*.nick",
    "referenced_message.author.username",
    "message_snapshots[].message.mentions[].username",
    "embeds[].author.name",
];

struct People {
    ids: HashSet<String>,
    names: HashSet<String>,
}

impl People {
    /// Notes every place of a value that shows somebody.
    fn note(&self, value: &Value, place: &str, places: &mut BTreeSet<String>) {
        match value {
            Value::String(text) if self.names.contains(text) || self.is_shown_in(text) => {
                places.insert(place.to_owned());
            }
            Value::Array(items) => {
                for item in items {
                    self.note(item, &format!("{place}[]"), places);
                }
            }
            Value::Object(fields) => {
                for (key, value) in fields {
                    let key = if self.ids.contains(key) { "*" } else { key };
                    let place = if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
                    if key == "*" {
                        places.insert(place.clone());
                    }
                    self.note(value, &place, places);
                }
            }
            _ => {}
        }
    }

    fn is_shown_in(&self, text: &str) -> bool {
        text.split(|char: char| !char.is_ascii_digit()).any(|digits| self.ids.contains(digits))
    }
}

fn all_messages(sim: &Simulator, guild: u64, mut read: impl FnMut(&Value)) {
    for channel in sim.world().truth(guild).iter().filter(|channel| channel.bot_can_read) {
        let mut after = "0".to_owned();
        loop {
            let page = get(sim, &format!("/channels/{}/messages?limit=100&after={after}", channel.id)).json();
            let messages = page.as_array().cloned().unwrap_or_default();
            let Some(newest) = messages.first() else { break };
            newest["id"].as_str().expect("an ID").clone_into(&mut after);
            messages.iter().for_each(&mut read);
        }
    }
}

#[test]
fn people_stand_wherever_discord_shows_them() {
    let sim = serve(&Description::everything(11));
    let guild = sim.world().guilds()[0].0;
    for thread in sim.world().truth(guild).iter().filter(|channel| channel.is_thread) {
        sim.world().set_bot_in_thread(thread.id, true);
    }
    let users = sim.world().users(guild);
    let people = People {
        ids: users.iter().map(|user| user.id.to_string()).collect(),
        names: users.iter().flat_map(|user| user.names.clone()).collect(),
    };
    let mut places = BTreeSet::new();
    all_messages(&sim, guild, |message| people.note(message, "", &mut places));
    for place in OF_MESSAGES.into_iter().chain(NAMES) {
        assert!(places.contains(place), "nobody stands in {place}, but in {places:#?}");
    }
    let elsewhere: [(&str, &[&str]); 4] = [
        ("", &["owner_id", "roles[].tags.bot_id", "emojis[].user.id"]),
        ("/channels", &["[].permission_overwrites[].id", "[].name", "[].topic"]),
        ("/threads/active", &["threads[].owner_id", "members[].user_id"]),
        ("/roles", &["[].tags.bot_id"]),
    ];
    for (path, expected) in elsewhere {
        let mut places = BTreeSet::new();
        people.note(&get(&sim, &format!("/guilds/{guild}{path}")).json(), "", &mut places);
        for place in expected {
            assert!(places.contains(*place), "nobody stands in {place} of {path}, but in {places:#?}");
        }
    }
}
