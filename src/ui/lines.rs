//! Progress without a terminal: a line on stderr at regular intervals.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::durations;
use super::output::to_colored_stderr;
use super::ticker::every;
use super::totals::{Phase, Totals};
use crate::model::{Tone, escape_controls, with_noun, with_separators};
use crate::monitor::{Counter, Event, Monitor};

/// Interval between two progress lines.
const INTERVAL: Duration = Duration::from_secs(30);

/// Format of messages to the operator on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MessageSink {
    /// Plain lines.
    #[default]
    Text,
    /// Log records, so that every line of stderr has the log's format.
    Log,
}

impl MessageSink {
    /// Reports progress. With [`Self::Text`], passes a complete line to `write`.
    fn info(self, text: &str, write: impl FnOnce(&str)) {
        match self {
            Self::Text => write(&format!("{}\n", escape_controls(text))),
            Self::Log => tracing::info!(target: "sync-progress", "{text}"),
        }
    }

    /// Reports a warning. With [`Self::Text`], passes a complete line to `write`.
    pub fn warn(self, text: &str, write: impl FnOnce(&str)) {
        match self {
            Self::Text => write(&labelled(Tone::Warning, "warning:", text)),
            Self::Log => tracing::warn!(target: "sync-progress", "{text}"),
        }
    }

    /// Reports an error and a hint. With [`Self::Text`], passes complete lines to
    /// `write`.
    pub fn fail(self, text: &str, hint: Option<&str>, write: impl FnOnce(&str)) {
        match (self, hint) {
            (Self::Text, hint) => {
                let hint = hint.map(|hint| labelled(Tone::Hint, "hint:", hint)).unwrap_or_default();
                write(&(labelled(Tone::Failure, "error:", text) + &hint));
            }
            (Self::Log, hint) => tracing::error!(target: "sync-progress", hint, "{text}"),
        }
    }
}

/// A line with a coloured label. The text is escaped, because it may quote others.
fn labelled(tone: Tone, label: &str, text: &str) -> String {
    format!("{} {}\n", tone.paint(label), escape_controls(text))
}

/// Reports notes and warnings; ignores all other events.
pub(super) fn report_notice(message_sink: MessageSink, event: &Event, write: impl FnOnce(&str)) {
    match event {
        Event::Note(text) => message_sink.info(text, write),
        Event::Warning(text) => message_sink.warn(text, write),
        _ => {}
    }
}

/// A [`Monitor`] that prints progress lines on stderr.
#[derive(Debug)]
pub struct Lines {
    totals: Mutex<Totals>,
    message_sink: MessageSink,
}

impl Lines {
    /// Starts printing.
    pub fn start(message_sink: MessageSink) -> Arc<Self> {
        let lines = Arc::new(Self { totals: Mutex::default(), message_sink });
        every(INTERVAL, &lines, Self::print_progress);
        lines
    }

    fn print_progress(&self) {
        let line = {
            let totals = self.totals();
            totals.has_begun().then(|| progress_line(&totals))
        };
        if let Some(line) = line {
            self.message_sink.info(&line, to_colored_stderr);
        }
    }

    fn totals(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Monitor for Lines {
    fn count(&self, counter: Counter, amount: u64) {
        self.totals().count(counter, amount);
    }

    fn event(&self, event: Event) {
        report_notice(self.message_sink, &event, to_colored_stderr);
        self.totals().event(&event);
    }
}

/// The progress of the run with the counts of the current phase, then those of activities
/// beside it, then a wait.
fn progress_line(totals: &Totals) -> String {
    let requests = format!("{} requests/s", totals.requests.rounded_per_second());
    let messages = with_noun(totals.messages.sum(), "message");
    let channels =
        format!("{} of {} channels", with_separators(totals.channels_done), with_separators(totals.channels));
    let percent = (totals.progress() * 100.0).floor();
    let eta = durations::eta(totals.eta());
    let listings = format!(
        "listing archived threads {}/{}",
        with_separators(totals.listings_done),
        with_separators(totals.listings)
    );
    let (done, all) = (with_separators(totals.reactions_done.sum()), with_separators(totals.reactions));
    let reactions = format!("reactors: {done} of {all} reactions");
    let mut parts = match totals.phase() {
        Phase::Planning => vec![format!("listing channels, {requests}")],
        Phase::Channels | Phase::Done => {
            let eta = if totals.phase() == Phase::Done { String::new() } else { format!(", {eta}") };
            let rate = with_separators(totals.messages.rounded_per_second());
            vec![format!("{percent:.0} %: {channels}, {messages}, {rate} messages/s, {requests}{eta}")]
        }
        Phase::Listings => {
            vec![format!("{percent:.0} %: {listings}, {requests}, {eta}"), format!("{channels}, {messages}")]
        }
        Phase::Reactors => {
            vec![format!("{percent:.0} %: {reactions}, {requests}, {eta}"), format!("{messages} archived")]
        }
    };
    if totals.phase() == Phase::Channels && totals.is_listing() {
        parts.push(listings);
    }
    if totals.phase() != Phase::Reactors && totals.is_reading_reactors() {
        parts.push(reactions);
    }
    parts.extend(totals.wait().map(|wait| durations::wait(wait, false)));
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::model::{JobStats, ProgressStatus};
    use crate::monitor::JobChannel;

    fn job_id() -> String {
        "job".to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_shows_the_progress_of_each_phase() {
        let mut totals = Totals::default();
        totals.count(Counter::ApiCalls, 30);
        advance(Duration::from_secs(10)).await;
        totals.count(Counter::ApiCalls, 30);
        totals.event(&Event::JobStarted { job_id: job_id(), tenant: "takaro".to_owned() });
        assert_eq!(progress_line(&totals), "listing channels, 3 requests/s");

        totals.event(&Event::Planned { job_id: job_id(), channels: 2, skipped: 0, unreadable: 0 });
        totals.count(Counter::Messages, 49_970);
        let stats = JobStats { progress: 0.999, eta_seconds: Some(130.0), ..JobStats::default() };
        totals.event(&Event::JobProgress { job_id: job_id(), stats: Box::new(stats) });
        totals.count(Counter::ListingsQueued, 2000);
        totals.count(Counter::ListingsRead, 812);
        assert_eq!(
            progress_line(&totals),
            "99 %: 0 of 2 channels, 49,970 messages, 4,997 messages/s, 3 requests/s, ETA 2m 10s; \
             listing archived threads 812/2,000"
        );

        for number in ["1", "2"] {
            totals.event(&Event::ChannelFinished {
                channel: JobChannel { job_id: job_id().into(), id: number.into() },
                status: ProgressStatus::Completed,
                messages: 0,
                error: None,
            });
        }
        let wait = Duration::from_secs(3);
        totals.event(&Event::Retrying { error: String::new(), wait });
        assert_eq!(
            progress_line(&totals),
            "99 %: listing archived threads 812/2,000, 3 requests/s, ETA 2m 10s; 2 of 2 channels, 49,970 messages; \
             request failed, retrying in 3s"
        );

        totals.count(Counter::ListingsRead, 1188);
        totals.event(&Event::ReactorListsQueued { job_id: job_id(), reactions: 17_930 });
        advance(Duration::from_secs(20)).await;
        totals.count(Counter::ReactorListsRead, 480);
        totals.count(Counter::ApiCalls, 480);
        let stats = JobStats { progress: 0.42, eta_seconds: Some(363.0), ..JobStats::default() };
        totals.event(&Event::JobProgress { job_id: job_id(), stats: Box::new(stats) });
        let reacted = "42 %: reactors: 480 of 17,930 reactions, 48 requests/s, ETA 6m 03s";
        assert_eq!(progress_line(&totals), format!("{reacted}; 49,970 messages archived"));
    }
}
