//! Texts that provoke superlinear work in the scrubber. Work is counted, not timed.

use fastrand::Rng;

use super::{ID, SCRUBBER, exposure, hash_of, scrubbed};
use crate::model::markup::Syntax;
use crate::model::scan_meter;

const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Maximum number of bytes scanned per byte of text, over all passes and layers.
const WORK_PER_BYTE: usize = 200;

/// Hostile texts: a prefix, and the piece that is repeated after it.
const HOSTILE_TEXTS: [(&str, &str); 55] = [
    ("", "\\"),
    ("", "\\\\u005c"),
    ("", "\\u005cu005cu005c"),
    ("\\u005c", "u005c"),
    ("", "\\ud800"),
    ("\\ud800", "\\"),
    ("/avatars/123456789012345678", "\\"),
    ("", "\\/"),
    ("", "%25"),
    ("%", "25"),
    ("%f0%90", "25%25"),
    ("", "%2525%5c"),
    ("", "%E2%80%8B"),
    ("", "&amp;amp;"),
    ("&", "amp;"),
    ("&amp;", "#38;amp;"),
    ("", "&#x26;"),
    ("", "&&#"),
    ("", "embed/avatars/"),
    ("", "embed/avatars%2F"),
    ("", "embed/avatars/x\u{a0}"),
    ("", "avatar-decoration-presets/a."),
    ("", "/users/123456789012345678"),
    ("", "/users/123456789012345678/"),
    ("", "%2Fusers%2F123456789012345678%2F"),
    ("", "%252Fusers%252F123456789012345678%252F/"),
    ("", "/avatars/123456789012345678/"),
    ("", "%2Favatars%2F123456789012345678%2Fx\u{a0}%2F/avatars/123456789012345678/y\u{a0}"),
    ("", "/avatars/123456789012345678/x\u{a0}"),
    ("/avatars/123456789012345678", "/x\u{a0}"),
    ("/avatars/123456789012345678", "/x\u{a0}\u{a0}.1"),
    ("/avatars/123456789012345678", "%2Fx\u{3000}\u{a0}/y"),
    ("/avatars/123456789012345678/x", "."),
    ("", "/avatars/123456789012345678/x..."),
    ("", "/avatars/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
    ("", "/avatars/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/"),
    ("avatar ", "/users/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/"),
    ("avatar ", "%2Fusers%2F0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef%2F"),
    ("avatar/", "0123456789abcdef0123456789abcdef"),
    ("avatar/", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/"),
    ("avatar ", "users/forgotten/"),
    ("avatar ", "s%2Fforgotten/"),
    ("avatar/", "forgotten"),
    ("", "1"),
    ("", "１"),
    ("", "1\u{200b}"),
    ("", "123456789012345678\u{200b}"),
    ("/avatars/123456789012345678", "\u{200b}"),
    ("", "<@"),
    ("<@", "1"),
    ("", "<:1:123456789012345678"),
    ("", "https://"),
    ("", "/external/aaaaaaaaaaaaaaaaaaaaaaa/embed/avatars/1&"),
    ("", "/external/aaaaaaaaaaaaaaaaaaaaaaa/bbbbbbbbbbbbbbbbbbbbbb/avatars/123456789012345678/1"),
    ("/external/", "aaaaaaaaaaaaaaaaaaaaaaa/avatars/123456789012345678/1\u{a0}"),
];

fn repeated(prefix: &str, piece: &str, bytes: usize) -> String {
    prefix.to_owned() + &piece.repeat(bytes / piece.len())
}

fn stored(text: &str) -> String {
    scrubbed(text).0.resolve(|_| true).into_owned()
}

/// Bytes scanned to scrub, check and search a text.
fn work_of(text: &str) -> usize {
    scan_meter::take();
    scrubbed(text);
    SCRUBBER.exposure(text, Syntax::Json, |_| false);
    SCRUBBER.user_ids_in(text.as_bytes());
    scan_meter::take()
}

#[test]
fn work_is_bounded_per_byte_of_hostile_text() {
    for (prefix, piece) in HOSTILE_TEXTS {
        let text = repeated(prefix, piece, 200_000);
        scan_meter::take();
        scrubbed(&text);
        let work = scan_meter::take();
        assert!(work <= WORK_PER_BYTE * text.len(), "{prefix}{piece}…: {} a byte", work / text.len());
    }
}

#[test]
fn work_is_linear_for_random_repetitions() {
    let pieces = [
        ID,
        HASH,
        "forgotten",
        "\\",
        "\\u005c",
        "\\u002f",
        "%",
        "25",
        "%2F",
        "%20",
        "%31",
        "&",
        "amp;",
        "&#47;",
        "&nbsp;",
        "/",
        "/x",
        ".",
        "?",
        "_",
        "-a",
        "users",
        "/users/",
        "/avatars/",
        "%2Favatars%2F",
        "embed/avatars",
        "banners/",
        "avatar-decoration-presets/",
        "/external/",
        "aaaaaaaaaaaaaaaaaaaaaaaa/",
        "hhhhhhhhhhhhhhhhhhhhhhhh/",
        "\u{a0}",
        "\u{3000}",
        "\u{200b}",
        "。",
        "〇",
        "<@",
        ">",
        "1",
        "１",
        "\"",
        ",",
        "a",
    ];
    let mut rng = Rng::with_seed(11);
    for _ in 0..400 {
        let mut some = |most: usize| -> String {
            (0..rng.usize(1..=most)).map(|_| pieces[rng.usize(..pieces.len())]).collect()
        };
        let (prefix, piece) = (some(4), some(6));
        let work = |bytes: usize| {
            let text = repeated(&prefix, &piece, bytes);
            (work_of(&text), text.len())
        };
        let ((small, shorter), (large, longer)) = (work(4_000), work(16_000));
        assert!(large <= WORK_PER_BYTE * longer, "{prefix:?} {piece:?}: {} a byte", large / longer);
        // Linear: the same work per byte, apart from constant costs at both ends.
        assert!(large / longer <= 3 * small / shorter / 2 + 4, "{prefix:?} {piece:?}: {small}, then {large}");
    }
}

#[test]
fn scrubs_hostile_text_completely_in_one_call() {
    let hash = hash_of(ID).to_string();
    for (prefix, piece) in HOSTILE_TEXTS {
        let text = repeated(prefix, piece, 3_000);
        let once = stored(&text);
        assert_eq!(stored(&once), once, "{prefix}{piece}…");
        assert_eq!(exposure(&once, |_| true), None, "{prefix}{piece}…");
        assert!(!once.contains(ID), "{prefix}{piece}…");
        if prefix.ends_with(ID) && piece.contains("/x") {
            assert_eq!(once.trim_end_matches('\u{a0}'), format!("/avatars/{hash}"), "{piece}");
        }
    }
}
