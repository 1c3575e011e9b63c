//! The bot token: its source, and reading it without ever showing it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::{fmt, io, str};

use zeroize::Zeroizing;

use super::environment::Environment;
use super::error::{describe_foreign_writer, describe_read_error};
use super::path::is_variable_name;
use super::redact::{quoted_input, shown_key, shown_path};
use super::secret::Secret;
use crate::files::{FileError, ForeignWriter, NamedFile, PathOrigin};

/// Size limit of the token file, far above any token, so that a wrong path can't
/// exhaust memory.
const MAX_BYTES: u64 = 64 << 10;

/// Where the bot token is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// The environment variable with this name.
    Env(String),
    /// The file at this absolute path.
    File(PathBuf),
    /// A file whose path refers to an unset variable, such as
    /// `$CREDENTIALS_DIRECTORY` outside of systemd. An error only when the token is
    /// read, so that `status` still works in a terminal.
    UnsetVariable {
        /// The path as written in the configuration.
        path: String,
        /// The variable's name.
        variable: String,
    },
}

/// The bot token can't be read. The text completes "cannot …", names a remedy and
/// never contains any of the token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The environment variable is unset or empty: its name and the section.
    #[error(
        "read the bot token: the environment variable {name} is not set, or empty; set it to the token \
         (\"read -rs {name} && export {name}\" prompts for it without echo), \
         or name a file with token_file in [{1}]",
        name = shown_key(.0)
    )]
    NotSet(String, &'static str),
    /// The file's path refers to an unset variable: the path and the variable.
    #[error(
        "read the bot token: ${variable} is not set, which token_file = {path} uses; \
         set it (systemd sets $CREDENTIALS_DIRECTORY for a service with LoadCredential=), \
         or use an absolute path",
        path = quoted_input(.0),
        variable = shown_key(.1)
    )]
    UnsetVariable(String, String),
    /// The file can't be read: its path, the cause and the section.
    #[error("read the bot token from the file {}: {}", shown_path(.0), file_reason(.1, .2))]
    Unreadable(PathBuf, FileError, &'static str),
    /// Another user can modify the file, and so could replace the token.
    #[error(
        "read the bot token from the file {}: {}{}",
        shown_path(.0),
        describe_foreign_writer(*.1, .0, "could replace the bot token"),
        if let ForeignWriter::Owner(_) = .1 { ", or mount it read-only" } else { "" }
    )]
    ModifiableByOthers(PathBuf, ForeignWriter),
    /// The source is empty or only whitespace.
    #[error("read the bot token: {0} is empty; put the token in it")]
    Empty(TokenSource),
    /// The source holds `NAME=token`, as a file of variables does.
    #[error(
        "read the bot token: {0} contains an assignment (NAME=…); keep only the token, which \
         follows the \"=\""
    )]
    Assigned(TokenSource),
    /// The source holds the token in quotes.
    #[error(
        "read the bot token: the value of {0} is wrapped in quotes, which are not part of a token; \
         keep only what is between them"
    )]
    Quoted(TokenSource),
    /// The source holds a word that stands for a token, with or without quotes.
    #[error(
        "read the bot token: {0} contains a placeholder instead of a token{quotes}; replace it by the \
         bot's own token, without quotes",
        quotes = if *.1 { ", and is wrapped in quotes" } else { "" }
    )]
    Placeholder(TokenSource, bool),
    /// The source holds a reference to a variable that nothing has resolved.
    #[error(
        "read the bot token: {0} contains the name of a variable ($NAME) instead of a token; \
         replace it by the bot's own token"
    )]
    Unresolved(TokenSource),
    /// The source holds bytes that can't be sent in a header.
    #[error(
        "read the bot token: {0} contains characters that a token cannot have; a token has only \
         letters, digits, \".\", \"-\" and \"_\", without quotes and spaces"
    )]
    Malformed(TokenSource),
}

impl TokenSource {
    /// Reads the token, without surrounding whitespace and a "Bot " prefix. `section`
    /// is named in errors.
    pub(super) fn read(&self, env: &Environment, section: &'static str) -> Result<Secret, TokenError> {
        let bytes = Zeroizing::new(match self {
            Self::Env(name) => env
                .variable(name)
                .map(|value| value.as_encoded_bytes().to_vec())
                .ok_or_else(|| TokenError::NotSet(name.clone(), section))?,
            Self::File(path) => read_file(path, section)?,
            Self::UnsetVariable { path, variable } => {
                return Err(TokenError::UnsetVariable(path.clone(), variable.clone()));
            }
        });
        let token = str::from_utf8(&bytes).map_err(|_| TokenError::Malformed(self.clone()))?;
        match without_prefix(token) {
            "" => Err(TokenError::Empty(self.clone())),
            token if is_placeholder(unquoted(token).unwrap_or(token)) => {
                Err(TokenError::Placeholder(self.clone(), unquoted(token).is_some()))
            }
            token if unquoted(token).is_some() => Err(TokenError::Quoted(self.clone())),
            token if is_reference(token) => Err(TokenError::Unresolved(self.clone())),
            token if is_assignment(token) => Err(TokenError::Assigned(self.clone())),
            token if token.bytes().all(is_token_byte) => Ok(Secret::new(token)),
            _ => Err(TokenError::Malformed(self.clone())),
        }
    }

    /// True if every user of this machine may read the token's file. Always false below
    /// `$CREDENTIALS_DIRECTORY`: systemd denies other users access to that folder,
    /// whatever the file's mode.
    pub fn is_world_readable(&self, env: &Environment) -> bool {
        let is_credential = |path: &Path| {
            env.variable("CREDENTIALS_DIRECTORY").is_some_and(|folder| path.starts_with(folder))
        };
        match self {
            Self::File(path) => !is_credential(path) && others_may_read(path),
            Self::Env(_) | Self::UnsetVariable { .. } => false,
        }
    }
}

impl fmt::Display for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable {}", shown_key(name)),
            Self::File(path) => write!(f, "the file {}", shown_path(path)),
            Self::UnsetVariable { path, .. } => write!(f, "the file {}", quoted_input(path)),
        }
    }
}

/// Strips a byte order mark, whitespace and "Bot ", which people copy from examples of
/// requests and which the client adds itself.
fn without_prefix(text: &str) -> &str {
    let text = text.trim_start_matches('\u{feff}').trim();
    let (prefix, token) = text.split_at_checked(3).unwrap_or(("", text));
    if prefix.eq_ignore_ascii_case("bot") && (token.is_empty() || token.starts_with(' ')) {
        token.trim_start()
    } else {
        text
    }
}

/// True for `DISCORD_BOT_TOKEN=…`, with or without `export`; false for a token with
/// base64 padding ("=" at its end).
fn is_assignment(text: &str) -> bool {
    let text = text.strip_prefix("export ").unwrap_or(text);
    text.split_once('=').is_some_and(|(name, value)| {
        is_variable_name(name.trim()) && !value.trim_matches(['=', '"', '\'']).is_empty()
    })
}

/// What is between the quotes that the text begins and ends with; `None` if it doesn't.
fn unquoted(text: &str) -> Option<&str> {
    let pairs = [('"', '"'), ('\'', '\''), ('`', '`'), ('“', '”'), ('‘', '’'), ('«', '»')];
    pairs.iter().find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close)).map(str::trim)
}

/// True for a word that programs and templates write where a token belongs, such as "null",
/// "changeme" or "<your-bot-token>".
fn is_placeholder(text: &str) -> bool {
    const WORDS: [&str; 14] = [
        "none",
        "null",
        "nil",
        "undefined",
        "nan",
        "true",
        "false",
        "changeme",
        "replaceme",
        "todo",
        "tbd",
        "placeholder",
        "example",
        "secret",
    ];
    let is_in_brackets = [('<', '>'), ('[', ']'), ('{', '}')]
        .iter()
        .any(|(open, close)| text.starts_with(*open) && text.ends_with(*close));
    let mut chars = text.chars();
    let first = chars.next();
    let is_repeated = chars.all(|char| Some(char) == first);
    let word: String = text.chars().filter(|char| !matches!(char, '_' | '-' | ' ')).collect();
    let word = word.to_ascii_lowercase();
    let means_token = word.bytes().all(|byte| byte.is_ascii_lowercase())
        && (word.ends_with("token") || word.ends_with("tokenhere"));
    is_in_brackets || is_repeated || means_token || WORDS.contains(&word.as_str())
}

/// True for `$NAME` and `${NAME}`.
fn is_reference(text: &str) -> bool {
    let name = text.strip_prefix('$').map(|name| name.trim_start_matches('{').trim_end_matches('}'));
    name.is_some_and(is_variable_name)
}

/// True for the visible ASCII characters that a header value may contain (RFC 9110,
/// 5.5), except quotes, which can only be there by mistake.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'`')
}

fn others_may_read(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.mode() & 0o004 != 0)
}

fn read_file(path: &Path, section: &'static str) -> Result<Vec<u8>, TokenError> {
    let unreadable = |cause| TokenError::Unreadable(path.to_owned(), cause, section);
    let named = NamedFile::open(path).map_err(unreadable)?;
    // The operator's configuration names this file, so it counts as named by this user.
    match named.foreign_writer(PathOrigin::Explicit) {
        Some(foreign_writer) => Err(TokenError::ModifiableByOthers(path.to_owned(), foreign_writer)),
        None => named.read(MAX_BYTES).map_err(unreadable),
    }
}

fn file_reason(error: &FileError, section: &str) -> String {
    match error {
        FileError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            format!("it does not exist; create it, or correct token_file in [{section}]")
        }
        FileError::TooLarge { .. } => {
            format!("it is larger than 64 KiB and thus not a token; correct token_file in [{section}]")
        }
        _ => describe_read_error(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const TOKEN: &str = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs";

    fn from_variable(value: &str) -> Result<Secret, TokenError> {
        let env = Environment::new([("TOKEN", value)], "/");
        TokenSource::Env("TOKEN".to_owned()).read(&env, "discord")
    }

    fn no_env() -> Environment {
        Environment::new::<&str, &str>([], "/")
    }

    #[test]
    fn strips_whitespace_bot_prefix_and_byte_order_mark() {
        for value in [
            TOKEN.to_owned(),
            format!("  {TOKEN}\r\n"),
            format!("Bot {TOKEN}\n"),
            format!("bot   {TOKEN}"),
            format!("\u{feff}{TOKEN}"),
        ] {
            assert_eq!(from_variable(&value).unwrap().expose(), TOKEN);
        }
        assert_eq!(from_variable("bottle").unwrap().expose(), "bottle");
    }

    #[test]
    fn a_token_invalid_in_a_header_is_rejected_and_not_shown() {
        for value in ["hush\nhush", "hush\u{1}", "\"hush", "hush hush", "hüsh", "hush\u{7f}"] {
            let error = from_variable(value).unwrap_err();
            assert!(matches!(error, TokenError::Malformed { .. }), "{value:?}");
            assert!(!format!("{error} {error:?}").contains("sh\"") && !error.to_string().contains("hush"));
        }
    }

    #[test]
    fn a_quoted_token_and_a_placeholder_are_named_as_such_and_not_shown() {
        for value in ["\"hush\"", "'hush'", "`hush`", "“hush”", "Bot \"hush\"", "\"Bot hush\"", "' hush '"]
        {
            let error = from_variable(value).unwrap_err();
            assert!(error.to_string().contains("is wrapped in quotes"), "{error}");
            assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
        }
        for value in [
            "none",
            "null",
            "undefined",
            "changeme",
            "CHANGE_ME",
            "<hush>",
            "[hush]",
            "{{hush}}",
            "your-bot-token",
            "xxxxxxxx",
            "***",
            "...",
            "x",
            "Bot null",
        ] {
            let error = from_variable(value).unwrap_err();
            assert!(matches!(error, TokenError::Placeholder(_, false)), "{value}");
            assert!(!error.to_string().contains("hush") && !error.to_string().contains("CHANGE"), "{error}");
        }
        for value in ["\"none\"", "'changeme'", "\"\""] {
            let error = from_variable(value).unwrap_err();
            assert!(matches!(error, TokenError::Placeholder(_, true)), "{value}");
        }
        for value in ["$HUSH", "${HUSH}"] {
            let error = from_variable(value).unwrap_err();
            assert!(matches!(error, TokenError::Unresolved(_)), "{value}");
            assert!(!error.to_string().contains("HUSH"), "{error}");
        }
        assert!(from_variable(TOKEN).is_ok());
    }

    #[test]
    fn an_assignment_is_rejected_and_a_padded_token_is_accepted() {
        for value in ["TOKEN=hush", "export TOKEN=hush", "TOKEN=\"hush\"", "TOKEN = hush"] {
            let error = from_variable(value).unwrap_err();
            assert!(matches!(error, TokenError::Assigned { .. }), "{value:?}");
            assert!(!error.to_string().contains("hush"));
        }
        assert_eq!(from_variable("aHVzaA==").unwrap().expose(), "aHVzaA==");
    }

    #[test]
    fn errors_name_a_missing_or_empty_variable() {
        let missing = TokenSource::Env("TOKEN".to_owned()).read(&no_env(), "discord").unwrap_err();
        assert_eq!(
            missing.to_string(),
            "read the bot token: the environment variable TOKEN is not set, or empty; \
             set it to the token (\"read -rs TOKEN && export TOKEN\" prompts for it without echo), \
             or name a file with token_file in [discord]"
        );
        for value in [" \n", "Bot ", "Bot"] {
            let error = from_variable(value).unwrap_err().to_string();
            assert!(error.contains("variable TOKEN is empty"), "{error}");
        }
    }

    #[test]
    fn a_token_is_read_from_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let source = TokenSource::File(path.clone());
        let missing = source.read(&no_env(), "discord").unwrap_err().to_string();
        assert!(missing.contains("does not exist") && missing.contains("token_file"), "{missing}");
        fs::write(&path, format!("{TOKEN}\n")).unwrap();
        assert_eq!(source.read(&no_env(), "discord").unwrap().expose(), TOKEN);
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(source.read(&no_env(), "discord"), Err(TokenError::Malformed { .. })));
        let folder = TokenSource::File(dir.path().to_owned());
        assert!(folder.read(&no_env(), "discord").unwrap_err().to_string().contains("it is a folder"));
    }

    /// For arbitrary bytes, an accepted token is valid in a header, and no error shows
    /// any of the file's content.
    #[test]
    fn no_error_shows_any_byte_of_the_token_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let source = TokenSource::File(path.clone());
        let mut rng = fastrand::Rng::with_seed(23);
        let (mut accepted, mut rejected) = (0, 0);
        for _ in 0..500 {
            let mut bytes = TOKEN.as_bytes().to_vec();
            for _ in 0..rng.usize(..4) {
                let at = rng.usize(..=bytes.len());
                let end = (at + rng.usize(..20)).min(bytes.len());
                match rng.u8(..6) {
                    0 => bytes.splice(at..end, (0..rng.usize(..20)).map(|_| rng.u8(..))).for_each(drop),
                    1 => bytes.insert(at, b"\0\xff\n\r \"=\x1b\xc2\x9b"[rng.usize(..10)]),
                    2 => bytes.truncate(at),
                    3 => bytes.splice(at..at, "\u{feff}\u{202e}é".bytes()).for_each(drop),
                    4 => bytes.splice(0..0, *b"Bot ").for_each(drop),
                    _ => bytes.splice(0..0, *b"export TOKEN=").for_each(drop),
                }
            }
            fs::write(&path, &bytes).unwrap();
            match source.read(&no_env(), "discord") {
                Ok(token) => {
                    accepted += 1;
                    assert!(!token.expose().is_empty() && token.expose().bytes().all(is_token_byte));
                }
                Err(error) => {
                    rejected += 1;
                    let text = format!("{error} {error:?}").replace(&path.display().to_string(), "");
                    assert!(!text.contains("MTk4Nj") && !text.contains("ZnCjm1"), "{text}");
                    assert!(!text.contains(char::is_control), "{text:?}");
                }
            }
        }
        assert!(accepted > 50 && rejected > 50, "{accepted} accepted, {rejected} rejected");
    }

    #[test]
    fn a_token_written_as_a_path_is_not_shown() {
        let path = PathBuf::from(format!("/srv/{TOKEN}"));
        let error = TokenSource::File(path).read(&no_env(), "discord").unwrap_err();
        assert!(!error.to_string().contains("MTk4"), "{error}");
    }

    #[test]
    fn the_error_of_an_unset_variable_in_the_path_says_what_sets_it() {
        let source = TokenSource::UnsetVariable {
            path: "$CREDENTIALS_DIRECTORY/token".to_owned(),
            variable: "CREDENTIALS_DIRECTORY".to_owned(),
        };
        let text = source.read(&no_env(), "discord").unwrap_err().to_string();
        assert!(text.contains("$CREDENTIALS_DIRECTORY is not set"), "{text}");
        assert!(text.contains("LoadCredential="), "{text}");
    }

    #[test]
    fn detects_a_world_readable_file() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        let source = TokenSource::File(file.path().to_owned());
        for (mode, expected) in [(0o600, false), (0o640, false), (0o644, true)] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(source.is_world_readable(&no_env()), expected, "{mode:o}");
        }
        let of_service = Environment::new([("CREDENTIALS_DIRECTORY", file.path().parent().unwrap())], "/");
        assert!(!source.is_world_readable(&of_service));
        assert!(!TokenSource::Env("TOKEN".to_owned()).is_world_readable(&no_env()));
    }
}
