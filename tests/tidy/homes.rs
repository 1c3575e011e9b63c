//! Checks which files may use which external crates.

use super::code::Source;

/// Crates, with `*` as a suffix wildcard, and the only files and folders that may use
/// them.
const CRATE_FOLDERS: [(&[&str], &[&str]); 13] = [
    (&["clap", "clap_complete", "clap_mangen"], &["src/cli.rs", "src/commands"]),
    (&["toml", "url"], &["src/config"]),
    (&["twilight_*", "hyper", "hyper_*", "http_body_util", "rustls", "flate2"], &["src/platform/discord"]),
    (&["rusqlite", "refinery"], &["src/archive"]),
    (&["parquet", "csv"], &["src/export"]),
    (&["emojis", "foldhash", "psl", "unicode_segmentation"], &["src/insights"]),
    (&["indicatif"], &["src/ui/drawing.rs"]),
    (&["hmac"], &["src/anonymize"]),
    (&["sha2"], &["src/anonymize", "src/export", "src/insights"]),
    (
        &["rustix"],
        &[
            "src/archive",
            "src/files",
            "src/files.rs",
            "src/commands/system.rs",
            "src/commands/process.rs",
            "src/ui/terminal.rs",
        ],
    ),
    (&["unicode_normalization"], &["src/search"]),
    (&["signal_hook"], &["src/commands/process.rs", "src/commands/stop_flag.rs"]),
    (&["anyhow"], &["src/commands", "src/cli.rs", "src/main.rs"]),
];

/// Uses of crates outside their files and folders.
pub fn misplaced_crates(source: &Source) -> Vec<String> {
    let mut problems = Vec::new();
    for path in &source.paths {
        let name = &path.segments[0];
        let Some((_, folders)) = CRATE_FOLDERS.iter().find(|(crates, _)| is_listed(name, crates)) else {
            continue;
        };
        let is_allowed = |folder: &&str| {
            source.path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if !folders.iter().any(is_allowed) {
            problems.push(format!("{}: {name} is at home in {}", source.place(path), folders.join(", ")));
        }
    }
    problems
}

fn is_listed(name: &str, crates: &[&str]) -> bool {
    crates.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *pattern,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> Vec<String> {
        misplaced_crates(&Source::new(path, text))
    }

    #[test]
    fn reports_a_crate_outside_its_folder_with_location() {
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
    fn accepts_allowed_crates_modules_of_the_same_name_and_string_literals() {
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
