//! The simulator checks verta-sync, so it shares nothing with it.

/// Lines of the manifest that bring in what is to be checked. Without them, the
/// compiler accepts no code that uses it.
pub fn dependencies(manifest: &str) -> Vec<String> {
    let mut section = "";
    let mut problems = Vec::new();
    for (line, text) in (1..).zip(manifest.lines()) {
        let text = text.split('#').next().unwrap_or_default().trim();
        section = if text.starts_with('[') { text } else { section };
        let is_checked = text.contains("verta") || text.contains("twilight");
        if is_checked && section.contains("dependencies") {
            problems.push(format!("tests/discord-sim/Cargo.toml:{line}: {text}"));
        }
    }
    problems
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
