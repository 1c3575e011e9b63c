//! Every path that the program opens, replaced by every kind of unexpected file: the
//! command exits with the right code, changes no other file and doesn't hang.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use discord_sim::{Description, World};
use rustix::fs::{CWD, FileType, Mode, mkfifoat, mknodat};

use super::{GUILD, TENANT, assert_refused, sandbox};
use crate::util::{CommandOutput, Sandbox, send, wait_for_exit};

/// Time limit of one command, including the wait of `--wait=1s`.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// UID and GID of an unprivileged user, for tests that run as root.
const NOBODY: u32 = 65_534;

/// What replaces the file at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Replacement {
    Symlink,
    DanglingLink,
    HardLink,
    Fifo,
    Folder,
    Device,
    /// The original file, owned by another user.
    OtherOwner,
    /// The original file, with mode 0000.
    NoPermission,
    Empty,
}

use Replacement::{DanglingLink, Device, Empty, Fifo, Folder, HardLink, NoPermission, OtherOwner, Symlink};

const REPLACEMENTS: [Replacement; 9] =
    [Symlink, DanglingLink, HardLink, Fifo, Folder, Device, OtherOwner, NoPermission, Empty];

/// The paths that the program opens.
const PATHS: [&str; 10] = [
    "sync.toml",
    "token",
    "archive.db",
    "archive.db-wal",
    "archive.db-shm",
    "archive.db-journal",
    "archive.db.lock",
    "archive.db.forgotten",
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

/// The exit code of `command` if the file at `path` is unusable; `None` if the command
/// succeeds without it.
fn failure_code(path: &str, command: &[&str]) -> Option<i32> {
    let online = matches!(command[0], "start" | "plan" | "check");
    match path {
        "sync.toml" => Some(2),
        "token" => online.then_some(4),
        "archive.db" | "archive.db-wal" | "archive.db-shm" | "archive.db-journal" => Some(6),
        "archive.db.lock" => (command[0] != "plan").then_some(6),
        "archive.db.forgotten" => matches!(command[0], "start" | "reset" | "forget").then_some(6),
        "archive.db.queue" => command.contains(&"--wait=1s").then_some(6),
        // The queue ignores entries that it doesn't recognize.
        _ => None,
    }
}

/// Whether [`NOBODY`] can run the binary, whose folder may be closed to other users.
fn can_nobody_run_binary() -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verta-sync"));
    command.arg("--version").uid(NOBODY).gid(NOBODY).current_dir("/").stdout(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The exit codes that are accepted for `command`.
#[allow(clippy::match_same_arms, reason = "each has a reason of its own")]
fn expected_codes(path: &str, replacement: Replacement, command: &[&str]) -> Vec<i32> {
    let fails = || failure_code(path, command).map_or_else(|| vec![0], |code| vec![code]);
    let is_named = matches!(path, "sync.toml" | "token" | "archive.db");
    let is_side_file = path.starts_with("archive.db-");
    match replacement {
        // Links at paths that the operator names are followed.
        Symlink if is_named => vec![0],
        // `forget` and `reset` may exit with another code: nothing is archived.
        DanglingLink if path == "archive.db" => vec![0, 1, 2],
        HardLink if path == "sync.toml" || path == "token" => vec![0],
        // As without an archive.
        Empty if path == "archive.db" => vec![0, 1, 2],
        Empty if path == "sync.toml" || path == "token" => fails(),
        Empty if path == "archive.db.queue" || path == "archive.db.forgotten" => fails(),
        Empty => vec![0],
        // Root can still use the other files.
        OtherOwner if path == "sync.toml" => fails(),
        OtherOwner if path == "token" => failure_code(path, command).map_or_else(|| vec![0], |_| vec![2]),
        OtherOwner => vec![0],
        // `status` does without the lock file.
        NoPermission if path == "archive.db.lock" && command[0] == "status" => vec![0],
        NoPermission if is_side_file => vec![0, 6],
        // The queue may be an empty folder.
        Folder if path == "archive.db.queue" => vec![0],
        _ => fails(),
    }
}

/// A sandbox with an archive and a token file, and a copy of its files.
struct RestorableSandbox {
    sandbox: Sandbox,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl RestorableSandbox {
    fn new() -> Self {
        let sandbox = sandbox();
        let token = sandbox.sim.token();
        sandbox.write("token", &token);
        let config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
        let config = config.replacen("[discord]\n", "[discord]\ntoken_file = \"token\"\n", 1);
        sandbox.write("sync.toml", &config);
        sandbox.run(&["start"]).expect_code(0);
        sandbox.run(&["forget", "--user", "80351110224678913", "--yes"]).expect_code(0);
        let paths = sandbox.listing().into_iter().map(|name| sandbox.dir.path().join(name));
        let files = paths.map(|path| (path.clone(), fs::read(&path).unwrap())).collect();
        Self { sandbox, files }
    }

    /// Restores the folder to the copied files.
    fn restore(&self) -> &Sandbox {
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

/// Puts `replacement` at `path`. Returns the file that links at `path` point to, which
/// the command must not change; `None` if this user can't create the replacement.
fn replace_file(sandbox: &Sandbox, path: &Path, replacement: Replacement) -> Option<PathBuf> {
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
    let restore_original = || {
        if path.ends_with("archive.db.queue") {
            fs::create_dir(path).unwrap();
        } else {
            fs::write(path, content.as_deref().unwrap_or(b"")).unwrap();
        }
    };
    match replacement {
        Symlink => symlink(&victim, path).unwrap(),
        DanglingLink => symlink(sandbox.dir.path().join("nowhere"), path).unwrap(),
        HardLink => fs::hard_link(&victim, path).unwrap(),
        Fifo => mkfifoat(CWD, path, Mode::from_raw_mode(0o600)).unwrap(),
        Folder => fs::create_dir(path).unwrap(),
        // The device numbers of /dev/null.
        Device if is_root() => {
            let device = rustix::fs::makedev(1, 3);
            mknodat(CWD, path, FileType::CharacterDevice, Mode::from_raw_mode(0o666), device).unwrap();
        }
        OtherOwner if is_root() => {
            restore_original();
            chown(path, Some(4711), Some(4711)).unwrap();
        }
        // Only root can create these.
        Device | OtherOwner => return None,
        NoPermission if is_root() && !can_nobody_run_binary() => return None,
        NoPermission => {
            restore_original();
            fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
        }
        Empty => fs::write(path, "").unwrap(),
    }
    Some(victim)
}

/// Runs a command; as [`NOBODY`] if root tests [`NoPermission`].
fn run(sandbox: &Sandbox, command: &[&str], replacement: Replacement) -> CommandOutput {
    let mut command: Command = sandbox.command(command);
    if replacement == NoPermission && is_root() {
        for entry in fs::read_dir(sandbox.dir.path()).unwrap() {
            chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        chown(sandbox.dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    let started_at = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while child.try_wait().unwrap().is_none() {
        if started_at.elapsed() > TIME_LIMIT {
            child.kill().unwrap();
            panic!("{command:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap().into()
}

/// Content and mode of a file.
fn content_and_mode(path: &Path) -> (Vec<u8>, u32) {
    (fs::read(path).unwrap(), fs::metadata(path).unwrap().mode())
}

fn test_all_replacements(path: &str) {
    let restorable = RestorableSandbox::new();
    for replacement in REPLACEMENTS {
        let is_queue_entry = path.starts_with("archive.db.queue/");
        for command in COMMANDS {
            let sandbox = restorable.restore();
            let full_path = sandbox.dir.path().join(path);
            let Some(victim) = replace_file(sandbox, &full_path, replacement) else { continue };
            let before = content_and_mode(&victim);
            let ran = run(sandbox, command, replacement);
            let expected_codes = expected_codes(path, replacement, command);
            let context = format!("{replacement:?} at {path}, {command:?}:\n{}{}", ran.stdout, ran.stderr);
            assert!(
                expected_codes.contains(&ran.code),
                "{} is none of {expected_codes:?}: {context}",
                ran.code
            );
            sandbox.assert_no_secrets(&ran);
            if !matches!((path, replacement), ("archive.db", Symlink)) {
                assert_eq!(content_and_mode(&victim), before, "{context}");
            }
            if !matches!(ran.code, 0 | 130) {
                assert!(ran.stderr.contains("error: ") || ran.stdout.contains("✗"), "{context}");
            }
            let kind = full_path.symlink_metadata().map(|metadata| metadata.file_type());
            match replacement {
                Fifo | Folder | Device | Symlink | HardLink if is_queue_entry || ran.code != 0 => {
                    assert!(kind.is_ok(), "the file was removed: {context}");
                }
                Empty if path == "archive.db" => {
                    assert_eq!(full_path.metadata().unwrap().mode() & 0o777, 0o644, "{context}");
                }
                _ => {}
            }
        }
    }
}

#[test]
fn unexpected_file_as_configuration_is_harmless() {
    test_all_replacements(PATHS[0]);
}

#[test]
fn unexpected_file_as_token_is_harmless() {
    test_all_replacements(PATHS[1]);
}

#[test]
fn unexpected_file_as_archive_is_harmless() {
    test_all_replacements(PATHS[2]);
}

#[test]
fn unexpected_files_beside_the_archive_are_harmless() {
    for path in &PATHS[3..6] {
        test_all_replacements(path);
    }
}

#[test]
fn unexpected_file_as_lock_is_harmless() {
    test_all_replacements(PATHS[6]);
}

#[test]
fn unexpected_file_as_list_of_erased_people_is_harmless() {
    test_all_replacements(PATHS[7]);
}

#[test]
fn unexpected_file_as_queue_is_harmless() {
    for path in &PATHS[8..] {
        test_all_replacements(path);
    }
}

fn set_mode(sandbox: &Sandbox, name: &str, mode: u32) {
    fs::set_permissions(sandbox.dir.path().join(name), Permissions::from_mode(mode)).unwrap();
}

#[test]
fn configuration_writable_by_others_is_refused() {
    let sandbox = sandbox();
    for (mode, words) in [(0o666, "every user"), (0o646, "chmod o-w")] {
        set_mode(&sandbox, "sync.toml", mode);
        for arguments in [&["start"][..], &["start", "--config", "sync.toml"], &["check"], &["status"]] {
            assert_refused(&sandbox, arguments, 2, &[words, "sync.toml", "bot token elsewhere"]);
        }
    }
    assert!(sandbox.sim.journal().is_empty());
    // A group other than this user's primary group.
    if is_root() {
        set_mode(&sandbox, "sync.toml", 0o660);
        chown(sandbox.dir.path().join("sync.toml"), None, Some(4711)).unwrap();
        assert_refused(&sandbox, &["start"], 2, &["the group with ID 4711", "chmod g-w"]);
    }
    let own_group = rustix::process::getegid().as_raw();
    chown(sandbox.dir.path().join("sync.toml"), None, Some(own_group)).unwrap();
    set_mode(&sandbox, "sync.toml", 0o664);
    sandbox.run(&["start"]).expect_code(0);
}

#[test]
fn configuration_of_another_user_must_be_named_and_read_only() {
    if !is_root() {
        return; // only root can change a file's owner
    }
    let sandbox = sandbox();
    let config = sandbox.dir.path().join("sync.toml");
    chown(&config, Some(4711), None).unwrap();
    // Root can write every file, so a flag that names the file isn't enough.
    assert_refused(
        &sandbox,
        &["start", "--config", "sync.toml"],
        2,
        &["user ID 4711", "give it to this user"],
    );
    chown(sandbox.dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        CommandOutput::from(command.uid(NOBODY).gid(NOBODY).output().unwrap())
    };
    set_mode(&sandbox, "sync.toml", 0o644);
    let ran = run(&["start"]).expect_code(2);
    assert!(ran.stderr.contains("name it with --config"), "{}", ran.stderr);
    assert!(sandbox.sim.journal().is_empty());
    run(&["start", "--config", "sync.toml"]).expect_code(0);
    // This user can write the file through its group, so it isn't a read-only mount.
    chown(&config, None, Some(NOBODY)).unwrap();
    set_mode(&sandbox, "sync.toml", 0o664);
    run(&["start", "--config", "sync.toml"]).expect_code(2);
    set_mode(&sandbox, "sync.toml", 0o644);
    // A file of root is trusted like the user's own.
    chown(&config, Some(0), None).unwrap();
    run(&["start"]).expect_code(0);
}

#[test]
fn token_file_writable_by_others_or_too_large_is_refused() {
    let restorable = RestorableSandbox::new();
    let sandbox = restorable.restore();
    set_mode(sandbox, "token", 0o602);
    assert_refused(sandbox, &["start"], 2, &["every user", "replace the bot token"]);
    set_mode(sandbox, "token", 0o600);
    sandbox.write("token", &"a".repeat((64 << 10) + 1));
    assert_refused(sandbox, &["start"], 4, &["larger than 64 KiB"]);
}

#[test]
fn archive_has_one_lock_under_all_its_paths() {
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
            assert!(
                ran.stderr.contains("2 hard links") && ran.stderr.contains("-samefile"),
                "{}",
                ran.stderr
            );
        }
    }
    send(&running, rustix::process::Signal::KILL);
    wait_for_exit(running);
    assert!(!sandbox.dir.path().join("elsewhere/link.db-wal").exists());
}

#[test]
fn check_refuses_what_start_refuses() {
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
        let output = format!("{}{}", ran.stdout, ran.stderr);
        assert!(output.contains("unmounted") && output.contains("does not exist"), "{command}: {output}");
    }
    assert_eq!(sandbox.listing(), ["archive.db", "sync.toml"], "no file is created");
}
