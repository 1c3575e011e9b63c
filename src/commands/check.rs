//! `verta-sync check`: checks step by step whether a sync would work; with `--privacy`,
//! whether the archive holds raw user IDs; with `--messages`, whether it agrees with the platform.

mod messages;
mod steps;
mod storage;

use std::io;
use std::path::Path;
use std::sync::Arc;

use hashbrown::HashMap;

use self::steps::Steps;
use super::command_context::{display_path, runtime};
use super::connect::ConnectedPlatform;
use super::{CommandContext, Failure, FailureKind, Format, Outcome, check_output, connect, print_result};
use crate::anonymize::{Exposure, Rules, Scrubber};
use crate::archive::Reader;
use crate::archive::health::Leak;
use crate::config::{Config, Overrides, TenantConfig, TokenSource};
use crate::model::{
    BotIdentity, Cause, ChannelId, ChannelKind, ChannelState, Finding, FindingKind, JobStatus, KnownChannel,
    KnownChannels, PlatformSpec, Timestamp,
};
use crate::monitor::{Monitor, NoMonitor};
use crate::plan::{
    Exclusions, Facts, LeftOut, LeftOutReason, Plan, Selection, UnmatchedEntry, build, discover, unmatched,
};
use crate::platform::{ErrorKind, PlatformAdapter};
use crate::report::{self, CheckResult, CheckStatus, with_noun};
use crate::sync::{error_cause, unresolved_exclusion_error};
use crate::ui::Output;

/// Most channels that one result names.
const NAMED_CHANNELS: usize = 5;

/// Longest channel name that is printed whole, in columns.
const NAME_WIDTH: usize = 32;

/// Check everything a sync needs: configuration, archive, token, bot, permissions
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: verta-sync check && verta-sync start")]
pub struct CheckArgs {
    /// Check only this tenant (repeatable) [default: all tenants]
    #[arg(long = "tenant", value_name = "NAME")]
    pub tenants: Vec<String>,
    /// Search the whole archive for raw user IDs instead; ignores --tenant
    #[arg(long)]
    pub privacy: bool,
    /// Compare archived messages with the platform instead. PERCENT of the pages is chosen at
    /// random [default: 1], at least one per channel; --messages=100 compares all
    #[arg(
        long,
        value_name = "PERCENT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1",
        value_parser = messages::percent,
        conflicts_with = "privacy"
    )]
    pub messages: Option<f64>,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

/// Checks everything a sync needs; with `--privacy`, every text of the archive instead; with
/// `--messages`, the archived messages.
///
/// # Errors
/// Returns a [`Failure`] if the configuration is invalid, the archive can't be read
/// (`--privacy` only), the runtime can't be started or the result can't be written.
pub fn run(args: &CheckArgs, context: &CommandContext) -> Result<Outcome, Failure> {
    context.init_log(io::stderr);
    let config = context.load_config(&Overrides::default())?;
    let tenants = config.tenants_named(&args.tenants)?;
    if args.privacy {
        return sweep(&config.archive.path, context.rules(&config.archive)?, args.format);
    }
    if let Some(percent) = args.messages {
        return messages::run(percent, args.format, (&config, &tenants), context);
    }
    let mut steps = Steps::default();
    steps.add(CheckResult::ok(format!(
        "configuration: {} in {}",
        with_noun(config.tenants.len() as u64, "tenant"),
        display_path(&config.source)
    )));
    storage::check_storage(&config.archive.path, context.rules(&config.archive), &mut steps);
    for section in connect::used_platforms(&config, &tenants) {
        match section.read_token(&context.env) {
            Ok(token) => {
                steps.add(check_token(&section.token(), context));
                let tenants = tenants.iter().copied().filter(|tenant| tenant.platform == section.spec);
                let tenants = with_archived(&config, &tenants.collect::<Vec<_>>());
                runtime()?.block_on(async {
                    let connected = connect::connect(&config, &[(section, token)], context)?;
                    for platform in &connected {
                        check_platform(platform, &tenants, &mut steps).await;
                    }
                    Ok::<_, Failure>(())
                })?;
            }
            Err(error) => {
                let result = CheckResult::failure("token: unusable", format!("cannot {error}"));
                steps.add_fatal(Failure::from(error).kind, result);
            }
        }
    }
    let (results, outcome) = steps.finish();
    print_result(&match args.format {
        Format::Human => report::check_report(&results),
        Format::Json => report::check_json(&results, outcome.exit_code()),
    })?;
    Ok(outcome)
}

/// Warns if every user of the machine can read the token.
fn check_token(token: &TokenSource, context: &CommandContext) -> CheckResult {
    if token.is_world_readable(&context.env) {
        let text = format!("token: found in {token}, which every user of this machine can read");
        return CheckResult::warning(text, "restrict it to its owner (chmod 600)");
    }
    CheckResult::ok(format!("token: found in {token}"))
}

/// The tenants with what the archive knows of them. Read before any request is sent, on a
/// thread that may block.
fn with_archived<'a>(
    config: &Config,
    tenants: &[&'a TenantConfig],
) -> Vec<(&'a TenantConfig, ArchivedTenant)> {
    let reader = Reader::open(&config.archive.path).ok();
    let archived =
        |tenant| reader.as_ref().map(|reader| ArchivedTenant::read(reader, tenant)).unwrap_or_default();
    tenants.iter().map(|tenant| (*tenant, archived(tenant))).collect()
}

/// Checks the bot and its rights on one platform.
async fn check_platform(
    platform: &ConnectedPlatform<'_>,
    tenants: &[(&TenantConfig, ArchivedTenant)],
    steps: &mut Steps,
) {
    let ConnectedPlatform { config, adapter, .. } = platform;
    let identity = match adapter.identity(&NoMonitor).await {
        Ok(identity) => identity,
        Err(error) => {
            steps.add_failure("bot", &Failure::platform(&error, config));
            return;
        }
    };
    check_bot(&identity, config.spec, steps);
    for (tenant, archived) in tenants {
        let (status, cause, results) =
            check_tenant(adapter, platform.scrubber(), tenant, &identity, archived).await;
        steps.add_tenant(status, cause, results);
    }
}

/// Checks the bot's access to message content and this machine's clock.
fn check_bot(identity: &BotIdentity, spec: &PlatformSpec, steps: &mut Steps) {
    steps.add(CheckResult::ok("bot: token accepted"));
    match identity.reads_content {
        Some(true) => steps.add(CheckResult::ok(format!("intent: {} is on", spec.content_setting))),
        Some(false) => {
            let kind = FailureKind::Sync(Cause::ContentIntentOff);
            let failure = Failure::new(kind, format!("{} is off", spec.content_setting));
            steps.add_failure("intent", &failure.with_platform_hint(spec));
        }
        None => steps.add(CheckResult::warning(
            "intent: unknown, the API does not report whether the bot has access to message content",
            report::platform_hint(spec, Cause::ContentIntentOff).unwrap_or_default(),
        )),
    }
    let Some(server_time) = identity.server_time else { return };
    let local_time = CommandContext::now();
    let difference = local_time.since(server_time).max(server_time.since(local_time));
    let text = format!("clock: {} off {}'s clock", report::duration(difference), spec.title);
    let result = if difference > connect::CLOCK_TOLERANCE {
        let remedy = "set this machine's clock, for example with NTP; a sync uses the time of";
        CheckResult::warning(text, format!("{remedy} {}", spec.title))
    } else {
        CheckResult::ok(text)
    };
    steps.add(result);
}

/// What the archive knows of a tenant.
#[derive(Default)]
struct ArchivedTenant {
    known: KnownChannels,
    /// The channels that each name in `exclude_channels` resolved to.
    exclusions: HashMap<String, Vec<ChannelId>>,
    findings: Vec<Finding>,
}

impl ArchivedTenant {
    /// Reads the tenant's data from the archive. Whatever can't be read stays empty.
    fn read(reader: &Reader, tenant: &TenantConfig) -> Self {
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

    /// Visible archived channels, without threads and categories, that the workspace's
    /// listing doesn't contain.
    fn unlisted_channels(&self, facts: &Facts) -> Vec<&KnownChannel> {
        let is_listed = |id: ChannelId| facts.channels.iter().any(|channel| channel.id == id);
        let was_visible = |channel: &&KnownChannel| {
            !matches!(channel.state, ChannelState::Hidden | ChannelState::Deleted)
                && !channel.kind.is_thread()
                && channel.kind != ChannelKind::Category
        };
        let mut unlisted: Vec<&KnownChannel> = self
            .known
            .values()
            .map(Box::as_ref)
            .filter(was_visible)
            .filter(|channel| !is_listed(channel.id))
            .collect();
        unlisted.sort_by_key(|channel| channel.id);
        unlisted
    }

    /// Whether a finding about the channel is marked as known.
    fn is_known(&self, channel: &KnownChannel, now: Timestamp) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|finding| finding.channel == Some(channel.id) && finding.is_known(now))
    }
}

/// Checks one workspace. Returns the predicted outcome of its sync with the results.
async fn check_tenant(
    platform: &Arc<dyn PlatformAdapter>,
    scrubber: Scrubber,
    tenant: &TenantConfig,
    identity: &BotIdentity,
    archived: &ArchivedTenant,
) -> (JobStatus, Option<Cause>, Vec<CheckResult>) {
    let monitor: Arc<dyn Monitor> = Arc::new(NoMonitor);
    let facts = match discover(platform, tenant.workspace_id, &monitor).await {
        Ok(facts) => facts,
        Err(error) => {
            let cause = error_cause(error.kind);
            let hint = report::platform_hint(tenant.platform, cause).unwrap_or("run again later");
            let invite = identity.invite_url.as_ref().filter(|_| error.kind == ErrorKind::NotInWorkspace);
            let remedy = invite.map_or_else(|| hint.to_owned(), |url| format!("{hint}; invite link: {url}"));
            let result = CheckResult::failure(format!("{}: {error}", tenant.name), remedy);
            return (JobStatus::Failed, Some(cause), vec![result]);
        }
    };
    let now = identity.server_time.unwrap_or_else(CommandContext::now);
    let plan = plan(platform, tenant, archived, &facts, now);
    let mut results = vec![check_readable(tenant, &facts, &plan)];
    results.extend(check_vanished(tenant, archived, &facts, now));
    results.extend(archived.findings.iter().filter_map(|finding| check_finding(tenant, finding, now)));
    results.extend(check_entries(tenant, &facts, &archived.known, scrubber));
    results.extend(check_rights(tenant, &plan.left_out, identity, scrubber));
    let has_failure = results.iter().any(|result| result.status == CheckStatus::Failure);
    if let Some(result) = check_exclusions(tenant, archived, &facts, scrubber) {
        results.push(result);
        return (JobStatus::Failed, Some(Cause::Configuration), results);
    }
    (if has_failure { JobStatus::Partial } else { JobStatus::Completed }, None, results)
}

/// The number of readable channels. A failure if no channel is selected.
fn check_readable(tenant: &TenantConfig, facts: &Facts, plan: &Plan) -> CheckResult {
    let channels = with_noun(plan.reads.len() as u64, "channel");
    let threads = match facts.active_threads_error {
        None => "active threads included",
        Some(_) => "active threads not listed by the API",
    };
    let left_out = plan.left_out.len();
    let text = format!(
        "{}: {channels} readable, {threads}, {left_out} left out (verta-sync plan shows why)",
        tenant.name
    );
    if plan.wanted_channels > 0 {
        return CheckResult::ok(text);
    }
    CheckResult::failure(text, report::platform_hint(tenant.platform, Cause::NoChannels).unwrap_or_default())
}

/// Archived channels that the workspace no longer lists. A failure unless all of them are
/// known findings; always one if no archived channel is listed any more.
fn check_vanished(
    tenant: &TenantConfig,
    archived: &ArchivedTenant,
    facts: &Facts,
    now: Timestamp,
) -> Option<CheckResult> {
    let unlisted = archived.unlisted_channels(facts);
    if unlisted.is_empty() {
        return None;
    }
    let names: Vec<String> = unlisted
        .iter()
        .take(NAMED_CHANNELS)
        .map(|channel| channel_label(tenant, &channel.name, channel.id))
        .collect();
    let more = unlisted.len().saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let count = with_noun(unlisted.len() as u64, "archived channel");
    let text = format!(
        "{}: the API no longer lists {count}: {}{more}; each was closed to @everyone or deleted, or the bot's role lost View Channel",
        tenant.name,
        names.join(", ")
    );
    let is_known = unlisted.iter().all(|channel| archived.is_known(channel, now));
    let are_all_unlisted = !facts.channels.iter().any(|channel| archived.known.contains_key(&channel.id));
    let remedy = report::platform_hint(tenant.platform, Cause::Vanished).unwrap_or_default();
    Some(if is_known && !are_all_unlisted {
        CheckResult::warning(text, remedy)
    } else {
        CheckResult::failure(text, remedy)
    })
}

/// A finding of earlier runs. `None` for findings about vanished or missing channels,
/// which [`check_vanished`] and [`check_readable`] report.
fn check_finding(tenant: &TenantConfig, finding: &Finding, now: Timestamp) -> Option<CheckResult> {
    let is_reported_elsewhere = matches!(
        finding.kind,
        FindingKind::VanishedChannel | FindingKind::EveryChannelVanished | FindingKind::NoChannels
    );
    if is_reported_elsewhere {
        return None;
    }
    let text = format!("{}: {} (since {})", tenant.name, finding.text(), report::utc_seconds(finding.since));
    let remedy = report::platform_hint(tenant.platform, finding.kind.cause()).unwrap_or_default();
    Some(if finding.is_known(now) {
        CheckResult::warning(text, remedy)
    } else {
        CheckResult::failure(text, remedy)
    })
}

/// Fails if a name in `exclude_channels` never resolved, because a sync then reads
/// nothing. The name may be that of an archived thread, which no listing here contains.
fn check_exclusions(
    tenant: &TenantConfig,
    archived: &ArchivedTenant,
    facts: &Facts,
    scrubber: Scrubber,
) -> Option<CheckResult> {
    let selection = connect::selection(tenant);
    let exclusions = Exclusions::of(&selection, facts, &archived.known, &archived.exclusions);
    let name = exclusions.unresolved.first()?;
    let text = format!("{}: {}", tenant.name, unresolved_exclusion_error(name, facts, scrubber));
    Some(CheckResult::failure(
        text,
        report::platform_hint(tenant.platform, Cause::Configuration).unwrap_or_default(),
    ))
}

fn plan(
    platform: &Arc<dyn PlatformAdapter>,
    tenant: &TenantConfig,
    archived: &ArchivedTenant,
    facts: &Facts,
    now: Timestamp,
) -> Plan {
    let excluded = archived.exclusions.values().flatten().copied().collect();
    let selection = Selection { excluded, ..connect::selection(tenant) };
    build(platform.as_ref(), facts, &HashMap::new(), &selection, now)
}

/// Warns about entries of `include_channels` and `exclude_channels` that match neither a
/// listed channel nor a known thread.
fn check_entries(
    tenant: &TenantConfig,
    facts: &Facts,
    known: &KnownChannels,
    scrubber: Scrubber,
) -> Vec<CheckResult> {
    let listed = facts.channels.iter().map(|channel| (channel.id, channel.name.as_str()));
    let threads =
        known.values().filter(|known| known.kind.is_thread() && known.state != ChannelState::Deleted);
    let threads = threads.map(|thread| (thread.id, thread.name.as_str()));
    let channels: Vec<(ChannelId, &str)> = listed.chain(threads).collect();
    let warning = |unmatched: UnmatchedEntry| {
        CheckResult::warning(format!("{}: {}", tenant.name, unmatched.problem()), unmatched.hint())
    };
    // Without known channels, an ID may be that of an archived thread.
    let is_id = |text: &str| tenant.platform.ids.parse_channel(text).is_ok();
    let is_certain = |unmatched: &UnmatchedEntry| !known.is_empty() || !is_id(&unmatched.entry);
    unmatched(tenant.platform, &tenant.include_channels, &tenant.exclude_channels, &channels, |text| {
        scrubber.redact_all(text)
    })
    .into_iter()
    .filter(is_certain)
    .map(warning)
    .collect()
}

fn invitation(identity: &BotIdentity) -> Option<String> {
    identity
        .invite_url
        .as_ref()
        .map(|url| format!("or invite the bot again with the permissions it needs: {url}"))
}

/// Warns about public channels that the bot can't read, grouped by the missing
/// permissions.
fn check_rights(
    tenant: &TenantConfig,
    left_out: &[LeftOut],
    identity: &BotIdentity,
    scrubber: Scrubber,
) -> Vec<CheckResult> {
    let mut by_permissions: Vec<(String, Vec<&LeftOut>)> = Vec::new();
    for channel in left_out {
        let LeftOutReason::BotLacks(missing) = &channel.reason else { continue };
        let missing = missing.join(", ");
        match by_permissions.iter_mut().find(|(permissions, _)| *permissions == missing) {
            Some((_, channels)) => channels.push(channel),
            None => by_permissions.push((missing, vec![channel])),
        }
    }
    let warning = |(missing, channels): (String, Vec<&LeftOut>)| {
        let name = |left_out: &&LeftOut| {
            channel_label(tenant, &scrubber.redact_all(&left_out.name), left_out.channel)
        };
        let mut names: Vec<String> = channels.iter().take(NAMED_CHANNELS).map(name).collect();
        if channels.len() > NAMED_CHANNELS {
            names.push(format!("{} more", channels.len() - NAMED_CHANNELS));
        }
        let count = with_noun(channels.len() as u64, "public channel");
        let text = format!("{}: the bot lacks {missing} in {count}: {}", tenant.name, names.join(", "));
        let remedy = format!("grant the bot's role {missing} in the server or channel settings");
        let mut warning = CheckResult::warning(text, remedy);
        warning.remedies.extend(invitation(identity));
        warning
    };
    by_permissions.into_iter().map(warning).collect()
}

/// A channel as `#name (ID)`.
fn channel_label(tenant: &TenantConfig, name: &str, channel: ChannelId) -> String {
    format!("#{} ({})", report::terminal_safe(name, NAME_WIDTH), tenant.platform.channel_text(channel))
}

/// Searches every text of the archive for raw user IDs. Prints where they are, never the
/// IDs.
fn sweep(path: &Path, rules: Rules, format: Format) -> Result<Outcome, Failure> {
    let failed = |error| Failure::archive(&error, path);
    let reader = Reader::open(path).map_err(failed)?;
    reader.check_scheme(path, rules.scheme).map_err(failed)?;
    let output = Output::default();
    let (mut leaks, mut found) = (0_u64, Vec::new());
    let texts = reader
        .find_leaks(rules, |leak| {
            leaks += 1;
            match format {
                Format::Human => output.write(&format!("✗ {}\n", leak_text(&leak))),
                Format::Json => found.push(leak_text(&leak)),
            }
        })
        .map_err(failed)?;
    let text_count = with_noun(texts, "text");
    if leaks == 0 && format == Format::Human {
        print_result(&format!("✓ privacy: no raw user IDs in {text_count}\n"))?;
        return Ok(Outcome::Done);
    }
    if leaks == 0 {
        print_result(&report::privacy_json(texts, &found, None))?;
        return Ok(Outcome::Done);
    }
    let remedy = if reader.is_sweep_due().map_err(failed)? {
        "run \"verta-sync start\", which scrubs all texts once: these were written by an older version"
    } else {
        "run \"verta-sync start --full\", which scrubs all texts again, and please report this"
    };
    output.write(&match format {
        Format::Human => format!("✗ privacy: raw user IDs in {leaks} of {text_count}\n    → {remedy}\n"),
        Format::Json => report::privacy_json(texts, &found, Some(remedy)),
    });
    check_output(output.finish())?;
    Ok(Outcome::RawIdsFound)
}

fn leak_text(leak: &Leak) -> String {
    let how = match leak.exposure {
        Exposure::Mention => "a mention or profile URL contains a raw user ID",
        Exposure::PictureUrl => "a profile or avatar URL still has its path",
        Exposure::BareId => "plain or disguised digits are a known user's ID",
        Exposure::PlainHash => "the plain hash of a known user, in a keyed archive",
    };
    format!("{}.{}, {}: {how}", leak.table, leak.column, leak.location)
}
