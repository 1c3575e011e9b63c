//! Wishes about the project itself that fail when they are broken.
//!
//! Every check is a function over paths and texts that returns what is wrong;
//! beside it stands a test that shows it bad input. The tests here give them
//! the repository.

#[path = "tidy/code.rs"]
mod code;
#[path = "tidy/files.rs"]
mod files;
#[path = "tidy/habits.rs"]
mod habits;
#[path = "tidy/homes.rs"]
mod homes;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/migrations.rs"]
mod migrations;
#[path = "tidy/paths.rs"]
mod paths;
#[path = "tidy/readme.rs"]
mod readme;
#[path = "tidy/simulator.rs"]
mod simulator;

use verta_sync::cli;
use verta_sync::config::{Config, Environment, Overrides};

use self::code::Source;
use self::files::File;

/// The product's own code, tests left out.
fn product() -> Vec<Source> {
    code::without_tests(&files::below("src"))
}

#[track_caller]
fn assert_none(problems: &[String], wish: &str) {
    assert!(problems.is_empty(), "{wish}:\n  {}\n", problems.join("\n  "));
}

#[test]
fn every_layer_imports_only_what_the_table_allows() {
    let problems: Vec<String> = product().iter().flat_map(layers::forbidden).collect();
    assert_none(&problems, "data flows one way; the table of src/lib.rs says who may import whom");
}

#[test]
fn the_table_of_layers_in_the_documentation_is_the_one_that_is_checked() {
    let problems = layers::disagreements(&files::read("src/lib.rs"));
    assert_none(&problems, "src/lib.rs and tests/tidy/layers.rs must say the same");
}

#[test]
fn every_module_has_its_row_in_the_table_of_layers() {
    let problems = layers::without_row(&files::below("src"));
    assert_none(&problems, "add it to the table in src/lib.rs and tests/tidy/layers.rs");
}

#[test]
fn every_foreign_crate_stays_in_its_home() {
    let problems: Vec<String> = product().iter().flat_map(homes::strays).collect();
    assert_none(&problems, "a foreign crate is used in one place only, so that it can be replaced there");
}

#[test]
fn the_simulator_knows_nothing_of_what_it_checks() {
    let manifest = files::read("tests/discord-sim/Cargo.toml");
    let mut problems = simulator::dependencies(&manifest);
    let code = code::sources(&files::below("tests/discord-sim"));
    problems.extend(code.iter().flat_map(simulator::mentions));
    assert_none(&problems, "the simulator must judge verta-sync independently");
}

#[test]
fn main_has_at_most_50_lines_and_no_file_more_than_500() {
    let mut problems = habits::too_long(&files::below("src"), 500);
    problems.extend(habits::too_long(&[File::read("src/main.rs")], 50));
    assert_none(&problems, "split it");
}

#[test]
fn the_code_neither_panics_on_purpose_nor_prints() {
    let problems: Vec<String> = product().iter().flat_map(habits::bad_words).collect();
    assert_none(&problems, "return an error, or tell the monitor");
}

#[test]
fn nothing_is_unsafe() {
    let sources = code::sources(&files::below("src"));
    let problems: Vec<String> = sources.iter().flat_map(habits::unsafe_code).collect();
    assert_none(&problems, "this needs no unsafe code");
}

#[test]
fn the_readme_begins_with_the_demo_and_the_tests() {
    let problems = readme::first_commands(&files::readme());
    assert_none(&problems, "the first two fenced code blocks of README.md are what everyone tries first");
}

#[test]
fn the_readme_shows_the_help_as_it_is() {
    let shown = files::readme();
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
    let problems = readme::missing_exit_codes(&files::readme(), &files::read("src/exit_code.rs"));
    assert_none(&problems, "README.md has a table of exit codes, `| code | meaning |`, with a row for each");
}

#[test]
fn the_example_configuration_loads_as_it_is() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(dir.path().join("sync.toml"), files::read("sync.toml.example")).expect("it is writable");
    let env = Environment::new::<&str, &str>([], dir.path());
    let config = Config::load(None, &env, &Overrides::default()).expect("the example is valid");
    assert_eq!(config.source, dir.path().join("sync.toml"));
    assert_eq!(config.tenants.len(), 1);
}

#[test]
fn no_file_names_a_path_of_the_machine_it_was_written_on() {
    let problems = paths::of_machines(&files::all());
    assert_none(&problems, "it must work on every machine");
}

#[test]
fn migrations_are_numbered_from_1_without_a_gap() {
    let files = files::below("migrations");
    let names: Vec<&str> = files.iter().map(File::name).collect();
    assert_none(&migrations::misnamed(&names), "migrations are named V{n}__{name}.sql");
}
