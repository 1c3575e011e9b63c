//! Checks the file names of migrations.

use regex::Regex;

/// Names that aren't `V{n}__{name}.sql`, and numbers that aren't consecutive from 1.
pub fn misnamed(names: &[&str]) -> Vec<String> {
    let pattern = Regex::new(r"^V([1-9][0-9]{0,8})__[a-z0-9_]+\.sql$").expect("it is valid");
    let number = |name: &&str| pattern.captures(name)?[1].parse::<usize>().ok();
    let malformed = names.iter().filter(|name| number(name).is_none());
    let mut problems: Vec<String> =
        malformed.map(|name| format!("migrations/{name} is not V{{n}}__{{name}}.sql")).collect();
    let mut numbers: Vec<usize> = names.iter().filter_map(number).collect();
    numbers.sort_unstable();
    if numbers.is_empty() || !(1..).zip(&numbers).all(|(expected, found)| expected == *found) {
        problems.push(format!("the numbers are {numbers:?}"));
    }
    problems
}

#[test]
fn reports_gaps_duplicates_and_wrong_names() {
    assert_eq!(misnamed(&["V2__b.sql", "V1__a.sql", "V10__j.sql"]), ["the numbers are [1, 2, 10]"]);
    assert_eq!(misnamed(&["V1__a.sql", "V1__b.sql"]), ["the numbers are [1, 1]"]);
    for name in ["1__b.sql", "V2_b.sql", "V02__b.sql", "V2__.sql", "V2__A b.sql", "Vx__b.sql", "V2__b.sql~"] {
        let problem = format!("migrations/{name} is not V{{n}}__{{name}}.sql");
        assert_eq!(misnamed(&["V1__archive.sql", name]), [problem]);
    }
    assert_eq!(misnamed(&[]), ["the numbers are []"]);
    assert_eq!(misnamed(&["V1__archive.sql", "V2__more_2.sql"]), [""; 0]);
}
