//! A sandbox: a simulated Discord, a folder with a configuration, and the binary, run as
//! a user runs it.

#![allow(dead_code, reason = "two test binaries use different parts")]
#![allow(missing_docs, clippy::missing_panics_doc, clippy::unwrap_used, reason = "test support")]

pub mod truth;

use std::fs;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use discord_sim::{RouteKind, Simulator, World};
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tempfile::TempDir;

pub struct Sandbox {
    pub dir: TempDir,
    pub sim: Simulator,
}

impl Sandbox {
    /// A sandbox whose configuration has a tenant for every server of the world.
    pub fn new(world: World) -> Self {
        Self::with_config(world, "")
    }

    /// Like [`Sandbox::new`], with `extra` between the keys of `[discord]` and the
    /// tenants: it may continue `[discord]` and start `[sync]`.
    pub fn with_config(world: World, extra: &str) -> Self {
        let sim = Simulator::start(world);
        let sandbox = Self { dir: TempDir::new().unwrap(), sim };
        sandbox.write_config(extra);
        sandbox
    }

    pub fn write_config(&self, extra: &str) {
        let mut text =
            format!("[discord]\napi_url = \"{}\"\nrequests_per_second = 5000\n{extra}\n", self.sim.url());
        for (guild, name) in self.sim.world().guilds() {
            text.push_str(&tenant_table(guild, &name));
        }
        self.write("sync.toml", &text);
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).unwrap();
    }

    pub fn archive_path(&self) -> PathBuf {
        self.dir.path().join("archive.db")
    }

    pub fn archive(&self) -> Connection {
        Connection::open_with_flags(self.archive_path(), OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap()
    }

    /// The binary, with only the environment that a user's shell would set.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_verta-sync"));
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .env_clear()
            .env("HOME", self.dir.path())
            .env("DISCORD_BOT_TOKEN", self.sim.token())
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> CommandOutput {
        CommandOutput::from(self.command(arguments).output().unwrap())
    }

    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Starts a sync against a slow simulator. Returns once it has stored new messages.
    pub fn spawn_slow(&self, arguments: &[&str]) -> Child {
        self.sim.set_latency(Duration::from_millis(150), Duration::ZERO);
        self.sim.journal().clear();
        let stored = self.messages();
        let child = self.spawn(arguments);
        // Until then, the archive may not exist.
        wait_until("a page is requested", || self.sim.journal().count(RouteKind::Messages) > 0);
        wait_until("messages are stored", || self.messages() > stored);
        child
    }

    fn messages(&self) -> i64 {
        if !self.archive_path().exists() {
            return 0;
        }
        self.count("SELECT count(*) FROM messages")
    }

    /// The file names in the folder, sorted.
    pub fn listing(&self) -> Vec<String> {
        let names = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Asserts that the output contains neither the token nor any user ID.
    #[track_caller]
    pub fn assert_no_secrets(&self, ran: &CommandOutput) {
        let output = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!output.contains(&self.sim.token()), "the output contains the token: {output}");
        for (guild, _) in self.sim.world().guilds() {
            for user in self.sim.world().users(guild) {
                assert!(!output.contains(&user.id.to_string()), "the output contains a user ID: {output}");
            }
        }
    }

    /// Asserts that a run archived everything. Exit code 3 is accepted if its only
    /// findings are channel ends whose page has been empty for less than a day.
    #[track_caller]
    pub fn expect_complete(&self, ran: CommandOutput) -> CommandOutput {
        if ran.code == 3 {
            let findings = self.count("SELECT count(*) FROM sync_progress WHERE end_doubted_at IS NOT NULL");
            assert!(findings > 0, "{}\n{}", ran.stdout, ran.stderr);
            let other_problems = "SELECT (SELECT count(*) FROM sync_progress WHERE status = 'failed' OR threads_incomplete = 1)
                               + (SELECT count(*) FROM broken_messages)
                               + (SELECT count(*) FROM channels WHERE vanished_at IS NOT NULL)";
            assert_eq!(self.count(other_problems), 0, "{}\n{}", ran.stdout, ran.stderr);
            return ran;
        }
        ran.expect_code(0)
    }

    pub fn count(&self, sql: &str) -> i64 {
        self.archive().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// The rows of a query, each as text.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let archive = self.archive();
        let mut select = archive.prepare(sql).unwrap();
        let columns = select.column_count();
        let row_text = |row: &rusqlite::Row<'_>| {
            let cells = (0..columns).map(|column| format!("{:?}", row.get_ref(column).unwrap()));
            Ok(cells.collect::<Vec<_>>().join("|"))
        };
        select.query_map([], row_text).unwrap().map(Result::unwrap).collect()
    }
}

pub fn tenant_table(guild: u64, name: &str) -> String {
    format!("[[tenant]]\nname = {name:?}\nplatform = \"discord\"\nguild_id = \"{guild}\"\n")
}

/// Polls until the condition is met, for at most 30 seconds. `what` describes the
/// condition in the panic message.
#[track_caller]
pub fn wait_until(what: &str, is_met: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_met() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        sleep(Duration::from_millis(10));
    }
}

pub fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// A pseudo-terminal: the end of the user, and the end of the program.
pub fn terminal() -> (OwnedFd, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs =
        open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    (ours, theirs)
}

/// Runs a command with a terminal as stdin, in which the user has typed `answer`.
pub fn run_at_terminal(mut command: Command, answer: &str) -> CommandOutput {
    let (ours, theirs) = terminal();
    fs::File::from(ours.try_clone().unwrap()).write_all(answer.as_bytes()).unwrap();
    command.stdin(theirs).output().unwrap().into()
}

/// Waits until a process started by [`Sandbox::spawn`] has ended.
pub fn wait_for_exit(child: Child) -> CommandOutput {
    child.wait_with_output().unwrap().into()
}

/// Exit code and output of a command. A command killed by a signal has the code -1.
#[derive(Debug)]
pub struct CommandOutput {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for CommandOutput {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl CommandOutput {
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The last line of stdout as JSON.
    pub fn last_json(&self) -> serde_json::Value {
        serde_json::from_str(self.stdout.lines().last().unwrap()).unwrap()
    }
}
