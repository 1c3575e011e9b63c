//! Whether messages come with their content, while a run reads them.

use std::sync::{Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::failure::Failure;
use crate::model::{Cause, ContentTally, MessagePage};
use crate::monitor::Monitor;
use crate::platform::PlatformAdapter;

/// How long an answer holds.
const ANSWER_HOLDS: Duration = Duration::from_secs(5);

/// Asks again when messages come without content, and counts what came.
#[derive(Debug, Default)]
pub struct ContentCheck {
    confirmed: Mutex<Option<Instant>>,
    /// Of all channels of the run.
    tally: SyncMutex<ContentTally>,
}

impl ContentCheck {
    /// Fails, and with it the run, if the bot may not read content any more. The
    /// last answer doesn't count for a page without any text: it may be older
    /// than what made the page so.
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
                error: "the bot may not read the content of messages any more".to_owned(),
            });
        }
        *confirmed = Some(Instant::now());
        Ok(())
    }

    /// Whether the pages that the run believed, and this one behind them, show that
    /// content is withheld.
    pub(super) fn is_withheld(&self, page: &MessagePage) -> bool {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let with_page = tally.and(page);
        if !with_page.is_withheld() {
            *tally = with_page;
        }
        with_page.is_withheld()
    }
}
