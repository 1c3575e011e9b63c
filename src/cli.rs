//! The command line: parses the arguments, runs the subcommand and maps its result to an
//! exit code. Does no work of its own.

mod topics;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use self::topics::{TOPICS, topic};
use crate::archive::BUSY_TIMEOUT;
use crate::commands::forget::mask_ids;
use crate::commands::{
    CommandContext, Failure, FailureKind, GlobalArgs, Outcome, check, check_output, completions, export,
    forget, hash, insights, man, plan, print_result, rekey, reset, search, start, status, values,
};
use crate::config::{Environment, holds_token};
use crate::exit_code::ExitCode;
use crate::model::Platforms;
use crate::platform::registry::{REGISTRY, Registry};

/// Archives public Discord channels in one SQLite file that you query with SQL
#[derive(Debug, Parser)]
#[command(name = "verta-sync", version, max_term_width = 100, styles = styles())]
#[command(after_help = format!("Example: verta-sync start --tenant takaro\n{TOPICS}"))]
struct Cli {
    #[command(flatten, next_help_heading = "Global options")]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

fn styles() -> Styles {
    Styles::styled().header(AnsiColor::Green.on_default().bold()).literal(AnsiColor::Cyan.on_default())
}

/// Names under which other tools offer what `start` does; suggested as `start`.
const START_SYNONYMS: [&str; 5] = ["sync", "run", "fetch", "pull", "update"];

#[derive(Debug, Subcommand)]
enum Command {
    Start(start::StartArgs),
    Plan(plan::PlanArgs),
    Status(status::StatusArgs),
    Search(search::SearchArgs),
    Export(export::ExportArgs),
    Insights(insights::InsightsArgs),
    Reset(reset::ResetArgs),
    Check(check::CheckArgs),
    Forget(forget::ForgetArgs),
    Hash(hash::HashArgs),
    Rekey(rekey::RekeyArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// Runs the subcommand that `arguments` name. Invalid arguments exit the process with
/// code 2.
///
/// # Errors
/// Returns the subcommand's [`Failure`], or one for a bot token among the arguments.
pub fn run(arguments: impl IntoIterator<Item = OsString>, env: Environment) -> Result<ExitCode, Failure> {
    run_with(arguments, Setup { env, registry: REGISTRY, busy_timeout: BUSY_TIMEOUT })
}

/// The process state and the platforms that a program passes to its commands.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Environment variables and the current folder.
    pub env: Environment,
    /// The supported platforms.
    pub registry: Registry,
    /// How long to wait for another process that holds the database.
    pub busy_timeout: Duration,
}

/// Like [`run`], for a program with a setup of its own.
///
/// # Errors
/// See [`run`].
pub fn run_with(arguments: impl IntoIterator<Item = OsString>, setup: Setup) -> Result<ExitCode, Failure> {
    let Setup { env, registry, busy_timeout } = setup;
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    reject_token(&arguments, registry.specs)?;
    if let Some(text) = topic(&arguments, registry.specs) {
        print_result(&text)?;
        return Ok(Outcome::Done.exit_code());
    }
    let command = command(registry.specs).color(color_choice(&arguments));
    let cli = match parse(&arguments, command) {
        Ok(cli) => cli,
        // Help and version go to stdout and are no error.
        Err(help) if !help.use_stderr() => {
            check_output(help.print().and_then(|()| io::stdout().flush()))?;
            return Ok(Outcome::Done.exit_code());
        }
        Err(error) => {
            exit_with_usage_error(&add_tip(error, &arguments, registry.specs), &arguments, registry.specs)
        }
    };
    let context = CommandContext { global: cli.global, env, registry, busy_timeout };
    context.apply_colors();
    dispatch(&cli.command, &context).map(|outcome| outcome.exit_code()).map_err(|failure| {
        // The command may have failed before it initialized the log, which
        // `--log-format json` needs to report the failure.
        context.init_log(io::stderr);
        failure.with_sink(context.message_sink())
    })
}

/// When help and usage errors are coloured: as `--color` says, which clap doesn't know before it
/// has parsed all arguments.
fn color_choice(arguments: &[OsString]) -> ColorChoice {
    let texts: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    let given = texts.iter().enumerate().find_map(|(index, text)| match *text {
        "--color" => texts.get(index + 1).copied(),
        text => text.strip_prefix("--color="),
    });
    match given {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

/// The clap command, whose `--channel` flags accept the channel IDs of `platforms`.
fn command(platforms: Platforms) -> clap::Command {
    values::set_channel_parsers(Cli::command(), platforms)
}

fn parse<A: Into<OsString> + Clone>(
    arguments: impl IntoIterator<Item = A>,
    mut command: clap::Command,
) -> Result<Cli, clap::Error> {
    let matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn dispatch(command: &Command, context: &CommandContext) -> Result<Outcome, Failure> {
    match command {
        Command::Start(args) => start::run(args, context),
        Command::Plan(args) => plan::run(args, context),
        Command::Status(args) => status::run(args, context),
        Command::Search(args) => search::run(args, context),
        Command::Export(args) => export::run(args, context),
        Command::Insights(args) => insights::run(args, context),
        Command::Reset(args) => reset::run(args, context),
        Command::Check(args) => check::run(args, context),
        Command::Forget(args) => forget::run(args, context),
        Command::Hash(args) => hash::run(args, context),
        Command::Rekey(args) => rekey::run(args, context),
        Command::Completions(args) => completions::run(args, Cli::command()),
        Command::Man(args) => man::run(args, Cli::command()),
    }
}

/// Adds or replaces the tip of a parse error where clap has none or a misleading one.
fn add_tip(mut error: clap::Error, arguments: &[OsString], platforms: Platforms) -> clap::Error {
    let context_text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let argument = context_text(ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::InvalidSubcommand
            if START_SYNONYMS.contains(&context_text(ContextKind::InvalidSubcommand).as_str()) =>
        {
            let start = ContextValue::Strings(vec!["start".to_owned()]);
            error.insert(ContextKind::SuggestedSubcommand, start);
        }
        ErrorKind::UnknownArgument if argument == "--dry-run" => {
            error.remove(ContextKind::SuggestedArg);
            error.insert(ContextKind::Suggested, tip("'verta-sync plan' shows what a sync would do"));
        }
        ErrorKind::UnknownArgument if argument.starts_with("--token") => {
            error.remove(ContextKind::SuggestedArg);
            error.remove(ContextKind::Usage);
            error.insert(
                ContextKind::Suggested,
                tip(&format!(
                    "tokens are not accepted on the command line; set {} instead",
                    platforms
                        .iter()
                        .map(|platform| platform.default_token_env)
                        .collect::<Vec<_>>()
                        .join(" or ")
                )),
            );
        }
        ErrorKind::UnknownArgument if follows(arguments, "--wait", &argument) => {
            error.insert(ContextKind::Suggested, tip(&format!("to limit the wait, use '--wait={argument}'")));
        }
        ErrorKind::UnknownArgument if follows(arguments, "--messages", &argument) => {
            let text = format!("to choose the percentage, use '--messages={argument}'");
            error.insert(ContextKind::Suggested, tip(&text));
        }
        ErrorKind::UnknownArgument if !argument.starts_with('-') && accepts_tenant(arguments) => {
            error.insert(
                ContextKind::Suggested,
                tip(&format!("to select a tenant, use '--tenant {argument}'")),
            );
        }
        _ => {}
    }
    error
}

/// Whether `argument` follows a flag whose value needs a `=`.
fn follows(arguments: &[OsString], flag: &str, argument: &str) -> bool {
    arguments.windows(2).any(|pair| pair[0] == *flag && pair[1] == *argument)
}

/// Whether the subcommand named in `arguments` has a `--tenant` flag.
fn accepts_tenant(arguments: &[OsString]) -> bool {
    let command = Cli::command();
    let has_tenant_flag =
        |command: &clap::Command| command.get_arguments().any(|flag| flag.get_long() == Some("tenant"));
    let is_named = |command: &&clap::Command| arguments.iter().any(|argument| argument == command.get_name());
    command.get_subcommands().find(is_named).is_some_and(has_tenant_flag)
}

fn tip(text: &str) -> ContextValue {
    ContextValue::StyledStrs(vec![text.to_owned().into()])
}

/// Prints a parse error and exits. The message quotes the invalid argument; for commands that
/// take a user's ID, anything in it that may be a user's ID is masked.
fn exit_with_usage_error(error: &clap::Error, arguments: &[OsString], platforms: Platforms) -> ! {
    let takes_user = |argument: &OsString| ["forget", "hash", "search"].iter().any(|name| argument == name);
    if !arguments.iter().any(takes_user) {
        error.exit();
    }
    write!(io::stderr(), "{}", mask_ids(&error.render().to_string(), platforms)).ok();
    std::process::exit(error.exit_code())
}

/// Fails if an argument looks like a bot token. Called before parsing, because clap's
/// error messages quote invalid arguments.
fn reject_token(arguments: &[OsString], platforms: Platforms) -> Result<(), Failure> {
    let Some(index) = arguments.iter().position(|argument| holds_token(argument)) else { return Ok(()) };
    let message =
        format!("argument {index} looks like a bot token; tokens are not accepted on the command line");
    let pages: Vec<&str> = platforms.iter().map(|platform| platform.token_page).collect();
    Err(Failure::new(FailureKind::Usage, message).hint(format!(
        "store it as token_env or token_file in sync.toml says, and reset it in {}, because others may have seen it",
        pages.join(" or ")
    )))
}

/// The `--help` text of a subcommand at 100 columns, or of the whole program if `name` is
/// `None`. `None` for an unknown subcommand. Used by the test that checks docs/commands.md.
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
