//! Composes the bars' text to fit the terminal's size.

use unicode_width::UnicodeWidthStr as _;

use super::channels::Channel;
use super::durations;
use super::totals::{Phase, Totals};
use crate::model::{Timestamp, Tone, terminal_safe, with_separators};

/// Maximum number of rows for channels.
const CHANNEL_ROWS: usize = 8;
/// Maximum width of a name, in columns.
const NAME_WIDTH: usize = 24;
/// Separates the parts of a row.
const GAP: &str = "  ";
/// Columns of "100%" and a gap.
const PERCENT_COLUMNS: usize = 6;

/// How much is omitted for lack of space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Brevity {
    Full,
    /// Shorter words, without the least important parts.
    ShortWords,
    /// Additionally without the reasons of waits.
    NoReasons,
}

/// A bar and the text after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Fraction of the bar, 0 to 1.
    pub progress: f64,
    /// The bar's colour, as an SGR code such as 32 for green.
    pub color: u8,
    /// The text after the bar.
    pub text: String,
}

/// The terminal's size and colours, from which the widths of all parts are computed.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// The terminal's columns and rows.
    pub size: (usize, usize),
    /// True if bars are coloured.
    pub colors: bool,
}

impl Layout {
    /// Number of channels that fit.
    pub const fn channel_rows(self) -> usize {
        let (_, rows) = self.size;
        let rows = rows.saturating_sub(2);
        if rows < CHANNEL_ROWS { rows } else { CHANNEL_ROWS }
    }

    /// Width of a bar in columns; 0, hence no bar, on a narrow terminal, where the text
    /// matters more.
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

    /// The levels of brevity allowed at this width.
    const fn brevities(self) -> &'static [Brevity] {
        match self.size.0 {
            0..60 => &[Brevity::Full, Brevity::ShortWords, Brevity::NoReasons],
            _ => &[Brevity::Full, Brevity::ShortWords],
        }
    }

    /// Columns for the text after the bar and its percentage. The last column stays free.
    const fn room(self) -> usize {
        let bar_columns = if self.bar_width() > 0 { self.bar_width() + 1 } else { 0 };
        self.size.0.saturating_sub(bar_columns + PERCENT_COLUMNS + 1)
    }

    /// A row of parts in the least brevity that fits.
    fn row(self, progress: f64, color: u8, parts: impl Fn(Brevity) -> Vec<String>) -> Row {
        let room = self.room();
        let parts: Vec<Vec<String>> = self.brevities().iter().map(|brevity| parts(*brevity)).collect();
        let whole = parts.iter().map(|parts| parts.join(GAP)).find(|text| text.width() <= room);
        let text = whole.or_else(|| parts.last().map(|parts| fit(parts, room))).unwrap_or_default();
        Row { progress, color, text }
    }
}

/// As many parts as fit; the first is truncated rather than omitted.
fn fit(parts: &[String], room: usize) -> String {
    let mut text = String::new();
    for part in parts {
        if text.is_empty() {
            text = terminal_safe(part, room);
        } else if text.width() + GAP.len() + part.width() <= room {
            text = text + GAP + part;
        } else {
            break;
        }
    }
    text
}

/// The total's row. `requests_allowed` is the limit in requests per second.
pub fn total_row(totals: &Totals, requests_allowed: f64, layout: Layout) -> Row {
    layout.row(totals.progress(), Tone::Success.code(), |brevity| {
        total_parts(totals, requests_allowed, brevity)
    })
}

/// The parts, most important first, because a narrow terminal omits the last ones.
fn total_parts(totals: &Totals, requests_allowed: f64, brevity: Brevity) -> Vec<String> {
    let short = |short: &str, long: &str| {
        if brevity >= Brevity::ShortWords { short.to_owned() } else { long.to_owned() }
    };
    let phase = totals.phase();
    let messages = format!("{} msgs", with_separators(totals.messages.sum()));
    let requests = totals.requests.rounded_per_second();
    let requests = short(&format!("{requests} req/s"), &format!("{requests}/{requests_allowed:.0} req/s"));
    let mut parts = Vec::new();
    if phase == Phase::Planning {
        parts.push("listing channels".to_owned());
    }
    parts.extend(totals.wait().map(|wait| durations::wait(wait, brevity == Brevity::NoReasons)));
    if matches!(phase, Phase::Channels | Phase::Listings | Phase::Reactors) {
        parts.push(durations::eta(totals.eta()));
    }
    if totals.is_listing() {
        let (done, all) = (with_separators(totals.listings_done), with_separators(totals.listings));
        let listing = match brevity {
            Brevity::Full => "listing archived threads",
            Brevity::ShortWords => "archived threads",
            Brevity::NoReasons => "threads",
        };
        parts.push(format!("{listing} {done}/{all}"));
    }
    if matches!(phase, Phase::Channels | Phase::Listings | Phase::Done) {
        let (done, all) = (with_separators(totals.channels_done), with_separators(totals.channels));
        parts.push(format!("{done}/{all} {}", short("ch", "channels")));
    }
    if totals.is_reading_reactors() {
        let (done, all) = (with_separators(totals.reactions_done.sum()), with_separators(totals.reactions));
        parts.push(format!("reactors {done}/{all}"));
    }
    match phase {
        Phase::Planning => parts.push(requests),
        Phase::Reactors => parts.extend([requests, messages]),
        Phase::Channels | Phase::Listings | Phase::Done => {
            parts.extend([
                messages,
                format!("{}/s", with_separators(totals.messages.rounded_per_second())),
                requests,
            ]);
        }
    }
    parts
}

/// What the rows of channels omit; each level also omits what those before it do. All rows have
/// the same level, so that their columns line up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Omitted {
    Nothing,
    Dates,
    Rates,
    /// The reasons of waits.
    Reasons,
    Messages,
}

const OMISSIONS: [Omitted; 5] =
    [Omitted::Nothing, Omitted::Dates, Omitted::Rates, Omitted::Reasons, Omitted::Messages];

/// The rows of channels, each with the tenant's name if it is given.
pub fn channel_rows(channels: &[(&Channel, Option<&str>)], layout: Layout) -> Vec<Row> {
    let room = layout.room();
    let forms = OMISSIONS.map(|omitted| channel_texts(channels, omitted, layout));
    let fits = |texts: &&Vec<String>| texts.iter().all(|text| text.width() <= room);
    let texts = forms.iter().find(fits).unwrap_or(&forms[forms.len() - 1]);
    let rows = channels.iter().zip(texts);
    rows.map(|((channel, _), text)| Row {
        progress: channel.progress,
        color: Tone::Progress.code(),
        text: terminal_safe(text, room),
    })
    .collect()
}

fn channel_texts(channels: &[(&Channel, Option<&str>)], omitted: Omitted, layout: Layout) -> Vec<String> {
    let width = layout.name_width();
    let name = |(channel, tenant): &(&Channel, Option<&str>)| {
        let tenant = tenant.map(|tenant| terminal_safe(tenant, width / 2) + " ").unwrap_or_default();
        format!("{tenant}#{}", terminal_safe(&channel.name, width))
    };
    let column = |is_shown: bool, cell: &dyn Fn(&Channel) -> String| {
        let cells = channels.iter().map(|(channel, _)| if is_shown { cell(channel) } else { String::new() });
        cells.collect::<Vec<_>>()
    };
    let names: Vec<String> = channels.iter().map(name).collect();
    let dates = column(omitted < Omitted::Dates, &|channel| channel.reached.map(day).unwrap_or_default());
    let messages = column(omitted < Omitted::Messages, &|channel| {
        format!("{} msgs", with_separators(channel.messages.sum()))
    });
    let rates = column(omitted < Omitted::Rates, &|channel| {
        format!("{}/s", with_separators(channel.messages.rounded_per_second()))
    });
    let waits = column(true, &|channel| {
        channel
            .wait()
            .map(|wait| durations::channel_wait(wait, omitted >= Omitted::Reasons))
            .unwrap_or_default()
    });
    let columns =
        [aligned(names, false), aligned(dates, false), aligned(messages, true), aligned(rates, true), waits];
    let row = |index: usize| {
        let cells = columns.iter().map(|cells| cells[index].as_str()).filter(|cell| !cell.is_empty());
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    (0..channels.len()).map(row).collect()
}

/// The cells, padded to the width of the widest.
fn aligned(cells: Vec<String>, is_right_aligned: bool) -> Vec<String> {
    let width = cells.iter().map(|cell| cell.width()).max().unwrap_or(0);
    let pad = |cell: String| {
        let gap = " ".repeat(width - cell.width());
        if is_right_aligned { gap + &cell } else { cell + &gap }
    };
    cells.into_iter().map(pad).collect()
}

/// The date in UTC, such as "2024-05-03".
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
    use crate::monitor::{Counter, Event, JobChannel, PauseReason};

    fn job_id() -> String {
        "job".to_owned()
    }

    fn layout(columns: usize) -> Layout {
        Layout { size: (columns, 24), colors: false }
    }

    /// Totals of one job with 116 channels, 12 of them read.
    fn totals() -> Totals {
        let mut totals = Totals::default();
        totals.event(&Event::JobStarted { job_id: job_id(), tenant: "takaro".to_owned() });
        totals.event(&planned(116));
        let stats = JobStats { progress: 0.429, eta_seconds: Some(283.2), ..JobStats::default() };
        totals.event(&Event::JobProgress { job_id: job_id(), stats: Box::new(stats) });
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

    fn id(number: u64) -> JobChannel {
        JobChannel { job_id: job_id().into(), id: number.to_string().into() }
    }

    fn limited(scope: &'static str, seconds: u64) -> Event {
        let wait = Duration::from_secs(seconds);
        Event::RateLimited { scope, wait, limit: None, endpoint: "GET /".to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn the_total_omits_what_does_not_fit() {
        let mut totals = totals();
        advance(Duration::from_mins(1)).await;
        totals.count(Counter::Messages, 4_900);
        totals.count(Counter::ApiCalls, 480);
        let row = |columns| drawn(&total_row(&totals, 50.0, layout(columns)), layout(columns));
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
    async fn before_planning_the_total_shows_the_phase_and_waits() {
        let mut totals = Totals::default();
        assert!(!totals.has_begun());
        totals.count(Counter::ApiCalls, 1);
        assert!(totals.has_begun());
        advance(Duration::from_secs(10)).await;
        let row = |totals: &Totals| {
            drawn(&total_row(totals, 50.0, layout(100)), layout(100)).split_off("░".len() * 12)
        };
        assert_eq!(row(&totals), "   0%  listing channels  0/50 req/s");
        totals.event(&Event::Retrying { error: String::new(), wait: Duration::from_secs(3) });
        assert_eq!(row(&totals), "   0%  listing channels  request failed, retrying in 3s  0/50 req/s");
        totals.event(&limited("global", 3000));
        assert_eq!(row(&totals), "   0%  listing channels  rate limited, waiting 50m  0/50 req/s");
        advance(Duration::from_mins(50)).await;
        assert_eq!(row(&totals), "   0%  listing channels  0/50 req/s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_of_one_channel_is_not_shown_in_the_total() {
        let mut totals = totals();
        totals.event(&limited("user", 5));
        totals.event(&limited("shared", 5));
        let wait = Duration::from_millis(2345);
        totals.event(&Event::Retrying { error: String::new(), wait });
        totals.event(&Event::ChannelPaused { channel: id(1), reason: PauseReason::Retry, wait });
        assert_eq!(totals.wait(), None);
        totals.event(&limited("unknown", 5));
        assert_eq!(totals.wait(), Some((PauseReason::RateLimit, Duration::from_secs(5))));
    }

    #[tokio::test(start_paused = true)]
    async fn the_total_shows_one_progress_and_the_counts_of_the_phase() {
        let mut totals = totals();
        let row = |totals: &Totals| drawn(&total_row(totals, 50.0, layout(200)), layout(200));
        totals.count(Counter::ListingsQueued, 2000);
        totals.count(Counter::ListingsRead, 812);
        let both = " 42%  ETA 4m 43s  listing archived threads 812/2,000  12/116 channels  0 msgs";
        assert!(row(&totals).contains(both), "{}", row(&totals));
        (13..=116).for_each(|number| totals.event(&finished(number)));
        let listing = " 42%  ETA 4m 43s  listing archived threads 812/2,000  116/116 channels  0 msgs";
        assert!(row(&totals).contains(listing), "{}", row(&totals));
        totals.event(&limited("global", 5));
        let narrow = drawn(&total_row(&totals, 50.0, layout(40)), layout(40));
        assert_eq!(narrow, " 42%  waiting 5s  ETA 4m 43s");
        let waits = drawn(&total_row(&totals, 50.0, layout(80)), layout(80));
        assert!(waits.contains(" 42%  rate limited, waiting 5s  ETA 4m 43s"), "{waits}");
        totals.count(Counter::ListingsRead, 1188);
        totals.event(&Event::ReactorListsQueued { job_id: job_id(), reactions: 17_930 });
        advance(Duration::from_secs(10)).await;
        totals.count(Counter::ReactorListsRead, 4_300);
        let reacted = " 42%  ETA 4m 43s  reactors 4,300/17,930  0/50 req/s  0 msgs";
        assert!(row(&totals).contains(reacted), "{}", row(&totals));
        totals.event(&planned(1));
        let both = "  1/117 channels  reactors 4,300/17,930  0 msgs";
        assert!(row(&totals).contains(&both.replace("1/", "116/")), "{}", row(&totals));
        totals.event(&finished(1));
        // Reactor lists left to the next run no longer count.
        totals.event(&Event::JobFinished { job_id: job_id(), status: JobStatus::Completed });
        assert!(row(&totals).contains("100%  117/117 channels"), "{}", row(&totals));
    }

    #[tokio::test(start_paused = true)]
    async fn a_channel_row_shows_progress_and_the_current_wait() {
        let mut channels = Channels::default();
        channels.open(id(1), "g\u{202e}eneral".to_owned());
        channels.open(id(2), "日本語".repeat(20));
        advance(Duration::from_secs(20)).await;
        let may_3 = Timestamp::from_millis(1_714_737_600_000);
        channels.advance(&id(1), 1200, 0.5, Some(may_3));
        let row = |channels: &mut Channels, columns| {
            let rows = channel_rows(&[(channels.shown(1)[0], Some("takaro"))], layout(columns));
            drawn(&rows[0], layout(columns))
        };
        let whole = "██████░░░░░░  50%  takaro #general  2024-05-03  1,200 msgs  120/s";
        assert_eq!(row(&mut channels, 80), whole);
        channels.wait(&id(1), PauseReason::Retry, Duration::from_secs(3));
        advance(Duration::from_millis(10)).await;
        assert_eq!(row(&mut channels, 200), format!("{whole}  failed, retrying in 3s"));
        let waits = "takaro #general  1,200 msgs  120/s  failed, retrying in 3s";
        assert_eq!(row(&mut channels, 80), format!("██████░░░░░░  50%  {waits}"));
        let waits = "takaro #general  1,200 msgs  failed, retrying in 3s";
        assert_eq!(row(&mut channels, 70), format!("███░░░  50%  {waits}"));
        assert_eq!(row(&mut channels, 40), " 50%  takaro #general  retrying in 3s");
        advance(Duration::from_secs(10)).await;
        assert_eq!(row(&mut channels, 40), " 50%  takaro #general  1,200 msgs  0/s");
        channels.close(&id(1));
        assert_eq!(row(&mut channels, 80), "░░░░░░░░░░░░   0%  takaro #日本語日本語日本語日本…  0 msgs  0/s");
        assert_eq!(row(&mut channels, 40), "  0%  takaro #日本語日本…  0 msgs  0/s");
        for columns in 0..200 {
            assert!(row(&mut channels, columns).width() < columns.max(8), "{columns}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_columns_of_channels_line_up() {
        let mut channels = Channels::default();
        for (number, name) in [(1, "general"), (2, "日本語"), (3, "a-channel-with-a-long-name")] {
            channels.open(id(number), name.to_owned());
        }
        advance(Duration::from_secs(10)).await;
        channels.advance(&id(1), 1200, 0.5, Some(Timestamp::from_millis(1_714_737_600_000)));
        channels.advance(&id(2), 50, 0.5, None);
        channels.wait(&id(2), PauseReason::RateLimit, Duration::from_secs(7));
        let shown: Vec<_> = channels.shown(3).into_iter().map(|channel| (channel, None)).collect();
        let texts: Vec<String> = channel_rows(&shown, layout(120)).into_iter().map(|row| row.text).collect();
        let expected = [
            "#general                   2024-05-03  1,200 msgs  120/s",
            "#日本語                                   50 msgs    5/s  rate limited, waiting 7s",
            "#a-channel-with-a-long-n…                  0 msgs    0/s",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn the_number_of_channel_rows_depends_on_the_terminals_height() {
        let rows = |rows| Layout { size: (80, rows), colors: false }.channel_rows();
        assert_eq!([1, 2, 5, 24].map(rows), [0, 0, 3, 8]);
    }
}
