//! Finding and reading the file.

use std::io;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::ConfigError;
use crate::files::{FileError, Named, Relation};

const FILE_NAME: &str = "sync.toml";
const FOLDER_NAME: &str = "verta-sync";
const FLAG: &str = "--config";
const VARIABLE: &str = "VERTA_SYNC_CONFIG";

/// A configuration with hundreds of tenants has a tenth of this.
const MOST_BYTES: u64 = 1 << 20;

/// A file that was found, and its text.
#[derive(Debug)]
pub(super) struct Source {
    /// As a user would write it.
    pub(super) shown: PathBuf,
    /// Absolute, if the current folder is.
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Source {
    /// The file named by flag or variable, else the first that exists of the
    /// current folder's, the user's and the system's.
    pub(super) fn find(explicit: Option<&Path>, env: &Environment) -> Result<Self, ConfigError> {
        let (path, named_by, relation) = match (explicit, env.variable(VARIABLE)) {
            (Some(path), _) => (path, FLAG, Relation::Named),
            (None, Some(path)) => (Path::new(path), "$VERTA_SYNC_CONFIG", Relation::Found),
            (None, None) => return Self::search(env),
        };
        Self::read(path, relation, env)?.ok_or_else(|| ConfigError::Missing(path.to_owned(), named_by))
    }

    fn search(env: &Environment) -> Result<Self, ConfigError> {
        let mut places = vec![format!("{FLAG} PATH: not given"), format!("${VARIABLE}: not set")];
        let system = env.system_dir().join(FOLDER_NAME).join(FILE_NAME);
        for candidate in [Some(FILE_NAME.into()), user_file(env), Some(system)] {
            let Some(path) = candidate else {
                let place = format!("$XDG_CONFIG_HOME/{FOLDER_NAME}/{FILE_NAME}");
                places.push(format!("{place}: neither it nor $HOME is set"));
                continue;
            };
            if let Some(source) = Self::read(&path, Relation::Found, env)? {
                return Ok(source);
            }
            let place = env.current_dir().join(path);
            places.push(format!("{}: not there", place.display()));
        }
        Err(ConfigError::NotFound(places))
    }

    /// `None` if there is no such file.
    fn read(shown: &Path, relation: Relation, env: &Environment) -> Result<Option<Self>, ConfigError> {
        let path = env.current_dir().join(shown);
        let unreadable = |cause| ConfigError::Unreadable(shown.to_owned(), cause);
        let not_text = |what| ConfigError::NotText(shown.to_owned(), what);
        let named = match Named::open(&path) {
            Err(error) if is_absent(&error) => return Ok(None),
            named => named.map_err(unreadable)?,
        };
        if let Some(control) = named.controlled_by(relation) {
            return Err(ConfigError::Controlled(shown.to_owned(), control));
        }
        let bytes = named.read(MOST_BYTES).map_err(|error| match error {
            FileError::TooLarge { .. } => not_text("it is larger than 1 MiB".to_owned()),
            cause => unreadable(cause),
        })?;
        let text = text(bytes).map_err(not_text)?;
        Ok(Some(Self { shown: shown.to_owned(), path, text }))
    }
}

/// The user's own file. The XDG Base Directory Specification has relative
/// paths ignored: <https://specifications.freedesktop.org/basedir-spec/latest/>.
fn user_file(env: &Environment) -> Option<PathBuf> {
    let folder = env
        .variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(|| Some(Path::new(env.variable("HOME")?).join(".config")))?;
    Some(folder.join(FOLDER_NAME).join(FILE_NAME))
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count();
        format!("line {line} is not UTF-8")
    })
}

fn is_absent(error: &FileError) -> bool {
    matches!(error.io_kind(), Some(io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    struct Places {
        dir: tempfile::TempDir,
    }

    impl Places {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            for folder in ["here", "xdg/verta-sync", "home/.config/verta-sync", "etc/verta-sync"] {
                fs::create_dir_all(dir.path().join(folder)).unwrap();
            }
            Self { dir }
        }

        fn put(&self, path: &str) {
            fs::write(self.path(path), path).unwrap();
        }

        fn path(&self, path: &str) -> PathBuf {
            self.dir.path().join(path)
        }

        fn env(&self, variables: &[(&str, &str)]) -> Environment {
            let at = |(name, path): &(&str, &str)| ((*name).to_owned(), self.path(path));
            Environment::new(variables.iter().map(at), self.path("here")).with_system_dir(self.path("etc"))
        }
    }

    const XDG: (&str, &str) = ("XDG_CONFIG_HOME", "xdg");
    const HOME: (&str, &str) = ("HOME", "home");

    fn found(explicit: Option<&str>, env: &Environment) -> String {
        Source::find(explicit.map(Path::new), env).unwrap().text
    }

    #[test]
    fn the_first_place_that_has_a_file_wins() {
        let places = Places::new();
        let env = places.env(&[XDG, HOME]);
        for path in [
            "etc/verta-sync/sync.toml",
            "home/.config/verta-sync/sync.toml",
            "xdg/verta-sync/sync.toml",
            "here/sync.toml",
        ] {
            places.put(path);
            let expected = if path.starts_with("home") { "etc/verta-sync/sync.toml" } else { path };
            assert_eq!(found(None, &env), expected);
        }
        places.put("named.toml");
        let env = places.env(&[XDG, HOME, (VARIABLE, "named.toml")]);
        assert_eq!(found(None, &env), "named.toml");
        places.put("here/flag.toml");
        assert_eq!(found(Some("flag.toml"), &env), "here/flag.toml");
    }

    #[test]
    fn without_xdg_config_home_the_home_folder_is_searched() {
        let places = Places::new();
        places.put("home/.config/verta-sync/sync.toml");
        let env = places.env(&[HOME]);
        assert_eq!(found(None, &env), "home/.config/verta-sync/sync.toml");
    }

    #[test]
    fn when_nothing_is_found_every_place_is_listed() {
        let places = Places::new();
        let text = Source::find(None, &places.env(&[])).unwrap_err().to_string();
        let root = places.path("").display().to_string();
        let expected = "find a configuration file; looked for\n  \
             --config PATH: not given\n  \
             $VERTA_SYNC_CONFIG: not set\n  \
             /here/sync.toml: not there\n  \
             $XDG_CONFIG_HOME/verta-sync/sync.toml: neither it nor $HOME is set\n  \
             /etc/verta-sync/sync.toml: not there\n\
             copy sync.toml.example to one of these places as sync.toml and fill in your server, \
             or name a file with --config PATH or $VERTA_SYNC_CONFIG";
        assert_eq!(text.replace(root.trim_end_matches('/'), ""), expected);
    }

    #[test]
    fn a_named_file_that_is_not_there_is_an_error_even_if_others_are() {
        let places = Places::new();
        places.put("here/sync.toml");
        let env = places.env(&[(VARIABLE, "nowhere.toml")]);
        let by_variable = Source::find(None, &env).unwrap_err().to_string();
        assert!(by_variable.contains("$VERTA_SYNC_CONFIG names it"), "{by_variable}");
        let by_flag = Source::find(Some(Path::new("x.toml")), &env).unwrap_err();
        assert!(matches!(by_flag, ConfigError::Missing(_, "--config")));
    }

    #[test]
    fn what_is_no_text_file_is_an_error() {
        let places = Places::new();
        let env = places.env(&[]);
        let folder = Source::find(Some(Path::new(".")), &env).unwrap_err();
        assert!(folder.to_string().contains("it is a folder"), "{folder}");
        fs::write(places.path("here/sync.toml"), b"[sync]\nx = \xff").unwrap();
        let latin = Source::find(None, &env).unwrap_err();
        assert!(latin.to_string().contains("line 2 is not UTF-8"), "{latin}");
        fs::write(places.path("here/sync.toml"), vec![b' '; 2 << 20]).unwrap();
        let large = Source::find(None, &env).unwrap_err();
        assert!(large.to_string().contains("larger than 1 MiB"), "{large}");
    }
}
