//! What README.md shows.

use super::code::Source;

/// The commands of the first two fenced code blocks.
const FIRST_COMMANDS: [&str; 2] = ["cargo run --example demo", "cargo test --workspace --locked"];
/// Before and after a help text; the command's name stands between these.
const HELP_BEGIN: [&str; 2] = ["<!-- help: ", "-->"];
const HELP_END: &str = "<!-- /help -->";

/// What the first code blocks are instead.
pub fn first_commands(readme: &str) -> Vec<String> {
    let blocks = code_blocks(readme);
    let command = |block: &Vec<&str>| {
        let lines = block.iter().map(|line| line.trim().trim_start_matches("$ "));
        let commands = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        commands.collect::<Vec<_>>().join("\n")
    };
    let mut problems = Vec::new();
    for (index, expected) in FIRST_COMMANDS.iter().enumerate() {
        let found = blocks.get(index).map(command).unwrap_or_default();
        if found != *expected {
            problems.push(format!("code block {} must be `{expected}`, it is `{found}`", index + 1));
        }
    }
    problems
}

fn code_blocks(text: &str) -> Vec<Vec<&str>> {
    let mut blocks = Vec::new();
    let mut block: Option<Vec<&str>> = None;
    for line in text.lines() {
        match (line.trim_start().starts_with("```"), block.take()) {
            (true, None) => block = Some(Vec::new()),
            (true, Some(done)) => blocks.push(done),
            (false, Some(mut open)) => {
                open.push(line);
                block = Some(open);
            }
            (false, None) => {}
        }
    }
    blocks
}

/// README.md with every help text as `help` gives it, and what can't be put
/// right: markers that are missing, odd or of an unknown command.
pub fn with_help(readme: &str, help: impl Fn(Option<&str>) -> Option<String>) -> (String, Vec<String>) {
    let mut updated = String::new();
    let mut problems = Vec::new();
    let mut shown = Vec::new();
    let mut rest = readme;
    while let Some((before, name, after)) = next_marker(rest) {
        let text = help(Some(name).filter(|name| !name.is_empty()));
        let (Some(text), Some((_, behind))) = (text, after.split_once(HELP_END)) else {
            problems.push(format!("`{}` is of no command, or without `{HELP_END}`", marker(name)));
            break;
        };
        updated.extend([before, &marker(name), "\n```text\n", text.trim_end(), "\n```\n", HELP_END]);
        shown.push(name.to_owned());
        rest = behind;
    }
    let commands = subcommands(&help(None).unwrap_or_default());
    if problems.is_empty() {
        let wanted = std::iter::once(String::new()).chain(commands);
        let missing = wanted.filter(|name| !shown.contains(name));
        problems
            .extend(missing.map(|name| {
                format!("write `{}` and `{HELP_END}` where its help shall stand", marker(&name))
            }));
    }
    (updated + rest, problems)
}

fn marker(name: &str) -> String {
    let [begin, end] = HELP_BEGIN;
    let space = if name.is_empty() { "" } else { " " };
    format!("{begin}{name}{space}{end}")
}

/// The text before the next marker, the name in it, the text after it.
fn next_marker(text: &str) -> Option<(&str, &str, &str)> {
    let [begin, end] = HELP_BEGIN;
    let (before, rest) = text.split_once(begin)?;
    let (name, after) = rest.split_once(end)?;
    Some((before, name.trim(), after))
}

/// The names in the list of commands.
fn subcommands(help: &str) -> Vec<String> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = list.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// The first line that differs.
pub fn differences(shown: &str, updated: &str) -> Vec<String> {
    if shown == updated {
        return Vec::new();
    }
    let (mut old, mut new) = (shown.lines(), updated.lines());
    for line in 1.. {
        match (old.next(), new.next()) {
            (None, None) => break,
            (one, two) if one == two => {}
            (one, two) => {
                let (one, two) = (one.unwrap_or("nothing"), two.unwrap_or("nothing"));
                return vec![format!("README.md:{line}: shows `{one}`, the program says `{two}`")];
            }
        }
    }
    vec!["README.md: line ends differ".to_owned()]
}

/// Numbers of the enum that the table of exit codes has no row for.
pub fn missing_exit_codes(readme: &str, exit_code: &str) -> Vec<String> {
    let explained = explained_codes(readme);
    let missing = exit_codes(exit_code).into_iter().filter(|(_, number)| !explained.contains(number));
    missing.map(|(name, number)| format!("{number} ({name}) has no row")).collect()
}

/// `Name = 1,` in code.
fn exit_codes(code: &str) -> Vec<(String, String)> {
    let source = Source::new("", code);
    let is_number = |index: usize| source.at(index).bytes().all(|byte| byte.is_ascii_digit());
    let assigned = source.find("=").filter(|index| is_number(index + 1) && source.at(index + 2) == ",");
    assigned.map(|index| (source.before(index).to_owned(), source.at(index + 1).to_owned())).collect()
}

/// The numbers in the first column of tables that are headed "code".
fn explained_codes(readme: &str) -> Vec<String> {
    let mut is_table_of_codes = false;
    let mut numbers = Vec::new();
    for line in readme.lines() {
        let Some(cell) = line.trim().strip_prefix('|').and_then(|row| row.split('|').next()) else {
            is_table_of_codes = false;
            continue;
        };
        is_table_of_codes |= cell.to_lowercase().contains("code");
        if is_table_of_codes {
            let words = cell.split(|char: char| !char.is_ascii_digit()).filter(|word| !word.is_empty());
            numbers.extend(words.map(str::to_owned));
        }
    }
    numbers
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
            |name, text: &str| format!("{}\n```text\n{}\n```\n{HELP_END}\n", marker(name), text.trim());
        format!("# a\n{}b\n{}{}c\n", block("", ROOT), block("start", "Help of start"), {
            block("status", "Help of status")
        })
    }

    #[test]
    fn the_first_blocks_must_be_the_two_commands() {
        let block = |command: &str| format!("text\n\n```sh\n{command}\n```\n");
        let [demo, tests] = FIRST_COMMANDS.map(block);
        assert_eq!(first_commands(&format!("{demo}{tests}{tests}")), [""; 0]);
        assert_eq!(first_commands(&format!("{tests}{demo}")).len(), 2);
        assert_eq!(first_commands("").len(), 2);
        let other = first_commands(&format!("{demo}{}", block("cargo test")));
        assert_eq!(other, ["code block 2 must be `cargo test --workspace --locked`, it is `cargo test`"]);
        let explained = block("# look\n$ cargo run --example demo");
        assert_eq!(first_commands(&format!("{explained}{tests}")), [""; 0]);
    }

    #[test]
    fn help_that_is_up_to_date_stays() {
        assert_eq!(with_help(&shown(), help), (shown(), vec![]));
        assert_eq!(differences(&shown(), &shown()), [""; 0]);
    }

    #[test]
    fn help_that_changed_is_noticed_and_put_right() {
        for (now, before) in [("Help of start", "Help of old"), ("```text\nHelp of status\n```\n", "")] {
            let old = shown().replace(now, before);
            let (updated, problems) = with_help(&old, help);
            assert_eq!((updated.as_str(), &problems[..]), (shown().as_str(), &[][..]));
            assert_eq!(differences(&old, &updated).len(), 1);
        }
    }

    #[test]
    fn a_command_without_its_help_is_noticed() {
        let problems = with_help("", help).1;
        assert_eq!(problems.len(), 3);
        assert!(problems[0].contains("`<!-- help: -->`"), "{problems:?}");
        let without = shown().replace("<!-- help: status -->", "");
        assert_eq!(with_help(&without, help).1.len(), 1);
    }

    #[test]
    fn markers_of_unknown_commands_and_open_ones_are_noticed() {
        for readme in ["<!-- help: stop -->\n<!-- /help -->", "<!-- help: start -->\n"] {
            let (updated, problems) = with_help(readme, help);
            assert!(problems[0].contains("of no command, or without"), "{problems:?}");
            assert!(!updated.contains("Help of"));
        }
    }

    #[test]
    fn a_code_without_a_row_is_noticed() {
        let code = "enum ExitCode {\n  /// Fine = 9,\n  Success = 0,\n  Usage = 2,\n  Interrupted = 130,\n}";
        let table = "| Code | Meaning |\n|---|---|\n| 0 | fine |\n| `130` / 143 | stopped |\n\n| x | y |\n| 2 | z |\n";
        assert_eq!(missing_exit_codes(table, code), ["2 (Usage) has no row"]);
        assert_eq!(missing_exit_codes(&table.replace("| 0", "| 2"), code), ["0 (Success) has no row"]);
        assert_eq!(missing_exit_codes("", code).len(), 3);
    }
}
