//! Scrubbing of mentions, URLs and bare IDs.

use super::{ID, SCRUBBER, exposure, hash_of, scrubbed};
use crate::anonymize::{hashes_in, replace_forgotten};
use crate::model::markup::{FORGOTTEN, Syntax};

fn hash() -> String {
    hash_of(ID).to_string()
}

#[test]
fn hashes_mentions_and_profile_urls() {
    let hash = hash();
    for (raw, expected) in [
        (format!("hi <@{ID}>!"), format!("hi <@{hash}>!")),
        (format!("<@!{ID}><@!{ID}>"), format!("<@{hash}><@{hash}>")),
        (format!("https://discord.com/users/{ID}"), format!("https://discord.com/users/{hash}")),
        (format!("/avatars/{ID}/a.png"), format!("/avatars/{hash}")),
        (format!("/guilds/1/users/{ID}/avatars/x"), format!("/guilds/1/users/{hash}")),
    ] {
        let (text, people) = scrubbed(&raw);
        assert_eq!(text.resolve(|_| false), expected);
        assert!(people > 0, "{raw}");
    }
}

#[test]
fn hashes_a_mention_whatever_its_length() {
    let one = hash_of("7");
    assert_eq!(scrubbed("<@7>").0.resolve(|_| false), format!("<@{one}>"));
}

#[test]
fn hashes_bare_digits_only_if_the_user_is_known() {
    let (text, people) = scrubbed(&format!("id {ID}, {ID} and 12345"));
    assert_eq!(people, 0);
    assert_eq!(text.resolve(|_| false), format!("id {ID}, {ID} and 12345"));
    let hash = hash();
    assert_eq!(text.resolve(|_| true), format!("id {hash}, {hash} and 12345"));
    assert!(text.id_candidates().iter().all(|candidate| candidate.should_record));
}

#[test]
fn ids_of_other_things_are_no_lasting_candidates() {
    for text in [
        format!("<#{ID}>"),
        format!("<@&{ID}>"),
        format!("<:name:{ID}>"),
        format!("<a:na_me:{ID}>"),
        format!("https://discord.com/channels/{ID}/{ID}/{ID}"),
        format!("https://cdn.discordapp.com/attachments/{ID}/{ID}/a.png"),
    ] {
        let scrubbed = scrubbed(&text).0;
        assert_eq!(scrubbed.resolve(|_| false), text);
        assert!(!scrubbed.id_candidates().is_empty(), "{text}");
        assert!(scrubbed.id_candidates().iter().all(|candidate| !candidate.should_record), "{text}");
    }
}

#[test]
fn ids_in_json_id_fields_are_no_lasting_candidates() {
    let json = format!(r#"{{"emoji_id":"{ID}","text":"\u0001{ID} \\u{ID}"}}"#);
    let scrubbed = SCRUBBER.scrub_stored(&json, Syntax::Json, &mut Vec::new()).unwrap();
    let should_record: Vec<bool> =
        scrubbed.id_candidates().iter().map(|candidate| candidate.should_record).collect();
    assert_eq!(should_record, [false, true, true]);
    assert!(!scrubbed.resolve(|_| true).contains(ID));
}

#[test]
fn digits_that_only_resemble_a_reference_are_lasting_candidates() {
    for text in [
        format!("{{\"user_id\":\"{ID}\"}}"),
        format!("channels are great / {ID}"),
        format!("attachments/1/2/{ID}.png"),
        format!("<:a:1>,user:{ID}"),
    ] {
        let scrubbed = scrubbed(&text).0;
        assert!(scrubbed.id_candidates().iter().any(|candidate| candidate.should_record), "{text}");
    }
}

#[test]
fn digits_of_a_hash_are_no_id() {
    let stored = format!("/users/123456789012345678{}", "a".repeat(46));
    let known = hash_of("998877665544332211");
    assert_eq!(SCRUBBER.rescrub(&stored, &known), stored);
    assert_eq!(exposure(&stored, |hash| *hash == known), None);
    assert_eq!(hashes_in(&format!("<@{known}> and {known}x")).count(), 2);
}

#[test]
fn scrubs_and_forgets_an_id_between_hex_digits() {
    let known = hash_of(ID);
    for text in [format!("bad{ID}face"), format!("{ID}{}", "a".repeat(46)), format!("/users/{ID}abc")] {
        let stored = scrubbed(&text).0.resolve(|hash| *hash == known).into_owned();
        assert!(!stored.contains(ID), "{stored}");
        let forgotten = replace_forgotten(stored.into(), |hash| *hash == known);
        assert!(!forgotten.contains(&known.to_string()) && forgotten.contains(FORGOTTEN), "{forgotten}");
    }
}

#[test]
fn hashes_encoded_mentions_and_urls() {
    let hash = hash();
    for (before, after) in [
        ("%3C%40", "%3E"),
        ("%3c@!", "%3e"),
        (r"\u003c@", r"\u003e"),
        (r"\\u003C@!", r"\\u003E"),
        (r"<\u0040", ">"),
        ("&lt;@", "&gt;"),
        ("discord.com%2Fusers%2F", ""),
        (r"https:\/\/discord.com\/users\/", "\""),
        ("/guilds/1/members/", ""),
        ("/avatar-decorations/", ""),
    ] {
        let (text, people) = scrubbed(&format!("{before}{ID}{after}"));
        assert_eq!(text.resolve(|_| false), format!("{before}{hash}{after}"));
        assert_eq!((people, text.id_candidates().len()), (1, 0));
    }
}

#[test]
fn finds_an_id_directly_after_an_escape() {
    let known = hash_of(ID);
    for before in
        ["%40", "%2F", "%c3%A9", "%E9", r"\u0040", r"\u00e9", r"\u00E9", r"\x40", "100%", r"\u", "u"]
    {
        let text = format!("{before}{ID}.");
        assert_eq!(scrubbed(&text).0.resolve(|hash| *hash == known), format!("{before}{known}."));
        assert_eq!(scrubbed(&text).0.resolve(|_| false), text);
    }
}

#[test]
fn finds_an_id_whatever_it_touches() {
    let known = hash_of(ID);
    for (before, after) in [
        ("**<@", ">**"),
        ("||", "||"),
        ("`", "`"),
        ("x", "y"),
        ("_", "_"),
        ("1.", ".5"),
        ("-", "e10"),
        ("0", ""),
        ("ü", "界"),
        ("<\\@", ">"),
        ("~~", "~~"),
        ("(<https://discord.com/users/", ">)"),
    ] {
        let text = scrubbed(&format!("{before}{ID}{after}")).0.resolve(|hash| *hash == known).into_owned();
        assert!(text.contains(&known.to_string()) && !text.contains(ID), "{text}");
    }
}

#[test]
fn keeps_numbers_too_long_or_too_short_for_an_id() {
    for text in [format!("{ID}000"), format!("777{ID}"), "12345678901234".to_owned()] {
        assert_eq!(scrubbed(&text).0.resolve(|_| true), text);
    }
}

#[test]
fn rescrubs_stored_text_for_a_newly_known_user() {
    let known = hash_of(ID);
    let stored = format!("ask {ID} or <@{known}> about 998877665544332211");
    assert_eq!(
        SCRUBBER.rescrub(&stored, &known),
        format!("ask {known} or <@{known}> about 998877665544332211")
    );
}

#[test]
fn text_without_ids_is_unchanged() {
    for text in ["", "plain", "ü <@> <@!> <@x> 🏳️‍🌈 1234", "0", "<@99999999999999999999999>"] {
        assert_eq!(scrubbed(text).0.resolve(|_| true), text);
    }
}
