use super::super::Overrides;
use super::super::keys;
use super::super::section::Scope;
use super::{TENANT, config, resolved, with_tenant};
use crate::platform::registry::PLATFORMS;

const EXAMPLE: &str = include_str!("../../../sync.toml.example");

/// Keys without a default; the example shows another value.
const WITHOUT_DEFAULT: [&str; 4] = ["textfile", "hash_key_file", "token_file", "since"];

/// The key of a commented line `# key = value`.
fn commented_key(line: &str) -> Option<&str> {
    let (key, _) = line.strip_prefix("# ")?.split_once(" = ")?;
    key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_').then_some(key)
}

fn uncommented(wanted: impl Fn(usize, &str) -> bool) -> String {
    let line = |(index, line): (usize, &str)| match commented_key(line) {
        Some(key) if wanted(index, key) => format!("{}\n", &line[2..]),
        _ => format!("{line}\n"),
    };
    EXAMPLE.lines().enumerate().map(line).collect()
}

#[test]
fn the_unmodified_example_has_the_defaults() {
    assert_eq!(config(EXAMPLE), config(TENANT));
}

#[test]
fn each_commented_line_shows_the_default() {
    let mut keys = 0;
    for (index, line) in EXAMPLE.lines().enumerate() {
        let Some(key) = commented_key(line) else {
            continue;
        };
        keys += 1;
        let one = config(&uncommented(|other, _| other == index));
        let is_default = one == config(TENANT);
        assert_eq!(is_default, !WITHOUT_DEFAULT.contains(&key), "{line}");
    }
    let names =
        keys::sections(PLATFORMS).into_iter().flat_map(|name| keys::key_names(name, Scope::new(PLATFORMS)));
    let in_use = EXAMPLE.lines().filter(|line| !line.starts_with('#') && line.contains(" = ")).count();
    // And include, above all sections.
    assert_eq!(keys, names.count() - in_use + 1);
    let all = config(&uncommented(|_, key| !WITHOUT_DEFAULT.contains(&key)));
    assert_eq!(all, config(TENANT));
}

/// The key and value of a line, commented or not.
fn key_and_value(line: &str) -> Option<(&str, &str)> {
    let line = if commented_key(line).is_some() { &line[2..] } else { line };
    line.split_once(" = ").filter(|(key, _)| !key.starts_with('#'))
}

/// Each section's name and lines.
fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    let parts = EXAMPLE.split("\n[").skip(1).map(|part| part.split_once(']').unwrap());
    parts.map(|(name, lines)| (name.trim_start_matches('['), lines))
}

/// The example's paragraph about a key, and the value shown there.
fn paragraph(section: &str, key: &str) -> (&'static str, &'static str) {
    let (_, lines) = sections().find(|(name, _)| *name == section).unwrap();
    let value = |text: &'static str| text.lines().filter_map(key_and_value).find(|(shown, _)| *shown == key);
    lines.split("\n\n").find_map(|text| Some((text, value(text)?.1))).unwrap()
}

#[test]
fn the_example_lists_every_section_and_key_in_the_declared_order() {
    assert_eq!(sections().map(|(name, _)| name).collect::<Vec<_>>(), keys::sections(PLATFORMS));
    for (name, lines) in sections() {
        let shown: Vec<_> = lines.lines().filter_map(key_and_value).map(|(key, _)| key).collect();
        assert_eq!(shown, keys::key_names(name, Scope::new(PLATFORMS)), "{name}");
    }
}

#[test]
fn the_example_shows_declared_defaults_variables_and_flags() {
    for (name, _) in sections() {
        let any = Scope::new(PLATFORMS);
        let platform = PLATFORMS.iter().find(|platform| platform.name == name);
        for key in keys::keys_of(name, platform.map_or(any, |platform| any.of(platform))) {
            let (paragraph, value) = paragraph(name, key.name);
            if let Some(default) = &key.default {
                assert!(
                    value == default || value == format!("\"{default}\""),
                    "{}: {value}, not {default}",
                    key.name
                );
            }
            let named = |intro: &str, name: &str| paragraph.contains(&format!("{intro}: {name}."));
            assert!(key.variable.is_none_or(|variable| named("Environment", variable)), "{paragraph}");
            assert!(key.flag.is_none_or(|flag| named("Flag", flag)), "{paragraph}");
            assert_eq!(paragraph.contains("Environment:"), key.variable.is_some(), "{paragraph}");
            assert_eq!(paragraph.contains("Flag:"), key.flag.is_some(), "{paragraph}");
        }
    }
}

/// Takes each key's range from the error of a value that is out of every range.
#[test]
fn the_example_states_the_declared_ranges() {
    let mut ranges = 0;
    for key in keys::key_names(keys::SYNC, Scope::new(PLATFORMS)) {
        for value in ["-1", "\"36500d\""] {
            let text = with_tenant(&format!("[sync]\n{key} = {value}"));
            let result = resolved(&text, &[], &Overrides::default()).map_err(|error| error.to_string());
            let Err(message) = result else { continue };
            let whole = message.split_once("use a whole number from ").map(|(_, range)| range);
            let time =
                message.split_once("use a duration from ").and_then(|(_, range)| range.split(" to ").nth(1));
            if let Some(range) = whole.or(time) {
                ranges += 1;
                assert!(paragraph(keys::SYNC, key).0.replace("\n#", "").contains(range), "{key}: {range}");
                break;
            }
        }
    }
    assert_eq!(ranges, 6, "number of keys of [sync] with a range");
}
