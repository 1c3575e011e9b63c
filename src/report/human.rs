//! Text for people: the output of `status`.

use std::fmt::Write as _;
use std::time::Duration;

use super::ending::EarlyEnd;
use super::groups::{NAMED_CHANNELS, full_name, grouped_by};
use super::jobs::progress_text;
use super::mark::{FAILURE, HINT, NOTE, WARNING};
use super::table::{Concession, SHORTEST_NAME, Table, terminal_safe, with_noun, with_separators};
use super::{Hints, ago, duration, utc_seconds};
use crate::model::{
    FailingChannel, Finding, FindingKind, StatusOverview, TenantKey, TenantOverview, Timestamp,
};
use crate::plan::next_try_at;

/// What the text of `status` depends on besides the overview.
#[derive(Debug, Clone, Copy)]
pub struct StatusOptions<'a> {
    /// The archive's path.
    pub archive: &'a str,
    /// The current time.
    pub now: Timestamp,
    /// The terminal's width in columns; `None` if stdout is no terminal.
    pub columns: Option<usize>,
    /// The age (`--max-age`) above which a last success is stale.
    pub max_age: Duration,
    /// The stale tenants; empty without `--max-age`.
    pub stale: &'a [TenantKey],
    /// Whether to list unknown fields (`-v`).
    pub is_verbose: bool,
    /// Looks up the hints of causes.
    pub hints: Hints,
}

/// The output of `status`: a table of the tenants, problems, unfinished jobs and failing
/// channels.
pub fn status(overview: &StatusOverview, options: StatusOptions<'_>) -> String {
    let mut text = format!("archive {}\n\n", options.archive);
    text.push_str(&tenants(overview, options));
    write_stale(&mut text, overview, options);
    write_last_errors(&mut text, overview, options.hints);
    write_findings(&mut text, overview, options);
    if options.is_verbose {
        write_unknown_fields(&mut text, overview);
    }
    for tenant in overview.tenants.iter().filter(|tenant| tenant.malformed_messages > 0) {
        let (name, messages) =
            (full_name(&tenant.name), with_noun(tenant.malformed_messages, "malformed message"));
        writeln!(text, "  {WARNING} {name}: {messages}: requested again by the next runs").ok();
    }
    for job in &overview.running {
        writeln!(
            text,
            "\n{} {} ({}): {}",
            job.status.painted(),
            job.job_id,
            job.tenant,
            progress_text(job, options.now)
        )
        .ok();
    }
    for job in &overview.queued {
        let position =
            job.queue_position.map(|position| format!(", position {position}")).unwrap_or_default();
        writeln!(text, "\n{} {} ({}){position}", job.status.painted(), job.job_id, job.tenant).ok();
    }
    for job in &overview.interrupted {
        let job = format!("{} ({})", job.job_id, job.tenant);
        writeln!(text, "\n{}", EarlyEnd::ProcessGone.text(Some(&job))).ok();
    }
    if !overview.failing_channels.is_empty() {
        writeln!(text, "\nfailing channels:").ok();
    }
    let group = |channel: &FailingChannel| {
        (channel.tenant.clone(), channel.platform.clone(), channel.last_error.cause)
    };
    for ((tenant, platform, cause), channels) in grouped_by(&overview.failing_channels, group) {
        let hint = cause.and_then(|cause| options.hints.of(&platform, cause));
        write_failing_channels(&mut text, &tenant, hint, &channels);
    }
    text
}

/// Channels of a tenant that fail for the same cause, and what to do about it.
fn write_failing_channels(text: &mut String, tenant: &str, hint: Option<&str>, channels: &[&FailingChannel]) {
    let tenant = full_name(tenant);
    for channel in channels.iter().take(NAMED_CHANNELS) {
        let since = channel.since.map(|since| format!(" (since {})", utc_seconds(since))).unwrap_or_default();
        let name = full_name(&channel.name);
        writeln!(
            text,
            "  {FAILURE} {tenant} #{name}: {}{since}",
            terminal_safe(&channel.last_error.error, usize::MAX)
        )
        .ok();
        if let Some(until) = next_try_at(channel.failure_count, channel.failed_at) {
            let (failures, until, id) = (channel.failure_count, utc_seconds(until), &channel.channel_id);
            writeln!(text, "    failed in {failures} consecutive runs: retried once a day, next at {until}; start --channel {id} retries now").ok();
        }
    }
    if channels.len() > NAMED_CHANNELS {
        let more = with_separators((channels.len() - NAMED_CHANNELS) as u64);
        writeln!(text, "  {FAILURE} {tenant} and {more} more: verta-sync status --format json").ok();
    }
    if let Some(hint) = hint {
        writeln!(text, "    {HINT} {hint}").ok();
    }
}

/// Writes each tenant's last error, unless its failing channels or findings already show
/// it.
fn write_last_errors(text: &mut String, overview: &StatusOverview, hints: Hints) {
    let has_failing = |name: &str| overview.failing_channels.iter().any(|channel| channel.tenant == name);
    for tenant in overview.tenants.iter().filter(|tenant| !has_failing(&tenant.name)) {
        let Some(last) = &tenant.last_error else { continue };
        let is_finding = |finding: &Finding| Some(finding.kind.cause()) == last.cause;
        if tenant.findings.iter().any(is_finding) {
            continue;
        }
        writeln!(text, "  {FAILURE} {}: {}", full_name(&tenant.name), terminal_safe(&last.error, usize::MAX))
            .ok();
        let hint = last.cause.and_then(|cause| hints.of(&tenant.workspace.platform, cause));
        if let Some(hint) = hint {
            writeln!(text, "    {HINT} {hint}").ok();
        }
    }
}

/// Writes each tenant's findings and unmatched entries. Findings that are known, because
/// they have persisted for more than a day, get a weaker mark.
fn write_findings(text: &mut String, overview: &StatusOverview, options: StatusOptions<'_>) {
    for tenant in &overview.tenants {
        let name = full_name(&tenant.name);
        // Malformed messages are counted on a separate line.
        let shown_findings: Vec<&Finding> =
            tenant.findings.iter().filter(|finding| finding.kind != FindingKind::MalformedMessages).collect();
        for ((kind, is_known), findings) in
            grouped_by(&shown_findings, |finding| (finding.kind, finding.is_known(options.now)))
        {
            let mark = if is_known { NOTE } else { FAILURE };
            for finding in findings.iter().take(NAMED_CHANNELS) {
                let (since, what) = (utc_seconds(finding.since), terminal_safe(&finding.text(), usize::MAX));
                writeln!(text, "  {mark} {name}: {what} (since {since})").ok();
            }
            if findings.len() > NAMED_CHANNELS {
                let more = with_separators((findings.len() - NAMED_CHANNELS) as u64);
                writeln!(text, "  {mark} {name}: and {more} more: verta-sync status --format json").ok();
            }
            if let Some(hint) = options.hints.of(&tenant.workspace.platform, kind.cause()) {
                writeln!(text, "    {HINT} {hint}").ok();
            }
        }
        for entry in &tenant.unmatched {
            writeln!(text, "  {WARNING} {name}: {}", terminal_safe(entry, usize::MAX)).ok();
        }
    }
}

fn write_unknown_fields(text: &mut String, overview: &StatusOverview) {
    for (path, objects) in &overview.unknown_fields {
        let objects = with_noun(*objects, "object");
        writeln!(text, "  {NOTE} unknown field {path} in {objects}: not archived by this version").ok();
    }
}

/// Writes the stale tenants and why they are stale.
fn write_stale(text: &mut String, overview: &StatusOverview, options: StatusOptions<'_>) {
    for tenant in overview.tenants.iter().filter(|tenant| options.stale.contains(&tenant.workspace)) {
        let (name, max_age) = (full_name(&tenant.name), duration(options.max_age));
        let is_old = |at: Timestamp| options.now.since(at) > options.max_age;
        match tenant.last_success_at {
            Some(at) if tenant.lost_channels && !is_old(at) => writeln!(
                text,
                "  {FAILURE} {name}: the last run read fewer than half of the channels of the last successful run"
            )
            .ok(),
            Some(at) => {
                let passed = duration(Duration::from_secs(options.now.since(at).as_secs()));
                writeln!(text, "  {FAILURE} {name}: last success {passed} ago, older than {max_age}").ok()
            }
            None => writeln!(text, "  {FAILURE} {name}: no success yet").ok(),
        };
    }
}

/// The table of tenants, with fewer columns if it doesn't fit the terminal. Optional counts
/// that are 0 for all tenants are omitted.
fn tenants(overview: &StatusOverview, options: StatusOptions<'_>) -> String {
    let tenants = &overview.tenants;
    let mut table = Table::default();
    table.text("tenant", tenants.iter().map(|tenant| full_name(&tenant.name)));
    table.text("state", tenants.iter().map(|tenant| tenant.status.painted()));
    let mut count = |heading: &'static str, is_optional: bool, count: fn(&TenantOverview) -> u64| {
        if !is_optional || tenants.iter().any(|tenant| count(tenant) > 0) {
            table.number(heading, tenants.iter().map(|tenant| with_separators(count(tenant))));
        }
    };
    count("channels", false, |tenant| tenant.channels.total);
    count("done", false, |tenant| tenant.channels.done);
    count("failing", false, |tenant| tenant.channels.failing);
    count("hidden", true, |tenant| tenant.channels.hidden);
    count("unreadable", true, |tenant| tenant.channels.unreadable);
    count("deleted", true, |tenant| tenant.channels.deleted);
    count("messages", false, |tenant| tenant.messages);
    count("reactions pending", true, |tenant| tenant.pending_reactor_lists);
    let last_success = |tenant: &TenantOverview| {
        tenant.last_success_at.map_or_else(|| "never".to_owned(), |at| ago(at, options.now))
    };
    table.text("last success", tenants.iter().map(last_success));
    table.fit(
        options.columns,
        &[
            Concession::Rename("reactions pending", "pending"),
            Concession::Omit("pending"),
            Concession::Omit("deleted"),
            Concession::Omit("hidden"),
            Concession::Omit("unreadable"),
            Concession::Omit("messages"),
            Concession::Omit("channels"),
            Concession::Cut("tenant", SHORTEST_NAME),
        ],
    );
    table.lines("")
}
