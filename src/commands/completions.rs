//! `verta-sync completions`: completion scripts for shells.

use clap_complete::Shell;

use super::{Failure, Outcome, print_result};

/// Print shell completions
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: verta-sync completions bash > /etc/bash_completion.d/verta-sync")]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// Prints the script for `command`, the whole command line.
///
/// # Errors
/// When stdout can't be written.
pub fn run(args: &CompletionsArgs, command: clap::Command) -> Result<Outcome, Failure> {
    print_result(&script(args.shell, command))?;
    Ok(Outcome::Done)
}

/// Generated in memory: the generator panics if a write fails.
pub fn script(shell: Shell, mut command: clap::Command) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "verta-sync", &mut script);
    let script = String::from_utf8_lossy(&script);
    match shell {
        // The generator takes the hyphen in the name for a space before a
        // subcommand, in one of two places: <https://github.com/clap-rs/clap/issues/6421>.
        Shell::Bash => script.replace("verta__subcmd__sync", "verta__sync"),
        _ => script.into_owned(),
    }
}
