//! Topics of `verta-sync help` that are no commands.

use std::ffi::OsString;
use std::fmt::Write as _;

use crate::config::variables;
use crate::exit_code::ExitCode;
use crate::model::Platforms;

/// The example of a configuration, with every key.
const EXAMPLE: &str = include_str!("../../sync.toml.example");
/// Columns of a line.
const WIDTH: usize = 100;

/// Names of the topics, for the help.
pub const TOPICS: &str = "Topics: verta-sync help exit-codes, environment, configuration";

/// The text of the topic that the arguments ask for, if they do.
pub fn topic(arguments: &[OsString], platforms: Platforms) -> Option<String> {
    let [_, help, topic] = arguments else { return None };
    if help != "help" {
        return None;
    }
    match topic.to_str()? {
        "exit-codes" => Some(exit_codes()),
        "environment" => Some(environment(platforms)),
        "configuration" => Some(EXAMPLE.to_owned()),
        _ => None,
    }
}

fn exit_codes() -> String {
    let rows = ExitCode::ALL.iter().map(|code| (code.number().to_string(), code.meaning().replace('`', "")));
    list(&rows.collect::<Vec<_>>())
}

/// The variables that the program reads.
fn environment(platforms: Platforms) -> String {
    let mut rows: Vec<(String, String)> = platforms
        .iter()
        .map(|platform| {
            let token = format!(
                "the bot token of {}, unless sync.toml names another variable or a file",
                platform.name
            );
            (platform.default_token_env.to_owned(), token)
        })
        .collect();
    rows.push((
        "VERTA_SYNC_CONFIG".to_owned(),
        "the configuration file, unless --config names it".to_owned(),
    ));
    rows.extend(
        variables(platforms)
            .into_iter()
            .map(|(variable, key)| (variable.to_owned(), format!("overrides {key} of sync.toml"))),
    );
    for (variable, meaning) in [
        ("DEBUG_RATE_LIMITS", "1: log every rate limit"),
        ("RUST_LOG", "what is logged, such as verta_sync=debug; overrides -v and -q"),
        ("NO_COLOR", "anything: no color"),
        ("XDG_CONFIG_HOME, HOME", "where verta-sync/sync.toml is searched"),
        ("COLUMNS, TERM", "the width and abilities of the terminal"),
    ] {
        rows.push((variable.to_owned(), meaning.to_owned()));
    }
    list(&rows)
}

/// Names with their meanings beside them, cut into lines.
fn list(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 2;
    let mut text = String::new();
    for (name, meaning) in rows {
        let mut line = format!("{name:width$}");
        for word in meaning.split(' ') {
            if line.len() + word.len() > WIDTH && line.trim_end().len() > width {
                writeln!(text, "{}", line.trim_end()).ok();
                line = " ".repeat(width);
            }
            line.push_str(word);
            line.push(' ');
        }
        writeln!(text, "{}", line.trim_end()).ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::registry::PLATFORMS;

    fn help(arguments: &[&str]) -> Option<String> {
        let arguments: Vec<OsString> =
            ["verta-sync"].iter().chain(arguments).copied().map(OsString::from).collect();
        topic(&arguments, PLATFORMS)
    }

    #[test]
    fn topics_have_texts_and_commands_none() {
        let codes = help(&["help", "exit-codes"]).unwrap();
        assert!(codes.starts_with("0    everything requested is archived"), "{codes}");
        assert!(
            codes.lines().any(|line| line.starts_with("143  "))
                && codes.lines().all(|line| line.len() <= WIDTH)
        );
        let environment = help(&["help", "environment"]).unwrap();
        for variable in ["DISCORD_BOT_TOKEN", "VERTA_SYNC_CONFIG", "SYNC_MAX_CHANNEL_WORKERS", "RUST_LOG"] {
            assert!(environment.lines().any(|line| line.starts_with(variable)), "{variable}: {environment}");
        }
        assert!(help(&["help", "configuration"]).unwrap().contains("\n[[tenant]]\n"));
        for other in
            [&["help", "start"][..], &["help"], &["start", "exit-codes"], &["help", "environment", "x"]]
        {
            assert_eq!(help(other), None, "{other:?}");
        }
    }
}
