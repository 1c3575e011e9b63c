//! The texts of a message that are searched, besides its content.

use serde_json::Value;

/// Calls `on_text` with the texts of a message's metadata: of embeds, polls, components and
/// forwarded messages. Unreadable metadata has none.
pub fn of_metadata(metadata: &str, mut on_text: impl FnMut(&str)) {
    if let Ok(Value::Object(fields)) = serde_json::from_str(metadata) {
        for key in ["embeds", "poll", "components", "message_snapshots"] {
            if let Some(value) = fields.get(key) {
                collect(value, &mut on_text);
            }
        }
    }
}

/// Calls `on_text` with the title of the thread that was started from the message.
pub fn of_thread(metadata: &str, mut on_text: impl FnMut(&str)) {
    let fields = serde_json::from_str::<Value>(metadata).unwrap_or_default();
    if let Some(name) = fields.pointer("/thread/name").and_then(Value::as_str) {
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
        let mut found = Vec::new();
        of_metadata(&metadata, |text| found.push(text.to_owned()));
        found.sort();
        let expected = ["eight", "five", "four", "nine", "one", "seven", "six", "three", "two"];
        assert_eq!(found, expected);
        let mut threads = Vec::new();
        of_thread(&metadata, |text| threads.push(text.to_owned()));
        assert_eq!(threads, ["ten"]);
        of_metadata("{", |text| panic!("{text}"));
    }
}
