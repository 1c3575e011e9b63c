//! Keeps a panic to the part of the run that it strikes.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use super::failure::Failure;

/// Does something. A panic is its failure; what was being done is dropped then.
pub(super) async fn guarded<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
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
    async fn a_panic_is_a_failure() {
        assert_eq!(guarded(async { 7 }).await.ok(), Some(7));
        let struck = guarded(async { panic!("secret") as u32 }).await.unwrap_err();
        assert_eq!(struck.cause, Cause::Internal);
        assert!(!struck.error.contains("secret"));
    }
}
