//! The process environment: variables and folders.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

/// Environment variables and folders, passed in by `commands` so that no other code
/// reads the process's own.
#[derive(Clone)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    current_dir: PathBuf,
    system_dir: PathBuf,
}

impl Environment {
    /// Takes the variables (`std::env::vars_os()`) and the current folder, which
    /// should be absolute.
    pub fn new<K, V>(variables: impl IntoIterator<Item = (K, V)>, current_dir: impl Into<PathBuf>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        Self {
            variables: variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            current_dir: current_dir.into(),
            system_dir: PathBuf::from("/etc"),
        }
    }

    /// A variable's value. An empty variable counts as unset, because unit files and
    /// compose files can only leave one empty.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The current folder.
    pub fn current_dir(&self) -> &Path {
        &self.current_dir
    }

    pub(super) fn system_dir(&self) -> &Path {
        &self.system_dir
    }
}

/// Omits the variables: one of them is the token.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("current_dir", &self.current_dir).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Environment {
        /// Replaces `/etc`.
        pub(in crate::config) fn with_system_dir(mut self, system_dir: impl Into<PathBuf>) -> Self {
            self.system_dir = system_dir.into();
            self
        }
    }

    #[test]
    fn debug_shows_no_variable() {
        let env = Environment::new([("DISCORD_BOT_TOKEN", "hush")], "/srv");
        assert!(!format!("{env:?}").contains("hush"));
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let env = Environment::new([("A", ""), ("B", "b")], "/srv");
        assert_eq!(env.variable("A"), None);
        assert_eq!(env.variable("B"), Some(OsStr::new("b")));
    }
}
