//! Tests of the whole configuration, loaded from text.

mod defaults;
mod errors;
mod example;
mod hostile;
mod platforms;
mod precedence;
mod secrets;
mod values;

use std::path::PathBuf;

use super::environment::Environment;
use super::error::ConfigError;
use super::keys::{Overrides, PlatformConfig};
use super::resolve::{Config, resolve};
use super::section::Platforms;
use super::source::Source;
use crate::platform::discord::SPEC;
use crate::platform::registry::PLATFORMS;

const TOKEN: &str = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs";

const TENANT: &str = "[[tenant]]\nname = \"takaro\"\nguild_id = \"123456789012345678\"\n";

pub(super) fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::new(variables.iter().copied(), "/srv")
}

fn resolved(text: &str, variables: &[(&str, &str)], flags: &Overrides) -> Result<Config, ConfigError> {
    resolved_among(PLATFORMS, text, variables, flags)
}

fn resolved_among(
    platforms: Platforms,
    text: &str,
    variables: &[(&str, &str)],
    flags: &Overrides,
) -> Result<Config, ConfigError> {
    let source = Source {
        shown: PathBuf::from("sync.toml"),
        path: PathBuf::from("/srv/sync.toml"),
        text: text.to_owned(),
        included: Vec::new(),
        include_problems: Vec::new(),
    };
    resolve(&source, &environment(variables), flags, platforms)
}

fn config(text: &str) -> Config {
    resolved(text, &[], &Overrides::default()).unwrap()
}

fn discord(text: &str) -> PlatformConfig {
    config(text).platform(&SPEC).clone()
}

/// `text` followed by a tenant.
fn with_tenant(text: &str) -> String {
    format!("{text}\n{TENANT}")
}

/// The text of the error that loading `text` returns.
fn error(text: &str) -> String {
    resolved(text, &[], &Overrides::default()).unwrap_err().to_string()
}

/// Asserts that loading `text` reports exactly one problem, with this remedy.
#[track_caller]
fn assert_problem(text: &str, problem: &str, remedy: &str) {
    assert_problem_among(PLATFORMS, text, problem, remedy);
}

#[track_caller]
fn assert_problem_among(platforms: Platforms, text: &str, problem: &str, remedy: &str) {
    let error = resolved_among(platforms, text, &[], &Overrides::default()).unwrap_err().to_string();
    let expected =
        format!("read the configuration sync.toml: 1 problem\n  sync.toml:{problem}\n      {remedy}");
    assert_eq!(error, expected, "of\n{text}");
}

/// Asserts one problem with `line`, which becomes line 2, below the section's header.
#[track_caller]
fn assert_key_problem(section: &str, line: &str, problem: &str, remedy: &str) {
    let text = with_tenant(&format!("[{section}]\n{line}"));
    assert_problem(&text, &format!("2: {section}.{problem}"), remedy);
}
