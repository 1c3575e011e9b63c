//! The `verta-sync` binary: reads the process's environment, runs the command line and
//! reports its failure.

#![warn(clippy::print_stderr, clippy::print_stdout)]

use std::process::ExitCode;

use verta_sync::config::Environment;
use verta_sync::{cli, commands};

fn main() -> ExitCode {
    commands::panics::install_hook();
    commands::process::apply_settings();
    let current_dir = std::env::current_dir().unwrap_or_default();
    let env = Environment::new(std::env::vars_os(), current_dir);
    match commands::panics::catch_panics(|| cli::run(std::env::args_os(), env)) {
        Ok(code) => code.into(),
        Err(failure) => {
            failure.print();
            failure.exit_code().into()
        }
    }
}
