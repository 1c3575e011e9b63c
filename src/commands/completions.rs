//! `verta-sync completions`: completion scripts for shells.

use clap_complete::Shell;

use super::{Failure, Outcome, print_result};

/// Generate shell completions
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: verta-sync completions bash > /etc/bash_completion.d/verta-sync")]
pub struct CompletionsArgs {
    /// Shell to generate completions for
    pub shell: Shell,
}

/// Prints the completion script for `command`, the program's root command.
///
/// # Errors
/// Returns a [`Failure`] if stdout can't be written.
pub fn run(args: &CompletionsArgs, command: clap::Command) -> Result<Outcome, Failure> {
    print_result(&script(args.shell, command))?;
    Ok(Outcome::Done)
}

/// The completion script. Generated in memory because the generator panics if a write
/// fails.
pub fn script(shell: Shell, mut command: clap::Command) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "verta-sync", &mut script);
    let script = String::from_utf8_lossy(&script);
    match shell {
        // In one of two places, the generator takes the hyphen in the program's name for
        // the start of a subcommand: <https://github.com/clap-rs/clap/issues/6421>.
        Shell::Bash => script.replace("verta__subcmd__sync", "verta__sync"),
        _ => script.into_owned(),
    }
}
