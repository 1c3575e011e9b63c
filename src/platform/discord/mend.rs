//! Mends a malformed message: drops the smallest parts without which it can be
//! read, and notes their paths.
//!
//! The cost is linear in the length of the message: each level of objects and
//! lists is scanned once more, down to a fixed depth.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::fields::Keep::{Column, Embed, Fields, List, Named, User};
use super::fields::{EMBED, Keep, MESSAGE, Object, USER};
use super::findings::{Findings, Path};
use super::keep;
use super::wire::{Id, MOST_FIELDS, OnlyId, Several};

/// Greatest nesting of objects and lists; real messages stay below 20.
const MOST_LEVELS: usize = 40;

/// A malformed message that can't be mended.
#[derive(Debug)]
pub struct Unreadable {
    /// Its ID, where that can.
    pub id: Option<Id>,
    /// What can't be read; never a value.
    pub reason: &'static str,
}

/// The message without its malformed parts, whose paths are added to `findings`.
///
/// # Errors
/// When it isn't an object, has no readable ID, or its text can't be read.
pub fn message(raw: &str, findings: &mut Findings) -> Result<Map<String, Value>, Unreadable> {
    let unreadable = |id, reason| Err(Unreadable { id, reason });
    let Ok(entries) = serde_json::from_str::<Entries<'_>>(raw) else {
        let id = serde_json::from_str::<OnlyId>(raw).ok().map(|only| only.id);
        return unreadable(id, "it is not an object, or has more fields than any real one");
    };
    let has_text = entries.0.contains_key(TEXT);
    let mut mended = Map::new();
    for (name, raw) in entries.0 {
        let value = match MESSAGE.shape(&name) {
            Some((name, shape)) => field(raw, shape, Path::field(name), MOST_LEVELS, findings),
            None => Some(Value::Null),
        };
        mended.extend(value.map(|value| (name, value)));
    }
    match id(&mended) {
        None => unreadable(None, "its ID is missing or malformed"),
        id if has_text && !mended.contains_key(TEXT) => unreadable(id, "its text is malformed"),
        Some(_) => Ok(mended),
    }
}

/// The ID of a mended message.
pub fn id(message: &Map<String, Value>) -> Option<Id> {
    Id::deserialize(message.get("id")?).ok()
}

/// The field without which a message would be overwritten by a blank.
const TEXT: &str = "content";

/// The unparsed fields of an object; `None` for a field that comes twice, where
/// nothing tells which one is meant.
struct Entries<'a>(BTreeMap<String, Option<&'a RawValue>>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries: BTreeMap<String, Option<&'de RawValue>> = BTreeMap::new();
                while let Some((name, raw)) = map.next_entry::<&RawValue, &RawValue>()? {
                    if entries.len() == MOST_FIELDS {
                        return Err(A::Error::custom("it has more fields than any real one"));
                    }
                    // A name that isn't valid text can't be a known field.
                    let name = serde_json::from_str(name.get()).unwrap_or_default();
                    entries.entry(name).and_modify(|raw| *raw = None).or_insert(Some(raw));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

fn field(
    raw: Option<&RawValue>,
    shape: &Keep,
    path: Path<'_>,
    levels: usize,
    findings: &mut Findings,
) -> Option<Value> {
    match raw {
        Some(raw) => value(raw, shape, path, levels, findings),
        None => malformed(path, findings),
    }
}

fn malformed(path: Path<'_>, findings: &mut Findings) -> Option<Value> {
    findings.malformed(path);
    None
}

/// The well-formed part of a value. Null is as good as absent everywhere.
fn value(
    raw: &RawValue,
    shape: &Keep,
    path: Path<'_>,
    levels: usize,
    findings: &mut Findings,
) -> Option<Value> {
    if raw.get() == "null" {
        return Some(Value::Null);
    }
    let Some(levels) = levels.checked_sub(1) else { return malformed(path, findings) };
    match shape {
        Column(shape) => value(raw, shape, path, levels, findings),
        Embed => object(raw, &EMBED, path, levels, findings),
        User if raw.get().starts_with('{') => object(raw, &USER, path, levels, findings),
        Fields(fields) | Named(fields, _) => object(raw, fields, path, levels, findings),
        List(shape) => list(raw, shape, path, levels, findings),
        leaf => {
            let value = findings.allowance.parse(raw.get()).ok().filter(|value| keep::accepts(leaf, value));
            value.or_else(|| malformed(path, findings))
        }
    }
}

fn object(
    raw: &RawValue,
    object: &Object,
    path: Path<'_>,
    levels: usize,
    findings: &mut Findings,
) -> Option<Value> {
    let Ok(entries) = serde_json::from_str::<Entries<'_>>(raw.get()) else {
        return malformed(path, findings);
    };
    let mut mended = Map::new();
    for (name, raw) in entries.0 {
        let value = match object.shape(&name) {
            Some((name, shape)) => field(raw, shape, path.then(name), levels, findings),
            // Some dropped fields decide what is kept: the icon_url of an author or footer.
            None => Some(raw.and_then(|raw| findings.allowance.parse(raw.get()).ok()).unwrap_or_default()),
        };
        mended.extend(value.map(|value| (name, value)));
    }
    let missing = object.required.iter().find(|name| !is_present(&mended, name));
    match missing {
        Some(name) => malformed(path.then(name), findings),
        None => Some(Value::Object(mended)),
    }
}

fn list(
    raw: &RawValue,
    shape: &Keep,
    path: Path<'_>,
    levels: usize,
    findings: &mut Findings,
) -> Option<Value> {
    let Ok(items) = serde_json::from_str::<Several<&RawValue>>(raw.get()) else {
        return malformed(path, findings);
    };
    let mut mended = Vec::with_capacity(items.len());
    for raw in items.iter() {
        match value(raw, shape, path, levels, findings) {
            Some(Value::Null) => findings.malformed(path),
            item => mended.extend(item),
        }
    }
    Some(Value::Array(mended))
}

fn is_present(fields: &Map<String, Value>, name: &str) -> bool {
    fields.get(name).is_some_and(|value| !value.is_null())
}
