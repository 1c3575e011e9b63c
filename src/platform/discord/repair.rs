//! Repairs a malformed message: drops the smallest parts that can't be read and records
//! their paths. Never guesses a value.
//!
//! The cost is linear in the length of the message: each level of nesting is scanned
//! once more, down to a fixed depth.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::fields::FieldShape::{Column, Embed, Fields, List, Named, User};
use super::fields::{EMBED, FieldShape, MESSAGE, ObjectFields, USER};
use super::findings::{Findings, Path};
use super::keep;
use super::wire::{Id, IdOnly, MAX_FIELDS, MessageList};

/// Maximum nesting of objects and lists; real messages stay below 20.
const MAX_DEPTH: usize = 40;

/// A malformed message that can't be repaired.
#[derive(Debug)]
pub struct UnrepairableMessage {
    /// Its ID, if that is readable.
    pub id: Option<Id>,
    /// What is malformed; never holds a value.
    pub reason: &'static str,
}

/// Returns the message without its malformed parts, and adds their paths to `findings`.
///
/// # Errors
/// Returns [`UnrepairableMessage`] if the message isn't an object, has no readable ID, or
/// its text is malformed.
pub fn message(raw: &str, findings: &mut Findings) -> Result<Map<String, Value>, UnrepairableMessage> {
    let unreadable = |id, reason| Err(UnrepairableMessage { id, reason });
    let Ok(raw_fields) = serde_json::from_str::<RawFields<'_>>(raw) else {
        let id = serde_json::from_str::<IdOnly>(raw).ok().map(|only| only.id);
        return unreadable(id, "it is not an object, or has too many fields");
    };
    let has_text = raw_fields.0.contains_key(CONTENT);
    let mut repaired = Map::new();
    for (name, raw) in raw_fields.0 {
        let value = match MESSAGE.shape(&name) {
            Some((name, shape)) => field(raw, shape, Path::field(name), MAX_DEPTH, findings),
            None => Some(Value::Null),
        };
        repaired.extend(value.map(|value| (name, value)));
    }
    match id(&repaired) {
        None => unreadable(None, "its ID is missing or malformed"),
        id if has_text && !repaired.contains_key(CONTENT) => unreadable(id, "its text is malformed"),
        Some(_) => Ok(repaired),
    }
}

/// The ID of a repaired message.
pub fn id(message: &Map<String, Value>) -> Option<Id> {
    Id::deserialize(message.get("id")?).ok()
}

/// The text of a message. A message with malformed text isn't repaired: stored without
/// it, it would overwrite the archived text.
const CONTENT: &str = "content";

/// The unparsed fields of an object by name; `None` for a duplicate field, since either
/// value may be the right one.
struct RawFields<'a>(BTreeMap<String, Option<&'a RawValue>>);

impl<'de: 'a, 'a> Deserialize<'de> for RawFields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = RawFields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawFields<'de>, A::Error> {
                let mut raw_fields: BTreeMap<String, Option<&'de RawValue>> = BTreeMap::new();
                while let Some((name, raw)) = map.next_entry::<&RawValue, &RawValue>()? {
                    if raw_fields.len() == MAX_FIELDS {
                        return Err(A::Error::custom("it has too many fields"));
                    }
                    // A name that can't be decoded is no known field.
                    let name = serde_json::from_str(name.get()).unwrap_or_default();
                    raw_fields.entry(name).and_modify(|raw| *raw = None).or_insert(Some(raw));
                }
                Ok(RawFields(raw_fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

fn field(
    raw: Option<&RawValue>,
    shape: &FieldShape,
    path: Path<'_>,
    depth_left: usize,
    findings: &mut Findings,
) -> Option<Value> {
    match raw {
        Some(raw) => value(raw, shape, path, depth_left, findings),
        None => malformed(path, findings),
    }
}

fn malformed(path: Path<'_>, findings: &mut Findings) -> Option<Value> {
    findings.add_malformed(path);
    None
}

/// The well-formed part of a value. Null counts as absent everywhere.
fn value(
    raw: &RawValue,
    shape: &FieldShape,
    path: Path<'_>,
    depth_left: usize,
    findings: &mut Findings,
) -> Option<Value> {
    if raw.get() == "null" {
        return Some(Value::Null);
    }
    let Some(depth_left) = depth_left.checked_sub(1) else { return malformed(path, findings) };
    match shape {
        Column(shape) => value(raw, shape, path, depth_left, findings),
        Embed => object(raw, &EMBED, path, depth_left, findings),
        User if raw.get().starts_with('{') => object(raw, &USER, path, depth_left, findings),
        Fields(fields) | Named(fields, _) => object(raw, fields, path, depth_left, findings),
        List(shape) => list(raw, shape, path, depth_left, findings),
        leaf => {
            let value = findings.budget.parse(raw.get()).ok().filter(|value| keep::accepts(leaf, value));
            value.or_else(|| malformed(path, findings))
        }
    }
}

fn object(
    raw: &RawValue,
    object: &ObjectFields,
    path: Path<'_>,
    depth_left: usize,
    findings: &mut Findings,
) -> Option<Value> {
    let Ok(raw_fields) = serde_json::from_str::<RawFields<'_>>(raw.get()) else {
        return malformed(path, findings);
    };
    let mut repaired = Map::new();
    for (name, raw) in raw_fields.0 {
        let value = match object.shape(&name) {
            Some((name, shape)) => field(raw, shape, path.then(name), depth_left, findings),
            // Keep dropped fields here: some decide what is stored, such as the icon_url
            // of an author or footer.
            None => Some(raw.and_then(|raw| findings.budget.parse(raw.get()).ok()).unwrap_or_default()),
        };
        repaired.extend(value.map(|value| (name, value)));
    }
    let missing = object.required.iter().find(|name| !is_present(&repaired, name));
    match missing {
        Some(name) => malformed(path.then(name), findings),
        None => Some(Value::Object(repaired)),
    }
}

fn list(
    raw: &RawValue,
    shape: &FieldShape,
    path: Path<'_>,
    depth_left: usize,
    findings: &mut Findings,
) -> Option<Value> {
    let Ok(items) = serde_json::from_str::<MessageList<&RawValue>>(raw.get()) else {
        return malformed(path, findings);
    };
    let mut repaired = Vec::with_capacity(items.len());
    for raw in items.iter() {
        match value(raw, shape, path, depth_left, findings) {
            Some(Value::Null) => findings.add_malformed(path),
            item => repaired.extend(item),
        }
    }
    Some(Value::Array(repaired))
}

fn is_present(fields: &Map<String, Value>, name: &str) -> bool {
    fields.get(name).is_some_and(|value| !value.is_null())
}
