//! Text for people about jobs: the summary of `start`, and the output of `status --runs` and
//! `status --job-id`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::ending::ending;
use super::groups::{NAMED_CHANNELS, full_name, grouped_by};
use super::mark::{FAILURE, HINT, NOTE, WARNING};
use super::table::{Concession, SHORTEST_NAME, Table, terminal_safe, with_noun, with_separators};
use super::time::utc_minutes;
use super::{Hints, duration};
use crate::model::{Cause, ChannelResult, Counter, Counts, Job, JobError, JobKind, JobStatus, Timestamp};

/// What the result of a full job ends with.
const FULL: &str = ", full";

/// What a run did, one paragraph per tenant; one line if nothing is new.
pub fn summary(jobs: &[Job], hints: Hints, now: Timestamp) -> String {
    let mut text = String::new();
    for job in jobs {
        text.push_str(&headline(job, now));
        text.push('\n');
        if job.stats.channels_unreadable > 0 {
            let channels = with_noun(job.stats.channels_unreadable, "public channel");
            writeln!(text, "  {WARNING} the bot cannot read {channels} (verta-sync check lists them)").ok();
            if let Some(rights) = hints.channel_rights(&job.platform) {
                writeln!(text, "    {HINT} in these channels, grant its role {rights}").ok();
            }
        }
        let has_malformed_error = job.errors.iter().any(|error| error.cause == Cause::Malformed);
        if job.stats.counts.get(Counter::MalformedMessages) > 0 && !has_malformed_error {
            let messages = with_noun(job.stats.counts.get(Counter::MalformedMessages), "malformed message");
            writeln!(text, "  {WARNING} {messages}: requested again by the next runs").ok();
        }
        if job.stats.pending_reactor_lists > 0 {
            let reactions = with_noun(job.stats.pending_reactor_lists, "reaction");
            writeln!(text, "  {NOTE} reactors pending for {reactions}: the next runs continue").ok();
        }
        for (cause, errors) in grouped_by(&job.errors, |error| error.cause) {
            write_errors(&mut text, job, cause, &errors, hints);
        }
    }
    text
}

/// The last runs, a row for each job, in a table that fits `columns`.
pub fn runs(runs: &[Vec<Job>], now: Timestamp, columns: Option<usize>) -> String {
    if runs.is_empty() {
        return "no runs yet\n".to_owned();
    }
    let took = |job: &Job| {
        let took = job.started_at.map(|started| duration(job.completed_at.unwrap_or(now).since(started)));
        took.unwrap_or_default()
    };
    let result = |job: &Job| match job.kind {
        JobKind::Full => ending(job.status, None) + FULL,
        JobKind::Incremental => ending(job.status, None),
    };
    let jobs = || runs.iter().flatten();
    let started = |job: &Job| job.started_at.map_or_else(|| "not started".to_owned(), utc_minutes);
    let mut table = Table::default();
    table.text("started (UTC)", jobs().map(started));
    table.number("took", jobs().map(took));
    table.text("tenant", jobs().map(|job| full_name(&job.tenant)));
    table.text("result", jobs().map(result));
    table.number("new", jobs().map(|job| with_separators(job.stats.counts.get(Counter::NewMessages))));
    table.text("job", jobs().map(|job| job.job_id.clone()));
    table.fit(
        columns,
        &[
            Concession::Omit("took"),
            Concession::Omit("new"),
            Concession::Shorten("result", |result| result.trim_end_matches(FULL)),
            Concession::Omit("job"),
            Concession::Cut("tenant", SHORTEST_NAME),
        ],
    );
    let more = if table.has("job") {
        "\"verta-sync status --job-id ID\" shows a job with its channels"
    } else {
        "a wider terminal, or --format json, shows the IDs of the jobs"
    };
    format!("{}\n{more}\n", table.lines(""))
}

/// "takaro: completed in 12s: 61 channels read, 3 unchanged, 50 new messages, 2
/// changed, 390 re-read".
fn headline(job: &Job, now: Timestamp) -> String {
    let stats = &job.stats;
    if job.status == JobStatus::Running {
        return format!("{}: {}, {}", job.tenant, job.status.painted(), progress_text(job, now));
    }
    let is_quiet = stats.channels_total == 0 && job.status == JobStatus::Completed;
    if is_quiet {
        let unchanged = with_noun(stats.channels_skipped, "channel");
        return format!("{}: nothing new in {unchanged}", job.tenant);
    }
    if stats.channels_total == 0 && stats.channels_skipped == 0 {
        return format!("{}: {}", job.tenant, ending(job.status, None));
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
    format!("{}: {}: {}", job.tenant, ending(job.status, run_time(job)), parts.join(", "))
}

/// How long the job ran; `None` if it hasn't completed.
fn run_time(job: &Job) -> Option<Duration> {
    Some(job.completed_at?.since(job.started_at?))
}

/// "6 %, 1 of 59 channels, 360 messages, 120 messages/s, ETA 45s".
pub(super) fn progress_text(job: &Job, now: Timestamp) -> String {
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

fn write_errors(text: &mut String, job: &Job, cause: Cause, errors: &[&JobError], hints: Hints) {
    let names: BTreeMap<_, _> =
        job.channels.iter().map(|channel| (&channel.channel_id, channel.name.as_str())).collect();
    for error in errors.iter().take(NAMED_CHANNELS) {
        let name = error.channel_id.as_ref().and_then(|id| names.get(id));
        let name = name.map(|name| format!("#{}: ", full_name(name))).unwrap_or_default();
        writeln!(text, "  {FAILURE} {name}{}", terminal_safe(&error.error, usize::MAX)).ok();
    }
    if errors.len() > NAMED_CHANNELS {
        let more = errors.len() - NAMED_CHANNELS;
        writeln!(text, "  {FAILURE} and {more} more: verta-sync status --job-id {}", job.job_id).ok();
    }
    // The hint for an early end is printed once for the whole run.
    let is_early_end = matches!(cause, Cause::RunTimeLimit | Cause::Interrupted);
    if let Some(hint) = hints.of(&job.platform, cause).filter(|_| !is_early_end) {
        writeln!(text, "    {HINT} {hint}").ok();
    }
}

/// One job with all its channels, in a table that fits `columns`.
pub fn job_details(job: &Job, hints: Hints, now: Timestamp, columns: Option<usize>) -> String {
    let stats = &job.stats;
    let mut text = format!("job {}\n{}\n", job.job_id, headline(job, now));
    write_waits(&mut text, &stats.counts);
    text.push_str(&channels(&job.channels, columns).lines(""));
    for (cause, errors) in grouped_by(&job.errors, |error| error.cause) {
        write_errors(&mut text, job, cause, &errors, hints);
    }
    text
}

fn channels(channels: &[ChannelResult], columns: Option<usize>) -> Table {
    let count =
        |counter: Counter| channels.iter().map(move |channel| with_separators(channel.counts.get(counter)));
    let waited =
        |channel: &ChannelResult| duration(Duration::from_secs_f64(channel.counts.limit_wait_seconds()));
    let worker =
        |channel: &ChannelResult| channel.worker_id.map(|worker| worker.to_string()).unwrap_or_default();
    let error = |channel: &ChannelResult| {
        channel.error.as_deref().map(|error| terminal_safe(error, usize::MAX)).unwrap_or_default()
    };
    let mut table = Table::default();
    table.text("channel", channels.iter().map(|channel| full_name(&channel.name)));
    table.text("id", channels.iter().map(|channel| channel.channel_id.clone()));
    table.text("status", channels.iter().map(|channel| channel.status.painted()));
    table.number("worker", channels.iter().map(worker));
    table.number("messages", count(Counter::Messages));
    table.number("messages/s", channels.iter().map(|channel| format!("{:.0}", channel.messages_per_second)));
    table.number("requests", count(Counter::ApiCalls));
    table.number("429s", count(Counter::RateLimitEncounters));
    table.number("waited", channels.iter().map(waited));
    table.number("retries", count(Counter::Retries));
    table.text("error", channels.iter().map(error));
    // The errors are listed below the table as well.
    table.fit(
        columns,
        &[
            Concession::Cut("error", SHORTEST_NAME),
            Concession::Omit("worker"),
            Concession::Omit("messages/s"),
            Concession::Omit("requests"),
            Concession::Omit("429s"),
            Concession::Omit("error"),
            Concession::Omit("retries"),
            Concession::Omit("waited"),
            Concession::Omit("id"),
            Concession::Cut("channel", SHORTEST_NAME),
        ],
    );
    table
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
