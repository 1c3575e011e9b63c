//! Every path that the program opens, with everything that can stand there
//! instead of what should: the right exit code, nothing harmed, no hang.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use discord_sim::{Description, World};
use rustix::fs::{CWD, FileType, Mode, mkfifoat, mknodat};

use super::{GUILD, TENANT, refused, sandbox};
use crate::util::{Ran, Sandbox, ended, send};

/// No command may take longer; the time of the queue's `--wait=1s` is in it.
const MOST_TIME: Duration = Duration::from_secs(20);

/// A user without any right, if the tests run as root.
const NOBODY: u32 = 65_534;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thing {
    Symlink,
    DanglingLink,
    HardLink,
    Fifo,
    Folder,
    Device,
    Foreign,
    NoRight,
    Empty,
}

use Thing::{DanglingLink, Device, Empty, Fifo, Folder, Foreign, HardLink, NoRight, Symlink};

const THINGS: [Thing; 9] = [Symlink, DanglingLink, HardLink, Fifo, Folder, Device, Foreign, NoRight, Empty];

/// Paths that the program opens.
const PATHS: [&str; 9] = [
    "sync.toml",
    "token",
    "archive.db",
    "archive.db-wal",
    "archive.db-shm",
    "archive.db-journal",
    "archive.db.lock",
    "archive.db.queue",
    "archive.db.queue/00000000000000000001-1",
];

const COMMANDS: [&[&str]; 7] = [
    &["status"],
    &["start"],
    &["start", "--wait=1s"],
    &["plan"],
    &["check"],
    &["reset", "--tenant", TENANT, "--yes"],
    &["forget", "--user", "80351110224678912", "--yes"],
];

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether a command gets as far as this path, and what ends it there.
fn code_of(path: &str, command: &[&str]) -> Option<i32> {
    let online = matches!(command[0], "start" | "plan" | "check");
    match path {
        "sync.toml" => Some(2),
        "token" => online.then_some(4),
        "archive.db" | "archive.db-wal" | "archive.db-shm" | "archive.db-journal" => Some(6),
        "archive.db.lock" => (command[0] != "plan").then_some(6),
        "archive.db.queue" => command.contains(&"--wait=1s").then_some(6),
        // What isn't recognized there is left alone.
        _ => None,
    }
}

fn may_nobody_run() -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verta-sync"));
    command.arg("--version").uid(NOBODY).gid(NOBODY).current_dir("/").stdout(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The exit codes that are right; what isn't named is 0.
#[allow(clippy::match_same_arms, reason = "each has a reason of its own")]
fn expected(path: &str, thing: Thing, command: &[&str]) -> Vec<i32> {
    let fails = || code_of(path, command).map_or_else(|| vec![0], |code| vec![code]);
    let is_named = matches!(path, "sync.toml" | "token" | "archive.db");
    let is_side_file = path.starts_with("archive.db-");
    match thing {
        // Those whose files the user names are resolved.
        Symlink if is_named => vec![0],
        // `forget` and `reset` find no archive.
        DanglingLink if path == "archive.db" => vec![0, 1, 2],
        HardLink if path == "sync.toml" || path == "token" => vec![0],
        // Reset and forget say that there is nothing.
        Empty if path == "archive.db" => vec![0, 1, 2],
        Empty if path == "sync.toml" || path == "token" => fails(),
        Empty if path == "archive.db.queue" => fails(),
        Empty => vec![0],
        // Root, and nobody else, may still use them.
        Foreign if path == "sync.toml" => fails(),
        Foreign if path == "token" => code_of(path, command).map_or_else(|| vec![0], |_| vec![2]),
        Foreign => vec![0],
        // Who may not read the lock can still look.
        NoRight if path == "archive.db.lock" && command[0] == "status" => vec![0],
        NoRight if is_side_file => vec![0, 6],
        // A new folder replaces what is missing.
        Folder if path == "archive.db.queue" => vec![0],
        _ => fails(),
    }
}

/// A sandbox with an archive and a token file, and what its folder holds.
struct Prepared {
    sandbox: Sandbox,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Prepared {
    fn new() -> Self {
        let sandbox = sandbox();
        let token = sandbox.sim.token();
        sandbox.write("token", &token);
        let config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
        let config = config.replacen("[discord]\n", "[discord]\ntoken_file = \"token\"\n", 1);
        sandbox.write("sync.toml", &config);
        sandbox.run(&["start"]).expect_code(0);
        let paths = sandbox.listing().into_iter().map(|name| sandbox.dir.path().join(name));
        let files = paths.map(|path| (path.clone(), fs::read(&path).unwrap())).collect();
        Self { sandbox, files }
    }

    /// Makes the folder anew.
    fn restored(&self) -> &Sandbox {
        for entry in fs::read_dir(self.sandbox.dir.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.symlink_metadata().unwrap().is_dir() {
                fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        for (path, content) in &self.files {
            fs::write(path, content).unwrap();
        }
        &self.sandbox
    }
}

/// Puts `thing` at `path`. Returns the file that could be harmed.
fn place(sandbox: &Sandbox, path: &Path, thing: Thing) -> Option<PathBuf> {
    let victim = sandbox.dir.path().join("victim");
    let content = fs::read(path).ok().filter(|_| path.is_file());
    fs::write(&victim, content.as_deref().unwrap_or(b"precious")).unwrap();
    fs::set_permissions(&victim, Permissions::from_mode(0o640)).unwrap();
    if path.is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else if path.symlink_metadata().is_ok() {
        fs::remove_file(path).unwrap();
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).unwrap();
    }
    let put_back = || {
        if path.ends_with("archive.db.queue") {
            fs::create_dir(path).unwrap();
        } else {
            fs::write(path, content.as_deref().unwrap_or(b"")).unwrap();
        }
    };
    match thing {
        Symlink => symlink(&victim, path).unwrap(),
        DanglingLink => symlink(sandbox.dir.path().join("nowhere"), path).unwrap(),
        HardLink => fs::hard_link(&victim, path).unwrap(),
        Fifo => mkfifoat(CWD, path, Mode::from_raw_mode(0o600)).unwrap(),
        Folder => fs::create_dir(path).unwrap(),
        // The null device's numbers.
        Device if is_root() => {
            let device = rustix::fs::makedev(1, 3);
            mknodat(CWD, path, FileType::CharacterDevice, Mode::from_raw_mode(0o666), device).unwrap();
        }
        Foreign if is_root() => {
            put_back();
            chown(path, Some(4711), Some(4711)).unwrap();
        }
        // Only root can make these.
        Device | Foreign => return None,
        // The tests may run in a folder that is closed to others.
        NoRight if is_root() && !may_nobody_run() => return None,
        NoRight => {
            put_back();
            fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
        }
        Empty => fs::write(path, "").unwrap(),
    }
    Some(victim)
}

/// Runs a command as a user without rights where that is what is tried.
fn run(sandbox: &Sandbox, command: &[&str], thing: Thing) -> Ran {
    let mut command: Command = sandbox.command(command);
    if thing == NoRight && is_root() {
        for entry in fs::read_dir(sandbox.dir.path()).unwrap() {
            chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        chown(sandbox.dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    let began = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > MOST_TIME {
            child.kill().unwrap();
            panic!("{command:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap().into()
}

/// Content and permissions.
fn state(path: &Path) -> (Vec<u8>, u32) {
    (fs::read(path).unwrap(), fs::metadata(path).unwrap().mode())
}

fn try_all(path: &str) {
    let prepared = Prepared::new();
    for thing in THINGS {
        let is_of_queue = path.starts_with("archive.db.queue/");
        for command in COMMANDS {
            let sandbox = prepared.restored();
            let at = sandbox.dir.path().join(path);
            let Some(victim) = place(sandbox, &at, thing) else { continue };
            let before = state(&victim);
            let ran = run(sandbox, command, thing);
            let expected = expected(path, thing, command);
            let what = format!("{thing:?} at {path}, {command:?}:\n{}{}", ran.stdout, ran.stderr);
            assert!(expected.contains(&ran.code), "{} is none of {expected:?}: {what}", ran.code);
            sandbox.assert_discreet(&ran);
            if !matches!((path, thing), ("archive.db", Symlink)) {
                assert_eq!(state(&victim), before, "{what}");
            }
            if !matches!(ran.code, 0 | 130) {
                assert!(ran.stderr.contains("error: ") || ran.stdout.contains("✗"), "{what}");
            }
            let kind = at.symlink_metadata().map(|metadata| metadata.file_type());
            match thing {
                Fifo | Folder | Device | Symlink | HardLink if is_of_queue || ran.code != 0 => {
                    assert!(kind.is_ok(), "it was removed: {what}");
                }
                Empty if path == "archive.db" => {
                    assert_eq!(at.metadata().unwrap().mode() & 0o777, 0o644, "{what}");
                }
                _ => {}
            }
        }
    }
}

#[test]
fn whatever_stands_in_the_place_of_the_configuration_harms_nothing() {
    try_all(PATHS[0]);
}

#[test]
fn whatever_stands_in_the_place_of_the_token_harms_nothing() {
    try_all(PATHS[1]);
}

#[test]
fn whatever_stands_in_the_place_of_the_archive_harms_nothing() {
    try_all(PATHS[2]);
}

#[test]
fn whatever_stands_in_the_place_of_files_of_sqlite_harms_nothing() {
    for path in &PATHS[3..6] {
        try_all(path);
    }
}

#[test]
fn whatever_stands_in_the_place_of_the_lock_harms_nothing() {
    try_all(PATHS[6]);
}

#[test]
fn whatever_stands_in_the_place_of_the_queue_harms_nothing() {
    for path in &PATHS[7..] {
        try_all(path);
    }
}

fn set_mode(sandbox: &Sandbox, name: &str, mode: u32) {
    fs::set_permissions(sandbox.dir.path().join(name), Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_configuration_that_others_may_write_sends_the_token_nowhere() {
    let sandbox = sandbox();
    for (mode, words) in [(0o666, "every user"), (0o646, "chmod o-w")] {
        set_mode(&sandbox, "sync.toml", mode);
        for arguments in [&["start"][..], &["start", "--config", "sync.toml"], &["check"], &["status"]] {
            refused(&sandbox, arguments, 2, &[words, "sync.toml", "bot token elsewhere"]);
        }
    }
    assert!(sandbox.sim.journal().is_empty());
    // A group of which others are, too.
    if is_root() {
        set_mode(&sandbox, "sync.toml", 0o660);
        chown(sandbox.dir.path().join("sync.toml"), None, Some(4711)).unwrap();
        refused(&sandbox, &["start"], 2, &["the group with ID 4711", "chmod g-w"]);
    }
    let own_group = rustix::process::getegid().as_raw();
    chown(sandbox.dir.path().join("sync.toml"), None, Some(own_group)).unwrap();
    set_mode(&sandbox, "sync.toml", 0o664);
    sandbox.run(&["start"]).expect_code(0);
}

#[test]
fn a_configuration_of_another_user_has_to_be_named_and_closed() {
    if !is_root() {
        return; // who can't give files away
    }
    let sandbox = sandbox();
    let config = sandbox.dir.path().join("sync.toml");
    chown(&config, Some(4711), None).unwrap();
    // Root may write every file.
    refused(&sandbox, &["start", "--config", "sync.toml"], 2, &["user ID 4711", "give it to this user"]);
    chown(sandbox.dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        Ran::from(command.uid(NOBODY).gid(NOBODY).output().unwrap())
    };
    set_mode(&sandbox, "sync.toml", 0o644);
    let found = run(&["start"]).expect_code(2);
    assert!(found.stderr.contains("name it with --config"), "{}", found.stderr);
    assert!(sandbox.sim.journal().is_empty());
    run(&["start", "--config", "sync.toml"]).expect_code(0);
    // One that this user may write through its group is no mount.
    chown(&config, None, Some(NOBODY)).unwrap();
    set_mode(&sandbox, "sync.toml", 0o664);
    run(&["start", "--config", "sync.toml"]).expect_code(2);
    set_mode(&sandbox, "sync.toml", 0o644);
    // The file of the one who holds the system is as good as one's own.
    chown(&config, Some(0), None).unwrap();
    run(&["start"]).expect_code(0);
}

#[test]
fn a_token_file_that_others_may_write_or_that_is_none_is_refused() {
    let prepared = Prepared::new();
    let sandbox = prepared.restored();
    set_mode(sandbox, "token", 0o602);
    refused(sandbox, &["start"], 2, &["every user", "exchange the bot token"]);
    set_mode(sandbox, "token", 0o600);
    sandbox.write("token", &"a".repeat((64 << 10) + 1));
    refused(sandbox, &["start"], 4, &["larger than 64 KiB"]);
}

#[test]
fn an_archive_has_one_lock_whatever_it_is_called() {
    let world = World::new(&Description::community(GUILD, 60, 300));
    let sandbox = Sandbox::with_config(world, "[sync]\nmax_channel_workers = 1");
    let config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    let other_name = |name: &str, path: &str| {
        sandbox.write(name, &format!("[archive]\npath = \"{path}\"\n{config}"));
    };
    fs::create_dir(sandbox.dir.path().join("elsewhere")).unwrap();
    symlink("../archive.db", sandbox.dir.path().join("elsewhere/link.db")).unwrap();
    symlink("elsewhere", sandbox.dir.path().join("folder")).unwrap();
    other_name("link.toml", "elsewhere/link.db");
    other_name("folder.toml", "folder/../elsewhere/link.db");
    other_name("hard.toml", "elsewhere/hard.db");
    let running = sandbox.spawn_slow(&["start", "--full"]);
    for name in ["link.toml", "folder.toml"] {
        sandbox.run(&["start", "--config", name]).expect_code(5);
        let status = sandbox.run(&["status", "--config", name, "--format", "json"]).expect_code(0);
        assert_eq!(status.last_json()["running"].as_array().unwrap().len(), 1, "{}", status.stdout);
    }
    fs::hard_link(sandbox.archive_path(), sandbox.dir.path().join("elsewhere/hard.db")).unwrap();
    for (name, commands) in
        [("hard.toml", &["start", "status", "plan"][..]), ("sync.toml", &["status", "plan"])]
    {
        for command in commands {
            let ran = sandbox.run(&[command, "--config", name]).expect_code(6);
            assert!(ran.stderr.contains("2 names") && ran.stderr.contains("-samefile"), "{}", ran.stderr);
        }
    }
    send(&running, rustix::process::Signal::KILL);
    ended(running);
    assert!(!sandbox.dir.path().join("elsewhere/link.db-wal").exists());
}

#[test]
fn check_refuses_what_a_sync_refuses() {
    let sandbox = sandbox();
    sandbox.write("archive.db.lock", "precious");
    for command in ["start", "check", "status"] {
        let ran = sandbox.run(&[command]);
        assert!(
            (command == "status" && ran.code == 0) || ran.code == 6,
            "{command}: {}{}",
            ran.stdout,
            ran.stderr
        );
    }
    fs::remove_file(sandbox.dir.path().join("archive.db.lock")).unwrap();
    symlink("unmounted/archive.db", sandbox.archive_path()).unwrap();
    for command in ["start", "check"] {
        let ran = sandbox.run(&[command]).expect_code(6);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("unmounted") && said.contains("doesn't exist"), "{command}: {said}");
    }
    assert_eq!(sandbox.listing(), ["archive.db", "sync.toml"], "nothing is left behind");
}
