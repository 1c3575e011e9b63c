//! Questions in forums: how many are asked, whether they are answered, and how fast.

use hashbrown::HashSet;
use serde::Serialize;

use super::calendar::{Calendar, Day, Period};
use super::figure::{Figure, protect, rounded};
use crate::archive::activity::ForumPost;

/// Days that a question is given to be answered in: younger ones count as neither.
const DAYS_TO_ANSWER: i32 = 7;
const MINUTE_MS: u64 = 60_000;

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
    /// The figures of the posts of a tenant's forums.
    pub fn of(posts: &[ForumPost], calendar: &Calendar, period: Period) -> Self {
        let of_day = |post: &ForumPost| calendar.day_and_hour(post.opened_at).0;
        let some = |days: Period| -> Vec<&ForumPost> {
            posts.iter().filter(|post| days.contains(of_day(post))).collect()
        };
        let old: Day = period.end.later(-DAYS_TO_ANSWER);
        let numbers = |days: Period| Numbers::of(&some(days), |post| of_day(post) < old);
        let Numbers { asked, answered_permille, median_minutes, p90_minutes } = numbers(period);
        let month = |month: Day| {
            let of_month = numbers(Period { first: month, end: month.next_month() });
            MonthOfQuestions {
                month: month.date().strftime("%Y-%m").to_string(),
                asked: of_month.asked,
                answered_permille: of_month.answered_permille,
                median_minutes: of_month.median_minutes,
                p90_minutes: of_month.p90_minutes,
            }
        };
        let mut by_month: Vec<MonthOfQuestions> = period.whole_months().map(month).collect();
        protect(by_month.iter_mut().map(|month| &mut month.asked));
        Self { asked, answered_permille, median_minutes, p90_minutes, by_month }
    }
}

struct Numbers {
    asked: Figure,
    answered_permille: Figure,
    median_minutes: Figure,
    p90_minutes: Figure,
}

impl Numbers {
    fn of(posts: &[&ForumPost], is_old: impl Fn(&ForumPost) -> bool) -> Self {
        let askers =
            |posts: &[&ForumPost]| posts.iter().map(|post| post.owner).collect::<HashSet<i64>>().len() as u64;
        let figure = |posts: &[&ForumPost]| Figure::about(posts.len() as u64, askers(posts));
        let old: Vec<&ForumPost> = posts.iter().copied().filter(|post| is_old(post)).collect();
        let answered: Vec<&ForumPost> =
            old.iter().copied().filter(|post| post.answered_at.is_some()).collect();
        let wait = |post: &&ForumPost| {
            let waited = post.answered_at?.as_millis() - post.opened_at.as_millis();
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
        Self {
            asked: figure(posts),
            answered_permille: Figure::permille(figure(&answered), figure(&old)),
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
    use crate::model::Timestamp;

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
            ForumPost { owner, opened_at, answered_at }
        };
        let mut posts: Vec<ForumPost> =
            (0..6).map(|owner| post(owner, "2026-01-10", Some(10 * (owner + 1)))).collect();
        posts.extend((0..6).map(|owner| post(owner, "2026-01-11", None)));
        posts.extend((0..5).map(|owner| post(owner, "2026-02-25", None)));
        let period = Period { first: day("2026-01-01"), end: day("2026-03-01") };
        let questions = Questions::of(&posts, &calendar, period);
        assert_eq!(questions.asked, Figure::Shown(17));
        assert_eq!(questions.answered_permille, Figure::Shown(500));
        assert_eq!((questions.median_minutes, questions.p90_minutes), (Figure::Shown(35), Figure::Shown(55)));
        assert_eq!(questions.by_month[0].asked, Figure::Shown(12));
        assert_eq!(questions.by_month[1].answered_permille, Figure::Hidden);
    }
}
