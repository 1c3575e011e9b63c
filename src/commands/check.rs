//! `verta-sync check`: whether a sync would work, step by step, and whether the
//! archive keeps its promise of privacy.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use hashbrown::HashMap;

use super::surroundings::{runtime, shown};
use super::{Failure, Surroundings, connect, written};
use crate::anonymize::{self, Exposure};
use crate::archive::health::{Leak, disk};
use crate::archive::{ArchiveError, ArchiveErrorKind, Lock, Reader};
use crate::config::{Config, Overrides, TenantConfig};
use crate::exit_code::ExitCode;
use crate::model::{BotIdentity, Cause, Timestamp};
use crate::monitor::{Monitor, Silent};
use crate::plan::{LeftOut, LeftOutReason, Plan, build, discover};
use crate::platform::discord::Discord;
use crate::platform::{ErrorKind, PlatformAdapter as _};
use crate::report::{self, Finding, Mark, counted};
use crate::sync::cause_of;

/// A disk with less than this is nearly full.
const LITTLE_SPACE: u64 = 500 << 20;
/// Most channels that are named for one missing permission.
const NAMED_CHANNELS: usize = 5;

/// Room for a channel's name.
const NAME_WIDTH: usize = 32;

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--tenant`; all when empty.
    pub tenants: Vec<String>,
    /// `--privacy`.
    pub privacy: bool,
}

/// Looks at everything a sync needs, or with `--privacy` at every text of the
/// archive.
///
/// # Errors
/// When the configuration can't be used.
pub fn check(options: &Options, around: &Surroundings) -> Result<ExitCode, Failure> {
    around.start_log(io::stderr);
    let config = around.load_config(&Overrides::default())?;
    let tenants = config.tenants_named(&options.tenants)?;
    if options.privacy {
        return sweep(&config.archive.path);
    }
    let mut steps = Steps::default();
    steps.add(
        ExitCode::Usage,
        Finding::good(format!("configuration: {}", counted(config.tenants.len() as u64, "tenant"))),
    );
    archive(&config.archive.path, &mut steps);
    match config.discord.token.read(&around.env) {
        Ok(token) => {
            steps.add(ExitCode::Access, Finding::good(format!("token: found in {}", config.discord.token)));
            runtime()?.block_on(async {
                let platform = connect::discord(&config, token.expose())?;
                online(Arc::new(platform), &config, &tenants, &mut steps).await;
                Ok::<_, Failure>(())
            })?;
        }
        Err(error) => steps.add(ExitCode::Access, Finding::bad("token: none", format!("failed to {error}"))),
    }
    written(write!(io::stdout(), "{}", report::findings(&steps.findings)))?;
    Ok(steps.exit_code())
}

/// Findings, and how the command ends with them.
#[derive(Default)]
struct Steps {
    findings: Vec<Finding>,
    codes: Vec<ExitCode>,
    servers: (usize, usize),
}

impl Steps {
    /// `code` is what a bad finding ends with.
    fn add(&mut self, code: ExitCode, finding: Finding) {
        if finding.mark == Mark::Bad {
            self.codes.push(code);
        }
        self.findings.push(finding);
    }

    /// As a sync would end: the archive comes before the token, and servers
    /// count together.
    fn exit_code(&self) -> ExitCode {
        let order =
            [ExitCode::Usage, ExitCode::Archive, ExitCode::Access, ExitCode::RateLimited, ExitCode::Failure];
        let first = order.into_iter().find(|code| self.codes.contains(code));
        match (first, self.servers) {
            (Some(code), _) => code,
            (None, (0, _)) => ExitCode::Success,
            (None, (bad, all)) if bad == all => ExitCode::Access,
            (None, _) => ExitCode::Partial,
        }
    }
}

fn archive(path: &Path, steps: &mut Steps) {
    let mut code = ExitCode::Archive;
    let finding = match Reader::open(path).and_then(|reader| state_of(&reader)) {
        Ok((faults, schema)) if faults.is_empty() => {
            Finding::good(format!("archive: {}, schema {schema}, sound", shown(path)))
        }
        Ok((faults, _)) => Finding::bad(
            format!("archive: {} is damaged: {}", shown(path), faults.join("; ")),
            "restore the file from a backup, or move it away to begin anew",
        ),
        Err(error) if error.kind == ArchiveErrorKind::Missing => {
            Finding::good(format!("archive: {} will be made by the first sync", shown(path)))
        }
        Err(error) if error.kind == ArchiveErrorKind::OlderSchema => Finding::good(format!(
            "archive: {} will be brought to this version by the next sync",
            shown(path)
        )),
        Err(error) => unusable(&error, path, &mut code),
    };
    steps.add(code, finding);
    if let Some(disk) = disk(path.parent().unwrap_or(path)) {
        let free = format!("{:.1} GB free", space(disk.free_bytes));
        let finding = if disk.is_remote {
            Finding::notable(
                format!("disk: {free}, over a network"),
                "keep the archive on a local disk: SQLite can't rely on the locks of a network's file system",
            )
        } else if disk.free_bytes < LITTLE_SPACE {
            Finding::notable(format!("disk: only {free}"), "make room: a million messages take about 200 MB")
        } else {
            Finding::good(format!("disk: {free}"))
        };
        steps.add(ExitCode::Archive, finding);
    }
    let finding = match Lock::holder(path) {
        None => Finding::good("lock: free"),
        Some(holder) => {
            let who = holder.map_or_else(String::new, |holder| format!(" by process {}", holder.process));
            Finding::notable(format!("lock: held{who}"), "a sync is running: \"verta-sync status\" shows it")
        }
    };
    steps.add(ExitCode::Locked, finding);
}

fn state_of(reader: &Reader) -> Result<(Vec<String>, i64), ArchiveError> {
    Ok((reader.faults()?, reader.schema_version()?))
}

fn unusable(error: &ArchiveError, path: &Path, code: &mut ExitCode) -> Finding {
    let failure = Failure::archive(error, path);
    *code = failure.exit_code;
    let (text, hint) = failure.parts();
    Finding { mark: Mark::Bad, text: format!("archive: {text}"), remedies: hint.into_iter().collect() }
}

/// Gigabytes.
#[allow(clippy::cast_precision_loss, reason = "shown to a decimal")]
fn space(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}

async fn online(platform: Arc<Discord>, config: &Config, tenants: &[&TenantConfig], steps: &mut Steps) {
    let identity = match platform.identity(&Silent).await {
        Ok(identity) => identity,
        Err(error) => {
            let failure = Failure::platform(&error, config.discord.api_url.as_str());
            let (text, hint) = failure.parts();
            let finding = Finding {
                mark: Mark::Bad,
                text: format!("bot: {text}"),
                remedies: hint.into_iter().collect(),
            };
            steps.add(failure.exit_code, finding);
            return;
        }
    };
    account(&identity, steps);
    steps.servers = (0, tenants.len());
    for tenant in tenants {
        let findings = server(&platform, tenant, &identity).await;
        steps.servers.0 += usize::from(findings.iter().any(|finding| finding.mark == Mark::Bad));
        steps.findings.extend(findings);
    }
}

fn account(identity: &BotIdentity, steps: &mut Steps) {
    steps.add(ExitCode::Access, Finding::good("bot: the token is accepted"));
    let hint = report::hint(Cause::ContentIntentOff).unwrap_or_default();
    let finding = match identity.reads_content {
        Some(true) => Finding::good("intent: Message Content Intent is on"),
        Some(false) => Finding::bad("intent: Message Content Intent is off", hint),
        None => Finding::notable("intent: the server doesn't say whether messages come with content", hint),
    };
    steps.add(ExitCode::Access, finding);
    let Some(there) = identity.server_time else { return };
    let here = Surroundings::now();
    let difference = here.since(there).max(there.since(here));
    let text = format!("clock: {} apart from Discord's", report::duration(difference));
    let finding = if difference > connect::CLOCK_TOLERANCE {
        Finding::notable(text, "set this machine's clock, for example with NTP; a sync goes by Discord's")
    } else {
        Finding::good(text)
    };
    steps.add(ExitCode::Success, finding);
}

async fn server(platform: &Arc<Discord>, tenant: &TenantConfig, identity: &BotIdentity) -> Vec<Finding> {
    let monitor: Arc<dyn Monitor> = Arc::new(Silent);
    let facts = match discover(platform, tenant.workspace_id, &monitor).await {
        Ok(facts) => facts,
        Err(error) => {
            let hint = report::hint(cause_of(error.kind)).unwrap_or("run again later");
            let mut finding = Finding::bad(format!("{}: {error}", tenant.name), hint);
            if error.kind == ErrorKind::NotInWorkspace {
                finding.remedies.extend(invitation(identity));
            }
            return vec![finding];
        }
    };
    let now = identity.server_time.unwrap_or_else(Surroundings::now);
    let plan = plan(platform, tenant, &facts, now);
    let readable = plan.reads.len() as u64;
    let mut findings = vec![Finding::good(format!(
        "{}: {} can be read, active threads included, {} left out (verta-sync plan says why)",
        tenant.name,
        counted(readable, "channel"),
        plan.left_out.len()
    ))];
    findings.extend(missing_rights(tenant, &plan.left_out, identity));
    findings
}

fn plan(platform: &Arc<Discord>, tenant: &TenantConfig, facts: &crate::plan::Facts, now: Timestamp) -> Plan {
    build(platform.as_ref(), facts, &HashMap::new(), &connect::selection(tenant), now)
}

fn invitation(identity: &BotIdentity) -> Option<String> {
    identity.invite_url.as_ref().map(|url| format!("invite it with the rights it needs: {url}"))
}

/// Public channels that the bot can't read, by what it lacks.
fn missing_rights(tenant: &TenantConfig, left_out: &[LeftOut], identity: &BotIdentity) -> Vec<Finding> {
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
        let mut names: Vec<String> =
            channels.iter().take(NAMED_CHANNELS).map(|channel| name_of(channel)).collect();
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

/// Without anything that could be somebody's ID.
fn name_of(channel: &LeftOut) -> String {
    let name = anonymize::scrub(channel.name.clone(), &mut Vec::new());
    format!("#{} ({})", report::shown(&name.resolve(|_| true), NAME_WIDTH), channel.channel)
}

/// Every text of the archive; says where somebody's ID stands, never the ID.
fn sweep(path: &Path) -> Result<ExitCode, Failure> {
    let failed = |error| Failure::archive(&error, path);
    let reader = Reader::open(path).map_err(failed)?;
    let mut out = io::stdout().lock();
    let mut leaks = 0_u64;
    let texts = reader
        .sweep(|leak| {
            leaks += 1;
            writeln!(out, "{}", told(&leak)).ok();
        })
        .map_err(failed)?;
    let looked_at = counted(texts, "text");
    if leaks == 0 {
        written(writeln!(out, "✓ privacy: no raw user ID in {looked_at}"))?;
        return Ok(ExitCode::Success);
    }
    let remedy = "please report this; \"verta-sync start --full\" writes these texts anew";
    written(writeln!(out, "✗ privacy: a raw user ID in {leaks} of {looked_at}\n    → {remedy}"))?;
    Ok(ExitCode::Failure)
}

fn told(leak: &Leak) -> String {
    let how = match leak.exposure {
        Exposure::Mention => "a mention or profile address holds a raw ID",
        Exposure::Digits => "bare digits are a known user's ID",
    };
    format!("✗ {}.{}, {}: {how}", leak.table, leak.column, leak.place)
}
