//! Man pages.

use std::fs;

use discord_sim::{Description, World};
use verta_sync::exit_code::ExitCode;

use crate::util::Sandbox;

fn sandbox() -> Sandbox {
    Sandbox::new(World::new(&Description::community(77_000_000_000_000_001, 1, 1)))
}

#[test]
fn main_page_names_every_command_and_exit_code() {
    let page = sandbox().run(&["man"]).expect_code(0).stdout;
    assert!(page.contains(".TH verta-sync 1"), "{page}");
    for command in [
        "start",
        "plan",
        "status",
        "reset",
        "check",
        "forget",
        "hash",
        "rekey",
        "search",
        "export",
        "insights",
        "completions",
        "man",
    ] {
        assert!(page.contains(&format!("verta\\-sync\\-{command}(1)")), "{command} is missing:\n{page}");
    }
    let (_, codes) = page.split_once(".SH \"EXIT STATUS\"").unwrap();
    for code in ExitCode::ALL {
        assert!(codes.contains(&format!("\\fB{}\\fR", code.number())), "{code:?} is missing:\n{codes}");
    }
}

#[test]
fn writes_a_page_per_command_with_the_same_bytes_each_time() {
    let sandbox = sandbox();
    let folder = sandbox.dir.path().join("man1");
    let pages = || -> Vec<(String, Vec<u8>)> {
        let mut names: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names.into_iter().map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
    };
    sandbox.run(&["man", "--out", "man1"]).expect_code(0);
    let first = pages();
    let names: Vec<&str> = first.iter().map(|(name, _)| name.as_str()).collect();
    let commands = [
        "-check",
        "-completions",
        "-export",
        "-forget",
        "-hash",
        "-insights",
        "-man",
        "-plan",
        "-rekey",
        "-reset",
        "-search",
        "-start",
        "-status",
        "",
    ];
    assert_eq!(names, commands.map(|command| format!("verta-sync{command}.1")));
    for (name, page) in &first {
        let page = String::from_utf8_lossy(page);
        assert!(page.contains(".SH SYNOPSIS"), "{name}:\n{page}");
    }
    sandbox.run(&["man", "--out", "man1"]).expect_code(0);
    assert_eq!(pages(), first);
}

#[test]
fn folder_that_cannot_be_created_is_named() {
    let sandbox = sandbox();
    for folder in ["missing/man1", "sync.toml"] {
        let ran = sandbox.run(&["man", "--out", folder]).expect_code(2);
        assert!(ran.stderr.contains(folder) && ran.stderr.contains("hint: "), "{}", ran.stderr);
    }
}
