//! Files in components and in forwarded messages.

use serde_json::{Map, Value, json};

use super::one;
use crate::model::{Attachment, AttachmentId};
use crate::platform::discord::ids;

const URL: &str = "https://cdn.discordapp.com/attachments/1/4/manual.pdf";

fn ids(files: &[Attachment]) -> Vec<u64> {
    files.iter().map(|file| file.id.get()).collect()
}

fn file_component(id: &str, name: &str) -> Value {
    json!({
        "type": 13, "id": 2, "name": name, "size": 54321, "spoiler": false,
        "file": {
            "id": "1", "url": format!("{URL}?ex=1&is=2&hm=3"), "proxy_url": "https://media.discordapp.net/x",
            "content_type": "application/pdf", "attachment_id": id,
        },
    })
}

#[test]
fn a_file_component_adds_an_attachment() {
    let message = one(&json!({
        "content": "", "flags": 32768,
        "components": [{"type": 10, "id": 1, "content": "Latest manual:"}, file_component("61", "manual.pdf")],
    }));
    let expected = Attachment {
        id: AttachmentId::new(61).unwrap(),
        filename: "manual.pdf".to_owned(),
        size_bytes: 54321,
        content_type: Some("application/pdf".to_owned()),
        url: URL.to_owned(),
        url_signature: Some("ex=1&is=2&hm=3".to_owned()),
        metadata: ids::metadata(Map::from_iter([("component".to_owned(), json!(true))])),
    };
    assert_eq!(message.attachments, [expected]);
    let file = json!({"url": URL, "content_type": "application/pdf", "attachment_id": "61"});
    assert_eq!(
        message.metadata.fields()["components"],
        json!([
            {"type": 10, "content": "Latest manual:"},
            {"type": 13, "name": "manual.pdf", "size": 54321, "file": file},
        ])
    );
}

#[test]
fn finds_uploads_in_nested_galleries_and_thumbnails() {
    let media =
        |url: &str| json!({"id": "1", "url": url, "width": 3, "height": 4, "content_type": "image/png"});
    let upload = media("https://cdn.discordapp.com/attachments/1/71/a.png?ex=1");
    let elsewhere = media("https://example.org/attachments/1/72/b.png");
    let thumbnail = media("https://media.discordapp.net/attachments/1/73/c.png");
    let message = one(&json!({"components": [{"type": 17, "components": [
        {"type": 12, "items": [
            {"media": upload, "description": "alt", "spoiler": true},
            {"media": elsewhere, "description": null, "spoiler": false},
        ]},
        {"type": 9, "components": [], "accessory": {"type": 11, "media": thumbnail}},
    ]}]}));
    assert_eq!(ids(&message.attachments), [71, 73]);
    let first = &message.attachments[0];
    assert_eq!((first.filename.as_str(), first.size_bytes), ("a.png", 0));
    let expected = json!({"component": true, "description": "alt", "spoiler": true, "width": 3, "height": 4});
    assert_eq!(Value::Object(first.metadata.fields()), expected);
}

#[test]
fn a_forwarded_file_keeps_the_same_metadata_as_a_direct_one() {
    let file = json!({
        "id": "81", "filename": "voice-message.ogg", "size": 1234, "content_type": "audio/ogg",
        "url": "https://cdn.discordapp.com/attachments/1/2/voice-message.ogg?hm=1", "waveform": "AAAA",
        "duration_secs": 3.5, "title": "my title", "description": "alt text", "flags": 1,
    });
    let forwarded = json!({
        "type": 0, "content": "", "flags": 8192, "attachments": [file],
        "components": [file_component("82", "manual.pdf")],
    });
    let message = one(&json!({
        "content": "", "flags": 16384, "message_snapshots": [{"message": forwarded}],
        "message_reference": {"type": 1, "channel_id": "2", "message_id": "1"},
    }));
    assert_eq!(ids(&message.attachments), [81, 82]);
    let facts = json!({
        "forwarded": true, "duration_secs": 3.5, "title": "my title", "description": "alt text", "flags": 1,
    });
    assert_eq!(Value::Object(message.attachments[0].metadata.fields()), facts);
    let both = json!({"forwarded": true, "component": true});
    assert_eq!(Value::Object(message.attachments[1].metadata.fields()), both);
    let kept = &message.metadata.fields()["message_snapshots"][0]["message"]["attachments"][0];
    assert_eq!((&kept["duration_secs"], &kept["title"]), (&json!(3.5), &json!("my title")));
    assert_eq!(message.malformed_fields, [""; 0]);
}

#[test]
fn deduplicates_files_by_attachment_id() {
    let forwarded = json!({"attachments": [{"id": "91"}, {"id": "93"}, {"filename": "no id"}]});
    let message = one(&json!({
        "attachments": [{"id": "91", "filename": "own.pdf", "size": 1, "url": URL}],
        "components": [file_component("91", "a"), file_component("92", "b"), file_component("92", "c")],
        "message_snapshots": [{"message": forwarded}],
    }));
    assert_eq!(ids(&message.attachments), [91, 92, 93]);
    assert_eq!(message.attachments[0].filename, "own.pdf");
    assert_eq!(message.attachments[1].filename, "b");
    assert_eq!(message.malformed_fields, ["message_snapshots.message.attachments.id"]);
}

#[test]
fn ignores_files_in_too_deeply_nested_components() {
    let mut component = file_component("61", "deep.pdf");
    for _ in 0..50 {
        component = json!({"type": 17, "components": [component]});
    }
    let message = one(&json!({"components": [component]}));
    assert_eq!((message.content.as_str(), message.attachments), ("text", vec![]));
}
