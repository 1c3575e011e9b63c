//! Memory budget for pages of messages, from their conversion until they are committed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::model::MemoryReservation;
use crate::platform::{ErrorKind, PlatformError};

/// Most bytes of memory for the messages of one page. The caller requests a larger page
/// in smaller ones.
pub const MAX_PAGE_BYTES: usize = 4 << 20;
/// Budget in bytes for all pages that are not committed yet.
const TOTAL_BYTES: usize = 4 * MAX_PAGE_BYTES;
/// Bytes per permit of the semaphore.
const UNIT_BYTES: usize = 1 << 10;

/// Memory budget shared by all pages; clones share it.
#[derive(Debug, Clone)]
pub struct PageMemory(Arc<Semaphore>);

/// Memory reserved for a page of the largest size.
#[derive(Debug)]
pub struct PagePermit(OwnedSemaphorePermit);

impl Default for PageMemory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(TOTAL_BYTES / UNIT_BYTES)))
    }
}

impl PageMemory {
    /// Waits until there is memory for a page of the largest size. The timeout `max_wait`
    /// prevents deadlocks: the caller may hold the page whose memory it waits for.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Timeout`] after `max_wait`.
    pub async fn reserve(&self, subject: &str, max_wait: Duration) -> Result<PagePermit, PlatformError> {
        let page = Arc::clone(&self.0).acquire_many_owned(units(MAX_PAGE_BYTES));
        let late = |_| {
            let detail = format!("no memory free for the response within {} s", max_wait.as_secs_f64());
            PlatformError::new(ErrorKind::Timeout, subject, detail)
        };
        Ok(PagePermit(timeout(max_wait, page).await.map_err(late)?.expect("the semaphore is never closed")))
    }
}

impl PagePermit {
    /// Keeps `bytes` reserved, and releases the rest.
    pub fn shrink_to(mut self, bytes: usize) -> MemoryReservation {
        let excess = self.0.num_permits().saturating_sub(units(bytes) as usize);
        drop(self.0.split(excess));
        MemoryReservation::new(self.0)
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(10);

    #[tokio::test(start_paused = true)]
    async fn reserved_memory_is_released_when_pages_are_dropped() {
        let memory = PageMemory::default();
        let mut reservations = Vec::new();
        for _ in 0..3 {
            reservations.push(memory.reserve("x", TIMEOUT).await.unwrap().shrink_to(MAX_PAGE_BYTES));
        }
        let small = memory.reserve("x", TIMEOUT).await.unwrap().shrink_to(10);
        assert_eq!(memory.reserve("x", TIMEOUT).await.unwrap_err().kind, ErrorKind::Timeout);
        drop(small);
        memory.reserve("x", TIMEOUT).await.unwrap();
        drop(reservations);
        assert_eq!(memory.0.available_permits(), TOTAL_BYTES / UNIT_BYTES);
    }
}
