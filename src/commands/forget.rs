//! `verta-sync forget`: erases one person's data from the archive.

use std::io;

use super::command_context::runtime;
use super::confirm::confirm;
use super::migrate::migrate;
use super::search_index::{self, Upkeep};
use super::{
    CommandContext, Failure, FailureKind, Format, Outcome, export_record, foreign_tables, print_result,
};
use crate::anonymize::{Rules, UserHash};
use crate::archive::forget::{ForgetScope, forget};
use crate::archive::residual::is_vacuum_due;
use crate::archive::{ArchiveError, ArchiveErrorKind, Lock, Reader, Writer};
use crate::config::Overrides;
use crate::model::Platforms;
use crate::report::{SCHEMA, with_noun};
use crate::ui::to_stderr;

/// Erase a person from the archive and exclude them from later syncs
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: verta-sync forget --user 80351110224678912")]
pub struct ForgetArgs {
    /// User ID of the person, or their hash in the archive
    #[arg(long, value_name = "ID")]
    pub user: String,
    /// Skip the confirmation
    #[arg(long)]
    pub yes: bool,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

/// Erases a person from the archive, after confirmation, and excludes them from later
/// syncs.
///
/// # Errors
/// Returns a [`Failure`] if `--user` is invalid, the user can't be asked for
/// confirmation, or the archive is locked or can't be written.
pub fn run(args: &ForgetArgs, context: &CommandContext) -> Result<Outcome, Failure> {
    context.init_log(io::stderr);
    let config = context.load_config(&Overrides::default())?;
    let file = context.archive_file(&config.archive)?;
    let rules = file.rules;
    let user = parse_user(&args.user, rules)?;
    let path = &config.archive.path;
    let failed = |error: ArchiveError| Failure::archive(&error, path);
    Failure::if_locked(path)?;
    migrate(&file, "forget")?;
    let reader = match Reader::open(path) {
        Ok(reader) => Some(reader),
        Err(error) if error.kind == ArchiveErrorKind::Missing => None,
        Err(error) => return Err(failed(error)),
    };
    let scope_of = |user: &UserHash| {
        let scope = reader.as_ref().map(|reader| reader.forget_scope(user, rules.scheme));
        scope.transpose().map(Option::unwrap_or_default).map_err(failed)
    };
    let (user, scope) = known_user(&args.user, user, rules, scope_of)?;
    drop(reader);
    if !confirm("the erasure", args.yes, || question(scope))? {
        return Ok(Outcome::Declined);
    }
    let lock = Lock::take(&file, "forget", None, CommandContext::now())
        .map_err(|error| Failure::lock(error, path))?;
    let runtime = runtime()?;
    let erase = || -> Result<_, ArchiveError> {
        let (writer, thread) = Writer::start(file.open()?, file.rules, &lock);
        runtime.block_on(writer.run(move |tx| forget(tx, &user, CommandContext::now())))?;
        let index = Upkeep::new(&runtime, &writer, path).after_erasure();
        drop(writer);
        thread.join()?;
        // Opening the archive removes residual data from free pages, unless a reader
        // prevents it.
        Ok((is_vacuum_due(&file.open()?)?, index))
    };
    let (is_vacuum_due, index) = erase().map_err(failed)?;
    index.map_err(|error| search_index::not_erased(&error, path))?;
    if is_vacuum_due {
        let warning = "another program is reading the archive, so the file still contains residual data of what was erased; \
                       the next verta-sync command that writes the archive after that program has ended removes it";
        context.message_sink().warn(warning, to_stderr);
    }
    foreign_tables::warn(path, context);
    export_record::remind(path, context);
    let what = if scope.is_empty() {
        "nothing, because the archive has no data of this person".to_owned()
    } else {
        scope_text(scope)
    };
    print_result(&match args.format {
        Format::Human => format!("erased: {what}; later syncs exclude this person\n"),
        Format::Json => done_json(scope, is_vacuum_due),
    })?;
    Ok(Outcome::Done)
}

/// The document of `forget`. It does not name the person.
fn done_json(scope: ForgetScope, has_residual_data: bool) -> String {
    let document = serde_json::json!({
        "schema": SCHEMA,
        "messages": scope.messages,
        "attachments": scope.attachments,
        "reactions": scope.reactions,
        "replies": scope.replies,
        "mentions": scope.mentions,
        "has_residual_data": has_residual_data,
    });
    format!("{document}\n")
}

/// The user to erase, and what the archive holds of them. In a keyed archive a hash may be the
/// plain one. An unknown hash is refused: later syncs could not recognize the person by it.
fn known_user(
    text: &str,
    user: UserHash,
    rules: Rules,
    scope_of: impl Fn(&UserHash) -> Result<ForgetScope, Failure>,
) -> Result<(UserHash, ForgetScope), Failure> {
    let scope = scope_of(&user)?;
    let is_known = |scope: &ForgetScope| !scope.is_empty() || scope.is_forgotten;
    let Some(key) = rules.scheme.key().filter(|_| UserHash::from_hex(text.trim()).is_some()) else {
        return Ok((user, scope));
    };
    if is_known(&scope) {
        return Ok((user, scope));
    }
    let keyed = key.hash(&user);
    let scope = scope_of(&keyed)?;
    if is_known(&scope) {
        return Ok((keyed, scope));
    }
    Err(Failure::new(FailureKind::Usage, "the archive has nobody with this hash")
        .hint("use the user ID: later syncs can be told to exclude a person only by it"))
}

/// Parses a user ID or hash. The error message doesn't quote the value, which may be a
/// mistyped ID.
fn parse_user(text: &str, rules: Rules) -> Result<UserHash, Failure> {
    if let Some(hash) = UserHash::from_hex(text.trim()) {
        return Ok(hash);
    }
    parse_user_id(text, rules).map_err(|_| {
        let message = "invalid value for --user: neither a user ID nor a hash";
        Failure::new(FailureKind::Usage, message).hint(format!(
            "use the user ID {}, or the 64 hex digits that the archive shows as author",
            id_help(rules)
        ))
    })
}

/// Parses and hashes a user ID. The error message doesn't quote the value.
pub fn parse_user_id(text: &str, rules: Rules) -> Result<UserHash, Failure> {
    rules.scrubbers().find_map(|scrubber| scrubber.parse_user(text.trim())).ok_or_else(|| {
        Failure::new(FailureKind::Usage, "invalid value for --user: not a user ID")
            .hint(format!("use the user ID {}", id_help(rules)))
    })
}

/// What a user ID looks like on each platform.
fn id_help(rules: Rules) -> String {
    rules.platforms.iter().map(|platform| platform.user_id_help).collect::<Vec<_>>().join(" or ")
}

/// Masks everything in `text` that may be a user ID on one of the platforms.
pub fn mask_ids(text: &str, platforms: Platforms) -> String {
    platforms.iter().fold(text.to_owned(), |text, platform| platform.ids.mask(&text))
}

fn question(scope: ForgetScope) -> String {
    if scope.is_empty() && !scope.is_forgotten {
        return "The archive has no data of this person. Later syncs will exclude them.".to_owned();
    }
    let known = if scope.is_forgotten { "\nThis person was erased before and stays excluded." } else { "" };
    format!(
        "This permanently erases, in all tenants: {}.{known}\n\
         Each message leaves an empty row without an author. Later syncs will exclude this person.\n\
         Backups and copies of the archive are not changed.",
        scope_text(scope)
    )
}

/// Lists what the archive has of the person: "2 messages with 1 attachment, …".
fn scope_text(scope: ForgetScope) -> String {
    format!(
        "{} with {}, {}, replies to them in {}, mentions in {}",
        with_noun(scope.messages, "message"),
        with_noun(scope.attachments, "attachment"),
        with_noun(scope.reactions, "reaction"),
        with_noun(scope.replies, "message"),
        with_noun(scope.mentions, "text"),
    )
}
