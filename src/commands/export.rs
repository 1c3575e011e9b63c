//! `verta-sync export`: writes the archive as files for other programs.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf, absolute};

use hashbrown::HashSet;

use super::excluded::excluded_channels;
use super::export_record::ExportRecord;
use super::progress::with_progress;
use super::stop_flag::StopFlag;
use super::values::{check_order, check_tenants, date, one_of};
use super::{CommandContext, Failure, FailureKind, Outcome, check_output, print_result};
use crate::archive::copy::CopyScope;
use crate::archive::{ArchiveError, ArchiveErrorKind, Reader};
use crate::config::{Config, Overrides};
use crate::export::{
    ALL, CopyTarget, ExportError, Exported, Filter, Format, Progress, Request, Table, TableFormat, Target,
    check_name, run as run_tables, run_dce,
};
use crate::model::{Timestamp, with_noun, with_separators};
use crate::ui::to_stderr;

/// Width of the progress bar, in columns.
const BAR_WIDTH: u64 = 24;

/// Write the archive as files for other programs
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: verta-sync export --out takaro --format parquet --tenant takaro\nA later export to the same folder rewrites only the files whose content has changed."
)]
pub struct ExportArgs {
    /// Folder, or file of an archive, to write to; "-" writes one table to stdout
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    /// Format of the files: JSON Lines, CSV with a header, Parquet compressed with zstd, an archive of
    /// its own, or DiscordChatExporter's JSON
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
    args.check()?;
    let config = context.load_config(&Overrides::default())?;
    let path = &config.archive.path;
    let open = || Reader::open(path).map_err(|error| Failure::archive(&error, path));
    {
        let reader = open()?;
        check_tenants(&args.tenants, &reader, &config)?;
        let unknown = args.check_channels(&reader).map_err(|error| Failure::archive(&error, path))?;
        if let Some(channel) = unknown {
            let message = format!("no archived channel is called {channel:?}, or has this ID");
            return Err(
                Failure::new(FailureKind::Usage, message).hint("name it as it is called now, or by its ID")
            );
        }
    }
    let mode = path.metadata().map_or(config.archive.mode, |metadata| metadata.permissions().mode() & 0o777);
    let out = absolute(context.current_dir().join(&args.out)).unwrap_or_else(|_| args.out.clone());
    let destination =
        args.destination(&out, path, mode).map_err(|error| failure(&error, args.format, path))?;
    let record = match &destination {
        Destination::Stream(_) => None,
        Destination::Copy(copy) => Some(copy.path().to_owned()),
        Destination::Tables(..) | Destination::Channels(_) => Some(out),
    };
    let record = record.map(|path| ExportRecord::new(context, &config, path, args.format));
    let memory = record.as_ref().and_then(ExportRecord::begin);
    let reader = open()?;
    let request = Request {
        tables: args.tables(),
        filter: args.filter(&reader, &config)?,
        format: args.format,
        memory,
    };
    let scope = args.copy_scope(&reader, &request.filter).map_err(|error| Failure::archive(&error, path))?;
    let stop = StopFlag::install()?;
    let exported = with_progress(
        context,
        |on_progress| {
            let mut on_progress = |progress| {
                on_progress(progress);
                stop.received().is_none()
            };
            match destination {
                Destination::Stream(format) => {
                    let stdout = Target::Stream(Box::new(io::stdout()));
                    run_tables(&reader, &request, format, stdout, &mut on_progress)
                }
                Destination::Tables(format, folder) => {
                    run_tables(&reader, &request, format, Target::Folder(folder, mode), &mut on_progress)
                }
                Destination::Channels(folder) => run_dce(&reader, &request, &folder, mode, &mut on_progress),
                Destination::Copy(copy) => copy.export(path, &scope, &mut on_progress),
            }
        },
        progress_line,
    );
    drop(reader);
    let exported = match (exported, stop.received()) {
        // Its reader may have read enough.
        (Err(ExportError::Output(error)), _) => return check_output(Err(error)).map(|()| Outcome::Done),
        (Err(ExportError::Stopped), Some(signal)) => {
            let note =
                "stopped: the files that were written are complete; export there again to complete the rest";
            context.message_sink().warn(note, to_stderr);
            return Ok(Outcome::Stopped(signal));
        }
        (exported, _) => exported.map_err(|error| failure(&error, args.format, path))?,
    };
    if let Some(record) = &record {
        if let Some(state) = exported.state.clone() {
            record.end(state);
        }
        print_result(&format!("{}\n", summary(&exported, args.format)))?;
    }
    Ok(Outcome::Done)
}

/// Where to export to.
enum Destination {
    /// To stdout.
    Stream(TableFormat),
    /// To a folder of tables.
    Tables(TableFormat, PathBuf),
    /// To a folder with a file per channel.
    Channels(PathBuf),
    /// To an archive.
    Copy(CopyTarget),
}

impl ExportArgs {
    /// Fails if an argument doesn't fit the format.
    fn check(&self) -> Result<(), Failure> {
        let usage =
            |message: String, hint: &'static str| Err(Failure::new(FailureKind::Usage, message).hint(hint));
        check_order(self.since, self.until)?;
        let is_streamable = matches!(self.format, Format::Tables(TableFormat::JsonLines | TableFormat::Csv));
        if self.out == Path::new("-") && (self.tables.len() != 1 || !is_streamable) {
            let message = "--out - writes one table as jsonl or csv".to_owned();
            return usage(message, "add --table, or name a folder");
        }
        let is_filtered = !self.channel_names.is_empty() || self.since.is_some() || self.until.is_some();
        let name = self.format.name();
        match self.format {
            Format::Sqlite if is_filtered || !self.tables.is_empty() => usage(
                format!("--format {name} exports whole tenants"),
                "leave out --channel, --since, --until and --table",
            ),
            Format::DceJson if !self.tables.is_empty() => {
                usage(format!("--format {name} has no tables"), "leave out --table")
            }
            _ => Ok(()),
        }
    }

    fn destination(&self, out: &Path, archive: &Path, mode: u32) -> Result<Destination, ExportError> {
        if self.out != Path::new("-") {
            check_name(out, archive)?;
        }
        Ok(match self.format {
            Format::Tables(format) if self.out == Path::new("-") => Destination::Stream(format),
            Format::Tables(format) => Destination::Tables(format, out.to_owned()),
            Format::DceJson => Destination::Channels(out.to_owned()),
            Format::Sqlite => Destination::Copy(CopyTarget::new(out, archive, mode)?),
        })
    }

    /// What a copy of the archive holds. Without `--tenant` that is everything.
    fn copy_scope(&self, reader: &Reader, filter: &Filter) -> Result<CopyScope, ArchiveError> {
        if self.tenants.is_empty() || self.format != Format::Sqlite {
            return Ok(CopyScope::default());
        }
        let tenants = reader.tenant_rows(&self.tenants)?;
        let mut left_out: BTreeSet<_> = filter.excluded.iter().copied().collect();
        if !self.include_closed {
            left_out.extend(reader.closed_channels()?);
        }
        Ok(CopyScope { tenants: Some(tenants), left_out })
    }

    /// The tables, in their order.
    fn tables(&self) -> Vec<Table> {
        let is_wanted = |table: &Table| self.tables.is_empty() || self.tables.contains(table);
        Table::ALL.into_iter().filter(is_wanted).collect()
    }

    /// The first channel that is not archived: an export without it would remove what is there.
    fn check_channels(&self, reader: &Reader) -> Result<Option<&str>, ArchiveError> {
        let tenants = reader.tenant_names(&self.tenants)?;
        for channel in &self.channel_names {
            let wanted = std::slice::from_ref(channel);
            let mut is_known = false;
            for tenant in &tenants {
                is_known |= !reader.view_channels(tenant, wanted, true)?.is_empty();
            }
            if !is_known {
                return Ok(Some(channel));
            }
        }
        Ok(None)
    }

    fn filter(&self, reader: &Reader, config: &Config) -> Result<Filter, Failure> {
        let excluded = if self.include_closed {
            HashSet::new()
        } else {
            let path = &config.archive.path;
            excluded_channels(reader, config).map_err(|error| Failure::archive(&error, path))?
        };
        Ok(Filter {
            tenants: self.tenants.clone(),
            channels: self.channel_names.clone(),
            since: self.since,
            until: self.until,
            includes_deleted: self.include_deleted,
            includes_closed: self.include_closed,
            excluded,
        })
    }
}

fn progress_line(Progress { rows, done }: Progress) -> String {
    let filled = (0..BAR_WIDTH).filter(|cell| cell * ALL < done * BAR_WIDTH);
    let bar: String = filled.map(|_| '━').collect();
    let rest = BAR_WIDTH - bar.chars().count() as u64;
    let rest: String = (0..rest).map(|_| '─').collect();
    format!("exporting {bar}{rest} {:3}%  {} rows", done * 100 / ALL, with_separators(rows))
}

fn summary(exported: &Exported, format: Format) -> String {
    let unit = if matches!(format, Format::Tables(_)) { "row" } else { "message" };
    let Exported { rows, files, written, removed, .. } = *exported;
    let removed = if removed > 0 { format!(", {} removed", with_separators(removed)) } else { String::new() };
    format!(
        "exported {} in {}: {} written, {} unchanged{removed}",
        with_noun(rows, unit),
        with_noun(files, "file"),
        with_separators(written),
        with_separators(files - written)
    )
}

fn failure(error: &ExportError, format: Format, archive: &Path) -> Failure {
    let kind = match error {
        ExportError::Archive(error) => return Failure::archive(error, archive),
        ExportError::Target(_) => {
            return Failure::new(FailureKind::Usage, error.to_string()).hint("choose another path");
        }
        ExportError::Copy { source, .. } => source.kind,
        ExportError::Io { source, .. } | ExportError::Output(source) => ArchiveErrorKind::of_io(source),
        ExportError::Other(_) | ExportError::Stopped => {
            return Failure::new(FailureKind::Internal, error.to_string());
        }
    };
    let failure = Failure::new(FailureKind::Archive(kind), error.to_string());
    match kind {
        ArchiveErrorKind::DiskFull => {
            let size = archive.metadata().map_or(0, |metadata| metadata.len()).div_ceil(1_000_000);
            // Measured by examples/bench_export.
            let needed = match format {
                Format::Tables(TableFormat::JsonLines) => size * 8,
                Format::Tables(TableFormat::Csv) | Format::DceJson => size * 4,
                Format::Tables(TableFormat::Parquet) | Format::Sqlite => size,
            };
            let name = format.name();
            failure.hint(format!("free space and export again: {name} needs up to {needed} MB"))
        }
        ArchiveErrorKind::ReadOnly | ArchiveErrorKind::CannotCreate => {
            failure.hint("choose a folder that this user may write to")
        }
        _ => failure,
    }
}
