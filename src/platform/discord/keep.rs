//! Filters Discord's objects by the lists in `fields`. A field that isn't listed is
//! never kept, so a field that Discord adds isn't stored by accident. A user becomes a
//! mention, which the anonymizer hashes.

use serde::Deserialize as _;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::fields::FieldShape::{Column, Embed, Fields, List, Named, Url, User};
use super::fields::{CHANNEL, EMBED, FieldShape, MESSAGE, ObjectFields, REFERENCE};
use super::findings::{Findings, Path};
use super::{automod, ids, wire};
use crate::model::{Metadata, disguise};

/// The kept part of a message's or attachment's raw fields. Calls `inspect` with each
/// listed field before it is filtered.
///
/// # Errors
/// Returns an error if a field can't be parsed (a lone surrogate, a number out of
/// range) or exceeds the memory budget.
pub fn fields<'a>(
    object: &ObjectFields,
    raw_fields: impl Iterator<Item = (&'static str, &'a RawValue)>,
    findings: &mut Findings,
    mut inspect: impl FnMut(&'static str, &Value),
) -> serde_json::Result<Map<String, Value>> {
    let mut kept_fields = Map::new();
    for (name, raw) in raw_fields.filter(|(_, raw)| !DEFAULTS.contains(&raw.get())) {
        let Some((name, shape)) = object.shape(name) else { continue };
        let value = findings.budget.parse(raw.get())?;
        inspect(name, &value);
        let field = kept_value(&value, shape, path_of(object, name), findings);
        kept_fields.extend(field.map(|kept| (name.to_owned(), kept)).filter(isnt_zero_flags));
    }
    Ok(kept_fields)
}

/// The path of a field in its message. An attachment's begins with `attachments`, the
/// list that holds it.
fn path_of(object: &ObjectFields, name: &'static str) -> Path<'static> {
    static ATTACHMENTS: Path<'static> = Path::field("attachments");
    if object.name == MESSAGE.name { Path::field(name) } else { ATTACHMENTS.then(name) }
}

/// The kept part of the reference of a forward, a pin or a crosspost. Replies store
/// theirs in columns.
///
/// # Errors
/// Returns an error if it can't be parsed or exceeds the memory budget.
pub fn reference(reference: &RawValue, findings: &mut Findings) -> serde_json::Result<Option<Value>> {
    let value = findings.budget.parse(reference.get())?;
    Ok(kept_value(&value, &Fields(&REFERENCE), Path::field("message_reference"), findings))
}

/// The metadata of a channel or thread: its kept fields without columns.
pub fn channel(channel: &Value) -> Metadata {
    match kept_value(channel, &Fields(&CHANNEL), Path::field("channel"), &mut Findings::default()) {
        Some(Value::Object(fields)) => ids::metadata(fields),
        _ => Metadata::default(),
    }
}

/// Raw values without information. Every plain message has several of them, so they
/// are skipped unparsed.
const DEFAULTS: [&str; 3] = ["[]", "false", "0"];

/// Whether a field isn't `flags` with no flag set.
fn isnt_zero_flags((name, value): &(String, Value)) -> bool {
    name != "flags" || value != 0
}

/// The kept part of a value; `None` if nothing informative is left: null, false, zero
/// flags, empty text, lists and objects carry no information. Malformed parts are
/// dropped and recorded in `findings`.
pub fn kept_value(
    value: &Value,
    shape: &FieldShape,
    path: Path<'_>,
    findings: &mut Findings,
) -> Option<Value> {
    match (shape, value) {
        (_, Value::Null) | (Column(_), _) => None,
        (Url, Value::String(url)) => Some(split_signature(url).0.into()),
        (User, _) => mention(value).or_else(|| malformed(path, findings)),
        (Embed, Value::Object(embed)) => {
            let alert = automod::scrub_embed(embed);
            object(alert.as_ref().unwrap_or(embed), &EMBED, path, findings).map(Value::Object)
        }
        (Named(fields, name), Value::Object(value)) => named(value, fields, name, path, findings),
        (Fields(fields), Value::Object(value)) => object(value, fields, path, findings).map(Value::Object),
        (List(shape), Value::Array(items)) => {
            let kept: Vec<Value> =
                items.iter().filter_map(|item| kept_value(item, shape, path, findings)).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        (leaf, _) if accepts(leaf, value) => is_informative(value).then(|| value.clone()),
        _ => malformed(path, findings),
    }
}

fn malformed(path: Path<'_>, findings: &mut Findings) -> Option<Value> {
    findings.add_malformed(path);
    None
}

fn is_informative(value: &Value) -> bool {
    value != "" && value != false
}

/// The kept fields of an object; `None` if none is left.
fn object(
    value: &Map<String, Value>,
    object: &ObjectFields,
    path: Path<'_>,
    findings: &mut Findings,
) -> Option<Map<String, Value>> {
    let (mut fields, mut unlisted) = (Map::new(), Vec::new());
    for (name, value) in value {
        let Some((name, shape)) = object.shape(name) else {
            unlisted.push(name.as_str());
            continue;
        };
        let kept = kept_value(value, shape, path.then(name), findings);
        fields.extend(kept.map(|kept| (name.to_owned(), kept)).filter(isnt_zero_flags));
    }
    for name in object.required.iter().filter(|name| value.get(**name).is_none_or(Value::is_null)) {
        findings.add_malformed(path.then(name));
    }
    findings.add_unknown(object, unlisted.into_iter().filter(|name| !object.drops(name)));
    (!fields.is_empty()).then_some(fields)
}

/// Whether a value has the shape of a leaf; always `false` for other shapes.
pub fn accepts(leaf: &FieldShape, value: &Value) -> bool {
    match leaf {
        FieldShape::Text | Url => value.is_string(),
        FieldShape::Integer => value.is_i64() || value.is_u64(),
        FieldShape::Number => value.is_number(),
        FieldShape::Bool => value.is_boolean(),
        FieldShape::Id => wire::Id::deserialize(value).is_ok(),
        FieldShape::Time => wire::Time::deserialize(value).is_ok(),
        FieldShape::U32 => u32::deserialize(value).is_ok(),
        FieldShape::U64 => value.is_u64(),
        FieldShape::Any => true,
        User => mention(value).is_some(),
        Embed | Named(..) | Fields(_) | List(_) | Column(_) => false,
    }
}

/// A user object or a user's ID as a mention.
fn mention(user: &Value) -> Option<Value> {
    let id = user.as_object().map_or(Some(user), |user| user.get("id"))?;
    let id = wire::Id::deserialize(id).ok()?;
    Some(format!("<@{}>", id.0).into())
}

/// The kept fields of an object, without `name` if the object links a user's profile or
/// picture.
fn named(
    value: &Map<String, Value>,
    fields: &ObjectFields,
    name: &str,
    path: Path<'_>,
    findings: &mut Findings,
) -> Option<Value> {
    let mut kept = object(value, fields, path, findings)?;
    if links_person(value) {
        kept.remove(name);
    }
    (!kept.is_empty()).then_some(Value::Object(kept))
}

/// Path segments in URLs of profiles and of people's pictures. A user's ID follows, or
/// the number of a default picture.
/// <https://docs.discord.com/developers/reference#image-formatting-cdn-endpoints>
const PERSON_SEGMENTS: [&str; 4] = ["/users/", "/avatars/", "/banners/", "/avatar-decorations/"];

/// Whether an object links a user's profile or picture. A proxy's URL contains the
/// proxied one, possibly encoded.
fn links_person(object: &Map<String, Value>) -> bool {
    let addresses =
        ["url", "icon_url", "proxy_icon_url"].into_iter().filter_map(|key| object.get(key)?.as_str());
    let is_of_person = |address: &str| {
        let address = disguise::decode_all(address);
        let mut followers = PERSON_SEGMENTS.into_iter().flat_map(|segment| address.split(segment).skip(1));
        followers.any(|id| {
            let first = id.chars().find(|character| !disguise::is_invisible(*character));
            first.is_some_and(|first| disguise::digit(first).is_some())
        })
    };
    addresses.into_iter().any(is_of_person)
}

/// Query parameters that sign a URL of Discord's file store.
/// <https://discord.com/developers/docs/reference#signed-attachment-cdn-urls>
const SIGNATURE_PARAMETERS: [&str; 3] = ["ex=", "is=", "hm="];

/// Splits a URL into the URL without its signature, and the signature.
pub fn split_signature(url: &str) -> (String, Option<String>) {
    let Some((bare, query)) = url.split_once('?') else {
        return (url.to_owned(), None);
    };
    let (signed, other): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .partition(|parameter| SIGNATURE_PARAMETERS.iter().any(|name| parameter.starts_with(name)));
    if signed.is_empty() {
        return (url.to_owned(), None);
    }
    let bare = if other.is_empty() { bare.to_owned() } else { format!("{bare}?{}", other.join("&")) };
    (bare, Some(signed.join("&")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fields::ATTACHMENT;
    use super::*;

    fn kept_of(text: &str) -> Map<String, Value> {
        let wire: wire::Message<'_> = serde_json::from_str(text).unwrap();
        fields(&MESSAGE, wire.metadata_fields(), &mut Findings::default(), |_, _| ()).unwrap()
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
    fn a_name_beside_a_persons_picture_is_dropped() {
        let id = "80351110224678912";
        for icon in [
            format!("https://cdn.discordapp.com/avatars/{id}/1f2e.png"),
            format!("https://cdn.discordapp.com/guilds/1/users/{id}/avatars/1f2e.png?size=64"),
            format!("https://media.discordapp.net/banners/{id}/1f2e"),
            format!("https://cdn.discordapp.com/avatar-decorations/{id}/1f2e.png"),
            "https://cdn.discordapp.com/embed/avatars/0.png".to_owned(),
            format!(
                "https://images-ext-1.discordapp.net/external/s/https/cdn.discordapp.com/avatars/{id}/1f2e.png"
            ),
            format!("https://wsrv.nl/?url=https%3A%2F%2Fcdn.discordapp.com%2Favatars%2F{id}%2F1f2e.png"),
            format!("https://x/?url=https%253A%252F%252Fcdn.discordapp.com%252Favatars%252F{id}"),
        ] {
            for key in ["icon_url", "proxy_icon_url"] {
                let raw = json!({"id": "1", "embeds": [{
                    "title": "t",
                    "footer": {"text": "asked by jane", key: icon},
                    "author": {"name": "jane", key: icon},
                    "provider": {"name": "jane", "url": icon},
                }]});
                let kept = kept_of(&raw.to_string());
                assert_eq!(kept["embeds"][0]["title"], "t", "{icon}");
                assert!(!Value::Object(kept).to_string().contains("jane"), "{icon}");
            }
        }
        for icon in [format!("https://cdn.discordapp.com/icons/{id}/1f2e.png"), "https://x/users/".to_owned()]
        {
            let raw = json!({"id": "1", "embeds": [{"footer": {"text": "a server", "icon_url": icon}}]});
            assert_eq!(kept_of(&raw.to_string())["embeds"][0]["footer"]["text"], "a server");
        }
    }

    #[test]
    fn a_plain_message_has_no_metadata() {
        let raw = json!({
            "id": "1", "content": "embeds", "embeds": [], "components": [], "mention_everyone": false,
            "mention_roles": [], "tts": false, "flags": 0, "poll": null, "sticker_items": {},
        });
        assert!(kept_of(&raw.to_string()).is_empty());
        assert!(kept_of(&serde_json::to_string_pretty(&raw).unwrap()).is_empty());
    }

    fn listed(object: &ObjectFields) -> Vec<&'static str> {
        let kept = object.kept.iter().filter(|(_, shape)| !matches!(shape, Column(_)));
        kept.map(|(name, _)| *name).collect()
    }

    #[test]
    fn every_listed_field_without_a_column_is_a_metadata_field() {
        for name in listed(&MESSAGE) {
            let text = json!({"id": "1", name: 7}).to_string();
            let wire: wire::Message<'_> = serde_json::from_str(&text).unwrap();
            assert_eq!(wire.metadata_fields().map(|(name, _)| name).collect::<Vec<_>>(), [name]);
        }
        for name in listed(&ATTACHMENT) {
            let text = json!({"id": "1", name: 7}).to_string();
            let wire: wire::Attachment<'_> = serde_json::from_str(&text).unwrap();
            assert_eq!(wire.metadata_fields().map(|(name, _)| name).collect::<Vec<_>>(), [name]);
        }
    }

    #[test]
    fn splits_off_the_signature_and_keeps_other_parameters() {
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
