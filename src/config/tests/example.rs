use super::{TENANT, config};

const EXAMPLE: &str = include_str!("../../../sync.toml.example");

/// Keys that the example shows without their default, because they have none.
const WITHOUT_DEFAULT: [&str; 2] = ["token_file", "since"];

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
fn the_example_as_it_is_has_the_defaults() {
    assert_eq!(config(EXAMPLE), config(TENANT));
}

#[test]
fn each_commented_line_of_the_example_shows_the_default() {
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
    assert_eq!(keys, 23);
    let all = config(&uncommented(|_, key| !WITHOUT_DEFAULT.contains(&key)));
    assert_eq!(all, config(TENANT));
}

#[test]
fn the_example_has_every_key_in_the_order_of_its_section() {
    let line_key = |line: &'static str| commented_key(line).or_else(|| Some(line.split_once(" = ")?.0));
    for section in EXAMPLE.split("\n[").skip(1) {
        let (name, lines) = section.split_once(']').unwrap();
        let keys: Vec<_> = lines.lines().filter_map(line_key).filter(|key| !key.starts_with('#')).collect();
        let name = name.trim_start_matches('[');
        assert_eq!(keys, super::super::keys::keys_of(name), "{name}");
    }
}
