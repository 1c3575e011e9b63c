//! The `verta-sync` binary.

use std::process::ExitCode;

use verta_sync::cli;
use verta_sync::commands::panics;
use verta_sync::config::Environment;

fn main() -> ExitCode {
    panics::keep_discreet();
    let current_dir = std::env::current_dir().unwrap_or_default();
    let env = Environment::new(std::env::vars_os(), current_dir);
    match cli::run(std::env::args_os(), env) {
        Ok(code) => code.into(),
        Err(failure) => {
            use std::io::Write as _;
            // A closed stderr is no reason to panic.
            writeln!(std::io::stderr(), "{failure}").ok();
            failure.exit_code.into()
        }
    }
}
