//! Retries with exponential backoff after transient errors.

use std::future::Future;
use std::time::Duration;

use super::{PlatformError, millis};
use crate::monitor::{Counter, Event, Monitor};

/// Upper bound of a wait that the platform asks for.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(1);

/// How often to retry, and after how long.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Attempts after the first one.
    pub max_retries: u32,
    /// Delay before the first retry; doubles with each further one.
    pub base_delay: Duration,
}

impl RetryPolicy {
    /// A single attempt.
    pub const NONE: Self = Self { max_retries: 0, base_delay: Duration::ZERO };

    /// Runs `attempt` until it succeeds, fails with a permanent error, or the retries
    /// are used up. Holds no permit while it waits.
    ///
    /// # Errors
    /// Returns the error of the last attempt.
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
                Err(error) if error.kind.is_transient() && retries < self.max_retries => {
                    let wait = error
                        .retry_after
                        .map_or_else(|| self.delay(retries), |wait| wait.min(MAX_RETRY_AFTER));
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

    /// The base delay doubled `retries` times, with 25 % jitter either way, so that
    /// channels that failed together don't retry together.
    pub fn delay(&self, retries: u32) -> Duration {
        let doubled = self.base_delay.saturating_mul(1 << retries.min(16));
        doubled.mul_f64(0.75 + fastrand::f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::Instant;

    use super::super::ErrorKind;
    use super::*;
    use crate::monitor::NoMonitor;

    const POLICY: RetryPolicy = RetryPolicy { max_retries: 3, base_delay: Duration::from_secs(1) };

    async fn attempts(kind: ErrorKind, succeed_at: u32) -> (bool, u32, Duration) {
        let calls = AtomicU32::new(0);
        let begin = Instant::now();
        let outcome =
            POLICY
                .run(&NoMonitor, || {
                    let call = calls.fetch_add(1, Ordering::Relaxed);
                    async move {
                        if call == succeed_at { Ok(()) } else { Err(PlatformError::new(kind, "x", "y")) }
                    }
                })
                .await;
        (outcome.is_ok(), calls.into_inner(), begin.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_transient_error_is_retried_with_doubling_delays() {
        let (ok, calls, waited) = attempts(ErrorKind::Server, 3).await;
        assert!(ok);
        assert_eq!(calls, 4);
        assert!((5.25..8.75).contains(&waited.as_secs_f64()), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_after_three_retries_and_never_retries_a_permanent_error() {
        let (ok, calls, _) = attempts(ErrorKind::Timeout, u32::MAX).await;
        assert_eq!((ok, calls), (false, 4));
        let (ok, calls, waited) = attempts(ErrorKind::Forbidden, u32::MAX).await;
        assert_eq!((ok, calls, waited), (false, 1, Duration::ZERO));
    }
}
