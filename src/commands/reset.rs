//! `verta-sync reset`: forgets progress, and messages on request.

use std::io::{self, Write as _};

use super::surroundings::runtime;
use super::{Failure, Surroundings};
use crate::archive::reset::{ResetScope, purge, reset as forget_progress, vacuum};
use crate::archive::{ArchiveError, ArchiveFile, Lock, Reader, TenantRow, Writer, audit};
use crate::config::{Config, Overrides, suggest};
use crate::exit_code::ExitCode;
use crate::model::ChannelId;

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// `--tenant`.
    pub tenant: String,
    /// `--channel`; all when empty.
    pub channels: Vec<ChannelId>,
    /// `--purge`.
    pub purge: bool,
    /// `--yes`.
    pub yes: bool,
}

/// Forgets, after asking.
///
/// # Errors
/// When the tenant is unknown, nobody confirms, or the archive can't be
/// written.
pub fn reset(options: &Options, around: &Surroundings) -> Result<ExitCode, Failure> {
    around.start_log(io::stderr);
    let config = around.load_config(&Overrides::default())?;
    let path = &config.archive.path;
    let failed = |error: ArchiveError| Failure::archive(&error, path);
    let reader = Reader::open(path).map_err(failed)?;
    let row = tenant_row(&reader, &config, &options.tenant).map_err(failed)?;
    let Some(row) = row else { return Err(unknown_tenant(&reader, &config, &options.tenant)) };
    let scope = reader.reset_scope(row, &options.channels).map_err(failed)?;
    if let Some(channel) = scope.unknown.first() {
        let message = format!("the archive knows no channel {channel} of {}", options.tenant);
        return Err(Failure::new(ExitCode::Usage, message));
    }
    drop(reader);
    if !confirm(options, &scope)? {
        return Ok(ExitCode::Failure);
    }
    let _lock =
        Lock::take(path, "reset", None, Surroundings::now()).map_err(|error| Failure::lock(&error))?;
    let file = ArchiveFile { path: path.clone(), mode: config.archive.mode };
    change(&file, row, options.clone()).map_err(failed)??;
    writeln!(io::stdout(), "{}", done_text(options, &scope)).ok();
    Ok(ExitCode::Success)
}

/// By workspace if the configuration knows the name, because a tenant renamed
/// there keeps its archive; else by the name in the archive.
fn tenant_row(reader: &Reader, config: &Config, name: &str) -> Result<Option<TenantRow>, ArchiveError> {
    match config.tenants.iter().find(|tenant| tenant.name == name) {
        Some(tenant) => reader.tenant_row_of(tenant.platform.as_str(), tenant.workspace_id),
        None => reader.tenant_row(name),
    }
}

fn unknown_tenant(reader: &Reader, config: &Config, name: &str) -> Failure {
    if config.tenants.iter().any(|tenant| tenant.name == name) {
        let message = format!("nothing of {name} is archived yet, so there is nothing to reset");
        return Failure::new(ExitCode::Failure, message);
    }
    let archived = reader.tenants().unwrap_or_default();
    let known: Vec<&str> = config
        .tenants
        .iter()
        .map(|tenant| tenant.name.as_str())
        .chain(archived.iter().map(|tenant| tenant.name.as_str()))
        .collect();
    let failure = Failure::new(ExitCode::Usage, format!("there is no tenant {name:?}"));
    match suggest(name, known.iter().copied()) {
        Some(similar) => failure.hint(format!("did you mean {similar:?}?")),
        None => failure.hint(format!("known tenants: {}", known.join(", "))),
    }
}

fn confirm(options: &Options, scope: &ResetScope) -> Result<bool, Failure> {
    if options.yes {
        return Ok(true);
    }
    if !Surroundings::can_ask() {
        return Err(Failure::new(ExitCode::Usage, "nobody can be asked to confirm the reset")
            .hint("add --yes to reset without a question"));
    }
    write!(io::stderr(), "{}\nGo on? [y/N] ", question(options, scope)).ok();
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).ok();
    let confirmed = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if !confirmed {
        writeln!(io::stderr(), "nothing was changed").ok();
    }
    Ok(confirmed)
}

fn question(options: &Options, scope: &ResetScope) -> String {
    let messages = if options.purge {
        format!("and removes {} archived messages for good.", scope.messages)
    } else {
        format!("The {} archived messages stay; the next sync reads everything again.", scope.messages)
    };
    let stop = if options.purge { ", " } else { ". " };
    format!(
        "This forgets how far {} channels of {} were read, and {} jobs{stop}{messages}",
        scope.channels, options.tenant, scope.jobs
    )
}

fn done_text(options: &Options, scope: &ResetScope) -> String {
    let purged = if options.purge { format!(", {} messages removed", scope.messages) } else { String::new() };
    format!(
        "{}: progress of {} channels and {} jobs forgotten{purged}",
        options.tenant, scope.channels, scope.jobs
    )
}

fn change(file: &ArchiveFile, row: TenantRow, options: Options) -> Result<Result<(), Failure>, ArchiveError> {
    let purges = options.purge;
    let (writer, thread) = Writer::start(file.open()?);
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(failure) => return Ok(Err(failure)),
    };
    runtime.block_on(writer.run(move |tx| {
        let now = Surroundings::now();
        forget_progress(tx, row, &options.channels)?;
        if options.purge {
            purge(tx, row, &options.channels)?;
        }
        let action = if options.purge { "purge" } else { "reset" };
        let channels: Vec<String> = options.channels.iter().map(ToString::to_string).collect();
        let details = serde_json::json!({ "channels": channels });
        audit::record(tx, action, Some(row), None, Some(&details), now)
    }))?;
    drop(writer);
    thread.join()?;
    if purges {
        vacuum(&file.open()?)?;
    }
    Ok(Ok(()))
}
