//! Checks of the documents against the program and against each other.

use std::path::Path;

use regex::Regex;

/// The commands of the first two fenced code blocks of README.md.
const FIRST_COMMANDS: [&str; 2] = ["cargo run --example demo", "cargo test --workspace --locked"];
/// Lines of README.md at most.
const MAX_README_LINES: usize = 300;
/// Begins a help text, with the command's name in between.
const HELP_BEGIN: [&str; 2] = ["<!-- help: ", "-->"];
/// Ends a help text.
const HELP_END: &str = "<!-- /help -->";
/// Begin and end of the table of exit codes.
const EXIT_CODES: [&str; 2] = ["<!-- exit codes -->", "<!-- /exit codes -->"];

/// The first code blocks that aren't the expected commands.
pub fn first_commands(readme: &str) -> Vec<String> {
    let block = Regex::new(r"(?ms)^ *```[^\n]*\n(.*?)^ *```$").expect("the expression is valid");
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

/// A README that is too long.
pub fn readme_length(readme: &str) -> Option<String> {
    let lines = readme.lines().count();
    (lines > MAX_README_LINES).then(|| format!("README.md has {lines} lines, at most {MAX_README_LINES}"))
}

/// The document with every help text as `help` returns it, and the markers that are
/// missing, not closed or of an unknown command.
pub fn with_help(document: &str, help: impl Fn(Option<&str>) -> Option<String>) -> (String, Vec<String>) {
    let root = help(None).unwrap_or_default();
    let list =
        root.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let mut names: Vec<&str> = list.filter_map(|line| line.split_whitespace().next()).collect();
    names.retain(|name| *name != "help");
    names.insert(0, "");
    let (mut updated, mut problems) = (document.to_owned(), Vec::new());
    for name in &names {
        let text = help(Some(*name).filter(|name| !name.is_empty())).unwrap_or_default();
        let [begin, end] = HELP_BEGIN;
        let marker = format!("{begin}{name}{}{end}", if name.is_empty() { "" } else { " " });
        let replaced = between(&updated, [marker.as_str(), HELP_END], |old| {
            (!old.contains(begin)).then(|| format!("```text\n{}\n```\n", text.trim_end()))
        });
        match replaced {
            Some(replaced) => updated = replaced,
            None => problems.push(format!("write `{marker}` and `{HELP_END}` where its help belongs")),
        }
    }
    if updated.matches(HELP_BEGIN[0]).count() > names.len() {
        problems.push(format!("a `{}` names no command", HELP_BEGIN[0].trim_end()));
    }
    (updated, problems)
}

/// The document with the table of exit codes, each a number and its meaning. `None` if its
/// markers are missing.
pub fn with_exit_codes(document: &str, codes: &[(u8, &str)]) -> Option<String> {
    let rows: Vec<String> =
        codes.iter().map(|(number, meaning)| format!("| {number} | {meaning} |\n")).collect();
    between(document, EXIT_CODES, |_| Some(format!("| code | meaning |\n|---|---|\n{}", rows.concat())))
}

/// The document with the text between two markers replaced. `None` if a marker is missing or
/// `replacement` returns `None` for the old text.
fn between(
    document: &str,
    [begin, end]: [&str; 2],
    replacement: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let (before, rest) = document.split_once(begin)?;
    let (old, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n{}{end}{after}", replacement(old)?))
}

/// The first line that differs.
pub fn differences(path: &str, shown: &str, updated: &str) -> Vec<String> {
    let lines =
        |text: &str| -> Vec<String> { text.split('\n').chain(["nothing"]).map(str::to_owned).collect() };
    let pairs = lines(shown).into_iter().zip(lines(updated));
    let mut different = (1..).zip(pairs).filter(|(_, (old, new))| old != new);
    let first = different.next();
    first
        .map(|(line, (old, new))| format!("{path}:{line}: shows `{old}`, the program says `{new}`"))
        .into_iter()
        .collect()
}

/// Relative links of a document whose file or heading doesn't exist. `read` returns the
/// text of a file, and an empty text for a folder.
pub fn broken_links(path: &str, text: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let link = Regex::new(r"\]\(([^)\s]+)\)").expect("the expression is valid");
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let mut problems = Vec::new();
    for (line, content) in (1..).zip(without_code(text).lines()) {
        for target in link.captures_iter(content).map(|link| link.extract::<1>().1[0].to_owned()) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let linked = if file.is_empty() { path.to_owned() } else { normalized(&folder.join(file)) };
            let Some(linked_text) = read(&linked) else {
                problems.push(format!("{path}:{line}: {target}: there is no {linked}"));
                continue;
            };
            if !anchor.is_empty() && !anchors(&linked_text).iter().any(|known| known == anchor) {
                problems.push(format!("{path}:{line}: {target}: {linked} has no such heading"));
            }
        }
    }
    problems
}

/// The path without `.` and `..`.
fn normalized(path: &Path) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.iter().filter_map(|part| part.to_str()) {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The document with the lines of fenced code blocks blanked.
fn without_code(text: &str) -> String {
    let mut is_code = false;
    let keep = |line: &str| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        if is_code || is_fence { String::new() } else { line.to_owned() }
    };
    text.lines().map(keep).collect::<Vec<_>>().join("\n")
}

/// The anchors that GitHub gives a document's headings.
fn anchors(text: &str) -> Vec<String> {
    let text = without_code(text);
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#'));
    let anchor = |heading: &str| -> String {
        let kept = heading.trim().to_lowercase();
        let kept = kept.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
        kept.map(|char| if char == ' ' { '-' } else { char }).collect()
    };
    headings.map(anchor).collect()
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

    fn document() -> String {
        let block =
            |name: &str, text: &str| format!("<!-- help: {name}-->\n```text\n{text}\n```\n{HELP_END}\n");
        let (start, status) = (block("start ", "Help of start"), block("status ", "Help of status"));
        format!("# a\n{}b\n{start}{status}c\n", block("", ROOT.trim()))
    }

    #[test]
    fn first_blocks_must_be_the_two_commands() {
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
    fn long_readme_is_noticed() {
        assert_eq!(readme_length(&"line\n".repeat(300)), None);
        assert!(readme_length(&"line\n".repeat(301)).is_some());
    }

    #[test]
    fn current_help_stays() {
        assert_eq!(with_help(&document(), help), (document(), vec![]));
        assert_eq!(differences("x.md", &document(), &document()), [""; 0]);
    }

    #[test]
    fn changed_help_is_noticed_and_updated() {
        for (now, before) in [("Help of start", "Help of old"), ("```text\nHelp of status\n```\n", "")] {
            let old = document().replace(now, before);
            let (updated, problems) = with_help(&old, help);
            assert_eq!((updated.as_str(), &problems[..]), (document().as_str(), &[][..]));
            assert_eq!(differences("x.md", &old, &updated).len(), 1);
        }
        let [longer] = &differences("x.md", "a\nb", "a\nb\nc")[..] else { panic!("one line differs") };
        assert_eq!(longer, "x.md:3: shows `nothing`, the program says `c`");
    }

    #[test]
    fn command_without_help_is_noticed() {
        let problems = with_help("", help).1;
        assert_eq!(problems.len(), 3);
        assert!(problems[0].contains("`<!-- help: -->`"), "{problems:?}");
        let without = document().replace("<!-- help: status -->", "");
        assert_eq!(with_help(&without, help).1.len(), 1);
    }

    #[test]
    fn markers_of_unknown_commands_and_open_ones_are_noticed() {
        let unknown = format!("{}<!-- help: stop -->\n{HELP_END}", document());
        assert_eq!(with_help(&unknown, help), (unknown, vec!["a `<!-- help:` names no command".to_owned()]));
        let open = document().replacen(HELP_END, "", 1);
        assert!(!with_help(&open, help).1.is_empty());
        assert_eq!(with_help("<!-- help: start -->\n", help).1.len(), 3);
    }

    #[test]
    fn exit_codes_are_written_between_their_markers() {
        let document = format!("a\n{}\nold\n{}\nb\n", EXIT_CODES[0], EXIT_CODES[1]);
        let updated = with_exit_codes(&document, &[(0, "fine"), (2, "wrong")]).expect("it has markers");
        let table = "| code | meaning |\n|---|---|\n| 0 | fine |\n| 2 | wrong |\n";
        assert_eq!(updated, format!("a\n{}\n{table}{}\nb\n", EXIT_CODES[0], EXIT_CODES[1]));
        assert_eq!(with_exit_codes("a", &[]), None);
    }

    #[test]
    fn broken_links_are_named_with_their_line() {
        let read = |path: &str| match path {
            "docs/a.md" => Some("# One two\n```sh\n# not one\n```\n## `x`: y's\n".to_owned()),
            "src" => Some(String::new()),
            _ => None,
        };
        let links = "[a](a.md) [b](a.md#one-two) [c](https://x.y/z#w) [s](../src) [x](a.md#x-ys)\n";
        assert_eq!(broken_links("docs/b.md", links, read), [""; 0]);
        let wrong = "ok\n[a](c.md) [b](a.md#not-one)\n```\n[d](e.md)\n```\n";
        let problems = broken_links("docs/b.md", wrong, read);
        assert_eq!(
            problems,
            [
                "docs/b.md:2: c.md: there is no docs/c.md",
                "docs/b.md:2: a.md#not-one: docs/a.md has no such heading"
            ]
        );
    }
}
