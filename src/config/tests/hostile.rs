//! Fuzzes the loader with mutated text and arbitrary bytes.

use std::fs;

use fastrand::Rng;
use tempfile::TempDir;

use super::super::{Config, ConfigError, Environment, Overrides};
use super::{TENANT, TOKEN, resolved};
use crate::platform::registry::PLATFORMS;

const EXAMPLE: &str = include_str!("../../../sync.toml.example");

/// Text that tends to break parsers, and almost valid values.
#[rustfmt::skip]
const SNIPPETS: [&str; 28] = [
    "\"", "'", "\"\"\"", "[", "]", "[[", "]]", "{", "}", "=", "#", ",", ".", "\\", "\n", "\r", "\0", "é", "\u{202e}",
    "\u{feff}", "-9223372036854775809", "1e999", "nan", "9999-99-99", "0", "\"99999999999999999999d\"", "${",
    "[[tenant]]\n",
];

/// Byte sequences that tend to break decoders: control characters, invalid UTF-8, line
/// endings, unclosed strings.
#[rustfmt::skip]
const ODD: [&[u8]; 14] = [
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\xaf", b"\r", b"\r\n", b"\n\r", b"\x1b[2J", b"\x7f",
    b"\xe2\x80\xae", b"\xe2\x80\xa8", b"\"\"\"", b"'''\\",
];

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        // The example's include names files in it.
        fs::create_dir(folder.path().join("tenants.d")).unwrap();
        Self(folder)
    }

    fn load(&self, bytes: &[u8]) -> Result<Config, ConfigError> {
        fs::write(self.0.path().join("sync.toml"), bytes).unwrap();
        let env = Environment::new([("HOME", "/home/ada")], self.0.path());
        Config::load(None, &env, &Overrides::default(), PLATFORMS)
    }
}

/// The example's lines with every key uncommented.
fn uncommented() -> Vec<String> {
    let line =
        |line: &'static str| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line);
    EXAMPLE.lines().map(|text| line(text).to_owned()).collect()
}

/// [`uncommented`] without `token_file`, which excludes `token_env`.
fn valid() -> String {
    let lines = uncommented().into_iter().filter(|line| !line.starts_with("token_file"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The example with a few random changes.
fn mutated_text(rng: &mut Rng) -> String {
    let mut lines = uncommented();
    for _ in 0..rng.usize(1..6) {
        let at = rng.usize(..lines.len());
        match rng.u8(..6) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[rng.usize(..lines.len())].clone()),
            2 => {
                let other = rng.usize(..lines.len());
                lines.swap(at, other);
            }
            3 => replace_value(&mut lines[at], rng),
            _ => insert(&mut lines[at], SNIPPETS[rng.usize(..SNIPPETS.len())], rng),
        }
        if lines.is_empty() {
            lines.push(String::new());
        }
    }
    lines.join("\n")
}

fn insert(line: &mut String, snippet: &str, rng: &mut Rng) {
    let at = line.floor_char_boundary(rng.usize(..=line.len()));
    line.insert_str(at, snippet);
}

fn replace_value(line: &mut String, rng: &mut Rng) {
    if let Some((key, _)) = line.split_once(" = ") {
        *line = format!("{key} = {}", SNIPPETS[rng.usize(..SNIPPETS.len())]);
    }
}

fn mutated_bytes(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = valid().into_bytes();
    for _ in 0..rng.usize(1..5) {
        let at = rng.usize(..=bytes.len());
        let end = (at + rng.usize(..300)).min(bytes.len());
        match rng.u8(..9) {
            0 => bytes.splice(at..at, ODD[rng.usize(..ODD.len())].iter().copied()).for_each(drop),
            1 => bytes.splice(at..end, (0..rng.usize(..20)).map(|_| rng.u8(..))).for_each(drop),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at),
            4 => bytes = String::from_utf8_lossy(&bytes).replace('\n', "\r\n").into_bytes(),
            5 => bytes.splice(0..0, *b"\xef\xbb\xbf").for_each(drop),
            6 => bytes.splice(at..at, b"[".repeat(rng.usize(..3000))).for_each(drop),
            7 => bytes.splice(at..at, b"a.".repeat(rng.usize(..3000))).for_each(drop),
            _ => bytes.splice(at..at, *b"99999999999999999999999999").for_each(drop),
        }
    }
    bytes
}

/// Asserts that the error names a line of the file and contains no character that could
/// control a terminal.
#[track_caller]
fn assert_names_line(error: &ConfigError, bytes: &[u8]) {
    let message = error.to_string();
    let lines = bytes.split(|byte| *byte == b'\n').count();
    let locations = message.split("sync.toml:").skip(1).chain(message.split("sync.toml: line ").skip(1));
    let mut numbers =
        locations.filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
    let text = String::from_utf8_lossy(bytes);
    let names_line = numbers.any(|line: usize| (1..=lines).contains(&line));
    assert!(names_line || message.contains("larger than 1 MiB"), "{message}\nof\n{text}");
    let controls_terminal = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!message.contains(controls_terminal), "{message:?}\nof\n{text}");
}

/// Asserts that the error shows no part of the token.
#[track_caller]
fn assert_hidden(error: &ConfigError, text: &str) {
    let message = format!("{error} {error:?}");
    for start in 0..TOKEN.len() - 12 {
        assert!(!message.contains(&TOKEN[start..start + 12]), "{message}\nof\n{text}");
    }
}

#[test]
fn mutated_text_never_panics_and_every_error_names_a_line() {
    let mut rng = Rng::with_seed(7);
    let mut rejected = 0;
    for _ in 0..2000 {
        let text = mutated_text(&mut rng);
        let Err(error) = resolved(&text, &[("HOME", "/home/ada")], &Overrides::default()) else { continue };
        rejected += 1;
        assert!(error.to_string().contains("sync.toml:"), "{error}\nof\n{text}");
        assert_names_line(&error, text.as_bytes());
    }
    assert!(rejected > 1500, "{rejected} of 2000");
}

#[test]
fn mutated_bytes_never_panic_and_every_error_names_a_line() {
    let folder = Folder::new();
    folder.load(valid().as_bytes()).unwrap();
    let mut rng = Rng::with_seed(17);
    let mut rejected = 0;
    for _ in 0..800 {
        let bytes = mutated_bytes(&mut rng);
        if let Err(error) = folder.load(&bytes) {
            rejected += 1;
            assert_names_line(&error, &bytes);
        }
    }
    assert!(rejected > 450, "{rejected} of 800");
}

#[test]
fn a_token_in_an_invalid_file_is_never_shown() {
    let mut rng = Rng::with_seed(11);
    for _ in 0..2000 {
        let mut lines: Vec<String> = mutated_text(&mut rng).lines().map(str::to_owned).collect();
        let at = rng.usize(..lines.len());
        match rng.u8(..4) {
            0 => lines.insert(at, format!("token = \"{TOKEN}\"")),
            1 => lines.insert(at, TOKEN.to_owned()),
            2 => insert(&mut lines[at], TOKEN, &mut rng),
            _ => lines.insert(at, format!("{TOKEN} = [")),
        }
        let text = lines.join("\n");
        assert_hidden(&resolved(&text, &[], &Overrides::default()).unwrap_err(), &text);
    }
}

#[test]
fn a_token_among_arbitrary_bytes_is_never_shown() {
    let folder = Folder::new();
    let mut rng = Rng::with_seed(19);
    for _ in 0..300 {
        let mut bytes = mutated_bytes(&mut rng);
        let at = rng.usize(..=bytes.len());
        bytes.splice(at..at, TOKEN.bytes()).for_each(drop);
        let text = String::from_utf8_lossy(&bytes);
        let Err(error) = folder.load(&bytes) else { panic!("{text}") };
        assert_hidden(&error, &text);
    }
}

#[test]
fn deep_nesting_is_an_error() {
    for open in ["[", "{a=", "[["] {
        let text = format!("x = {}", open.repeat(50_000));
        assert!(resolved(&text, &[], &Overrides::default()).is_err());
    }
    let dotted = format!("{} = 1", vec!["a"; 50_000].join("."));
    assert!(resolved(&dotted, &[], &Overrides::default()).is_err());
}

#[test]
fn crlf_line_endings_and_a_byte_order_mark_are_accepted() {
    let folder = Folder::new();
    let plain = folder.load(TENANT.as_bytes()).unwrap();
    for text in [TENANT.replace('\n', "\r\n"), format!("\u{feff}{TENANT}")] {
        let loaded = folder.load(text.as_bytes());
        assert_eq!(format!("{loaded:?}"), format!("{:?}", Ok::<_, ConfigError>(&plain)), "{text:?}");
    }
}

#[test]
fn the_error_of_a_large_invalid_file_is_short() {
    let folder = Folder::new();
    let repeated = |text: &str| text.repeat((1 << 16) / text.len());
    for text in [
        repeated("[sync]\n"),
        repeated("max_retries = 1\n"),
        repeated("a = 01\n"),
        repeated("x"),
        repeated("=\n"),
        repeated("\n"),
        format!("{} = 1", repeated("é")),
        format!("a = \"{}\"", repeated("\\u0041")),
        repeated("[[tenant]]\n"),
        repeated("[a.b]\n"),
    ] {
        let error = folder.load(text.as_bytes()).unwrap_err();
        assert_names_line(&error, text.as_bytes());
        assert!(error.to_string().len() < 32 << 10, "{}", error.to_string().len());
    }
}
