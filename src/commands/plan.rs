//! `verta-sync plan`: shows what a sync would do. Reads only.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hashbrown::HashMap;

use super::command_context::{QUERY_BUDGET, runtime};
use super::connect::ConnectedPlatform;
use super::outcome::SyncOutcome;
use super::{CommandContext, Failure, Format, Outcome, connect, print_result, system};
use crate::anonymize::Scrubber;
use crate::archive::{ArchiveError, ArchiveErrorKind, Reader};
use crate::config::{Config, Overrides, TenantConfig};
use crate::model::{Cause, ChannelId, ChannelState, JobStatus, KnownChannels, ReactionMode, Timestamp};
use crate::monitor::{Counter, Event, Monitor};
use crate::plan::{
    Exclusions, Facts, Plan, Selection, SpeedLimits, ThreadKnowledge, build, discover, discover_archived,
    unmatched,
};
use crate::platform::{PlatformAdapter, PlatformError};
use crate::report::{self, PlannedTenant, Report};
use crate::sync::{TenantOutcome, error_cause, unresolved_exclusion_error};

/// Show what a sync would do: channels, reasons and requests; writes nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: verta-sync plan --tenant takaro")]
pub struct PlanArgs {
    /// Plan only this tenant (repeatable) [default: all tenants]
    #[arg(long = "tenant", value_name = "NAME")]
    pub tenants: Vec<String>,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

/// Prints what a sync would do.
///
/// # Errors
/// Returns a [`Failure`] if the configuration, the archive or a platform can't be read,
/// or the result can't be written.
pub fn run(args: &PlanArgs, context: &CommandContext) -> Result<Outcome, Failure> {
    context.init_log(io::stderr);
    let config = context.load_config(&Overrides::default())?;
    let tenants = config.tenants_named(&args.tenants)?;
    let tokens = connect::read_tokens(&config, &tenants, context)?;
    let archived = read_archived(&config, &tenants)?;
    let counter = Arc::new(RequestCounter::default());
    let planned = runtime()?.block_on(async {
        let connected = connect::connect(&config, &tokens, context)?;
        let now = connect::server_time(&connected, counter.as_ref()).await?;
        let mut planned = Vec::new();
        for (tenant, archived) in tenants.into_iter().zip(archived) {
            let platform = connect::platform_of(&connected, tenant);
            let tenant_planner = TenantPlanner { platform, config: &config, counter: &counter };
            planned.push(tenant_planner.plan(tenant, archived, now).await?);
        }
        Ok::<_, Failure>(planned)
    })?;
    print_result(&match args.format {
        Format::Human => Report::ForPeople(report::plan(&planned, system::terminal_columns())),
        Format::Json => Report::ForPrograms(format!("{}\n", report::plan_json(&planned))),
    })?;
    let tenants = planned.iter().map(expected_outcome).collect();
    Ok(Outcome::Sync(SyncOutcome { tenants, ..SyncOutcome::default() }))
}

/// Reads what the archive knows of each tenant. Done before any request is sent, on a
/// thread that may block.
fn read_archived(config: &Config, tenants: &[&TenantConfig]) -> Result<Vec<ArchivedTenant>, Failure> {
    let path = &config.archive.path;
    let failed = |error| Failure::archive(&error, path);
    let reader = match Reader::open_with_budget(path, QUERY_BUDGET) {
        Ok(reader) => reader,
        // Before the first sync, there is no archive.
        Err(error) if error.kind == ArchiveErrorKind::Missing => {
            return Ok(tenants.iter().map(|_| ArchivedTenant::default()).collect());
        }
        Err(error) => return Err(failed(error)),
    };
    tenants.iter().map(|tenant| ArchivedTenant::read(&reader, tenant).map_err(failed)).collect()
}

/// What the archive knows of a tenant.
#[derive(Default)]
struct ArchivedTenant {
    known: KnownChannels,
    /// The time before which every message in a thread is known.
    known_until: Option<Timestamp>,
    /// The channels that each name in `exclude_channels` resolved to.
    exclusions: HashMap<String, Vec<ChannelId>>,
    /// Reactions with a pending reactor list; 0 unless `reactions = "users"`.
    pending_reactor_lists: u64,
}

impl ArchivedTenant {
    fn read(reader: &Reader, tenant: &TenantConfig) -> Result<Self, ArchiveError> {
        let platform = tenant.platform.name;
        let known = reader.known_channels(platform, tenant.workspace_id)?;
        let Some(row) = reader.tenant_row_of(platform, tenant.workspace_id)? else {
            return Ok(Self { known, ..Self::default() });
        };
        let names: Vec<String> = connect::selection(tenant).excluded_names().map(str::to_owned).collect();
        let pending_reactor_lists = match tenant.reactions {
            ReactionMode::Users => reader.pending_reactor_lists(row)?,
            _ => 0,
        };
        let fingerprint = connect::selection(tenant).fingerprint(tenant.platform);
        let known_until = reader.threads_known_until(row, &fingerprint)?;
        let exclusions = reader.exclusions(row, &names)?;
        Ok(Self { known, known_until, exclusions, pending_reactor_lists })
    }
}

/// The outcome of a sync that finds what the plan found.
fn expected_outcome(tenant: &PlannedTenant) -> TenantOutcome {
    let (status, cause) = match &tenant.plan {
        Ok(plan) if plan.wanted_channels == 0 => (JobStatus::Partial, None),
        Ok(_) => (JobStatus::Completed, None),
        Err((cause, _)) => (JobStatus::Failed, Some(*cause)),
    };
    TenantOutcome { status, cause, unknown_channels: Vec::new(), archived_something: tenant.plan.is_ok() }
}

/// Makes the plan of one tenant.
struct TenantPlanner<'a> {
    platform: &'a ConnectedPlatform<'a>,
    config: &'a Config,
    counter: &'a Arc<RequestCounter>,
}

impl TenantPlanner<'_> {
    async fn plan(
        &self,
        tenant: &TenantConfig,
        archived: ArchivedTenant,
        now: Timestamp,
    ) -> Result<PlannedTenant, Failure> {
        let ArchivedTenant { known, known_until, exclusions, pending_reactor_lists } = archived;
        let requests_before = self.counter.sum();
        let facts = match self.facts(tenant, (&known, known_until), now).await {
            Ok(facts) => facts,
            Err(error) if error.kind.ends_run() => {
                return Err(Failure::platform(&error, self.platform.config));
            }
            Err(error) => return Ok(planned(tenant, Err((error_cause(error.kind), error.to_string())))),
        };
        let selection = match selection(tenant, &facts, &known, exclusions, self.platform.scrubber()) {
            Ok(selection) => selection,
            Err(error) => return Ok(planned(tenant, Err((Cause::Configuration, error)))),
        };
        let plan = build(self.platform.adapter.as_ref(), &facts, &known, &selection, now);
        let expected = plan.expected(pending_reactor_lists, self.speed_limits());
        Ok(PlannedTenant {
            names: public_names(&facts, &known, self.platform.scrubber()),
            unmatched: unmatched(
                tenant.platform,
                &tenant.include_channels,
                &tenant.exclude_channels,
                &channel_names(&facts),
                |text| self.platform.scrubber().redact_all(text),
            ),
            pending_reactor_lists,
            reaction_budget: self.reaction_budget(tenant),
            listing_requests: self.counter.sum() - requests_before,
            start_times: start_times(self.platform.adapter.as_ref(), &plan),
            expected: Some(expected),
            ..planned(tenant, Ok(plan))
        })
    }

    async fn facts(
        &self,
        tenant: &TenantConfig,
        (known, known_until): (&KnownChannels, Option<Timestamp>),
        now: Timestamp,
    ) -> Result<Facts, PlatformError> {
        let monitor: Arc<dyn Monitor> = Arc::clone(self.counter) as Arc<dyn Monitor>;
        let mut facts = discover(&self.platform.adapter, tenant.workspace_id, &monitor).await?;
        let known_until = known_until.filter(|_| self.config.sync.server_search);
        let knowledge = ThreadKnowledge { known, known_until, lists_all: false, now };
        discover_archived(&self.platform.adapter, &mut facts, knowledge, &monitor).await?;
        Ok(facts)
    }

    fn reaction_budget(&self, tenant: &TenantConfig) -> Option<Duration> {
        let budget = self.config.sync.reaction_budget;
        (tenant.reactions == ReactionMode::Users && !budget.is_zero()).then_some(budget)
    }

    fn speed_limits(&self) -> SpeedLimits {
        SpeedLimits {
            page_size: self.config.sync.message_fetch_size.min(self.platform.adapter.max_page()),
            requests_per_second: self.platform.config.requests_per_second,
            channel_pages_per_second: self.platform.adapter.channel_pages_per_second(),
        }
    }
}

/// The tenant's selection, or an error message if a name in `exclude_channels` can't be
/// resolved. `resolved` has the names that earlier runs resolved.
pub(super) fn selection(
    tenant: &TenantConfig,
    facts: &Facts,
    known: &KnownChannels,
    resolved: HashMap<String, Vec<ChannelId>>,
    scrubber: Scrubber,
) -> Result<Selection, String> {
    let selection = connect::selection(tenant);
    let exclusions = Exclusions::of(&selection, facts, known, &resolved);
    if let Some(name) = exclusions.unresolved.first() {
        return Err(unresolved_exclusion_error(name, facts, scrubber));
    }
    Ok(Selection { excluded: resolved.into_values().flatten().collect(), ..selection })
}

fn planned(tenant: &TenantConfig, plan: Result<Plan, (Cause, String)>) -> PlannedTenant {
    PlannedTenant {
        name: tenant.name.clone(),
        platform: tenant.platform,
        workspace_id: tenant.workspace_id,
        plan,
        names: HashMap::new(),
        start_times: HashMap::new(),
        unmatched: Vec::new(),
        pending_reactor_lists: 0,
        reaction_budget: None,
        listing_requests: 0,
        expected: None,
    }
}

/// All channels of the workspace with their current names.
fn channel_names(facts: &Facts) -> Vec<(ChannelId, &str)> {
    let channels = facts.channels.iter().chain(&facts.remembered);
    channels.map(|channel| (channel.id, channel.name.as_str())).collect()
}

/// Channel names that may be printed: the archive's, or else the platform's with possible
/// user IDs scrubbed.
fn public_names(facts: &Facts, known: &KnownChannels, scrubber: Scrubber) -> HashMap<ChannelId, String> {
    let listed = facts.channels.iter().chain(&facts.remembered).map(|channel| {
        let public = scrubber.channel(channel.clone(), ChannelState::Active);
        (channel.id, public.name.resolve(|_| true).into_owned())
    });
    let archived = known.values().map(|channel| (channel.id, channel.name.clone()));
    listed.chain(archived).collect()
}

/// For each channel to read, the earliest time at which the first message to read may
/// have been sent.
fn start_times(platform: &dyn PlatformAdapter, plan: &Plan) -> HashMap<ChannelId, Timestamp> {
    let start = |read: &crate::plan::ChannelPlan| {
        let after = read.backfill.map_or(read.after, |backfill| backfill.after);
        after.map_or(read.channel.created_at, |after| platform.sent_at(after))
    };
    plan.reads.iter().map(|read| (read.channel.id, start(read))).collect()
}

/// Counts API requests and logs warnings.
#[derive(Debug, Default)]
struct RequestCounter(AtomicU64);

impl RequestCounter {
    fn sum(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Monitor for RequestCounter {
    fn count(&self, counter: Counter, amount: u64) {
        if counter == Counter::ApiCalls {
            self.0.fetch_add(amount, Ordering::Relaxed);
        }
    }

    fn event(&self, event: Event) {
        if let Event::Warning(warning) = event {
            tracing::warn!("{warning}");
        }
    }
}
