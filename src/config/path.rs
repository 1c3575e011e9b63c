//! Expands variables and `~` in the file's paths.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::environment::Environment;
use super::problem::InvalidValue;

/// A path can't be expanded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ExpandError {
    /// It refers to this variable, which is not set.
    Unset(String),
    /// It is not a valid path in any environment.
    Invalid(InvalidValue),
}

/// Replaces `$NAME`, `${NAME}` and a leading `~`. A `$` without a name is kept.
pub(super) fn expand(written: &str, env: &Environment) -> Result<PathBuf, ExpandError> {
    let invalid = |what, remedy| ExpandError::Invalid(InvalidValue::of(written, what, remedy));
    let variable = |name| env.variable(name).ok_or_else(|| ExpandError::Unset(name.to_owned()));
    if written.trim().is_empty() || written.contains(char::is_control) {
        return Err(invalid("is not a path", "use a file path"));
    }
    let (mut path, mut rest) = match written.strip_prefix('~') {
        None => (OsString::new(), written),
        Some(rest) if rest.is_empty() || rest.starts_with('/') => (variable("HOME")?.to_owned(), rest),
        Some(_) => {
            let remedy = "use an absolute path; only \"~/\" is expanded to a home folder";
            return Err(invalid("refers to another user's home folder", remedy));
        }
    };
    while let Some((before, after)) = rest.split_once('$') {
        path.push(before);
        let name = split_name(after);
        let (name, after) =
            name.ok_or_else(|| invalid("has a ${ that does not start a variable", "use ${NAME}"))?;
        path.push(if name.is_empty() { OsStr::new("$") } else { variable(name)? });
        rest = after;
    }
    path.push(rest);
    Ok(path.into())
}

/// True for a valid name of a shell variable.
pub(super) fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && name_len(name) == name.len()
}

/// The name after a `$`, and the rest; `None` if `{` is not followed by a name and `}`.
fn split_name(after: &str) -> Option<(&str, &str)> {
    match after.strip_prefix('{') {
        Some(braced) => braced.split_once('}').filter(|(name, _)| is_variable_name(name)),
        None => Some(after.split_at(name_len(after))),
    }
}

fn name_len(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(written: &str) -> Result<PathBuf, ExpandError> {
        let variables = [("HOME", "/home/ada"), ("DIR", "/run/credentials")];
        expand(written, &Environment::new(variables, "/srv"))
    }

    #[test]
    fn variables_and_the_home_folder_are_replaced() {
        for (written, path) in [
            ("archive.db", "archive.db"),
            ("$DIR/token", "/run/credentials/token"),
            ("${DIR}s/$DIR", "/run/credentialss//run/credentials"),
            ("~/archive.db", "/home/ada/archive.db"),
            ("~", "/home/ada"),
            ("a~/b", "a~/b"),
            ("cost$/5$", "cost$/5$"),
        ] {
            assert_eq!(expanded(written), Ok(PathBuf::from(path)), "{written}");
        }
    }

    #[test]
    fn an_unset_variable_is_named_in_the_error() {
        let unset = Err(ExpandError::Unset("NO_SUCH".to_owned()));
        assert_eq!(expanded("$NO_SUCH/token"), unset);
        assert_eq!(expanded("/a/${NO_SUCH}"), unset);
    }

    #[test]
    fn invalid_paths_are_rejected() {
        for written in ["", "  ", "a\0b", "${DIR", "${}", "${1}", "~root/x"] {
            let result = expanded(written);
            assert!(matches!(result, Err(ExpandError::Invalid(_))), "{written}");
        }
    }
}
