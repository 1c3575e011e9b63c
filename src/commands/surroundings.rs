//! What a command may know of the world around it: environment, clock,
//! randomness and terminal are read here and passed on.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{ArgAction, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::{Failure, FailureKind};
use crate::config::{Config, Environment, Overrides};
use crate::model::Timestamp;
use crate::platform::registry::Registry;
use crate::ui::{Escaping, Voice};

/// Files, connections and the like that a command may have open at once.
const HANDLES: usize = 32;

/// Threads that read answers, beside the one that writes the archive. Each keeps
/// memory that it has freed, and what platforms allow to be asked keeps none of them
/// busy.
const WORKER_THREADS: usize = 2;

/// How long queries of a command that only looks may take, far longer than they
/// should.
pub const READING_TIME: Duration = Duration::from_secs(30);

/// Of the log, whatever else of it is wanted: see [`Voice::Log`].
const TOLD_IN_ANY_CASE: &str = "sync-progress=info";

/// When output is coloured; `auto` means on a terminal, unless `NO_COLOR` is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// How log lines are written: as text for people, or as one JSON object a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// The help of `--config`, outside of a doc comment because clippy would ask for
/// backticks, which a terminal shows.
const CONFIG_HELP: &str =
    "Configuration file [default: $VERTA_SYNC_CONFIG, ./sync.toml, then the usual places]";

/// The flags that every command takes.
#[derive(Debug, Clone, clap::Args)]
pub struct GlobalArgs {
    /// Configuration file
    #[arg(long, global = true, value_name = "PATH", help = CONFIG_HELP)]
    pub config: Option<PathBuf>,
    /// Log more; twice for even more
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Log errors only, show no progress
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// How log lines are written
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Show no progress
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

/// Flags of all commands, and where the command runs.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// What the user set for all commands.
    pub global: GlobalArgs,
    /// Environment variables and the current folder.
    pub env: Environment,
    /// The platforms that the program knows.
    pub registry: Registry,
}

impl Surroundings {
    /// Finds and reads the configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load_config(&self, flags: &Overrides) -> Result<Config, Failure> {
        Ok(Config::load(self.global.config.as_deref(), &self.env, flags, self.registry.specs)?)
    }

    /// This machine's time.
    pub fn now() -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Whether bars can be drawn.
    pub fn draws_bars(&self) -> bool {
        !self.global.no_progress
            && !self.global.quiet
            && io::stderr().is_terminal()
            && !matches!(self.variable("TERM"), None | Some("" | "dumb"))
    }

    /// Whether somebody looks on while results go elsewhere.
    pub fn has_onlooker() -> bool {
        io::stderr().is_terminal() && !io::stdout().is_terminal()
    }

    /// Whether somebody can answer a question.
    pub fn can_ask() -> bool {
        io::stdin().is_terminal()
    }

    /// `DEBUG_RATE_LIMITS=1`.
    pub fn tells_rate_limits(&self) -> bool {
        self.variable("DEBUG_RATE_LIMITS") == Some("1")
    }

    /// An environment variable, if it is text.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env.variable(name)?.to_str()
    }

    /// Sends log lines to `writer`. `RUST_LOG` wins over `-v` and `-q`.
    pub fn start_log<W>(&self, writer: W)
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        let level = match (self.global.quiet, self.global.verbose) {
            (true, _) => "error",
            (false, 0) => "warn",
            (false, 1) => "warn,verta_sync=info,sync-metrics=info",
            (false, _) => "info,verta_sync=debug,sync-metrics=debug",
        };
        // Asked for by a variable of its own, rate limits are told even quietly.
        let told =
            if self.global.quiet && self.tells_rate_limits() { ",verta_sync::ui::log=warn" } else { "" };
        let level = format!("{level}{told}");
        let level = level.as_str();
        let filter = self.variable("RUST_LOG").filter(|filter| !filter.is_empty()).unwrap_or(level);
        let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(level));
        // What is told in any case is told in the log's format.
        let filter = match TOLD_IN_ANY_CASE.parse() {
            Ok(told) => filter.add_directive(told),
            Err(_) => filter,
        };
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(Escaping(writer))
            .with_ansi(self.colors());
        // A line that can't be written would be told on stderr, with a panic if
        // that is what was closed.
        let log = log.log_internal_errors(false);
        // A second start in one process keeps the first log.
        match self.global.log_format {
            LogFormat::Text => log.try_init().ok(),
            LogFormat::Json => log.json().try_init().ok(),
        };
    }

    /// How people are told something beside the log.
    pub fn voice(&self) -> Voice {
        match self.global.log_format {
            LogFormat::Text => Voice::Text,
            LogFormat::Json => Voice::Log,
        }
    }

    /// Whether what goes to stderr is coloured.
    pub fn colors(&self) -> bool {
        match self.global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => io::stderr().is_terminal() && self.variable("NO_COLOR").is_none_or(str::is_empty),
        }
    }

    /// A new run's ID: its time, and what tells it from others of that second,
    /// which a supervisor may start many of.
    pub fn new_run_id(now: Timestamp) -> String {
        let time = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
        let lot: String = (0..4).map(|_| fastrand::digit(36)).collect();
        format!("{}-{lot}", time.strftime("%Y%m%d-%H%M%S"))
    }
}

/// A runtime for the network's sake.
///
/// # Errors
/// When the operating system gives no threads or handles.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let failed = |error| {
        Failure::new(FailureKind::Internal, format!("failed to start: {error}"))
            .hint("raise the limit of open files (ulimit -n)")
    };
    probe_handles().map_err(failed)?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()
        .map_err(failed)
}

/// Signals, connections and the database each need a few; tokio panics where it
/// gets none.
fn probe_handles() -> io::Result<()> {
    let handles: io::Result<Vec<File>> = (0..HANDLES).map(|_| File::open("/dev/null")).collect();
    handles.map(drop)
}

/// A path as people are shown it.
pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}
