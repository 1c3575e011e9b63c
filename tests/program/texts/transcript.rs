//! Transcripts of commands and their output, without what varies from run to run.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use regex::Regex;

use crate::util::{CommandOutput, Sandbox};

/// Patterns of what varies from run to run, and their replacements.
const REPLACEMENTS: [(&str, &str); 13] = [
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"\b\d{8}-\d{6}-[0-9a-z]{4}\b", "RUN"),
    (r"process \d+", "process PID"),
    (r"(?m)^\d{4}-\d\d-\d\dT\S+Z", "TIME"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?", "TIME"),
    (r"\b\d[\d,]* messages/s", "RATE messages/s"),
    (r": (\w+ (?:in|after)) (\d+(\.\d+)?m?s|\d+m \d\ds):", ": $1 SPAN:"),
    (r"(?m)(requests?.*), \d\S*( \S+)?$", "$1, SPAN"),
    (r"last success \d\S*( \S+)? ago", "last success AGO"),
    (r"clock: \S+ off", "clock: SPAN off"),
    (r"truncated at line 1 column \d+", "truncated at line 1 column N"),
    (r"\d+(\.\d+)? [kMGT]?B free", "SPACE free"),
    (r"just now|\b\d+ \w+ ago", "AGO"),
];

/// Commands with their situation, output and exit code.
#[derive(Default)]
pub struct Transcript {
    text: String,
}

impl Transcript {
    /// Runs a command in a situation and appends its output.
    pub fn run(&mut self, situation: &str, sandbox: &Sandbox, arguments: &[&str]) {
        let ran = sandbox.run(arguments);
        self.add(situation, sandbox, arguments, &ran);
    }

    /// Appends the output of a command that has run.
    pub fn add(&mut self, situation: &str, sandbox: &Sandbox, arguments: &[&str], ran: &CommandOutput) {
        sandbox.assert_no_secrets(ran);
        let output = normalized(sandbox, &format!("{}{}", ran.stdout, ran.stderr));
        let (command, output, code) = (arguments.join(" "), output.trim_end(), ran.code);
        write!(self.text, "## {situation}\n$ verta-sync {command}\n{output}\n[{code}]\n\n").unwrap();
    }

    /// Compares the transcript with the file of this name.
    #[track_caller]
    pub fn expect(self, name: &str) {
        let path =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/program/texts").join(format!("{name}.txt"));
        let text = format!("{}\n", self.text.trim_end());
        if env::var_os("UPDATE_TEXTS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        let differing = text.lines().zip(expected.lines()).find(|(actual, expected)| actual != expected);
        assert!(
            text == expected,
            "tests/program/texts/{name}.txt differs, first here: {differing:?}\n(UPDATE_TEXTS=1 writes it anew)\n{text}"
        );
    }
}

fn normalized(sandbox: &Sandbox, output: &str) -> String {
    let folder = sandbox.dir.path().to_str().unwrap();
    let mut output = output.replace(&format!("/private{folder}"), "FOLDER").replace(folder, "FOLDER");
    for (pattern, name) in REPLACEMENTS {
        output = Regex::new(pattern).unwrap().replace_all(&output, name).into_owned();
    }
    output
}
