//! Text for people: the summary of `start`, and the output of `status`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::table::{columns as table_columns, table, terminal_safe, with_noun, with_separators};
use super::time::utc_minutes;
use super::{Hints, ago, duration, utc_seconds};
use crate::model::{
    Cause, Counter, Counts, FailingChannel, Finding, FindingKind, Job, JobError, JobKind, JobStatus,
    StatusOverview, TenantKey, TenantOverview, Timestamp,
};
use crate::plan::next_try_at;

/// Most channels or findings that are listed per cause.
const NAMED_CHANNELS: usize = 3;
/// Longest channel name that is printed whole, in columns.
const NAME_WIDTH: usize = 32;

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

/// What a run did, one paragraph per tenant; one line if nothing is new.
pub fn summary(jobs: &[Job], hints: Hints, now: Timestamp) -> String {
    let mut text = String::new();
    for job in jobs {
        text.push_str(&headline(job, now));
        text.push('\n');
        if job.stats.channels_unreadable > 0 {
            let channels = with_noun(job.stats.channels_unreadable, "public channel");
            writeln!(text, "  ! the bot cannot read {channels} (verta-sync check lists them)").ok();
            if let Some(rights) = hints.channel_rights(&job.platform) {
                writeln!(text, "    → in these channels, grant its role {rights}").ok();
            }
        }
        let has_malformed_error = job.errors.iter().any(|error| error.cause == Cause::Malformed);
        if job.stats.counts.get(Counter::MalformedMessages) > 0 && !has_malformed_error {
            let messages = with_noun(job.stats.counts.get(Counter::MalformedMessages), "malformed message");
            writeln!(text, "  ! {messages}: requested again by the next runs").ok();
        }
        if job.stats.pending_reactor_lists > 0 {
            let reactions = with_noun(job.stats.pending_reactor_lists, "reaction");
            writeln!(text, "  · reactors pending for {reactions}: the next runs continue").ok();
        }
        for (cause, errors) in grouped_by(&job.errors, |error| error.cause) {
            write_errors(&mut text, job, cause, &errors, hints);
        }
    }
    text
}

/// The last runs, a row for each job.
pub fn runs(runs: &[Vec<Job>], now: Timestamp) -> String {
    if runs.is_empty() {
        return "no runs yet\n".to_owned();
    }
    let header = ["started (UTC)", "took", "tenant", "result", "new", "job"].map(str::to_owned).to_vec();
    let row = |job: &Job| {
        let took = job.started_at.map(|started| duration(job.completed_at.unwrap_or(now).since(started)));
        vec![
            job.started_at.map_or_else(|| "not started".to_owned(), utc_minutes),
            took.unwrap_or_default(),
            terminal_safe(&job.tenant, NAME_WIDTH),
            if job.kind == JobKind::Full { format!("{}, full", job.status) } else { job.status.to_string() },
            with_separators(job.stats.counts.get(Counter::NewMessages)),
            job.job_id.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = std::iter::once(header).chain(runs.iter().flatten().map(row)).collect();
    let more = "\n\"verta-sync status --job-id ID\" shows a job with its channels\n";
    table(&rows, &[1, 4]) + more
}

/// "takaro: completed in 12s: 61 channels read, 3 unchanged, 50 new messages, 2
/// changed, 390 re-read".
fn headline(job: &Job, now: Timestamp) -> String {
    let stats = &job.stats;
    if job.status == JobStatus::Running {
        return format!("{}: running, {}", job.tenant, progress_text(job, now));
    }
    let is_quiet = stats.channels_total == 0 && job.status == JobStatus::Completed;
    if is_quiet {
        let unchanged = with_noun(stats.channels_skipped, "channel");
        return format!("{}: nothing new in {unchanged}", job.tenant);
    }
    if stats.channels_total == 0 && stats.channels_skipped == 0 {
        return format!("{}: {}", job.tenant, job.status);
    }
    let mut parts = vec![format!("{} read", with_noun(stats.channels_processed, "channel"))];
    if stats.channels_skipped > 0 {
        parts.push(format!("{} unchanged", with_separators(stats.channels_skipped)));
    }
    parts.push(with_noun(stats.counts.get(Counter::NewMessages), "new message"));
    if stats.counts.get(Counter::ChangedMessages) > 0 {
        parts.push(format!("{} changed", with_separators(stats.counts.get(Counter::ChangedMessages))));
    }
    if stats.counts.reread_messages() > 0 {
        parts.push(format!("{} re-read", with_separators(stats.counts.reread_messages())));
    }
    if stats.counts.get(Counter::Messages) > 0 {
        parts.push(format!("{:.0} messages/s", messages_per_second(job, now)));
    }
    if stats.counts.get(Counter::RateLimitEncounters) > 0 {
        parts
            .push(format!("{} hit", with_noun(stats.counts.get(Counter::RateLimitEncounters), "rate limit")));
    }
    match stats.counts.get(Counter::Retries) {
        0 => {}
        1 => parts.push("1 retry".to_owned()),
        retries => parts.push(format!("{} retries", with_separators(retries))),
    }
    let run_time = run_time(job).map(|time| format!(" in {}", duration(time))).unwrap_or_default();
    format!("{}: {}{run_time}: {}", job.tenant, job.status, parts.join(", "))
}

/// How long the job ran; `None` if it hasn't completed.
fn run_time(job: &Job) -> Option<Duration> {
    Some(job.completed_at?.since(job.started_at?))
}

/// "6 %, 1 of 59 channels, 360 messages, 120 messages/s, ETA 45s".
fn progress_text(job: &Job, now: Timestamp) -> String {
    let stats = &job.stats;
    let eta = stats.eta_seconds.filter(|eta| eta.is_finite() && *eta >= 0.0);
    let eta = eta.map_or_else(|| "unknown".to_owned(), |eta| duration(Duration::from_secs_f64(eta.min(1e9))));
    let reactions = match stats.pending_reactor_lists {
        0 => String::new(),
        pending => format!(", reactors pending for {}", with_noun(pending, "reaction")),
    };
    format!(
        "{:.0} %, {} of {}, {}, {:.0} messages/s{reactions}, ETA {eta}",
        stats.progress * 100.0,
        with_separators(stats.channels_processed),
        with_noun(stats.channels_total, "channel"),
        with_noun(stats.counts.get(Counter::Messages), "message"),
        messages_per_second(job, now),
    )
}

/// How long a completed job read messages. Reactor lists are read afterwards and don't
/// count.
fn reading_time(job: &Job) -> Option<Duration> {
    let end = job.completed_at?;
    let last = job.channels.iter().filter_map(|channel| channel.completed_at).max();
    Some(last.map_or(end, |last| last.min(end)).since(job.started_at?))
}

/// Messages per second of reading time so far; 0 if no time has passed.
#[allow(clippy::cast_precision_loss, reason = "a rate")]
pub fn messages_per_second(job: &Job, now: Timestamp) -> f64 {
    let so_far = || Some(now.since(job.started_at.filter(|_| job.status == JobStatus::Running)?));
    let seconds = reading_time(job).or_else(so_far).unwrap_or_default().as_secs_f64();
    if seconds > 0.0 { job.stats.counts.get(Counter::Messages) as f64 / seconds } else { 0.0 }
}

/// Groups items by key, in the order in which the keys first occur.
fn grouped_by<T, K: PartialEq>(items: &[T], key: impl Fn(&T) -> K) -> Vec<(K, Vec<&T>)> {
    let mut groups: Vec<(K, Vec<&T>)> = Vec::new();
    for item in items {
        let key = key(item);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(item),
            None => groups.push((key, vec![item])),
        }
    }
    groups
}

fn write_errors(text: &mut String, job: &Job, cause: Cause, errors: &[&JobError], hints: Hints) {
    let names: BTreeMap<_, _> =
        job.channels.iter().map(|channel| (&channel.channel_id, channel.name.as_str())).collect();
    for error in errors.iter().take(NAMED_CHANNELS) {
        let name = error.channel_id.as_ref().and_then(|id| names.get(id));
        let name = name.map(|name| format!("#{}: ", terminal_safe(name, NAME_WIDTH))).unwrap_or_default();
        writeln!(text, "  ✗ {name}{}", terminal_safe(&error.error, 160)).ok();
    }
    if errors.len() > NAMED_CHANNELS {
        let more = errors.len() - NAMED_CHANNELS;
        writeln!(text, "  ✗ and {more} more: verta-sync status --job-id {}", job.job_id).ok();
    }
    // The hint for an early end is printed once for the whole run.
    let is_early_end = matches!(cause, Cause::RunTimeLimit | Cause::Interrupted);
    if let Some(hint) = hints.of(&job.platform, cause).filter(|_| !is_early_end) {
        writeln!(text, "    → {hint}").ok();
    }
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
        writeln!(text, "  ! {name}: {messages}: requested again by the next runs").ok();
    }
    for job in &overview.running {
        writeln!(text, "\nrunning {} ({}): {}", job.job_id, job.tenant, progress_text(job, options.now)).ok();
    }
    for job in &overview.queued {
        let position =
            job.queue_position.map(|position| format!(", position {position}")).unwrap_or_default();
        writeln!(text, "\nqueued {} ({}){position}", job.job_id, job.tenant).ok();
    }
    for job in &overview.interrupted {
        let (job_id, tenant) = (&job.job_id, &job.tenant);
        writeln!(
            text,
            "\ninterrupted {job_id} ({tenant}): its process no longer exists; the next start resumes"
        )
        .ok();
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
        let name = terminal_safe(&channel.name, NAME_WIDTH);
        writeln!(text, "  ✗ {tenant} #{name}: {}{since}", terminal_safe(&channel.last_error.error, 160)).ok();
        if let Some(until) = next_try_at(channel.failure_count, channel.failed_at) {
            let (failures, until, id) = (channel.failure_count, utc_seconds(until), &channel.channel_id);
            writeln!(text, "    failed in {failures} consecutive runs: retried once a day, next at {until}; start --channel {id} retries now").ok();
        }
    }
    if channels.len() > NAMED_CHANNELS {
        let more = with_separators((channels.len() - NAMED_CHANNELS) as u64);
        writeln!(text, "  ✗ {tenant} and {more} more: verta-sync status --format json").ok();
    }
    if let Some(hint) = hint {
        writeln!(text, "    → {hint}").ok();
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
        writeln!(text, "  ✗ {}: {}", full_name(&tenant.name), terminal_safe(&last.error, 160)).ok();
        let hint = last.cause.and_then(|cause| hints.of(&tenant.workspace.platform, cause));
        if let Some(hint) = hint {
            writeln!(text, "    → {hint}").ok();
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
            let mark = if is_known { "·" } else { "✗" };
            for finding in findings.iter().take(NAMED_CHANNELS) {
                let (since, what) = (utc_seconds(finding.since), terminal_safe(&finding.text(), 160));
                writeln!(text, "  {mark} {name}: {what} (since {since})").ok();
            }
            if findings.len() > NAMED_CHANNELS {
                let more = with_separators((findings.len() - NAMED_CHANNELS) as u64);
                writeln!(text, "  {mark} {name}: and {more} more: verta-sync status --format json").ok();
            }
            if let Some(hint) = options.hints.of(&tenant.workspace.platform, kind.cause()) {
                writeln!(text, "    → {hint}").ok();
            }
        }
        for entry in &tenant.unmatched {
            writeln!(text, "  ! {name}: {}", terminal_safe(entry, 200)).ok();
        }
    }
}

fn write_unknown_fields(text: &mut String, overview: &StatusOverview) {
    for (path, objects) in &overview.unknown_fields {
        let objects = with_noun(*objects, "object");
        writeln!(text, "  · unknown field {path} in {objects}: not archived by this version").ok();
    }
}

/// A tenant's name, made safe for the terminal. Never truncated, because `--tenant` needs
/// the whole name.
fn full_name(name: &str) -> String {
    terminal_safe(name, usize::MAX)
}

/// Writes the stale tenants and why they are stale.
fn write_stale(text: &mut String, overview: &StatusOverview, options: StatusOptions<'_>) {
    for tenant in overview.tenants.iter().filter(|tenant| options.stale.contains(&tenant.workspace)) {
        let (name, max_age) = (full_name(&tenant.name), duration(options.max_age));
        let is_old = |at: Timestamp| options.now.since(at) > options.max_age;
        match tenant.last_success_at {
            Some(at) if tenant.lost_channels && !is_old(at) => writeln!(
                text,
                "  ✗ {name}: the last run read fewer than half of the channels of the last successful run"
            )
            .ok(),
            Some(at) => {
                let passed = duration(Duration::from_secs(options.now.since(at).as_secs()));
                writeln!(text, "  ✗ {name}: last success {passed} ago, older than {max_age}").ok()
            }
            None => writeln!(text, "  ✗ {name}: no success yet").ok(),
        };
    }
}

/// The table of tenants, with fewer columns if it doesn't fit the terminal.
fn tenants(overview: &StatusOverview, options: StatusOptions<'_>) -> String {
    let whole = tenants_table(overview, options.now, false);
    let fits = options.columns.is_none_or(|columns| table_columns(&whole) <= columns);
    if fits { whole } else { tenants_table(overview, options.now, true) }
}

/// Omits columns without information: optional counts that are 0 for all tenants and, in
/// the short form, some more.
fn tenants_table(overview: &StatusOverview, now: Timestamp, is_short: bool) -> String {
    let tenants = &overview.tenants;
    let any = |count: fn(&TenantOverview) -> u64| tenants.iter().any(|tenant| count(tenant) > 0);
    let has_failing = any(|tenant| tenant.channels.failing);
    let is_shown = [
        true,
        true,
        true,
        !is_short,
        !is_short || has_failing,
        any(|tenant| tenant.channels.hidden),
        any(|tenant| tenant.channels.unreadable),
        any(|tenant| tenant.channels.deleted),
        true,
        any(|tenant| tenant.pending_reactor_lists),
        true,
    ];
    let row = |cells: [String; 11]| {
        let cells = cells.into_iter().zip(is_shown).filter(|(_, is_shown)| *is_shown);
        cells.map(|(cell, _)| cell).collect::<Vec<_>>()
    };
    let headings = [
        "tenant",
        "state",
        "channels",
        "done",
        "failing",
        "hidden",
        "unreadable",
        "deleted",
        "messages",
        if is_short { "pending" } else { "reactions pending" },
        "last success",
    ];
    let mut rows = vec![row(headings.map(str::to_owned))];
    for tenant in tenants {
        let channels = &tenant.channels;
        rows.push(row([
            full_name(&tenant.name),
            tenant.status.name().to_owned(),
            with_separators(channels.total),
            with_separators(channels.done),
            with_separators(channels.failing),
            with_separators(channels.hidden),
            with_separators(channels.unreadable),
            with_separators(channels.deleted),
            with_separators(tenant.messages),
            with_separators(tenant.pending_reactor_lists),
            tenant.last_success_at.map_or_else(|| "never".to_owned(), |at| ago(at, now)),
        ]));
    }
    let numbers: Vec<usize> = (2..rows[0].len() - 1).collect();
    table(&rows, &numbers)
}

/// One job with all its channels.
pub fn job_details(job: &Job, hints: Hints, now: Timestamp) -> String {
    let stats = &job.stats;
    let mut text = format!("job {}\n{}\n", job.job_id, headline(job, now));
    write_waits(&mut text, &stats.counts);
    let headings = [
        "channel",
        "id",
        "status",
        "worker",
        "messages",
        "messages/s",
        "requests",
        "429s",
        "waited",
        "retries",
        "error",
    ];
    let mut rows = vec![headings.map(str::to_owned).to_vec()];
    for channel in &job.channels {
        rows.push(vec![
            terminal_safe(&channel.name, NAME_WIDTH),
            channel.channel_id.clone(),
            channel.status.name().to_owned(),
            channel.worker_id.map(|worker| worker.to_string()).unwrap_or_default(),
            with_separators(channel.counts.get(Counter::Messages)),
            format!("{:.0}", channel.messages_per_second),
            with_separators(channel.counts.get(Counter::ApiCalls)),
            channel.counts.get(Counter::RateLimitEncounters).to_string(),
            duration(Duration::from_secs_f64(channel.counts.limit_wait_seconds())),
            channel.counts.get(Counter::Retries).to_string(),
            channel.error.as_deref().map(|error| terminal_safe(error, 120)).unwrap_or_default(),
        ]);
    }
    text.push_str(&table(&rows, &[3, 4, 5, 6, 7, 8, 9]));
    for (cause, errors) in grouped_by(&job.errors, |error| error.cause) {
        write_errors(&mut text, job, cause, &errors, hints);
    }
    text
}

/// Writes how long requests waited, by reason. Times of requests that waited concurrently
/// add up.
fn write_waits(text: &mut String, counts: &Counts) {
    let causes = [
        ("per-channel rate limits", Counter::BucketWaitMilliseconds),
        ("the global rate limit", Counter::GlobalWaitMilliseconds),
        ("the invalid-request limit", Counter::GuardWaitMilliseconds),
        ("request pacing", Counter::PaceWaitMilliseconds),
        ("retries", Counter::RetryWaitMilliseconds),
    ]
    .map(|(cause, counter)| (cause, counts.seconds(counter)));
    let noticeable = causes.iter().filter(|(_, seconds)| *seconds >= 0.5);
    let waits = noticeable
        .map(|(cause, seconds)| format!("{} for {cause}", duration(Duration::from_secs_f64(*seconds))));
    let waits: Vec<String> = waits.collect();
    if !waits.is_empty() {
        writeln!(text, "requests waited {} (concurrent waits add up)", waits.join(", ")).ok();
    }
    text.push('\n');
}
