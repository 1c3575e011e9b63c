//! Further files with `[[tenant]]` sections, which the key `include` names.
//!
//! Their texts are appended to that of the configuration file, so that everything is checked
//! together; problems name the file and its line.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::environment::Environment;
use super::lines::Lines;
use super::path::{ExpandError, expand};
use super::problem::{InvalidValue, Problems};
use super::source::{Included, Source};
use super::syntax::header;
use crate::files::PathOrigin;

/// The key, above all sections.
pub(super) const INCLUDE: &str = "include";
/// Stands for any characters of a file's name.
const WILDCARD: char = '*';

/// Appends the files that the configuration names. Notes the items that name nothing; a value that is no
/// list of texts is reported by [`check`].
pub(super) fn append(mut source: Source, env: &Environment) -> Source {
    let (shown_folder, mut seen) = (folder(&source.shown), BTreeSet::from([source.path.clone()]));
    for (line, text) in items(&source.text) {
        // Reported when the value is checked.
        let Ok(pattern) = expand(&text, env) else { continue };
        let problem = |what: &str| (line, InvalidValue::of(&text, what, "correct the path, or create it"));
        let files = match matching(&shown_folder.join(pattern), env) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                source.include_problems.push(problem("is in a folder that does not exist"));
                continue;
            }
            Err(error) => {
                source
                    .include_problems
                    .push(problem(&format!("is in a folder that cannot be read ({error})")));
                continue;
            }
        };
        for shown in files {
            let file = match Source::read(&shown, PathOrigin::Default, env) {
                Ok(Some(file)) => file,
                Ok(None) => {
                    source.include_problems.push(problem("does not exist"));
                    continue;
                }
                Err(error) => {
                    let what = format!("names a file that cannot be used: cannot {error}");
                    source
                        .include_problems
                        .push((line, InvalidValue::of(&text, &what, "or correct the path")));
                    continue;
                }
            };
            if seen.insert(file.path) {
                if !source.text.is_empty() && !source.text.ends_with('\n') {
                    source.text.push('\n');
                }
                let first_line = source.text.matches('\n').count() + 1;
                source.text.push_str(&file.text);
                source.included.push(Included { shown, first_line });
            }
        }
    }
    source
}

fn folder(file: &Path) -> PathBuf {
    file.parent().map(Path::to_owned).unwrap_or_default()
}

/// The texts of the key's list with their lines.
fn items(text: &str) -> Vec<(usize, String)> {
    let (table, _) = DeTable::parse_recoverable(text);
    let include = table.into_inner().into_iter().find(|(key, _)| key.get_ref() == INCLUDE);
    let Some(DeValue::Array(items)) = include.map(|(_, value)| value.into_inner()) else { return Vec::new() };
    let lines = Lines::of(text);
    let item = |item: &Spanned<DeValue<'_>>| {
        Some((lines.line(item.span().start), item.get_ref().as_str()?.to_owned()))
    };
    items.iter().filter_map(item).collect()
}

/// The files that a path stands for, in the order of their names.
fn matching(path: &Path, env: &Environment) -> io::Result<Vec<PathBuf>> {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    if !name.contains(WILDCARD) {
        return Ok(vec![path.to_owned()]);
    }
    let folder = folder(path);
    let mut files = Vec::new();
    for entry in fs::read_dir(env.current_dir().join(&folder))? {
        let found = entry?.file_name();
        // Like a shell: no hidden files.
        let is_meant = |found: &str| !found.starts_with('.') && matches(name, found);
        if found.to_str().is_some_and(is_meant) {
            files.push(folder.join(found));
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a name is one that a pattern with wildcards stands for.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once(WILDCARD) else { return pattern == name };
    let Some(name) = name.strip_prefix(start) else { return false };
    (0..=name.len()).filter(|at| name.is_char_boundary(*at)).any(|at| matches(rest, &name[at..]))
}

/// Reports a value of the key that cannot be used.
pub(super) fn check(value: &DeValue<'_>, line: usize, env: &Environment, problems: &mut Problems<'_>) {
    let example = "use a list of files, such as [\"tenants.d/*.toml\"]";
    let DeValue::Array(items) = value else {
        problems.at_line(line, INCLUDE, &InvalidValue::new("must be a list", example));
        return;
    };
    for item in items {
        let line = problems.lines.line(item.span().start);
        let Some(text) = item.get_ref().as_str() else {
            problems.at_line(line, INCLUDE, &InvalidValue::new("must hold texts", example));
            continue;
        };
        let folder = Path::new(text).parent().and_then(Path::to_str).unwrap_or_default();
        if folder.contains(WILDCARD) {
            let remedy = "use \"*\" only in the name of the file";
            problems.at_line(line, INCLUDE, &InvalidValue::of(text, "has \"*\" in a folder", remedy));
        }
        match expand(text, env) {
            Ok(_) => {}
            Err(ExpandError::Unset(_)) => {
                let remedy = "set it, or use a path without it";
                problems.at_line(
                    line,
                    INCLUDE,
                    &InvalidValue::of(text, "uses a variable that is not set", remedy),
                );
            }
            Err(ExpandError::Invalid(invalid)) => problems.at_line(line, INCLUDE, &invalid),
        }
    }
}

/// Reports files that are missing, and everything in included files but `[[tenant]]` sections.
pub(super) fn check_files(source: &Source, problems: &mut Problems<'_>) {
    for (line, invalid) in &source.include_problems {
        problems.at_line(*line, INCLUDE, invalid);
    }
    let last = source.text.lines().count();
    for (index, included) in source.included.iter().enumerate() {
        let end = source.included.get(index + 1).map_or(last + 1, |next| next.first_line);
        let mut is_in_tenant = false;
        for line in included.first_line..end {
            let text = problems.lines.text(line).trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let name = header(text).filter(|name| name.ends_with(']'));
            let is_tenant = name.as_deref().is_some_and(|name| name.starts_with("[[tenant]]"));
            is_in_tenant = is_tenant || is_in_tenant && name.is_none();
            if !is_in_tenant {
                let remedy = format!("move it to {}", source.shown.display());
                let what = "an included file has only [[tenant]] sections";
                problems.at_line(line, "", &InvalidValue::new(what, remedy));
                problems.ignore_line(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::environment;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name, expected) in [
            ("*.toml", "a.toml", true),
            ("*.toml", ".toml", true),
            ("*.toml", "a.toml.bak", false),
            ("a*c*", "abcd", true),
            ("a*c*", "abd", false),
            ("é*", "éa", true),
            ("x", "x", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn files_are_appended_in_order_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path();
        fs::create_dir(folder.join("tenants.d")).unwrap();
        for (name, text) in [
            ("b.toml", "[[tenant]]\nb"),
            ("a.toml", "# a\n[[tenant]]\na\n"),
            (".c.toml", "no"),
            ("d.txt", "no"),
        ] {
            fs::write(folder.join("tenants.d").join(name), text).unwrap();
        }
        let source = |include: &str| Source {
            shown: folder.join("sync.toml"),
            path: folder.join("sync.toml"),
            text: format!("include = {include}\n[sync]"),
            included: Vec::new(),
            include_problems: Vec::new(),
        };
        let all =
            append(source("[\"tenants.d/*.toml\", \"tenants.d/a.toml\", \"sync.toml\"]"), &environment(&[]));
        assert_eq!(all.text.split_once("[sync]").unwrap().1, "\n# a\n[[tenant]]\na\n[[tenant]]\nb");
        let lines: Vec<usize> = all.included.iter().map(|included| included.first_line).collect();
        assert_eq!(lines, [3, 6]);
        assert!(append(source("[\"tenants.d/x*\"]"), &environment(&[])).included.is_empty());
        for missing in ["[\"tenants.d/x.toml\"]", "[\"nowhere/*.toml\"]"] {
            let problems = append(source(missing), &environment(&[])).include_problems;
            let [(1, problem)] = &problems[..] else { panic!("{problems:?}") };
            assert!(problem.to_string().contains("does not exist; correct the path"), "{problem}");
        }
        let problems = append(source("[\"tenants.d\"]"), &environment(&[])).include_problems;
        let [(1, problem)] = &problems[..] else { panic!("{problems:?}") };
        assert!(problem.to_string().contains("it is a folder"), "{problem}");
        // Reported elsewhere.
        assert_eq!(append(source("3"), &environment(&[])).text, "include = 3\n[sync]");
    }
}
