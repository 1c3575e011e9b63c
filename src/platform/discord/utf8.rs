//! Bodies that are not UTF-8.
//!
//! JSON is UTF-8 (RFC 8259, 8.1). One wrong byte must cost only the field that it
//! stands in, and a parser that is given bytes fails the whole body. So runs of
//! wrong bytes are replaced by an escape that is valid JSON where nobody looks,
//! and an error where the text is read.

use std::borrow::Cow;

/// Two high surrogates: whatever stands before and behind them, no parser makes
/// a character of the first one.
const WRONG: &str = "\\ud800\\ud800";

/// The body with [`WRONG`] in place of each run of bytes that are not UTF-8.
pub fn marked(body: &[u8]) -> Cow<'_, [u8]> {
    if std::str::from_utf8(body).is_ok() {
        return Cow::Borrowed(body);
    }
    let mut marked = Vec::with_capacity(body.len() + WRONG.len());
    let mut is_marked = false;
    for chunk in body.utf8_chunks() {
        if !chunk.valid().is_empty() {
            marked.extend_from_slice(chunk.valid().as_bytes());
            is_marked = false;
        }
        if !chunk.invalid().is_empty() && !is_marked {
            drop_cut_escape(&mut marked);
            // A backslash that would escape the mark begins it.
            let backslashes = marked.iter().rev().take_while(|byte| **byte == b'\\').count();
            marked.extend_from_slice(&WRONG.as_bytes()[backslashes % 2..]);
            is_marked = true;
        }
    }
    Cow::Owned(marked)
}

/// Removes an escape that lacks digits from the end (`\u12`): with a mark behind
/// it, it would be no JSON at all.
fn drop_cut_escape(text: &mut Vec<u8>) {
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
        serde_json::from_slice(&marked(body)).ok()
    }

    #[test]
    fn what_is_utf_8_is_left_alone() {
        assert!(matches!(marked("{\"a\":\"é🏳️\u{200d}🌈\"}".as_bytes()), Cow::Borrowed(_)));
    }

    #[test]
    fn a_wrong_byte_is_an_error_only_where_the_text_is_read() {
        for wrong in [&b"\xff"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xf0\x9f", b"\x80\x80\xfe"] {
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
                let body = text_of(wrong);
                let body = marked(&body);
                let raw: Vec<&RawValue> = serde_json::from_slice(&body).unwrap();
                let read = |raw: &RawValue| serde_json::from_str::<serde_json::Value>(raw.get());
                assert!(read(raw[0]).is_err(), "{before:?} {wrong:?} {after:?}");
                assert!(read(raw[1]).is_ok());
            }
        }
        assert_eq!(text(b"\"a\xffb\""), None);
        assert!(serde_json::from_slice::<&RawValue>(&marked(b"[1,\xff]")).is_err());
    }

    #[test]
    fn a_body_of_wrong_bytes_does_not_grow() {
        assert!(marked(&vec![0xff; 1 << 20]).len() <= WRONG.len());
        let body = b"\xffa".repeat(1000);
        assert_eq!(marked(&body).len(), 1000 * (WRONG.len() + 1));
    }
}
