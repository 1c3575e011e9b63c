//! JSON for scripts: names in snake case, IDs as strings, times ISO 8601 in UTC.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{hint, iso};
use crate::exit_code::ExitCode;
use crate::model::{
    ChannelId, ChannelResult, FailingChannel, Finding, Job, JobError, JobStatus, LastError, Overview,
    TenantOverview, Timestamp, Waits, WorkspaceId,
};
use crate::plan::dead_until;

/// The last lines of `start --format json`: errors that were no channel's
/// reading, and the summary. `run_id` is `None` for a run that never began.
pub fn summary(run_id: Option<&str>, exit_code: ExitCode, jobs: &[Job], now: Timestamp) -> String {
    let errors = jobs.iter().flat_map(|job| {
        let untold = job.errors.iter().filter(|error| !is_of_reading(error, job));
        untold.map(|untold| {
            let mut event = error(untold);
            event["event"] = "error".into();
            event["job_id"] = job.job_id.as_str().into();
            event
        })
    });
    let summary = json!({
        "event": "summary",
        "run_id": run_id,
        "exit_code": exit_code.number(),
        "jobs": jobs.iter().map(|of_run| job(of_run, now)).collect::<Vec<_>>(),
    });
    errors.chain([summary]).fold(String::new(), |lines, event| lines + &event.to_string() + "\n")
}

/// Whether the error was told when the channel's reading ended.
fn is_of_reading(error: &JobError, job: &Job) -> bool {
    let channels = &job.channels;
    error.channel_id.is_some_and(|id| channels.iter().any(|channel| channel.channel_id == id))
}

/// An event: what failed with a channel that nobody read.
pub fn channel_error(channel: ChannelId, error: &str) -> String {
    let channel = channel.to_string();
    format!("{}\n", json!({"event": "error", "channel_id": channel, "error": error}))
}

/// An event: what ended a run, or kept it from beginning.
pub fn failure(message: &str, hint: Option<&str>) -> String {
    format!("{}\n", json!({"event": "error", "channel_id": null, "error": message, "hint": hint}))
}

/// What `status` shows. `stale` are those whose last success is too old, if that
/// was asked for.
pub fn overview(overview: &Overview, stale: Option<&[WorkspaceId]>, now: Timestamp) -> Value {
    let jobs = |jobs: &[Job]| jobs.iter().map(|of_list| job(of_list, now)).collect::<Vec<_>>();
    json!({
        "tenants": overview.tenants.iter().map(|of_list| tenant(of_list, stale, now)).collect::<Vec<_>>(),
        "running": jobs(&overview.running),
        "queued": jobs(&overview.queued),
        "interrupted": jobs(&overview.interrupted),
        "failing_channels": overview.failing_channels.iter().map(failing_channel).collect::<Vec<_>>(),
        "unknown_fields": overview.unknown_fields.iter().cloned().collect::<BTreeMap<_, _>>(),
    })
}

fn tenant(tenant: &TenantOverview, stale: Option<&[WorkspaceId]>, now: Timestamp) -> Value {
    let mut value = json!({
        "tenant": tenant.name,
        "guild_id": tenant.workspace_id.to_string(),
        "status": tenant.status.name(),
        "last_sync_at": time(tenant.last_sync_at),
        "last_success_at": time(tenant.last_success_at),
        "last_error": tenant.last_error.as_ref().map(|last| &last.error),
        "hint": tenant.last_error.as_ref().and_then(hint_of),
        "channels": {
            "total": tenant.channels.total,
            "done": tenant.channels.done,
            "failing": tenant.channels.failing,
            "hidden": tenant.channels.hidden,
            "unreadable": tenant.channels.unreadable,
            "deleted": tenant.channels.deleted,
        },
        "messages": tenant.messages,
        "broken_messages": tenant.broken_messages,
        "reactions_pending": tenant.reactions_pending,
        "findings": tenant.findings.iter().map(|of_list| finding(of_list, now)).collect::<Vec<_>>(),
        "lost_channels": tenant.lost_channels,
        "unmatched": tenant.unmatched,
    });
    if let Some(stale) = stale {
        value["stale"] = stale.contains(&tenant.workspace_id).into();
    }
    value
}

/// Something incomplete; `known` ones keep no run from being a success any more.
fn finding(finding: &Finding, now: Timestamp) -> Value {
    let cause = finding.kind.cause();
    json!({
        "kind": cause.name(),
        "channel_id": finding.channel.map(|id| id.to_string()),
        "channel": finding.channel.map(|_| &finding.name),
        "count": finding.count,
        "since": iso(finding.since),
        "known": finding.is_known(now),
        "error": finding.text(),
        "hint": hint(cause),
    })
}

fn hint_of(last: &LastError) -> Option<&'static str> {
    hint(last.cause?)
}

fn failing_channel(channel: &FailingChannel) -> Value {
    json!({
        "tenant": channel.tenant,
        "channel_id": channel.channel_id.to_string(),
        "channel": channel.name,
        "error": channel.last_error.error,
        "hint": hint_of(&channel.last_error),
        "failure_count": channel.failure_count,
        "since": time(channel.since),
        "dead_letter": dead_until(channel.failure_count, channel.failed_at).is_some(),
        "next_try_at": time(dead_until(channel.failure_count, channel.failed_at)),
    })
}

/// A job with its channels.
pub fn job(job: &Job, now: Timestamp) -> Value {
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
        "messages_processed": stats.messages_processed,
        "messages_new": stats.messages_new,
        "messages_changed": stats.messages_changed,
        "messages_reread": stats.messages_reread(),
        "broken_messages": stats.broken_messages,
        "reactions_processed": stats.reactions_processed,
        "reactions_pending": stats.reactions_pending,
        "attachments_processed": stats.attachments_processed,
        "errors": job.errors.iter().map(error).collect::<Vec<_>>(),
        "parallel_stats": {
            "max_concurrent_channels": stats.max_concurrent_channels,
            "average_channel_seconds": stats.average_channel_seconds,
            "total_api_calls": stats.requests.sent,
            "rate_limit_encounters": stats.requests.rate_limit_encounters,
            "rate_limit_wait_seconds": stats.requests.waits.for_limits(),
            "waits": waits(&stats.requests.waits),
            "retries": stats.requests.retries,
            "messages_per_second": super::human::messages_per_second(job, now),
        },
        "channel_results": job.channels.iter().map(channel_result).collect::<Vec<_>>(),
    });
    match job.status {
        JobStatus::Running => {
            value["progress"] = stats.progress.into();
            value["eta_seconds"] = stats.eta_seconds.into();
        }
        JobStatus::Queued => value["queue_position"] = job.queue_position.into(),
        _ => {}
    }
    value
}

fn error(error: &JobError) -> Value {
    json!({
        "channel_id": error.channel_id.map(|id| id.to_string()),
        "cause": error.cause.name(),
        "error": error.error,
        "hint": hint(error.cause),
        "timestamp": iso(error.at),
    })
}

fn channel_result(channel: &ChannelResult) -> Value {
    json!({
        "channel_id": channel.channel_id.to_string(),
        "channel": channel.name,
        "status": channel.status.name(),
        "worker_id": channel.worker_id,
        "started_at": time(channel.started_at),
        "completed_at": time(channel.completed_at),
        "messages_processed": channel.messages_processed,
        "last_message_id": channel.last_message_id.map(|id| id.to_string()),
        "messages_per_second": channel.messages_per_second,
        "retry_count": channel.requests.retries,
        "total_api_calls": channel.requests.sent,
        "rate_limit_encounters": channel.requests.rate_limit_encounters,
        "rate_limit_wait_seconds": channel.requests.waits.for_limits(),
        "waits": waits(&channel.requests.waits),
        "error": channel.error,
    })
}

/// What was waited for, summed over requests.
fn waits(waits: &Waits) -> Value {
    json!({
        "bucket_seconds": waits.bucket_seconds,
        "global_seconds": waits.global_seconds,
        "guard_seconds": waits.guard_seconds,
        "pace_seconds": waits.pace_seconds,
        "retry_seconds": waits.retry_seconds,
    })
}

fn time(time: Option<Timestamp>) -> Value {
    time.map(iso).into()
}
