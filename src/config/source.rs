//! Finds and reads the configuration file.

use std::io;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::ConfigError;
use super::invalid_value::InvalidValue;
use crate::files::{FileError, NamedFile, PathOrigin};

const FILE_NAME: &str = "sync.toml";
const FOLDER_NAME: &str = "verta-sync";
const FLAG: &str = "--config";
const VARIABLE: &str = "VERTA_SYNC_CONFIG";

/// Size limit of the file. A configuration with hundreds of tenants takes a tenth.
const MAX_BYTES: u64 = 1 << 20;

/// The configuration file and its text.
#[derive(Debug)]
pub(super) struct Source {
    /// The path as the user would write it, for messages.
    pub(super) shown: PathBuf,
    /// Absolute, if the current folder is.
    pub(super) path: PathBuf,
    /// With that of the included files.
    pub(super) text: String,
    pub(super) included: Vec<Included>,
    /// Items of `include` that name nothing, each with its line.
    pub(super) include_problems: Vec<(usize, InvalidValue)>,
}

/// A file whose text was appended.
#[derive(Debug)]
pub(super) struct Included {
    /// The path as the user would write it, for messages.
    pub(super) shown: PathBuf,
    /// The line of the whole text at which its own begins, counted from 1.
    pub(super) first_line: usize,
}

impl Source {
    /// Reads the file named by flag or variable, else the first that exists of those
    /// in the current folder, the user's folder and the system's folder.
    pub(super) fn find(explicit: Option<&Path>, env: &Environment) -> Result<Self, ConfigError> {
        let (path, named_by, origin) = match (explicit, env.variable(VARIABLE)) {
            (Some(path), _) => (path, FLAG, PathOrigin::Explicit),
            (None, Some(path)) => (Path::new(path), "$VERTA_SYNC_CONFIG", PathOrigin::Default),
            (None, None) => return Self::search(env),
        };
        Self::read(path, origin, env)?.ok_or_else(|| ConfigError::Missing(path.to_owned(), named_by))
    }

    fn search(env: &Environment) -> Result<Self, ConfigError> {
        let mut searched = vec![format!("{FLAG} PATH: not given"), format!("${VARIABLE}: not set")];
        let system = env.system_dir().join(FOLDER_NAME).join(FILE_NAME);
        for candidate in [Some(FILE_NAME.into()), user_file(env), Some(system)] {
            let Some(path) = candidate else {
                let path = format!("$XDG_CONFIG_HOME/{FOLDER_NAME}/{FILE_NAME}");
                searched.push(format!("{path}: neither it nor $HOME is set"));
                continue;
            };
            if let Some(source) = Self::read(&path, PathOrigin::Default, env)? {
                return Ok(source);
            }
            let path = env.current_dir().join(path);
            searched.push(format!("{}: not found", path.display()));
        }
        Err(ConfigError::NotFound(searched))
    }

    /// Reads a file; `None` if it doesn't exist.
    pub(super) fn read(
        shown: &Path,
        origin: PathOrigin,
        env: &Environment,
    ) -> Result<Option<Self>, ConfigError> {
        let path = env.current_dir().join(shown);
        let unreadable = |cause| ConfigError::Unreadable(shown.to_owned(), cause);
        let not_text = |what| ConfigError::NotText(shown.to_owned(), what);
        let named = match NamedFile::open(&path) {
            Err(error) if is_absent(&error) => return Ok(None),
            named => named.map_err(unreadable)?,
        };
        if let Some(foreign_writer) = named.foreign_writer(origin) {
            return Err(ConfigError::ModifiableByOthers(shown.to_owned(), foreign_writer));
        }
        let bytes = named.read(MAX_BYTES).map_err(|error| match error {
            FileError::TooLarge { .. } => not_text("it is larger than 1 MiB".to_owned()),
            cause => unreadable(cause),
        })?;
        let text = text(bytes).map_err(not_text)?;
        Ok(Some(Self {
            shown: shown.to_owned(),
            path,
            text,
            included: Vec::new(),
            include_problems: Vec::new(),
        }))
    }
}

/// The user's file; `None` without `$XDG_CONFIG_HOME` and `$HOME`. A relative
/// `$XDG_CONFIG_HOME` is ignored, as the XDG Base Directory Specification requires:
/// <https://specifications.freedesktop.org/basedir-spec/latest/>.
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

    struct TestFolders {
        dir: tempfile::TempDir,
    }

    impl TestFolders {
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
    fn flag_wins_over_variable_and_variable_over_the_search_order() {
        let folders = TestFolders::new();
        let env = folders.env(&[XDG, HOME]);
        for path in [
            "etc/verta-sync/sync.toml",
            "home/.config/verta-sync/sync.toml",
            "xdg/verta-sync/sync.toml",
            "here/sync.toml",
        ] {
            folders.put(path);
            let expected = if path.starts_with("home") { "etc/verta-sync/sync.toml" } else { path };
            assert_eq!(found(None, &env), expected);
        }
        folders.put("named.toml");
        let env = folders.env(&[XDG, HOME, (VARIABLE, "named.toml")]);
        assert_eq!(found(None, &env), "named.toml");
        folders.put("here/flag.toml");
        assert_eq!(found(Some("flag.toml"), &env), "here/flag.toml");
    }

    #[test]
    fn searches_home_without_xdg_config_home() {
        let folders = TestFolders::new();
        folders.put("home/.config/verta-sync/sync.toml");
        let env = folders.env(&[HOME]);
        assert_eq!(found(None, &env), "home/.config/verta-sync/sync.toml");
    }

    #[test]
    fn lists_every_searched_path_if_no_file_is_found() {
        let folders = TestFolders::new();
        let text = Source::find(None, &folders.env(&[])).unwrap_err().to_string();
        let root = folders.path("").display().to_string();
        let expected = "find a configuration file; searched:\n  \
             --config PATH: not given\n  \
             $VERTA_SYNC_CONFIG: not set\n  \
             /here/sync.toml: not found\n  \
             $XDG_CONFIG_HOME/verta-sync/sync.toml: neither it nor $HOME is set\n  \
             /etc/verta-sync/sync.toml: not found\n\
             copy sync.toml.example to one of these places as sync.toml and fill in your server, \
             or name a file with --config PATH or $VERTA_SYNC_CONFIG";
        assert_eq!(text.replace(root.trim_end_matches('/'), ""), expected);
    }

    #[test]
    fn a_missing_named_file_is_an_error_even_if_others_exist() {
        let folders = TestFolders::new();
        folders.put("here/sync.toml");
        let env = folders.env(&[(VARIABLE, "nowhere.toml")]);
        let by_variable = Source::find(None, &env).unwrap_err().to_string();
        assert!(by_variable.contains("$VERTA_SYNC_CONFIG names it"), "{by_variable}");
        let by_flag = Source::find(Some(Path::new("x.toml")), &env).unwrap_err();
        assert!(matches!(by_flag, ConfigError::Missing(_, "--config")));
    }

    #[test]
    fn rejects_folders_invalid_utf8_and_large_files() {
        let folders = TestFolders::new();
        let env = folders.env(&[]);
        let folder = Source::find(Some(Path::new(".")), &env).unwrap_err();
        assert!(folder.to_string().contains("it is a folder"), "{folder}");
        fs::write(folders.path("here/sync.toml"), b"[sync]\nx = \xff").unwrap();
        let latin = Source::find(None, &env).unwrap_err();
        assert!(latin.to_string().contains("line 2 is not UTF-8"), "{latin}");
        fs::write(folders.path("here/sync.toml"), vec![b' '; 2 << 20]).unwrap();
        let large = Source::find(None, &env).unwrap_err();
        assert!(large.to_string().contains("larger than 1 MiB"), "{large}");
    }
}
