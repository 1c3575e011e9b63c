//! Paths that exist on one machine only.

use std::ops::RangeInclusive;

use super::code::{Source, test_files};
use super::files::File;

/// Written in halves, so that they aren't found here.
const OF_MACHINES: [&str; 3] = [concat!("/wo", "rk/"), concat!("/tm", "p/wt"), concat!("/ro", "ot/")];

/// Lines that name such a path. The tests inside `src` may: they hand in
/// folders that no one reads.
pub fn of_machines(files: &[File]) -> Vec<String> {
    let inside: Vec<File> = files.iter().filter(|file| file.path.starts_with("src/")).cloned().collect();
    let tests = test_files(&inside);
    let checked = files.iter().filter(|file| !tests.contains(&file.path));
    checked.flat_map(in_file).collect()
}

fn in_file(file: &File) -> Vec<String> {
    let tests = if file.path.starts_with("src/") { test_lines(file) } else { Vec::new() };
    let is_test = |line: usize| tests.iter().any(|lines| lines.contains(&line));
    let mut problems = Vec::new();
    for (line, text) in (1..).zip(file.text.lines()) {
        if OF_MACHINES.iter().any(|path| names(text, path)) && !is_test(line) {
            problems.push(format!("{}:{line}: {}", file.path, text.trim()));
        }
    }
    problems
}

fn test_lines(file: &File) -> Vec<RangeInclusive<usize>> {
    if !file.is_rust() {
        return Vec::new();
    }
    let source = Source::new(&file.path, &file.text);
    let line = |index: usize| source.tokens[index].line;
    let items = source.test_items();
    items.into_iter().map(|item| line(item.start)..=line(item.end - 1)).collect()
}

/// Whether the path stands there from its root on, not as the end of another.
fn names(text: &str, path: &str) -> bool {
    let is_part = |char: char| char.is_alphanumeric() || "._-~}/*".contains(char);
    text.match_indices(path).any(|(at, _)| !text[..at].ends_with(is_part))
}

#[test]
fn a_path_of_a_machine_is_told_with_its_place() {
    let [one, two, three] = OF_MACHINES;
    for path in [one, two, three] {
        let file = File { path: "docs/x.md".to_owned(), text: format!("a\nsee `{path}x`\n") };
        assert_eq!(of_machines(&[file]), [format!("docs/x.md:2: see `{path}x`")]);
    }
    let part = File { path: "x.md".to_owned(), text: format!("~{one}x $HOME{three} src{one}x") };
    assert_eq!(of_machines(&[part]), [""; 0]);
}

#[test]
fn tests_inside_src_may_hand_in_any_path() {
    let path = OF_MACHINES[0];
    let text = format!("const A: &str = \"{path}\";\n#[cfg(test)]\nmod tests {{\n  f(\"{path}\");\n}}\n");
    let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
    let files = [
        file("src/x/mod.rs", &text),
        file("src/y.rs", "#[cfg(test)]\nmod tests;"),
        file("src/y/tests.rs", path),
        file("tests/start.rs", path),
    ];
    let found = of_machines(&files);
    let places: Vec<&str> = found.iter().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(places, ["src/x/mod.rs:1", "tests/start.rs:1"]);
}
