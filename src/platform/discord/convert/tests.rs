//! Tests the conversion of pages, also of malformed ones.

mod files;
mod malformed;
mod user_fields;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(4_000_000_000_000);
const ID: u64 = 1_323_802_873_036_800_000;
const AUTHOR: &str = "700000000000000001";

/// Parses a page with this body.
fn read(body: &str) -> Result<MessagePage, PlatformError> {
    let body = Bytes::copy_from_slice(body.as_bytes()).into();
    let answer = Answer { subject: "messages".to_owned(), body, date: Some(NOW) };
    page(answer, ChannelId::new(50).unwrap(), 100, NOW)
}

fn page_of(messages: &[Value]) -> MessagePage {
    read(&json!(messages).to_string()).unwrap()
}

/// A plain message as Discord sends it, with additional `fields`.
fn with(fields: &Value) -> Value {
    let mut message = json!({
        "id": ID.to_string(), "channel_id": "50", "type": 0, "content": "text",
        "author": {"id": AUTHOR, "username": "somebody", "avatar": null, "discriminator": "0"},
        "timestamp": "2025-01-01T00:00:00.000000+00:00", "edited_timestamp": null, "mentions": [],
        "mention_roles": [], "attachments": [], "embeds": [], "components": [], "pinned": false,
        "mention_everyone": false, "tts": false, "flags": 0,
    });
    let fields = fields.as_object().unwrap().clone();
    message.as_object_mut().unwrap().extend(fields);
    message
}

/// Converts a message with additional `fields`.
fn one(fields: &Value) -> Message {
    let mut page = page_of(&[with(fields)]);
    assert_eq!(page.malformed, []);
    page.messages.remove(0)
}

/// Parses a page of one message. `value` is raw JSON, which `Value` may not be able to
/// represent.
fn page_with_raw(field: &str, value: &str) -> MessagePage {
    let text = with(&json!({field: "@"})).to_string();
    let (before, after) = text.split_once("\"@\"").unwrap();
    read(&format!("[{before}{value}{after}]")).unwrap()
}

#[track_caller]
fn assert_readable(message: &Message) {
    assert_eq!(message.content, "text");
    assert_eq!(message.author.map(|author| author.id.get()), Some(AUTHOR.parse().unwrap()));
    assert_eq!(message.created_at, snowflake::created_at(ID));
}

#[test]
fn rejects_a_page_that_is_no_list() {
    for body in ["null", "{}", "7", "\"[]\"", "", "{\"message\":\"no\"}"] {
        let error = read(body).expect_err(body);
        assert_eq!(error.kind, crate::platform::ErrorKind::Unreadable, "{body}");
    }
    assert_eq!(read("[]").unwrap(), MessagePage::default());
}

#[test]
fn counts_objects_per_unknown_field() {
    let unknown = |messages: &[Value]| page_of(messages).unknown_fields;
    assert_eq!(unknown(&[with(&json!({}))]), BTreeMap::new());
    let fields = json!({
        "foo": 1, "80351110224678912": {}, "Other Name": [], "nonce": "1", "position": 4,
        "embeds": [{"title": "t", "bar": 1, "image": {"url": "https://x/a.png", "bar": 2}}, {"bar": 1}],
        "attachments": [{"id": "7", "filename": "a", "baz": null}],
        "reactions": [{"emoji": {"id": null, "name": "👍", "qux": 1}, "count": 1, "quux": 1}],
        "components": [{"type": 1, "components": [{"type": 2, "new_field": 1}], "new_field": 1}],
        "message_snapshots": [{"message": {"content": "c", "new_field": 1}, "guild": 1}],
    });
    let expected = BTreeMap::from_iter([
        ("attachment.baz".to_owned(), 2),
        ("component.new_field".to_owned(), 4),
        ("embed.bar".to_owned(), 4),
        ("embed_media.bar".to_owned(), 2),
        ("emoji.qux".to_owned(), 2),
        ("forwarded_message.new_field".to_owned(), 2),
        ("message.(other)".to_owned(), 2),
        ("message.foo".to_owned(), 2),
        ("message_snapshot.guild".to_owned(), 2),
        ("reaction.quux".to_owned(), 2),
    ]);
    let other = |fields: &Value| {
        let mut message = with(fields);
        message["id"] = json!((ID + 1).to_string());
        message
    };
    assert_eq!(unknown(&[with(&fields), other(&fields)]), expected);
    let mut damaged = other(&fields);
    damaged["pinned"] = json!("no");
    assert_eq!(
        unknown(&[with(&fields), damaged]),
        expected,
        "a malformed message's unknown fields are counted as well"
    );
}

#[test]
fn at_most_100_unknown_fields_are_recorded() {
    let fields: serde_json::Map<String, Value> =
        (0..500).map(|number| (format!("new_{number}"), json!(1))).collect();
    assert_eq!(page_of(&[with(&Value::Object(fields))]).unknown_fields.len(), 100);
}

#[test]
fn finds_the_thread_of_a_message() {
    let named = |fields: Value| one(&fields).named_thread.map(ChannelId::get);
    assert_eq!(named(json!({})), None);
    assert_eq!(named(json!({"thread": {"id": "77", "name": "t"}, "flags": 32})), Some(77));
    assert_eq!(named(json!({"flags": 32})), Some(ID));
    assert_eq!(named(json!({"flags": 16})), None);
    assert_eq!(named(json!({"thread": {"id": "x"}, "flags": 33})), Some(ID));
    let reference = json!({"channel_id": "88", "guild_id": "1"});
    assert_eq!(named(json!({"type": 18, "message_reference": reference})), Some(88));
    assert_eq!(named(json!({"type": 0, "message_reference": reference})), None);
    assert_eq!(named(json!({"type": 18})), None);
}

#[test]
fn answers_to_commands_are_not_from_a_webhook() {
    let metadata = |fields: Value| one(&fields).metadata.into_text().unwrap_or_default();
    assert_eq!(metadata(json!({"webhook_id": "7"})), r#"{"webhook":true}"#);
    for field in ["interaction", "interaction_metadata"] {
        let kept = metadata(json!({"webhook_id": "7", "application_id": "7", field: {"name": "ban"}}));
        assert_eq!(kept, json!({field: {"name": "ban"}}).to_string());
    }
}

#[test]
fn a_message_with_any_content_field_is_not_blank() {
    let activity = one(&json!({
        "content": "", "activity": {"type": 1, "party_id": "game:1"},
        "application": {"id": "640000000000000001", "name": "Chess Night", "icon": "x"},
    }));
    let expected = json!({"activity": {"type": 1}, "application": {"name": "Chess Night"}});
    assert_eq!((Value::Object(activity.metadata.fields()), activity.is_blank), (expected, false));
    let purchase = json!({"type": 0, "guild_product_purchase": {"listing_id": "1", "product_name": "Pack"}});
    let bought = one(&json!({"type": 44, "content": "", "purchase_notification": purchase}));
    assert_eq!((&bought.metadata.fields()["purchase_notification"], bought.is_blank), (&purchase, false));
    let theme =
        json!({"colors": ["5865F2", "7258F2"], "gradient_angle": 45, "base_mix": 58, "base_theme": 1});
    let themed = one(&json!({"content": "", "shared_client_theme": theme}));
    assert_eq!((&themed.metadata.fields()["shared_client_theme"], themed.is_blank), (&theme, false));
    let text = json!({"type": 17, "id": 1, "components": [{"type": 10, "id": 2, "content": "in an embed"}]});
    let embedded = one(&json!({"content": "", "embeds": [{"type": "rich", "components": [text]}]}));
    let expected = json!([{"type": 17, "components": [{"type": 10, "content": "in an embed"}]}]);
    assert_eq!(embedded.metadata.fields()["embeds"][0]["components"], expected);
    assert!(one(&json!({"content": ""})).is_blank);
    assert!(
        !one(&json!({"content": "", "attachments": "x"})).is_blank,
        "a malformed attachment list is no proof of a blank message"
    );
}

/// The messages are close to Discord's documented limits in every respect.
#[test]
fn parses_the_largest_messages_completely() {
    let all: Vec<Value> = serde_json::from_slice(&discord_sim::hostile::largest_page(0)).unwrap();
    for some in all.chunks(25) {
        let page = page_of(some);
        assert_eq!((page.messages.len(), page.malformed.len()), (25, 0));
        for message in &page.messages {
            assert_eq!(message.malformed_fields, [""; 0]);
            assert!(message.weight() < wire::MAX_OBJECT_BYTES / 4, "{} bytes", message.weight());
            let fields = message.metadata.fields();
            let embeds = fields["embeds"].as_array().unwrap();
            assert!(embeds.iter().all(|embed| embed["fields"].as_array().unwrap().len() == 25));
            assert_eq!((embeds.len(), message.content.chars().count()), (10, 4000));
            assert_eq!(fields["components"][0]["components"].as_array().unwrap().len(), 39);
            assert_eq!((message.attachments.len(), message.reactions.len()), (10, 40));
        }
    }
}
