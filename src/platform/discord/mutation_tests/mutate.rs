//! Mutates JSON values and bytes.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// Prefix of a text that [`to_json`] replaces by JSON that no [`Value`] can represent.
const RAW_MARKER: &str = "@@raw@@";
/// Prefix of a field name that [`to_json`] removes, so that the name occurs twice.
const DUPLICATE_MARKER: &str = "@@twice@@";

const ID: &str = "123456789012345678";

/// Unusual, and partly invalid, JSON.
const RAW: [&str; 22] = [
    "99999999999999999999999999",
    "-99999999999999999999999999",
    "18446744073709551616",
    "9223372036854775808",
    "1e999",
    "-1e-999",
    "1e300",
    "-0",
    "0.1",
    "1E+2",
    r#""\ud800""#,
    r#""\udc00\ud800""#,
    r#""\ud83d\ud83d""#,
    r#""\u0000""#,
    r#""\"\\\/\b\f\n\r\t""#,
    r#""\u0031\u0032\u0033""#,
    r#""<@\u0031\u0032\u0033>""#,
    "{\"a\":{},\"a\":[]}",
    "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
    "DEEP",
    "DEEPER",
    "LONG",
];

/// Mutates one to three parts of a value, and serializes it.
pub fn damaged(value: &Value, rng: &mut Rng) -> String {
    let mut value = value.clone();
    for _ in 0..rng.usize(1..=3) {
        change(random_part(&mut value, rng), rng);
    }
    to_json(&value, rng)
}

/// Mutates one to four stretches of bytes.
pub fn corrupt_bytes(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.usize(1..=4) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.usize(..bytes.len());
        let end = (at + rng.usize(..64)).min(bytes.len());
        match rng.u8(..9) {
            0 => bytes[at] ^= 1 << rng.u8(..8),
            1 => bytes[at] = rng.u8(..),
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            5 => bytes.insert(at, b"[]{}\",:\\0e-+.u\0\xff\xc0"[rng.usize(..17)]),
            6 => bytes.splice(at..at, raw(rng).into_bytes()).for_each(drop),
            7 => bytes.splice(at..at, [0xed, 0xa0, 0x80]).for_each(drop),
            _ => {
                let other = rng.usize(..bytes.len());
                bytes.swap(at, other);
            }
        }
    }
}

/// A random part of a value, possibly the whole.
fn random_part<'v>(value: &'v mut Value, rng: &mut Rng) -> &'v mut Value {
    let children = match value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    if children == 0 || rng.u8(..4) == 0 {
        return value;
    }
    let child = rng.usize(..children);
    match value {
        Value::Array(items) => random_part(&mut items[child], rng),
        Value::Object(fields) => random_part(fields.values_mut().nth(child).unwrap(), rng),
        leaf => leaf,
    }
}

fn change(value: &mut Value, rng: &mut Rng) {
    match value {
        Value::Object(fields) if !fields.is_empty() && rng.bool() => change_fields(fields, rng),
        Value::Array(items) if !items.is_empty() && rng.bool() => change_items(items, rng),
        Value::String(text) if rng.bool() => change_text(text, rng),
        _ => *value = odd(value, rng),
    }
}

fn odd(value: &Value, rng: &mut Rng) -> Value {
    match rng.u8(..14) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(i64::MIN),
        5 => json!(rng.u64(..)),
        6 => json!([value]),
        7 => json!({ "id": value }),
        8 => json!([]),
        9 => json!({}),
        10 => json!(value.to_string()),
        11 => json!(ID),
        _ => json!(format!("{RAW_MARKER}{}", rng.usize(..RAW.len()))),
    }
}

fn change_fields(fields: &mut Map<String, Value>, rng: &mut Rng) {
    let names: Vec<String> = fields.keys().cloned().collect();
    let (one, other) = (names[rng.usize(..names.len())].clone(), names[rng.usize(..names.len())].clone());
    match rng.u8(..5) {
        0 => drop(fields.remove(&one)),
        1 => {
            let value = fields[&other].clone();
            fields.insert(format!("{DUPLICATE_MARKER}{one}"), value);
        }
        2 => {
            let (first, second) = (fields[&one].clone(), fields[&other].clone());
            fields.extend([(one, second), (other, first)]);
        }
        3 => {
            let value = fields[&one].clone();
            fields.insert(other, value);
        }
        _ => {
            let value = fields.remove(&one).unwrap();
            fields.insert(format!("{one}_"), value);
        }
    }
}

fn change_items(items: &mut Vec<Value>, rng: &mut Rng) {
    let at = rng.usize(..items.len());
    match rng.u8(..4) {
        0 => drop(items.remove(at)),
        1 => {
            let again = vec![items[at].clone(); rng.usize(1..40)];
            items.splice(at..at, again);
        }
        2 => items.insert(at, odd(&Value::Null, rng)),
        _ => items.reverse(),
    }
}

fn change_text(text: &mut String, rng: &mut Rng) {
    let at = text.floor_char_boundary(rng.usize(..=text.len()));
    match rng.u8(..10) {
        0 => text.insert(at, '\0'),
        1 => text.insert_str(at, &format!("<@{ID}>")),
        2 => text.insert_str(at, ID),
        3 => text.insert_str(at, "\u{202e}\u{1b}[2J🏳️\u{200d}🌈\u{fdd0}"),
        4 => text.truncate(at),
        5 => text.insert_str(at, &"1a".repeat(rng.usize(..2000))),
        6 => text.insert_str(at, &format!("https://discord.com/users/{ID}?ex=1&is=2&hm=3&")),
        7 => text.insert_str(at, &format!("<:n:{ID}>,{ID}/channels/{ID}/{ID}")),
        8 => text.insert_str(at, &rng.u64(..).to_string()),
        _ => text.insert_str(at, &"é\\\"<@".repeat(rng.usize(..500))),
    }
}

fn raw(rng: &mut Rng) -> String {
    expanded(RAW[rng.usize(..RAW.len())], rng)
}

fn expanded(raw: &str, rng: &mut Rng) -> String {
    match raw {
        "DEEP" => {
            let depth = rng.usize(100..140);
            "[".repeat(depth) + &"]".repeat(depth)
        }
        "DEEPER" => "{\"components\":[".repeat(5000) + &"]}".repeat(5000),
        "LONG" => format!("\"{}\"", "x".repeat(rng.usize(..200_000))),
        raw => raw.to_owned(),
    }
}

/// Serializes a value and replaces the markers.
fn to_json(value: &Value, rng: &mut Rng) -> String {
    let mut text = value.to_string().replace(DUPLICATE_MARKER, "");
    for (number, raw) in RAW.iter().enumerate() {
        let marker = format!("\"{RAW_MARKER}{number}\"");
        if text.contains(&marker) {
            text = text.replace(&marker, &expanded(raw, rng));
        }
    }
    text
}
