//! `verta-sync hash`: the hash of a person in this archive.

use std::io;

use super::forget::parse_user_id;
use super::{CommandContext, Failure, Outcome, print_result};
use crate::archive::{ArchiveErrorKind, Reader};
use crate::config::Overrides;

/// Print the hash that stands for a person in this archive
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: verta-sync hash --user 80351110224678912")]
pub struct HashArgs {
    /// User ID of the person; it is not logged
    #[arg(long, value_name = "ID")]
    pub user: String,
}

/// Prints the hash of a user's ID, as the archive shows it in columns such as `author`.
///
/// # Errors
/// Returns a [`Failure`] if `--user` is no user ID, or the archive's key is missing or
/// wrong.
pub fn run(args: &HashArgs, context: &CommandContext) -> Result<Outcome, Failure> {
    context.init_log(io::stderr);
    let config = context.load_config(&Overrides::default())?;
    let rules = context.rules(&config.archive)?;
    let path = &config.archive.path;
    let checked = Reader::open(path).and_then(|reader| reader.check_scheme(path, rules.scheme));
    match checked {
        Ok(()) => {}
        Err(error) if matches!(error.kind, ArchiveErrorKind::Missing | ArchiveErrorKind::OlderSchema) => {}
        Err(error) => return Err(Failure::archive(&error, path)),
    }
    print_result(&format!("{}\n", parse_user_id(&args.user, rules)?))?;
    Ok(Outcome::Done)
}
