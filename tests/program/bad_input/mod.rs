//! How the binary rejects unusable configuration, arguments, files and access.

mod access;
mod archive;
mod config;
mod files;
mod foreign;
mod terminal;
use crate::util::{CommandOutput, Sandbox};
use discord_sim::{Description, World};

const GUILD: u64 = 77_000_000_000_000_001;
const TENANT: &str = "Simulated community";

fn sandbox() -> Sandbox {
    Sandbox::new(World::new(&Description::community(GUILD, 2, 20)))
}

/// Runs a command. Asserts that it exits with `code`, prints each of `words` to stderr,
/// nothing to stdout and no secret, and leaves the folder's file names unchanged.
#[track_caller]
fn assert_refused(sandbox: &Sandbox, arguments: &[&str], code: i32, words: &[&str]) -> CommandOutput {
    let before = sandbox.listing();
    let ran = sandbox.run(arguments).expect_code(code);
    assert_refusal_output(sandbox, &ran, words);
    assert_eq!(sandbox.listing(), before, "{arguments:?} changed the folder");
    ran
}

/// Asserts that stderr contains each of `words`, and that stdout is empty and no secret
/// printed.
#[track_caller]
fn assert_refusal_output(sandbox: &Sandbox, ran: &CommandOutput, words: &[&str]) {
    for word in words {
        assert!(ran.stderr.contains(word), "{word:?} is not in:\n{}", ran.stderr);
    }
    assert_eq!(ran.stdout, "", "stdout is for results");
    sandbox.assert_no_secrets(ran);
}
