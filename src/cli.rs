//! The command line.

use std::ffi::OsString;
use std::io::{self, Write as _};

use clap::builder::styling::{AnsiColor, Styles};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::commands::forget::mask_ids;
use crate::commands::{
    Failure, FailureKind, GlobalArgs, Outcome, Surroundings, check, completions, forget, plan, reset, start,
    status, values, written,
};
use crate::config::{Environment, holds_token};
use crate::exit_code::ExitCode;
use crate::model::Platforms;
use crate::platform::registry::{REGISTRY, Registry};

/// Keeps a private, queryable archive of Discord communities in one SQLite
/// file.
#[derive(Debug, Parser)]
#[command(name = "verta-sync", version, max_term_width = 100, styles = styles())]
#[command(after_help = "Example: verta-sync start --tenant takaro")]
struct Cli {
    #[command(flatten, next_help_heading = "Global options")]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

fn styles() -> Styles {
    Styles::styled().header(AnsiColor::Green.on_default().bold()).literal(AnsiColor::Cyan.on_default())
}

/// What others call a sync.
const START: [&str; 5] = ["sync", "run", "fetch", "pull", "update"];

#[derive(Debug, Subcommand)]
enum Command {
    Start(start::StartArgs),
    Plan(plan::PlanArgs),
    Status(status::StatusArgs),
    Reset(reset::ResetArgs),
    Check(check::CheckArgs),
    Forget(forget::ForgetArgs),
    Completions(completions::CompletionsArgs),
}

/// Runs the command that the arguments name.
///
/// # Errors
/// When it can't do its work; wrong arguments end the process with 2 here.
pub fn run(arguments: impl IntoIterator<Item = OsString>, env: Environment) -> Result<ExitCode, Failure> {
    run_with(arguments, env, REGISTRY)
}

/// Like [`run`], for a program that knows these platforms.
///
/// # Errors
/// As [`run`].
pub fn run_with(
    arguments: impl IntoIterator<Item = OsString>,
    env: Environment,
    registry: Registry,
) -> Result<ExitCode, Failure> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    refuse_token(&arguments, registry.specs)?;
    let cli = match parse(&arguments, command(registry.specs)) {
        Ok(cli) => cli,
        // Help and version are results.
        Err(help) if !help.use_stderr() => {
            written(help.print().and_then(|()| io::stdout().flush()))?;
            return Ok(Outcome::Done.exit_code());
        }
        Err(error) => refuse(&advise(error, &arguments, registry.specs), &arguments, registry.specs),
    };
    let around = Surroundings { global: cli.global, env, registry };
    obey(&cli.command, &around).map(|outcome| outcome.exit_code()).map_err(|failure| {
        // It may have failed before anything was to be logged.
        around.start_log(io::stderr);
        failure.in_voice(around.voice())
    })
}

/// The command line of a program with these platforms.
fn command(platforms: Platforms) -> clap::Command {
    values::read_channels(Cli::command(), platforms)
}

fn parse<A: Into<OsString> + Clone>(
    arguments: impl IntoIterator<Item = A>,
    mut command: clap::Command,
) -> Result<Cli, clap::Error> {
    let matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn obey(command: &Command, around: &Surroundings) -> Result<Outcome, Failure> {
    match command {
        Command::Start(args) => start::run(args, around),
        Command::Plan(args) => plan::run(args, around),
        Command::Status(args) => status::run(args, around),
        Command::Reset(args) => reset::run(args, around),
        Command::Check(args) => check::run(args, around),
        Command::Forget(args) => forget::run(args, around),
        Command::Completions(args) => completions::run(args, Cli::command()),
    }
}

/// Adds what was probably meant where the parser's own guess misleads.
fn advise(mut error: clap::Error, arguments: &[OsString], platforms: Platforms) -> clap::Error {
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
                tip(&format!(
                    "the token is never given on the command line: put it into {}",
                    platforms
                        .iter()
                        .map(|platform| platform.default_token_env)
                        .collect::<Vec<_>>()
                        .join(" or ")
                )),
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
fn refuse(error: &clap::Error, arguments: &[OsString], platforms: Platforms) -> ! {
    if !arguments.iter().any(|argument| argument == "forget") {
        error.exit();
    }
    write!(io::stderr(), "{}", mask_ids(&error.render().to_string(), platforms)).ok();
    std::process::exit(error.exit_code())
}

/// The parser would repeat what it can't understand.
fn refuse_token(arguments: &[OsString], platforms: Platforms) -> Result<(), Failure> {
    let Some(place) = arguments.iter().position(|argument| holds_token(argument)) else { return Ok(()) };
    let what = format!("argument {place} looks like the bot token, which must not be on a command line");
    let pages: Vec<&str> = platforms.iter().map(|platform| platform.token_page).collect();
    Err(Failure::new(FailureKind::Usage, what).hint(format!(
        "put it where token_env or token_file in sync.toml says; others may have seen it, so reset it in {}",
        pages.join(" or ")
    )))
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
