//! Confines a panic to the task in which it occurs.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use super::failure::Failure;

/// Runs `work` and turns a panic into a [`Failure`]. `work` is dropped in any case.
pub(super) async fn catch_panic<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let mut work = pin!(work);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(polled) => polled.map(Ok),
        Err(_) => Poll::Ready(Err(Failure::panicked())),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Cause;

    #[tokio::test]
    async fn a_panic_becomes_a_failure_without_its_message() {
        assert_eq!(catch_panic(async { 7 }).await.ok(), Some(7));
        let failure = catch_panic(async { panic!("secret") as u32 }).await.unwrap_err();
        assert_eq!(failure.cause, Cause::Internal);
        assert!(!failure.error.contains("secret"));
    }
}
