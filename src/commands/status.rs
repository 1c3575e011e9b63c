//! `verta-sync status`: shows the state of tenants and jobs. Reads only; works while a
//! sync runs.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;

use super::command_context::{QUERY_BUDGET, display_path};
use super::output::Printable as _;
use super::{CommandContext, Failure, FailureKind, Format, Outcome, check_output, system, values};
use crate::anonymize::{Rules, Scrubber};
use crate::archive::{ArchiveErrorKind, Lock, LockState, Reader, beside, queue};
use crate::config::{Config, Overrides, TenantConfig};
use crate::model::{
    ChannelCounts, Job, JobStatus, LastError, StatusOverview, TenantKey, TenantOverview, TenantStatus,
    without_colors,
};
use crate::plan::unmatched;
use crate::report::{self, EarlyEnd, Hints, Report, StatusOptions};
use crate::ui::to_cleared_stdout;

/// Refresh interval of `--watch`.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// Show progress, errors and the last success, even while a sync runs
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: verta-sync status --max-age 2h || echo 'the archive is behind'")]
pub struct StatusArgs {
    /// Show only this tenant (repeatable) [default: all tenants]
    #[arg(long = "tenant", value_name = "NAME")]
    pub tenants: Vec<String>,
    /// Show one job with all its channels
    #[arg(long, value_name = "ID", conflicts_with_all = ["tenants", "max_age"])]
    pub job_id: Option<String>,
    /// Show the last N runs instead, with their results and job IDs [default: 20]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "20", conflicts_with_all = ["job_id", "max_age", "watch"])]
    pub runs: Option<usize>,
    /// Show only tenants with a problem: failed, behind, or with failing channels or findings
    #[arg(long, conflicts_with_all = ["job_id", "runs"])]
    pub failing: bool,
    /// Order of the tenants [default: name]
    #[arg(long, value_name = "KEY", conflicts_with_all = ["job_id", "runs"])]
    pub sort: Option<TenantOrder>,
    /// Refresh the output until Ctrl-C
    #[arg(long)]
    pub watch: bool,
    /// Exit with code 8 if a tenant's last success is older than this, or if its last run lost more
    /// than half of its channels
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = values::duration)]
    pub max_age: Option<Duration>,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

/// The order of tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TenantOrder {
    /// By name.
    Name,
    /// Those without a success first, then by their last success, the oldest first.
    Success,
    /// Most failing channels first.
    Failing,
    /// Most messages first.
    Messages,
}

impl TenantOrder {
    /// Sorts the tenants; equal ones keep their order.
    fn sort(self, tenants: &mut [TenantOverview]) {
        match self {
            Self::Name => tenants.sort_by_cached_key(|tenant| tenant.name.to_lowercase()),
            Self::Success => tenants.sort_by_key(|tenant| tenant.last_success_at),
            Self::Failing => tenants.sort_by_key(|tenant| Reverse(tenant.channels.failing)),
            Self::Messages => tenants.sort_by_key(|tenant| Reverse(tenant.messages)),
        }
    }
}

/// Prints the state of tenants and jobs, with `--watch` repeatedly.
///
/// # Errors
/// Returns a [`Failure`] if the configuration or the archive can't be read, the tenant or
/// job is unknown, or the result can't be written.
pub fn run(args: &StatusArgs, context: &CommandContext) -> Result<Outcome, Failure> {
    context.init_log(io::stderr);
    let config = context.load_config(&Overrides::default())?;
    let clears = args.watch && args.format == Format::Human && io::stdout().is_terminal();
    loop {
        let (outcome, report) = render(args, &config, context)?;
        let result = match system::terminal_size().filter(|_| clears) {
            Some((rows, columns)) => {
                let text = report.fitted(Some(columns));
                to_cleared_stdout(&report::first_rows(&text, rows, columns))
            }
            None => report.print(),
        };
        if !args.watch || result.is_err() {
            check_output(result)?;
            return Ok(outcome);
        }
        std::thread::sleep(WATCH_INTERVAL);
    }
}

/// Reads the archive and returns what to print.
fn render(
    args: &StatusArgs,
    config: &Config,
    context: &CommandContext,
) -> Result<(Outcome, Report), Failure> {
    let hints = Hints(context.registry.specs);
    let path = &config.archive.path;
    let reader = match Reader::open_with_budget(path, QUERY_BUDGET) {
        Ok(reader) => Some(reader),
        Err(error) if error.kind == ArchiveErrorKind::Missing => None,
        // A folder that this user can't write is no error before the first sync.
        Err(error) if error.kind == ArchiveErrorKind::ReadOnly && !path.exists() => None,
        Err(error) => return Err(Failure::archive(&error, path)),
    };
    let failed = |error| Failure::archive(&error, path);
    let mut overview = match &reader {
        Some(reader) => read(reader, path)?,
        None => StatusOverview::default(),
    };
    if let Some(job_id) = &args.job_id {
        let stored = reader.map(|reader| reader.job(job_id)).transpose().map_err(failed)?.flatten();
        let locks = [lock_state(path)?];
        let stored = stored.map(|job| interrupted_if_dead(job, &locks));
        let job = unfinished(overview, job_id).or(stored).ok_or_else(|| unknown_job(job_id))?;
        return Ok((Outcome::Done, show_job(&job, hints, args.format)));
    }
    if let Some(count) = args.runs {
        let runs = match &reader {
            Some(reader) => read_runs(reader, path, config, args, count)?,
            None => Vec::new(),
        };
        let report = match args.format {
            Format::Json => Report::ForPrograms(report::runs_json(&runs)),
            Format::Human => {
                let columns = system::terminal_columns();
                Report::ForPeople(report::runs(&runs, CommandContext::now(), columns))
            }
        };
        return Ok((Outcome::Done, report));
    }
    rename(&mut overview, &config.tenants);
    if let Some(reader) = &reader {
        let rules = context.rules_for_output(&config.archive);
        add_unmatched(&mut overview, &config.tenants, reader, rules).map_err(failed)?;
    }
    add_pending(&mut overview, &config.tenants);
    retain_tenants(&mut overview, &args.tenants)?;
    if args.failing {
        retain_failing(&mut overview);
    }
    if let Some(order) = args.sort {
        order.sort(&mut overview.tenants);
    }
    let stale = args.max_age.map(|max_age| stale_tenants(&overview, config, args, max_age));
    let stale = stale.as_deref();
    let outcome = if stale.is_none_or(<[_]>::is_empty) { Outcome::Done } else { Outcome::Stale };
    let report = match args.format {
        Format::Json => Report::ForPrograms(format!(
            "{}\n",
            report::overview_json(&overview, stale, hints, CommandContext::now())
        )),
        Format::Human => {
            let options = StatusOptions {
                archive: &display_path(path),
                now: CommandContext::now(),
                columns: system::terminal_columns(),
                max_age: args.max_age.unwrap_or_default(),
                stale: stale.unwrap_or_default(),
                is_verbose: context.global.verbose > 0,
                hints,
            };
            let mut text = report::status(&overview, options);
            if reader.is_none() {
                text.push_str("\nno archive yet: run \"verta-sync start\" to create it\n");
            }
            Report::ForPeople(text)
        }
    };
    Ok((outcome, report))
}

/// The job of this ID among the running, queued and interrupted jobs.
fn unfinished(overview: StatusOverview, job_id: &str) -> Option<Job> {
    let StatusOverview { running, queued, interrupted, .. } = overview;
    running.into_iter().chain(queued).chain(interrupted).find(|job| job.job_id == job_id)
}

fn unknown_job(job_id: &str) -> Failure {
    Failure::new(FailureKind::Usage, format!("unknown job {job_id:?}")).hint(
        "\"verta-sync start\" prints the ID of each job, \"verta-sync status\" the IDs of unfinished jobs",
    )
}

fn show_job(job: &Job, hints: Hints, format: Format) -> Report {
    let now = CommandContext::now();
    match format {
        Format::Json => Report::ForPrograms(format!("{}\n", report::job_json(job, hints, now))),
        Format::Human => Report::ForPeople(report::job_details(job, hints, now, system::terminal_columns())),
    }
}

/// Reads the overview from the archive, and the waiting runs from its queue.
fn read(reader: &Reader, path: &Path) -> Result<StatusOverview, Failure> {
    let failed = |error| Failure::archive(&error, path);
    // Read the lock before and after the jobs, because a run may start or end in between.
    let lock_before = lock_state(path)?;
    if lock_before == LockState::Unknown {
        let lock = display_path(&beside(path, ".lock"));
        tracing::warn!("cannot read {lock} as this user: unknown whether unfinished jobs are still running");
    }
    let jobs = reader.unfinished_jobs().map_err(failed)?;
    let locks = [lock_before, lock_state(path)?];
    let jobs: Vec<Job> = jobs.into_iter().map(|job| interrupted_if_dead(job, &locks)).collect();
    let mut overview = StatusOverview {
        tenants: reader.tenants().map_err(failed)?,
        failing_channels: reader.failing_channels().map_err(failed)?,
        unknown_fields: reader.unknown_fields().map_err(failed)?,
        ..StatusOverview::default()
    };
    for mut job in jobs {
        match job.status {
            JobStatus::Running => overview.running.push(job),
            JobStatus::Queued => {
                job.queue_position = u32::try_from(overview.queued.len() + 1).ok();
                overview.queued.push(job);
            }
            // Its process is gone; the next run marks it interrupted in the archive.
            _ => {
                set_interrupted(&mut overview.tenants, &job.tenant);
                overview.interrupted.push(job);
            }
        }
    }
    for waiting_run in queue::waiting_runs(path) {
        for (index, tenant) in waiting_run.tenants.iter().enumerate() {
            let position = u32::try_from(overview.queued.len() + 1).ok();
            overview.queued.push(Job::queued(&waiting_run.run_id, index, tenant, position));
        }
    }
    Ok(overview)
}

/// The last runs, the newest first, with the jobs of the requested tenants under their configured names.
fn read_runs(
    reader: &Reader,
    path: &Path,
    config: &Config,
    args: &StatusArgs,
    count: usize,
) -> Result<Vec<Vec<Job>>, Failure> {
    let failed = |error| Failure::archive(&error, path);
    let mut overview =
        StatusOverview { tenants: reader.tenants().map_err(failed)?, ..StatusOverview::default() };
    let archived: Vec<String> = overview.tenants.iter().map(|tenant| tenant.name.clone()).collect();
    rename(&mut overview, &config.tenants);
    let names: Vec<(String, String)> =
        archived.into_iter().zip(overview.tenants.iter().map(|tenant| tenant.name.clone())).collect();
    add_pending(&mut overview, &config.tenants);
    retain_tenants(&mut overview, &args.tenants)?;
    let locks = [lock_state(path)?];
    let wanted = |name: &str| args.tenants.is_empty() || args.tenants.iter().any(|wanted| wanted == name);
    let runs = reader.last_runs(count, |job| {
        if let Some((_, new)) = names.iter().find(|(old, _)| *old == job.tenant) {
            job.tenant.clone_from(new);
        }
        wanted(&job.tenant)
    });
    let runs = runs.map_err(failed)?.into_iter();
    Ok(runs.map(|jobs| jobs.into_iter().map(|job| interrupted_if_dead(job, &locks)).collect()).collect())
}

fn lock_state(path: &Path) -> Result<LockState, Failure> {
    Lock::state(path).map_err(|error| Failure::lock(error, path))
}

/// Marks an unfinished job as interrupted if none of the lock states shows its run. If
/// the lock can't be read by this user, the job keeps the status that the archive has.
fn interrupted_if_dead(mut job: Job, locks: &[LockState]) -> Job {
    let is_unfinished = matches!(job.status, JobStatus::Queued | JobStatus::Running);
    let may_be_alive = |lock: &LockState| *lock == LockState::Unknown || lock.run_id() == Some(&job.run_id);
    if is_unfinished && !locks.iter().any(may_be_alive) {
        job.status = JobStatus::Interrupted;
    }
    job
}

fn set_interrupted(tenants: &mut [TenantOverview], name: &str) {
    for tenant in tenants.iter_mut().filter(|tenant| tenant.name == name) {
        tenant.status = TenantStatus::Partial;
        tenant.last_error = Some(LastError {
            // The hint is printed with the job.
            cause: None,
            error: format!("the last run was {}", without_colors(&EarlyEnd::ProcessGone.reason(None))),
        });
    }
}

/// The key of a configured tenant.
pub(super) fn tenant_key(tenant: &TenantConfig) -> TenantKey {
    TenantKey { platform: tenant.platform.name.to_owned(), id: tenant.workspace_id }
}

/// Shows a tenant that was renamed in the configuration under its new name; the next run
/// renames it in the archive.
pub(super) fn rename(overview: &mut StatusOverview, configured: &[TenantConfig]) {
    let renamed: Vec<(String, &str)> = overview
        .tenants
        .iter()
        .filter_map(|tenant| {
            let mut configured = configured.iter();
            let configured = configured.find(|configured| tenant_key(configured) == tenant.workspace)?;
            Some((tenant.name.clone(), configured.name.as_str()))
        })
        .collect();
    let rename = |name: &mut String| {
        if let Some((_, new)) = renamed.iter().find(|(old, _)| old == name) {
            (*new).clone_into(name);
        }
    };
    let StatusOverview { tenants, running, queued, interrupted, failing_channels, .. } = overview;
    let of_tenants = tenants.iter_mut().map(|tenant| &mut tenant.name);
    let of_jobs = running.iter_mut().chain(queued).chain(interrupted).map(|job| &mut job.tenant);
    let of_channels = failing_channels.iter_mut().map(|channel| &mut channel.tenant);
    of_tenants.chain(of_jobs).chain(of_channels).for_each(rename);
}

/// Adds the entries of each synced tenant's `include_channels` that match no archived
/// channel.
fn add_unmatched(
    overview: &mut StatusOverview,
    configured: &[TenantConfig],
    reader: &Reader,
    rules: Rules,
) -> Result<(), crate::archive::ArchiveError> {
    for tenant in &mut overview.tenants {
        let config = configured.iter().find(|config| tenant_key(config) == tenant.workspace);
        let is_due =
            |config: &&TenantConfig| tenant.last_sync_at.is_some() && !config.include_channels.is_empty();
        let Some(config) = config.filter(is_due) else { continue };
        let known = reader.known_channels(config.platform.name, config.workspace_id)?;
        let names: Vec<_> = known.values().map(|channel| (channel.id, channel.name.as_str())).collect();
        // exclude_channels can't be checked, because excluded channels are not archived.
        let scrubber = Scrubber::new(config.platform, rules.scheme);
        let entries = unmatched(config.platform, &config.include_channels, &[], &names, |text| {
            scrubber.redact_all(text)
        });
        tenant.unmatched = entries
            .iter()
            .map(|entry| scrubber.redact_all(&format!("{} ({})", entry.problem(), entry.hint())))
            .collect();
    }
    Ok(())
}

/// Adds the configured tenants that were never synced.
pub(super) fn add_pending(overview: &mut StatusOverview, configured: &[TenantConfig]) {
    for tenant in configured {
        if overview.tenants.iter().any(|known| known.workspace == tenant_key(tenant)) {
            continue;
        }
        overview.tenants.push(TenantOverview {
            name: tenant.name.clone(),
            workspace: tenant_key(tenant),
            workspace_id: (*tenant.platform.ids.workspace_text(tenant.workspace_id)).to_owned(),
            status: TenantStatus::Pending,
            last_sync_at: None,
            last_success_at: None,
            last_error: None,
            channels: ChannelCounts::default(),
            messages: 0,
            malformed_messages: 0,
            pending_reactor_lists: 0,
            lost_channels: false,
            findings: Vec::new(),
            unmatched: Vec::new(),
        });
    }
}

/// Removes the tenants without a problem.
fn retain_failing(overview: &mut StatusOverview) {
    let is_well =
        |status| matches!(status, TenantStatus::Completed | TenantStatus::Syncing | TenantStatus::Queued);
    overview.tenants.retain(|tenant| {
        !is_well(tenant.status)
            || tenant.channels.failing > 0
            || tenant.lost_channels
            || !tenant.findings.is_empty()
            || !tenant.unmatched.is_empty()
    });
}

/// Removes everything of other tenants than `names` (`--tenant`), if any are given.
fn retain_tenants(overview: &mut StatusOverview, names: &[String]) -> Result<(), Failure> {
    if names.is_empty() {
        return Ok(());
    }
    let known: BTreeSet<&str> = overview.tenants.iter().map(|tenant| tenant.name.as_str()).collect();
    Failure::if_tenants_unknown(names, &known)?;
    let wanted = |name: &String| names.contains(name);
    overview.tenants.retain(|tenant| wanted(&tenant.name));
    overview.running.retain(|job| wanted(&job.tenant));
    overview.queued.retain(|job| wanted(&job.tenant));
    overview.interrupted.retain(|job| wanted(&job.tenant));
    overview.failing_channels.retain(|channel| wanted(&channel.tenant));
    Ok(())
}

/// The tenants whose last success is older than `max_age` or which lost channels. Ignores
/// tenants that are no longer configured, unless `--tenant` names them.
fn stale_tenants(
    overview: &StatusOverview,
    config: &Config,
    args: &StatusArgs,
    max_age: Duration,
) -> Vec<TenantKey> {
    let now = CommandContext::now();
    let is_watched = |tenant: &&TenantOverview| {
        args.tenants.contains(&tenant.name)
            || config.tenants.iter().any(|known| tenant_key(known) == tenant.workspace)
    };
    let is_old =
        |tenant: &TenantOverview| tenant.last_success_at.is_none_or(|success| now.since(success) > max_age);
    let is_stale = |tenant: &&TenantOverview| tenant.lost_channels || is_old(tenant);
    let stale = overview.tenants.iter().filter(is_watched).filter(is_stale);
    stale.map(|tenant| tenant.workspace.clone()).collect()
}
