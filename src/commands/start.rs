//! `verta-sync start`: runs a sync.

mod display;
mod metrics;
mod run_result;
mod signals;
mod wait;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use self::display::Display;
use self::run_result::RunResult;
use self::signals::Signals;
use self::wait::LockWait;
use super::command_context::runtime;
use super::connect::ConnectedPlatform;
use super::outcome::{ReceivedSignal, RequestedChannels, SyncOutcome};
use super::search_index::Upkeep;
use super::{CommandContext, Failure, FailureKind, Format, Outcome, check_output, connect, system, values};
use crate::archive::sweep::sweep;
use crate::archive::{ArchiveErrorKind, ArchiveFile, Lock, Reader, Writer};
use crate::config::{Config, Overrides, TenantConfig};
use crate::model::{ChannelId, Job, MessageId, PlatformSpec, Timestamp};
use crate::monitor::Monitor;
use crate::plan::Selection;
use crate::report::{self, Hints, Report};
use crate::sync::{
    self, Clock, ContentCheck, Context, Settings, StopReason, StopSignal, TenantPlatform, TenantTask,
};
use crate::ui::Output;

/// Hint for an unknown channel ID.
const CHANNEL_HINT: &str = "\"verta-sync plan\" and the archive's view channel_log list the channel IDs";

/// How often a run re-checks which channels are public. Reading a channel that was closed
/// stops within five minutes, even if one re-check fails.
const VISIBILITY_INTERVAL: Duration = Duration::from_mins(3);
/// If re-checks fail and the last successful one is this old, reading the tenant stops.
const VISIBILITY_GRACE_PERIOD: Duration = Duration::from_mins(5);

/// Fetch new messages and re-read recent ones
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: verta-sync start --tenant takaro --max-runtime 50m")]
pub struct StartArgs {
    /// Sync only this tenant (repeatable) [default: all tenants]
    #[arg(long = "tenant", value_name = "NAME")]
    pub tenants: Vec<String>,
    /// Sync only this channel and its threads (repeatable)
    #[arg(long = "channel", value_name = "ID")]
    pub channels: Vec<String>,
    /// Re-read all messages; resumes an unfinished full read
    #[arg(long)]
    pub full: bool,
    /// In this run, read only messages sent on or after this date (UTC)
    #[arg(long, value_name = "DATE", value_parser = values::date)]
    pub since: Option<Timestamp>,
    /// In this run, read only messages sent before this date (UTC)
    #[arg(long, value_name = "DATE", value_parser = values::date)]
    pub until: Option<Timestamp>,
    /// Stop after this time; the next run resumes
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = values::duration)]
    pub max_runtime: Option<Duration>,
    /// Wait in a queue while the archive is locked, at most DURATION if given
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, value_parser = values::duration)]
    #[allow(clippy::option_option, reason = "the flag, and its value")]
    pub wait: Option<Option<Duration>>,
    /// Maximum number of concurrent requests
    #[arg(long, value_name = "N")]
    pub max_channel_workers: Option<usize>,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

/// Runs a sync and prints what it did.
///
/// # Errors
/// Returns a [`Failure`] if the run can't start, if the archive fails during it, or if
/// the result can't be written.
pub fn run(args: &StartArgs, context: &CommandContext) -> Result<Outcome, Failure> {
    let (output, begin) = (Output::default(), Instant::now());
    let config = context.load_config(&Overrides { max_channel_workers: args.max_channel_workers });
    let (config, result) = match config {
        Ok(config) => {
            let result = execute(args, &config, context, &output);
            (Some(config), result)
        }
        Err(failure) => (None, Err(failure)),
    };
    let result = result.map_err(|failure| match failure.kind {
        FailureKind::Locked if args.wait.is_none() => failure
            .hint("use \"verta-sync start --wait\" to wait for it; \"verta-sync status\" shows its progress"),
        _ => failure,
    });
    let end = result.unwrap_or_else(|failure| RunResult::not_started(Err(failure), None));
    if let Some(config) = &config {
        metrics::write(config, &end, begin.elapsed());
    }
    let report = end.report(args.format, Hints(context.registry.specs), CommandContext::now());
    let text = report.fitted(system::terminal_columns());
    match report {
        Report::ForPeople(_) => output.write_colored(&text),
        Report::ForPrograms(_) => output.write(&text),
    }
    match (end.result, check_output(output.finish())) {
        (Ok(outcome), Err(lost)) if outcome.yields_to_output_error() => Err(lost),
        (result, Err(lost)) => {
            lost.with_sink(context.message_sink()).print();
            result
        }
        (result, Ok(())) => result,
    }
}

/// How far `--since` may lie in the future by this machine's clock, which may be slow.
const CLOCK_TOLERANCE: Duration = Duration::from_hours(24);

fn execute(
    args: &StartArgs,
    config: &Config,
    context: &CommandContext,
    output: &Output,
) -> Result<RunResult, Failure> {
    let tenants = with_requested_channels(config.tenants_named(&args.tenants)?, &args.channels)?;
    check_range(args, CommandContext::now())?;
    let tokens = connect::read_tokens(config, &tenants, context)?;
    check_archive(&config.archive.path, args.wait.is_some())?;
    let rates =
        connect::used_platforms(config, &tenants).into_iter().map(|section| section.requests_per_second);
    let display = Display::new(args.format, rates.sum(), context, output);
    let runtime = runtime()?;
    let connected = {
        let _entered = runtime.enter();
        connect::connect(config, &tokens, context)?
    };
    check_platform_range(args, &connected)?;
    let end = sync(&runtime, &connected, config, &tenants, args, &display, context);
    display.clear();
    end
}

/// Rejects an empty `--since`/`--until` range.
fn check_range(args: &StartArgs, now: Timestamp) -> Result<(), Failure> {
    match (args.since, args.until) {
        (Some(since), _) if since > now.later(CLOCK_TOLERANCE) => {
            let message =
                format!("--since {} is in the future, so nothing would be read", report::utc_seconds(since));
            Err(Failure::new(FailureKind::Usage, message).hint("use an earlier date"))
        }
        (since, until) => values::check_order(since, until),
    }
}

/// Rejects dates before the first message that any of the platforms can hold.
fn check_platform_range(args: &StartArgs, connected: &[ConnectedPlatform<'_>]) -> Result<(), Failure> {
    let begin = |platform: &ConnectedPlatform<'_>| {
        Some((platform.adapter.sent_at(MessageId::new(1)?), platform.config.spec.title))
    };
    let Some((begin, platform)) = connected.iter().filter_map(begin).min() else { return Ok(()) };
    let is_before = |date: Option<Timestamp>| date.filter(|date| *date < begin);
    let (flag, date, hint) = match (is_before(args.since), is_before(args.until)) {
        (_, Some(until)) => {
            ("--until", until, "nothing would be read; use a later date, or leave --until out")
        }
        (Some(since), None) => ("--since", since, "leave --since out to read everything"),
        (None, None) => return Ok(()),
    };
    let (date, begin) = (report::utc_seconds(date), report::utc_seconds(begin));
    let message = format!("{flag} {date} is before {platform} existed: its messages begin at {begin}");
    Err(Failure::new(FailureKind::Usage, message).hint(hint))
}

/// Fails early, before any request is sent or file created, if the archive is locked or
/// can't be used.
fn check_archive(path: &Path, may_wait: bool) -> Result<(), Failure> {
    if !may_wait {
        Failure::if_locked(path)?;
    }
    match Reader::open(path) {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind, ArchiveErrorKind::Missing | ArchiveErrorKind::OlderSchema) => {
            Ok(())
        }
        Err(error) => Err(Failure::archive(&error, path)),
    }
}

/// Takes the lock, opens the archive and runs the sync. Blocking file access stays on
/// this thread, because the runtime's threads only do network I/O.
fn sync(
    runtime: &Runtime,
    connected: &[ConnectedPlatform<'_>],
    config: &Config,
    tenants: &[&TenantConfig],
    args: &StartArgs,
    display: &Display,
    context: &CommandContext,
) -> Result<RunResult, Failure> {
    let _entered = runtime.enter();
    let stop = StopSignal::default();
    let signals = Signals::watch(stop.clone(), display)?;
    let monitor = Arc::clone(&display.monitor);
    let path = &config.archive.path;
    let file = context.archive_file(&config.archive)?;
    let startup = Startup { runtime, stop: &stop, monitor: monitor.as_ref() };
    let Some(StartedRun { now, run_id, lock }) = startup.start(connected, &file, tenants, args)? else {
        return Ok(RunResult::not_started(Ok(Outcome::NotStarted(signals.received())), stop.reason()));
    };
    let mut connection = file.open().map_err(|error| Failure::archive(&error, path))?;
    if args.full {
        sweep(&mut connection, file.rules).map_err(|error| Failure::archive(&error, path))?;
    }
    let (writer, thread) = Writer::start(connection, file.rules, &lock);
    let settings = settings(config);
    let platform = |connected: &ConnectedPlatform<'_>| {
        let adapter = Arc::clone(&connected.adapter);
        let scheme = file.rules.scheme;
        let requests_per_second = connected.config.requests_per_second;
        let platform =
            TenantPlatform { adapter, content: ContentCheck::default(), scheme, requests_per_second };
        (connected.config.spec, Arc::new(platform))
    };
    let platforms: Vec<(&PlatformSpec, Arc<TenantPlatform>)> = connected.iter().map(platform).collect();
    let tasks = tenants
        .iter()
        .map(|tenant| {
            let platform = platforms.iter().find(|(spec, _)| *spec == tenant.platform);
            let (_, platform) = platform.expect("the platforms of all tenants are connected");
            tenant_task(tenant, platform, args)
        })
        .collect();
    let sync_context = Context {
        writer: writer.clone(),
        archive: path.clone(),
        settings,
        monitor,
        clock: Clock::starting_at(now, CommandContext::now()),
        stop: stop.clone(),
    };
    let outcome = runtime.block_on(sync::run(Arc::new(sync_context), &run_id, tasks));
    // Read the jobs while the writer still has the archive open: the last connection to
    // close checkpoints the WAL, and that should be the writer's.
    let jobs = jobs_of_run(path, &run_id, args.format);
    // If they can't be read because the archive was deleted or replaced, the writer says so.
    let outcome = match &jobs {
        Ok(_) => outcome,
        Err(_) => outcome.and_then(|outcome| runtime.block_on(writer.run(|_| Ok(()))).map(|()| outcome)),
    };
    if outcome.is_ok() {
        keep_index(&Upkeep::new(runtime, &writer, path), config.search.index, &stop);
    }
    drop(writer);
    let joined = thread.join();
    let outcome = match outcome.and_then(|outcome| joined.map(|()| outcome)) {
        Ok(outcome) => outcome,
        Err(error) => {
            let failure = Failure::archive(&error, path).after_signal(signals.received());
            return Ok(RunResult::aborted(failure, run_id, jobs.unwrap_or_default()));
        }
    };
    let unknown_channels = unknown_channels(&outcome, tenants, &args.channels);
    let end = completed_run(outcome, run_id, jobs?, unknown_channels, args, signals.received());
    for channel in &end.unknown_channels {
        display.fail(&run_result::unknown_channel_message(channel), CHANNEL_HINT);
    }
    Ok(end)
}

/// Keeps the search index up to date. Without it nothing is lost, so no failure is the run's.
fn keep_index(upkeep: &Upkeep<'_>, is_wanted: bool, stop: &StopSignal) {
    let is_stopping = || stop.reason() == Some(StopReason::Signal);
    if is_stopping() {
        return;
    }
    if let Err(error) = upkeep.after_run(is_wanted, is_stopping) {
        tracing::warn!("cannot update the search index, so searches read what it lacks: {error}");
    }
}

fn settings(config: &Config) -> Settings {
    Settings {
        max_channel_workers: config.sync.max_channel_workers,
        channel_batch_size: config.sync.channel_batch_size,
        page_size: config.sync.message_fetch_size,
        retry: connect::retry_policy(config),
        job_retention: config.sync.job_retention,
        visibility_interval: VISIBILITY_INTERVAL,
        visibility_grace_period: VISIBILITY_GRACE_PERIOD,
        reaction_budget: config.sync.reaction_budget,
        server_search: config.sync.server_search,
    }
}

/// The end of a run without an archive failure.
fn completed_run(
    outcome: sync::RunOutcome,
    run_id: String,
    jobs: Vec<Job>,
    unknown_channels: Vec<String>,
    args: &StartArgs,
    signal: Option<ReceivedSignal>,
) -> RunResult {
    let channels = match unknown_channels[..] {
        [] => RequestedChannels::Known,
        _ if jobs.iter().any(run_result::has_channels) => RequestedChannels::SomeUnknown,
        _ => RequestedChannels::AllUnknown,
    };
    RunResult {
        stop: outcome.stop,
        result: Ok(Outcome::Sync(SyncOutcome::of_run(outcome, signal, channels))),
        run_id: Some(run_id),
        jobs,
        selects_channels: !args.channels.is_empty(),
        unknown_channels,
    }
}

/// A run that holds the archive's lock.
struct StartedRun {
    /// The run's start by the platform's clock.
    now: Timestamp,
    run_id: String,
    lock: Lock,
}

/// Starts a run, unless it is stopped first.
struct Startup<'a> {
    runtime: &'a Runtime,
    stop: &'a StopSignal,
    monitor: &'a dyn Monitor,
}

impl Startup<'_> {
    /// Checks the tokens and takes the archive's lock. With `--wait`, waits for the lock
    /// first. Returns `None` if the run was stopped before it had the lock.
    fn start(
        &self,
        connected: &[ConnectedPlatform<'_>],
        file: &ArchiveFile,
        tenants: &[&TenantConfig],
        args: &StartArgs,
    ) -> Result<Option<StartedRun>, Failure> {
        let mut acquired = None;
        if let Some(limit) = args.wait {
            let run_id = CommandContext::new_run_id(CommandContext::now());
            let tenants = tenants.iter().map(|tenant| tenant.name.clone()).collect();
            match wait::for_lock(self.runtime, file, &run_id, tenants, limit, self.stop, self.monitor)? {
                LockWait::Acquired(lock) => acquired = Some((lock, run_id)),
                LockWait::Stopped => return Ok(None),
            }
        }
        limit_runtime(self.stop, args.max_runtime);
        let server_time = connect::server_time(connected, self.monitor);
        let server_time = self.runtime.block_on(self.stop.unless_stopped(server_time));
        let Ok(now) = server_time else { return Ok(None) };
        let now = now?;
        let (lock, run_id) = if let Some(acquired) = acquired {
            acquired
        } else {
            let run_id = CommandContext::new_run_id(now);
            let lock = Lock::take(file, "start", Some(&run_id), now);
            (lock.map_err(|error| Failure::lock(error, &file.path))?, run_id)
        };
        Ok(Some(StartedRun { now, run_id, lock }))
    }
}

/// Stops the run after `limit`, if there is one.
fn limit_runtime(stop: &StopSignal, limit: Option<Duration>) {
    let Some(limit) = limit else { return };
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(limit).await;
        stop.send(StopReason::OutOfTime);
    });
}

/// The tenants on whose platform at least one of `channels` is a valid ID; all tenants if
/// `channels` is empty.
fn with_requested_channels<'c>(
    tenants: Vec<&'c TenantConfig>,
    channels: &[String],
) -> Result<Vec<&'c TenantConfig>, Failure> {
    let Some(first) = channels.first() else { return Ok(tenants) };
    let tenants: Vec<_> =
        tenants.into_iter().filter(|tenant| !channel_ids(tenant, channels).is_empty()).collect();
    if tenants.is_empty() {
        let message = run_result::unknown_channel_message(first);
        return Err(Failure::new(FailureKind::Usage, message).hint(CHANNEL_HINT));
    }
    Ok(tenants)
}

/// The channels that are valid IDs on the tenant's platform.
fn channel_ids(tenant: &TenantConfig, channels: &[String]) -> Vec<ChannelId> {
    channels.iter().filter_map(|channel| tenant.platform.ids.parse_channel(channel).ok()).collect()
}

/// The requested channels that none of the tenants has.
fn unknown_channels(
    outcome: &sync::RunOutcome,
    tenants: &[&TenantConfig],
    requested: &[String],
) -> Vec<String> {
    let is_unknown = |channel: &&String| {
        tenants.iter().zip(&outcome.tenants).all(|(tenant, outcome)| {
            let id = tenant.platform.ids.parse_channel(channel);
            id.map_or(true, |id| outcome.unknown_channels.contains(&id))
        })
    };
    requested.iter().filter(is_unknown).cloned().collect()
}

/// The run's jobs. For text output, only with the channels that the summary names,
/// because a run may have read tens of thousands.
fn jobs_of_run(path: &Path, run_id: &str, format: Format) -> Result<Vec<Job>, Failure> {
    Reader::open_beside_writer(path)
        .and_then(|reader| match format {
            Format::Human => reader.summaries_of_run(run_id),
            Format::Json => reader.jobs_of_run(run_id),
        })
        .map_err(|error| Failure::archive(&error, path))
}

fn tenant_task(tenant: &TenantConfig, platform: &Arc<TenantPlatform>, args: &StartArgs) -> TenantTask {
    TenantTask {
        name: tenant.name.clone(),
        platform: Arc::clone(platform),
        workspace: tenant.workspace_id,
        reactions: tenant.reactions,
        selection: Selection {
            channels: channel_ids(tenant, &args.channels),
            full: args.full,
            run_since: args.since,
            run_until: args.until,
            ..connect::selection(tenant)
        },
    }
}
