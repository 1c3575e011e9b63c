//! The text of the bars, for a terminal of a certain size.

use unicode_width::UnicodeWidthStr as _;

use super::channels::Channel;
use super::totals::{Phase, Totals};
use super::words;
use crate::model::{Timestamp, grouped, shown};

/// Rows for channels, at most.
const CHANNEL_ROWS: usize = 8;
/// Columns of a name, at most.
const NAME_WIDTH: usize = 24;
/// Between the parts of a row.
const GAP: &str = "  ";
/// "100%" and a gap.
const PERCENT_COLUMNS: usize = 6;

/// How much is left out for want of room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Brevity {
    Nothing,
    /// Long words, and what matters least.
    Words,
    /// The reasons of waits, too.
    Reasons,
}

/// A bar and what stands behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// 0 to 1.
    pub progress: f64,
    /// Of the bar, if there are colours: a terminal's number.
    pub color: u8,
    /// What stands behind it.
    pub text: String,
}

/// The terminal that a frame is for.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Its columns and rows.
    pub size: (usize, usize),
    /// Whether bars are coloured.
    pub colors: bool,
}

impl Look {
    /// How many channels there is room for.
    pub const fn channel_rows(self) -> usize {
        let (_, rows) = self.size;
        let rows = rows.saturating_sub(2);
        if rows < CHANNEL_ROWS { rows } else { CHANNEL_ROWS }
    }

    /// Words count for more than bars.
    pub const fn bar_width(self) -> usize {
        match self.size.0 {
            0..60 => 0,
            60..80 => 6,
            _ => 12,
        }
    }

    const fn name_width(self) -> usize {
        let width = self.size.0 * 3 / 10;
        if width < NAME_WIDTH { width } else { NAME_WIDTH }
    }

    /// How much may be left out.
    const fn brevities(self) -> &'static [Brevity] {
        match self.size.0 {
            0..60 => &[Brevity::Nothing, Brevity::Words, Brevity::Reasons],
            _ => &[Brevity::Nothing, Brevity::Words],
        }
    }

    /// These parts with nothing left out, or with as little as there is room for
    /// beside the bar and its percentage. The last column stays free.
    fn row(self, progress: f64, color: u8, parts: impl Fn(Brevity) -> Vec<String>) -> Row {
        let bar_columns = if self.bar_width() > 0 { self.bar_width() + 1 } else { 0 };
        let room = self.size.0.saturating_sub(bar_columns + PERCENT_COLUMNS + 1);
        let parts: Vec<Vec<String>> = self.brevities().iter().map(|brevity| parts(*brevity)).collect();
        let whole = parts.iter().map(|parts| parts.join(GAP)).find(|text| text.width() <= room);
        let text = whole.or_else(|| parts.last().map(|parts| fit(parts, room))).unwrap_or_default();
        Row { progress, color, text }
    }
}

/// As many of the parts as there is room for; some of the first in any case.
fn fit(parts: &[String], room: usize) -> String {
    let mut text = String::new();
    for part in parts {
        if text.is_empty() {
            text = shown(part, room);
        } else if text.width() + GAP.len() + part.width() <= room {
            text = text + GAP + part;
        } else {
            break;
        }
    }
    text
}

/// The row of all channels. `requests_allowed` is what a second may see.
pub fn total_row(totals: &Totals, requests_allowed: f64, look: Look) -> Row {
    look.row(totals.progress(), 32, |brevity| total_parts(totals, requests_allowed, brevity))
}

/// What matters most comes first: a narrow terminal leaves the end out.
fn total_parts(totals: &Totals, requests_allowed: f64, brevity: Brevity) -> Vec<String> {
    let short =
        |short: &str, long: &str| if brevity >= Brevity::Words { short.to_owned() } else { long.to_owned() };
    let phase = totals.phase();
    let messages = format!("{} msgs", grouped(totals.messages.sum()));
    let requests = totals.requests.whole();
    let requests = short(&format!("{requests} req/s"), &format!("{requests}/{requests_allowed:.0} req/s"));
    let mut parts = Vec::new();
    if phase == Phase::Looking {
        parts.push("looking at channels".to_owned());
    }
    parts.extend(totals.wait().map(|wait| words::wait(wait, brevity == Brevity::Reasons)));
    if matches!(phase, Phase::Channels | Phase::Listings | Phase::Reactors) {
        parts.push(words::eta(totals.eta()));
    }
    if totals.is_listing() {
        let (done, all) = (grouped(totals.listings_done), grouped(totals.listings));
        let listing = match brevity {
            Brevity::Nothing => "listing archived threads",
            Brevity::Words => "archived threads",
            Brevity::Reasons => "threads",
        };
        parts.push(format!("{listing} {done}/{all}"));
    }
    if matches!(phase, Phase::Channels | Phase::Listings | Phase::Done) {
        let (done, all) = (grouped(totals.channels_done), grouped(totals.channels));
        parts.push(format!("{done}/{all} {}", short("ch", "channels")));
    }
    if totals.is_reading_reactors() {
        let (done, all) = (grouped(totals.reactions_done.sum()), grouped(totals.reactions));
        parts.push(format!("who reacted {done}/{all}"));
    }
    match phase {
        Phase::Looking => parts.push(requests),
        Phase::Reactors => parts.extend([requests, messages]),
        Phase::Channels | Phase::Listings | Phase::Done => {
            parts.extend([messages, format!("{}/s", grouped(totals.messages.whole())), requests]);
        }
    }
    parts
}

/// The row of a channel, and of its tenant if there are several.
pub fn channel_row(channel: &Channel, tenant: Option<&str>, look: Look) -> Row {
    let width = look.name_width();
    let tenant = tenant.map(|tenant| shown(tenant, width / 2) + " ").unwrap_or_default();
    let name = format!("{tenant}#{}", shown(&channel.name, width));
    look.row(channel.progress, 34, |brevity| {
        let mut parts = vec![name.clone()];
        let wait = channel.wait();
        parts.extend(wait.map(|wait| words::channel_wait(wait, brevity == Brevity::Reasons)));
        parts.extend(channel.reached.filter(|_| brevity == Brevity::Nothing).map(day));
        parts.push(format!("{} msgs", grouped(channel.messages.sum())));
        parts.push(format!("{}/s", grouped(channel.messages.whole())));
        parts
    })
}

/// A day in UTC.
fn day(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or_default();
    time.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::super::channels::Channels;
    use super::super::drawing::tests::drawn;
    use super::*;
    use crate::model::{JobStats, JobStatus};
    use crate::monitor::{Counter, Event, RunChannel, Wait};

    fn job_id() -> String {
        "job".to_owned()
    }

    fn look(columns: usize) -> Look {
        Look { size: (columns, 24), colors: false }
    }

    /// Totals of a job of 116 channels, 12 of which were read.
    fn totals() -> Totals {
        let mut totals = Totals::default();
        totals.event(&Event::JobStarted { job_id: job_id(), tenant: "takaro".to_owned() });
        totals.event(&planned(116));
        let stats = JobStats { progress: 0.429, eta_seconds: Some(283.2), ..JobStats::default() };
        totals.event(&Event::JobProgress { job_id: job_id(), stats });
        (1..=12).for_each(|number| totals.event(&finished(number)));
        totals
    }

    fn planned(channels: usize) -> Event {
        Event::Planned { job_id: job_id(), channels, skipped: 0, unreadable: 0 }
    }

    fn finished(number: u64) -> Event {
        Event::ChannelFinished {
            channel: id(number),
            status: crate::model::ProgressStatus::Completed,
            messages: 0,
            error: None,
        }
    }

    fn id(number: u64) -> RunChannel {
        RunChannel { job_id: job_id().into(), id: number.to_string().into() }
    }

    fn limited(scope: &'static str, seconds: u64) -> Event {
        let wait = Duration::from_secs(seconds);
        Event::RateLimited { scope, wait, limit: None, endpoint: "GET /".to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn the_total_leaves_out_what_there_is_no_room_for() {
        let mut totals = totals();
        advance(Duration::from_mins(1)).await;
        totals.count(Counter::Messages, 4_900);
        totals.count(Counter::ApiCalls, 480);
        let row = |columns| drawn(&total_row(&totals, 50.0, look(columns)), look(columns));
        let whole = "█████░░░░░░░  42%  ETA 4m 43s  12/116 channels  4,900 msgs  490/s  48/50 req/s";
        assert_eq!(row(200), whole);
        assert_eq!(row(80), whole);
        assert_eq!(row(70), "██░░░░  42%  ETA 4m 43s  12/116 ch  4,900 msgs  490/s  48 req/s");
        assert_eq!(row(59), " 42%  ETA 4m 43s  12/116 ch  4,900 msgs  490/s  48 req/s");
        assert_eq!(row(40), " 42%  ETA 4m 43s  12/116 ch  4,900 msgs");
        assert_eq!(row(12), " 42%  ETA …");
        assert!((0..200).all(|columns| row(columns).width() < columns.max(8)));
    }

    #[tokio::test(start_paused = true)]
    async fn before_anything_is_known_the_total_says_so_and_what_it_waits_for() {
        let mut totals = Totals::default();
        assert!(!totals.has_begun());
        totals.count(Counter::ApiCalls, 1);
        assert!(totals.has_begun());
        advance(Duration::from_secs(10)).await;
        let row =
            |totals: &Totals| drawn(&total_row(totals, 50.0, look(100)), look(100)).split_off("░".len() * 12);
        assert_eq!(row(&totals), "   0%  looking at channels  0/50 req/s");
        totals.event(&Event::Retrying { error: String::new(), wait: Duration::from_secs(3) });
        assert_eq!(
            row(&totals),
            "   0%  looking at channels  a request failed, tries again in 3s  0/50 req/s"
        );
        totals.event(&limited("global", 3000));
        assert_eq!(row(&totals), "   0%  looking at channels  waits 50m for a rate limit  0/50 req/s");
        advance(Duration::from_mins(50)).await;
        assert_eq!(row(&totals), "   0%  looking at channels  0/50 req/s");
    }

    #[tokio::test(start_paused = true)]
    async fn the_waits_of_one_channel_are_not_the_totals() {
        let mut totals = totals();
        totals.event(&limited("user", 5));
        totals.event(&limited("shared", 5));
        let wait = Duration::from_millis(2345);
        totals.event(&Event::Retrying { error: String::new(), wait });
        totals.event(&Event::ChannelWaits { channel: id(1), why: Wait::Retry, wait });
        assert_eq!(totals.wait(), None);
        totals.event(&limited("unknown", 5));
        assert_eq!(totals.wait(), Some((Wait::RateLimit, Duration::from_secs(5))));
    }

    #[tokio::test(start_paused = true)]
    async fn the_total_is_that_of_what_is_still_to_be_done() {
        let mut totals = totals();
        let row = |totals: &Totals| drawn(&total_row(totals, 50.0, look(200)), look(200));
        totals.count(Counter::ListingsQueued, 2000);
        totals.count(Counter::ListingsRead, 812);
        let both = " 42%  ETA 4m 43s  listing archived threads 812/2,000  12/116 channels  0 msgs";
        assert!(row(&totals).contains(both), "{}", row(&totals));
        (13..=116).for_each(|number| totals.event(&finished(number)));
        let listing = " 40%  ETA 4m 43s  listing archived threads 812/2,000  116/116 channels  0 msgs";
        assert!(row(&totals).contains(listing), "{}", row(&totals));
        totals.event(&limited("global", 5));
        let narrow = drawn(&total_row(&totals, 50.0, look(40)), look(40));
        assert_eq!(narrow, " 40%  waits 5s  ETA 4m 43s");
        let waits = drawn(&total_row(&totals, 50.0, look(80)), look(80));
        assert!(waits.contains(" 40%  waits 5s for a rate limit  ETA 4m 43s"), "{waits}");
        totals.count(Counter::ListingsRead, 1188);
        totals.event(&Event::ReactionsQueued { job_id: job_id(), reactions: 17_930 });
        advance(Duration::from_secs(10)).await;
        totals.count(Counter::ReactionsRead, 4_300);
        let reacted = " 23%  ETA 31s  who reacted 4,300/17,930  0/50 req/s  0 msgs";
        assert!(row(&totals).contains(reacted), "{}", row(&totals));
        totals.event(&planned(1));
        let both = "  1/117 channels  who reacted 4,300/17,930  0 msgs";
        assert!(row(&totals).contains(&both.replace("1/", "116/")), "{}", row(&totals));
        totals.event(&finished(1));
        // What there was no time for is no longer waited for.
        totals.event(&Event::JobFinished { job_id: job_id(), status: JobStatus::Completed });
        assert!(row(&totals).contains("100%  117/117 channels"), "{}", row(&totals));
    }

    #[tokio::test(start_paused = true)]
    async fn a_channels_row_says_how_far_it_is_and_what_it_waits_for() {
        let mut channels = Channels::default();
        channels.open(id(1), "g\u{202e}eneral".to_owned());
        channels.open(id(2), "日本語".repeat(20));
        advance(Duration::from_secs(20)).await;
        let may_3 = Timestamp::from_millis(1_714_737_600_000);
        channels.advance(&id(1), 1200, 0.5, Some(may_3));
        let row = |channels: &mut Channels, columns| {
            drawn(&channel_row(channels.shown(1)[0], Some("takaro"), look(columns)), look(columns))
        };
        assert_eq!(
            row(&mut channels, 80),
            "██████░░░░░░  50%  takaro #general  2024-05-03  1,200 msgs  120/s"
        );
        channels.wait(&id(1), Wait::Retry, Duration::from_secs(3));
        advance(Duration::from_millis(10)).await;
        let waits = "takaro #general  failed, tries again in 3s  2024-05-03  1,200 msgs  120/s";
        assert_eq!(row(&mut channels, 200), format!("██████░░░░░░  50%  {waits}"));
        let waits = "takaro #general  failed, tries again in 3s  1,200 msgs";
        assert_eq!(row(&mut channels, 80), format!("██████░░░░░░  50%  {waits}"));
        assert_eq!(row(&mut channels, 40), " 50%  takaro #general  retries in 3s");
        advance(Duration::from_secs(10)).await;
        assert_eq!(row(&mut channels, 40), " 50%  takaro #general  1,200 msgs  0/s");
        channels.close(&id(1));
        assert_eq!(row(&mut channels, 80), "░░░░░░░░░░░░   0%  takaro #日本語日本語日本語日本…  0 msgs  0/s");
        assert_eq!(row(&mut channels, 40), "  0%  takaro #日本語日本…  0 msgs  0/s");
        for columns in 0..200 {
            assert!(row(&mut channels, columns).width() < columns.max(8), "{columns}");
        }
    }

    #[test]
    fn channels_get_the_rows_that_the_terminal_has() {
        let rows = |rows| Look { size: (80, rows), colors: false }.channel_rows();
        assert_eq!([1, 2, 5, 24].map(rows), [0, 0, 3, 8]);
    }
}
