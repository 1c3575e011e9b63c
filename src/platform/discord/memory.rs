//! Memory for what is made of pages of messages, from their conversion until they
//! are committed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::model::Reservation;
use crate::platform::{ErrorKind, PlatformError};

/// Bytes that the messages of one page may take. A larger page is asked for in
/// smaller pieces.
pub const MOST_PAGE_BYTES: usize = 4 << 20;
/// Bytes that all pages may take which are converted and not committed yet.
const ALL_PAGES_BYTES: usize = 4 * MOST_PAGE_BYTES;
/// Bytes that are counted as one.
const UNIT_BYTES: usize = 1 << 10;

/// Memory that all pages share. Copies share it, too.
#[derive(Debug, Clone)]
pub struct PageMemory(Arc<Semaphore>);

/// Memory for any page.
#[derive(Debug)]
pub struct PageRoom(OwnedSemaphorePermit);

impl Default for PageMemory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ALL_PAGES_BYTES / UNIT_BYTES)))
    }
}

impl PageMemory {
    /// Waits until there is memory for a page of any size. Whoever holds a page and
    /// asks for another one may wait for itself, so it doesn't wait for ever.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`].
    pub async fn reserve(&self, subject: &str, longest: Duration) -> Result<PageRoom, PlatformError> {
        let page = Arc::clone(&self.0).acquire_many_owned(units(MOST_PAGE_BYTES));
        let late = |_| {
            let detail = format!("no memory for the answer within {} s", longest.as_secs_f64());
            PlatformError::new(ErrorKind::Timeout, subject, detail)
        };
        Ok(PageRoom(timeout(longest, page).await.map_err(late)?.expect("the memory is never closed")))
    }
}

impl PageRoom {
    /// Keeps so many bytes, and gives the rest back.
    pub fn keep(mut self, bytes: usize) -> Reservation {
        let excess = self.0.num_permits().saturating_sub(units(bytes) as usize);
        drop(self.0.split(excess));
        Reservation::new(self.0)
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(10);

    #[tokio::test(start_paused = true)]
    async fn what_pages_hold_is_not_there_for_others_until_they_are_dropped() {
        let memory = PageMemory::default();
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(memory.reserve("x", SOON).await.unwrap().keep(MOST_PAGE_BYTES));
        }
        let small = memory.reserve("x", SOON).await.unwrap().keep(10);
        assert_eq!(memory.reserve("x", SOON).await.unwrap_err().kind, ErrorKind::Timeout);
        drop(small);
        memory.reserve("x", SOON).await.unwrap();
        drop(held);
        assert_eq!(memory.0.available_permits(), ALL_PAGES_BYTES / UNIT_BYTES);
    }
}
