use fastrand::Rng;

use super::super::Overrides;
use super::{TOKEN, resolved};

const EXAMPLE: &str = include_str!("../../../sync.toml.example");

/// What breaks parsers, and values that are almost right.
const SNIPPETS: [&str; 28] = [
    "\"",
    "'",
    "\"\"\"",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    "#",
    ",",
    ".",
    "\\",
    "\n",
    "\r",
    "\0",
    "é",
    "\u{202e}",
    "\u{feff}",
    "-9223372036854775809",
    "1e999",
    "nan",
    "9999-99-99",
    "0",
    "\"99999999999999999999d\"",
    "${",
    "[[tenant]]\n",
];

/// The example with every key in use, changed in a few places.
fn mutated(rng: &mut Rng) -> String {
    let mut lines: Vec<String> = EXAMPLE
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))
        .map(str::to_owned)
        .collect();
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

#[test]
fn no_file_makes_it_panic_and_every_refusal_has_a_reason() {
    let mut rng = Rng::with_seed(7);
    let mut refused = 0;
    for _ in 0..2000 {
        let text = mutated(&mut rng);
        let Err(error) = resolved(&text, &[("HOME", "/home/ada")], &Overrides::default()) else {
            continue;
        };
        refused += 1;
        let shown = error.to_string();
        assert!(shown.contains("sync.toml:"), "{shown}\nof\n{text}");
        let steers = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!shown.contains(steers), "{shown:?}\nof\n{text}");
    }
    assert!(refused > 1500, "{refused} of 2000");
}

#[test]
fn a_token_in_a_broken_file_is_never_shown() {
    let mut rng = Rng::with_seed(11);
    for _ in 0..2000 {
        let mut lines: Vec<String> = mutated(&mut rng).lines().map(str::to_owned).collect();
        let at = rng.usize(..lines.len());
        match rng.u8(..4) {
            0 => lines.insert(at, format!("token = \"{TOKEN}\"")),
            1 => lines.insert(at, TOKEN.to_owned()),
            2 => insert(&mut lines[at], TOKEN, &mut rng),
            _ => lines.insert(at, format!("{TOKEN} = [")),
        }
        let text = lines.join("\n");
        let error = resolved(&text, &[], &Overrides::default()).unwrap_err();
        let shown = format!("{error} {error:?}");
        for start in 0..TOKEN.len() - 12 {
            assert!(!shown.contains(&TOKEN[start..start + 12]), "{shown}\nof\n{text}");
        }
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
