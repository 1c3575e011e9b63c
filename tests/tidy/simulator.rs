//! Checks that the simulator, which judges verta-sync, shares no code with it.

/// Dependencies of the manifest on verta-sync or its Discord library. Without such a
/// dependency, no code of the simulator that uses them compiles.
pub fn dependencies(manifest: &str) -> Vec<String> {
    let mut section = "";
    let mut problems = Vec::new();
    for (line, text) in (1..).zip(manifest.lines()) {
        let text = text.split('#').next().unwrap_or_default().trim();
        section = if text.starts_with('[') { text } else { section };
        let is_product = text.contains("verta") || text.contains("twilight");
        if is_product && section.contains("dependencies") {
            problems.push(format!("tests/discord-sim/Cargo.toml:{line}: {text}"));
        }
    }
    problems
}

#[test]
fn reports_a_dependency_on_the_product_in_every_form() {
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
