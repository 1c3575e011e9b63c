//! What the project wants of itself beyond what rustc and clippy check.
//!
//! Every check is a function over paths and texts that returns what is wrong;
//! beside it stands a test that shows it bad input. The tests here give them
//! the repository.

#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/code.rs"]
mod code;
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
#[path = "tidy/readme.rs"]
mod readme;
#[path = "tidy/simulator.rs"]
mod simulator;

use std::path::Path;

use verta_sync::cli;

use self::code::Source;
use self::files::File;

/// The product's own code, tests left out.
fn product() -> Vec<Source> {
    let mut files = files::below("src");
    files.retain(|file| Path::new(&file.path).extension().is_some_and(|extension| extension == "rs"));
    code::without_tests(&files)
}

#[track_caller]
fn assert_none(problems: &[String], wish: &str) {
    assert!(problems.is_empty(), "{wish}:\n  {}\n", problems.join("\n  "));
}

#[test]
fn every_layer_imports_only_what_the_table_allows() {
    let (product, layers) = (product(), layers::layers(&files::read("src/lib.rs")));
    assert_none(&layers::without_row(&product, &layers), "every module has its row in src/lib.rs");
    let problems: Vec<String> =
        product.iter().flat_map(|source| layers::forbidden(source, &layers)).collect();
    assert_none(&problems, "data flows one way; the table of src/lib.rs says who may import whom");
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    assert_none(
        &circles::circles(&product()),
        "these import each other: move what they share to a module below them",
    );
}

#[test]
fn every_foreign_crate_stays_in_its_home() {
    let problems: Vec<String> = product().iter().flat_map(homes::strays).collect();
    assert_none(&problems, "a foreign crate is used in one place only, so that it can be replaced there");
}

#[test]
fn no_code_but_a_platforms_own_names_it() {
    let product = product();
    let problems: Vec<String> = product
        .iter()
        .flat_map(|source| platforms::named(&source.path, &files::read(&source.path)))
        .collect();
    assert_none(&problems, "what differs between platforms is declared in a platform's folder");
}

#[test]
fn the_simulator_knows_nothing_of_what_it_checks() {
    let problems = simulator::dependencies(&files::read("tests/discord-sim/Cargo.toml"));
    assert_none(&problems, "the simulator must judge verta-sync independently");
}

#[test]
fn nothing_passes_unwrap_as_a_function() {
    let problems: Vec<String> = product().iter().flat_map(unwraps).collect();
    assert_none(&problems, "return an error");
}

/// `Option::unwrap` and `Result::unwrap` without a call, which clippy's
/// `unwrap_used` misses.
fn unwraps(source: &Source) -> Vec<String> {
    let unwraps =
        source.paths.iter().filter(|path| path.segments.last().is_some_and(|last| last == "unwrap"));
    unwraps.map(|path| source.place(path)).collect()
}

#[test]
fn unwrap_passed_as_a_function_is_told_with_its_place() {
    let source =
        Source::new("src/x.rs", "use a::unwrap_or;\nfn f() { x.map(Option::unwrap); y.unwrap_or(1) }");
    assert_eq!(unwraps(&source), ["src/x.rs:2"]);
}

#[test]
fn main_has_at_most_50_lines_and_no_file_more_than_500() {
    let most = |file: &File| if file.path == "src/main.rs" { 50 } else { 500 };
    let mut files = files::below("src");
    files.retain(|file| file.text.lines().count() > most(file));
    let problems: Vec<String> =
        files.iter().map(|file| format!("{} has more than {} lines", file.path, most(file))).collect();
    assert_none(&problems, "split it");
}

#[test]
fn the_readme_begins_with_the_demo_and_the_tests() {
    let problems = readme::first_commands(&files::read("README.md"));
    assert_none(&problems, "the first two fenced code blocks of README.md are what everyone tries first");
}

#[test]
fn the_readme_shows_the_help_as_it_is() {
    let shown = files::read("README.md");
    let (updated, problems) = readme::with_help(&shown, cli::help);
    assert_none(&problems, "README.md shows the help of every command between its markers");
    if std::env::var_os("UPDATE_README").is_some_and(|value| value == "1") {
        files::write("README.md", &updated);
        return;
    }
    assert_none(
        &readme::differences(&shown, &updated),
        "the help in README.md is out of date; `UPDATE_README=1 cargo test --test tidy` writes it anew",
    );
}

#[test]
fn the_readme_explains_every_exit_code() {
    let problems = readme::missing_exit_codes(&files::read("README.md"), &files::read("src/exit_code.rs"));
    assert_none(&problems, "README.md has a table of exit codes, `| code | meaning |`, with a row for each");
}

#[test]
fn no_file_names_a_path_of_the_machine_it_was_written_on() {
    assert_none(&paths::of_machines(&files::all()), "it must work on every machine");
}

#[test]
fn migrations_are_numbered_from_1_without_a_gap() {
    let files = files::below("migrations");
    let names: Vec<&str> = files.iter().map(|file| file.path.trim_start_matches("migrations/")).collect();
    assert_none(&migrations::misnamed(&names), "migrations are named V{n}__{name}.sql");
}
