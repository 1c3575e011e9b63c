//! Messages that can't be fetched, in a range that a resumed read reads again.

use discord_sim::{BodyKind, FaultKind, Match};

use super::*;

/// Messages of the channel: three pages.
const MESSAGES: u64 = 250;

/// A first read stopped before its last page, and resumed 30 hours later, when all its
/// messages have left the refresh window.
struct Resumed {
    sandbox: Sandbox,
    chat: u64,
    ids: Vec<u64>,
}

impl Resumed {
    fn new() -> Self {
        let sandbox =
            sandbox(vec![ChannelDescription::text("chat", 0), ChannelDescription::text("other", 3)]);
        let chat = channel(&sandbox, "chat");
        let ids = sandbox.sim.world().append(chat, MESSAGES);
        Self { sandbox, chat, ids }
    }

    /// Makes every page fail that contains one of these messages.
    fn poison(&self, indexes: impl IntoIterator<Item = usize>) {
        for index in indexes {
            let page = Match::page_of(self.chat).holding(self.ids[index]).always();
            self.sandbox.sim.faults().when(page, FaultKind::Status(500, BodyKind::Html));
        }
    }

    /// Reads all pages but the last, which comes empty, and lets 30 hours pass.
    fn read_first_pages(&self) {
        let last = Match::page_of(self.chat).holding(self.ids[249]).always();
        self.sandbox.sim.faults().when(last, FaultKind::Empty);
        sync(&self.sandbox, 3);
        self.sandbox.sim.faults().clear();
        self.sandbox.sim.world().advance(30 * HOUR);
    }

    /// Edits a message and deletes another one, both in the pages read.
    fn change(&self) {
        let world = self.sandbox.sim.world();
        assert!(world.edit(self.chat, self.ids[150], "edited") && world.delete(self.chat, self.ids[160]));
    }

    #[track_caller]
    fn assert_changes_found(&self) {
        let edited = format!("content = 'edited' AND platform_id = {}", self.ids[150]);
        let deleted = format!("deleted_at IS NOT NULL AND platform_id = {}", self.ids[160]);
        let count = |what: &str| self.sandbox.count(&format!("SELECT count(*) FROM messages WHERE {what}"));
        assert_eq!((count(&edited), count(&deleted)), (1, 1), "(edited, deleted)");
    }

    fn recorded(&self) -> i64 {
        self.sandbox.count("SELECT count(*) FROM broken_messages")
    }
}

#[test]
fn changes_behind_a_message_that_fails_again_are_found() {
    let resumed = Resumed::new();
    resumed.poison([20]);
    resumed.read_first_pages();
    assert_eq!(resumed.recorded(), 1);
    resumed.change();
    resumed.poison([20]);
    sync(&resumed.sandbox, 0);
    resumed.assert_changes_found();
    assert_eq!(resumed.sandbox.count("SELECT attempts FROM broken_messages"), 2);
    assert_recovers(&resumed.sandbox);
    assert_eq!(resumed.recorded(), 0);
}

#[test]
fn archived_message_that_fails_when_read_again_is_recorded() {
    let resumed = Resumed::new();
    resumed.read_first_pages();
    resumed.change();
    resumed.poison([20]);
    let ran = sync(&resumed.sandbox, 3);
    assert!(ran.stdout.contains("1 malformed message"), "{}", ran.stdout);
    resumed.assert_changes_found();
    assert_recovers(&resumed.sandbox);
    assert_eq!(resumed.recorded(), 0);
}

#[test]
fn more_known_messages_fail_again_than_one_run_searches_for() {
    let resumed = Resumed::new();
    let many = || (20..140).step_by(10);
    resumed.poison(many());
    let last = Match::page_of(resumed.chat).holding(resumed.ids[249]).always();
    resumed.sandbox.sim.faults().when(last, FaultKind::Empty);
    // The first run skips ten of the twelve messages.
    sync(&resumed.sandbox, 3);
    sync(&resumed.sandbox, 3);
    assert_eq!(resumed.recorded(), 12);
    resumed.sandbox.sim.faults().clear();
    resumed.sandbox.sim.world().advance(30 * HOUR);
    resumed.change();
    resumed.poison(many());
    sync(&resumed.sandbox, 0);
    resumed.assert_changes_found();
    assert_recovers(&resumed.sandbox);
}
