//! Removes people from the alerts of `AutoMod`, whose embeds hold structured data in
//! their fields. <https://docs.discord.com/developers/resources/message#embed-object>

use serde_json::{Map, Value, json};

/// Prefix of the types of these embeds: `auto_moderation_message`,
/// `auto_moderation_notification`.
const TYPE_PREFIX: &str = "auto_moderation_";

/// Fields that mark an alert about a user's profile. Its description and the matched
/// keyword are then a display name.
const PROFILE_FIELDS: [&str; 2] = ["quarantine_user", "block_profile_update_type"];

/// The matched keyword, a part of the description.
const KEYWORD: &str = "keyword_matched_content";

/// JSON as text, with the IDs of the moderators who acted.
const ACTIONS: &str = "alert_actions_execution";

/// The embed without names, and with mentions in place of user IDs; `None` if its type
/// isn't one of `AutoMod`.
pub fn scrub_embed(embed: &Map<String, Value>) -> Option<Map<String, Value>> {
    if !text(embed, "type").starts_with(TYPE_PREFIX) {
        return None;
    }
    let mut embed = embed.clone();
    let is_profile_alert = fields(&embed).any(|field| PROFILE_FIELDS.contains(&text(field, "name")));
    if is_profile_alert {
        embed.remove("description");
    }
    if let Some(Value::Array(fields)) = embed.get_mut("fields") {
        fields.retain(|field| !is_dropped(field, is_profile_alert));
        fields.iter_mut().filter_map(Value::as_object_mut).for_each(mention);
    }
    Some(embed)
}

fn fields(embed: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    embed.get("fields").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn text<'v>(object: &'v Map<String, Value>, name: &str) -> &'v str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Whether the field holds a name, or user IDs within other data.
fn is_dropped(field: &Value, is_profile_alert: bool) -> bool {
    let Some(field) = field.as_object() else { return false };
    let (name, value) = (text(field, "name"), text(field, "value"));
    match name {
        ACTIONS => true,
        KEYWORD => is_profile_alert,
        _ => name.ends_with("user_id") && !is_id(value),
    }
}

/// Turns the value of a field that holds a user's ID into a mention.
fn mention(field: &mut Map<String, Value>) {
    let name = text(field, "name");
    let holds_user = name.ends_with("user_id") || PROFILE_FIELDS.contains(&name);
    let id = text(field, "value").to_owned();
    if holds_user && is_id(&id) {
        field.insert("value".to_owned(), json!(format!("<@{id}>")));
    }
}

fn is_id(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u64>().is_ok()
}
