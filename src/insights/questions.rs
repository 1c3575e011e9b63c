//! Questions in forums: how many are asked, whether they are answered, and how fast.

use hashbrown::{HashMap, HashSet};
use serde::Serialize;

use super::calendar::{Calendar, Day, Period};
use super::differences::hide_differences;
use super::few::{Tally, parts};
use super::figure::{Figure, rounded};
use crate::archive::activity_posts::ForumPost;
use crate::model::Timestamp;
use crate::search::append_words;

/// Days that a question is given to be answered in: younger ones count as neither.
const DAYS_TO_ANSWER: i32 = 7;
const MINUTE_MS: u64 = 60_000;
/// Tags that are listed.
const TAGS: usize = 8;

/// Questions of the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Questions {
    /// Posts of people.
    pub asked: Figure,
    /// Of those that are a week old: the share that another person wrote in.
    pub answered_permille: Figure,
    /// Minutes until another person wrote, of those that are answered: the median and the 90th percentile.
    pub median_minutes: Figure,
    pub p90_minutes: Figure,
    pub by_month: Vec<MonthOfQuestions>,
    /// The same of the period before, if the archive reaches back.
    pub before: Option<QuestionsBefore>,
    /// The share of posts with a tag that says that they are solved; hidden if no post has one.
    pub solved_permille: Figure,
    /// The tags of most posts, other than those.
    pub tags: Vec<QuestionsOfTag>,
}

/// Questions of the period before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct QuestionsBefore {
    pub asked: Figure,
    pub answered_permille: Figure,
    pub median_minutes: Figure,
    pub p90_minutes: Figure,
}

/// Posts with a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuestionsOfTag {
    pub tag: String,
    pub asked: Figure,
    /// The share with a tag that says that they are solved.
    pub solved_permille: Figure,
}

/// What the figures of questions are computed from.
pub struct Asked<'q> {
    pub posts: &'q [ForumPost],
    /// Names of tags that say that a question is solved.
    pub solved_tags: &'q [String],
    pub calendar: &'q Calendar,
}

/// The same of a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MonthOfQuestions {
    pub month: String,
    pub asked: Figure,
    pub answered_permille: Figure,
    pub median_minutes: Figure,
    pub p90_minutes: Figure,
}

impl Questions {
    /// The figures of a period. `reaches_back` says whether the archive has the one before.
    pub fn of(asked: &Asked<'_>, period: Period, reaches_back: bool) -> Self {
        let Numbers { asked: all, answered_permille, median_minutes, p90_minutes } =
            asked.numbers(period, period.end);
        let ranges: Vec<Period> =
            period.whole_months().map(|month| Period { first: month, end: month.next_month() }).collect();
        let month = |range: &Period| {
            let of_month = asked.numbers(*range, period.end);
            MonthOfQuestions {
                month: range.first.date().strftime("%Y-%m").to_string(),
                asked: of_month.asked,
                answered_permille: of_month.answered_permille,
                median_minutes: of_month.median_minutes,
                p90_minutes: of_month.p90_minutes,
            }
        };
        let mut by_month: Vec<MonthOfQuestions> = ranges.iter().map(month).collect();
        asked.withhold_answered(&mut by_month, &ranges, period);
        let figures = by_month.iter_mut().map(|month| &mut month.asked);
        let mut figures: Vec<(Period, &mut Figure)> = ranges.into_iter().zip(figures).collect();
        hide_differences(period, &mut figures, |ranges| {
            ranges.iter().map(|range| askers(&asked.of_days(*range))).collect()
        });
        let before = period.before();
        let of_before = || {
            let Numbers { asked, answered_permille, median_minutes, p90_minutes } =
                asked.numbers(before, before.end);
            QuestionsBefore { asked, answered_permille, median_minutes, p90_minutes }
        };
        let (solved_permille, tags) = asked.solved(period);
        Self {
            asked: all,
            answered_permille,
            median_minutes,
            p90_minutes,
            by_month,
            before: reaches_back.then(of_before),
            solved_permille,
            tags,
        }
    }
}

impl Asked<'_> {
    fn day(&self, post: &ForumPost) -> Day {
        self.calendar.day_and_hour(post.opened_at).0
    }

    fn of_days(&self, days: Period) -> Vec<&ForumPost> {
        self.posts.iter().filter(|post| days.contains(self.day(post))).collect()
    }

    /// The numbers of days, with the answers until an end.
    fn numbers(&self, days: Period, end: Day) -> Numbers {
        let (old, end) = (end.later(-DAYS_TO_ANSWER), self.calendar.start(end));
        let answered_at = |post: &ForumPost| post.answered_at.filter(|answered_at| *answered_at < end);
        Numbers::of(&self.of_days(days), |post| self.day(post) < old, answered_at)
    }

    /// Withholds shares of months from which one about too few people would follow: their sum is published.
    fn withhold_answered(&self, months: &mut [MonthOfQuestions], ranges: &[Period], period: Period) {
        let (old, end) = (period.end.later(-DAYS_TO_ANSWER), self.calendar.start(period.end));
        let is_answered = |post: &&ForumPost| {
            self.day(post) < old && post.answered_at.is_some_and(|answered_at| answered_at < end)
        };
        let tally = |posts: Vec<&ForumPost>| {
            let mut tally = Tally::default();
            posts.into_iter().filter(is_answered).for_each(|post| tally.add(post.owner));
            tally
        };
        let mut tallies: Vec<Tally> = ranges.iter().map(|range| tally(self.of_days(*range))).collect();
        // The days outside of whole months are one more part of the sum.
        let outside = |post: &&ForumPost| !ranges.iter().any(|range| range.contains(self.day(post)));
        let rest: Vec<&ForumPost> = self.of_days(period).into_iter().filter(outside).collect();
        if !rest.is_empty() {
            tallies.push(tally(rest));
        }
        for (month, figure) in months.iter_mut().zip(parts(&tallies)) {
            if !figure.is_shown() && month.answered_permille.is_shown() {
                month.answered_permille = Figure::Withheld;
            }
        }
    }

    /// The share of solved posts, and of those with each tag.
    fn solved(&self, period: Period) -> (Figure, Vec<QuestionsOfTag>) {
        let solved_tags: HashSet<String> = self.solved_tags.iter().map(|tag| plain(tag)).collect();
        let (mut all, mut solved) = (Tally::default(), Tally::default());
        let mut tags: HashMap<&str, [Tally; 2]> = HashMap::new();
        for post in self.of_days(period) {
            let says_solved = |tag: &String| solved_tags.contains(&plain(tag));
            let is_solved = post.tags.iter().any(says_solved);
            all.add(post.owner);
            if is_solved {
                solved.add(post.owner);
            }
            let others: HashSet<&str> =
                post.tags.iter().filter(|tag| !says_solved(tag)).map(String::as_str).collect();
            for tag in others {
                let [asked, solved] = tags.entry(tag).or_default();
                asked.add(post.owner);
                if is_solved {
                    solved.add(post.owner);
                }
            }
        }
        let share = |solved: Tally, all: Tally| Figure::permille(solved.figure(), all.figure());
        let mut tags: Vec<(&str, [Tally; 2])> =
            tags.into_iter().filter(|(_, [asked, _])| asked.people.is_enough()).collect();
        tags.sort_by(|one, other| other.1[0].number.cmp(&one.1[0].number).then_with(|| one.0.cmp(other.0)));
        let report = |(tag, [asked, solved]): (&str, [Tally; 2])| QuestionsOfTag {
            tag: tag.to_owned(),
            asked: asked.figure(),
            solved_permille: share(solved, asked),
        };
        (share(solved, all), tags.into_iter().take(TAGS).map(report).collect())
    }
}

/// A tag's name as it is compared: its words, without case, accents, emoji and punctuation.
fn plain(tag: &str) -> String {
    let mut list = String::new();
    append_words(tag, &mut list);
    let is_word = |word: &&str| word.chars().any(char::is_alphanumeric);
    list.split_terminator(' ').filter(is_word).collect::<Vec<_>>().join(" ")
}

fn askers(posts: &[&ForumPost]) -> u64 {
    posts.iter().map(|post| post.owner).collect::<HashSet<i64>>().len() as u64
}

struct Numbers {
    asked: Figure,
    answered_permille: Figure,
    median_minutes: Figure,
    p90_minutes: Figure,
}

impl Numbers {
    fn of(
        posts: &[&ForumPost],
        is_old: impl Fn(&ForumPost) -> bool,
        answered_at: impl Fn(&ForumPost) -> Option<Timestamp>,
    ) -> Self {
        let figure = |posts: &[&ForumPost]| Figure::about(posts.len() as u64, askers(posts));
        let old: Vec<&ForumPost> = posts.iter().copied().filter(|post| is_old(post)).collect();
        let answered: Vec<&ForumPost> =
            old.iter().copied().filter(|post| answered_at(post).is_some()).collect();
        let wait = |post: &&ForumPost| {
            let waited = answered_at(post)?.as_millis() - post.opened_at.as_millis();
            Some(u64::try_from(waited).unwrap_or(0))
        };
        let mut waits: Vec<u64> = answered.iter().filter_map(wait).collect();
        waits.sort_unstable();
        let minutes = |numerator, denominator| {
            let wait = quantile(&waits, numerator, denominator);
            match figure(&answered) {
                Figure::Shown(count) if count >= super::figure::MIN_PEOPLE => {
                    Figure::Shown(rounded(wait, MINUTE_MS))
                }
                _ => Figure::Hidden,
            }
        };
        let open: Vec<&ForumPost> = old.iter().copied().filter(|post| answered_at(post).is_none()).collect();
        // The share of those without an answer follows.
        let is_disclosive = !open.is_empty() && !figure(&open).is_shown();
        let answered_permille = match Figure::permille(figure(&answered), figure(&old)) {
            Figure::Shown(_) if is_disclosive => Figure::Withheld,
            share => share,
        };
        Self {
            asked: figure(posts),
            answered_permille,
            median_minutes: minutes(1, 2),
            p90_minutes: minutes(9, 10),
        }
    }
}

/// A quantile of sorted numbers, between two of them by linear interpolation (type 7 of Hyndman and Fan),
/// rounded down. 0 of none.
fn quantile(sorted: &[u64], numerator: u64, denominator: u64) -> u64 {
    let Some(last) = (sorted.len() as u64).checked_sub(1) else { return 0 };
    let (whole, rest) = (last * numerator / denominator, last * numerator % denominator);
    let at = |index: u64| usize::try_from(index).ok().and_then(|index| sorted.get(index)).copied();
    let low = at(whole).unwrap_or(0);
    low + at(whole + 1).map_or(0, |high| (high - low) * rest / denominator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_numbers() {
        assert_eq!(quantile(&[], 1, 2), 0);
        assert_eq!(quantile(&[7], 9, 10), 7);
        assert_eq!(quantile(&[10, 20], 1, 2), 15);
        assert_eq!(quantile(&[10, 20, 40], 1, 2), 20);
        assert_eq!(quantile(&[0, 100, 200, 300], 9, 10), 270);
    }

    #[test]
    fn young_questions_are_asked_and_neither_answered_nor_not() {
        let day = |text: &str| Day::of(text.parse().unwrap());
        let calendar = Calendar::new(jiff::tz::TimeZone::UTC);
        let post = |owner, opened: &str, minutes: Option<i64>| {
            let opened_at = calendar.start(day(opened));
            let answered_at =
                minutes.map(|minutes| Timestamp::from_millis(opened_at.as_millis() + minutes * 60_000));
            let tags = vec!["✅ Solved!".to_owned(), "Setup".to_owned()];
            ForumPost { owner, opened_at, answered_at, tags }
        };
        let mut posts: Vec<ForumPost> =
            (0..6).map(|owner| post(owner, "2026-01-10", Some(10 * (owner + 1)))).collect();
        posts.extend((0..6).map(|owner| post(owner, "2026-01-11", None)));
        posts.extend((0..5).map(|owner| post(owner, "2026-02-25", None)));
        let period = Period { first: day("2026-01-01"), end: day("2026-03-01") };
        let asked = Asked { posts: &posts, solved_tags: &["sölved".to_owned()], calendar: &calendar };
        let questions = Questions::of(&asked, period, true);
        assert_eq!(questions.asked, Figure::Shown(17));
        assert_eq!(questions.answered_permille, Figure::Shown(500));
        assert_eq!((questions.median_minutes, questions.p90_minutes), (Figure::Shown(35), Figure::Shown(55)));
        assert_eq!(questions.by_month[0].asked, Figure::Shown(12));
        assert_eq!(questions.by_month[1].answered_permille, Figure::Hidden);
        assert_eq!(questions.before.unwrap().asked, Figure::Hidden);
        assert_eq!(questions.solved_permille, Figure::Shown(1000));
        let [QuestionsOfTag { tag, asked, solved_permille }] = &questions.tags[..] else {
            panic!("{questions:?}")
        };
        assert_eq!(
            (tag.as_str(), *asked, *solved_permille),
            ("Setup", Figure::Shown(17), Figure::Shown(1000))
        );
    }
}
