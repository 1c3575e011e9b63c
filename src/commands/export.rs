//! `verta-sync export`: writes the archive as files for other programs.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf, absolute};

use hashbrown::HashSet;

use super::command_context::display_path;
use super::excluded::excluded_channels;
use super::progress::with_progress;
use super::values::{check_order, check_tenants, date, one_of};
use super::{CommandContext, Failure, FailureKind, Outcome, check_output, print_result};
use crate::archive::audit::record_export;
use crate::archive::{ArchiveErrorKind, Lock, Reader};
use crate::config::{Config, Overrides};
use crate::export::{ExportError, Exported, Filter, Format, Table, Target, run as run_export};
use crate::model::{Timestamp, with_noun, with_separators};
use crate::report::terminal_safe;
use crate::ui::to_stderr;

/// Exports that `forget` names at most.
const NAMED_EXPORTS: usize = 10;
/// Longest path that is printed whole, in columns.
const PATH_WIDTH: usize = 200;

/// Write the archive as files for other programs
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: verta-sync export --out takaro --format parquet --tenant takaro\nA later export to the same folder rewrites only the files whose content has changed."
)]
pub struct ExportArgs {
    /// Folder to write to; "-" writes one table to stdout
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    /// Format of the files: JSON Lines, CSV with a header, or Parquet compressed with zstd
    #[arg(long, value_name = "FORMAT", value_parser = one_of(&Format::ALL, Format::name))]
    pub format: Format,
    /// Export only this tenant (repeatable) [default: all tenants]
    #[arg(long = "tenant", value_name = "NAME")]
    pub tenants: Vec<String>,
    /// Export only this channel and its threads, by ID or name (repeatable)
    #[arg(long = "channel", value_name = "ID|NAME")]
    pub channel_names: Vec<String>,
    /// Export only what belongs to messages sent at this time or later (UTC)
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub since: Option<Timestamp>,
    /// Export only what belongs to messages sent before this time (UTC)
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub until: Option<Timestamp>,
    /// Export only this table (repeatable) [default: all tables]
    #[arg(long = "table", value_name = "TABLE", value_parser = one_of(&Table::ALL, Table::name))]
    pub tables: Vec<Table>,
    /// Export deleted messages as well
    #[arg(long)]
    pub include_deleted: bool,
    /// Export channels as well that are hidden, can no longer be read, or are excluded now
    #[arg(long)]
    pub include_closed: bool,
}

/// Exports the archive and prints what was written.
///
/// # Errors
/// Returns a [`Failure`] if an argument can't be used, the archive can't be read, or a file
/// can't be written.
pub fn run(args: &ExportArgs, context: &CommandContext) -> Result<Outcome, Failure> {
    context.init_log(io::stderr);
    check_order(args.since, args.until)?;
    let is_stream = args.out == Path::new("-");
    if is_stream && (args.tables.len() != 1 || args.format == Format::Parquet) {
        let message = "--out - writes one table as jsonl or csv";
        return Err(Failure::new(FailureKind::Usage, message).hint("add --table, or name a folder"));
    }
    let config = context.load_config(&Overrides::default())?;
    let path = &config.archive.path;
    let open = || Reader::open(path).map_err(|error| Failure::archive(&error, path));
    check_tenants(&args.tenants, &open()?, &config)?;
    let mut tables: Vec<Table> = args.tables.clone();
    tables.sort_unstable();
    tables.dedup();
    if tables.is_empty() {
        tables = Table::ALL.to_vec();
    }
    let mut filter = Filter {
        tenants: args.tenants.clone(),
        channels: args.channel_names.clone(),
        since: args.since,
        until: args.until,
        includes_deleted: args.include_deleted,
        includes_closed: args.include_closed,
        excluded: HashSet::new(),
    };
    let target = if is_stream {
        Target::Stream(Box::new(io::stdout()))
    } else {
        let out = absolute(context.current_dir().join(&args.out)).unwrap_or_else(|_| args.out.clone());
        record(&out, args.format, &config, context);
        let mode =
            path.metadata().map_or(config.archive.mode, |metadata| metadata.permissions().mode() & 0o777);
        Target::Folder(out, mode)
    };
    let reader = open()?;
    if !args.include_closed {
        filter.excluded =
            excluded_channels(&reader, &config).map_err(|error| Failure::archive(&error, path))?;
    }
    let exported = with_progress(
        context,
        |on_rows| run_export(&reader, &tables, &filter, args.format, target, on_rows),
        |rows| format!("exported {} rows", with_separators(rows)),
    );
    let exported = match exported {
        // Its reader may have read enough.
        Err(ExportError::Output(error)) => return check_output(Err(error)).map(|()| Outcome::Done),
        exported => exported.map_err(|error| failure(&error, path))?,
    };
    if !is_stream {
        print_result(&format!("{}\n", summary(exported)))?;
    }
    Ok(Outcome::Done)
}

fn summary(exported: Exported) -> String {
    let Exported { rows, files, written, removed } = exported;
    let removed = if removed > 0 { format!(", {} removed", with_separators(removed)) } else { String::new() };
    format!(
        "exported {} in {}: {} written, {} unchanged{removed}",
        with_noun(rows, "row"),
        with_noun(files, "file"),
        with_separators(written),
        with_separators(files - written)
    )
}

/// Records the export in the archive, so that `forget` can remind of it. This process has no
/// connection to the archive.
fn record(out: &Path, format: Format, config: &Config, context: &CommandContext) {
    let write = || -> Result<(), Failure> {
        let file = context.archive_file(&config.archive)?;
        let lock = Lock::take(&file, "export", None, CommandContext::now());
        let _lock = lock.map_err(|error| Failure::lock(error, &file.path))?;
        file.change(|tx, now| record_export(tx, &display_path(out), format.name(), now))
            .map_err(|error| Failure::archive(&error, &file.path))
    };
    if let Err(failure) = write() {
        let notice = format!("\"forget\" will not remind of this export: {}", failure.parts().0);
        context.message_sink().warn(&notice, to_stderr);
    }
}

/// Reminds of the exports that may still hold what was erased.
pub(super) fn remind(archive: &Path, context: &CommandContext) {
    let exports = Reader::open(archive).and_then(|reader| reader.recorded_exports()).unwrap_or_default();
    if exports.is_empty() {
        return;
    }
    let named = exports.iter().take(NAMED_EXPORTS).map(|export| {
        let time = crate::report::utc_seconds(export.made_at);
        format!("{} ({time})", terminal_safe(&export.path, PATH_WIDTH))
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let warning = format!(
        "exports that were made still hold what was erased; export there again, or delete them: {named}"
    );
    context.message_sink().warn(&warning, to_stderr);
}

fn failure(error: &ExportError, archive: &Path) -> Failure {
    if let ExportError::Archive(error) = error {
        return Failure::archive(error, archive);
    }
    let Some(io) = error.io() else {
        let kind =
            if matches!(error, ExportError::Folder(_)) { FailureKind::Usage } else { FailureKind::Internal };
        let failure = Failure::new(kind, error.to_string());
        return if kind == FailureKind::Usage {
            failure.hint("choose another folder, or empty this one")
        } else {
            failure
        };
    };
    let size = archive.metadata().map_or(0, |metadata| metadata.len()).div_ceil(1_000_000);
    let kind = ArchiveErrorKind::of_io(io);
    let failure = |kind| Failure::new(kind, error.to_string());
    match kind {
        ArchiveErrorKind::DiskFull => failure(FailureKind::Archive(kind)).hint(format!(
            "free space and export again: Parquet needs up to {} MB, jsonl and csv up to {} MB",
            size.div_ceil(2),
            size * 6
        )),
        ArchiveErrorKind::ReadOnly => {
            failure(FailureKind::Archive(kind)).hint("choose a folder that this user may write to")
        }
        _ => failure(FailureKind::Internal),
    }
}
