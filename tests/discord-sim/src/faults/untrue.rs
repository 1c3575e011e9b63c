//! Falsifies well-formed answers.

use serde_json::Value;

use super::FaultKind;

/// Applies a fault to the body of a 200; `None` if the fault doesn't change it.
pub(crate) fn falsify(what: &FaultKind, body: &[u8]) -> Option<Vec<u8>> {
    let edits_json = matches!(
        what,
        FaultKind::Empty
            | FaultKind::Keep(_)
            | FaultKind::KeepOldest(_)
            | FaultKind::Omit(_)
            | FaultKind::Set(..)
            | FaultKind::MessageField(..)
            | FaultKind::Repeat
    );
    if let FaultKind::ReplaceBytes(find, put) = what {
        return replace_first(body, find, put);
    }
    if !edits_json {
        return None;
    }
    let mut answer = serde_json::from_slice(body).ok()?;
    edit(what, &mut answer);
    Some(answer.to_string().into_bytes())
}

fn replace_first(body: &[u8], find: &[u8], put: &[u8]) -> Option<Vec<u8>> {
    let at = body.windows(find.len().max(1)).position(|bytes| bytes == find)?;
    Some([&body[..at], put, &body[at + find.len()..]].concat())
}

fn edit(what: &FaultKind, answer: &mut Value) {
    match what {
        FaultKind::Empty => empty(answer),
        FaultKind::Keep(count) => retain(answer, |index, _| index < *count),
        FaultKind::KeepOldest(count) => keep_oldest(answer, *count),
        FaultKind::Omit(ids) => omit(answer, ids),
        FaultKind::Set(field, value) => match answer {
            Value::Array(list) => list.iter_mut().for_each(|item| set(item, field, value)),
            _ => set(answer, field, value),
        },
        FaultKind::MessageField(index, field, value) => {
            if let Some(message) = answer.get_mut(index) {
                set(message, field, value);
            }
        }
        FaultKind::Repeat => {
            if let Some(has_more) = answer.get_mut("has_more") {
                *has_more = Value::Bool(true);
            }
        }
        _ => {}
    }
}

/// The items of a list, or of an object's `messages` or `threads`.
pub(super) fn items(answer: &mut Value) -> Option<&mut Vec<Value>> {
    match answer {
        Value::Array(list) => Some(list),
        Value::Object(fields) => {
            let key = if fields.contains_key("messages") { "messages" } else { "threads" };
            fields.get_mut(key)?.as_array_mut()
        }
        _ => None,
    }
}

/// The ID of an object, or of an item that is an ID itself.
pub(super) fn id_of(item: &Value) -> Option<u64> {
    let text = item.as_str().or_else(|| item.get("id")?.as_str());
    text?.parse().ok()
}

fn empty(answer: &mut Value) {
    match answer {
        Value::Array(list) => list.clear(),
        Value::Object(fields) => {
            for key in ["messages", "threads", "members", "roles"] {
                if let Some(Value::Array(list)) = fields.get_mut(key) {
                    list.clear();
                }
            }
            if let Some(has_more) = fields.get_mut("has_more") {
                *has_more = Value::Bool(false);
            }
        }
        _ => {}
    }
}

/// Keeps the items for which `is_kept(index, item)` is true, and the bot's memberships in
/// kept threads.
fn retain(answer: &mut Value, mut is_kept: impl FnMut(usize, &Value) -> bool) {
    let Some(items) = items(answer) else { return };
    let mut index = 0..;
    items.retain(|item| index.next().is_some_and(|index| is_kept(index, item)));
    let kept: Vec<Option<u64>> = items.iter().map(id_of).collect();
    if let Some(members) = answer.get_mut("members").and_then(Value::as_array_mut) {
        members.retain(|member| kept.contains(&id_of(member)));
    }
}

fn keep_oldest(answer: &mut Value, count: usize) {
    let Some(items) = items(answer) else { return };
    let mut oldest: Vec<Option<u64>> = items.iter().map(id_of).collect();
    oldest.sort_unstable();
    oldest.truncate(count);
    retain(answer, |_, item| oldest.contains(&id_of(item)));
}

fn omit(answer: &mut Value, ids: &[u64]) {
    let is_kept = |item: &Value| id_of(item).is_none_or(|id| !ids.contains(&id));
    retain(answer, |_, item| is_kept(item));
    if let Some(roles) = answer.get_mut("roles").and_then(Value::as_array_mut) {
        roles.retain(is_kept);
    }
}

/// Sets the field named by a key or a JSON pointer (RFC 6901). Does nothing if the parent
/// of the pointer's target doesn't exist.
fn set(item: &mut Value, field: &str, value: &Value) {
    let (parent, key) = match field.rsplit_once('/') {
        Some((parent, key)) if field.starts_with('/') => (parent, key.replace("~1", "/").replace("~0", "~")),
        _ => ("", field.to_owned()),
    };
    match item.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            fields.insert(key, value.clone());
        }
        Some(Value::Array(list)) => {
            let at = key.parse::<usize>().ok();
            if let Some(element) = at.and_then(|at| list.get_mut(at)) {
                element.clone_from(value);
            }
        }
        _ => {}
    }
}
