//! Who may import whom.

use super::code::Source;
use super::files::File;

/// A module and the modules it may use besides itself, from the ground up.
const LAYERS: [(&str, &[&str]); 14] = [
    ("model", &[]),
    ("exit_code", &[]),
    ("files", &[]),
    ("anonymize", &["model"]),
    ("monitor", &["model"]),
    ("config", &["model", "files"]),
    ("platform", &["model", "monitor"]),
    ("archive", &["model", "anonymize", "files"]),
    ("plan", &["model", "monitor", "config", "platform", "archive"]),
    ("sync", &["model", "exit_code", "anonymize", "monitor", "config", "platform", "archive", "plan"]),
    ("ui", &["model", "monitor"]),
    ("report", &["model", "plan", "sync", "exit_code"]),
    (
        "commands",
        &[
            "model",
            "exit_code",
            "files",
            "anonymize",
            "monitor",
            "config",
            "platform",
            "archive",
            "plan",
            "sync",
            "ui",
            "report",
        ],
    ),
    ("cli", &["config", "commands", "exit_code", "model"]),
];

/// The top-level module a file belongs to; none for the roots.
fn module(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    let module = inside.split('/').next()?.trim_end_matches(".rs");
    (!matches!(module, "lib" | "main")).then_some(module)
}

/// How many modules lie above a file's own.
fn depth(path: &str) -> usize {
    path.trim_end_matches("/mod.rs").matches('/').count()
}

/// What a file's code uses against the table.
pub fn forbidden(source: &Source) -> Vec<String> {
    let Some(module) = module(&source.path) else { return Vec::new() };
    let allowed = LAYERS.iter().find(|(name, _)| *name == module).map_or(&[][..], |(_, allowed)| allowed);
    let mut problems = Vec::new();
    for (index, used) in used(source) {
        if used != module && !allowed.contains(&used) {
            let place = source.place(index);
            problems
                .push(format!("{place}: {module} may not use {used}; it may use: {}", allowed.join(", ")));
        }
    }
    problems.extend(escapes(source));
    problems
}

/// The top-level names that paths from the crate's root name.
fn used(source: &Source) -> Vec<(usize, &str)> {
    let roots = source.find("crate").filter(|index| source.at(index + 1) == "::");
    roots.flat_map(|root| names(source, root + 2)).collect()
}

/// The name at `index`, or the first ones of a group in braces.
fn names(source: &Source, index: usize) -> Vec<(usize, &str)> {
    if source.at(index) != "{" {
        return vec![(index, source.at(index))];
    }
    let mut depth = 0_usize;
    let mut found = Vec::new();
    for index in index..source.tokens.len() {
        let is_first = depth == 1 && matches!(source.before(index), "{" | ",");
        match source.at(index) {
            "{" => depth += 1,
            "}" if depth == 1 => break,
            "}" => depth -= 1,
            "," => {}
            name if is_first => found.push((index, name)),
            _ => {}
        }
    }
    found
}

/// Paths of `super` that reach the crate's root and so hide what they use.
fn escapes(source: &Source) -> Vec<String> {
    let depth = depth(&source.path);
    let mut problems = Vec::new();
    for index in source.find("super").filter(|index| source.begins_path(*index)) {
        let supers = (index..).step_by(2).take_while(|index| source.at(*index) == "super").count();
        if supers >= depth {
            problems.push(format!("{}: write crate:: instead of so many super::", source.place(index)));
        }
    }
    problems
}

/// Where the table in the documentation of the crate differs from [`LAYERS`].
pub fn disagreements(lib: &str) -> Vec<String> {
    let documented = documented(lib);
    let checked = LAYERS.map(|(name, allowed)| (name.to_owned(), sorted(allowed.iter().copied())));
    let mut problems = Vec::new();
    for row in documented.iter().filter(|row| !checked.contains(row)) {
        problems.push(format!("the documentation has: {} may import {:?}", row.0, row.1));
    }
    for row in checked.iter().filter(|row| !documented.contains(row)) {
        problems.push(format!("the check has: {} may import {:?}", row.0, row.1));
    }
    problems
}

/// The rows of the table in the documentation. "those above" and "all of
/// these" stand for every row above.
fn documented(lib: &str) -> Vec<(String, Vec<String>)> {
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    for line in lib.lines().filter_map(|line| line.strip_prefix("//! | [`")) {
        let cells: Vec<&str> = line.trim_end_matches('|').split(" |").map(str::trim).collect();
        let [name, _, imports] = cells[..] else { continue };
        let imports = match imports {
            "those above" | "all of these" => sorted(rows.iter().map(|(name, _)| name.as_str())),
            _ => {
                sorted(imports.split(", ").map(|name| name.trim_matches('`')).filter(|name| !name.is_empty()))
            }
        };
        rows.push((name.trim_end_matches("`]").to_owned(), imports));
    }
    rows
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    names
}

/// Modules of files that the table doesn't know, and rows without files.
pub fn without_row(files: &[File]) -> Vec<String> {
    let modules: Vec<&str> = files.iter().filter_map(|file| module(&file.path)).collect();
    let rows = LAYERS.map(|(name, _)| name);
    let unknown = modules.iter().filter(|name| !rows.contains(name));
    let mut unknown: Vec<String> = unknown.map(|name| format!("{name} has no row")).collect();
    unknown.dedup();
    let empty = rows.into_iter().filter(|name| !modules.contains(name));
    unknown.into_iter().chain(empty.map(|name| format!("{name} has no file"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> Vec<String> {
        forbidden(&Source::new(path, text))
    }

    #[test]
    fn a_forbidden_import_is_told_with_its_place() {
        let found = problems("src/model/time.rs", "//!\nuse std::fmt;\nuse crate::archive::Writer;");
        assert_eq!(found, ["src/model/time.rs:3: model may not use archive; it may use: "]);
        let found = problems("src/ui/bars.rs", "fn f() -> crate::sync::Summary { crate::model::x() }");
        assert_eq!(found, ["src/ui/bars.rs:1: ui may not use sync; it may use: model, monitor"]);
    }

    #[test]
    fn a_group_in_braces_is_looked_into() {
        let text = "use crate::{\n  model::{sync, Job},\n  sync::run, monitor,\n  archive,\n};";
        let found = problems("src/platform/limit.rs", text);
        let begins: Vec<&str> = found.iter().filter_map(|line| line.split(';').next()).collect();
        assert_eq!(
            begins,
            [
                "src/platform/limit.rs:3: platform may not use sync",
                "src/platform/limit.rs:4: platform may not use archive"
            ]
        );
    }

    #[test]
    fn a_module_may_use_itself_and_what_the_table_allows() {
        let text = "//! [`crate::sync`]\nuse crate::{plan::Plan, platform}; pub(crate) fn f() {}";
        assert_eq!(problems("src/plan/build.rs", text), [""; 0]);
        assert_eq!(problems("src/main.rs", "use crate::anything;"), [""; 0]);
    }

    #[test]
    fn the_roots_names_cannot_be_reached_by_super() {
        for (path, text, count) in [
            ("src/model/time.rs", "use super::super::archive::Writer;", 1),
            ("src/model/time.rs", "use super::id;", 0),
            ("src/model/mod.rs", "use super::archive;", 1),
            ("src/cli.rs", "use super::archive;", 1),
            ("src/platform/discord/wire.rs", "use super::super::error; use super::client;", 0),
        ] {
            assert_eq!(problems(path, text).len(), count, "{path}: {text}");
        }
    }

    #[test]
    fn a_table_that_says_otherwise_is_noticed() {
        let row = |name: &str, imports: &str| format!("//! | [`{name}`] | does | {imports} |\n");
        let documented = |rows: &[String]| documented(&rows.concat());
        let rows = [row("model", ""), row("ui", "those above"), row("cli", "`ui`, model")];
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let expected = [("model", names(&[])), ("ui", names(&["model"])), ("cli", names(&["model", "ui"]))];
        assert_eq!(documented(&rows), expected.map(|(name, imports)| (name.to_owned(), imports)));
        let found = disagreements(&row("model", "archive"));
        assert_eq!(found[0], r#"the documentation has: model may import ["archive"]"#);
        assert_eq!(found.len(), 1 + LAYERS.len());
    }

    #[test]
    fn a_module_without_a_row_is_noticed() {
        let files = |paths: &[&str]| -> Vec<File> {
            let file = |path: &&str| File { path: (*path).to_owned(), text: String::new() };
            paths.iter().map(file).collect()
        };
        let mut paths: Vec<String> = LAYERS.iter().map(|(name, _)| format!("src/{name}/mod.rs")).collect();
        paths.extend(["src/lib.rs".to_owned(), "src/web.rs".to_owned()]);
        paths.remove(0);
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        assert_eq!(without_row(&files(&paths)), ["web has no row", "model has no file"]);
    }
}
