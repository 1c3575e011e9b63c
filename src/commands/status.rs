//! `verta-sync status`: where things stand, read-only.

use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use super::surroundings::shown;
use super::{Failure, Format, Surroundings};
use crate::archive::{ArchiveErrorKind, Lock, Reader};
use crate::config::{Config, Overrides, TenantConfig, suggest};
use crate::exit_code::ExitCode;
use crate::model::{ChannelCounts, Job, JobStatus, Overview, TenantOverview, TenantStatus};
use crate::report::{self, Heading};

/// How often `--watch` looks again.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--tenant`; all when empty.
    pub tenants: Vec<String>,
    /// `--job-id`.
    pub job_id: Option<String>,
    /// `--watch`.
    pub watch: bool,
    /// `--max-age`.
    pub max_age: Option<Duration>,
    /// `--format`.
    pub format: Format,
}

/// Shows where things stand.
///
/// # Errors
/// When configuration or archive can't be read, or what was asked for is
/// unknown.
pub fn status(options: &Options, around: &Surroundings) -> Result<ExitCode, Failure> {
    around.start_log(io::stderr);
    let config = around.load_config(&Overrides::default())?;
    loop {
        let (code, text) = look(options, &config)?;
        if options.watch && options.format == Format::Human {
            // Home and clear, as `watch` does.
            write!(io::stdout(), "\u{1b}[H\u{1b}[2J").ok();
        }
        let written = write!(io::stdout(), "{text}").and_then(|()| io::stdout().flush());
        if !options.watch || written.is_err() {
            return Ok(code);
        }
        std::thread::sleep(WATCH_INTERVAL);
    }
}

fn look(options: &Options, config: &Config) -> Result<(ExitCode, String), Failure> {
    let path = &config.archive.path;
    let reader = match Reader::open(path) {
        Ok(reader) => Some(reader),
        Err(error) if error.kind == ArchiveErrorKind::Missing => None,
        Err(error) => return Err(Failure::archive(&error, path)),
    };
    let failed = |error| Failure::archive(&error, path);
    if let Some(job_id) = &options.job_id {
        let job = reader.map(|reader| reader.job(job_id)).transpose().map_err(failed)?.flatten();
        let job = job.ok_or_else(|| Failure::new(ExitCode::Failure, format!("there is no job {job_id}")))?;
        let job = honest(job, running_run(path).as_deref());
        return Ok((ExitCode::Success, show_job(&job, options.format)));
    }
    let mut overview = match &reader {
        Some(reader) => read(reader, path).map_err(failed)?,
        None => Overview::default(),
    };
    add_pending(&mut overview, &config.tenants);
    select(&mut overview, &options.tenants)?;
    let code = age_code(&overview, options.max_age);
    let text = match options.format {
        Format::Json => format!("{}\n", report::overview_json(&overview)),
        Format::Human => {
            let heading = Heading { archive: &shown(path), now: Surroundings::now() };
            let mut text = report::status(&overview, heading);
            if reader.is_none() {
                text.push_str("\nthere is no archive yet: run \"verta-sync start\"\n");
            }
            text
        }
    };
    Ok((code, text))
}

fn show_job(job: &Job, format: Format) -> String {
    match format {
        Format::Json => format!("{}\n", report::job_json(job)),
        Format::Human => report::job_details(job),
    }
}

fn read(reader: &Reader, path: &Path) -> Result<Overview, crate::archive::ArchiveError> {
    let alive = running_run(path);
    let jobs: Vec<Job> =
        reader.unfinished_jobs()?.into_iter().map(|job| honest(job, alive.as_deref())).collect();
    let mut overview = Overview {
        tenants: reader.tenants()?,
        failing_channels: reader.failing_channels()?,
        ..Overview::default()
    };
    for mut job in jobs {
        match job.status {
            JobStatus::Running => overview.running.push(job),
            JobStatus::Queued => {
                job.queue_position = u32::try_from(overview.queued.len() + 1).ok();
                overview.queued.push(job);
            }
            // Its process is dead; the next run says so in the archive.
            _ => set_interrupted(&mut overview.tenants, &job.tenant),
        }
    }
    Ok(overview)
}

/// The run of the process that holds the archive.
fn running_run(path: &Path) -> Option<String> {
    Lock::holder(path)??.run_id
}

/// An unfinished job of a dead process is interrupted.
fn honest(mut job: Job, alive: Option<&str>) -> Job {
    let is_unfinished = matches!(job.status, JobStatus::Queued | JobStatus::Running);
    if is_unfinished && alive != Some(job.run_id.as_str()) {
        job.status = JobStatus::Interrupted;
    }
    job
}

fn set_interrupted(tenants: &mut [TenantOverview], name: &str) {
    for tenant in tenants.iter_mut().filter(|tenant| tenant.name == name) {
        tenant.status = TenantStatus::Partial;
        tenant.last_error = Some("the last run was interrupted: its process is gone".to_owned());
    }
}

/// Tenants of the configuration that were never synced.
fn add_pending(overview: &mut Overview, configured: &[TenantConfig]) {
    for tenant in configured {
        if overview.tenants.iter().any(|known| known.workspace_id == tenant.workspace_id) {
            continue;
        }
        overview.tenants.push(TenantOverview {
            name: tenant.name.clone(),
            workspace_id: tenant.workspace_id,
            status: TenantStatus::Pending,
            last_sync_at: None,
            last_success_at: None,
            last_error: None,
            channels: ChannelCounts::default(),
            messages: 0,
            broken_messages: 0,
        });
    }
}

fn select(overview: &mut Overview, names: &[String]) -> Result<(), Failure> {
    if names.is_empty() {
        return Ok(());
    }
    for name in names {
        if overview.tenants.iter().all(|tenant| tenant.name != *name) {
            let known = overview.tenants.iter().map(|tenant| tenant.name.as_str());
            let failure = Failure::new(ExitCode::Usage, format!("there is no tenant {name:?}"));
            return Err(match suggest(name, known) {
                Some(similar) => failure.hint(format!("did you mean {similar:?}?")),
                None => failure,
            });
        }
    }
    let wanted = |name: &String| names.contains(name);
    overview.tenants.retain(|tenant| wanted(&tenant.name));
    overview.running.retain(|job| wanted(&job.tenant));
    overview.queued.retain(|job| wanted(&job.tenant));
    overview.failing_channels.retain(|channel| wanted(&channel.tenant));
    Ok(())
}

fn age_code(overview: &Overview, max_age: Option<Duration>) -> ExitCode {
    let Some(max_age) = max_age else { return ExitCode::Success };
    let now = Surroundings::now();
    let is_stale =
        |tenant: &TenantOverview| tenant.last_success_at.is_none_or(|success| now.since(success) > max_age);
    if overview.tenants.iter().any(is_stale) { ExitCode::Stale } else { ExitCode::Success }
}
