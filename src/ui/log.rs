//! Writes events as log lines.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;

use crate::monitor::{Counter, Event, JobChannel, Monitor};

/// A [`Monitor`] that writes events to the log.
#[derive(Debug, Default)]
pub struct Log {
    /// Log rate limits at warn level instead of info: `DEBUG_RATE_LIMITS=1`.
    warns_of_rate_limits: bool,
    names: Mutex<Names>,
}

/// Names of jobs' tenants and of channels, by ID.
#[derive(Debug, Default)]
struct Names {
    jobs: HashMap<String, Job>,
    /// The open channels.
    channels: HashMap<JobChannel, String>,
}

#[derive(Debug)]
struct Job {
    tenant: String,
    is_planned: bool,
}

impl Log {
    /// Logs rate limits at warn level if `warns_of_rate_limits`, else at info level.
    pub fn new(warns_of_rate_limits: bool) -> Self {
        Self { warns_of_rate_limits, names: Mutex::default() }
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tenant(&self, job_id: &str) -> String {
        self.names().jobs.get(job_id).map(|job| job.tenant.clone()).unwrap_or_default()
    }

    /// Logs a plan. A job's first plan holds its channels, later ones archived threads.
    fn planned(&self, job_id: &str, channels: usize, skipped: usize, unreadable: usize) {
        let is_first = {
            let mut names = self.names();
            let Some(job) = names.jobs.get_mut(job_id) else { return };
            !std::mem::replace(&mut job.is_planned, true)
        };
        let tenant = self.tenant(job_id);
        if is_first {
            tracing::info!(tenant, job_id, channels, skipped, unreadable, "planned");
        } else if channels + skipped + unreadable > 0 {
            tracing::info!(tenant, job_id, threads = channels, skipped, unreadable, "threads planned");
        }
    }
}

impl Monitor for Log {
    fn count(&self, _: Counter, _: u64) {}

    fn event(&self, event: Event) {
        match event {
            Event::RateLimited { scope, wait, limit, endpoint } => {
                let timeout_seconds = wait.as_secs_f64();
                let (method, path) = endpoint.split_once(' ').unwrap_or(("GET", &endpoint));
                if self.warns_of_rate_limits {
                    tracing::warn!(scope, timeout_seconds, limit, method, path, "rate limited");
                } else {
                    tracing::info!(scope, timeout_seconds, limit, method, path, "rate limited");
                }
            }
            Event::Retrying { error, wait } => {
                tracing::info!(error, wait_seconds = wait.as_secs_f64(), "retrying a request");
            }
            Event::JobStarted { job_id, tenant } => {
                self.names().jobs.insert(job_id, Job { tenant, is_planned: false });
            }
            Event::ChannelStarted { channel, name, .. } => {
                self.names().channels.insert(channel, name);
            }
            Event::ChannelFinished { channel, status, messages, error } => {
                let name = self.names().channels.remove(&channel).unwrap_or_default();
                let (tenant, channel) = (self.tenant(&channel.job_id), &*channel.id);
                if let Some(error) = error {
                    tracing::info!(tenant, %channel, name, %status, messages, error, "channel finished with an error");
                } else {
                    tracing::info!(tenant, %channel, name, %status, messages, "channel finished");
                }
            }
            Event::JobFinished { job_id, status } => {
                tracing::info!(tenant = self.tenant(&job_id), job_id, %status, "job {status}");
            }
            Event::Planned { job_id, channels, skipped, unreadable } => {
                self.planned(&job_id, channels, skipped, unreadable);
            }
            _ => {}
        }
    }
}
