//! What a command gets from its process: the global flags, environment, clock, randomness
//! and terminal. They are read here and passed down to the other layers.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{ArgAction, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::{Failure, FailureKind};
use crate::anonymize::{HashKey, HashScheme, Rules};
use crate::archive::ArchiveFile;
use crate::config::{ArchiveConfig, Config, Environment, Overrides};
use crate::model::Timestamp;
use crate::platform::registry::Registry;
use crate::ui::{Escaping, MessageSink, set_colors};

/// File descriptors that must be available when a command starts the runtime.
const REQUIRED_FILE_DESCRIPTORS: usize = 32;

/// Threads of the tokio runtime, besides the writer thread. More would cost memory, since
/// the allocator keeps freed memory per thread, and gain nothing: the platforms' rate
/// limits leave even these mostly idle.
const WORKER_THREADS: usize = 2;

/// Time budget for all archive queries of a read-only command, far above what they need.
pub const QUERY_BUDGET: Duration = Duration::from_secs(30);

/// Log directive that every filter gets: messages of [`MessageSink::Log`] are always logged.
const ALWAYS_LOGGED: &str = "sync-progress=info";

/// When output is coloured; `auto`: if stderr is a terminal and `NO_COLOR` is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// Format of log lines: text, or one JSON object per line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// Help text of `--config`. Not a doc comment, because clippy would demand backticks,
/// which `--help` would print.
const CONFIG_HELP: &str = "Configuration file [default: $VERTA_SYNC_CONFIG, ./sync.toml, ~/.config/verta-sync/sync.toml, /etc/verta-sync/sync.toml]";

/// The flags that every command takes.
#[derive(Debug, Clone, clap::Args)]
pub struct GlobalArgs {
    /// Configuration file
    #[arg(long, global = true, value_name = "PATH", help = CONFIG_HELP)]
    pub config: Option<PathBuf>,
    /// Log more (repeat for even more)
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Log only errors and hide progress
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Log format
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Hide progress
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// When to use color
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

/// The global flags and the environment of a command.
#[derive(Debug, Clone)]
pub struct CommandContext {
    /// The global flags.
    pub global: GlobalArgs,
    /// Environment variables and the current folder.
    pub env: Environment,
    /// The supported platforms.
    pub registry: Registry,
    /// How long to wait for another process that holds the database.
    pub busy_timeout: Duration,
}

impl CommandContext {
    /// Finds, reads and validates the configuration.
    ///
    /// # Errors
    /// Returns a [`Failure`] that lists all problems of the configuration.
    pub fn load_config(&self, flags: &Overrides) -> Result<Config, Failure> {
        Ok(Config::load(self.global.config.as_deref(), &self.env, flags, self.registry.specs)?)
    }

    /// The configured archive.
    ///
    /// # Errors
    /// Returns a [`Failure`] if the archive's key can't be read.
    pub fn archive_file(&self, archive: &ArchiveConfig) -> Result<ArchiveFile, Failure> {
        Ok(self.archive_file_hashed_by(archive, self.rules(archive)?.scheme))
    }

    /// The configured archive, if it hashed users by this scheme.
    pub fn archive_file_hashed_by(&self, archive: &ArchiveConfig, scheme: HashScheme) -> ArchiveFile {
        ArchiveFile {
            path: archive.path.clone(),
            mode: archive.mode,
            rules: Rules { platforms: self.registry.specs, scheme },
            busy_timeout: self.busy_timeout,
        }
    }

    /// How the configured archive's texts are scrubbed and its users hashed.
    ///
    /// # Errors
    /// Returns a [`Failure`] if the archive's key can't be read.
    pub fn rules(&self, archive: &ArchiveConfig) -> Result<Rules, Failure> {
        let scheme = match &archive.hash_key_file {
            Some(file) => HashScheme::Keyed(HashKey::new(*file.read()?)),
            None => HashScheme::Plain,
        };
        Ok(Rules { platforms: self.registry.specs, scheme })
    }

    /// Like [`Self::rules`], for a command that only shows what the archive holds. A user
    /// who may read the archive need not have its key: IDs in the output are then hashed with a
    /// random one.
    pub fn rules_for_output(&self, archive: &ArchiveConfig) -> Rules {
        let unknown = || HashScheme::Keyed(HashKey::unknown());
        let scheme = self.rules(archive).map_or_else(|_| unknown(), |rules| rules.scheme);
        Rules { platforms: self.registry.specs, scheme }
    }

    /// The folder that relative paths of arguments refer to.
    pub fn current_dir(&self) -> &Path {
        self.env.current_dir()
    }

    /// This machine's wall-clock time.
    pub fn now() -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Whether progress bars are wanted and the terminal can show them.
    pub fn shows_bars(&self) -> bool {
        !self.global.no_progress
            && !self.global.quiet
            && io::stderr().is_terminal()
            && !matches!(self.variable("TERM"), None | Some("" | "dumb"))
    }

    /// Whether stderr is a terminal while stdout is redirected.
    pub fn only_stderr_is_terminal() -> bool {
        io::stderr().is_terminal() && !io::stdout().is_terminal()
    }

    /// Whether stdin is a terminal, so that the user can answer a prompt.
    pub fn can_prompt() -> bool {
        io::stdin().is_terminal()
    }

    /// Whether rate-limit waits are logged (`DEBUG_RATE_LIMITS=1`).
    pub fn logs_rate_limits(&self) -> bool {
        self.variable("DEBUG_RATE_LIMITS") == Some("1")
    }

    /// The value of an environment variable, or `None` if it is unset, empty or not
    /// UTF-8.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env.variable(name)?.to_str()
    }

    /// Initializes the log, which writes to `writer`. `RUST_LOG` overrides `-v` and `-q`.
    /// Does nothing if the process already has a log.
    pub fn init_log<W>(&self, writer: W)
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        let level = match (self.global.quiet, self.global.verbose) {
            (true, _) => "error",
            (false, 0) => "warn",
            (false, 1) => "warn,verta_sync=info,sync-metrics=info",
            (false, _) => "info,verta_sync=debug,sync-metrics=debug",
        };
        // An explicit DEBUG_RATE_LIMITS=1 overrides -q.
        let rate_limits =
            if self.global.quiet && self.logs_rate_limits() { ",verta_sync::ui::log=warn" } else { "" };
        let level = format!("{level}{rate_limits}");
        let level = level.as_str();
        let filter = self.variable("RUST_LOG").filter(|filter| !filter.is_empty()).unwrap_or(level);
        let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(level));
        let filter = match ALWAYS_LOGGED.parse() {
            Ok(directive) => filter.add_directive(directive),
            Err(_) => filter,
        };
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(Escaping(writer))
            .with_ansi(self.uses_color());
        // By default, tracing reports a failed write on stderr, and panics if stderr is
        // closed.
        let log = log.log_internal_errors(false);
        // `try_init` fails if a log exists; the first one stays.
        match self.global.log_format {
            LogFormat::Text => log.try_init().ok(),
            LogFormat::Json => log.json().try_init().ok(),
        };
    }

    /// Whether messages to the user are written as text or through the log.
    pub fn message_sink(&self) -> MessageSink {
        match self.global.log_format {
            LogFormat::Text => MessageSink::Text,
            LogFormat::Json => MessageSink::Log,
        }
    }

    /// Whether output on stderr is coloured.
    pub fn uses_color(&self) -> bool {
        self.colors(&io::stderr())
    }

    /// Whether output on stdout is coloured.
    pub fn colors_stdout(&self) -> bool {
        self.colors(&io::stdout())
    }

    /// Makes results and messages coloured where this command's are.
    pub fn apply_colors(&self) {
        set_colors(self.colors_stdout(), self.uses_color());
    }

    fn colors(&self, stream: &impl IsTerminal) -> bool {
        match self.global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => stream.is_terminal() && self.variable("NO_COLOR").is_none_or(str::is_empty),
        }
    }

    /// A new random token, 32 hexadecimal digits.
    pub fn new_token() -> String {
        format!("{:032x}", fastrand::u128(..))
    }

    /// A new run ID: the time and a random suffix, because a supervisor may start several
    /// runs within a second.
    pub fn new_run_id(now: Timestamp) -> String {
        let time = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
        let suffix: String = (0..4).map(|_| fastrand::digit(36)).collect();
        format!("{}-{suffix}", time.strftime("%Y%m%d-%H%M%S"))
    }
}

/// Starts the tokio runtime, which does the network I/O.
///
/// # Errors
/// Returns a [`Failure`] if the operating system grants too few threads or file
/// descriptors.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let failed = |error| {
        Failure::new(FailureKind::Internal, format!("cannot start the runtime: {error}"))
            .hint("raise the open-file limit (ulimit -n)")
    };
    probe_file_descriptors().map_err(failed)?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()
        .map_err(failed)
}

/// Checks that enough file descriptors are available, because tokio panics if it gets
/// none. Signal handlers, connections and the database need a few each.
fn probe_file_descriptors() -> io::Result<()> {
    let files: io::Result<Vec<File>> =
        (0..REQUIRED_FILE_DESCRIPTORS).map(|_| File::open("/dev/null")).collect();
    files.map(drop)
}

/// A path as text for messages.
pub(super) fn display_path(path: &Path) -> String {
    path.display().to_string()
}
