//! Tests that a malformed field never costs the message, except for ID and text.

use super::*;

/// Paths of malformed fields of a message with additional `fields`; asserts that the rest
/// is readable.
#[track_caller]
fn malformed(fields: &Value) -> Vec<String> {
    let message = one(fields);
    assert_readable(&message);
    message.malformed_fields
}

#[test]
fn drops_only_the_malformed_reaction_or_count() {
    let good = json!({"emoji": {"id": null, "name": "👍"}, "count": 2});
    for (bad, path) in [
        (json!({"emoji": {"id": null, "name": "👎"}, "count": -1}), "reactions.count"),
        (json!({"emoji": {"id": null, "name": "👎"}, "count": 1e30}), "reactions.count"),
        (json!({"emoji": {"id": null, "name": "👎"}, "count": 5_000_000_000_u64}), "reactions.count"),
        (json!({"emoji": "👎", "count": 1}), "reactions.emoji"),
        (json!({"emoji": null, "count": 1}), "reactions.emoji"),
        (json!({"count": 1}), "reactions.emoji"),
        (json!("👎"), "reactions"),
        (json!(null), "reactions"),
        (json!([1]), "reactions"),
    ] {
        let message = one(&json!({"reactions": [bad, good]}));
        assert_readable(&message);
        let count = ReactionCount { emoji: Emoji::Unicode("👍".to_owned()), burst: false, count: 2 };
        assert_eq!(
            (message.reactions, message.malformed_fields),
            (vec![count], vec![path.to_owned()]),
            "{bad}"
        );
    }
    let details = json!({"burst": -1, "normal": 2});
    let reaction = json!({"emoji": {"id": null, "name": "👍"}, "count": 3, "count_details": details});
    let message = one(&json!({"reactions": [reaction]}));
    assert_eq!((message.reactions.len(), message.reactions[0].count), (1, 2));
    assert_eq!(message.malformed_fields, ["reactions.count_details.burst"]);
}

#[test]
fn an_emoji_without_id_and_name_has_an_empty_name() {
    let message = one(&json!({"reactions": [{"emoji": {"id": null, "name": null}, "count": 1}]}));
    let count = ReactionCount { emoji: Emoji::Unicode(String::new()), burst: false, count: 1 };
    assert_eq!((message.reactions, message.malformed_fields), (vec![count], vec![]));
}

#[test]
fn keeps_the_readable_fields_of_a_malformed_attachment() {
    let message = one(&json!({"attachments": [
        {"id": "7", "filename": "a.png", "size": 17.5, "url": "https://x/a.png?hm=1", "content_type": 3},
        {"filename": "no-id.png", "size": 1},
        {"id": "8", "filename": "b.png", "size": 4, "width": "wide"},
        "c.png",
    ]}));
    assert_readable(&message);
    let files: Vec<_> = message.attachments.iter().map(|file| (file.id.get(), file.size_bytes)).collect();
    assert_eq!(files, [(7, 0), (8, 4)]);
    assert_eq!(message.attachments[0].url, "https://x/a.png");
    let fields = ["content_type", "id", "size", "width"].map(|field| format!("attachments.{field}"));
    assert_eq!(message.malformed_fields[0], "attachments");
    assert_eq!(message.malformed_fields[1..], fields);
}

#[test]
fn any_field_but_id_and_text_may_be_malformed() {
    for (fields, path) in [
        (json!({"mentions": "x"}), "mentions"),
        (json!({"mentions": [{"id": "x"}]}), "mentions.id"),
        (json!({"flags": "x"}), "flags"),
        (json!({"type": "0"}), "type"),
        (json!({"pinned": "no"}), "pinned"),
        (json!({"edited_timestamp": "yesterday"}), "edited_timestamp"),
        (json!({"embeds": {}}), "embeds"),
        (json!({"embeds": [{"title": 1, "url": "https://x"}]}), "embeds.title"),
        (json!({"poll": {"question": {"text": ["x"]}, "answers": 3}}), "poll.answers"),
        (json!({"tts": 1}), "tts"),
        (json!({"referenced_message": "x", "type": 19}), "referenced_message"),
        (json!({"message_reference": [], "type": 19}), "message_reference"),
        (json!({"message_reference": {"message_id": {}}, "type": 19}), "message_reference.message_id"),
        (json!({"message_reference": {"message_id": {}}}), "message_reference.message_id"),
        (json!({"interaction": {"user": "me"}}), "interaction.user"),
        (json!({"mention_roles": [{}, "1"]}), "mention_roles"),
        (json!({"attachments": {}}), "attachments"),
        (json!({"author": {"id": AUTHOR, "bot": "yes"}}), "author.bot"),
    ] {
        assert!(malformed(&fields).contains(&path.to_owned()), "{fields}");
    }
    let poll = one(&json!({"poll": {"question": {"text": "?"}, "answers": [{"answer_id": "x"}, 3]}}));
    assert_eq!(poll.metadata.fields()["poll"], json!({"question": {"text": "?"}}));
    assert_eq!(poll.malformed_fields, ["poll.answers", "poll.answers.answer_id"]);
}

#[test]
fn drops_a_malformed_author_or_timestamp() {
    for author in [json!("x"), json!([]), json!({"id": "x"}), json!({"id": {}})] {
        let message = one(&json!({"author": author}));
        assert_eq!((message.author, message.content.as_str()), (None, "text"));
        assert!(message.malformed_fields[0].starts_with("author"));
    }
    for absent in [json!(null), json!({})] {
        let message = one(&json!({"author": absent}));
        assert_eq!((message.author, message.malformed_fields), (None, vec!["author".to_owned()]));
    }
    let message = one(&json!({"timestamp": "yesterday", "edited_timestamp": 4}));
    assert_readable(&message);
    assert_eq!(message.malformed_fields, ["edited_timestamp", "timestamp"]);
}

#[test]
fn null_fields_count_as_absent() {
    let columns = ["type", "content", "timestamp", "mentions", "attachments", "reactions"];
    let others = ["embeds", "flags", "components", "poll", "thread", "call", "message_reference"];
    for name in columns.into_iter().chain(others) {
        assert_eq!(one(&json!({name: null})).malformed_fields, [""; 0], "{name}");
    }
}

#[test]
fn a_message_with_a_malformed_id_or_text_cannot_be_repaired() {
    let malformed = |fields: &Value| {
        let page = page_of(&[with(fields)]);
        assert_eq!(page.messages, []);
        page.malformed[0].clone()
    };
    for id in [json!(null), json!("x"), json!(-1), json!(1.5), json!({}), json!("0"), json!(u64::MAX)] {
        assert_eq!(malformed(&json!({"id": id, "pinned": 3})).id, None, "{id}");
    }
    let noisy = json!({"a": 1, "b": 2});
    for content in [json!(17), json!([]), noisy, json!(false)] {
        let malformed = malformed(&json!({"content": content, "reactions": 4}));
        assert_eq!((malformed.id, malformed.reason.as_str()), (MessageId::new(ID), "its text is malformed"));
    }
    assert_eq!(page_with_raw("content", r#""\ud800""#).malformed[0].id, MessageId::new(ID));
    assert_eq!(page_with_raw("content", r#""a","content":"b""#).malformed[0].id, MessageId::new(ID));
}

#[test]
fn valid_json_that_cannot_be_decoded_fails_only_its_field() {
    for (field, value, path) in [
        ("embeds", r#"[{"title":"\ud800","url":"https://x"}]"#, "embeds.title"),
        ("embeds", r#"[{"color":1e999,"url":"https://x"}]"#, "embeds.color"),
        ("attachments", r#"[{"id":"7","filename":"\udc00\ud800"}]"#, "attachments.filename"),
        ("poll", "99999999999999999999999999", "poll"),
        ("author", r#"{"id":"1","id":"2"}"#, "author.id"),
        ("reactions", r#"4,"reactions":5"#, "reactions"),
        ("poll", r#"{},"poll":{}"#, "poll"),
    ] {
        let page = page_with_raw(field, value);
        assert_eq!(page.malformed, [], "{value}");
        assert_eq!(page.messages[0].content, "text");
        assert_eq!(page.messages[0].malformed_fields, [path], "{value}");
    }
    let odd = page_with_raw("poll", r#"null,"\ud800":1,"pinned":3"#);
    assert_eq!((odd.messages.len(), &odd.messages[0].malformed_fields[..]), (1, &["pinned".to_owned()][..]));
    let deep = "{\"components\":[".repeat(5000) + &"]}".repeat(5000);
    let deep = page_with_raw("components", &format!("[{deep}]"));
    assert_eq!(deep.messages[0].malformed_fields, ["components"]);
}

#[test]
fn a_malformed_message_does_not_affect_the_others_of_its_page() {
    let numbered = |number: u64, fields: Value| {
        let mut message = with(&fields);
        message["id"] = json!((ID + number).to_string());
        message
    };
    let faults = json!({
        "pinned": 1, "reactions": [{"emoji": {"name": "a"}, "count": -1}, {"emoji": {"name": "b"}, "count": 1}],
        "attachments": [{"id": 7, "size": "big"}],
    });
    let page = page_of(&[numbered(0, json!({})), numbered(1, faults), numbered(2, json!({"flags": 4}))]);
    let paths: Vec<_> = page.messages.iter().map(|message| message.malformed_fields.len()).collect();
    assert_eq!((page.malformed.len(), paths), (0, vec![0, 3, 0]));
    let repaired = &page.messages[1];
    assert_eq!(repaired.malformed_fields, ["attachments.size", "pinned", "reactions.count"]);
    assert_eq!((repaired.reactions.len(), repaired.attachments.len()), (1, 1));
    assert_eq!(page.messages[2].metadata.fields()["flags"], 4);
}

#[test]
fn malformed_paths_are_bounded_and_contain_no_values() {
    let media =
        json!({"url": 1, "width": "x", "height": "x", "content_type": 1, "description": 1, "flags": "x"});
    let id = json!(700_000_000_000_000_001_u64);
    let embed = json!({
        "title": id, "description": id, "timestamp": id, "image": media, "thumbnail": media, "video": media,
    });
    let paths = malformed(&json!({"embeds": [embed], "pinned": AUTHOR}));
    assert_eq!(paths.len(), 20);
    assert!(paths.is_sorted() && paths.iter().all(|path| !path.contains(char::is_numeric)), "{paths:?}");
}
