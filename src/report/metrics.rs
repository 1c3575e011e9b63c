//! The state of the archive and its last run for Prometheus, in its text format.

use std::fmt::Write as _;
use std::time::Duration;

use crate::exit_code::ExitCode;
use crate::model::{Counter, Job, TenantOverview, Timestamp};

/// A run that has ended.
#[derive(Debug, Clone, Copy)]
pub struct EndedRun<'r> {
    /// When it ended.
    pub ended_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Its exit code.
    pub exit_code: ExitCode,
    /// Its jobs; none if it ended before it started.
    pub jobs: &'r [Job],
}

/// Who sets a limit that a request exceeded, with its counter.
const SCOPES: [(&str, Counter); 3] = [
    ("user", Counter::UserRateLimits),
    ("shared", Counter::SharedRateLimits),
    ("global", Counter::GlobalRateLimits),
];

/// A number of a tenant.
type TenantValue = fn(&TenantOverview) -> u64;

/// Gauges of the last run and of tenants, by name. `archive_bytes` is `None` if there is no archive.
pub fn metrics(run: EndedRun<'_>, tenants: &[TenantOverview], archive_bytes: Option<u64>) -> String {
    let mut text = Metrics::default();
    let sum = |counter| run.jobs.iter().map(|job| job.stats.counts.get(counter)).sum::<u64>();
    let seconds = |time: Timestamp| time.as_millis().div_euclid(1000).to_string();
    text.gauge("last_run_timestamp_seconds", "When the last run ended.").value(&[], &seconds(run.ended_at));
    text.gauge("last_run_exit_code", "Exit code of the last run; 0 if everything requested is archived.")
        .value(&[], &run.exit_code.number().to_string());
    text.gauge("last_run_duration_seconds", "How long the last run took.")
        .value(&[], &format!("{:.3}", run.took.as_secs_f64()));
    text.gauge("last_run_requests", "Requests of the last run, retries included.")
        .value(&[], &sum(Counter::ApiCalls).to_string());
    let limited = text.gauge("last_run_rate_limited", "Requests of the last run that exceeded a rate limit.");
    for (scope, counter) in SCOPES {
        limited.value(&[("scope", scope)], &sum(counter).to_string());
    }
    let of_tenants: [(&str, &str, TenantValue); 5] = [
        (
            "last_success_timestamp_seconds",
            "When everything of the tenant was last archived; 0 for never.",
            |tenant| {
                let seconds = tenant.last_success_at.map_or(0, |time| time.as_millis().div_euclid(1000));
                u64::try_from(seconds).unwrap_or(0)
            },
        ),
        ("archived_messages", "Messages of the tenant in the archive, deleted ones as well.", |tenant| {
            tenant.messages
        }),
        ("failing_channels", "Channels of the tenant that could not be read.", |tenant| {
            tenant.channels.failing
        }),
        ("findings", "What is known to be missing of the tenant, or not to be as it should.", |tenant| {
            tenant.findings.len() as u64
        }),
        (
            "reactions_pending",
            "Emoji on messages of the tenant for which it is still to be read who gave them.",
            |tenant| tenant.pending_reactor_lists,
        ),
    ];
    for (name, help, value) in of_tenants {
        let gauge = text.gauge(name, help);
        for tenant in tenants {
            gauge.value(&[("tenant", &tenant.name)], &value(tenant).to_string());
        }
    }
    let channels = text.gauge("channels", "Channels and threads of the tenant in the archive, by state.");
    for tenant in tenants {
        let counts = &tenant.channels;
        let closed =
            [("hidden", counts.hidden), ("unreadable", counts.unreadable), ("deleted", counts.deleted)];
        let active = counts.total.saturating_sub(closed.iter().map(|(_, count)| count).sum());
        for (state, count) in [("active", active)].into_iter().chain(closed) {
            channels.value(&[("tenant", &tenant.name), ("state", state)], &count.to_string());
        }
    }
    if let Some(bytes) = archive_bytes {
        text.gauge("archive_bytes", "Size of the archive's file and its write-ahead log.")
            .value(&[], &bytes.to_string());
    }
    text.0
}

/// The text, with the gauge that values belong to.
#[derive(Debug, Default)]
struct Metrics(String, &'static str);

impl Metrics {
    fn gauge(&mut self, name: &'static str, help: &str) -> &mut Self {
        writeln!(self.0, "# HELP verta_sync_{name} {help}\n# TYPE verta_sync_{name} gauge").ok();
        self.1 = name;
        self
    }

    fn value(&mut self, labels: &[(&str, &str)], value: &str) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        writeln!(self.0, "verta_sync_{}{labels} {value}", self.1).ok();
    }
}

/// The value of a label.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_did_not_start_has_values() {
        let run = EndedRun {
            ended_at: Timestamp::from_millis(1_700_000_000_900),
            took: Duration::from_millis(1500),
            exit_code: ExitCode::Access,
            jobs: &[],
        };
        let text = metrics(run, &[], None);
        for line in [
            "verta_sync_last_run_timestamp_seconds 1700000000",
            "verta_sync_last_run_exit_code 4",
            "verta_sync_last_run_duration_seconds 1.500",
            "verta_sync_last_run_requests 0",
            "verta_sync_last_run_rate_limited{scope=\"global\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        assert!(!text.contains("archive_bytes"));
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
