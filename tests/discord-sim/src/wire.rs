//! Discord's JSON objects, written directly into bytes, without a `serde_json::Value`
//! per message.

pub(crate) mod attachment;
pub(crate) mod channel;
mod component;
mod embed;
pub(crate) mod extra;
pub(crate) mod guild;
mod interaction;
pub(crate) mod message;
pub(crate) mod user;

use crate::time;

/// A JSON writer that inserts the commas. The caller keeps the structure valid: keys
/// only in objects, items only in arrays.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes) }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Writes a comma unless the output ends where a first value may follow. A string
    /// can't be mistaken for such an end, because its last byte is a quote.
    fn separate(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[' | b':')) {
            self.out.push(b',');
        }
    }

    fn key(&mut self, key: &str) {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// A key with a value that is already JSON.
    pub(crate) fn raw(&mut self, key: &str, json: &str) {
        self.key(key);
        self.out.extend_from_slice(json.as_bytes());
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        self.string(value);
    }

    pub(crate) fn text_or_null(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(key, value),
            None => self.raw(key, "null"),
        }
    }

    /// A key with an ID, which is a string in JSON.
    pub(crate) fn id(&mut self, key: &str, value: u64) {
        self.key(key);
        self.quoted(value);
    }

    pub(crate) fn id_or_null(&mut self, key: &str, value: Option<u64>) {
        match value {
            Some(value) => self.id(key, value),
            None => self.raw(key, "null"),
        }
    }

    pub(crate) fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        self.digits(value);
    }

    pub(crate) fn boolean(&mut self, key: &str, value: bool) {
        self.raw(key, if value { "true" } else { "false" });
    }

    /// A key with an ISO 8601 timestamp.
    pub(crate) fn time(&mut self, key: &str, unix_ms: i64) {
        self.key(key);
        self.out.push(b'"');
        time::write_iso(&mut self.out, unix_ms);
        self.out.push(b'"');
    }

    pub(crate) fn object(&mut self, key: &str, write: impl FnOnce(&mut Self)) {
        self.key(key);
        self.enclosed(b'{', b'}', write);
    }

    pub(crate) fn array(&mut self, key: &str, write: impl FnOnce(&mut Self)) {
        self.key(key);
        self.enclosed(b'[', b']', write);
    }

    /// An object without a key: an array item or the whole body.
    pub(crate) fn item(&mut self, write: impl FnOnce(&mut Self)) {
        self.separate();
        self.enclosed(b'{', b'}', write);
    }

    /// An array without a key: the whole body.
    pub(crate) fn list(&mut self, write: impl FnOnce(&mut Self)) {
        self.separate();
        self.enclosed(b'[', b']', write);
    }

    /// An ID as an array item.
    pub(crate) fn id_item(&mut self, value: u64) {
        self.separate();
        self.quoted(value);
    }

    fn enclosed(&mut self, open: u8, close: u8, write: impl FnOnce(&mut Self)) {
        self.out.push(open);
        write(self);
        self.out.push(close);
    }

    fn quoted(&mut self, value: u64) {
        self.out.push(b'"');
        self.digits(value);
        self.out.push(b'"');
    }

    fn digits(&mut self, value: u64) {
        let mut buffer = [0_u8; 20];
        let mut start = buffer.len();
        let mut rest = value;
        loop {
            start -= 1;
            buffer[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&buffer[start..]);
    }

    fn string(&mut self, value: &str) {
        serde_json::to_writer(&mut self.out, value).expect("a Vec takes every byte");
    }
}
