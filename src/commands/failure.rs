//! A command that can't do its work: what failed, and what to do.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::outcome::{FailureKind, ReceivedSignal};
use super::system::{may_read, owner_and_mode};
use crate::archive::{ArchiveError, ArchiveErrorKind, Holder, Lock, LockError, LockState, beside};
use crate::config::{ConfigError, PlatformConfig, TokenError, UnknownTenant, quoted, suggest};
use crate::exit_code::ExitCode;
use crate::files::FileError;
use crate::model::{PlatformSpec, Timestamp};
use crate::platform::{ErrorKind, PlatformError};
use crate::report;
use crate::sync::cause_of;
use crate::ui::{Voice, to_stderr};

/// Between taking the lock and writing who did.
const INTRODUCTION: Duration = Duration::from_millis(100);

/// Ends the process with a message on stderr.
#[derive(Debug)]
pub struct Failure {
    /// What failed.
    pub kind: FailureKind,
    message: String,
    hint: Option<String>,
    voice: Voice,
    /// The signal that was ending the command when it failed.
    signal: Option<ReceivedSignal>,
}

impl Failure {
    /// A failure with the remedy that follows from its kind, if one does.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let hint = kind.hint().map(str::to_owned);
        Self { kind, message: message.into(), hint, voice: Voice::default(), signal: None }
    }

    /// How the process ends.
    pub fn exit_code(&self) -> ExitCode {
        self.kind.exit_code_after(self.signal)
    }

    /// Has it end the process as `signal` does, if one was ending the command.
    #[must_use]
    pub fn after_signal(mut self, signal: Option<ReceivedSignal>) -> Self {
        self.signal = signal;
        self
    }

    /// Has it told like everything else.
    #[must_use]
    pub fn in_voice(mut self, voice: Voice) -> Self {
        self.voice = voice;
        self
    }

    /// Tells the user on stderr. A closed one is no reason to panic.
    pub fn tell(&self) {
        self.tell_as(self.voice, to_stderr);
    }

    fn tell_as(&self, voice: Voice, say: impl FnOnce(&str)) {
        voice.fail(&self.message, self.hint.as_deref(), say);
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Neither the configuration nor the archive has tenants of these names.
    pub fn unknown_tenants(names: &[&str], known: &BTreeSet<&str>) -> Self {
        let quoted: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        let meant: BTreeSet<&str> =
            names.iter().filter_map(|name| suggest(name, known.iter().copied())).collect();
        let meant: Vec<String> = meant.iter().map(|name| format!("{name:?}")).collect();
        let meant =
            if meant.is_empty() { String::new() } else { format!("did you mean {}? ", meant.join(" and ")) };
        let known = known.iter().copied().collect::<Vec<_>>().join(", ");
        Self::new(FailureKind::Usage, format!("there is no tenant {}", quoted.join(" and no tenant ")))
            .hint(format!("{meant}known tenants: {known}"))
    }

    /// Fails if somebody else holds the archive.
    ///
    /// # Errors
    /// With who that is.
    pub fn if_locked(archive: &Path) -> Result<(), Self> {
        match Lock::state(archive) {
            Ok(LockState::Held(holder)) => Err(Self::locked(holder, archive)),
            Ok(LockState::Free | LockState::Unknown) => Ok(()),
            Err(error) => Err(Self::lock(error, archive)),
        }
    }

    /// Somebody else holds the archive. Who has just taken it says a moment
    /// later who it is.
    fn locked(holder: Option<Holder>, archive: &Path) -> Self {
        let asked_again = || {
            std::thread::sleep(INTRODUCTION);
            Lock::state(archive).ok().and_then(LockState::holder)
        };
        let who = holder.or_else(asked_again).map_or_else(
            || "another process".to_owned(),
            |holder| {
                let run = holder.run_id.as_ref().map(|run| format!(" (run {run})")).unwrap_or_default();
                let since = report::clock(Timestamp::from_millis(holder.since));
                format!("\"verta-sync {}\"{run}, process {}, since {since}", holder.command, holder.process)
            },
        );
        Self::new(FailureKind::Locked, format!("the archive is held by {who}"))
            .hint("wait until it has ended; \"verta-sync status\" shows how far it is")
    }

    /// The archive can't be used.
    pub fn archive(error: &ArchiveError, path: &Path) -> Self {
        let error_text = error.to_string();
        let shown = path.display().to_string();
        let named = if error_text.contains(&shown) { String::new() } else { format!(" {shown}") };
        let kind = FailureKind::Archive(error.kind);
        let failure = Self::new(kind, format!("the archive{named} can't be used: {error_text}"));
        let folder = path.parent().unwrap_or(path);
        let (is_folder, exists, folder) = (folder.is_dir(), folder.exists(), folder.display());
        match error.kind {
            ArchiveErrorKind::NotAFile if path.is_dir() => {
                failure.hint("add a file's name to [archive] path: it names a folder")
            }
            ArchiveErrorKind::NotAFile => failure
                .hint("move away what stands there, or change [archive] path to a file that doesn't exist yet"),
            ArchiveErrorKind::Linked => failure.hint(
                "remove the other names (\"find DIR -samefile FILE\" shows them): each name would have a lock of its own",
            ),
            ArchiveErrorKind::CannotCreate if path.exists() && !may_read(path) => match owner_and_mode(path) {
                Some((owner, mode)) => failure.hint(format!(
                    "run as its owner (user ID {owner}; its mode is {mode:04o}), or see \"Who may read it\" in the README"
                )),
                None => failure,
            },
            ArchiveErrorKind::CannotCreate if is_folder => {
                failure.hint(format!("give this user the right to open {folder} and the files in it"))
            }
            ArchiveErrorKind::CannotCreate if exists => {
                failure.hint(format!("change [archive] path: {folder} is not a folder"))
            }
            ArchiveErrorKind::CannotCreate => {
                failure.hint(format!("make the folder (mkdir -p {folder}), or change [archive] path"))
            }
            ArchiveErrorKind::NotAnArchive => {
                failure.hint("change [archive] path to a file that doesn't exist yet")
            }
            ArchiveErrorKind::ForeignSchema => failure.hint(
                "remove it with the sqlite3 shell (DROP TRIGGER, DROP VIEW, DROP INDEX): an archive is data, and nothing in it is run; \
                 give what is your own another name; \"verta-sync start\" makes missing views anew; \
                 restore a changed table from a backup",
            ),
            ArchiveErrorKind::NewerSchema => failure.hint("install the newer version of verta-sync"),
            ArchiveErrorKind::ReadOnly => failure.hint(writing_hint(path)),
            ArchiveErrorKind::DiskFull => {
                failure.hint("make room on the disk and run again: it goes on where it stopped")
            }
            ArchiveErrorKind::Corrupt => {
                failure.hint("restore the file from a backup, or move it away to begin anew")
            }
            ArchiveErrorKind::Busy => {
                failure.hint("close the other program that has the database open, and run again")
            }
            ArchiveErrorKind::OlderSchema => {
                failure.hint("run \"verta-sync start\": it brings the archive to this version")
            }
            ArchiveErrorKind::Io => failure.hint(
                "look at the disk: its space, this user's quota, the system's log; then run again: it goes on where it stopped",
            ),
            ArchiveErrorKind::Replaced => failure
                .hint("leave the file alone while a sync runs; run again: it goes on with what it finds"),
            ArchiveErrorKind::OtherScheme => failure
                .hint("use the version of verta-sync that made it, or change [archive] path to begin anew"),
            ArchiveErrorKind::Interrupted => failure
                .hint("it took longer than any archive should: run \"verta-sync check\", which looks for damage"),
            ArchiveErrorKind::Missing | ArchiveErrorKind::Other => failure,
        }
    }

    /// The lock can't be taken.
    pub fn lock(error: LockError, archive: &Path) -> Self {
        match error {
            LockError::Held(holder) => Self::locked(holder, archive),
            LockError::File(FileError::Io { .. }) => {
                Self::new(FailureKind::LockFile, error.to_string()).hint(writing_hint(archive))
            }
            LockError::File(_) => Self::new(FailureKind::LockFile, error.to_string())
                .hint("move it away and run again: verta-sync makes its own"),
        }
    }

    /// The platform can't be asked at all.
    pub fn platform(error: &PlatformError, config: &PlatformConfig) -> Self {
        let kind = FailureKind::Sync(cause_of(error.kind));
        if error.kind == ErrorKind::TokenRejected {
            return Self::new(kind, format!("{} rejects the token ({})", config.spec.title, error.detail))
                .hint(format!(
                    "check that {} holds the whole token; else {} and put it there",
                    config.token(),
                    config.spec.new_token_help
                ));
        }
        Self::new(kind, format!("{} can't be asked at {}: {error}", config.spec.title, config.api_url))
            .on_platform(config.spec)
    }

    /// Says what to do on this platform, where more can be said than on any.
    #[must_use]
    pub fn on_platform(mut self, platform: &PlatformSpec) -> Self {
        if let FailureKind::Sync(cause) = self.kind {
            self.hint = report::platform_hint(platform, cause).map(str::to_owned);
        }
        self
    }

    /// Puts what it cost before what failed.
    #[must_use]
    pub fn after(mut self, cost: &str) -> Self {
        self.message = format!("{cost}: {}", self.message);
        self
    }

    /// What failed, and what to do.
    pub fn parts(&self) -> (&str, Option<&str>) {
        (&self.message, self.hint.as_deref())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = Ok(());
        self.tell_as(Voice::Text, |lines| written = f.write_str(lines.trim_end()));
        written
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(FailureKind::Usage, format!("failed to {error}"))
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
            // The file's rights are at fault, not the token.
            TokenError::Controlled { .. } => FailureKind::Usage,
            _ => FailureKind::NoToken,
        };
        Self::new(kind, format!("failed to {error}"))
    }
}

/// What to do for the right to write an archive and the files beside it.
fn writing_hint(path: &Path) -> String {
    let folder = path.parent().unwrap_or(path);
    let right = format!("give this user the right to write {} and the files in it", folder.display());
    let owner = |path: &Path| owner_and_mode(path).map(|(owner, _)| owner);
    let Some(archive_owner) = owner(path) else { return right };
    let strange = ["-wal", "-shm", ".lock"].map(|end| beside(path, end)).into_iter().find_map(|file| {
        let owner = owner(&file).filter(|owner| *owner != archive_owner)?;
        Some(format!("give {} to the archive's owner: it belongs to user ID {owner}", file.display()))
    });
    strange.unwrap_or_else(|| format!("run as the archive's owner (user ID {archive_owner}), or {right}"))
}
