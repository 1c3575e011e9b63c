//! `verta-sync insights`: figures about communities.

use std::io;
use std::path::{Path, PathBuf};

use super::excluded::excluded_channels;
use super::progress::with_progress;
use super::stop_flag::StopFlag;
use super::values::check_tenants;
use super::{CommandContext, Failure, FailureKind, Outcome, print_result};
use crate::archive::{ArchiveErrorKind, Reader, beside};
use crate::config::{Config, Overrides};
use crate::files::replace_file;
use crate::insights::{
    Calendar, Day, Interrupted, Period, Report, Request, digest, page, run as run_insights,
};
use crate::model::{with_noun, with_separators};

/// Permission bits of a report.
const MODE: u32 = 0o644;
/// Days of a period at least, and at most: each is counted for each person.
const MIN_DAYS: i32 = 7;
const MAX_DAYS: i32 = 3660;
/// Suffix of the file that is renamed once it is complete.
const TEMPORARY: &str = ".verta-sync-insights.tmp";

/// Report how communities live, without saying anything about a person
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: verta-sync insights --out report.html --timezone Europe/Berlin\nNothing is said about fewer than five people. docs/insights.md defines every figure."
)]
pub struct InsightsArgs {
    /// File to write; "-" writes to stdout
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    /// A page of HTML with charts, Markdown for a short digest, or JSON with all figures
    #[arg(long, value_name = "FORMAT", default_value = "html")]
    pub format: InsightsFormat,
    /// Report only on this tenant (repeatable) [default: all tenants]
    #[arg(long = "tenant", value_name = "NAME")]
    pub tenants: Vec<String>,
    /// First day of the period, in the time zone [default: twelve months before its end]
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub since: Option<Day>,
    /// Day after the last of the period [default: the day of the last complete sync]
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub until: Option<Day>,
    /// Time zone of days and hours, such as Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = calendar)]
    pub timezone: Calendar,
    /// Count deleted messages as well
    #[arg(long)]
    pub include_deleted: bool,
    /// Count channels as well that are hidden, can no longer be read, or are excluded now
    #[arg(long)]
    pub include_closed: bool,
}

/// A format of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum InsightsFormat {
    /// HTML.
    Html,
    /// Markdown.
    Md,
    /// JSON.
    Json,
}

fn day(text: &str) -> Result<Day, String> {
    text.parse().map(Day::of).map_err(|_| "write a date as YYYY-MM-DD".to_owned())
}

fn calendar(name: &str) -> Result<Calendar, String> {
    jiff::tz::TimeZone::get(name)
        .map(Calendar::new)
        .map_err(|_| "unknown time zone; write it as Europe/Berlin or UTC".to_owned())
}

/// Writes a report.
///
/// # Errors
/// Returns a [`Failure`] if an argument can't be used, the archive can't be read, or the file
/// can't be written.
pub fn run(args: &InsightsArgs, context: &CommandContext) -> Result<Outcome, Failure> {
    context.init_log(io::stderr);
    let config = context.load_config(&Overrides::default())?;
    let path = &config.archive.path;
    let reader = Reader::open(path).map_err(|error| Failure::archive(&error, path))?;
    check_tenants(&args.tenants, &reader, &config)?;
    let request = args.request(&reader, &config)?;
    let stop = StopFlag::install()?;
    let reported = with_progress(
        context,
        |on_progress| {
            run_insights(&reader, &request, &mut |read| {
                on_progress(read);
                stop.received().is_none()
            })
        },
        |read: u64| format!("read {} messages", with_separators(read)),
    );
    drop(reader);
    let report = match (reported, stop.received()) {
        (Err(Interrupted::Stopped), Some(signal)) => return Ok(Outcome::Stopped(signal)),
        (Err(Interrupted::Archive(error)), _) => return Err(Failure::archive(&error, path)),
        (Err(error @ Interrupted::Stopped), None) => {
            return Err(Failure::new(FailureKind::Internal, error.to_string()));
        }
        (Ok(report), _) => report,
    };
    let text = match args.format {
        InsightsFormat::Html => page(&report),
        InsightsFormat::Md => digest(&report),
        InsightsFormat::Json => json(&report),
    };
    if args.out == Path::new("-") {
        print_result(&text)?;
        return Ok(Outcome::Done);
    }
    let out = context.current_dir().join(&args.out);
    // It can be shown to anybody.
    replace_file(&out, &beside(&out, TEMPORARY), MODE, text.as_bytes()).map_err(|error| {
        let kind = ArchiveErrorKind::of_io(&error);
        Failure::new(FailureKind::Archive(kind), format!("cannot write {}: {error}", out.display()))
    })?;
    let tenants = with_noun(report.tenants.len() as u64, "tenant");
    print_result(&format!("wrote {} about {tenants}\n", args.out.display()))?;
    Ok(Outcome::Done)
}

impl InsightsArgs {
    fn request(&self, reader: &Reader, config: &Config) -> Result<Request, Failure> {
        let failed = |error| Failure::archive(&error, &config.archive.path);
        let usage = |message: &str, hint: &'static str| Failure::new(FailureKind::Usage, message).hint(hint);
        let excluded = if self.include_closed {
            hashbrown::HashSet::new()
        } else {
            excluded_channels(reader, config).map_err(failed)?
        };
        let end = if let Some(until) = self.until {
            until
        } else {
            let tenants = reader.tenants().map_err(failed)?;
            let chosen = tenants
                .iter()
                .filter(|tenant| self.tenants.is_empty() || self.tenants.contains(&tenant.name));
            let success = chosen.filter_map(|tenant| tenant.last_success_at).max().ok_or_else(|| {
                usage("no community was archived completely yet", "name the end of the period with --until")
            })?;
            self.timezone.day_and_hour(success).0
        };
        let period = self.since.map_or_else(|| Period::year_to(end), |first| Period { first, end });
        if period.days() < 1 {
            return Err(usage("--since is not before --until", "name an earlier day with --since"));
        }
        if period.days() < MIN_DAYS {
            return Err(usage(
                "a report is about a week at least, so that it says nothing about the people of one day",
                "name an earlier day with --since",
            ));
        }
        if period.days() > MAX_DAYS {
            return Err(usage("a report is about ten years at most", "name a later day with --since"));
        }
        Ok(Request {
            tenants: self.tenants.clone(),
            period,
            calendar: self.timezone.clone(),
            includes_deleted: self.include_deleted,
            includes_closed: self.include_closed,
            excluded,
            solved_tags: config.insights.solved_tags.clone(),
        })
    }
}

fn json(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}
