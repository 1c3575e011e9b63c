//! Files of any bytes, read from the disk.

use std::fs;

use fastrand::Rng;
use tempfile::TempDir;

use super::super::{Config, ConfigError, Environment, Overrides};
use super::{TENANT, TOKEN};
use crate::platform::registry::PLATFORMS;

const EXAMPLE: &str = include_str!("../../../sync.toml.example");

/// More than one line of bytes, none of which is text alone.
const ODD: [&[u8]; 14] = [
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
    b"\r",
    b"\r\n",
    b"\n\r",
    b"\x1b[2J",
    b"\x7f",
    b"\xe2\x80\xae",
    b"\xe2\x80\xa8",
    b"\"\"\"",
    b"'''\\",
];

struct Folder(TempDir);

impl Folder {
    fn load(&self, bytes: &[u8]) -> Result<Config, ConfigError> {
        fs::write(self.0.path().join("sync.toml"), bytes).unwrap();
        let env = Environment::new([("HOME", "/home/ada")], self.0.path());
        Config::load(None, &env, &Overrides::default(), PLATFORMS)
    }
}

fn folder() -> Folder {
    Folder(TempDir::new().unwrap())
}

/// The example with every key in use.
fn whole() -> String {
    let line =
        |line: &'static str| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line);
    EXAMPLE.lines().map(line).filter(|line| !line.starts_with("token_file")).collect::<Vec<_>>().join("\n")
}

fn mutated(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = whole().into_bytes();
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

/// Asserts that the error names a place in the file, and nothing it must not.
#[track_caller]
fn assert_told(error: &ConfigError, bytes: &[u8]) {
    let told = error.to_string();
    let lines = bytes.split(|byte| *byte == b'\n').count();
    let places = told.split("sync.toml:").skip(1).chain(told.split("sync.toml: line ").skip(1));
    let numbers = places.filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
    let mut numbers = numbers.collect::<Vec<usize>>();
    numbers.retain(|line| (1..=lines).contains(line));
    let text = String::from_utf8_lossy(bytes);
    assert!(!numbers.is_empty() || told.contains("larger than 1 MiB"), "{told}\nof\n{text}");
    let steers = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!told.contains(steers), "{told:?}\nof\n{text}");
}

#[test]
fn no_bytes_make_it_panic_and_every_refusal_names_a_line() {
    let folder = folder();
    assert!(folder.load(whole().as_bytes()).is_ok(), "{}", folder.load(whole().as_bytes()).unwrap_err());
    let mut rng = Rng::with_seed(17);
    let mut refused = 0;
    for _ in 0..800 {
        let bytes = mutated(&mut rng);
        if let Err(error) = folder.load(&bytes) {
            refused += 1;
            assert_told(&error, &bytes);
        }
    }
    assert!(refused > 500, "{refused} of 800");
}

#[test]
fn a_token_among_odd_bytes_is_never_shown() {
    let folder = folder();
    let mut rng = Rng::with_seed(19);
    for _ in 0..300 {
        let mut bytes = mutated(&mut rng);
        let at = rng.usize(..=bytes.len());
        bytes.splice(at..at, TOKEN.bytes()).for_each(drop);
        let Err(error) = folder.load(&bytes) else { panic!("{}", String::from_utf8_lossy(&bytes)) };
        let told = format!("{error} {error:?}");
        for start in 0..TOKEN.len() - 12 {
            assert!(!told.contains(&TOKEN[start..start + 12]), "{told}");
        }
    }
}

#[test]
fn line_ends_of_windows_and_a_mark_at_the_beginning_change_nothing() {
    let folder = folder();
    let plain = folder.load(TENANT.as_bytes()).unwrap();
    for text in [TENANT.replace('\n', "\r\n"), format!("\u{feff}{TENANT}")] {
        let loaded = folder.load(text.as_bytes());
        assert_eq!(format!("{loaded:?}"), format!("{:?}", Ok::<_, ConfigError>(&plain)), "{text:?}");
    }
}

#[test]
fn a_large_file_full_of_mistakes_is_refused_in_a_few_words() {
    let folder = folder();
    let much = |text: &str| text.repeat((1 << 16) / text.len());
    for text in [
        much("[sync]\n"),
        much("max_retries = 1\n"),
        much("a = 01\n"),
        much("x"),
        much("=\n"),
        much("\n"),
        format!("{} = 1", much("é")),
        format!("a = \"{}\"", much("\\u0041")),
        much("[[tenant]]\n"),
        much("[a.b]\n"),
    ] {
        let error = folder.load(text.as_bytes()).unwrap_err();
        assert_told(&error, text.as_bytes());
        assert!(error.to_string().len() < 32 << 10, "{}", error.to_string().len());
    }
}
