//! A report, as data. Each figure is defined in docs/insights.md.

use serde::Serialize;

use super::calendar::Period;
use super::chat::ChatQuestionsReport;
use super::emoji::EmojiReport;
use super::figure::Figure;
use super::files::FileKind;
use super::questions::Questions;
use super::threads::ThreadsReport;
use super::vocabulary::WordChange;
use crate::model::Timestamp;

/// Raised when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// A report on one or more communities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// See [`SCHEMA`].
    pub schema: u32,
    /// When the archive last took in a whole community.
    pub as_of: Option<String>,
    /// The time zone of days and hours.
    pub timezone: String,
    /// The days that it is about.
    pub period: Dates,
    /// The period that it is compared with.
    pub before: Dates,
    /// Whether deleted messages count.
    pub includes_deleted: bool,
    /// The communities, the largest first.
    pub tenants: Vec<TenantReport>,
}

/// Days from the first to the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dates {
    pub from: String,
    pub to: String,
}

/// A number of the period, and of the one before; `None` if the archive doesn't reach back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Compared {
    pub now: Figure,
    pub before: Option<Figure>,
}

/// The figures of a community.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TenantReport {
    pub tenant: String,
    /// When the oldest archived message was sent.
    pub archived_since: Option<String>,
    /// When the newest archived message was sent.
    pub newest_message: Option<String>,
    pub messages: Compared,
    pub people: Compared,
    pub newcomers: Compared,
    /// Of the newcomers for whom four weeks and the four after are over: how many wrote in the latter, in
    /// thousandths.
    pub returned_after_four_weeks_permille: Compared,
    /// Medians of the people who wrote in a day, a whole week and a whole month.
    pub typical_day_people: Figure,
    pub typical_week_people: Figure,
    pub typical_month_people: Figure,
    pub replies_permille: Figure,
    /// Pairs of people of whom one replied to the other, and the share in which the other one did, too.
    pub reply_pairs: Figure,
    pub returned_replies_permille: Figure,
    /// Reactions to messages of the period.
    pub reactions: Compared,
    pub bots_messages: u64,
    pub bots_permille: Figure,
    pub edited_permille: Figure,
    pub deleted_permille: Figure,
    /// Each day of a period of less than eight weeks.
    pub days: Vec<Interval>,
    pub weeks: Vec<Interval>,
    /// The weeks of the period before, if the archive reaches back.
    pub weeks_before: Vec<Interval>,
    pub months: Vec<Interval>,
    pub newcomers_by_month: Vec<MonthOfNewcomers>,
    /// A row for each day of the week from Monday, a number for each hour: messages for a thousand times
    /// that the hour occurred.
    pub messages_by_hour_per_thousand: Vec<Vec<Figure>>,
    /// The first of the four hours in which most is written, and their share.
    pub busiest_hours: Option<BusiestHours>,
    pub channels: Vec<ChannelReport>,
    /// Channels that are not listed, and their messages.
    pub other_channels: OtherChannels,
    pub growing_channels: Vec<ChannelChange>,
    pub fading_channels: Vec<ChannelChange>,
    /// Shares of messages by people in the order of how much they wrote.
    pub concentration: Vec<Ranks>,
    /// Questions in forums.
    pub questions: Questions,
    /// Questions elsewhere; an estimate.
    pub chat_questions: ChatQuestionsReport,
    pub threads: ThreadsReport,
    pub emoji: EmojiReport,
    pub files: FilesReport,
    pub links: LinksReport,
    pub words_that_rose: Vec<WordChange>,
    pub words_that_fell: Vec<WordChange>,
    pub health: Health,
}

/// A day, week or month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Interval {
    pub from: String,
    pub messages: Figure,
    pub people: Figure,
}

/// The people who first wrote in a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MonthOfNewcomers {
    pub month: String,
    pub people: Figure,
    /// For each window of four weeks after the first: how many wrote in it, in thousandths. Only windows
    /// that are over for all of them.
    pub returned_permille: Vec<Figure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BusiestHours {
    pub from_hour: usize,
    pub permille: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelReport {
    pub channel: String,
    pub messages: Figure,
    pub people: Figure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OtherChannels {
    pub channels: u64,
    pub messages: Figure,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelChange {
    pub channel: String,
    pub messages: Figure,
    pub messages_a_year_before: Figure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ranks {
    pub from_rank: u64,
    pub to_rank: Option<u64>,
    pub permille: Figure,
}

/// Attached files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilesReport {
    pub files: Figure,
    pub kinds: Vec<FilesOfKind>,
    /// Files of kinds that are not listed; `None` if all are.
    pub of_other_kinds: Option<Figure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FilesOfKind {
    pub kind: FileKind,
    pub files: Figure,
}

/// Addresses in texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinksReport {
    pub links: Figure,
    pub sites: Vec<LinksToSite>,
    pub other_sites: OtherSites,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinksToSite {
    pub site: String,
    pub links: Figure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OtherSites {
    pub sites: u64,
    pub links: Figure,
}

/// How complete the archive is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    pub last_success: Option<String>,
    pub channels_read: u64,
    pub channels_unreadable: u64,
    pub channels_hidden: u64,
    /// Days of the period since the first complete sync, and those of them without one.
    pub days_since_first_success: u64,
    pub days_without_success: u64,
    /// Messages that could not be read.
    pub messages_unreadable: u64,
}

impl Dates {
    /// The dates of a period.
    pub fn of(period: Period) -> Self {
        Self { from: period.first.date().to_string(), to: period.end.later(-1).date().to_string() }
    }
}

/// A time in UTC.
pub fn time_text(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::calendar::Day;
    use super::*;

    #[test]
    fn dates_name_the_last_day() {
        let period = Period::year_to(Day::of("2026-11-01".parse().unwrap()));
        assert_eq!(Dates::of(period), Dates { from: "2025-11-01".to_owned(), to: "2026-10-31".to_owned() });
        assert_eq!(time_text(Timestamp::from_millis(0)), "1970-01-01T00:00:00Z");
    }
}
