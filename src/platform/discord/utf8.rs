//! Makes bodies with invalid UTF-8 parseable.
//!
//! JSON is UTF-8 (RFC 8259, 8.1), so a parser rejects the whole body for one invalid
//! byte. Only the field that holds the byte should be lost. So each run of invalid
//! bytes is replaced by an escape that passes where a string is skipped or taken raw,
//! and is an error where the string is decoded.

use std::borrow::Cow;

/// Two high surrogates: whatever precedes or follows them, a parser can't decode the
/// first one.
const INVALID: &str = "\\ud800\\ud800";

/// Replaces each run of invalid UTF-8 by [`INVALID`].
pub fn replace_invalid_utf8(body: &[u8]) -> Cow<'_, [u8]> {
    if std::str::from_utf8(body).is_ok() {
        return Cow::Borrowed(body);
    }
    let mut marked = Vec::with_capacity(body.len() + INVALID.len());
    let mut is_marked = false;
    for chunk in body.utf8_chunks() {
        if !chunk.valid().is_empty() {
            marked.extend_from_slice(chunk.valid().as_bytes());
            is_marked = false;
        }
        if !chunk.invalid().is_empty() && !is_marked {
            drop_truncated_escape(&mut marked);
            // An unescaped backslash in front serves as the first one of the marker.
            let backslashes = marked.iter().rev().take_while(|byte| **byte == b'\\').count();
            marked.extend_from_slice(&INVALID.as_bytes()[backslashes % 2..]);
            is_marked = true;
        }
    }
    Cow::Owned(marked)
}

/// Removes a truncated escape (`\u12`) from the end: followed by a marker, it would
/// make the body invalid JSON.
fn drop_truncated_escape(text: &mut Vec<u8>) {
    let digits = text.iter().rev().take(3).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let before = &text[..text.len() - digits];
    let Some(before) = before.strip_suffix(b"\\u") else { return };
    let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
    if backslashes % 2 == 0 {
        text.truncate(before.len());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn text(body: &[u8]) -> Option<String> {
        serde_json::from_slice(&replace_invalid_utf8(body)).ok()
    }

    #[test]
    fn leaves_valid_utf_8_unchanged() {
        assert!(matches!(replace_invalid_utf8("{\"a\":\"é🏳️\u{200d}🌈\"}".as_bytes()), Cow::Borrowed(_)));
    }

    #[test]
    fn an_invalid_byte_fails_only_the_string_that_holds_it() {
        for invalid in [&b"\xff"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xf0\x9f", b"\x80\x80\xfe"] {
            for (before, after) in [
                ("", ""),
                ("a", "b"),
                ("\\\\", ""),
                ("\\ud83d", "\\ude00"),
                ("\\", "n"),
                ("\\u12", "9a"),
                ("\\u", ""),
                ("\\\\u12", "9a"),
            ] {
                let text_of = |inner: &[u8]| {
                    [b"[{\"name\":\"", before.as_bytes(), inner, after.as_bytes(), b"\"},{\"name\":\"b\"}]"]
                        .concat()
                };
                let body = text_of(invalid);
                let body = replace_invalid_utf8(&body);
                let raw: Vec<&RawValue> = serde_json::from_slice(&body).unwrap();
                let read = |raw: &RawValue| serde_json::from_str::<serde_json::Value>(raw.get());
                assert!(read(raw[0]).is_err(), "{before:?} {invalid:?} {after:?}");
                assert!(read(raw[1]).is_ok());
            }
        }
        assert_eq!(text(b"\"a\xffb\""), None);
        assert!(serde_json::from_slice::<&RawValue>(&replace_invalid_utf8(b"[1,\xff]")).is_err());
    }

    #[test]
    fn a_run_of_invalid_bytes_becomes_one_marker() {
        assert!(replace_invalid_utf8(&vec![0xff; 1 << 20]).len() <= INVALID.len());
        let body = b"\xffa".repeat(1000);
        assert_eq!(replace_invalid_utf8(&body).len(), 1000 * (INVALID.len() + 1));
    }
}
