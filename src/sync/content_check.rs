//! Detects, while a run reads messages, that the server withholds their content.

use std::sync::{Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::failure::Failure;
use crate::model::{BlankMessageTally, Cause, MessagePage};
use crate::monitor::Monitor;
use crate::platform::PlatformAdapter;

/// How long the answer to the intent check stays valid.
const ANSWER_HOLDS: Duration = Duration::from_secs(5);

/// Re-checks the content intent when messages come without content, and keeps the run's
/// content tally.
#[derive(Debug, Default)]
pub struct ContentCheck {
    /// When the intent was last confirmed.
    confirmed: Mutex<Option<Instant>>,
    /// Over all accepted pages of the run.
    tally: SyncMutex<BlankMessageTally>,
}

impl ContentCheck {
    /// Confirms that the bot may still read content. A recent answer isn't reused for a
    /// page without any text: the right may have been lost since.
    ///
    /// # Errors
    /// Returns a [`Failure`] that ends the run if the bot may not read content any more,
    /// or that of the request.
    pub(super) async fn confirm(
        &self,
        platform: &dyn PlatformAdapter,
        page: &MessagePage,
        monitor: &dyn Monitor,
    ) -> Result<(), Failure> {
        let mut confirmed = self.confirmed.lock().await;
        if page.has_text() && confirmed.is_some_and(|at| at.elapsed() < ANSWER_HOLDS) {
            return Ok(());
        }
        let identity = platform.identity(monitor).await?;
        if identity.reads_content == Some(false) {
            return Err(Failure {
                cause: Cause::ContentIntentOff,
                ends_run: true,
                is_own: false,
                error: "the bot no longer has access to message content".to_owned(),
            });
        }
        *confirmed = Some(Instant::now());
        Ok(())
    }

    /// Whether the run's accepted pages together with this one show that content is
    /// withheld. If not, the page is added to the tally.
    pub(super) fn is_withheld(&self, page: &MessagePage) -> bool {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let with_page = tally.with_page(page);
        if !with_page.is_withheld() {
            *tally = with_page;
        }
        with_page.is_withheld()
    }
}
