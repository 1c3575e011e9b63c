//! Disguised IDs, and URLs of people's pictures.

use fastrand::Rng;

use super::{ID, SCRUBBER, exposure, hash_of, scrubbed};
use crate::anonymize::{Exposure, UserHash};
use crate::model::disguise::{decode, digit, is_invisible};
use crate::model::markup::Syntax;

const PICTURE: &str = "1f2e3d4c5b6a79880f1e2d3c4b5a6978";

fn known() -> UserHash {
    hash_of(ID)
}

fn stored(text: &str) -> String {
    scrubbed(text).0.resolve(|hash| *hash == known()).into_owned()
}

/// Ways to escape one character.
const ESCAPES: [fn(char) -> String; 15] = [
    |c| c.to_string(),
    |c| format!("%{:02x}", u32::from(c)),
    |c| format!("%25{:02X}", u32::from(c)),
    |c| format!("%2525{:02X}", u32::from(c)),
    |c| format!("%u{:04x}", u32::from(c)),
    |c| format!("&#{};", u32::from(c)),
    |c| format!("&#x{:X};", u32::from(c)),
    |c| format!("&amp;#{:04};", u32::from(c)),
    |c| format!("\\u{:04X}", u32::from(c)),
    |c| format!("\\\\u{:04x}", u32::from(c)),
    |c| format!("\\x{:02x}", u32::from(c)),
    |c| format!("\\u{{{:x}}}", u32::from(c)),
    |c| format!("\\{:03o}", u32::from(c)),
    |c| format!("%26%23{}%3B", u32::from(c)),
    |c| format!("%5Cu{:04x}", u32::from(c)),
];

/// The first digit of several scripts.
const ZEROS: [char; 6] = ['0', '０', '٠', '०', '𝟎', '𝟶'];

/// Texts that are invisible between two digits.
const INVISIBLE: [&str; 14] = [
    "",
    "\u{200b}",
    "\u{200d}",
    "\u{ad}",
    "\u{2060}",
    "\u{202e}",
    "\u{fe0f}\u{20e3}",
    "\u{a0}",
    "\u{2009}",
    "\u{336}",
    "%E2%80%8B",
    "&#8203;",
    "&shy;",
    "\\u200b",
];

fn in_script(zero: char, digit: char) -> char {
    char::from_u32(u32::from(zero) + digit.to_digit(10).unwrap()).unwrap()
}

/// Reference implementation: whether a text shows the ID by the rules of
/// docs/privacy.md. Decodes everything and removes invisible characters.
fn shows_id(text: &str) -> bool {
    let mut layers = vec![text.to_owned()];
    while let Some(next) = decode(layers.last().unwrap()) {
        layers.push(next.text);
    }
    layers.iter().any(|layer| {
        let visible = layer.chars().filter(|c| !is_invisible(*c));
        let plain: String = visible.map(|c| digit(c).map_or(c, |value| char::from(b'0' + value))).collect();
        plain.contains(ID)
    })
}

/// The ID in a random disguise, one for all digits or one for each.
fn disguised(rng: &mut Rng) -> String {
    let is_mixed = rng.bool();
    let (mut escape, mut zero, mut gap) =
        (rng.usize(..ESCAPES.len()), rng.usize(..ZEROS.len()), rng.usize(..INVISIBLE.len()));
    let mut text = String::new();
    for (index, character) in ID.chars().enumerate() {
        if is_mixed {
            (escape, zero, gap) =
                (rng.usize(..ESCAPES.len()), rng.usize(..ZEROS.len()), rng.usize(..INVISIBLE.len()));
        }
        if index > 0 {
            text.push_str(INVISIBLE[gap]);
        }
        // The escapes of bytes can only write ASCII.
        let written = if escape == 0 { in_script(ZEROS[zero], character) } else { character };
        text.push_str(&ESCAPES[escape](written));
    }
    text
}

const CONTEXTS: [(&str, &str); 14] = [
    ("", ""),
    ("ask ", " about it"),
    ("<@", ">"),
    ("<@!", ">"),
    ("%3C%40", "%3E"),
    ("https://discord.com/users/", ""),
    ("https://cdn.discordapp.com/avatars/", "/1f2e.png?size=64"),
    ("https%3A%2F%2Fcdn.discordapp.com%2Favatars%2F", "%2F1f2e.png"),
    ("{\"id\":\"", "\"}"),
    ("**", "**"),
    ("界", "界"),
    ("ticket-", ".txt"),
    ("x=&lt;@", "&gt;"),
    ("50% of ", ""),
];

#[test]
fn finds_a_known_users_id_in_every_disguise_and_context() {
    let mut rng = Rng::with_seed(7);
    for _ in 0..3_000 {
        let (before, after) = CONTEXTS[rng.usize(..CONTEXTS.len())];
        let text = format!("{before}{}{after}", disguised(&mut rng));
        let (scrubbed, people) = scrubbed(&text);
        assert!(
            people > 0 || scrubbed.id_candidates().iter().any(|candidate| candidate.hash == known()),
            "{text}"
        );
        let once = stored(&text);
        assert!(!shows_id(&once) && once.contains(&known().to_string()), "{text} became {once}");
        assert_eq!(stored(&once), once, "{text}");
        assert_eq!(exposure(&once, |hash| *hash == known()), None, "{once}");
        assert!(exposure(&text, |hash| *hash == known()).is_some(), "{text}");
        assert_eq!(SCRUBBER.rescrub(&text, &known()), once, "{text}");
        assert!(SCRUBBER.user_ids_in(text.as_bytes()).contains(&known()), "{text}");
    }
}

#[test]
fn scrubbed_json_stays_valid() {
    let mut rng = Rng::with_seed(8);
    for _ in 0..1_000 {
        let (before, after) = CONTEXTS[rng.usize(..CONTEXTS.len())];
        let text = format!("\"\n\\{before}{}{after}\\\"\t", disguised(&mut rng));
        let fields = serde_json::json!({"a": text, "b": ["x", {"c": 1}]}).to_string();
        let scrubbed = SCRUBBER.scrub_stored(&fields, Syntax::Json, &mut Vec::new());
        let scrubbed =
            scrubbed.map_or(fields, |scrubbed| scrubbed.resolve(|hash| *hash == known()).into_owned());
        let fields: serde_json::Value = serde_json::from_str(&scrubbed).unwrap();
        assert_eq!(fields["b"][1]["c"], 1, "{text}");
        assert!(!shows_id(fields["a"].as_str().unwrap()), "{text} became {scrubbed}");
    }
}

#[test]
fn text_without_an_id_is_unchanged() {
    let mut rng = Rng::with_seed(9);
    let pieces = [
        "50%",
        "100%25",
        "a&b",
        "&amp;",
        "\\n",
        "\\o/",
        "C:\\users\\x",
        "１２",
        "٣",
        "🦀",
        "界",
        " ",
        "1",
        "42",
        "%20",
        "\u{200b}",
        "https://x/?a=%31&b=2",
        "1️⃣",
        "2026-08-01T22:35:54.034Z",
        "avatar",
        "/avatars/",
        "users/",
        "&#49;",
        "\\u0031",
        "é",
    ];
    for _ in 0..5_000 {
        let count = rng.usize(..12);
        let text: String = (0..count).map(|_| pieces[rng.usize(..pieces.len())]).collect();
        let (scrubbed, people) = scrubbed(&text);
        assert_eq!((scrubbed.resolve(|_| false).as_ref(), people), (text.as_str(), 0));
    }
}

/// On random texts, the scrubber doesn't panic and leaves no residual data.
#[test]
fn scrubbing_is_idempotent_for_random_text() {
    let mut rng = Rng::with_seed(10);
    let pieces = [
        ID,
        "998877665544332211",
        "%31",
        "&#5",
        "0;",
        "\\u00",
        "31",
        "\\",
        "%",
        "&",
        "１",
        "\u{200b}",
        "/",
        "avatars",
        "/users/",
        "<@",
        ">",
        " ",
        "%2F",
        "a",
        "banners/",
        ".",
        "/external/",
        "0123456789abcdefghijk",
        "é",
        "forgotten",
        "embed/avatars/",
    ];
    for _ in 0..5_000 {
        let count = rng.usize(..14);
        let text: String = (0..count).map(|_| pieces[rng.usize(..pieces.len())]).collect();
        let once = stored(&text);
        assert_eq!(exposure(&once, |hash| *hash == known()), None, "{text} became {once}");
        assert_eq!(stored(&once), once, "{text}");
    }
}

#[test]
fn drops_the_path_after_a_users_id_from_every_url() {
    let hash = known();
    let cdn = "https://cdn.discordapp.com";
    for (address, expected) in [
        (format!("{cdn}/avatars/{ID}/{PICTURE}.png"), format!("{cdn}/avatars/{hash}")),
        (
            format!("{cdn}/avatars/{ID}/a_{PICTURE}.gif?size=128&quality=lossless"),
            format!("{cdn}/avatars/{hash}"),
        ),
        (
            format!("https://media.discordapp.net/banners/{ID}/{PICTURE}"),
            format!("https://media.discordapp.net/banners/{hash}"),
        ),
        (format!("{cdn}/guilds/1/users/{ID}/avatars/{PICTURE}.webp"), format!("{cdn}/guilds/1/users/{hash}")),
        (format!("{cdn}/guilds/1/users/{ID}/banners/{PICTURE}.webp"), format!("{cdn}/guilds/1/users/{hash}")),
        (format!("{cdn}/avatar-decorations/{ID}/{PICTURE}.png"), format!("{cdn}/avatar-decorations/{hash}")),
        (
            format!("{cdn}/avatar-decoration-presets/a_{PICTURE}.png"),
            format!("{cdn}/avatar-decoration-presets"),
        ),
        (format!("{cdn}/embed/avatars/3.png"), format!("{cdn}/embed/avatars")),
        (
            format!(
                "https://images-ext-1.discordapp.net/external/Abc-_{PICTURE}/https/cdn.discordapp.com/avatars/{ID}/{PICTURE}.png"
            ),
            format!("https://images-ext-1.discordapp.net/external/https/cdn.discordapp.com/avatars/{hash}"),
        ),
        (
            format!(
                "https://images-ext-2.discordapp.net/external/Abc-_{PICTURE}/%3Fsize%3D64/https/cdn.discordapp.com/avatars/{ID}/{PICTURE}.png?width=9"
            ),
            format!(
                "https://images-ext-2.discordapp.net/external/%3Fsize%3D64/https/cdn.discordapp.com/avatars/{hash}"
            ),
        ),
        (
            format!(
                "https://images-ext-1.discordapp.net/external/Abc-_{PICTURE}/https/cdn.discordapp.com/embed/avatars/0.png"
            ),
            "https://images-ext-1.discordapp.net/external/https/cdn.discordapp.com/embed/avatars".to_owned(),
        ),
        (
            format!(
                "https://wsrv.nl/?url=https%3A%2F%2Fcdn.discordapp.com%2Favatars%2F{ID}%2F{PICTURE}.png%3Fsize%3D64&w=9"
            ),
            format!("https://wsrv.nl/?url=https%3A%2F%2Fcdn.discordapp.com%2Favatars%2F{hash}&w=9"),
        ),
        (
            format!("?u=https%253A%252F%252Fcdn.discordapp.com%252Favatars%252F{ID}%252F{PICTURE}.png&v"),
            format!("?u=https%253A%252F%252Fcdn.discordapp.com%252Favatars%252F{hash}&v"),
        ),
        (
            format!("https:\\/\\/cdn.discordapp.com\\/avatars\\/{ID}\\/{PICTURE}.png\""),
            format!("https:\\/\\/cdn.discordapp.com\\/avatars\\/{hash}\""),
        ),
        (format!("avatars\\u002f{ID}\\u002f{PICTURE}.png\\u003e"), format!("avatars\\u002f{hash}\\u003e")),
        (format!("{cdn}/avatars/{ID}.png"), format!("{cdn}/avatars/{hash}")),
        (format!("{cdn}/avatars/{ID}_{PICTURE}.png"), format!("{cdn}/avatars/{hash}")),
        (format!("{cdn}/%61vatars%2F{ID}/{PICTURE}.png"), format!("{cdn}/%61vatars%2F{hash}")),
        (format!("/users/{ID}/jane-doe"), format!("/users/{hash}")),
    ] {
        for (before, after) in [
            ("", ""),
            ("see ", "."),
            ("[x](<", ">)"),
            ("**", "**"),
            ("||", "|| and"),
            ("(", "), or"),
            ("\"", "\",\""),
        ] {
            let text = format!("{before}{address}{after}");
            let once = stored(&text);
            assert_eq!(once, format!("{before}{expected}{after}"), "{text}");
            assert_eq!(stored(&once), once);
            assert!(exposure(&text, |_| false).is_some(), "{text}");
            assert_eq!(exposure(&once, |_| true), None, "{once}");
            if address.ends_with("jane-doe") || address.contains("%61") {
                continue;
            }
            // As an older version stored it: hashed, but with the picture's path.
            let older = text.replace(ID, &hash.to_string());
            assert_eq!(exposure(&older, |_| false), Some(Exposure::PictureUrl), "{older}");
            assert_eq!(SCRUBBER.rescrub(&older, &hash), once);
            assert_eq!(
                SCRUBBER.rescrub(&text.replace(ID, "forgotten"), &hash),
                once.replace(&hash.to_string(), "forgotten")
            );
        }
    }
}

#[test]
fn scrubs_a_text_without_spaces_to_its_end() {
    let hash = known();
    for count in [1, 2, 40, 200] {
        let one = format!("https%3A%2F%2Fx%2Favatars%2F{ID}%2F{PICTURE}.png&");
        let expected = format!("https%3A%2F%2Fx%2Favatars%2F{hash}&");
        assert_eq!(stored(&one.repeat(count)), expected.repeat(count));
        let spaced_id = ID.chars().map(String::from).collect::<Vec<_>>().join("\u{200b}") + "\u{200b}";
        assert_eq!(stored(&format!("{spaced_id},").repeat(count)), format!("{hash}\u{200b},").repeat(count));
    }
}

#[test]
fn keeps_pictures_of_other_things() {
    for address in [
        format!("https://cdn.discordapp.com/icons/{ID}/{PICTURE}.png"),
        format!("https://cdn.discordapp.com/splashes/{ID}/{PICTURE}.png"),
        format!("https://cdn.discordapp.com/emojis/{ID}.webp?size=44"),
        format!("https://cdn.discordapp.com/stickers/{ID}.png"),
        format!("https://cdn.discordapp.com/role-icons/{ID}/{PICTURE}.png"),
        format!("https://cdn.discordapp.com/app-icons/{ID}/{PICTURE}.png"),
        format!("https://cdn.discordapp.com/guild-events/{ID}/{PICTURE}.png"),
        format!("https://cdn.discordapp.com/attachments/{ID}/{ID}/avatars.png"),
        format!("https://images-ext-1.discordapp.net/external/Abc-_{PICTURE}/https/i.imgur.com/a.png"),
        "https://x/avatars/ and embed/avatars/ and avatar.png".to_owned(),
        "https://avatars.githubusercontent.com/u/1?v=4".to_owned(),
    ] {
        assert_eq!(scrubbed(&address).0.resolve(|_| false), address);
    }
}
