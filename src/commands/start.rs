//! `verta-sync start`: a sync.

mod display;
mod run_end;
mod signals;
mod wait;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use self::display::Display;
use self::run_end::RunEnd;
use self::signals::Signals;
use self::wait::Waited;
use super::connect::Connected;
use super::outcome::{AskedChannels, ReceivedSignal, SyncOutcome};
use super::surroundings::runtime;
use super::{Failure, FailureKind, Format, Outcome, Surroundings, connect, values, written};
use crate::archive::sweep::sweep;
use crate::archive::{ArchiveErrorKind, ArchiveFile, Lock, Reader, Writer};
use crate::config::{Config, Overrides, TenantConfig};
use crate::model::{ChannelId, Job, PlatformSpec, Timestamp};
use crate::monitor::Monitor;
use crate::plan::Selection;
use crate::report::{self, Hints};
use crate::sync::{
    self, Clock, ContentCheck, Context, Settings, Stop, StopSignal, TenantPlatform, TenantTask,
};
use crate::ui::Output;

/// Where the IDs of channels are found.
const CHANNEL_HINT: &str = "\"verta-sync plan\" and the archive's view channel_log show the IDs of channels";

/// How often a long run looks again at what is public: often enough that a
/// channel is left alone within five minutes, also if the first look fails.
const VISIBILITY_INTERVAL: Duration = Duration::from_mins(3);
/// Where nothing more could be seen for so long, nothing more is read.
const VISIBILITY_HOLDS: Duration = Duration::from_mins(5);

/// Sync: read what is new and what may have changed
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: verta-sync start --tenant takaro --max-runtime 50m")]
pub struct StartArgs {
    /// Sync only this tenant; may be given more than once [default: all]
    #[arg(long = "tenant", value_name = "NAME")]
    pub tenants: Vec<String>,
    /// Read only this channel and its threads; may be given more than once
    #[arg(long = "channel", value_name = "ID")]
    pub channels: Vec<String>,
    /// Read everything again; an unfinished full read goes on
    #[arg(long)]
    pub full: bool,
    /// This run reads from this date on (UTC)
    #[arg(long, value_name = "DATE", value_parser = values::date)]
    pub since: Option<Timestamp>,
    /// This run reads up to this date (UTC)
    #[arg(long, value_name = "DATE", value_parser = values::date)]
    pub until: Option<Timestamp>,
    /// Stop after this long; the next run goes on
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub max_runtime: Option<Duration>,
    /// Wait in a queue while the archive is in use, at most this long if given
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, value_parser = values::duration)]
    #[allow(clippy::option_option, reason = "the flag, and its value")]
    pub wait: Option<Option<Duration>>,
    /// Requests in flight at once
    #[arg(long, value_name = "N")]
    pub max_channel_workers: Option<usize>,
    /// How results are written to stdout
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

/// Runs a sync and says how it went.
///
/// # Errors
/// When it can't begin, or the archive gives out on the way.
pub fn run(args: &StartArgs, around: &Surroundings) -> Result<Outcome, Failure> {
    let output = Output::default();
    let ended = attempt(args, around, &output).map_err(|failure| match failure.kind {
        FailureKind::Locked if args.wait.is_none() => failure.hint(
            "\"verta-sync start --wait\" waits until it has ended; \"verta-sync status\" shows how far it is",
        ),
        _ => failure,
    });
    let end = ended.unwrap_or_else(|failure| RunEnd::not_begun(Err(failure), None));
    output.write(&end.text(args.format, Hints(around.registry.specs), Surroundings::now()));
    match (end.result, written(output.finish())) {
        (Ok(outcome), Err(lost)) if outcome.is_outweighed_by_lost_output() => Err(lost),
        (result, Err(lost)) => {
            lost.in_voice(around.voice()).tell();
            result
        }
        (result, Ok(())) => result,
    }
}

/// A date of the future is refused only if no wrong clock of this machine explains
/// it.
const CLOCK_TOLERANCE: Duration = Duration::from_hours(24);

fn attempt(args: &StartArgs, around: &Surroundings, output: &Output) -> Result<RunEnd, Failure> {
    let overrides = Overrides { max_channel_workers: args.max_channel_workers };
    let config = around.load_config(&overrides)?;
    let tenants = asked(config.tenants_named(&args.tenants)?, &args.channels)?;
    check_range(args, Surroundings::now())?;
    let tokens = connect::tokens(&config, &tenants, around)?;
    check_archive(&config.archive.path, args.wait.is_some())?;
    let rates = connect::used(&config, &tenants).into_iter().map(|section| section.requests_per_second);
    let display = Display::new(args.format, rates.sum(), around, output);
    let runtime = runtime()?;
    let connected = {
        let _entered = runtime.enter();
        connect::connect(&config, &tokens, around)?
    };
    let end = sync(&runtime, &connected, &config, &tenants, args, &display, around);
    display.end();
    end
}

/// A range that holds nothing is a mistake.
fn check_range(args: &StartArgs, now: Timestamp) -> Result<(), Failure> {
    match (args.since, args.until) {
        (Some(since), _) if since > now.later(CLOCK_TOLERANCE) => {
            let message =
                format!("--since {} lies in the future: nothing would be read", report::clock(since));
            Err(Failure::new(FailureKind::Usage, message).hint("write an earlier date"))
        }
        (Some(since), Some(until)) if since >= until => {
            let (since, until) = (report::clock(since), report::clock(until));
            let message = format!("--since {since} is not before --until {until}");
            Err(Failure::new(FailureKind::Usage, message).hint("exchange the two dates"))
        }
        _ => Ok(()),
    }
}

/// Before anything is asked or made: is the archive free, and ours?
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

/// The archive is opened, and files are read, on this thread: the runtime's threads
/// only wait for the network.
fn sync(
    runtime: &Runtime,
    connected: &[Connected<'_>],
    config: &Config,
    tenants: &[&TenantConfig],
    args: &StartArgs,
    display: &Display,
    around: &Surroundings,
) -> Result<RunEnd, Failure> {
    let _entered = runtime.enter();
    let stop = StopSignal::default();
    let signals = Signals::watch(stop.clone(), display)?;
    let monitor = Arc::clone(&display.monitor);
    let path = &config.archive.path;
    let file =
        ArchiveFile { path: path.clone(), mode: config.archive.mode, platforms: around.registry.specs };
    let waiting = Waiting { runtime, stop: &stop, monitor: monitor.as_ref() };
    let Some(Begun { now, run_id, lock }) = waiting.begin(connected, &file, tenants, args)? else {
        return Ok(RunEnd::not_begun(Ok(Outcome::NotBegun(signals.received())), stop.wanted()));
    };
    let mut connection = file.open().map_err(|error| Failure::archive(&error, path))?;
    if args.full {
        sweep(&mut connection, file.platforms).map_err(|error| Failure::archive(&error, path))?;
    }
    let (writer, thread) = Writer::start(connection, file.platforms, &lock);
    let settings = settings(config);
    let platform = |connected: &Connected<'_>| {
        let adapter = Arc::clone(&connected.adapter);
        (connected.config.spec, Arc::new(TenantPlatform { adapter, content: ContentCheck::default() }))
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
    let context = Context {
        writer: writer.clone(),
        archive: path.clone(),
        settings,
        monitor,
        clock: Clock::starting_at(now, Surroundings::now()),
        stop,
    };
    let outcome = runtime.block_on(sync::run(Arc::new(context), &run_id, tasks));
    // Read before the writer ends: the last connection to close leaves the
    // file complete by itself.
    let jobs = jobs_of_run(path, &run_id, args.format);
    drop(writer);
    let joined = thread.join();
    let outcome = match outcome.and_then(|outcome| joined.map(|()| outcome)) {
        Ok(outcome) => outcome,
        Err(error) => {
            let failure = Failure::archive(&error, path).after_signal(signals.received());
            return Ok(RunEnd::broken_off(failure, run_id, jobs.unwrap_or_default()));
        }
    };
    let unknown_channels = unknown_channels(&outcome, tenants, &args.channels);
    let end = ended(outcome, run_id, jobs?, unknown_channels, args, signals.received());
    for channel in &end.unknown_channels {
        display.fail(&run_end::unknown_channel(channel), CHANNEL_HINT);
    }
    Ok(end)
}

fn settings(config: &Config) -> Settings {
    Settings {
        max_channel_workers: config.sync.max_channel_workers,
        channel_batch_size: config.sync.channel_batch_size,
        page_size: config.sync.message_fetch_size,
        retry: connect::retry_policy(config),
        job_retention: config.sync.job_retention,
        visibility_interval: VISIBILITY_INTERVAL,
        visibility_holds: VISIBILITY_HOLDS,
        reaction_budget: config.sync.reaction_budget,
    }
}

/// The end of a run that the archive survived.
fn ended(
    outcome: sync::Outcome,
    run_id: String,
    jobs: Vec<Job>,
    unknown_channels: Vec<String>,
    args: &StartArgs,
    signal: Option<ReceivedSignal>,
) -> RunEnd {
    let channels = match unknown_channels[..] {
        [] => AskedChannels::Known,
        _ if jobs.iter().any(run_end::had_channels) => AskedChannels::SomeUnknown,
        _ => AskedChannels::AllUnknown,
    };
    RunEnd {
        stop: outcome.stop,
        result: Ok(Outcome::Sync(SyncOutcome::of_run(outcome, signal, channels))),
        run_id: Some(run_id),
        jobs,
        is_of_channels: !args.channels.is_empty(),
        unknown_channels,
    }
}

/// A run that may write the archive.
struct Begun {
    now: Timestamp,
    run_id: String,
    lock: Lock,
}

/// A run that waits until it can begin, or is stopped.
struct Waiting<'a> {
    runtime: &'a Runtime,
    stop: &'a StopSignal,
    monitor: &'a dyn Monitor,
}

impl Waiting<'_> {
    /// Asks who the token belongs to and takes the lock, waiting for it if that is
    /// wanted. `None` if the run was stopped meanwhile.
    fn begin(
        &self,
        connected: &[Connected<'_>],
        file: &ArchiveFile,
        tenants: &[&TenantConfig],
        args: &StartArgs,
    ) -> Result<Option<Begun>, Failure> {
        let mut waited = None;
        if let Some(limit) = args.wait {
            let run_id = Surroundings::new_run_id(Surroundings::now());
            let tenants = tenants.iter().map(|tenant| tenant.name.clone()).collect();
            match wait::for_lock(self.runtime, file, &run_id, tenants, limit, self.stop, self.monitor)? {
                Waited::Locked(lock) => waited = Some((lock, run_id)),
                Waited::Stopped => return Ok(None),
            }
        }
        limit_runtime(self.stop, args.max_runtime);
        let asked = connect::server_time(connected, self.monitor);
        let answer = self.runtime.block_on(self.stop.unless_stopped(asked));
        let Ok(now) = answer else { return Ok(None) };
        let now = now?;
        let (lock, run_id) = if let Some(waited) = waited {
            waited
        } else {
            let run_id = Surroundings::new_run_id(now);
            let lock = Lock::take(file, "start", Some(&run_id), now);
            (lock.map_err(|error| Failure::lock(error, &file.path))?, run_id)
        };
        Ok(Some(Begun { now, run_id, lock }))
    }
}

/// Ends the run after `limit`.
fn limit_runtime(stop: &StopSignal, limit: Option<Duration>) {
    let Some(limit) = limit else { return };
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(limit).await;
        stop.send(Stop::OutOfTime);
    });
}

/// The tenants that can have any of these channels: all, if there are no channels.
fn asked<'c>(tenants: Vec<&'c TenantConfig>, channels: &[String]) -> Result<Vec<&'c TenantConfig>, Failure> {
    let Some(first) = channels.first() else { return Ok(tenants) };
    let asked: Vec<_> =
        tenants.into_iter().filter(|tenant| !channel_ids(tenant, channels).is_empty()).collect();
    if asked.is_empty() {
        let message = run_end::unknown_channel(first);
        return Err(Failure::new(FailureKind::Usage, message).hint(CHANNEL_HINT));
    }
    Ok(asked)
}

/// Those of the channels whose IDs are written as on the tenant's platform.
fn channel_ids(tenant: &TenantConfig, channels: &[String]) -> Vec<ChannelId> {
    channels.iter().filter_map(|channel| tenant.platform.ids.parse_channel(channel).ok()).collect()
}

/// Channels asked for that none of the tenants has.
fn unknown_channels(outcome: &sync::Outcome, tenants: &[&TenantConfig], asked: &[String]) -> Vec<String> {
    let is_unknown = |channel: &&String| {
        tenants.iter().zip(&outcome.tenants).all(|(tenant, outcome)| {
            let id = tenant.platform.ids.parse_channel(channel);
            id.map_or(true, |id| outcome.unknown_channels.contains(&id))
        })
    };
    asked.iter().filter(is_unknown).cloned().collect()
}

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
