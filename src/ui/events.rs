//! Events for scripts: one JSON object per line on stdout.

use serde_json::{Value, json};

use super::output::Output;
use crate::monitor::{Counter, Event, Monitor};

/// A [`Monitor`] that writes each event as it happens.
#[derive(Debug)]
pub struct Events {
    output: Output,
}

impl Events {
    /// Writes events to `output`.
    pub const fn new(output: Output) -> Self {
        Self { output }
    }
}

impl Monitor for Events {
    fn count(&self, _: Counter, _: u64) {}

    fn event(&self, event: Event) {
        let error = error(&event);
        for value in value(event).into_iter().chain(error) {
            self.output.write(&format!("{value}\n"));
        }
    }
}

/// The additional `error` event for a channel that ended with an error.
fn error(event: &Event) -> Option<Value> {
    let Event::ChannelFinished { channel, error: Some(error), .. } = event else { return None };
    Some(json!({"event": "error", "job_id": *channel.job_id, "channel_id": *channel.id, "error": error}))
}

fn value(event: Event) -> Option<Value> {
    Some(match event {
        Event::JobStarted { job_id, tenant } => {
            json!({"event": "job_started", "job_id": job_id, "tenant": tenant})
        }
        Event::Planned { job_id, channels, skipped, unreadable } => json!({
            "event": "planned", "job_id": job_id, "channels": channels, "channels_skipped": skipped,
            "channels_unreadable": unreadable,
        }),
        Event::ChannelStarted { channel, name, worker } => json!({
            "event": "channel_started", "job_id": *channel.job_id, "channel_id": *channel.id, "channel": name,
            "worker_id": worker,
        }),
        Event::ChannelFinished { channel, status, messages, error } => json!({
            "event": "channel_finished", "job_id": *channel.job_id, "channel_id": *channel.id,
            "status": status.name(), "messages_processed": messages, "error": error,
        }),
        Event::JobProgress { job_id, stats } => json!({
            "event": "progress", "job_id": job_id, "progress": stats.progress, "eta_seconds": stats.eta_seconds,
            "channels_processed": stats.channels_processed, "channels_total": stats.channels_total,
            "messages_processed": stats.counts.get(Counter::Messages), "total_api_calls": stats.counts.get(Counter::ApiCalls),
        }),
        Event::JobFinished { job_id, status } => {
            json!({"event": "job_finished", "job_id": job_id, "status": status.name()})
        }
        Event::RateLimited { scope, wait, limit, endpoint } => json!({
            "event": "rate_limited", "scope": scope, "retry_after_seconds": wait.as_secs_f64(), "limit": limit,
            "endpoint": endpoint,
        }),
        Event::Retrying { error, wait } => {
            json!({"event": "retrying", "error": error, "retry_after_seconds": wait.as_secs_f64()})
        }
        Event::Note(text) => json!({"event": "note", "message": text}),
        Event::Warning(text) => json!({"event": "warning", "message": text}),
        Event::ReactorListsQueued { job_id, reactions } => {
            json!({"event": "reactions_queued", "job_id": job_id, "reactions_pending": reactions})
        }
        Event::ChannelAdvanced { .. } | Event::ChannelPaused { .. } => return None,
    })
}
