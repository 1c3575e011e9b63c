//! `verta-sync check`: whether a sync would work, step by step, and whether the
//! archive keeps its promise of privacy.

mod place;
mod steps;

use std::io;
use std::path::Path;
use std::sync::Arc;

use hashbrown::HashMap;

use self::steps::Steps;
use super::connect::Connected;
use super::surroundings::runtime;
use super::{Failure, FailureKind, Outcome, Surroundings, connect, print_result, written};
use crate::anonymize::{Exposure, Scrubber};
use crate::archive::Reader;
use crate::archive::health::Leak;
use crate::config::{Config, Overrides, TenantConfig, TokenSource};
use crate::model::{
    BotIdentity, Cause, ChannelId, ChannelKind, ChannelState, Finding as Incomplete, FindingKind, JobStatus,
    KnownChannel, KnownChannels, PlatformSpec, Platforms, Timestamp,
};
use crate::monitor::{Monitor, Silent};
use crate::plan::{
    Exclusions, Facts, LeftOut, LeftOutReason, Plan, Selection, Unmatched, build, discover, unmatched,
};
use crate::platform::{ErrorKind, PlatformAdapter};
use crate::report::{self, Finding, Mark, counted};
use crate::sync::{cause_of, unresolved_exclusion};
use crate::ui::Output;

/// Most channels that are named for one missing permission.
const NAMED_CHANNELS: usize = 5;

/// Room for a channel's name.
const NAME_WIDTH: usize = 32;

/// Check everything a sync needs: configuration, archive, token, bot, rights
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: verta-sync check && verta-sync start")]
pub struct CheckArgs {
    /// Check only this tenant; may be given more than once [default: all]
    #[arg(long = "tenant", value_name = "NAME")]
    pub tenants: Vec<String>,
    /// Sweep the whole archive for raw user IDs instead, whatever --tenant says
    #[arg(long)]
    pub privacy: bool,
}

/// Looks at everything a sync needs, or with `--privacy` at every text of the
/// archive.
///
/// # Errors
/// When the configuration can't be used.
pub fn run(args: &CheckArgs, around: &Surroundings) -> Result<Outcome, Failure> {
    around.start_log(io::stderr);
    let config = around.load_config(&Overrides::default())?;
    let tenants = config.tenants_named(&args.tenants)?;
    if args.privacy {
        return sweep(&config.archive.path, around.registry.specs);
    }
    let mut steps = Steps::default();
    steps.note(Finding::good(format!("configuration: {}", counted(config.tenants.len() as u64, "tenant"))));
    place::look(&config.archive.path, &mut steps);
    for section in connect::used(&config, &tenants) {
        match section.read_token(&around.env) {
            Ok(token) => {
                steps.note(found(&section.token(), around));
                let there = tenants.iter().copied().filter(|tenant| tenant.platform == section.spec);
                let there = with_archived(&config, &there.collect::<Vec<_>>());
                runtime()?.block_on(async {
                    let connected = connect::connect(&config, &[(section, token)], around)?;
                    for platform in &connected {
                        online(platform, &there, &mut steps).await;
                    }
                    Ok::<_, Failure>(())
                })?;
            }
            Err(error) => {
                let finding = Finding::bad("token: none", format!("failed to {error}"));
                steps.fail(Failure::from(error).kind, finding);
            }
        }
    }
    print_result(&report::findings(steps.findings()))?;
    Ok(steps.outcome())
}

fn found(token: &TokenSource, around: &Surroundings) -> Finding {
    if token.is_world_readable(&around.env) {
        let text = format!("token: found in {token}, which every user of this machine may read");
        return Finding::notable(text, "let only its owner read it (chmod 600)");
    }
    Finding::good(format!("token: found in {token}"))
}

/// The tenants, and what the archive knows of them. It is read before the network is
/// asked, on a thread that may block.
fn with_archived<'a>(config: &Config, tenants: &[&'a TenantConfig]) -> Vec<(&'a TenantConfig, Archived)> {
    let reader = Reader::open(&config.archive.path).ok();
    let archived = |tenant| reader.as_ref().map(|reader| Archived::of(reader, tenant)).unwrap_or_default();
    tenants.iter().map(|tenant| (*tenant, archived(tenant))).collect()
}

async fn online(platform: &Connected<'_>, tenants: &[(&TenantConfig, Archived)], steps: &mut Steps) {
    let Connected { config, adapter } = platform;
    let identity = match adapter.identity(&Silent).await {
        Ok(identity) => identity,
        Err(error) => {
            steps.failed("bot", &Failure::platform(&error, config));
            return;
        }
    };
    account(&identity, config.spec, steps);
    for (tenant, archived) in tenants {
        let (status, cause, findings) = server(adapter, tenant, &identity, archived).await;
        steps.tenant(status, cause, findings);
    }
}

fn account(identity: &BotIdentity, spec: &PlatformSpec, steps: &mut Steps) {
    steps.note(Finding::good("bot: the token is accepted"));
    match identity.reads_content {
        Some(true) => steps.note(Finding::good(format!("intent: {} is on", spec.content_right))),
        Some(false) => {
            let kind = FailureKind::Sync(Cause::ContentIntentOff);
            let failure = Failure::new(kind, format!("{} is off", spec.content_right));
            steps.failed("intent", &failure.on_platform(spec));
        }
        None => steps.note(Finding::notable(
            "intent: the server doesn't say whether messages come with content",
            report::platform_hint(spec, Cause::ContentIntentOff).unwrap_or_default(),
        )),
    }
    let Some(there) = identity.server_time else { return };
    let here = Surroundings::now();
    let difference = here.since(there).max(there.since(here));
    let text = format!("clock: {} apart from {}'s", report::duration(difference), spec.title);
    let finding = if difference > connect::CLOCK_TOLERANCE {
        let remedy = "set this machine's clock, for example with NTP; a sync goes by";
        Finding::notable(text, format!("{remedy} {}'s", spec.title))
    } else {
        Finding::good(text)
    };
    steps.note(finding);
}

/// What the archive knows of a tenant.
#[derive(Default)]
struct Archived {
    known: KnownChannels,
    /// What names of `exclude_channels` resolved to.
    exclusions: HashMap<String, Vec<ChannelId>>,
    findings: Vec<Incomplete>,
}

impl Archived {
    /// What can't be read is not known.
    fn of(reader: &Reader, tenant: &TenantConfig) -> Self {
        let platform = tenant.platform.name;
        let Some(row) = reader.tenant_row_of(platform, tenant.workspace_id).ok().flatten() else {
            return Self::default();
        };
        let names: Vec<String> = connect::selection(tenant).excluded_names().map(str::to_owned).collect();
        Self {
            known: reader.known_channels(platform, tenant.workspace_id).unwrap_or_default(),
            exclusions: reader.exclusions(row, &names).unwrap_or_default(),
            findings: reader.findings(row).unwrap_or_default(),
        }
    }

    /// Channels, threads apart, that were there and that a listing leaves out.
    fn left_out(&self, facts: &Facts) -> Vec<&KnownChannel> {
        let is_listed = |id: ChannelId| facts.channels.iter().any(|channel| channel.id == id);
        let was_there = |channel: &&KnownChannel| {
            !matches!(channel.state, ChannelState::Hidden | ChannelState::Deleted)
                && !channel.kind.is_thread()
                && channel.kind != ChannelKind::Category
        };
        let mut left_out: Vec<&KnownChannel> = self
            .known
            .values()
            .map(Box::as_ref)
            .filter(was_there)
            .filter(|channel| !is_listed(channel.id))
            .collect();
        left_out.sort_by_key(|channel| channel.id);
        left_out
    }

    fn is_known(&self, channel: &KnownChannel, now: Timestamp) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|finding| finding.channel == Some(channel.id) && finding.is_known(now))
    }
}

async fn server(
    platform: &Arc<dyn PlatformAdapter>,
    tenant: &TenantConfig,
    identity: &BotIdentity,
    archived: &Archived,
) -> (JobStatus, Option<Cause>, Vec<Finding>) {
    let monitor: Arc<dyn Monitor> = Arc::new(Silent);
    let facts = match discover(platform, tenant.workspace_id, &monitor).await {
        Ok(facts) => facts,
        Err(error) => {
            let cause = cause_of(error.kind);
            let hint = report::platform_hint(tenant.platform, cause).unwrap_or("run again later");
            let invite = identity.invite_url.as_ref().filter(|_| error.kind == ErrorKind::NotInWorkspace);
            let remedy =
                invite.map_or_else(|| hint.to_owned(), |url| format!("{hint}; invite it here: {url}"));
            let finding = Finding::bad(format!("{}: {error}", tenant.name), remedy);
            return (JobStatus::Failed, Some(cause), vec![finding]);
        }
    };
    let now = identity.server_time.unwrap_or_else(Surroundings::now);
    let plan = plan(platform, tenant, archived, &facts, now);
    let scrubber = Scrubber::new(platform.spec());
    let mut findings = vec![readable(tenant, &facts, &plan)];
    findings.extend(out_of_sight(tenant, archived, &facts, now));
    findings.extend(archived.findings.iter().filter_map(|finding| incomplete(tenant, finding, now)));
    findings.extend(unmatched_entries(tenant, &facts, &archived.known, scrubber));
    findings.extend(missing_rights(tenant, &plan.left_out, identity, scrubber));
    let is_bad = findings.iter().any(|finding| finding.mark == Mark::Bad);
    if let Some(finding) = unresolved(tenant, archived, &facts, scrubber) {
        findings.push(finding);
        return (JobStatus::Failed, Some(Cause::Configuration), findings);
    }
    (if is_bad { JobStatus::Partial } else { JobStatus::Completed }, None, findings)
}

/// How many channels can be read. None is no success.
fn readable(tenant: &TenantConfig, facts: &Facts, plan: &Plan) -> Finding {
    let channels = counted(plan.reads.len() as u64, "channel");
    let threads = match facts.active_unlisted {
        None => "active threads included",
        Some(_) => "threads not counted: the server doesn't list active ones",
    };
    let left_out = plan.left_out.len();
    let text = format!(
        "{}: {channels} can be read, {threads}, {left_out} left out (verta-sync plan says why)",
        tenant.name
    );
    if plan.wanted > 0 {
        return Finding::good(text);
    }
    Finding::bad(text, report::platform_hint(tenant.platform, Cause::NoChannels).unwrap_or_default())
}

/// Channels that were archived and that no listing names any more. Those for which
/// this is known keep no sync from being a success, unless it is all of them.
fn out_of_sight(
    tenant: &TenantConfig,
    archived: &Archived,
    facts: &Facts,
    now: Timestamp,
) -> Option<Finding> {
    let left_out = archived.left_out(facts);
    if left_out.is_empty() {
        return None;
    }
    let names: Vec<String> = left_out
        .iter()
        .take(NAMED_CHANNELS)
        .map(|channel| named(tenant, &channel.name, channel.id))
        .collect();
    let more = left_out.len().saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let count = counted(left_out.len() as u64, "channel");
    let text = format!(
        "{}: the server lists {count} no more that the archive knows: {}{more}; each was closed to @everyone or deleted, or the bot's role lost View Channel",
        tenant.name,
        names.join(", ")
    );
    let is_known = left_out.iter().all(|channel| archived.is_known(channel, now));
    let is_all = !facts.channels.iter().any(|channel| archived.known.contains_key(&channel.id));
    let remedy = report::platform_hint(tenant.platform, Cause::Vanished).unwrap_or_default();
    Some(if is_known && !is_all { Finding::notable(text, remedy) } else { Finding::bad(text, remedy) })
}

/// What the last runs found incomplete, but for channels that are out of sight.
fn incomplete(tenant: &TenantConfig, finding: &Incomplete, now: Timestamp) -> Option<Finding> {
    let is_told = matches!(
        finding.kind,
        FindingKind::VanishedChannel | FindingKind::EveryChannelVanished | FindingKind::NoChannels
    );
    if is_told {
        return None;
    }
    let text = format!("{}: {} (since {})", tenant.name, finding.text(), report::clock(finding.since));
    let remedy = report::platform_hint(tenant.platform, finding.kind.cause()).unwrap_or_default();
    Some(if finding.is_known(now) { Finding::notable(text, remedy) } else { Finding::bad(text, remedy) })
}

/// A name of `exclude_channels` that never resolved: nothing is read before it is
/// corrected. It may be an archived thread's, which is not listed here.
fn unresolved(
    tenant: &TenantConfig,
    archived: &Archived,
    facts: &Facts,
    scrubber: Scrubber,
) -> Option<Finding> {
    let selection = connect::selection(tenant);
    let exclusions = Exclusions::of(&selection, facts, &archived.known, &archived.exclusions);
    let name = exclusions.unresolved.first()?;
    let text = format!("{}: {}", tenant.name, unresolved_exclusion(name, facts, scrubber));
    Some(Finding::bad(text, report::platform_hint(tenant.platform, Cause::Configuration).unwrap_or_default()))
}

fn plan(
    platform: &Arc<dyn PlatformAdapter>,
    tenant: &TenantConfig,
    archived: &Archived,
    facts: &Facts,
    now: Timestamp,
) -> Plan {
    let excluded = archived.exclusions.values().flatten().copied().collect();
    let selection = Selection { excluded, ..connect::selection(tenant) };
    build(platform.as_ref(), facts, &HashMap::new(), &selection, now)
}

/// Entries of the tenant's lists that match neither a channel nor a thread that
/// is active or known.
fn unmatched_entries(
    tenant: &TenantConfig,
    facts: &Facts,
    known: &KnownChannels,
    scrubber: Scrubber,
) -> Vec<Finding> {
    let listed = facts.channels.iter().map(|channel| (channel.id, channel.name.as_str()));
    let threads =
        known.values().filter(|known| known.kind.is_thread() && known.state != ChannelState::Deleted);
    let threads = threads.map(|thread| (thread.id, thread.name.as_str()));
    let channels: Vec<(ChannelId, &str)> = listed.chain(threads).collect();
    let finding = |unmatched: Unmatched| {
        Finding::notable(format!("{}: {}", tenant.name, unmatched.problem()), unmatched.remedy())
    };
    // Without an archive, an ID may be an archived thread's.
    let is_id = |text: &str| tenant.platform.ids.parse_channel(text).is_ok();
    let is_certain = |unmatched: &Unmatched| !known.is_empty() || !is_id(&unmatched.entry);
    unmatched(tenant.platform, &tenant.include_channels, &tenant.exclude_channels, &channels, |text| {
        scrubber.sayable(text)
    })
    .into_iter()
    .filter(is_certain)
    .map(finding)
    .collect()
}

fn invitation(identity: &BotIdentity) -> Option<String> {
    identity.invite_url.as_ref().map(|url| format!("invite it with the rights it needs: {url}"))
}

/// Public channels that the bot can't read, by what it lacks.
fn missing_rights(
    tenant: &TenantConfig,
    left_out: &[LeftOut],
    identity: &BotIdentity,
    scrubber: Scrubber,
) -> Vec<Finding> {
    let mut by_lack: Vec<(String, Vec<&LeftOut>)> = Vec::new();
    for channel in left_out {
        let LeftOutReason::BotLacks(lacks) = &channel.reason else { continue };
        let lacks = lacks.join(", ");
        match by_lack.iter_mut().find(|(known, _)| *known == lacks) {
            Some((_, channels)) => channels.push(channel),
            None => by_lack.push((lacks, vec![channel])),
        }
    }
    let finding = |(lacks, channels): (String, Vec<&LeftOut>)| {
        let name = |left_out: &&LeftOut| named(tenant, &scrubber.sayable(&left_out.name), left_out.channel);
        let mut names: Vec<String> = channels.iter().take(NAMED_CHANNELS).map(name).collect();
        if channels.len() > NAMED_CHANNELS {
            names.push(format!("{} more", channels.len() - NAMED_CHANNELS));
        }
        let count = counted(channels.len() as u64, "public channel");
        let text = format!("{}: the bot lacks {lacks} in {count}: {}", tenant.name, names.join(", "));
        let remedy = format!("give the bot's role {lacks} in the server's or the channel's settings");
        let mut finding = Finding::notable(text, remedy);
        finding.remedies.extend(invitation(identity));
        finding
    };
    by_lack.into_iter().map(finding).collect()
}

/// A channel by its name and its ID.
fn named(tenant: &TenantConfig, name: &str, channel: ChannelId) -> String {
    format!("#{} ({})", report::shown(name, NAME_WIDTH), tenant.platform.channel_text(channel))
}

/// Every text of the archive; says where somebody's ID stands, never the ID.
fn sweep(path: &Path, platforms: Platforms) -> Result<Outcome, Failure> {
    let failed = |error| Failure::archive(&error, path);
    let reader = Reader::open(path).map_err(failed)?;
    let output = Output::default();
    let mut leaks = 0_u64;
    let texts = reader
        .sweep(platforms, |leak| {
            leaks += 1;
            output.write(&format!("{}\n", told(&leak)));
        })
        .map_err(failed)?;
    let looked_at = counted(texts, "text");
    if leaks == 0 {
        print_result(&format!("✓ privacy: no raw user ID in {looked_at}\n"))?;
        return Ok(Outcome::Done);
    }
    let remedy = if reader.awaits_sweep().map_err(failed)? {
        "an older version wrote these texts: run \"verta-sync start\", which scrubs every text once"
    } else {
        "run \"verta-sync start --full\", which scrubs every text again, and please report this"
    };
    output.write(&format!("✗ privacy: a raw user ID in {leaks} of {looked_at}\n    → {remedy}\n"));
    written(output.finish())?;
    Ok(Outcome::RawIdsFound)
}

fn told(leak: &Leak) -> String {
    let how = match leak.exposure {
        Exposure::Mention => "a mention or profile address holds a raw ID",
        Exposure::Picture => "an address of a person's profile or picture still has its path",
        Exposure::Digits => "bare digits, perhaps in disguise, are a known user's ID",
    };
    format!("✗ {}.{}, {}: {how}", leak.table, leak.column, leak.place)
}
