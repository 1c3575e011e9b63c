//! Sending a request again after a passing fault.

use std::future::Future;
use std::time::Duration;

use super::{PlatformError, millis};
use crate::monitor::{Counter, Event, Monitor};

/// A fault that is to be waited for longer than this fails.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// How often and after how long.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Repetitions after the first attempt.
    pub max_retries: u32,
    /// Wait before the first; doubles each time.
    pub base_delay: Duration,
}

impl RetryPolicy {
    /// One attempt.
    pub const NONE: Self = Self { max_retries: 0, base_delay: Duration::ZERO };

    /// Runs `attempt` until it succeeds, fails for good, or the retries are
    /// used up. Holds nothing while it waits.
    ///
    /// # Errors
    /// That of the last attempt.
    pub async fn run<T, F>(
        &self,
        monitor: &dyn Monitor,
        mut attempt: impl FnMut() -> F + Send,
    ) -> Result<T, PlatformError>
    where
        F: Future<Output = Result<T, PlatformError>> + Send,
        T: Send,
    {
        let mut retries = 0;
        loop {
            match attempt().await {
                Err(error) if error.kind.is_passing() && retries < self.max_retries => {
                    let wait =
                        error.retry_after.map_or_else(|| self.delay(retries), |wait| wait.min(LONGEST_WAIT));
                    monitor.count(Counter::Retries, 1);
                    monitor.event(Event::Retrying { error: error.to_string(), wait });
                    tokio::time::sleep(wait).await;
                    monitor.count(Counter::RetryWaitMilliseconds, millis(wait));
                    retries += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// The base doubled `retries` times, with a quarter of jitter either way,
    /// so that channels hit by one fault don't come back together.
    pub fn delay(&self, retries: u32) -> Duration {
        let full = self.base_delay.saturating_mul(1 << retries.min(16));
        full.mul_f64(0.75 + fastrand::f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::Instant;

    use super::super::ErrorKind;
    use super::*;
    use crate::monitor::Silent;

    const POLICY: RetryPolicy = RetryPolicy { max_retries: 3, base_delay: Duration::from_secs(1) };

    async fn attempts(kind: ErrorKind, succeed_at: u32) -> (bool, u32, Duration) {
        let calls = AtomicU32::new(0);
        let begin = Instant::now();
        let outcome =
            POLICY
                .run(&Silent, || {
                    let call = calls.fetch_add(1, Ordering::Relaxed);
                    async move {
                        if call == succeed_at { Ok(()) } else { Err(PlatformError::new(kind, "x", "y")) }
                    }
                })
                .await;
        (outcome.is_ok(), calls.into_inner(), begin.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_passing_fault_is_tried_again_with_doubling_waits() {
        let (ok, calls, waited) = attempts(ErrorKind::Server, 3).await;
        assert!(ok);
        assert_eq!(calls, 4);
        assert!((5.25..8.75).contains(&waited.as_secs_f64()), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn retries_end_and_a_final_error_has_none() {
        let (ok, calls, _) = attempts(ErrorKind::Timeout, u32::MAX).await;
        assert_eq!((ok, calls), (false, 4));
        let (ok, calls, waited) = attempts(ErrorKind::Forbidden, u32::MAX).await;
        assert_eq!((ok, calls, waited), (false, 1, Duration::ZERO));
    }
}
