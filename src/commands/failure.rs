//! The error type of commands: its message, its hint and its exit code. Maps the errors
//! of the other layers to it.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::outcome::{FailureKind, ReceivedSignal};
use super::system::{may_read, owner_and_mode};
use crate::archive::{ArchiveError, ArchiveErrorKind, Holder, Lock, LockError, LockState, beside};
use crate::config::{
    ConfigError, HashKeyError, PlatformConfig, TokenError, UnknownTenant, quoted_input, suggest,
};
use crate::exit_code::ExitCode;
use crate::files::FileError;
use crate::model::{PlatformSpec, Timestamp, without_colors};
use crate::platform::{ErrorKind, PlatformError};
use crate::report;
use crate::sync::error_cause;
use crate::ui::{MessageSink, to_colored_stderr};

/// Delay before the lock file is read again if it names no holder yet: a process writes
/// its name just after it has taken the lock.
const HOLDER_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Why a command failed. Ends the process with a message on stderr.
#[derive(Debug)]
pub struct Failure {
    /// Decides the exit code.
    pub kind: FailureKind,
    message: String,
    hint: Option<String>,
    message_sink: MessageSink,
    /// The signal that was stopping the command when it failed.
    signal: Option<ReceivedSignal>,
}

impl Failure {
    /// Creates a failure with the default hint of its kind, if there is one.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let hint = kind.hint().map(str::to_owned);
        Self { kind, message: message.into(), hint, message_sink: MessageSink::default(), signal: None }
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> ExitCode {
        self.kind.exit_code_after(self.signal)
    }

    /// Sets the signal that was stopping the command; it decides the exit code.
    #[must_use]
    pub fn after_signal(mut self, signal: Option<ReceivedSignal>) -> Self {
        self.signal = signal;
        self
    }

    /// Sets whether the message is written as text or through the log.
    #[must_use]
    pub fn with_sink(mut self, message_sink: MessageSink) -> Self {
        self.message_sink = message_sink;
        self
    }

    /// Writes message and hint to stderr. Ignores a closed stderr.
    pub fn print(&self) {
        self.write(self.message_sink, to_colored_stderr);
    }

    fn write(&self, message_sink: MessageSink, write_text: impl FnOnce(&str)) {
        message_sink.fail(&self.message, self.hint.as_deref(), write_text);
    }

    /// Sets the hint: what the user can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Unknown tenant names, with the known ones and the most similar of them as a hint.
    pub fn unknown_tenants(names: &[&str], known: &BTreeSet<&str>) -> Self {
        let quoted: Vec<String> = names.iter().map(|name| quoted_input(name)).collect();
        let suggested: BTreeSet<&str> =
            names.iter().filter_map(|name| suggest(name, known.iter().copied())).collect();
        let suggested: Vec<String> = suggested.iter().map(|name| format!("{name:?}")).collect();
        let suggested = if suggested.is_empty() {
            String::new()
        } else {
            format!("did you mean {}? ", suggested.join(" and "))
        };
        let known = known.iter().copied().collect::<Vec<_>>().join(", ");
        let plural = if names.len() == 1 { "" } else { "s" };
        Self::new(FailureKind::Usage, format!("unknown tenant{plural} {}", quoted.join(", ")))
            .hint(format!("{suggested}known tenants: {known}"))
    }

    /// Fails if a tenant isn't among the known ones.
    ///
    /// # Errors
    /// Returns [`Self::unknown_tenants`].
    pub fn if_tenants_unknown(names: &[String], known: &BTreeSet<&str>) -> Result<(), Self> {
        let unknown: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| !known.contains(name)).collect();
        if unknown.is_empty() { Ok(()) } else { Err(Self::unknown_tenants(&unknown, known)) }
    }

    /// Fails if another process holds the archive.
    ///
    /// # Errors
    /// Returns a failure that names the holder, or the reason why the lock file can't be
    /// used.
    pub fn if_locked(archive: &Path) -> Result<(), Self> {
        match Lock::state(archive) {
            Ok(LockState::Held(holder)) => Err(Self::locked(holder, archive)),
            Ok(LockState::Free | LockState::Unknown) => Ok(()),
            Err(error) => Err(Self::lock(error, archive)),
        }
    }

    /// Another process holds the archive. If the lock file doesn't name the holder yet,
    /// reads it once more after a short delay.
    fn locked(holder: Option<Holder>, archive: &Path) -> Self {
        let read_again = || {
            std::thread::sleep(HOLDER_RETRY_DELAY);
            Lock::state(archive).ok().and_then(LockState::holder)
        };
        let holder_text = holder.or_else(read_again).map_or_else(
            || "another process".to_owned(),
            |holder| {
                let run = holder.run_id.as_ref().map(|run| format!(" (run {run})")).unwrap_or_default();
                let since = report::utc_seconds(Timestamp::from_millis(holder.since));
                format!("\"verta-sync {}\"{run}, process {}, since {since}", holder.command, holder.process)
            },
        );
        Self::new(FailureKind::Locked, format!("the archive is locked by {holder_text}"))
            .hint("wait until it has finished; \"verta-sync status\" shows its progress")
    }

    /// An error of the archive at `path`, with a hint by its kind.
    pub fn archive(error: &ArchiveError, path: &Path) -> Self {
        let error_text = error.to_string();
        let shown = path.display().to_string();
        let named = if error_text.contains(&shown) { String::new() } else { format!(" {shown}") };
        let kind = FailureKind::Archive(error.kind);
        let failure = Self::new(kind, format!("cannot use the archive{named}: {error_text}"));
        let folder = path.parent().unwrap_or(path);
        let (is_folder, exists, folder) = (folder.is_dir(), folder.exists(), folder.display());
        match error.kind {
            ArchiveErrorKind::NotAFile if path.is_dir() => {
                failure.hint("add a file name to [archive] path, which is a folder")
            }
            ArchiveErrorKind::NotAFile => failure
                .hint("move it away, or set [archive] path to a new file"),
            ArchiveErrorKind::HardLinked => failure.hint(
                "remove the other hard links (\"find DIR -samefile FILE\" lists them), because each would have its own lock",
            ),
            ArchiveErrorKind::CannotCreate if path.exists() && !may_read(path) => match owner_and_mode(path) {
                Some((owner, mode)) => failure.hint(format!(
                    "run as its owner (user ID {owner}; its mode is {mode:04o}), or share it as docs/operating.md describes (\"File permissions\")"
                )),
                None => failure,
            },
            ArchiveErrorKind::CannotCreate if is_folder => {
                failure.hint(format!("grant this user access to {folder} and the files in it"))
            }
            ArchiveErrorKind::CannotCreate if exists => {
                failure.hint(format!("correct [archive] path: {folder} is not a folder"))
            }
            ArchiveErrorKind::CannotCreate => {
                failure.hint(format!("create the folder (mkdir -p {folder}), or correct [archive] path"))
            }
            ArchiveErrorKind::NotAnArchive => {
                failure.hint("set [archive] path to a new file")
            }
            ArchiveErrorKind::ModifiedSchema => failure.hint(
                "drop it with the sqlite3 shell (DROP TRIGGER, DROP VIEW, DROP INDEX), because verta-sync executes no foreign code from an archive; \
                 rename objects of your own; \"verta-sync start\" recreates missing views; \
                 restore a changed table from a backup",
            ),
            ArchiveErrorKind::NewerSchema => failure.hint("upgrade verta-sync"),
            ArchiveErrorKind::ReadOnly => failure.hint(write_permission_hint(path)),
            ArchiveErrorKind::DiskFull => {
                failure.hint("free disk space and run again; the run resumes where it stopped")
            }
            ArchiveErrorKind::Corrupt => {
                failure.hint("restore the file from a backup, or move it away to start over")
            }
            ArchiveErrorKind::Busy => {
                failure.hint("close the other program that has the database open, and run again")
            }
            ArchiveErrorKind::OlderSchema => {
                failure.hint("run \"verta-sync start\" to migrate the archive")
            }
            ArchiveErrorKind::Io => failure.hint(
                "check the disk space, this user's quota and the system log, then run again; the run resumes where it stopped",
            ),
            ArchiveErrorKind::Replaced => failure
                .hint("do not replace the file while a sync runs; run again to continue with the current file"),
            ArchiveErrorKind::UnsupportedScheme => failure
                .hint("use the version of verta-sync that created it, or set [archive] path to a new file"),
            ArchiveErrorKind::DamagedList => failure.hint(
                "restore the list from a backup, or delete it if you did not restore an old archive: the archive has a copy",
            ),
            ArchiveErrorKind::KeyMissing => failure.hint(
                "set hash_key_file under [archive] to the file with its key; restore the key from your backup if it is lost",
            ),
            ArchiveErrorKind::NotKeyed => failure.hint(
                "run \"verta-sync rekey --key-file PATH\" to turn it into a keyed archive, or remove hash_key_file",
            ),
            ArchiveErrorKind::WrongKey => failure
                .hint("correct hash_key_file, or restore the key from your backup: a key cannot be changed"),
            ArchiveErrorKind::Interrupted => failure
                .hint("run \"verta-sync check\" to look for damage: reading the archive took too long"),
            ArchiveErrorKind::Missing | ArchiveErrorKind::Other => failure,
        }
    }

    /// An error on taking the archive's lock.
    pub fn lock(error: LockError, archive: &Path) -> Self {
        match error {
            LockError::Held(holder) => Self::locked(holder, archive),
            LockError::File(FileError::Io { .. }) => {
                Self::new(FailureKind::LockFile, error.to_string()).hint(write_permission_hint(archive))
            }
            LockError::File(_) => Self::new(FailureKind::LockFile, error.to_string())
                .hint("move it away and run again; verta-sync creates a new one"),
        }
    }

    /// A platform error that ends the command.
    pub fn platform(error: &PlatformError, config: &PlatformConfig) -> Self {
        let kind = FailureKind::Sync(error_cause(error.kind));
        if error.kind == ErrorKind::TokenRejected {
            return Self::new(kind, format!("{} rejected the token ({})", config.spec.title, error.detail))
                .hint(format!(
                    "check that {} contains the complete token; otherwise {} and store it there",
                    config.token(),
                    config.spec.new_token_help
                ));
        }
        Self::new(kind, format!("cannot query {} at {}: {error}", config.spec.title, config.api_url))
            .with_platform_hint(config.spec)
    }

    /// Replaces the hint of a sync failure by the platform's own, which is more specific.
    #[must_use]
    pub fn with_platform_hint(mut self, platform: &PlatformSpec) -> Self {
        if let FailureKind::Sync(cause) = self.kind {
            self.hint = report::platform_hint(platform, cause).map(str::to_owned);
        }
        self
    }

    /// Prefixes the message with `context`.
    #[must_use]
    pub fn with_context(mut self, context: &str) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// The message and the hint.
    pub fn parts(&self) -> (&str, Option<&str>) {
        (&self.message, self.hint.as_deref())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        self.write(MessageSink::Text, |lines| result = f.write_str(without_colors(lines).trim_end()));
        result
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(FailureKind::Usage, format!("cannot {error}"))
    }
}

impl From<HashKeyError> for Failure {
    fn from(error: HashKeyError) -> Self {
        Self::new(FailureKind::Usage, format!("cannot {error}"))
    }
}

impl From<UnknownTenant> for Failure {
    fn from(error: UnknownTenant) -> Self {
        let names: Vec<&str> = error.unknown.iter().map(String::as_str).collect();
        Self::unknown_tenants(&names, &error.known.iter().map(String::as_str).collect())
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        let kind = match error {
            // The permissions of the token file are wrong, not the token.
            TokenError::ModifiableByOthers { .. } => FailureKind::Usage,
            _ => FailureKind::NoToken,
        };
        Self::new(kind, format!("cannot {error}"))
    }
}

/// What to do if an archive or a file beside it can't be written: names the file that
/// belongs to another user than the archive, if there is one.
fn write_permission_hint(path: &Path) -> String {
    let folder = path.parent().unwrap_or(path);
    let grant = format!("grant this user write access to {} and the files in it", folder.display());
    let owner = |path: &Path| owner_and_mode(path).map(|(owner, _)| owner);
    let Some(archive_owner) = owner(path) else { return grant };
    let foreign_file_hint =
        ["-wal", "-shm", ".lock"].map(|end| beside(path, end)).into_iter().find_map(|file| {
            let owner = owner(&file).filter(|owner| *owner != archive_owner)?;
            Some(format!(
                "change the owner of {} to the archive's owner; it belongs to user ID {owner}",
                file.display()
            ))
        });
    let hint = foreign_file_hint
        .unwrap_or_else(|| format!("run as the archive's owner (user ID {archive_owner}), or {grant}"));
    let shared_memory = beside(path, "-shm");
    if shared_memory.exists() {
        return hint;
    }
    format!(
        "{hint}; to read only, have its owner run \"verta-sync status\" or \"verta-sync start\" first: that \
         creates {}, which another program has removed",
        shared_memory.display()
    )
}
