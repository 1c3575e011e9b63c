//! Names of migrations.

/// Names that aren't `V{n}__{name}.sql`, and numbers that are missing or
/// given twice.
pub fn misnamed(names: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut numbers = Vec::new();
    for name in names {
        match number(name) {
            Some(number) => numbers.push(number),
            None => problems.push(format!("migrations/{name} is not V{{n}}__{{name}}.sql")),
        }
    }
    numbers.sort_unstable();
    for (expected, found) in (1..).zip(numbers) {
        if expected != found {
            problems.push(format!("V{expected} was expected, V{found} is there"));
            break;
        }
    }
    if names.is_empty() {
        problems.push("there are none".to_owned());
    }
    problems
}

fn number(name: &str) -> Option<u32> {
    let (number, title) = name.strip_prefix('V')?.strip_suffix(".sql")?.split_once("__")?;
    let is_title = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let is_plain = !number.starts_with(['0', '+']) && !title.is_empty() && title.bytes().all(is_title);
    number.parse().ok().filter(|_| is_plain)
}

#[test]
fn a_gap_a_double_and_a_wrong_name_are_noticed() {
    assert_eq!(misnamed(&["V2__b.sql", "V1__a.sql", "V10__j.sql"]), ["V3 was expected, V10 is there"]);
    assert_eq!(misnamed(&["V1__a.sql", "V1__b.sql"]), ["V2 was expected, V1 is there"]);
    for name in ["1__a.sql", "V1_a.sql", "V01__a.sql", "V1__.sql", "V1__A b.sql", "Vx__a.sql", "V1__a.sql~"] {
        assert_eq!(misnamed(&[name]).len(), 1, "{name}");
    }
    assert_eq!(misnamed(&[]), ["there are none"]);
    assert_eq!(misnamed(&["V1__archive.sql", "V2__more_2.sql"]), [""; 0]);
}
