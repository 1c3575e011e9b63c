//! What the binary says and does when it is given something it can't use.

mod access;
mod archive;
mod config;
mod files;
mod foreign;
mod terminal;
use crate::util::{Ran, Sandbox};
use discord_sim::{Description, World};

const GUILD: u64 = 77_000_000_000_000_001;
const TENANT: &str = "Simulated community";

fn sandbox() -> Sandbox {
    Sandbox::new(World::new(&Description::community(GUILD, 2, 20)))
}

/// Asserts that a command ends with this code, says each of `words` on stderr
/// and nothing on stdout, tells no secret and leaves the folder as it was.
#[track_caller]
fn refused(sandbox: &Sandbox, arguments: &[&str], code: i32, words: &[&str]) -> Ran {
    let before = sandbox.listing();
    let ran = sandbox.run(arguments).expect_code(code);
    assert_refusal(sandbox, &ran, words);
    assert_eq!(sandbox.listing(), before, "{arguments:?} left something behind");
    ran
}

#[track_caller]
fn assert_refusal(sandbox: &Sandbox, ran: &Ran, words: &[&str]) {
    for word in words {
        assert!(ran.stderr.contains(word), "{word:?} is not in:\n{}", ran.stderr);
    }
    assert_eq!(ran.stdout, "", "stdout is for results");
    sandbox.assert_discreet(ran);
}
