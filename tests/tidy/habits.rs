//! Small habits: length, panics, printing.

use super::code::Source;
use super::files::File;

/// Macros that stop the process or print.
const MACROS: [&str; 7] = ["todo", "unimplemented", "dbg", "println", "eprintln", "print", "eprint"];

/// Files with more lines than this.
pub fn too_long(files: &[File], max_lines: usize) -> Vec<String> {
    let lines = files.iter().map(|file| (&file.path, file.text.lines().count()));
    let long = lines.filter(|(_, lines)| *lines > max_lines);
    long.map(|(path, lines)| format!("{path} has {lines} lines, {max_lines} are allowed")).collect()
}

/// Calls of `unwrap()`, and of macros for drafts and debugging.
pub fn bad_words(source: &Source) -> Vec<String> {
    let unwraps = source.find("unwrap").filter(|index| matches!(source.before(*index), "." | "::"));
    let macros = MACROS.iter().flat_map(|name| source.find(name));
    let macros = macros.filter(|index| source.at(index + 1) == "!" && source.at(index + 2) != "=");
    let mut found: Vec<usize> = unwraps.chain(macros).collect();
    found.sort_unstable();
    found.into_iter().map(|index| format!("{}: {}", source.place(index), source.at(index))).collect()
}

/// The word itself.
pub fn unsafe_code(source: &Source) -> Vec<String> {
    source.find("unsafe").map(|index| format!("{}: unsafe", source.place(index))).collect()
}

#[test]
fn a_long_file_is_noticed() {
    let file = |lines: usize| File { path: format!("{lines}.rs"), text: "x\n".repeat(lines) };
    assert_eq!(too_long(&[file(50), file(51)], 50), ["51.rs has 51 lines, 50 are allowed"]);
}

#[test]
fn panics_and_prints_are_told_with_their_place() {
    let text = "fn f() {\n  x.unwrap();\n  todo!();\n  dbg!(x);\n  y.map(Option::unwrap);\n  eprintln!();\n}";
    let source = Source::new("src/x.rs", text);
    let expected = ["2: unwrap", "3: todo", "4: dbg", "5: unwrap", "6: eprintln"];
    assert_eq!(bad_words(&source), expected.map(|found| format!("src/x.rs:{found}")));
}

#[test]
fn what_only_looks_like_them_is_no_problem() {
    let text = "// todo!()\nx.unwrap_or(1); x.unwrap_or_default(); f(\"println!\"); let todo = todo != 1;";
    assert_eq!(bad_words(&Source::new("src/x.rs", text)), [""; 0]);
    assert_eq!(unsafe_code(&Source::new("src/x.rs", "#![forbid(unsafe_code)] // unsafe")), [""; 0]);
}

#[test]
fn unsafe_code_is_noticed() {
    assert_eq!(unsafe_code(&Source::new("src/x.rs", "\nunsafe { f() }")), ["src/x.rs:2: unsafe"]);
}
