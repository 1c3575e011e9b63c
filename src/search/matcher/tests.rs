//! Which texts match which queries, in many languages and scripts.

use super::super::RequiredWord;
use super::super::words::words;
use super::*;

/// Texts, by number from 0.
const TEXTS: [&str; 46] = [
    "The server restarts at noon",
    "Servers RESTART every day",
    "naïve café déjà vu",
    "Straße nach München, Grüße",
    "Iğdır'da ışık yok, İSTANBUL",
    "Łódź and Ærø",
    "Привет, ёлка!",
    "Καλημέρα, Οδυσσέας",
    "مُحَمَّد يكتب",
    "محمد يقرأ",
    "שָׁלוֹם לכולם",
    "नमस्ते दुनिया",
    "বাংলা ভাষা",
    "我们在东京吃饭",
    "上海的天气很好",
    "東京タワーへ行きました",
    "カラオケに行こう",
    "ｶﾗｵｹ",
    "한국어를 배워요",
    "서울에서 만나요",
    "ภาษาไทยไม่มีช่องว่าง",
    "Tiếng Việt dễ lắm",
    "use snake_case, not camelCase",
    "upgrade to v1.2.3 now",
    "C++ and C# and C",
    "mail me: user@host.example",
    "see https://a.b/c?d=e#f for more",
    "foo-bar baz",
    "foo bar-baz",
    "well done 👍🏽",
    "well done 👍",
    "family 👨‍👩‍👧 photo",
    "I ❤️ this",
    "don’t panic",
    "a.b.c is a path",
    "path/to/file.rs:42",
    "price: 1,000.50 €",
    "key = \"value\"",
    "hello   world",
    "hello, world",
    "hello wide world",
    "HELLO WORLD",
    "ﬁne print ½",
    "<@&55> <:wave:123456789012345678> hi",
    "id 123456789012345678 and abc123456789012345678",
    "🇩🇪 und 🇫🇷",
];

/// A query, and the numbers of the texts that match.
const QUERIES: [(&str, &[usize]); 76] = [
    ("server", &[0]),
    ("SERVER restarts", &[0]),
    ("restart", &[1]),
    ("restart*", &[0, 1]),
    ("server* -day", &[0]),
    ("server OR servers", &[0, 1]),
    ("(noon OR day) server*", &[0, 1]),
    ("naive cafe", &[2]),
    ("DÉJÀ", &[2]),
    ("strasse", &[3]),
    ("Straße", &[3]),
    ("munchen gruss*", &[3]),
    ("isik", &[4]),
    ("ışık", &[4]),
    ("istanbul", &[4]),
    ("igdir", &[4]),
    ("lodz", &[5]),
    ("aero", &[5]),
    ("привет", &[6]),
    ("елка", &[6]),
    ("καλημερα", &[7]),
    ("ΟΔΥΣΣΈΑΣ", &[7]),
    ("محمد", &[8, 9]),
    ("مُحَمَّد", &[8, 9]),
    ("שלום", &[10]),
    ("नमस्ते", &[11]),
    ("नमस", &[]),
    ("ভাষা", &[12]),
    ("东京", &[13]),
    ("吃饭", &[13]),
    ("天气", &[14]),
    ("京", &[13, 15]),
    ("京吃", &[13]),
    ("東京タワー", &[15]),
    ("タワー", &[15]),
    ("行", &[15, 16]),
    ("カラオケ", &[16, 17]),
    ("ｶﾗ", &[16, 17]),
    ("한국", &[18]),
    ("한국어", &[18]),
    ("서울", &[19]),
    ("ไทย", &[20]),
    ("ช่อง", &[20]),
    ("tieng viet", &[21]),
    ("dễ", &[21]),
    ("snake_case", &[22]),
    ("snake", &[22]),
    ("case", &[22]),
    ("camelcase", &[22]),
    ("camel", &[]),
    ("v1.2.3", &[23]),
    ("v1.2", &[23]),
    ("v1.2*", &[23]),
    ("v1", &[23]),
    ("c++", &[24]),
    ("c#", &[24]),
    ("c", &[24, 26, 34]),
    ("user@host", &[25]),
    ("user@host.example", &[25]),
    ("host", &[25]),
    ("https://a.b/c?d=e", &[26]),
    ("a.b", &[26, 34]),
    ("a.b.c", &[34]),
    ("foo-bar", &[27]),
    ("\"foo bar\"", &[27, 28]),
    ("\"bar baz\"", &[27, 28]),
    ("👍", &[29, 30]),
    ("done👍🏿", &[]),
    ("done 👍🏿", &[29, 30]),
    ("👩", &[31]),
    ("❤", &[32]),
    ("don't", &[33]),
    ("file.rs:42", &[35]),
    ("\"hello world\"", &[38, 39, 41]),
    ("hello world -wide", &[38, 39, 41]),
    ("fine wave OR fine", &[42]),
];

fn matching(query: &str) -> Vec<usize> {
    let query = Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let is_match = |text: &str| matches(&query, &Texts::of([text]));
    (0..TEXTS.len()).filter(|number| is_match(TEXTS[*number])).collect()
}

#[test]
fn queries_in_many_languages_find_the_right_texts() {
    for (query, expected) in QUERIES {
        assert_eq!(matching(query), expected, "{query}");
    }
}

#[test]
fn ids_are_never_found_and_flags_are() {
    assert_eq!(matching("wave"), [43]);
    assert_eq!(matching("abc*"), [0; 0]);
    assert_eq!(matching("id"), [44]);
    assert_eq!(matching("🇫🇷"), [45]);
}

#[test]
#[allow(clippy::single_range_in_vec_init, reason = "lists of ranges")]
fn ranges_are_characters_of_the_first_text() {
    let ranges = |query: &str, text: &str| ranges(&Query::parse(query).unwrap(), &Folded::of(text));
    assert_eq!(ranges("world hello", "Hello, wide WORLD"), [0..5, 12..17]);
    assert_eq!(ranges("\"hello world\" hello", "é hello, world"), vec![2..14]);
    assert_eq!(ranges("strasse", "die Straße"), vec![4..10]);
    assert_eq!(ranges("東京", "x東京東京"), vec![1..5]);
    assert_eq!(ranges("👍", "ok 👍🏽!"), vec![3..5]);
    assert_eq!(ranges("pre*", "a prefix"), vec![2..8]);
    let other = Texts::of(["content", "embed word"]);
    assert!(matches(&Query::parse("content word").unwrap(), &other), "words may be in different texts");
    assert!(!matches(&Query::parse("\"content embed\"").unwrap(), &other), "a phrase is in one");
}

/// An index that holds the words of the texts finds every match: each word of a matching
/// term is a word of the text, or the beginning of one.
#[test]
fn every_match_has_the_words_of_its_query() {
    const PARTS: [&str; 22] = [
        "a",
        "ab",
        "B",
        "é",
        "東",
        "京",
        "ｶﾞ",
        "ไท",
        "한",
        "👍🏽",
        ".",
        "-",
        "_",
        " ",
        "  ",
        "@",
        "/",
        "7",
        "123456789012345",
        "ß",
        "’",
        "न्",
    ];
    let mut rng = fastrand::Rng::with_seed(11);
    let mut random =
        |max: usize| -> String { (0..rng.usize(1..max)).map(|_| PARTS[rng.usize(..PARTS.len())]).collect() };
    let mut found = 0;
    for _ in 0..60_000 {
        let (text, written) = (random(9), random(4));
        let written =
            if written.len() % 3 == 0 { format!("\"{written}\"") } else { format!("{}*", written.trim()) };
        let Ok(query) = Query::parse(&written) else { continue };
        let folded = Folded::of(&text);
        let held: Vec<String> =
            words(folded.chars()).into_iter().map(|word| folded.chars()[word].iter().collect()).collect();
        if !matches(&query, &Texts::of([text.as_str()])) {
            continue;
        }
        found += 1;
        assert_words_held(&query, &held, &format!("{written:?} in {text:?}"));
    }
    assert!(found > 500, "{found}");
}

fn assert_words_held(query: &Query, held: &[String], context: &str) {
    match query {
        Query::All(parts) => parts.iter().for_each(|part| assert_words_held(part, held, context)),
        Query::Any(_) | Query::Not(_) => {}
        Query::Phrase(terms) => {
            for term in terms {
                for RequiredWord { text, is_prefix } in term.required_words() {
                    let is_held = held
                        .iter()
                        .any(|held| if is_prefix { held.starts_with(&text) } else { *held == text });
                    assert!(is_held, "{text:?} of {context} is none of {held:?}");
                }
                assert!(terms.iter().any(|term| !term.required_words().is_empty()), "{context}");
            }
        }
    }
}
