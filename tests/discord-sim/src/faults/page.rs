//! Damages one message of a page, or the page's order.

use serde_json::{Value, json};

/// How one message of a page is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// No `id`.
    MissingId,
    /// `id` isn't a number.
    BadId,
    /// `author` is null.
    NullAuthor,
    /// No `author`.
    MissingAuthor,
    /// `content` is null.
    NullContent,
    /// No `content`.
    MissingContent,
    /// `timestamp` isn't a time.
    BadTimestamp,
    /// `type` is an undocumented number.
    UnknownType,
    /// `type`, `content`, `pinned` and `attachments` have the wrong JSON type.
    WrongTypes,
    /// The only reaction's emoji has neither an ID nor a name.
    NullEmoji,
    /// `attachments`, `reactions`, `mentions` and `embeds` are null.
    NullLists,
    /// The message is null.
    Null,
    /// The message is a string.
    NotAnObject,
}

/// Damages the message at `index` of a page, if there is one.
pub(crate) fn damage_message(body: &[u8], index: usize, damage: Damage) -> Vec<u8> {
    let Ok(mut page) = serde_json::from_slice::<Value>(body) else {
        return body.to_vec();
    };
    if let Some(message) = page.get_mut(index) {
        apply(message, damage);
    }
    page.to_string().into_bytes()
}

fn apply(message: &mut Value, damage: Damage) {
    match damage {
        Damage::MissingId => remove(message, "id"),
        Damage::BadId => message["id"] = json!("not-a-snowflake"),
        Damage::NullAuthor => message["author"] = Value::Null,
        Damage::MissingAuthor => remove(message, "author"),
        Damage::NullContent => message["content"] = Value::Null,
        Damage::MissingContent => remove(message, "content"),
        Damage::BadTimestamp => message["timestamp"] = json!("yesterday"),
        Damage::UnknownType => message["type"] = json!(250),
        Damage::WrongTypes => {
            message["type"] = json!("0");
            message["content"] = json!(17);
            message["pinned"] = json!("no");
            message["attachments"] = json!({});
        }
        Damage::NullEmoji => {
            message["reactions"] = json!([{
                "emoji": {"id": null, "name": null}, "count": 1, "me": false, "me_burst": false,
                "count_details": {"burst": 0, "normal": 1}, "burst_colors": [],
            }]);
        }
        Damage::NullLists => {
            for key in ["attachments", "reactions", "mentions", "embeds"] {
                message[key] = Value::Null;
            }
        }
        Damage::Null => *message = Value::Null,
        Damage::NotAnObject => *message = json!("message"),
    }
}

fn remove(message: &mut Value, key: &str) {
    if let Some(fields) = message.as_object_mut() {
        fields.remove(key);
    }
}

/// Reorders a page so that it is neither ascending nor descending: rotates it by half and
/// swaps adjacent pairs.
pub(crate) fn shuffle(body: &[u8]) -> Vec<u8> {
    let Ok(Value::Array(mut page)) = serde_json::from_slice(body) else {
        return body.to_vec();
    };
    let middle = page.len() / 2;
    page.rotate_left(middle);
    for pair in page.chunks_exact_mut(2) {
        pair.swap(0, 1);
    }
    Value::Array(page).to_string().into_bytes()
}
