//! The texts of a message that are searched, besides its content.

use memchr::memmem;
use serde_json::Value;

/// Keys of metadata with texts; a thread is last.
const KEYS: [&str; 5] = ["embeds", "poll", "components", "message_snapshots", "thread"];

/// Calls `on_text` with the texts of a message's metadata: of embeds, polls, components and
/// forwarded messages, and the name of the thread that was started from the message if
/// `has_thread_names`. Unreadable metadata has none.
pub fn of_metadata(metadata: &str, has_thread_names: bool, mut on_text: impl FnMut(&str)) {
    // Most metadata has no text, and parsing takes longer than looking.
    if !KEYS.iter().any(|key| memmem::find(metadata.as_bytes(), key.as_bytes()).is_some()) {
        return;
    }
    let fields = serde_json::from_str::<Value>(metadata).unwrap_or_default();
    for key in &KEYS[..KEYS.len() - 1] {
        if let Some(value) = fields.get(key) {
            collect(value, &mut on_text);
        }
    }
    let thread = fields.pointer("/thread/name").filter(|_| has_thread_names);
    if let Some(name) = thread.and_then(Value::as_str) {
        on_text(name);
    }
}

/// Fields whose text people read. The values of other fields are addresses, IDs and types.
const TEXT_FIELDS: [&str; 9] =
    ["title", "description", "name", "value", "text", "content", "label", "placeholder", "filename"];

fn collect(value: &Value, on_text: &mut impl FnMut(&str)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, on_text)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if TEXT_FIELDS.contains(&name.as_str()) => on_text(text),
                    Value::String(_) => {}
                    other => collect(other, on_text),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_embeds_polls_components_and_forwards_are_searched() {
        let metadata = serde_json::json!({
            "embeds": [{"title": "one", "url": "https://x", "footer": {"text": "two"}, "type": "rich",
                        "fields": [{"name": "three", "value": "four", "inline": true}]}],
            "poll": {"question": {"text": "five"}, "answers": [{"answer_id": 1, "poll_media": {"text": "six"}}]},
            "components": [{"type": 1, "components": [{"label": "seven", "custom_id": "no"}]}],
            "message_snapshots": [{"message": {"content": "eight", "attachments": [{"filename": "nine", "url": "no"}]}}],
            "thread": {"id": "1", "name": "ten"},
            "sticker_items": [{"name": "no"}],
        })
        .to_string();
        let texts = |has_thread_names| {
            let mut found = Vec::new();
            of_metadata(&metadata, has_thread_names, |text| found.push(text.to_owned()));
            found.sort();
            found
        };
        let expected = ["eight", "five", "four", "nine", "one", "seven", "six", "three", "two"];
        assert_eq!(texts(false), expected);
        let with_thread = ["eight", "five", "four", "nine", "one", "seven", "six", "ten", "three", "two"];
        assert_eq!(texts(true), with_thread);
        for unreadable in ["{", "[]", "1"] {
            of_metadata(unreadable, true, |text| panic!("{text}"));
        }
    }
}
