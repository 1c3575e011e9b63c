//! What becomes of mentions, addresses and bare IDs.

use super::{ID, SCRUBBER, exposure, hash_of, scrubbed};
use crate::anonymize::{forget_in, hashes_in};
use crate::model::markup::{FORGOTTEN, Syntax};

fn hash() -> String {
    hash_of(ID).to_string()
}

#[test]
fn mentions_and_profile_addresses_become_hashes() {
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
fn a_mention_of_any_length_is_hashed() {
    let one = hash_of("7");
    assert_eq!(scrubbed("<@7>").0.resolve(|_| false), format!("<@{one}>"));
}

#[test]
fn bare_digits_are_hashed_only_when_the_user_is_known() {
    let (text, people) = scrubbed(&format!("id {ID}, {ID} and 12345"));
    assert_eq!(people, 0);
    assert_eq!(text.resolve(|_| false), format!("id {ID}, {ID} and 12345"));
    let hash = hash();
    assert_eq!(text.resolve(|_| true), format!("id {hash}, {hash} and 12345"));
    assert!(text.suspects().iter().all(|suspect| suspect.lasting));
}

#[test]
fn ids_of_other_things_stay_and_are_not_remembered() {
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
        assert!(!scrubbed.suspects().is_empty(), "{text}");
        assert!(scrubbed.suspects().iter().all(|suspect| !suspect.lasting), "{text}");
    }
}

#[test]
fn ids_of_kept_fields_are_not_remembered_and_escapes_are_not_digits() {
    let json = format!(r#"{{"emoji_id":"{ID}","text":"\u0001{ID} \\u{ID}"}}"#);
    let scrubbed = SCRUBBER.scrub_stored(&json, Syntax::Json, &mut Vec::new()).unwrap();
    let lasting: Vec<bool> = scrubbed.suspects().iter().map(|suspect| suspect.lasting).collect();
    assert_eq!(lasting, [false, true, true]);
    assert!(!scrubbed.resolve(|_| true).contains(ID));
}

#[test]
fn what_only_looks_like_a_reference_is_remembered() {
    for text in [
        format!("{{\"user_id\":\"{ID}\"}}"),
        format!("channels are great / {ID}"),
        format!("attachments/1/2/{ID}.png"),
        format!("<:a:1>,user:{ID}"),
    ] {
        let scrubbed = scrubbed(&text).0;
        assert!(scrubbed.suspects().iter().any(|suspect| suspect.lasting), "{text}");
    }
}

#[test]
fn a_hash_is_not_mistaken_for_digits() {
    let stored = format!("/users/123456789012345678{}", "a".repeat(46));
    let known = hash_of("998877665544332211");
    assert_eq!(SCRUBBER.rescrub(&stored, &known), stored);
    assert_eq!(exposure(&stored, |hash| *hash == known), None);
    assert_eq!(hashes_in(&format!("<@{known}> and {known}x")).count(), 2);
}

#[test]
fn an_id_between_hex_digits_is_an_id_and_its_hash_is_found_again() {
    let known = hash_of(ID);
    for text in [format!("bad{ID}face"), format!("{ID}{}", "a".repeat(46)), format!("/users/{ID}abc")] {
        let stored = scrubbed(&text).0.resolve(|hash| *hash == known).into_owned();
        assert!(!stored.contains(ID), "{stored}");
        let forgotten = forget_in(stored.into(), |hash| *hash == known);
        assert!(!forgotten.contains(&known.to_string()) && forgotten.contains(FORGOTTEN), "{forgotten}");
    }
}

#[test]
fn a_mention_or_address_that_was_encoded_is_hashed() {
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
        assert_eq!((people, text.suspects().len()), (1, 0));
    }
}

#[test]
fn digits_of_an_escape_hide_no_id() {
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
fn whatever_touches_an_id_does_not_hide_it() {
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
fn longer_and_shorter_numbers_stay() {
    for text in [format!("{ID}000"), format!("777{ID}"), "12345678901234".to_owned()] {
        assert_eq!(scrubbed(&text).0.resolve(|_| true), text);
    }
}

#[test]
fn a_user_known_later_is_scrubbed_from_stored_text() {
    let known = hash_of(ID);
    let stored = format!("ask {ID} or <@{known}> about 998877665544332211");
    assert_eq!(
        SCRUBBER.rescrub(&stored, &known),
        format!("ask {known} or <@{known}> about 998877665544332211")
    );
}

#[test]
fn text_around_is_left_alone_whatever_it_is() {
    for text in ["", "plain", "ü <@> <@!> <@x> 🏳️‍🌈 1234", "0", "<@99999999999999999999999>"] {
        assert_eq!(scrubbed(text).0.resolve(|_| true), text);
    }
}
