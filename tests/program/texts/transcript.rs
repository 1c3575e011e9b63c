//! Commands and what they said, without what differs from run to run.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use regex::Regex;

use crate::util::{Ran, Sandbox};

/// What differs from run to run, and what stands for it.
const VARIABLE: [(&str, &str); 13] = [
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"\b\d{8}-\d{6}-[0-9a-z]{4}\b", "RUN"),
    (r"process \d+", "process PID"),
    (r"(?m)^\d{4}-\d\d-\d\dT\S+Z", "TIME"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?", "TIME"),
    (r"\b\d[\d,]* messages/s", "RATE messages/s"),
    (r" in (\d+(\.\d+)?m?s|\d+m \d\ds):", " in SPAN:"),
    (r"(?m)(requests?.*), \d\S*( \S+)?$", "$1, SPAN"),
    (r"last success \d\S*( \S+)? ago", "last success AGO"),
    (r": \S+ apart from", ": SPAN apart from"),
    (r"cut off at line 1 column \d+", "cut off at line 1 column N"),
    (r"\d+(\.\d+)? [kMGT]?B free", "SPACE free"),
    (r"just now|\b\d+ \w+ ago", "AGO"),
];

/// Named commands with their output and exit codes.
#[derive(Default)]
pub struct Transcript {
    text: String,
}

impl Transcript {
    /// Runs a command in a situation and takes down what it says.
    pub fn run(&mut self, situation: &str, sandbox: &Sandbox, arguments: &[&str]) {
        let ran = sandbox.run(arguments);
        self.take(situation, sandbox, arguments, &ran);
    }

    /// Takes down what a command has said.
    pub fn take(&mut self, situation: &str, sandbox: &Sandbox, arguments: &[&str], ran: &Ran) {
        sandbox.assert_discreet(ran);
        let said = tidy(sandbox, &format!("{}{}", ran.stdout, ran.stderr));
        let (command, said, code) = (arguments.join(" "), said.trim_end(), ran.code);
        write!(self.text, "## {situation}\n$ verta-sync {command}\n{said}\n[{code}]\n\n").unwrap();
    }

    /// Compares it with the file of that name.
    #[track_caller]
    pub fn expect(self, name: &str) {
        let path =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/program/texts").join(format!("{name}.txt"));
        let text = format!("{}\n", self.text.trim_end());
        if env::var_os("UPDATE_TEXTS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        let differing = text.lines().zip(expected.lines()).find(|(is, was)| is != was);
        assert!(
            text == expected,
            "tests/program/texts/{name}.txt differs, first here: {differing:?}\n(UPDATE_TEXTS=1 writes it anew)\n{text}"
        );
    }
}

fn tidy(sandbox: &Sandbox, said: &str) -> String {
    let folder = sandbox.dir.path().to_str().unwrap();
    let mut said = said.replace(&format!("/private{folder}"), "FOLDER").replace(folder, "FOLDER");
    for (pattern, name) in VARIABLE {
        said = Regex::new(pattern).unwrap().replace_all(&said, name).into_owned();
    }
    said
}
