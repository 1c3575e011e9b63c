//! Where foreign crates may be used.

use super::code::Source;

/// Crates, a final `*` standing for any rest, and the files and folders they
/// are at home in.
const HOMES: [(&[&str], &[&str]); 9] = [
    (&["clap", "clap_complete"], &["src/cli.rs", "src/commands"]),
    (&["toml", "url"], &["src/config"]),
    (&["twilight_*", "hyper", "hyper_*", "http_body_util", "rustls", "flate2"], &["src/platform/discord"]),
    (&["rusqlite", "refinery"], &["src/archive"]),
    (&["indicatif"], &["src/ui/drawing.rs"]),
    (&["sha2"], &["src/anonymize"]),
    (
        &["rustix"],
        &[
            "src/archive",
            "src/files",
            "src/files.rs",
            "src/commands/system.rs",
            "src/commands/process.rs",
            "src/ui/keys.rs",
        ],
    ),
    (&["signal_hook"], &["src/commands/process.rs"]),
    (&["anyhow"], &["src/commands", "src/cli.rs", "src/main.rs"]),
];

/// Crates used outside of their homes.
pub fn strays(source: &Source) -> Vec<String> {
    let mut problems = Vec::new();
    for path in &source.paths {
        let name = &path.segments[0];
        let Some((_, homes)) = HOMES.iter().find(|(crates, _)| is_one_of(name, crates)) else { continue };
        let is_at_home = |home: &&str| {
            source.path.strip_prefix(home).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if !homes.iter().any(is_at_home) {
            problems.push(format!("{}: {name} is at home in {}", source.place(path), homes.join(", ")));
        }
    }
    problems
}

fn is_one_of(name: &str, crates: &[&str]) -> bool {
    crates.iter().any(|wanted| match wanted.strip_suffix('*') {
        Some(begin) => name.starts_with(begin),
        None => name == *wanted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> Vec<String> {
        strays(&Source::new(path, text))
    }

    #[test]
    fn a_crate_away_from_home_is_told_with_its_place() {
        let found = problems("src/sync/run.rs", "//!\nuse rusqlite::Connection;");
        assert_eq!(found, ["src/sync/run.rs:2: rusqlite is at home in src/archive"]);
        for (path, text) in [
            ("src/sync/run.rs", "#[derive(clap::Args)] struct X;"),
            ("src/platform/limit.rs", "use twilight_http_ratelimiting::RateLimiter;"),
            ("src/platform/limit.rs", "fn f() -> hyper_util::Client { }"),
            ("src/ui/lines.rs", "use {indicatif::ProgressBar, std::fmt};"),
            ("src/archive/open.rs", "fn f() -> anyhow::Result<()> { }"),
            ("src/cli_extra.rs", "use ::clap::Parser;"),
            ("src/ui/mod.rs", "extern crate sha2;"),
            ("src/ui/mod.rs", "use toml as other;"),
        ] {
            assert_eq!(problems(path, text).len(), 1, "{path}: {text}");
        }
    }

    #[test]
    fn a_crate_at_home_a_module_of_that_name_and_a_text_are_no_strays() {
        for (path, text) in [
            ("src/cli.rs", "use clap::Parser;"),
            ("src/commands/start.rs", "#[derive(clap::Args)] struct X;"),
            ("src/platform/discord/client.rs", "use hyper::Uri; use twilight_model::id::Id;"),
            ("src/config/file.rs", "use toml::Value;"),
            ("src/plan/build.rs", "use crate::config::toml::Value; // toml::Value\nf(\"toml::Value\");"),
            ("src/plan/build.rs", "let toml = serde_json::json!({}); toml.len();"),
        ] {
            assert_eq!(problems(path, text), [""; 0], "{path}: {text}");
        }
    }
}
