//! `verta-sync plan`: what a sync would do.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hashbrown::HashMap;

use super::connect::Connected;
use super::outcome::SyncOutcome;
use super::surroundings::{READING_TIME, runtime};
use super::{Failure, Format, Outcome, Surroundings, connect, print_result};
use crate::anonymize::Scrubber;
use crate::archive::{ArchiveError, ArchiveErrorKind, Reader};
use crate::config::{Config, Overrides, PlatformConfig, TenantConfig};
use crate::model::{Cause, ChannelId, ChannelState, JobStatus, KnownChannels, ReactionMode, Timestamp};
use crate::monitor::{Counter, Event, Monitor};
use crate::plan::{
    Bounds, Exclusions, Facts, Plan, Selection, build, discover, discover_archived, unmatched,
};
use crate::platform::{PlatformAdapter, PlatformError};
use crate::report::{self, PlannedTenant};
use crate::sync::{TenantOutcome, cause_of, unresolved_exclusion};

/// Show what a sync would do: channels, reasons, requests; writes nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: verta-sync plan --tenant takaro")]
pub struct PlanArgs {
    /// Plan only this tenant; may be given more than once [default: all]
    #[arg(long = "tenant", value_name = "NAME")]
    pub tenants: Vec<String>,
    /// How results are written to stdout
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

/// Shows what a sync would do; writes nothing.
///
/// # Errors
/// When configuration, archive or platform can't be read.
pub fn run(args: &PlanArgs, around: &Surroundings) -> Result<Outcome, Failure> {
    around.start_log(io::stderr);
    let config = around.load_config(&Overrides::default())?;
    let tenants = config.tenants_named(&args.tenants)?;
    let tokens = connect::tokens(&config, &tenants, around)?;
    let archived = archived(&config, &tenants)?;
    let counter = Arc::new(Requests::default());
    let planned = runtime()?.block_on(async {
        let connected = connect::connect(&config, &tokens, around)?;
        let now = connect::server_time(&connected, counter.as_ref()).await?;
        let mut planned = Vec::new();
        for (tenant, archived) in tenants.into_iter().zip(archived) {
            let Connected { config: section, adapter } = connect::of(&connected, tenant);
            let asking = Asking { platform: adapter, section, config: &config, counter: &counter };
            planned.push(asking.plan(tenant, archived, now).await?);
        }
        Ok::<_, Failure>(planned)
    })?;
    let text = match args.format {
        Format::Human => report::plan(&planned),
        Format::Json => format!("{}\n", report::plan_json(&planned)),
    };
    print_result(&text)?;
    let tenants = planned.iter().map(foreseen).collect();
    Ok(Outcome::Sync(SyncOutcome { tenants, ..SyncOutcome::default() }))
}

/// What the archive knows of each tenant. It is read before the network is asked,
/// on a thread that may block.
fn archived(config: &Config, tenants: &[&TenantConfig]) -> Result<Vec<Archived>, Failure> {
    let path = &config.archive.path;
    let failed = |error| Failure::archive(&error, path);
    let reader = match Reader::open_for(path, READING_TIME) {
        Ok(reader) => reader,
        // There is none before the first sync.
        Err(error) if error.kind == ArchiveErrorKind::Missing => {
            return Ok(tenants.iter().map(|_| Archived::default()).collect());
        }
        Err(error) => return Err(failed(error)),
    };
    tenants.iter().map(|tenant| Archived::read(&reader, tenant).map_err(failed)).collect()
}

/// What the archive knows of a tenant.
#[derive(Default)]
struct Archived {
    known: KnownChannels,
    /// What names of `exclude_channels` resolved to.
    exclusions: HashMap<String, Vec<ChannelId>>,
    /// Reactions whose users are still to be read, if they are wanted.
    reactions_pending: u64,
}

impl Archived {
    fn read(reader: &Reader, tenant: &TenantConfig) -> Result<Self, ArchiveError> {
        let platform = tenant.platform.name;
        let known = reader.known_channels(platform, tenant.workspace_id)?;
        let Some(row) = reader.tenant_row_of(platform, tenant.workspace_id)? else {
            return Ok(Self { known, ..Self::default() });
        };
        let names: Vec<String> = connect::selection(tenant).excluded_names().map(str::to_owned).collect();
        let reactions_pending = match tenant.reactions {
            ReactionMode::Users => reader.reactions_pending(row)?,
            _ => 0,
        };
        Ok(Self { known, exclusions: reader.exclusions(row, &names)?, reactions_pending })
    }
}

/// How a sync of the tenant would end that meets the same.
fn foreseen(tenant: &PlannedTenant) -> TenantOutcome {
    let (status, cause) = match &tenant.plan {
        Ok(plan) if plan.wanted == 0 => (JobStatus::Partial, None),
        Ok(_) => (JobStatus::Completed, None),
        Err((cause, _)) => (JobStatus::Failed, Some(*cause)),
    };
    TenantOutcome { status, cause, unknown_channels: Vec::new(), archived_something: tenant.plan.is_ok() }
}

/// What is needed to plan a tenant.
struct Asking<'a> {
    platform: &'a Arc<dyn PlatformAdapter>,
    section: &'a PlatformConfig,
    config: &'a Config,
    counter: &'a Arc<Requests>,
}

impl Asking<'_> {
    fn scrubber(&self) -> Scrubber {
        Scrubber::new(self.platform.spec())
    }

    async fn plan(
        &self,
        tenant: &TenantConfig,
        archived: Archived,
        now: Timestamp,
    ) -> Result<PlannedTenant, Failure> {
        let Archived { known, exclusions, reactions_pending } = archived;
        let before = self.counter.sum();
        let facts = match self.facts(tenant, &known, now).await {
            Ok(facts) => facts,
            Err(error) if error.kind.ends_run() => {
                return Err(Failure::platform(&error, self.section));
            }
            Err(error) => return Ok(planned(tenant, Err((cause_of(error.kind), error.to_string())))),
        };
        let selection = match selection(tenant, &facts, &known, exclusions) {
            Ok(selection) => selection,
            Err(error) => return Ok(planned(tenant, Err((Cause::Configuration, error)))),
        };
        let plan = build(self.platform.as_ref(), &facts, &known, &selection, now);
        let expected = plan.expected(reactions_pending, self.bounds());
        Ok(PlannedTenant {
            names: names(&facts, &known, self.scrubber()),
            unmatched: unmatched(
                tenant.platform,
                &tenant.include_channels,
                &tenant.exclude_channels,
                &named(&facts),
                |text| self.scrubber().sayable(text),
            ),
            reactions_pending,
            reaction_budget: self.reaction_budget(tenant),
            listing_requests: self.counter.sum() - before,
            starts: starts(self.platform.as_ref(), &plan),
            expected: Some(expected),
            ..planned(tenant, Ok(plan))
        })
    }

    async fn facts(
        &self,
        tenant: &TenantConfig,
        known: &KnownChannels,
        now: Timestamp,
    ) -> Result<Facts, PlatformError> {
        let monitor: Arc<dyn Monitor> = Arc::clone(self.counter) as Arc<dyn Monitor>;
        let mut facts = discover(self.platform, tenant.workspace_id, &monitor).await?;
        discover_archived(self.platform, &mut facts, known, false, now, &monitor).await?;
        Ok(facts)
    }

    fn reaction_budget(&self, tenant: &TenantConfig) -> Option<Duration> {
        let budget = self.config.sync.reaction_budget;
        (tenant.reactions == ReactionMode::Users && !budget.is_zero()).then_some(budget)
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            page_size: self.config.sync.message_fetch_size.min(self.platform.max_page()),
            requests_per_second: self.section.requests_per_second,
            channel_pages_per_second: self.platform.channel_pages_per_second(),
        }
    }
}

/// What is wanted, or why nothing is read before the configuration is corrected.
fn selection(
    tenant: &TenantConfig,
    facts: &Facts,
    known: &KnownChannels,
    remembered: HashMap<String, Vec<ChannelId>>,
) -> Result<Selection, String> {
    let selection = connect::selection(tenant);
    let exclusions = Exclusions::of(&selection, facts, known, &remembered);
    if let Some(name) = exclusions.unresolved.first() {
        return Err(unresolved_exclusion(name, facts, Scrubber::new(tenant.platform)));
    }
    Ok(Selection { excluded: remembered.into_values().flatten().collect(), ..selection })
}

fn planned(tenant: &TenantConfig, plan: Result<Plan, (Cause, String)>) -> PlannedTenant {
    PlannedTenant {
        name: tenant.name.clone(),
        platform: tenant.platform,
        workspace_id: tenant.workspace_id,
        plan,
        names: HashMap::new(),
        starts: HashMap::new(),
        unmatched: Vec::new(),
        reactions_pending: 0,
        reaction_budget: None,
        listing_requests: 0,
        expected: None,
    }
}

/// Every channel there is, with its name as it is now.
fn named(facts: &Facts) -> Vec<(ChannelId, &str)> {
    let channels = facts.channels.iter().chain(&facts.remembered);
    channels.map(|channel| (channel.id, channel.name.as_str())).collect()
}

/// Names as people may see them: what the archive has, or without anything that
/// could be somebody's ID.
fn names(facts: &Facts, known: &KnownChannels, scrubber: Scrubber) -> HashMap<ChannelId, String> {
    let listed = facts.channels.iter().chain(&facts.remembered).map(|channel| {
        let public = scrubber.channel(channel.clone(), ChannelState::Active);
        (channel.id, public.name.resolve(|_| true).into_owned())
    });
    let archived = known.values().map(|channel| (channel.id, channel.name.clone()));
    listed.chain(archived).collect()
}

/// When the first message that is read may have been sent.
fn starts(platform: &dyn PlatformAdapter, plan: &Plan) -> HashMap<ChannelId, Timestamp> {
    let start = |read: &crate::plan::ChannelPlan| {
        let after = read.backfill.map_or(read.after, |backfill| backfill.after);
        after.map_or(read.channel.created_at, |after| platform.sent_at(after))
    };
    plan.reads.iter().map(|read| (read.channel.id, start(read))).collect()
}

/// Counts requests.
#[derive(Debug, Default)]
struct Requests(AtomicU64);

impl Requests {
    fn sum(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Monitor for Requests {
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
