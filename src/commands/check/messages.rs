//! `check --messages`: compares the archive with the platform, page by page.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;

use super::steps::Steps;
use super::{ArchivedTenant, NAME_WIDTH};
use crate::anonymize::Rules;
use crate::archive::{ArchiveError, Lock, LockError, Reader, ScratchArchive, TenantRow, Tx, audit};
use crate::commands::command_context::runtime;
use crate::commands::connect::{self, ConnectedPlatform};
use crate::commands::outcome::Outcome;
use crate::commands::progress::StatusLine;
use crate::commands::stop_flag::StopFlag;
use crate::commands::{CommandContext, Failure, Format, plan, print_result};
use crate::compare::{self, CompareError, CompareProgress, Comparison, Settings, Target};
use crate::config::{Config, TenantConfig};
use crate::model::{Cause, Channel, ChannelId, DifferenceClass, JobStatus, Timestamp};
use crate::monitor::{Monitor, NoMonitor};
use crate::plan::{
    Facts, LeftOutReason, Plan, Selection, ThreadKnowledge, build, discover, discover_archived,
};
use crate::platform::PlatformError;
use crate::report::{self, CheckResult, ComparedTenant, with_noun};
use crate::sync::error_cause;
use crate::ui::to_stderr;

/// Parses the share of pages to compare, in percent.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let percent = text.trim_end_matches('%').parse().ok();
    let percent = percent.filter(|percent: &f64| *percent > 0.0 && *percent <= 100.0);
    percent.ok_or_else(|| "use a number above 0 and up to 100".to_owned())
}

/// Compares the archive with the platforms and prints the differences.
pub(super) fn run(
    percent: f64,
    format: Format,
    (config, tenants): (&Config, &[&TenantConfig]),
    context: &CommandContext,
) -> Result<Outcome, Failure> {
    let rules = context.rules(&config.archive)?;
    let archived = read_archived(config, tenants, rules)?;
    let tokens = connect::read_tokens(config, tenants, context)?;
    let stop = StopFlag::install()?;
    let runtime = runtime()?;
    let (mut steps, mut compared) = (Steps::default(), Vec::new());
    runtime.block_on(async {
        let connected = connect::connect(config, &tokens, context)?;
        let now = connect::server_time(&connected, &NoMonitor).await?;
        let mut is_over = false;
        for (tenant, archived) in tenants.iter().copied().zip(&archived) {
            let platform = connect::platform_of(&connected, tenant);
            let job = TenantComparison { platform, config, tenant, archived, percent, now, context };
            let result = if is_over || stop.received().is_some() {
                Ok(job.not_begun())
            } else {
                job.run(rules, &stop).await
            };
            match result {
                Ok(result) => {
                    let (status, cause, results) = verdict(&result);
                    steps.add_tenant(status, cause, results);
                    compared.push(result);
                }
                // What was compared before is reported nevertheless.
                Err(failure) => {
                    is_over = true;
                    compared.push(job.failed(None, failure.parts().0.to_owned()));
                    steps.add_failure(&tenant.name, &failure);
                }
            }
        }
        Ok::<_, Failure>(())
    })?;
    record(config, context, &compared, percent);
    let (results, predicted) = steps.finish();
    let outcome = stop.received().map_or(predicted, Outcome::Stopped);
    print_result(&match format {
        Format::Human => report::check_report(&results),
        Format::Json => report::comparison_json(&compared, percent, outcome.exit_code()),
    })?;
    Ok(outcome)
}

/// What the archive holds of a tenant, and claims about its threads.
struct Archived {
    tenant: ArchivedTenant,
    row: Option<TenantRow>,
    /// The time before which every message is archived that the tenant's selection covers.
    known_until: Option<Timestamp>,
}

/// Reads what the archive holds of each tenant. No connection to it stays open.
fn read_archived(config: &Config, tenants: &[&TenantConfig], rules: Rules) -> Result<Vec<Archived>, Failure> {
    let path = &config.archive.path;
    let failed = |error| Failure::archive(&error, path);
    let reader = Reader::open(path).map_err(failed)?;
    reader.check_scheme(path, rules.scheme).map_err(failed)?;
    let read = |tenant: &&TenantConfig| {
        let platform = tenant.platform;
        let row = reader.tenant_row_of(platform.name, tenant.workspace_id)?;
        let fingerprint = connect::selection(tenant).fingerprint(platform);
        let known_until = row.map_or(Ok(None), |row| reader.threads_known_until(row, &fingerprint))?;
        Ok(Archived { tenant: ArchivedTenant::read(&reader, tenant), row, known_until })
    };
    tenants.iter().map(|tenant| read(tenant).map_err(failed)).collect()
}

/// The comparison of one tenant.
struct TenantComparison<'a> {
    platform: &'a ConnectedPlatform<'a>,
    config: &'a Config,
    tenant: &'a TenantConfig,
    archived: &'a Archived,
    percent: f64,
    now: Timestamp,
    context: &'a CommandContext,
}

impl TenantComparison<'_> {
    /// Lists the tenant's channels and compares them.
    async fn run(&self, rules: Rules, stop: &StopFlag) -> Result<ComparedTenant, Failure> {
        let Some(row) = self.archived.row else {
            return Ok(self.failed(None, "never synced, so there is nothing to compare".to_owned()));
        };
        let facts = tokio::select! {
            facts = self.facts() => facts,
            () = stopped(stop) => return Ok(self.not_begun()),
        };
        let facts = match facts {
            Ok(facts) => facts,
            Err(error) if error.kind.ends_run() => {
                return Err(Failure::platform(&error, self.platform.config));
            }
            Err(error) => return Ok(self.failed(Some(error_cause(error.kind)), error.to_string())),
        };
        let plan = match self.plan(&facts) {
            Ok(plan) => plan,
            Err(error) => return Ok(self.failed(Some(Cause::Configuration), error)),
        };
        let path = &self.config.archive.path;
        let archive_failed = |error| Failure::archive(&error, path);
        let scratch = ScratchArchive::open(path, rules).map_err(archive_failed)?;
        let (targets, unread) = self.targets(&facts, &plan, row, &scratch).map_err(archive_failed)?;
        let names = self.names(&facts);
        let compared = self.compare(targets, scratch, stop).await?;
        Ok(ComparedTenant {
            name: self.tenant.name.clone(),
            platform: self.tenant.platform,
            workspace_id: self.tenant.workspace_id,
            names,
            comparison: compared,
            dead_letters: plan.dead_letters.len() as u64,
            new_channels: unread,
            unlisted_parents: facts.listings.iter().filter(|listing| listing.error.is_some()).count() as u64,
            unresolved: unresolved(&facts, &plan),
            unreadable: left_out(&plan, |reason| matches!(reason, LeftOutReason::BotLacks(_))),
            failure: None,
        })
    }

    /// The tenant of which nothing was compared, since the command was stopped before.
    fn not_begun(&self) -> ComparedTenant {
        let comparison = Comparison { was_stopped: true, ..Comparison::default() };
        ComparedTenant { comparison, failure: None, ..self.failed(None, String::new()) }
    }

    fn failed(&self, cause: Option<Cause>, error: String) -> ComparedTenant {
        ComparedTenant {
            name: self.tenant.name.clone(),
            platform: self.tenant.platform,
            workspace_id: self.tenant.workspace_id,
            names: HashMap::new(),
            comparison: Comparison::default(),
            dead_letters: 0,
            new_channels: 0,
            unlisted_parents: 0,
            unresolved: 0,
            unreadable: 0,
            failure: Some((cause, error)),
        }
    }

    /// The workspace's channels; with 100 %, with every archived thread.
    async fn facts(&self) -> Result<Facts, PlatformError> {
        let monitor: Arc<dyn Monitor> = Arc::new(NoMonitor);
        let (adapter, workspace) = (&self.platform.adapter, self.tenant.workspace_id);
        let mut facts = discover(adapter, workspace, &monitor).await?;
        let knowledge = ThreadKnowledge {
            known: &self.archived.tenant.known,
            known_until: self.archived.known_until.filter(|_| self.config.sync.server_search),
            lists_all: self.is_whole(),
            now: self.now,
        };
        discover_archived(adapter, &mut facts, knowledge, &monitor).await?;
        Ok(facts)
    }

    fn is_whole(&self) -> bool {
        self.percent >= 100.0
    }

    /// Every channel that the configuration selects.
    fn plan(&self, facts: &Facts) -> Result<Plan, String> {
        let ArchivedTenant { known, exclusions, .. } = &self.archived.tenant;
        let scrubber = self.platform.scrubber();
        let selection = plan::selection(self.tenant, facts, known, exclusions.clone(), scrubber)?;
        let selection = Selection { full: true, ..selection };
        Ok(build(self.platform.adapter.as_ref(), facts, known, &selection, self.now))
    }

    /// The channels to compare, and the number of channels that are new.
    fn targets(
        &self,
        facts: &Facts,
        plan: &Plan,
        tenant: TenantRow,
        scratch: &ScratchArchive,
    ) -> Result<(Vec<Target>, u64), ArchiveError> {
        let listed: HashMap<ChannelId, &Channel> =
            facts.channels.iter().map(|channel| (channel.id, channel)).collect();
        let times = self.platform.adapter.as_ref();
        let (mut targets, mut unread) = (Vec::new(), 0);
        for read in &plan.reads {
            let known = self.archived.tenant.known.get(&read.channel.id).map(Box::as_ref);
            let channel = listed.get(&read.channel.id).copied();
            let parent = channel.and_then(|channel| channel.parent_id);
            let known_parent = parent.and_then(|id| self.archived.tenant.known.get(&id)).map(Box::as_ref);
            let created_at = read.channel.created_at;
            let known_until = self.archived.known_until;
            let claim = compare::claim(times, known, known_parent, created_at, known_until);
            if claim.is_none() {
                // An empty channel is archived as one.
                unread += u64::from(known.is_none_or(|known| known.checkpoint.is_new()));
                continue;
            }
            let thread = channel.and_then(|channel| channel.thread.as_ref());
            let checkpoint = known.map(|known| &known.checkpoint);
            let refreshed_at = checkpoint.and_then(|checkpoint| checkpoint.refreshed_at);
            targets.push(Target {
                channel: read.channel.id,
                row: scratch.channel(tenant, read.channel.id)?,
                after: checkpoint
                    .map_or(self.tenant.since, |checkpoint| checkpoint.since)
                    .and_then(|since| times.id_before(since)),
                until: claim,
                announced: read.channel.last_message_id,
                followed_from: refreshed_at
                    .map_or(self.now, |at| at.min(self.now))
                    .earlier(self.tenant.refresh_window),
                messages_sent: thread.and_then(|thread| thread.messages_sent),
                message_count: thread.and_then(|thread| thread.message_count),
            });
        }
        Ok((targets, unread))
    }

    async fn compare(
        &self,
        targets: Vec<Target>,
        scratch: ScratchArchive,
        stop: &StopFlag,
    ) -> Result<Comparison, Failure> {
        let settings = Settings {
            adapter: Arc::clone(&self.platform.adapter),
            scrubber: self.platform.scrubber(),
            monitor: Arc::new(NoMonitor),
            workspace: self.tenant.workspace_id,
            reactions: self.tenant.reactions,
            share: self.percent / 100.0,
            page_size: self.config.sync.message_fetch_size,
            max_channels: self.config.sync.max_channel_workers,
            uses_search: self.config.sync.server_search,
            now: self.now,
        };
        let mut line = StatusLine::new(self.context);
        let compared = compare::compare(settings, scratch, targets, &mut |progress| {
            line.show(|| progress_line(&self.tenant.name, progress));
            stop.received().is_none()
        })
        .await;
        line.clear();
        compared.map_err(|error| match error {
            CompareError::Platform(error) => Failure::platform(&error, self.platform.config),
            CompareError::Archive(error) => Failure::archive(&error, &self.config.archive.path),
        })
    }

    fn names(&self, facts: &Facts) -> HashMap<ChannelId, String> {
        let scrubber = self.platform.scrubber();
        let listed = facts.channels.iter().chain(&facts.remembered);
        listed
            .map(|channel| {
                let name = scrubber.redact_all(&channel.name);
                (channel.id, report::terminal_safe(&name, NAME_WIDTH))
            })
            .collect()
    }
}

/// Channels and threads of which the platform's answers don't say what they are.
fn unresolved(facts: &Facts, plan: &Plan) -> u64 {
    let malformed = left_out(plan, |reason| *reason == LeftOutReason::Unreadable);
    let lookups = facts.inconclusive.len() + facts.postponed.len();
    lookups as u64 + u64::from(facts.active_threads_error.is_some()) + malformed
}

fn left_out(plan: &Plan, is_for: impl Fn(&LeftOutReason) -> bool) -> u64 {
    plan.left_out.iter().filter(|left_out| is_for(&left_out.reason)).count() as u64
}

/// Waits for a signal.
async fn stopped(stop: &StopFlag) {
    while stop.received().is_none() {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn progress_line(tenant: &str, progress: CompareProgress) -> String {
    let CompareProgress { channels, total, pages, differences } = progress;
    let pages = with_noun(pages, "page");
    let differences = with_noun(differences, "difference");
    format!("{tenant}: {channels} of {total} channels compared, {pages}, {differences}")
}

/// Records the comparison in the audit log, or says why that is not possible. No connection
/// to the archive is open.
fn record(config: &Config, context: &CommandContext, compared: &[ComparedTenant], percent: f64) {
    let count = |class| compared.iter().map(|tenant| tenant.count(class)).sum::<u64>();
    let details = serde_json::json!({
        "percent": percent,
        "tenants": compared.iter().map(|tenant| tenant.name.as_str()).collect::<Vec<_>>(),
        "messages": compared.iter().map(ComparedTenant::messages).sum::<u64>(),
        "fault": count(DifferenceClass::Fault),
        "young": count(DifferenceClass::Young),
        "aged": count(DifferenceClass::Aged),
    });
    let recorded = annotate(config, context, details);
    if let Err(failure) = recorded {
        let notice = format!("the audit log does not show this comparison: {}", failure.parts().0);
        context.message_sink().warn(&notice, to_stderr);
    }
}

fn annotate(config: &Config, context: &CommandContext, details: serde_json::Value) -> Result<(), Failure> {
    let file = context.archive_file(&config.archive)?;
    let change =
        move |tx: &mut Tx<'_>, now| audit::record(tx, "messages_compared", None, None, Some(&details), now);
    match Lock::take(&file, "check", None, CommandContext::now()) {
        Ok(lock) => file.annotate(Some(&lock), change),
        // Another program's lock doesn't keep this one from adding an entry.
        Err(LockError::Held(_)) => file.annotate(None, change),
        Err(error) => return Err(Failure::lock(error, &file.path)),
    }
    .map_err(|error| Failure::archive(&error, &file.path))
}

/// The outcome of the tenant, and the results to print.
fn verdict(compared: &ComparedTenant) -> (JobStatus, Option<Cause>, Vec<CheckResult>) {
    let results = report::comparison_results(compared);
    match &compared.failure {
        Some((cause, _)) => (JobStatus::Failed, *cause, results),
        None if compared.is_incomplete() => (JobStatus::Partial, None, results),
        None => (JobStatus::Completed, None, results),
    }
}
