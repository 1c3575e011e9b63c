//! Finds paths that exist on one machine only.

use regex::Regex;

use super::files::File;

/// Split, so that the check doesn't find them in this file.
const LOCAL_PATHS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/tm", "p/wt"), concat!("/ro", "ot/")];

/// Lines that contain such a path as an absolute path, not as the tail of another.
pub fn of_machines(files: &[File]) -> Vec<String> {
    let paths = format!(r"(^|[^\w.~}}/*-])({})", LOCAL_PATHS.join("|"));
    let paths = Regex::new(&paths).expect("it is valid");
    let mut problems = Vec::new();
    for file in files {
        let lines = (1..).zip(file.text.lines()).filter(|(_, text)| paths.is_match(text));
        problems.extend(lines.map(|(line, text)| format!("{}:{line}: {}", file.path, text.trim())));
    }
    problems
}

#[test]
fn reports_a_local_path_with_location() {
    let [one, _, three] = LOCAL_PATHS;
    for path in LOCAL_PATHS {
        let file = File::new("docs/x.md", &format!("a\nsee `{path}x`\n"));
        assert_eq!(of_machines(&[file]), [format!("docs/x.md:2: see `{path}x`")]);
    }
    let part = File::new("x.md", &format!("~{one}x $HOME{three} src{one}x"));
    assert_eq!(of_machines(&[part]), [""; 0]);
}
