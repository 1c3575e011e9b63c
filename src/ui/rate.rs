//! Sums with their recent rate of growth.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// A rate is averaged over this time: two windows of a limit of 5 requests per 5 s.
const WINDOW: Duration = Duration::from_secs(10);
/// Additions within this time share one sample, which bounds the number of samples.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(250);
/// A young rate is averaged over at least this time.
const MIN_SPAN: Duration = Duration::from_secs(1);

/// A sum and its rate over the last [`WINDOW`].
#[derive(Debug)]
pub struct Rate {
    began: Instant,
    sum: u64,
    /// Sums at times within the window, and the last one before it.
    samples: VecDeque<(Instant, u64)>,
}

impl Default for Rate {
    fn default() -> Self {
        Self { began: Instant::now(), sum: 0, samples: VecDeque::new() }
    }
}

impl Rate {
    /// Adds to the sum.
    pub fn add(&mut self, amount: u64) {
        let now = Instant::now();
        self.sum += amount;
        while self.samples.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.samples.pop_front();
        }
        match self.samples.back_mut() {
            Some((at, sum)) if now.duration_since(*at) < SAMPLE_INTERVAL => *sum = self.sum,
            _ => self.samples.push_back((now, self.sum)),
        }
    }

    /// The sum since the start.
    pub const fn sum(&self) -> u64 {
        self.sum
    }

    /// The rate per second over the last [`WINDOW`].
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    pub fn per_second(&self) -> f64 {
        let is_past = |(at, _): &&(Instant, u64)| at.elapsed() >= WINDOW;
        let before = self.samples.iter().take_while(is_past).last().map_or(0, |(_, sum)| *sum);
        let seconds = self.began.elapsed().clamp(MIN_SPAN, WINDOW).as_secs_f64();
        (self.sum - before) as f64 / seconds
    }

    /// [`Self::per_second`], rounded for display.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate that is shown")]
    pub fn rounded_per_second(&self) -> u64 {
        self.per_second().round() as u64
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn assert_near(rate: &Rate, expected: f64) {
        let actual = rate.per_second();
        assert!((actual - expected).abs() < 0.01, "{actual} is not {expected}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_covers_the_window_and_falls_to_zero() {
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
    async fn a_young_rate_is_averaged_over_its_age() {
        let mut rate = Rate::default();
        rate.add(40);
        assert_near(&rate, 40.0);
        advance(Duration::from_secs(4)).await;
        assert_near(&rate, 10.0);
    }

    #[tokio::test(start_paused = true)]
    async fn many_additions_make_few_samples() {
        let mut rate = Rate::default();
        for _ in 0..10_000 {
            rate.add(1);
            advance(Duration::from_millis(10)).await;
        }
        assert!(rate.samples.len() <= 42, "{} samples", rate.samples.len());
        assert!((97..=103).contains(&rate.rounded_per_second()), "{}", rate.per_second());
    }
}
