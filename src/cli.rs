//! The command line.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::commands::{self, Failure, Surroundings, check, forget, plan, reset, start, status};
use crate::config::{Environment, holds_token, parse_date, parse_duration};
use crate::exit_code::ExitCode;
use crate::model::{ChannelId, Timestamp};

/// Keeps a private, queryable archive of Discord communities in one SQLite
/// file.
#[derive(Debug, Parser)]
#[command(name = "verta-sync", version, max_term_width = 100, styles = styles())]
#[command(after_help = "Example: verta-sync start --tenant takaro")]
struct Cli {
    #[command(flatten, next_help_heading = "Global options")]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

fn styles() -> Styles {
    Styles::styled().header(AnsiColor::Green.on_default().bold()).literal(AnsiColor::Cyan.on_default())
}

/// What others call a sync.
const START: [&str; 5] = ["sync", "run", "fetch", "pull", "update"];

/// Names that clippy would have in backticks, which a terminal shows.
const CONFIG_HELP: &str =
    "Configuration file [default: $VERTA_SYNC_CONFIG, ./sync.toml, then the usual places]";

#[derive(Debug, Args)]
struct Global {
    /// Configuration file
    #[arg(long, global = true, value_name = "PATH", help = CONFIG_HELP)]
    config: Option<PathBuf>,
    /// Log more; twice for even more
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,
    /// Log errors only, show no progress
    #[arg(short, long, global = true)]
    quiet: bool,
    /// How log lines are written
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// Show no progress
    #[arg(long, global = true)]
    no_progress: bool,
    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Human,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sync: read what is new and what may have changed
    #[command(after_help = "Example: verta-sync start --tenant takaro --max-runtime 50m")]
    Start(Start),
    /// Show what a sync would do: channels, reasons, requests; writes nothing
    #[command(after_help = "Example: verta-sync plan --tenant takaro")]
    Plan(Plan),
    /// Show progress, errors and the last success; works while a sync runs
    #[command(after_help = "Example: verta-sync status --max-age 2h || echo 'the archive is behind'")]
    Status(Status),
    /// Forget progress, so that the next sync reads everything again
    #[command(after_help = "Example: verta-sync reset --tenant takaro --channel 123456789012345678")]
    Reset(Reset),
    /// Check everything a sync needs: configuration, archive, token, bot, rights
    #[command(after_help = "Example: verta-sync check && verta-sync start")]
    Check {
        /// Check only this tenant; may be given more than once [default: all]
        #[arg(long = "tenant", value_name = "NAME")]
        tenants: Vec<String>,
        /// Sweep the whole archive for raw user IDs instead, whatever --tenant says
        #[arg(long)]
        privacy: bool,
    },
    /// Erase one person from the archive and keep them out of later syncs
    #[command(after_help = "Example: verta-sync forget --user 80351110224678912")]
    Forget {
        /// The person's ID, or the hash that the archive shows
        #[arg(long, value_name = "ID")]
        user: String,
        /// Don't ask
        #[arg(long)]
        yes: bool,
    },
    /// Print shell completions
    #[command(after_help = "Example: verta-sync completions bash > /etc/bash_completion.d/verta-sync")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
struct Start {
    /// Sync only this tenant; may be given more than once [default: all]
    #[arg(long = "tenant", value_name = "NAME")]
    tenants: Vec<String>,
    /// Read only this channel and its threads; may be given more than once
    #[arg(long = "channel", value_name = "ID", value_parser = channel)]
    channels: Vec<ChannelId>,
    /// Read everything again; an unfinished full read goes on
    #[arg(long)]
    full: bool,
    /// This run reads from this date on (UTC)
    #[arg(long, value_name = "DATE", value_parser = date)]
    since: Option<Timestamp>,
    /// This run reads up to this date (UTC)
    #[arg(long, value_name = "DATE", value_parser = date)]
    until: Option<Timestamp>,
    /// Stop after this long; the next run goes on
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    max_runtime: Option<Duration>,
    /// Wait in a queue while the archive is in use, at most this long if given
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, value_parser = duration)]
    #[allow(clippy::option_option, reason = "the flag, and its value")]
    wait: Option<Option<Duration>>,
    /// Requests in flight at once
    #[arg(long, value_name = "N")]
    max_channel_workers: Option<usize>,
    /// How results are written to stdout
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

#[derive(Debug, Args)]
struct Plan {
    /// Plan only this tenant; may be given more than once [default: all]
    #[arg(long = "tenant", value_name = "NAME")]
    tenants: Vec<String>,
    /// How results are written to stdout
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

#[derive(Debug, Args)]
struct Status {
    /// Show only this tenant; may be given more than once [default: all]
    #[arg(long = "tenant", value_name = "NAME")]
    tenants: Vec<String>,
    /// Show one job with every channel
    #[arg(long, value_name = "ID", conflicts_with_all = ["tenants", "max_age"])]
    job_id: Option<String>,
    /// Show it again and again until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// End with 8 if a tenant's last success is older than this
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    max_age: Option<Duration>,
    /// How results are written to stdout
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

#[derive(Debug, Args)]
struct Reset {
    /// The tenant
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// Only this channel and its threads; may be given more than once
    #[arg(long = "channel", value_name = "ID", value_parser = channel)]
    channels: Vec<ChannelId>,
    /// Remove the archived messages as well
    #[arg(long)]
    purge: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

fn channel(text: &str) -> Result<ChannelId, String> {
    text.parse().map_err(|error| {
        if text.chars().all(|char| char.is_ascii_digit()) {
            format!("{error}")
        } else {
            "give the channel's ID, not its name: \"verta-sync plan\" and the archive's view channel_log show both"
                .to_owned()
        }
    })
}

fn date(text: &str) -> Result<Timestamp, String> {
    parse_date(text).map_err(|error| error.to_string())
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// Runs the command that the arguments name.
///
/// # Errors
/// When it can't do its work; wrong arguments end the process with 2 here.
pub fn run(arguments: impl IntoIterator<Item = OsString>, env: Environment) -> Result<ExitCode, Failure> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    refuse_token(&arguments)?;
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        // Help and version are results.
        Err(help) if !help.use_stderr() => {
            commands::written(help.print().and_then(|()| io::stdout().flush()))?;
            return Ok(ExitCode::Success);
        }
        Err(error) => refuse(&advise(error, &arguments), &arguments),
    };
    let around = surroundings(cli.global, env);
    obey(cli.command, &around).map_err(|failure| {
        // It may have failed before anything was to be logged.
        around.start_log(io::stderr);
        failure.in_voice(around.voice())
    })
}

fn obey(command: Command, around: &Surroundings) -> Result<ExitCode, Failure> {
    match command {
        Command::Start(options) => start::start(&start_options(options), around),
        Command::Plan(options) => {
            let options = plan::Options { tenants: options.tenants, format: options.format.into() };
            plan::plan(&options, around)
        }
        Command::Status(options) => status::status(&status_options(options), around),
        Command::Reset(options) => reset::reset(&reset_options(options), around),
        Command::Check { tenants, privacy } => check::check(&check::Options { tenants, privacy }, around),
        Command::Forget { user, yes } => forget::forget(&forget::Options { user, yes }, around),
        Command::Completions { shell } => {
            commands::print_result(&completions(shell))?;
            Ok(ExitCode::Success)
        }
    }
}

/// The script, made at once: the generator panics where it can't write.
fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "verta-sync", &mut script);
    let script = String::from_utf8_lossy(&script);
    match shell {
        // The generator takes the hyphen in the name for a space before a
        // subcommand, in one of two places: <https://github.com/clap-rs/clap/issues/6421>.
        Shell::Bash => script.replace("verta__subcmd__sync", "verta__sync"),
        _ => script.into_owned(),
    }
}

/// Adds what was probably meant where the parser's own guess misleads.
fn advise(mut error: clap::Error, arguments: &[OsString]) -> clap::Error {
    let given = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let argument = given(ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::InvalidSubcommand if START.contains(&given(ContextKind::InvalidSubcommand).as_str()) => {
            let start = ContextValue::Strings(vec!["start".to_owned()]);
            error.insert(ContextKind::SuggestedSubcommand, start);
        }
        ErrorKind::UnknownArgument if argument.starts_with("--token") => {
            error.remove(ContextKind::SuggestedArg);
            error.remove(ContextKind::Usage);
            error.insert(
                ContextKind::Suggested,
                tip("the token is never given on the command line: put it into DISCORD_BOT_TOKEN"),
            );
        }
        ErrorKind::UnknownArgument
            if arguments.windows(2).any(|pair| pair[0] == "--wait" && pair[1] == *argument) =>
        {
            error.insert(
                ContextKind::Suggested,
                tip(&format!("how long to wait is given with '--wait={argument}'")),
            );
        }
        ErrorKind::UnknownArgument if !argument.starts_with('-') && takes_tenant(arguments) => {
            error.insert(
                ContextKind::Suggested,
                tip(&format!("a tenant is named with '--tenant {argument}'")),
            );
        }
        _ => {}
    }
    error
}

fn takes_tenant(arguments: &[OsString]) -> bool {
    let command = Cli::command();
    let takes =
        |command: &clap::Command| command.get_arguments().any(|flag| flag.get_long() == Some("tenant"));
    let given = |command: &&clap::Command| arguments.iter().any(|argument| argument == command.get_name());
    command.get_subcommands().find(given).is_some_and(takes)
}

fn tip(text: &str) -> ContextValue {
    ContextValue::StyledStrs(vec![text.to_owned().into()])
}

/// Ends the process. An argument that isn't understood is repeated, unless it
/// may be somebody's ID.
fn refuse(error: &clap::Error, arguments: &[OsString]) -> ! {
    if !arguments.iter().any(|argument| argument == "forget") {
        error.exit();
    }
    let text = error.render().to_string();
    let mut hidden = String::new();
    for part in text.split_inclusive(|char: char| !char.is_ascii_digit()) {
        let rest = part.trim_start_matches(|char: char| char.is_ascii_digit());
        let digits = &part[..part.len() - rest.len()];
        hidden.push_str(if digits.len() >= 15 { "…" } else { digits });
        hidden.push_str(rest);
    }
    write!(io::stderr(), "{hidden}").ok();
    std::process::exit(error.exit_code())
}

/// The parser would repeat what it can't understand.
fn refuse_token(arguments: &[OsString]) -> Result<(), Failure> {
    let Some(place) = arguments.iter().position(|argument| holds_token(argument)) else { return Ok(()) };
    let what = format!("argument {place} looks like the bot token, which must not be on a command line");
    Err(Failure::new(ExitCode::Usage, what).hint(
        "put it where token_env or token_file in sync.toml says; others may have seen it, so reset it in Discord's developer portal",
    ))
}

fn surroundings(global: Global, env: Environment) -> Surroundings {
    Surroundings {
        config: global.config,
        verbosity: global.verbose,
        quiet: global.quiet,
        log_format: match global.log_format {
            LogFormat::Text => commands::LogFormat::Text,
            LogFormat::Json => commands::LogFormat::Json,
        },
        no_progress: global.no_progress,
        color: match global.color {
            Color::Auto => commands::Color::Auto,
            Color::Always => commands::Color::Always,
            Color::Never => commands::Color::Never,
        },
        env,
    }
}

impl From<Format> for commands::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Human => Self::Human,
            Format::Json => Self::Json,
        }
    }
}

fn start_options(options: Start) -> start::Options {
    start::Options {
        tenants: options.tenants,
        channels: options.channels,
        full: options.full,
        since: options.since,
        until: options.until,
        max_runtime: options.max_runtime,
        wait: options.wait,
        max_channel_workers: options.max_channel_workers,
        format: options.format.into(),
    }
}

fn status_options(options: Status) -> status::Options {
    status::Options {
        tenants: options.tenants,
        job_id: options.job_id,
        watch: options.watch,
        max_age: options.max_age,
        format: options.format.into(),
    }
}

fn reset_options(options: Reset) -> reset::Options {
    reset::Options {
        tenant: options.tenant,
        channels: options.channels,
        purge: options.purge,
        yes: options.yes,
    }
}

/// The help of a subcommand as `--help` prints it at 100 columns; of the whole
/// when `name` is `None`. For the README's check.
pub fn help(name: Option<&str>) -> Option<String> {
    let mut command = Cli::command().term_width(100);
    command.build();
    let command = match name {
        Some(name) => command.find_subcommand_mut(name)?,
        None => &mut command,
    };
    Some(command.render_help().to_string())
}

#[cfg(test)]
mod tests;
