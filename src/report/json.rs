//! JSON for scripts: names in snake case, IDs as strings, times ISO 8601 in UTC.

use serde_json::{Value, json};

use super::{hint, iso};
use crate::exit_code::ExitCode;
use crate::model::{
    ChannelResult, FailingChannel, Job, JobError, JobStatus, Overview, TenantOverview, Timestamp,
};

/// The last line of `start --format json`.
pub fn summary(run_id: &str, exit_code: ExitCode, jobs: &[Job]) -> Value {
    json!({
        "event": "summary",
        "run_id": run_id,
        "exit_code": exit_code.number(),
        "jobs": jobs.iter().map(job).collect::<Vec<_>>(),
    })
}

/// What `status` shows.
pub fn overview(overview: &Overview) -> Value {
    json!({
        "tenants": overview.tenants.iter().map(tenant).collect::<Vec<_>>(),
        "running": overview.running.iter().map(job).collect::<Vec<_>>(),
        "queued": overview.queued.iter().map(job).collect::<Vec<_>>(),
        "failing_channels": overview.failing_channels.iter().map(failing_channel).collect::<Vec<_>>(),
    })
}

fn tenant(tenant: &TenantOverview) -> Value {
    json!({
        "tenant": tenant.name,
        "guild_id": tenant.workspace_id.to_string(),
        "status": tenant.status.name(),
        "last_sync_at": time(tenant.last_sync_at),
        "last_success_at": time(tenant.last_success_at),
        "last_error": tenant.last_error,
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
    })
}

fn failing_channel(channel: &FailingChannel) -> Value {
    json!({
        "tenant": channel.tenant,
        "channel_id": channel.channel_id.to_string(),
        "channel": channel.name,
        "error": channel.error,
        "failure_count": channel.failure_count,
        "since": time(channel.since),
    })
}

/// A job with its channels.
pub fn job(job: &Job) -> Value {
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
        "reactions_processed": stats.reactions_processed,
        "reactions_pending": 0,
        "attachments_processed": stats.attachments_processed,
        "errors": job.errors.iter().map(error).collect::<Vec<_>>(),
        "parallel_stats": {
            "max_concurrent_channels": stats.max_concurrent_channels,
            "average_channel_seconds": stats.average_channel_seconds,
            "total_api_calls": stats.total_api_calls,
            "rate_limit_encounters": stats.rate_limit_encounters,
            "rate_limit_wait_seconds": stats.rate_limit_wait_seconds,
            "retries": stats.retries,
            "messages_per_second": super::human::messages_per_second(job),
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
        "retry_count": channel.retry_count,
        "error": channel.error,
    })
}

fn time(time: Option<Timestamp>) -> Value {
    time.map(iso).into()
}
