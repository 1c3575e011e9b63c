//! JSON for scripts: keys in snake case, IDs as strings, times in ISO 8601 UTC.

use std::collections::BTreeMap;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{Hints, iso};
use crate::exit_code::ExitCode;
use crate::model::{
    ChannelResult, Counter, CounterGroup, CounterSpec, CounterUnit, Counts, FailingChannel, Finding, Job,
    JobError, JobStatus, StatusOverview, TenantKey, TenantOverview, Timestamp,
};
use crate::plan::next_try_at;

/// `schema` of every document: raised when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// The last lines of `start --format json`: the errors that no channel event has
/// reported, then the summary. `run_id` is `None` for a run that never started.
pub fn summary(
    run_id: Option<&str>,
    exit_code: ExitCode,
    jobs: &[Job],
    hints: Hints,
    now: Timestamp,
) -> String {
    let errors = jobs.iter().flat_map(|job| {
        let unreported = job.errors.iter().filter(|error| !is_reported(error, job));
        unreported.map(|unreported| {
            let mut event = error(unreported, &job.platform, hints);
            event["event"] = "error".into();
            event["job_id"] = job.job_id.as_str().into();
            event
        })
    });
    let mut lines = errors.fold(String::new(), |lines, event| lines + &event.to_string() + "\n");
    let summary = Summary {
        event: "summary",
        exit_code: exit_code.number(),
        jobs: documents(jobs, hints, now),
        run_id,
        schema: SCHEMA,
    };
    lines.push_str(&text(&summary));
    lines.push('\n');
    lines
}

/// The summary event. Fields in alphabetical order, as in `serde_json`'s maps.
#[derive(Serialize)]
struct Summary<'a> {
    event: &'static str,
    exit_code: u8,
    jobs: Vec<JobDocument<'a>>,
    run_id: Option<&'a str>,
    schema: u32,
}

/// The document of `status`.
#[derive(Serialize)]
struct OverviewDocument<'a> {
    failing_channels: Vec<Value>,
    interrupted: Vec<JobDocument<'a>>,
    queued: Vec<JobDocument<'a>>,
    running: Vec<JobDocument<'a>>,
    schema: u32,
    tenants: Vec<Value>,
    unknown_fields: BTreeMap<String, u64>,
}

/// A job. Serializes its channels one by one: a run can have read tens of thousands, and
/// a JSON value of each takes kilobytes.
struct JobDocument<'a> {
    job: &'a Job,
    hints: Hints,
    now: Timestamp,
}

struct ChannelResults<'a>(&'a [ChannelResult]);

impl Serialize for JobDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = job_fields(self.job, self.hints, self.now);
        let mut map = serializer.serialize_map(Some(fields.len()))?;
        for (name, value) in &fields {
            if name == CHANNEL_RESULTS {
                map.serialize_entry(name, &ChannelResults(&self.job.channels))?;
            } else {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

impl Serialize for ChannelResults<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(channel_result))
    }
}

fn documents(jobs: &[Job], hints: Hints, now: Timestamp) -> Vec<JobDocument<'_>> {
    jobs.iter().map(|job| JobDocument { job, hints, now }).collect()
}

/// Serializes to a string. Can't fail: all map keys are strings.
fn text(document: &impl Serialize) -> String {
    serde_json::to_string(document).unwrap_or_default()
}

/// Whether the event at the end of the channel's reading has reported the error.
fn is_reported(error: &JobError, job: &Job) -> bool {
    let channels = &job.channels;
    error.channel_id.as_ref().is_some_and(|id| channels.iter().any(|channel| channel.channel_id == *id))
}

/// The error event of a channel that was not read.
pub fn channel_error(channel: &str, error: &str) -> String {
    format!("{}\n", json!({"event": "error", "channel_id": channel, "error": error}))
}

/// The error event of a failure that ended a run or kept it from starting.
pub fn failure(message: &str, hint: Option<&str>) -> String {
    format!("{}\n", json!({"event": "error", "channel_id": null, "error": message, "hint": hint}))
}

/// The document of `status`. `stale` has the tenants whose last success is too old, if
/// `--max-age` was given.
pub fn overview(
    overview: &StatusOverview,
    stale: Option<&[TenantKey]>,
    hints: Hints,
    now: Timestamp,
) -> String {
    text(&OverviewDocument {
        failing_channels: overview
            .failing_channels
            .iter()
            .map(|channel| failing_channel(channel, hints))
            .collect(),
        interrupted: documents(&overview.interrupted, hints, now),
        queued: documents(&overview.queued, hints, now),
        running: documents(&overview.running, hints, now),
        schema: SCHEMA,
        tenants: overview.tenants.iter().map(|item| tenant(item, stale, hints, now)).collect(),
        unknown_fields: overview.unknown_fields.iter().cloned().collect(),
    })
}

fn tenant(tenant: &TenantOverview, stale: Option<&[TenantKey]>, hints: Hints, now: Timestamp) -> Value {
    let platform = tenant.workspace.platform.as_str();
    let mut value = json!({
        "tenant": tenant.name,
        "guild_id": tenant.workspace_id,
        "status": tenant.status.name(),
        "last_sync_at": time(tenant.last_sync_at),
        "last_success_at": time(tenant.last_success_at),
        "last_error": tenant.last_error.as_ref().map(|last| &last.error),
        "hint": tenant.last_error.as_ref().and_then(|last| hints.of(platform, last.cause?)),
        "channels": {
            "total": tenant.channels.total,
            "done": tenant.channels.done,
            "failing": tenant.channels.failing,
            "hidden": tenant.channels.hidden,
            "unreadable": tenant.channels.unreadable,
            "deleted": tenant.channels.deleted,
        },
        "messages": tenant.messages,
        "broken_messages": tenant.malformed_messages,
        "reactions_pending": tenant.pending_reactor_lists,
        "findings": tenant.findings.iter().map(|item| finding(item, platform, hints, now)).collect::<Vec<_>>(),
        "lost_channels": tenant.lost_channels,
        "unmatched": tenant.unmatched,
    });
    if let Some(stale) = stale {
        value["stale"] = stale.contains(&tenant.workspace).into();
    }
    value
}

/// A finding. A `known` one no longer prevents a run from completing.
fn finding(finding: &Finding, platform: &str, hints: Hints, now: Timestamp) -> Value {
    let cause = finding.kind.cause();
    json!({
        "kind": cause.name(),
        "channel_id": finding.channel_id,
        "channel": finding.channel_id.as_ref().map(|_| &finding.name),
        "count": finding.count,
        "since": iso(finding.since),
        "known": finding.is_known(now),
        "error": finding.text(),
        "hint": hints.of(platform, cause),
    })
}

fn failing_channel(channel: &FailingChannel, hints: Hints) -> Value {
    json!({
        "tenant": channel.tenant,
        "channel_id": channel.channel_id,
        "channel": channel.name,
        "error": channel.last_error.error,
        "hint": channel.last_error.cause.and_then(|cause| hints.of(&channel.platform, cause)),
        "failure_count": channel.failure_count,
        "since": time(channel.since),
        "dead_letter": next_try_at(channel.failure_count, channel.failed_at).is_some(),
        "next_try_at": time(next_try_at(channel.failure_count, channel.failed_at)),
    })
}

/// The document of a job with its channels.
pub fn job(job: &Job, hints: Hints, now: Timestamp) -> String {
    text(&OneJob { job: JobDocument { job, hints, now }, schema: SCHEMA })
}

/// A job as a document of its own.
#[derive(Serialize)]
struct OneJob<'a> {
    #[serde(flatten)]
    job: JobDocument<'a>,
    schema: u32,
}

/// The document of `status --runs`: the newest run first, each with its jobs.
pub fn runs(runs: &[Vec<Job>]) -> String {
    let job = |job: &Job| {
        json!({
            "job_id": job.job_id,
            "tenant": job.tenant,
            "kind": job.kind.name(),
            "status": job.status.name(),
            "started_at": time(job.started_at),
            "completed_at": time(job.completed_at),
            "messages_processed": job.stats.counts.get(Counter::Messages),
            "messages_new": job.stats.counts.get(Counter::NewMessages),
            "messages_changed": job.stats.counts.get(Counter::ChangedMessages),
            "errors": job.errors.len(),
        })
    };
    let run = |jobs: &Vec<Job>| {
        json!({
            "run_id": jobs.first().map(|job| &job.run_id),
            "jobs": jobs.iter().map(job).collect::<Vec<_>>(),
        })
    };
    json!({ "schema": SCHEMA, "runs": runs.iter().map(run).collect::<Vec<_>>() }).to_string() + "\n"
}

/// Key of a job's channels.
const CHANNEL_RESULTS: &str = "channel_results";

/// The fields of a job; `channel_results` is null.
fn job_fields(job: &Job, hints: Hints, now: Timestamp) -> Map<String, Value> {
    let stats = &job.stats;
    let mut value = json!({
        "job_id": job.job_id,
        "run_id": job.run_id,
        "tenant": job.tenant,
        "kind": job.kind.name(),
        "status": job.status.name(),
        "started_at": time(job.started_at),
        "completed_at": time(job.completed_at),
        "channels_total": stats.channels_total,
        "channels_processed": stats.channels_processed,
        "channels_skipped": stats.channels_skipped,
        "channels_unreadable": stats.channels_unreadable,
        "messages_reread": stats.counts.reread_messages(),
        "reactions_pending": stats.pending_reactor_lists,
        "errors": job.errors.iter().map(|item| error(item, &job.platform, hints)).collect::<Vec<_>>(),
        "parallel_stats": {
            "max_concurrent_channels": stats.max_concurrent_channels,
            "average_channel_seconds": stats.average_channel_seconds,
            "rate_limit_wait_seconds": stats.counts.limit_wait_seconds(),
            "waits": {},
            "messages_per_second": super::jobs::messages_per_second(job, now),
        },
        CHANNEL_RESULTS: null,
    });
    for spec in Counter::ALL {
        let group = match spec.group {
            CounterGroup::Job => &mut value,
            CounterGroup::Parallel => &mut value["parallel_stats"],
            CounterGroup::Waits => &mut value["parallel_stats"]["waits"],
            CounterGroup::Estimate => continue,
        };
        group[spec.key] = counted(spec, &stats.counts);
    }
    match job.status {
        JobStatus::Running => {
            value["progress"] = stats.progress.into();
            value["eta_seconds"] = stats.eta_seconds.into();
        }
        JobStatus::Queued => value["queue_position"] = job.queue_position.into(),
        _ => {}
    }
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn error(error: &JobError, platform: &str, hints: Hints) -> Value {
    json!({
        "channel_id": error.channel_id,
        "cause": error.cause.name(),
        "error": error.error,
        "hint": hints.of(platform, error.cause),
        "timestamp": iso(error.at),
    })
}

fn channel_result(channel: &ChannelResult) -> Value {
    let mut value = json!({
        "channel_id": channel.channel_id,
        "channel": channel.name,
        "status": channel.status.name(),
        "worker_id": channel.worker_id,
        "started_at": time(channel.started_at),
        "completed_at": time(channel.completed_at),
        "last_message_id": channel.last_message_id,
        "messages_per_second": channel.messages_per_second,
        "rate_limit_wait_seconds": channel.counts.limit_wait_seconds(),
        "waits": {},
        "error": channel.error,
    });
    for spec in Counter::ALL {
        let Some(key) = spec.channel_column else { continue };
        match spec.group {
            CounterGroup::Waits => value["waits"][spec.key] = counted(spec, &channel.counts),
            _ => value[key] = counted(spec, &channel.counts),
        }
    }
    value
}

/// A counter's value in its unit.
fn counted(spec: &CounterSpec, counts: &Counts) -> Value {
    match spec.unit {
        CounterUnit::Count => counts.get(spec.counter).into(),
        CounterUnit::Seconds => counts.seconds(spec.counter).into(),
    }
}

fn time(time: Option<Timestamp>) -> Value {
    time.map(iso).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_in_its_group() {
        let mut job = Job::queued("run", 0, "takaro", None);
        for (index, spec) in Counter::ALL.iter().enumerate() {
            job.stats.counts.set(spec.counter, 1000 + index as u64);
        }
        let document: Value =
            serde_json::from_str(&super::job(&job, Hints(&[]), Timestamp::default())).unwrap();
        for (index, spec) in Counter::ALL.iter().enumerate() {
            let group = match spec.group {
                CounterGroup::Job => &document,
                CounterGroup::Parallel => &document["parallel_stats"],
                CounterGroup::Waits => &document["parallel_stats"]["waits"],
                CounterGroup::Estimate => continue,
            };
            let expected: Value = match spec.unit {
                CounterUnit::Count => (1000 + index).into(),
                #[allow(clippy::cast_precision_loss, reason = "small")]
                CounterUnit::Seconds => ((1000 + index) as f64 / 1000.0).into(),
            };
            assert_eq!(group[spec.key], expected, "{}", spec.key);
        }
    }
}
