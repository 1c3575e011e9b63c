//! How often something happens now.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// A rate is told over this long: two windows of a limit of 5 requests per 5 s.
const WINDOW: Duration = Duration::from_secs(10);
/// What happens within this long is kept as one.
const GRAIN: Duration = Duration::from_millis(250);
/// Nothing is told over less.
const SHORTEST: Duration = Duration::from_secs(1);

/// A sum, and how fast it grew over the last seconds.
#[derive(Debug)]
pub struct Rate {
    began: Instant,
    sum: u64,
    /// What the sum was at times within the window, and the last time before it.
    marks: VecDeque<(Instant, u64)>,
}

impl Default for Rate {
    fn default() -> Self {
        Self { began: Instant::now(), sum: 0, marks: VecDeque::new() }
    }
}

impl Rate {
    /// Adds to the sum.
    pub fn add(&mut self, amount: u64) {
        let now = Instant::now();
        self.sum += amount;
        while self.marks.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.marks.pop_front();
        }
        match self.marks.back_mut() {
            Some((at, sum)) if now.duration_since(*at) < GRAIN => *sum = self.sum,
            _ => self.marks.push_back((now, self.sum)),
        }
    }

    /// All that was added.
    pub const fn sum(&self) -> u64 {
        self.sum
    }

    /// A second, over the last seconds.
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    pub fn per_second(&self) -> f64 {
        let is_past = |(at, _): &&(Instant, u64)| at.elapsed() >= WINDOW;
        let before = self.marks.iter().take_while(is_past).last().map_or(0, |(_, sum)| *sum);
        let seconds = self.began.elapsed().clamp(SHORTEST, WINDOW).as_secs_f64();
        (self.sum - before) as f64 / seconds
    }

    /// The same, for people.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate that is shown")]
    pub fn whole(&self) -> u64 {
        self.per_second().round() as u64
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn assert_near(rate: &Rate, expected: f64) {
        let found = rate.per_second();
        assert!((found - expected).abs() < 0.01, "{found} is not {expected}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_that_of_the_last_seconds_and_falls_to_nothing() {
        let mut rate = Rate::default();
        assert_near(&rate, 0.0);
        for _ in 0..60 {
            advance(Duration::from_secs(1)).await;
            rate.add(100);
        }
        assert_near(&rate, 100.0);
        advance(Duration::from_secs(5)).await;
        assert_near(&rate, 50.0);
        advance(Duration::from_secs(5)).await;
        assert_near(&rate, 0.0);
        rate.add(20);
        assert_near(&rate, 2.0);
        assert_eq!(rate.sum(), 6020);
    }

    #[tokio::test(start_paused = true)]
    async fn a_young_rate_is_told_over_the_time_there_was() {
        let mut rate = Rate::default();
        rate.add(40);
        assert_near(&rate, 40.0);
        advance(Duration::from_secs(4)).await;
        assert_near(&rate, 10.0);
    }

    #[tokio::test(start_paused = true)]
    async fn many_additions_leave_few_marks() {
        let mut rate = Rate::default();
        for _ in 0..10_000 {
            rate.add(1);
            advance(Duration::from_millis(10)).await;
        }
        assert!(rate.marks.len() <= 42, "{} marks", rate.marks.len());
        assert!((97..=103).contains(&rate.whole()), "{}", rate.per_second());
    }
}
