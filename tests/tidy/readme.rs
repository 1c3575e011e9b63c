//! Checks README.md against the program: first commands, help texts, exit codes.

use regex::Regex;

/// Required commands of the first two fenced code blocks.
const FIRST_COMMANDS: [&str; 2] = ["cargo run --example demo", "cargo test --workspace --locked"];
/// Marker before a help text; the name of the command goes in between.
const HELP_BEGIN: [&str; 2] = ["<!-- help: ", "-->"];
/// Marker after a help text.
const HELP_END: &str = "<!-- /help -->";

/// Differences of the first code blocks from [`FIRST_COMMANDS`].
pub fn first_commands(readme: &str) -> Vec<String> {
    let block = Regex::new(r"(?ms)^ *```[^\n]*\n(.*?)^ *```$").expect("it is valid");
    let mut blocks = block.captures_iter(readme).map(|block| block.extract::<1>().1[0]);
    let mut problems = Vec::new();
    for (number, expected) in (1..).zip(FIRST_COMMANDS) {
        let lines =
            blocks.next().unwrap_or_default().lines().map(|line| line.trim().trim_start_matches("$ "));
        let commands: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        let found = commands.join("\n");
        if found != expected {
            problems.push(format!("code block {number} must be `{expected}`, it is `{found}`"));
        }
    }
    problems
}

/// README.md with every help text replaced by the output of `help`, and the problems:
/// markers that are missing, unclosed or of an unknown command.
pub fn with_help(readme: &str, help: impl Fn(Option<&str>) -> Option<String>) -> (String, Vec<String>) {
    let root = help(None).unwrap_or_default();
    let list =
        root.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let mut names: Vec<&str> = list.filter_map(|line| line.split_whitespace().next()).collect();
    names.retain(|name| *name != "help");
    names.insert(0, "");
    let (mut updated, mut problems) = (readme.to_owned(), Vec::new());
    for name in &names {
        let text = help(Some(*name).filter(|name| !name.is_empty())).unwrap_or_default();
        let [begin, end] = HELP_BEGIN;
        let marker = format!("{begin}{name}{}{end}", if name.is_empty() { "" } else { " " });
        let parts = updated.split_once(&marker);
        let parts = parts.and_then(|(before, rest)| {
            let (old, after) = rest.split_once(HELP_END)?;
            (!old.contains(begin)).then_some((before, after))
        });
        let Some((before, after)) = parts else {
            problems.push(format!("write `{marker}` and `{HELP_END}` where its help shall stand"));
            continue;
        };
        updated = format!("{before}{marker}\n```text\n{}\n```\n{HELP_END}{after}", text.trim_end());
    }
    if updated.matches(HELP_BEGIN[0]).count() > names.len() {
        problems.push(format!("a `{}` is of no command", HELP_BEGIN[0].trim_end()));
    }
    (updated, problems)
}

/// The first line that differs, or nothing.
pub fn differences(shown: &str, updated: &str) -> Vec<String> {
    let lines =
        |text: &str| -> Vec<String> { text.split('\n').chain(["nothing"]).map(str::to_owned).collect() };
    let pairs = lines(shown).into_iter().zip(lines(updated));
    let mut different = (1..).zip(pairs).filter(|(_, (old, new))| old != new);
    let first = different.next();
    first
        .map(|(line, (old, new))| format!("README.md:{line}: shows `{old}`, the program says `{new}`"))
        .into_iter()
        .collect()
}

/// Exit codes of the enum without a row in the table of exit codes.
pub fn missing_exit_codes(readme: &str, exit_code: &str) -> Vec<String> {
    let table = readme
        .lines()
        .skip_while(|line| !line.to_lowercase().starts_with("| code |"))
        .take_while(|line| line.starts_with('|'));
    let documented: Vec<&str> = table
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(|cell| cell.split(|char: char| !char.is_ascii_digit()))
        .collect();
    let variant = Regex::new(r"(?m)^ *(\w+) = (\d+),$").expect("it is valid");
    let codes = variant.captures_iter(exit_code).map(|variant| variant.extract().1);
    let missing = codes.filter(|[_, number]| !documented.contains(number));
    missing.map(|[name, number]| format!("{number} ({name}) has no row")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str =
        "Usage\n\nCommands:\n  start   Sync\n  status  Show\n  help    Print\n\nOptions:\n  -q\n";

    fn help(name: Option<&str>) -> Option<String> {
        match name {
            None => Some(ROOT.to_owned()),
            Some("start" | "status") => name.map(|name| format!("Help of {name}\n")),
            Some(_) => None,
        }
    }

    fn shown() -> String {
        let block =
            |name: &str, text: &str| format!("<!-- help: {name}-->\n```text\n{text}\n```\n{HELP_END}\n");
        let (start, status) = (block("start ", "Help of start"), block("status ", "Help of status"));
        format!("# a\n{}b\n{start}{status}c\n", block("", ROOT.trim()))
    }

    #[test]
    fn requires_the_two_commands_in_the_first_code_blocks() {
        let block = |command: &str| format!("text\n\n```sh\n{command}\n```\n");
        let [demo, tests] = FIRST_COMMANDS.map(block);
        assert_eq!(first_commands(&format!("{demo}{tests}{tests}")), [""; 0]);
        assert_eq!(first_commands(&format!("{tests}{demo}")).len(), 2);
        assert_eq!(first_commands("").len(), 2);
        let other = first_commands(&format!("{demo}{}", block("cargo test")));
        assert_eq!(other, ["code block 2 must be `cargo test --workspace --locked`, it is `cargo test`"]);
        let documented = block("# look\n$ cargo run --example demo");
        assert_eq!(first_commands(&format!("{documented}{tests}")), [""; 0]);
    }

    #[test]
    fn keeps_help_that_is_up_to_date() {
        assert_eq!(with_help(&shown(), help), (shown(), vec![]));
        assert_eq!(differences(&shown(), &shown()), [""; 0]);
    }

    #[test]
    fn reports_and_updates_changed_help() {
        for (now, before) in [("Help of start", "Help of old"), ("```text\nHelp of status\n```\n", "")] {
            let old = shown().replace(now, before);
            let (updated, problems) = with_help(&old, help);
            assert_eq!((updated.as_str(), &problems[..]), (shown().as_str(), &[][..]));
            assert_eq!(differences(&old, &updated).len(), 1);
        }
        let [longer] = &differences("a\nb", "a\nb\nc")[..] else { panic!("one line differs") };
        assert_eq!(longer, "README.md:3: shows `nothing`, the program says `c`");
    }

    #[test]
    fn reports_a_command_without_help() {
        let problems = with_help("", help).1;
        assert_eq!(problems.len(), 3);
        assert!(problems[0].contains("`<!-- help: -->`"), "{problems:?}");
        let without = shown().replace("<!-- help: status -->", "");
        assert_eq!(with_help(&without, help).1.len(), 1);
    }

    #[test]
    fn reports_markers_that_are_unknown_or_unclosed() {
        let unknown = format!("{}<!-- help: stop -->\n{HELP_END}", shown());
        assert_eq!(with_help(&unknown, help), (unknown, vec!["a `<!-- help:` is of no command".to_owned()]));
        let open = shown().replacen(HELP_END, "", 1);
        assert!(!with_help(&open, help).1.is_empty());
        assert_eq!(with_help("<!-- help: start -->\n", help).1.len(), 3);
    }

    #[test]
    fn reports_an_exit_code_without_row() {
        let code = "enum ExitCode {\n  /// Fine = 9,\n  Success = 0,\n  Usage = 2,\n  Interrupted = 130,\n}";
        let table = "| Code | Meaning |\n|---|---|\n| 0 | fine |\n| `130` / 143 | stopped |\n\n| x | y |\n| 2 | z |\n";
        assert_eq!(missing_exit_codes(table, code), ["2 (Usage) has no row"]);
        assert_eq!(missing_exit_codes(&table.replace("| 0", "| 2"), code), ["0 (Success) has no row"]);
        assert_eq!(missing_exit_codes("", code).len(), 3);
    }
}
