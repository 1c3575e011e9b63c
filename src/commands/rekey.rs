//! `verta-sync rekey`: turns an archive of plain hashes into a keyed one.

use std::io;
use std::path::{Path, PathBuf};

use super::command_context::{display_path, runtime};
use super::confirm::confirm;
use super::{CommandContext, Failure, FailureKind, Outcome, print_result};
use crate::anonymize::{HashKey, HashScheme};
use crate::archive::forgotten_list::listed_markers;
use crate::archive::rekey::rekey;
use crate::archive::residual::is_vacuum_due;
use crate::archive::{ArchiveError, ArchiveErrorKind, Lock, Reader, Writer};
use crate::config::{HashKeyFile, Overrides};
use crate::model::with_separators;
use crate::ui::to_stderr;

/// Turn an archive of plain hashes into a keyed one
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: verta-sync rekey --key-file archive.key")]
pub struct RekeyArgs {
    /// File with the key: 64 hexadecimal digits
    #[arg(long, value_name = "PATH")]
    pub key_file: PathBuf,
    /// Skip the confirmation
    #[arg(long)]
    pub yes: bool,
}

/// Replaces all plain hashes by keyed ones, after confirmation.
///
/// # Errors
/// Returns a [`Failure`] if the key can't be read or isn't the one that the configuration
/// names, there is no archive, it has another key, the user can't be asked for
/// confirmation, or the archive is locked or can't be written.
pub fn run(args: &RekeyArgs, context: &CommandContext) -> Result<Outcome, Failure> {
    context.init_log(io::stderr);
    let config = context.load_config(&Overrides::default())?;
    let key_path = context.current_dir().join(&args.key_file);
    let key = HashKey::new(*HashKeyFile::Path(key_path.clone()).read()?);
    let keyed = HashScheme::Keyed(key);
    if config.archive.hash_key_file.is_some() && context.rules(&config.archive)?.scheme != keyed {
        let message = format!("{} does not hold the key that hash_key_file names", display_path(&key_path));
        return Err(Failure::new(FailureKind::Usage, message).hint("use the same key in both places"));
    }
    let path = &config.archive.path;
    let failed = |error: ArchiveError| Failure::archive(&error, path);
    Failure::if_locked(path)?;
    let file = |scheme| context.archive_file_hashed_by(&config.archive, scheme);
    let (plain_file, keyed_file) = (file(HashScheme::Plain), file(keyed));
    let Some(people) = people_to_rekey(path, keyed)? else {
        // Finishes what an earlier, killed command began.
        let lock = Lock::take(&keyed_file, "rekey", None, CommandContext::now());
        let _lock = lock.map_err(|error| Failure::lock(error, path))?;
        keyed_file.open().map_err(failed)?;
        print_result("nothing to do: the archive has this key\n")?;
        return Ok(Outcome::Done);
    };
    if !confirm("the new hashes", args.yes, || question(people))? {
        return Ok(Outcome::Declined);
    }
    let lock = Lock::take(&plain_file, "rekey", None, CommandContext::now())
        .map_err(|error| Failure::lock(error, path))?;
    let runtime = runtime()?;
    let replace = || -> Result<bool, ArchiveError> {
        let forgotten = listed_markers(path, keyed)?.into_iter().collect();
        let (writer, thread) = Writer::start(plain_file.open_for_rekey()?, plain_file.rules, &lock);
        runtime.block_on(writer.run(move |tx| rekey(tx, key, &forgotten, CommandContext::now())))?;
        drop(writer);
        thread.join()?;
        // Opening scrubs all texts by the new hashes and vacuums the file.
        is_vacuum_due(&keyed_file.open()?)
    };
    if replace().map_err(failed)? {
        let warning = "another program is reading the archive, so the file still contains plain hashes; \
                       the next verta-sync command that writes the archive after that program has ended removes them";
        context.message_sink().warn(warning, to_stderr);
    }
    let set = if config.archive.hash_key_file.is_some() { "" } else { REMINDER };
    print_result(&format!("replaced the hashes of {}{set}\n", count(people)))?;
    Ok(Outcome::Done)
}

/// The number of people with a plain hash; `None` if the archive has this key already.
fn people_to_rekey(path: &Path, keyed: HashScheme) -> Result<Option<u64>, Failure> {
    let failed = |error: ArchiveError| Failure::archive(&error, path);
    let reader = Reader::open(path).map_err(|error| {
        if error.kind != ArchiveErrorKind::Missing {
            return failed(error);
        }
        Failure::new(FailureKind::Usage, format!("no archive at {} yet", display_path(path)))
            .hint("set hash_key_file under [archive]: a new archive has its key from the start")
    })?;
    let with = |scheme| reader.check_scheme(path, scheme);
    match (with(keyed), with(HashScheme::Plain)) {
        (Ok(()), _) => Ok(None),
        (_, Ok(())) => reader.people().map(Some).map_err(failed),
        (Err(error), Err(_)) => Err(failed(error)),
    }
}

const REMINDER: &str =
    "; set hash_key_file under [archive] to the key's file: no command writes the archive without it";

/// "1 person" or "2 people".
fn count(people: u64) -> String {
    if people == 1 { "1 person".to_owned() } else { format!("{} people", with_separators(people)) }
}

fn question(people: u64) -> String {
    format!(
        "This replaces the plain hashes of {} by hashes with the key, in every table and text. It \
         cannot be undone.\n\
         Backups, copies and exports that exist already keep the plain hashes: delete them.\n\
         Back up the key, in another place than the archive: without it no sync can continue.",
        count(people)
    )
}
