//! The list of further fields that are kept. What isn't named here is not
//! stored, whatever Discord adds. A user becomes a mention, which the
//! anonymizer hashes.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The shape of a kept value.
enum Keep {
    /// A text, number or truth value.
    Leaf,
    /// An address, kept without the signature that changes at every read.
    Url,
    /// A user object or a user's ID.
    User,
    /// Whoever an embed is by. Under the address of a profile or an avatar the
    /// name is a person's, and left out.
    Author,
    /// An object, of which these fields are kept.
    Fields(&'static [(&'static str, &'static Keep)]),
    /// A list of such values.
    List(&'static Keep),
}

use Keep::{Author, Fields, Leaf, List, Url, User};

static MEDIA: Keep = Fields(&[("url", &Url), ("width", &Leaf), ("height", &Leaf)]);

static NAMED_AUTHOR: Keep = Fields(&[("name", &Leaf), ("url", &Url)]);
static PERSON: Keep = Fields(&[("url", &Url)]);

static EMBED: Keep = Fields(&[
    ("type", &Leaf),
    ("title", &Leaf),
    ("description", &Leaf),
    ("url", &Url),
    ("timestamp", &Leaf),
    ("color", &Leaf),
    ("footer", &Fields(&[("text", &Leaf)])),
    ("author", &Author),
    ("provider", &Fields(&[("name", &Leaf), ("url", &Url)])),
    ("fields", &List(&Fields(&[("name", &Leaf), ("value", &Leaf), ("inline", &Leaf)]))),
    ("image", &MEDIA),
    ("thumbnail", &MEDIA),
    ("video", &MEDIA),
]);

static EMOJI: Keep = Fields(&[("id", &Leaf), ("name", &Leaf)]);

static STICKER: Keep = Fields(&[("id", &Leaf), ("name", &Leaf), ("format_type", &Leaf)]);

static POLL_TEXT: Keep = Fields(&[("text", &Leaf), ("emoji", &EMOJI)]);

static POLL: Keep = Fields(&[
    ("question", &POLL_TEXT),
    ("answers", &List(&Fields(&[("answer_id", &Leaf), ("poll_media", &POLL_TEXT)]))),
    ("expiry", &Leaf),
    ("allow_multiselect", &Leaf),
    (
        "results",
        &Fields(&[
            ("is_finalized", &Leaf),
            ("answer_counts", &List(&Fields(&[("id", &Leaf), ("count", &Leaf)]))),
        ]),
    ),
]);

static FILE: Keep =
    Fields(&[("id", &Leaf), ("filename", &Leaf), ("size", &Leaf), ("content_type", &Leaf), ("url", &Url)]);

static SNAPSHOT: Keep = Fields(&[(
    "message",
    &Fields(&[
        ("type", &Leaf),
        ("content", &Leaf),
        ("timestamp", &Leaf),
        ("edited_timestamp", &Leaf),
        ("flags", &Leaf),
        ("embeds", &List(&EMBED)),
        ("attachments", &List(&FILE)),
        ("sticker_items", &List(&STICKER)),
        ("components", &List(&COMPONENT)),
    ]),
)]);

/// A component's `custom_id` and `default_values` may hold user IDs.
static COMPONENT: Keep = Fields(&[
    ("type", &Leaf),
    ("style", &Leaf),
    ("label", &Leaf),
    ("description", &Leaf),
    ("content", &Leaf),
    ("placeholder", &Leaf),
    ("url", &Url),
    ("disabled", &Leaf),
    ("spoiler", &Leaf),
    ("emoji", &EMOJI),
    ("media", &Fields(&[("url", &Url)])),
    ("items", &List(&Fields(&[("description", &Leaf), ("media", &Fields(&[("url", &Url)]))]))),
    ("options", &List(&Fields(&[("label", &Leaf), ("description", &Leaf), ("emoji", &EMOJI)]))),
    ("accessory", &COMPONENT),
    ("component", &COMPONENT),
    ("components", &List(&COMPONENT)),
]);

static INTERACTION: Keep = Fields(&[("type", &Leaf), ("name", &Leaf), ("user", &User)]);

static REFERENCE: Keep =
    Fields(&[("type", &Leaf), ("message_id", &Leaf), ("channel_id", &Leaf), ("guild_id", &Leaf)]);

/// What is kept of a message besides its columns.
static MESSAGE: Keep = Fields(&[
    ("embeds", &List(&EMBED)),
    ("sticker_items", &List(&STICKER)),
    ("poll", &POLL),
    ("message_snapshots", &List(&SNAPSHOT)),
    ("components", &List(&COMPONENT)),
    ("interaction", &INTERACTION),
    ("interaction_metadata", &INTERACTION),
    ("mention_everyone", &Leaf),
    ("mention_roles", &List(&Leaf)),
    ("tts", &Leaf),
    ("flags", &Leaf),
    ("thread", &Fields(&[("id", &Leaf), ("name", &Leaf)])),
    ("role_subscription_data", &Fields(&[("tier_name", &Leaf), ("total_months_subscribed", &Leaf)])),
]);

static ATTACHMENT: Keep = Fields(&[
    ("title", &Leaf),
    ("description", &Leaf),
    ("width", &Leaf),
    ("height", &Leaf),
    ("duration_secs", &Leaf),
    ("flags", &Leaf),
]);

static TAG: Keep = Fields(&[
    ("id", &Leaf),
    ("name", &Leaf),
    ("moderated", &Leaf),
    ("emoji_id", &Leaf),
    ("emoji_name", &Leaf),
]);

static CHANNEL: Keep = Fields(&[
    ("nsfw", &Leaf),
    ("rate_limit_per_user", &Leaf),
    ("flags", &Leaf),
    ("available_tags", &List(&TAG)),
    ("applied_tags", &List(&Leaf)),
]);

/// Further kept fields of a message, of those that came.
///
/// # Errors
/// When one of them is no value: a lone surrogate, a number beyond all.
pub fn message<'a>(
    came: impl Iterator<Item = (&'static str, &'a RawValue)>,
) -> serde_json::Result<Map<String, Value>> {
    fields_of(came, &MESSAGE)
}

/// What a message that is no reply refers to: a forward, a pin, a crosspost.
///
/// # Errors
/// When it is no value.
pub fn reference(reference: &RawValue) -> serde_json::Result<Map<String, Value>> {
    let kept = raw(reference, &REFERENCE)?.map(|kept| ("message_reference".to_owned(), kept));
    Ok(kept.into_iter().collect())
}

/// Further kept fields of an attachment, of those that came.
///
/// # Errors
/// When one of them is no value.
pub fn attachment<'a>(
    came: impl Iterator<Item = (&'static str, &'a RawValue)>,
) -> serde_json::Result<Map<String, Value>> {
    fields_of(came, &ATTACHMENT)
}

/// Further kept fields of a channel or thread.
pub fn channel(channel: &Value) -> Map<String, Value> {
    fields(channel, &CHANNEL)
}

/// What Discord sends with every plain message, and says nothing: it isn't
/// worth parsing.
const DEFAULTS: [&str; 3] = ["[]", "false", "0"];

fn fields_of<'a>(
    came: impl Iterator<Item = (&'static str, &'a RawValue)>,
    shape: &Keep,
) -> serde_json::Result<Map<String, Value>> {
    let Fields(shapes) = shape else { return Ok(Map::new()) };
    let mut fields = Map::new();
    for (name, value) in came.filter(|(_, raw)| !DEFAULTS.contains(&raw.get())) {
        let Some((_, shape)) = shapes.iter().find(|(known, _)| *known == name) else { continue };
        let field = raw(value, shape)?.map(|kept| (name.to_owned(), kept));
        fields.extend(field.filter(says_something));
    }
    Ok(fields)
}

fn raw(raw: &RawValue, shape: &Keep) -> serde_json::Result<Option<Value>> {
    Ok(kept(&serde_json::from_str(raw.get())?, shape))
}

/// Flags of which none is set don't.
fn says_something((name, value): &(String, Value)) -> bool {
    name != "flags" || value != 0
}

fn fields(value: &Value, shape: &Keep) -> Map<String, Value> {
    match kept(value, shape) {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// The kept part of a value; `None` if nothing is left, or only what says
/// nothing: null, false, zero flags, empty lists.
fn kept(value: &Value, shape: &Keep) -> Option<Value> {
    match (shape, value) {
        (Leaf, Value::String(text)) => (!text.is_empty()).then(|| value.clone()),
        (Leaf, Value::Number(_) | Value::Bool(true)) => Some(value.clone()),
        (Url, Value::String(url)) => Some(split_signature(url).0.into()),
        (User, Value::String(id)) => Some(format!("<@{id}>").into()),
        (User, Value::Object(user)) => kept(user.get("id")?, &User),
        (Author, Value::Object(author)) if is_person(author) => kept(value, &PERSON),
        (Author, Value::Object(_)) => kept(value, &NAMED_AUTHOR),
        (Fields(names), Value::Object(object)) => {
            let kept: Map<String, Value> = names
                .iter()
                .filter_map(|(name, shape)| Some(((*name).to_owned(), kept(object.get(*name)?, shape)?)))
                .filter(says_something)
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        (List(shape), Value::Array(items)) => {
            let kept: Vec<Value> = items.iter().filter_map(|item| kept(item, shape)).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        _ => None,
    }
}

/// Whether an embed's author is shown with a user's profile or picture.
fn is_person(author: &Map<String, Value>) -> bool {
    let addresses =
        ["url", "icon_url", "proxy_icon_url"].into_iter().filter_map(|key| author.get(key)?.as_str());
    let mut of_people = addresses.flat_map(|address| {
        ["/users/", "/avatars/"].into_iter().filter_map(move |segment| address.split_once(segment))
    });
    of_people.any(|(_, id)| id.starts_with(|first: char| first.is_ascii_digit()))
}

/// Parameters that sign an address of Discord's file store.
/// <https://discord.com/developers/docs/reference#signed-attachment-cdn-urls>
const SIGNATURE: [&str; 3] = ["ex=", "is=", "hm="];

/// An address without its signature, and the signature.
pub fn split_signature(url: &str) -> (String, Option<String>) {
    let Some((bare, query)) = url.split_once('?') else {
        return (url.to_owned(), None);
    };
    let (signed, other): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .partition(|parameter| SIGNATURE.iter().any(|name| parameter.starts_with(name)));
    if signed.is_empty() {
        return (url.to_owned(), None);
    }
    let bare = if other.is_empty() { bare.to_owned() } else { format!("{bare}?{}", other.join("&")) };
    (bare, Some(signed.join("&")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::wire;
    use super::*;

    fn kept_of(text: &str) -> Map<String, Value> {
        let wire: wire::Message<'_> = serde_json::from_str(text).unwrap();
        message(wire.further()).unwrap()
    }

    #[test]
    fn only_listed_fields_are_kept_and_users_become_mentions() {
        let raw = json!({
            "id": "1",
            "embeds": [
                {"title": "t", "author": {"name": "n", "icon_url": "https://x/avatars/1/a"}, "secret": 1},
                {"title": "u", "author": {"name": "a site", "url": "https://x/embed/avatars/", "icon_url": 1}},
            ],
            "interaction_metadata": {"id": "9", "name": "ban", "user": {"id": "77", "username": "u"}},
            "unknown": {"id": "1"},
            "flags": 0,
        });
        assert_eq!(
            Value::Object(kept_of(&raw.to_string())),
            json!({
                "embeds": [
                    {"title": "t"},
                    {"title": "u", "author": {"name": "a site", "url": "https://x/embed/avatars/"}},
                ],
                "interaction_metadata": {"name": "ban", "user": "<@77>"},
            })
        );
    }

    #[test]
    fn nothing_is_kept_of_a_plain_message() {
        let raw = json!({
            "id": "1", "content": "embeds", "embeds": [], "components": [], "mention_everyone": false,
            "mention_roles": [], "tts": false, "flags": 0, "poll": null, "sticker_items": {},
        });
        assert!(kept_of(&raw.to_string()).is_empty());
        assert!(kept_of(&serde_json::to_string_pretty(&raw).unwrap()).is_empty());
    }

    #[test]
    fn every_field_of_the_lists_is_looked_for() {
        let Fields(listed) = MESSAGE else { panic!("a message has fields") };
        for (name, _) in listed {
            let text = json!({"id": "1", *name: 7}).to_string();
            let wire: wire::Message<'_> = serde_json::from_str(&text).unwrap();
            assert_eq!(wire.further().map(|(name, _)| name).collect::<Vec<_>>(), [*name]);
        }
        let Fields(listed) = ATTACHMENT else { panic!("an attachment has fields") };
        for (name, _) in listed {
            let text = json!({"id": "1", *name: 7}).to_string();
            let wire: wire::Attachment<'_> = serde_json::from_str(&text).unwrap();
            assert_eq!(wire.further().map(|(name, _)| name).collect::<Vec<_>>(), [*name]);
        }
    }

    #[test]
    fn a_signature_is_split_off_and_other_parameters_stay() {
        assert_eq!(
            split_signature("https://c/a.png?ex=1&is=2&hm=3&"),
            ("https://c/a.png".into(), Some("ex=1&is=2&hm=3".into()))
        );
        assert_eq!(
            split_signature("https://c/a.png?width=5&hm=3"),
            ("https://c/a.png?width=5".into(), Some("hm=3".into()))
        );
        assert_eq!(split_signature("https://y/watch?v=1"), ("https://y/watch?v=1".into(), None));
        assert_eq!(split_signature("https://y"), ("https://y".into(), None));
    }
}
