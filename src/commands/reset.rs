//! `verta-sync reset`: forgets a tenant's progress and, with `--purge`, its messages.

use std::collections::BTreeSet;
use std::io;

use super::command_context::runtime;
use super::confirm::confirm;
use super::migrate::migrate;
use super::search_index::{self, Upkeep};
use super::{
    CommandContext, Failure, FailureKind, Format, Outcome, export_record, foreign_tables, print_result,
};
use crate::archive::reset::{ResetScope, purge, reset};
use crate::archive::{ArchiveError, ArchiveErrorKind, ArchiveFile, Lock, Reader, TenantRow, Writer, audit};
use crate::config::{Config, Overrides};
use crate::model::{ChannelId, PlatformSpec, Platforms};
use crate::report::{SCHEMA, terminal_safe, with_noun};

/// Longest channel name that is printed whole, in columns.
const NAME_WIDTH: usize = 32;

/// Reset a tenant's progress, so that the next sync re-reads everything
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: verta-sync reset --tenant takaro --channel 123456789012345678")]
pub struct ResetArgs {
    /// Tenant to reset
    #[arg(long, value_name = "NAME")]
    pub tenant: String,
    /// Reset only this channel and its threads (repeatable)
    #[arg(long = "channel", value_name = "ID")]
    pub channels: Vec<String>,
    /// Also delete the archived messages
    #[arg(long)]
    pub purge: bool,
    /// Skip the confirmation
    #[arg(long)]
    pub yes: bool,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

/// Resets the tenant after confirmation.
///
/// # Errors
/// Returns a [`Failure`] if the tenant or a channel is unknown, the user can't be asked
/// for confirmation, or the archive is locked or can't be written.
pub fn run(args: &ResetArgs, context: &CommandContext) -> Result<Outcome, Failure> {
    context.init_log(io::stderr);
    let config = context.load_config(&Overrides::default())?;
    let path = &config.archive.path;
    let failed = |error: ArchiveError| Failure::archive(&error, path);
    Failure::if_locked(path)?;
    let file = context.archive_file(&config.archive)?;
    migrate(&file, "reset")?;
    let reader = match Reader::open(path) {
        Ok(reader) => Some(reader),
        Err(error) if error.kind == ArchiveErrorKind::Missing => None,
        Err(error) => return Err(failed(error)),
    };
    let target =
        reader.as_ref().map(|reader| find_target(reader, &config, args, context.registry.specs)).transpose();
    let Some(ResetTarget { row, channels, scope, names, unknown }) = target.map_err(failed)?.flatten() else {
        return nothing_archived(reader.as_ref(), &config, args);
    };
    if let Some(channel) = unknown {
        let message = format!("the archive has no channel {channel} of {}", args.tenant);
        return Err(Failure::new(FailureKind::Usage, message)
            .hint("use an ID from the column channel_id of the archive's view channel_log"));
    }
    drop(reader);
    if !confirm("the reset", args.yes, || question(args, &scope, &names))? {
        return Ok(Outcome::Declined);
    }
    let lock = Lock::take(&file, "reset", None, CommandContext::now())
        .map_err(|error| Failure::lock(error, path))?;
    let index = apply(&file, &lock, row, channels, args).map_err(failed)??;
    index.map_err(|error| search_index::not_erased(&error, path))?;
    if args.purge {
        foreign_tables::warn(path, context);
        export_record::remind(path, context);
    }
    print_result(&match args.format {
        Format::Human => format!("{}\n", done_text(args, &scope)),
        Format::Json => done_json(args, &scope),
    })?;
    Ok(Outcome::Done)
}

/// What a reset affects.
struct ResetTarget {
    row: TenantRow,
    /// The requested channels; empty for all channels of the tenant.
    channels: Vec<ChannelId>,
    scope: ResetScope,
    /// Names of `channels`.
    names: Vec<String>,
    /// The first requested channel that the archive doesn't have.
    unknown: Option<String>,
}

/// Finds the tenant and the requested channels; `None` if the archive doesn't have the
/// tenant.
fn find_target(
    reader: &Reader,
    config: &Config,
    args: &ResetArgs,
    platforms: Platforms,
) -> Result<Option<ResetTarget>, ArchiveError> {
    let Some((row, platform)) = tenant_row(reader, config, &args.tenant, platforms)? else { return Ok(None) };
    let (mut channels, mut names, mut unknown) = (Vec::new(), Vec::new(), None);
    for text in &args.channels {
        let id = platform.and_then(|platform| platform.ids.parse_channel(text).ok());
        let name = id.map(|id| reader.channel_name(row, id)).transpose()?.flatten();
        if let Some((id, name)) = id.zip(name) {
            channels.push(id);
            names.push(format!("#{}", terminal_safe(&name, NAME_WIDTH)));
        } else {
            unknown.get_or_insert_with(|| text.clone());
        }
    }
    let scope = reader.reset_scope(row, &channels)?;
    Ok(Some(ResetTarget { row, channels, scope, names, unknown }))
}

/// The tenant's row, and its platform if this program supports it. Looks the tenant up by
/// workspace if the configuration has the name, because a tenant renamed there keeps its
/// row; otherwise by its name in the archive.
fn tenant_row(
    reader: &Reader,
    config: &Config,
    name: &str,
    platforms: Platforms,
) -> Result<Option<(TenantRow, Option<&'static PlatformSpec>)>, ArchiveError> {
    if let Some(tenant) = config.tenants.iter().find(|tenant| tenant.name == name) {
        let row = reader.tenant_row_of(tenant.platform.name, tenant.workspace_id)?;
        return Ok(row.map(|row| (row, Some(tenant.platform))));
    }
    let archived = reader.tenant_row(name)?;
    Ok(archived.map(|(row, platform)| (row, PlatformSpec::find(platforms, &platform))))
}

/// The result for a tenant that is not in the archive: done if it is configured, else an
/// unknown tenant.
fn nothing_archived(reader: Option<&Reader>, config: &Config, args: &ResetArgs) -> Result<Outcome, Failure> {
    let name = args.tenant.as_str();
    let configured = config.tenants.iter().map(|tenant| tenant.name.as_str());
    if configured.clone().any(|known| known == name) {
        print_result(&match args.format {
            Format::Human => format!("{name}: nothing archived yet, nothing to reset\n"),
            Format::Json => done_json(args, &ResetScope::default()),
        })?;
        return Ok(Outcome::Done);
    }
    let archived = reader.and_then(|reader| reader.tenants().ok()).unwrap_or_default();
    let archived = archived.iter().map(|tenant| tenant.name.as_str());
    let known: BTreeSet<&str> = configured.chain(archived).collect();
    Err(Failure::unknown_tenants(&[name], &known))
}

fn question(args: &ResetArgs, scope: &ResetScope, names: &[String]) -> String {
    let channels = with_noun(scope.channels, "channel");
    let whose = if names.is_empty() {
        format!("{}: {channels} and {}.", args.tenant, with_noun(scope.jobs, "job"))
    } else {
        format!("{} of {}: {channels}, threads included.", names.join(", "), args.tenant)
    };
    let messages = with_noun(scope.messages, "archived message");
    let and_then = if args.purge {
        format!("It permanently deletes {messages}; the next sync re-reads those that still exist.")
    } else {
        format!("It keeps {messages}; the next sync re-reads everything.")
    };
    format!("This resets the progress of {whose}\n{and_then}")
}

/// The document of `reset`.
fn done_json(args: &ResetArgs, scope: &ResetScope) -> String {
    let document = serde_json::json!({
        "schema": SCHEMA,
        "tenant": args.tenant,
        "channels": scope.channels,
        "jobs": scope.jobs,
        "messages_deleted": if args.purge { scope.messages } else { 0 },
    });
    format!("{document}\n")
}

fn done_text(args: &ResetArgs, scope: &ResetScope) -> String {
    let purged = if args.purge {
        format!(", deleted {}", with_noun(scope.messages, "message"))
    } else {
        String::new()
    };
    format!(
        "{}: reset the progress of {} and {}{purged}",
        args.tenant,
        with_noun(scope.channels, "channel"),
        with_noun(scope.jobs, "job")
    )
}

/// Resets and, with `--purge`, deletes in one transaction. The inner results are a failure
/// to start the runtime, and to delete the same from the search index.
fn apply(
    file: &ArchiveFile,
    lock: &Lock,
    row: TenantRow,
    channels: Vec<ChannelId>,
    args: &ResetArgs,
) -> Result<Result<Result<(), ArchiveError>, Failure>, ArchiveError> {
    let (requested, purges) = (args.channels.clone(), args.purge);
    let (writer, thread) = Writer::start(file.open()?, file.rules, lock);
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(failure) => return Ok(Err(failure)),
    };
    runtime.block_on(writer.run(move |tx| {
        let now = CommandContext::now();
        reset(tx, row, &channels)?;
        if purges {
            purge(tx, row, &channels)?;
        }
        let action = if purges { "purge" } else { "reset" };
        let details = serde_json::json!({ "channels": requested });
        audit::record(tx, action, Some(row), None, Some(&details), now)
    }))?;
    let upkeep = Upkeep::new(&runtime, &writer, &file.path);
    let index = if purges { upkeep.after_erasure() } else { Ok(()) };
    drop(writer);
    thread.join()?;
    if purges {
        // Opening the archive vacuums it after a purge.
        file.open()?;
    }
    Ok(Ok(index))
}
