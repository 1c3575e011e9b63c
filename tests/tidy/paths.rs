//! Paths that exist on one machine only.

use regex::Regex;

use super::files::File;

/// Written in halves, so that they aren't found here.
const OF_MACHINES: [&str; 3] = [concat!("/wo", "rk/"), concat!("/tm", "p/wt"), concat!("/ro", "ot/")];

/// Lines that name such a path from its root on, not as the end of another.
pub fn of_machines(files: &[File]) -> Vec<String> {
    let paths = format!(r"(^|[^\w.~}}/*-])({})", OF_MACHINES.join("|"));
    let paths = Regex::new(&paths).expect("it is valid");
    let mut problems = Vec::new();
    for file in files {
        let lines = (1..).zip(file.text.lines()).filter(|(_, text)| paths.is_match(text));
        problems.extend(lines.map(|(line, text)| format!("{}:{line}: {}", file.path, text.trim())));
    }
    problems
}

#[test]
fn a_path_of_a_machine_is_told_with_its_place() {
    let [one, _, three] = OF_MACHINES;
    for path in OF_MACHINES {
        let file = File::new("docs/x.md", &format!("a\nsee `{path}x`\n"));
        assert_eq!(of_machines(&[file]), [format!("docs/x.md:2: see `{path}x`")]);
    }
    let part = File::new("x.md", &format!("~{one}x $HOME{three} src{one}x"));
    assert_eq!(of_machines(&[part]), [""; 0]);
}
