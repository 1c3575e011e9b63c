//! Checks imports against the table in the crate documentation.

use std::collections::BTreeMap;

use regex::Regex;

use super::code::Source;

/// The modules that each top-level module may use besides itself.
pub type Layers = BTreeMap<String, Vec<String>>;

/// Parses the table of `src/lib.rs`. "all of these" means every row above.
pub fn layers(lib: &str) -> Layers {
    let row = Regex::new(r"(?m)^//! \| \[`(\w+)`\] \|.*\| (.*?) ?\|$").expect("it is valid");
    let mut layers = Layers::new();
    for [name, imports] in row.captures_iter(lib).map(|row| row.extract().1) {
        let imports = match imports {
            "all of these" => layers.keys().cloned().collect(),
            _ => imports
                .split(", ")
                .filter(|name| !name.is_empty())
                .map(|name| name.trim_matches('`').to_owned())
                .collect(),
        };
        layers.insert(name.to_owned(), imports);
    }
    layers
}

/// Imports of a file that the table forbids.
pub fn forbidden(source: &Source, layers: &Layers) -> Vec<String> {
    let Some((module, allowed)) = source.module.first().and_then(|module| layers.get_key_value(module))
    else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    for path in &source.paths {
        if let Some(used) = source.absolute(&path.segments).as_ref().and_then(|path| path.first())
            && used != module
            && !allowed.contains(used)
        {
            let (location, allowed) = (source.place(path), allowed.join(", "));
            problems.push(format!("{location}: {module} may not use {used}; it may use: {allowed}"));
        }
    }
    problems
}

/// Modules without a row in the table, and rows without files.
pub fn table_mismatches(sources: &[Source], layers: &Layers) -> Vec<String> {
    let has_file = |name: &String| sources.iter().any(|source| source.module.first() == Some(name));
    let empty = layers.keys().filter(|name| !has_file(name)).map(|name| format!("{name} has no file"));
    let modules = sources.iter().filter(|source| source.module.len() == 1).map(|source| &source.module[0]);
    let unknown = modules.filter(|name| *name != "main" && !layers.contains_key(*name));
    unknown.map(|name| format!("{name} has no row")).chain(empty).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "//! | layer | does | may import |\n//! |---|---|---|\n//! | [`model`] | data | |\n\
                         //! | [`monitor`] | events, as data | model |\n//! | [`ui`] | shows | `model`, monitor |\n\
                         //! | [`cli`] | joins | all of these |\n";

    fn problems(path: &str, text: &str) -> Vec<String> {
        forbidden(&Source::new(path, text), &layers(TABLE))
    }

    #[test]
    fn parses_the_table() {
        let read: Vec<String> = layers(TABLE)
            .into_iter()
            .map(|(name, allowed)| format!("{name}: {}", allowed.join(" ")))
            .collect();
        assert_eq!(read, ["cli: model monitor ui", "model: ", "monitor: model", "ui: model monitor"]);
    }

    #[test]
    fn reports_a_forbidden_import_with_location() {
        let found = problems("src/model/time.rs", "//!\nuse std::fmt;\nuse crate::archive::Writer;");
        assert_eq!(found, ["src/model/time.rs:3: model may not use archive; it may use: "]);
        let found = problems("src/ui/bars.rs", "fn f() -> crate::sync::Summary { crate::model::x() }");
        assert_eq!(found, ["src/ui/bars.rs:1: ui may not use sync; it may use: model, monitor"]);
        let text = "use crate::{\n  model::{sync, Job},\n  sync::run, monitor,\n  archive,\n};";
        let locations: Vec<String> =
            problems("src/monitor/mod.rs", text).iter().map(|problem| problem[..23].to_owned()).collect();
        assert_eq!(locations, ["src/monitor/mod.rs:3: m", "src/monitor/mod.rs:4: m"]);
    }

    #[test]
    fn a_module_may_use_itself_and_what_the_table_allows() {
        assert_eq!(
            problems("src/ui/a.rs", "//! [`crate::sync`]\nuse crate::{ui::b, model}; pub(crate) fn f() {}"),
            [""; 0]
        );
        assert_eq!(problems("src/main.rs", "use crate::anything;"), [""; 0]);
    }

    #[test]
    fn resolves_imports_through_super() {
        for (path, text, count) in [
            ("src/model/time.rs", "use super::super::archive::Writer;", 1),
            ("src/model/time.rs", "use super::id;", 0),
            ("src/model/mod.rs", "use super::archive;", 1),
            ("src/cli.rs", "use super::archive;", 1),
            ("src/ui/lines/words.rs", "use super::super::error; use super::client;", 0),
        ] {
            assert_eq!(problems(path, text).len(), count, "{path}: {text}");
        }
    }

    #[test]
    fn reports_modules_without_row_and_rows_without_module() {
        let paths = ["lib", "main", "monitor/mod", "ui", "ui/bars", "cli", "web/mod", "web/page"];
        let sources = paths.map(|path| Source::new(&format!("src/{path}.rs"), ""));
        assert_eq!(table_mismatches(&sources, &layers(TABLE)), ["web has no row", "model has no file"]);
    }
}
