//! Users who may only read an archive, through its group.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use discord_sim::{Description, World};
use rusqlite::{Connection, OpenFlags};

use crate::util::{CommandOutput, Sandbox};

const GUILD: u64 = 77_000_000_000_000_001;
/// The user who syncs, and its own group.
const OWNER: u32 = 64_001;
/// The group that may read; the owner is a member of it.
const READERS: u32 = 64_002;
/// A user who is only a member of that group.
const READER: u32 = 64_003;

/// An archive of [`OWNER`] that [`READERS`] may read, in a folder that they may not write.
/// `None` if this test can't switch users.
fn shared_sandbox() -> Option<Sandbox> {
    let can_switch = rustix::process::geteuid().is_root()
        && Command::new("setpriv")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|code| code.success());
    if !can_switch {
        return None;
    }
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 5)));
    let config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    sandbox.write("sync.toml", &format!("[archive]\nmode = \"0640\"\n{config}"));
    fs::copy(env!("CARGO_BIN_EXE_verta-sync"), sandbox.dir.path().join("verta-sync")).unwrap();
    chown(sandbox.dir.path(), Some(OWNER), Some(READERS)).unwrap();
    fs::set_permissions(sandbox.dir.path(), Permissions::from_mode(0o750)).unwrap();
    as_user(&sandbox, OWNER, &["start"]).expect_code(0);
    for suffix in ["", "-wal", "-shm", ".lock"] {
        chown(sandbox.dir.path().join(format!("archive.db{suffix}")), None, Some(READERS)).unwrap();
    }
    Some(sandbox)
}

/// Runs the program as a user. The owner's own group is not the one of the readers.
fn as_user(sandbox: &Sandbox, user: u32, arguments: &[&str]) -> CommandOutput {
    let own = sandbox.command(arguments);
    let group = if user == OWNER { OWNER } else { READERS };
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", &user.to_string(), "--regid", &group.to_string(), "--groups", &READERS.to_string()])
        .arg(sandbox.dir.path().join("verta-sync"))
        .args(own.get_args())
        .current_dir(sandbox.dir.path())
        .env_clear();
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    CommandOutput::from(command.stdin(Stdio::null()).output().unwrap())
}

fn close_last(archive: &Path, flags: OpenFlags) {
    let connection = Connection::open_with_flags(archive, flags).unwrap();
    connection.query_row("SELECT count(*) FROM messages", [], |row| row.get::<_, i64>(0)).unwrap();
}

#[test]
fn readers_get_in_again_with_the_next_run() {
    let Some(sandbox) = shared_sandbox() else { return };
    let archive = sandbox.archive_path();
    let shared_memory = sandbox.dir.path().join("archive.db-shm");
    as_user(&sandbox, READER, &["status"]).expect_code(0);
    close_last(&archive, OpenFlags::SQLITE_OPEN_READ_ONLY);
    assert!(shared_memory.exists(), "reading removes nothing");
    as_user(&sandbox, READER, &["status"]).expect_code(0);
    // As the sqlite3 shell does without -readonly.
    close_last(&archive, OpenFlags::SQLITE_OPEN_READ_WRITE);
    assert!(!shared_memory.exists());
    let refused = as_user(&sandbox, READER, &["status"]).expect_code(6);
    assert!(refused.stderr.contains("have its owner run \"verta-sync status\""), "{}", refused.stderr);
    let uri = format!("file:{}?immutable=1", archive.display());
    close_last(Path::new(&uri), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI);
    assert!(!shared_memory.exists(), "an immutable database needs no other file");
    as_user(&sandbox, OWNER, &["start"]).expect_code(0);
    as_user(&sandbox, READER, &["status"]).expect_code(0);
}
