//! Tests of the command line with random, boundary and token arguments.

use std::os::unix::ffi::OsStringExt as _;
use std::process;

use clap_complete::Shell;
use fastrand::Rng;

use super::*;
use crate::commands::completions::script;

const TOKEN: &str = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs";

const WORDS: [&str; 83] = [
    "start",
    "plan",
    "status",
    "reset",
    "check",
    "forget",
    "search",
    "--author",
    "--has",
    "-C",
    "--reindex",
    "export",
    "--table",
    "--include-closed",
    "parquet",
    "insights",
    "--timezone",
    "Europe/Berlin",
    "hash",
    "rekey",
    "--key-file",
    "completions",
    "man",
    "--out",
    "help",
    "strat",
    "bash",
    "nosh",
    "--tenant",
    "--tenant=",
    "--channel",
    "--full",
    "--since",
    "--until",
    "--max-runtime",
    "--wait",
    "--wait=",
    "--max-channel-workers",
    "--format",
    "--job-id",
    "--runs",
    "--failing",
    "--sort",
    "--dry-run",
    "exit-codes",
    "--watch",
    "--max-age",
    "--purge",
    "--yes",
    "--privacy",
    "--messages",
    "--user",
    "--config",
    "-v",
    "-vv",
    "-q",
    "-vq",
    "--log-format",
    "--no-progress",
    "--color",
    "--help",
    "--",
    "-",
    "---",
    "",
    " ",
    "=",
    "takaro",
    "json",
    "human",
    "always",
    "0",
    "-1",
    "2024-01-31",
    "24h",
    "123456789012345678",
    "99999999999999999999",
    "99999999999999999999d",
    "9999-99-99",
    "1e999",
    "nan",
    "+00001-01-01",
    "-9223372036854775809",
];

/// Flags that take a value.
const VALUE_FLAGS: [&str; 16] = [
    "--since",
    "--until",
    "--max-runtime",
    "--wait",
    "--max-age",
    "--channel",
    "--max-channel-workers",
    "--format",
    "--log-format",
    "--color",
    "--user",
    "--job-id",
    "--has",
    "--table",
    "--timezone",
    "--sort",
];

fn word(rng: &mut Rng) -> OsString {
    let mut bytes = WORDS[rng.usize(..WORDS.len())].as_bytes().to_vec();
    match rng.u8(..8) {
        0 => bytes.insert(rng.usize(..=bytes.len()), rng.u8(..)),
        1 => bytes.truncate(rng.usize(..=bytes.len())),
        2 => bytes = bytes.repeat(rng.usize(1..200)),
        3 => bytes
            .splice(0..0, VALUE_FLAGS[rng.usize(..VALUE_FLAGS.len())].bytes().chain(*b"="))
            .for_each(drop),
        4 => bytes.extend("é\u{202e}\u{1b}[2J".bytes()),
        _ => {}
    }
    OsString::from_vec(bytes)
}

fn arguments(rng: &mut Rng) -> Vec<OsString> {
    let words = (0..rng.usize(..5)).map(|_| word(rng));
    std::iter::once("verta-sync".into()).chain(words).collect()
}

#[test]
fn random_arguments_never_panic_and_errors_name_the_argument() {
    let mut rng = Rng::with_seed(5);
    let mut accepted = 0;
    for _ in 0..1500 {
        let arguments = arguments(&mut rng);
        let Err(error) = parse(&arguments, command(REGISTRY.specs)) else {
            accepted += 1;
            continue;
        };
        if matches!(
            error.kind(),
            ErrorKind::DisplayHelp
                | ErrorKind::DisplayVersion
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        ) {
            continue;
        }
        let message = error.to_string();
        let first = message.lines().next().unwrap_or_default();
        let given = arguments.iter().skip(1).map(|argument| argument.to_string_lossy().into_owned());
        let names_argument = first.contains("--")
            || first.contains(" for '<")
            || given.clone().any(|argument| first.contains(&argument));
        let says_what_is_missing = message.contains("Usage:") || message.contains("required");
        assert!(names_argument || says_what_is_missing, "{message}\nof {arguments:?}");
        assert_eq!(error.exit_code(), 2);
    }
    assert!(accepted > 10, "{accepted}");
}

#[test]
fn a_token_among_the_arguments_is_rejected_and_never_printed() {
    let mut rng = Rng::with_seed(6);
    for _ in 0..300 {
        let mut arguments = arguments(&mut rng);
        let at = rng.usize(1..=arguments.len());
        let form = ["", "--tenant=", "Bot ", "--config=/srv/", "--since="][rng.usize(..5)];
        arguments.insert(at, format!("{form}{TOKEN}").into());
        let env = Environment::new::<&str, &str>([], "/srv");
        let failure = run(arguments, env).unwrap_err();
        assert_eq!(failure.exit_code(), ExitCode::Usage);
        let message = failure.to_string();
        assert!(message.contains(&format!("argument {at} ")) && message.contains("reset it"), "{message}");
        assert!(!message.contains("MTk4"), "{message}");
    }
}

#[test]
fn every_shell_completes_the_flags_of_a_subcommand() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
        assert!(script(shell, Cli::command()).contains("max-runtime"), "{shell}");
    }
    let script = script(Shell::Bash, Cli::command());
    let set = script.matches("cmd=\"verta__sync__subcmd__start\"").count();
    assert!(set > 0 && script.contains("\n        verta__sync__subcmd__start)"), "{script}");
}

#[test]
fn bash_completes_subcommands_flags_and_their_values() {
    let script = script(Shell::Bash, Cli::command());
    for (words, expected) in [
        (&["st"][..], "start status"),
        (&["start", "--ten"], "--tenant"),
        (&["status", "--max"], "--max-age"),
        (&["start", "--format", "j"], "json"),
        (&["completions", "z"], "zsh"),
    ] {
        let last = words.last().unwrap();
        let complete = format!(
            "COMP_WORDS=(verta-sync {}); COMP_CWORD={}; _verta__sync verta-sync {last} {}; echo ${{COMPREPLY[@]}}",
            words.join(" "),
            words.len(),
            words.get(words.len().wrapping_sub(2)).unwrap_or(&"verta-sync"),
        );
        let bash = process::Command::new("bash").args(["-c", &format!("{script}\n{complete}")]).output();
        // Bash may not be installed.
        let Ok(output) = bash else { return };
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{words:?}");
    }
}

#[test]
fn boundary_values_are_accepted_or_rejected() {
    for (flag, value, is_valid) in [
        ("--max-runtime", "36500d", true),
        ("--max-runtime", "36501d", false),
        ("--max-runtime", "18446744073709551615ms", false),
        ("--max-runtime", "0", true),
        ("--wait=36500d", "", true),
        ("--since", "1970-01-01", true),
        ("--since", "2083-12-31T23:59:59Z", true),
        ("--since", "2084-01-01", false),
        ("--until", "9999-12-31T23:59:59-25:59", false),
        ("--channel", "9223372036854775807", true),
        ("--channel", "9223372036854775808", false),
        ("--channel", "0", false),
        ("--max-channel-workers", "18446744073709551615", true),
        ("--max-channel-workers", "18446744073709551616", false),
    ] {
        let arguments = ["verta-sync", "start", flag, value];
        let given = arguments.into_iter().filter(|argument| !argument.is_empty());
        assert_eq!(parse(given, command(REGISTRY.specs)).is_ok(), is_valid, "{flag} {value}");
    }
}
