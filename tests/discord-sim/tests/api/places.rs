//! `Description::everything` has user IDs and names in every field where Discord has
//! them.

use std::collections::{BTreeSet, HashSet};

use discord_sim::{Description, Simulator};
use serde_json::Value;

use crate::client::{get, serve};

/// Paths of the message fields that contain a user ID, alone or within a text. A key that
/// is a user ID is written as `*`.
const ID_PATHS: [&str; 58] = [
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

/// Paths of the message fields that contain a user's name or picture hash.
const NAME_PATHS: [&str; 13] = [
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

/// What identifies the users of a guild.
struct KnownUsers {
    ids: HashSet<String>,
    names: HashSet<String>,
}

impl KnownUsers {
    /// Adds the paths of all values below `path` that identify a user.
    fn collect_paths(&self, value: &Value, path: &str, paths: &mut BTreeSet<String>) {
        match value {
            Value::String(text) if self.names.contains(text) || self.has_id_in(text) => {
                paths.insert(path.to_owned());
            }
            Value::Array(items) => {
                for item in items {
                    self.collect_paths(item, &format!("{path}[]"), paths);
                }
            }
            Value::Object(fields) => {
                for (key, value) in fields {
                    let key = if self.ids.contains(key) { "*" } else { key };
                    let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                    if key == "*" {
                        paths.insert(path.clone());
                    }
                    self.collect_paths(value, &path, paths);
                }
            }
            _ => {}
        }
    }

    fn has_id_in(&self, text: &str) -> bool {
        text.split(|char: char| !char.is_ascii_digit()).any(|digits| self.ids.contains(digits))
    }
}

/// Calls `read` with every message that @everyone may see and the bot can read.
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
fn users_appear_in_every_field_where_discord_has_them() {
    let sim = serve(&Description::everything(11));
    let guild = sim.world().guilds()[0].0;
    for thread in sim.world().truth(guild).iter().filter(|channel| channel.is_thread) {
        sim.world().set_bot_in_thread(thread.id, true);
    }
    let users = sim.world().users(guild);
    let known_users = KnownUsers {
        ids: users.iter().map(|user| user.id.to_string()).collect(),
        names: users.iter().flat_map(|user| user.names.clone()).collect(),
    };
    let mut paths = BTreeSet::new();
    all_messages(&sim, guild, |message| known_users.collect_paths(message, "", &mut paths));
    for expected in ID_PATHS.into_iter().chain(NAME_PATHS) {
        assert!(paths.contains(expected), "no user in {expected}, only in {paths:#?}");
    }
    let other_routes: [(&str, &[&str]); 4] = [
        ("", &["owner_id", "roles[].tags.bot_id", "emojis[].user.id"]),
        ("/channels", &["[].permission_overwrites[].id", "[].name", "[].topic"]),
        ("/threads/active", &["threads[].owner_id", "members[].user_id"]),
        ("/roles", &["[].tags.bot_id"]),
    ];
    for (route, expected_paths) in other_routes {
        let mut paths = BTreeSet::new();
        known_users.collect_paths(&get(&sim, &format!("/guilds/{guild}{route}")).json(), "", &mut paths);
        for expected in expected_paths {
            assert!(paths.contains(*expected), "no user in {expected} of {route}, only in {paths:#?}");
        }
    }
}
