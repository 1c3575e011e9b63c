//! The project's own rules, beyond those that rustc and clippy check.
//!
//! Every check is a function of paths and texts that returns the problems it finds; a
//! unit test beside it shows that it finds them. The tests in this file run the checks on
//! the repository.

#[path = "tidy/code.rs"]
mod code;
#[path = "tidy/cycles.rs"]
mod cycles;
#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/files.rs"]
mod files;
#[path = "tidy/homes.rs"]
mod homes;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/migrations.rs"]
mod migrations;
#[path = "tidy/paths.rs"]
mod paths;
#[path = "tidy/platforms.rs"]
mod platforms;
#[path = "tidy/simulator.rs"]
mod simulator;

use std::path::Path;

use verta_sync::cli;
use verta_sync::exit_code::ExitCode;

use self::code::Source;
use self::files::File;

/// The code of the product, without tests.
fn product() -> Vec<Source> {
    let mut files = files::below("src");
    files.retain(|file| Path::new(&file.path).extension().is_some_and(|extension| extension == "rs"));
    code::without_tests(&files)
}

#[track_caller]
fn assert_none(problems: &[String], rule: &str) {
    assert!(problems.is_empty(), "{rule}:\n  {}\n", problems.join("\n  "));
}

#[test]
fn layers_import_only_what_the_table_allows() {
    let (product, layers) = (product(), layers::layers(&files::read("src/lib.rs")));
    assert_none(
        &layers::table_mismatches(&product, &layers),
        "every module has a row in the table of src/lib.rs",
    );
    let problems: Vec<String> =
        product.iter().flat_map(|source| layers::forbidden(source, &layers)).collect();
    assert_none(&problems, "data flows one way; the table of src/lib.rs lists the allowed imports");
}

#[test]
fn modules_have_no_import_cycles() {
    assert_none(
        &cycles::cycles(&product()),
        "these modules import each other: move what they share to a module below them",
    );
}

#[test]
fn external_crates_are_used_only_in_their_files() {
    let problems: Vec<String> = product().iter().flat_map(homes::misplaced_crates).collect();
    assert_none(
        &problems,
        "an external crate is used only in its own files, so that it can be replaced there",
    );
}

#[test]
fn only_platform_code_names_a_platform() {
    let product = product();
    let problems: Vec<String> = product
        .iter()
        .flat_map(|source| platforms::named(&source.path, &files::read(&source.path)))
        .collect();
    assert_none(&problems, "differences between platforms are declared in the platforms' folders");
}

#[test]
fn simulator_does_not_depend_on_the_product() {
    let problems = simulator::dependencies(&files::read("tests/discord-sim/Cargo.toml"));
    assert_none(&problems, "the simulator must judge verta-sync independently");
}

#[test]
fn unwrap_is_not_passed_as_a_function() {
    let problems: Vec<String> = product().iter().flat_map(unwraps).collect();
    assert_none(&problems, "return an error");
}

/// Paths to `unwrap` such as `Option::unwrap`, passed instead of called: clippy's
/// `unwrap_used` misses them.
fn unwraps(source: &Source) -> Vec<String> {
    let unwraps =
        source.paths.iter().filter(|path| path.segments.last().is_some_and(|last| last == "unwrap"));
    unwraps.map(|path| source.place(path)).collect()
}

#[test]
fn reports_file_and_line_of_unwrap_passed_as_a_function() {
    let source =
        Source::new("src/x.rs", "use a::unwrap_or;\nfn f() { x.map(Option::unwrap); y.unwrap_or(1) }");
    assert_eq!(unwraps(&source), ["src/x.rs:2"]);
}

#[test]
fn main_has_at_most_50_lines_and_other_files_500() {
    let max_lines = |file: &File| if file.path == "src/main.rs" { 50 } else { 500 };
    let mut files = files::below("src");
    files.retain(|file| file.text.lines().count() > max_lines(file));
    let problems: Vec<String> =
        files.iter().map(|file| format!("{} has more than {} lines", file.path, max_lines(file))).collect();
    assert_none(&problems, "split it");
}

/// The Markdown files of the repository.
fn markdown() -> Vec<File> {
    let mut files = files::all();
    files.retain(|file| Path::new(&file.path).extension().is_some_and(|extension| extension == "md"));
    files
}

#[test]
fn readme_begins_with_the_demo_and_the_tests() {
    let problems = documents::first_commands(&files::read("README.md"));
    assert_none(&problems, "the first two fenced code blocks of README.md are what everyone tries first");
}

#[test]
fn readme_is_short() {
    let problems = documents::readme_length(&files::read("README.md"));
    assert_none(problems.as_slice(), "details belong in docs/");
}

#[test]
fn command_reference_is_current() {
    const PATH: &str = "docs/commands.md";
    let shown = files::read(PATH);
    let (updated, mut problems) = documents::with_help(&shown, cli::help);
    let codes: Vec<(u8, &str)> = ExitCode::ALL.iter().map(|code| (code.number(), code.meaning())).collect();
    let updated = documents::with_exit_codes(&updated, &codes).unwrap_or_else(|| {
        problems.push("it has no markers for the table of exit codes".to_owned());
        updated
    });
    assert_none(&problems, "docs/commands.md shows the help of every command between its markers");
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        files::write(PATH, &updated);
        return;
    }
    assert_none(
        &documents::differences(PATH, &shown, &updated),
        "docs/commands.md is out of date; `UPDATE_DOCS=1 cargo test --test tidy` updates it",
    );
}

#[test]
fn links_between_documents_lead_somewhere() {
    let problems: Vec<String> = markdown()
        .iter()
        .flat_map(|file| documents::broken_links(&file.path, &file.text, files::read_if_exists))
        .collect();
    assert_none(&problems, "a link names a file and a heading that exist");
}

#[test]
fn no_file_contains_a_path_of_one_machine() {
    assert_none(&paths::of_machines(&files::all()), "the repository must work on every machine");
}

#[test]
fn migrations_are_numbered_consecutively_from_1() {
    let files = files::below("migrations");
    let names: Vec<&str> = files.iter().map(|file| file.path.trim_start_matches("migrations/")).collect();
    assert_none(&migrations::misnamed(&names), "migrations are named V{n}__{name}.sql");
}
