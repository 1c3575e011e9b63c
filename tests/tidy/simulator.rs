//! The simulator checks verta-sync, so it shares nothing with it.

use super::code::Source;
use super::homes;

/// Lines of the manifest that bring in what is to be checked.
pub fn dependencies(manifest: &str) -> Vec<String> {
    let mut section = "";
    let mut problems = Vec::new();
    for (line, text) in (1..).zip(manifest.lines()) {
        let text = text.split('#').next().unwrap_or_default().trim();
        if text.starts_with('[') {
            section = text;
        }
        let is_ours = text.contains("verta") || text.contains("twilight");
        if is_ours && section.contains("dependencies") {
            problems.push(format!("tests/discord-sim/Cargo.toml:{line}: {text}"));
        }
    }
    problems
}

/// Code that uses what is to be checked.
pub fn mentions(source: &Source) -> Vec<String> {
    let uses = homes::uses(source, &["verta_sync", "twilight_*"]);
    uses.into_iter().map(|index| format!("{}: {}", source.place(index), source.at(index))).collect()
}

#[test]
fn a_dependency_on_what_is_checked_is_noticed_in_every_form() {
    let manifest = "[package]\ndescription = \"for verta-sync\" # twilight\n[dependencies]\nserde = \"1\"\n";
    assert_eq!(dependencies(manifest), [""; 0]);
    for line in [
        "verta-sync = { path = \"../..\" }",
        "model = { package = \"twilight-model\", version = \"1\" }",
        "[dev-dependencies.twilight-http]",
        "[target.'cfg(unix)'.dependencies]\ntwilight-model = \"1\"",
    ] {
        assert_eq!(dependencies(&format!("{manifest}{line}\n")).len(), 1, "{line}");
    }
}

#[test]
fn code_that_uses_what_is_checked_is_noticed() {
    let source =
        Source::new("x.rs", "use twilight_model::id::Id;\n// verta_sync::x\nuse serde::Deserialize;");
    assert_eq!(mentions(&source), ["x.rs:1: twilight_model"]);
}
