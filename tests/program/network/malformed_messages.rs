//! Malformed messages: a run loses only them, records them, and reads them again later.

use std::time::Duration;

use discord_sim::{Damage, FaultKind, Match};

use super::{GUILD, channel_errors, chat, community, json, page_requests, stored_messages};
use crate::util::Sandbox;
use crate::util::truth::assert_archived;

/// Kinds of damage, and whether the program still stores a message damaged that way.
const DAMAGES: [(Damage, bool); 13] = [
    (Damage::MissingId, false),
    (Damage::BadId, false),
    (Damage::Null, false),
    (Damage::NotAnObject, false),
    (Damage::WrongTypes, false),
    (Damage::NullAuthor, true),
    (Damage::MissingAuthor, true),
    (Damage::NullContent, true),
    (Damage::MissingContent, true),
    (Damage::BadTimestamp, true),
    (Damage::UnknownType, true),
    (Damage::NullEmoji, true),
    (Damage::NullLists, true),
];
/// Indexes of the damaged message in its page, from the newest.
const INDEXES: [usize; 3] = [0, 40, 99];

/// A channel of two pages for each kind of damage.
fn sandbox() -> Sandbox {
    community(13, 200, "[sync]\nretry_base_delay = \"10ms\"\nrefresh_window = \"36000d\"")
}

/// Damages the message at this index of each channel's next page.
fn damage(sandbox: &Sandbox, index: usize) {
    for (number, (damage, _)) in DAMAGES.iter().enumerate() {
        let page = Match::page_of(chat(sandbox, number));
        sandbox.sim.faults().when(page, FaultKind::MalformedMessage(index, *damage));
    }
}

/// Number of recorded malformed messages.
fn malformed_messages(sandbox: &Sandbox) -> i64 {
    json(sandbox, "status")["tenants"][0]["broken_messages"].as_i64().unwrap()
}

#[test]
fn malformed_message_loses_only_itself_until_it_is_intact_again() {
    for index in INDEXES {
        let sandbox = sandbox();
        damage(&sandbox, index);
        sandbox.run(&["start"]).expect_code(3);
        let unreadable = DAMAGES.iter().filter(|(_, is_stored)| !is_stored).count();
        // If the page's newest message has no readable ID, the next page contains it
        // again.
        let re_read = if index == 0 { 4 } else { 0 };
        assert_eq!(malformed_messages(&sandbox), i64::try_from(unreadable).unwrap(), "at index {index}");
        let lost: i64 = (0..13).map(|number| 200 - stored_messages(&sandbox, chat(&sandbox, number))).sum();
        assert_eq!(lost, i64::try_from(unreadable).unwrap() - re_read, "at index {index}");
        sandbox.sim.world().advance(Duration::from_hours(1));
        sandbox.run(&["start"]).expect_code(0);
        assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
        assert_eq!(malformed_messages(&sandbox), 0, "at index {index}");
    }
}

#[test]
fn recent_malformed_message_is_read_by_the_next_refresh() {
    let sandbox = community(13, 200, "[sync]\nretry_base_delay = \"10ms\"");
    sandbox.run(&["start"]).expect_code(0);
    for number in 0..13 {
        sandbox.sim.world().append(chat(&sandbox, number), 20);
    }
    damage(&sandbox, 5);
    sandbox.run(&["start"]).expect_code(3);
    assert_eq!(malformed_messages(&sandbox), 5);
    sandbox.sim.world().advance(Duration::from_hours(1));
    sandbox.run(&["start"]).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    assert_eq!(malformed_messages(&sandbox), 0);
}

#[test]
fn stored_message_that_is_later_malformed_is_neither_deleted_nor_blanked() {
    for index in INDEXES {
        let sandbox = sandbox();
        sandbox.run(&["start"]).expect_code(0);
        let content = "SELECT channel_id, platform_id, author_id, content FROM messages ORDER BY 1, 2";
        let intact = sandbox.rows(content);
        damage(&sandbox, index);
        // Only a second run confirms a deletion.
        for code in [3, 0] {
            sandbox.sim.world().advance(Duration::from_hours(1));
            sandbox.run(&["start"]).expect_code(code);
            assert_eq!(sandbox.count("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL"), 0);
        }
        let differing =
            sandbox.rows(content).into_iter().zip(&intact).filter(|(now, then)| now != *then).count();
        assert_eq!(differing, 0, "at index {index}");
        assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    }
}

#[test]
fn old_malformed_message_is_read_by_the_next_run_with_at_most_two_pages() {
    let sandbox = community(5, 500, "[sync]\nretry_base_delay = \"10ms\"");
    for (number, (damage, _)) in DAMAGES.iter().filter(|(_, is_stored)| !is_stored).enumerate() {
        let page = Match::page_of(chat(&sandbox, number));
        sandbox.sim.faults().when(page, FaultKind::MalformedMessage(40, *damage));
    }
    let ran = sandbox.run(&["start"]).expect_code(3);
    assert_eq!(ran.stdout.matches("1 malformed message").count(), 3, "and 2 more: {}", ran.stdout);
    assert!(ran.stdout.contains("and 2 more"), "{}", ran.stdout);
    let status = sandbox.run(&["status"]).expect_code(0);
    assert!(status.stdout.contains("5 malformed messages"), "{}", status.stdout);
    sandbox.sim.journal().clear();
    let ran = sandbox.run(&["start"]).expect_code(0);
    assert!(!ran.stdout.contains("malformed"), "{}", ran.stdout);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    assert_eq!(malformed_messages(&sandbox), 0);
    let pages: Vec<usize> =
        (0..5).map(|number| page_requests(&sandbox, chat(&sandbox, number)).len()).collect();
    assert!(pages.iter().all(|pages| *pages <= 2), "the channel's end and one page: {pages:?}");
}

#[test]
fn permanently_malformed_message_is_retried_five_times_and_then_once_a_day() {
    let sandbox = community(1, 100, "[sync]\nretry_base_delay = \"10ms\"");
    let channel = chat(&sandbox, 0);
    // All messages are older than the refresh window, so that the malformed one is the
    // only reason to request the page.
    sandbox.sim.world().advance(Duration::from_hours(48));
    let reported_until = sandbox.sim.world().now_ms() + 24 * 3_600_000;
    let damaged = FaultKind::MalformedMessage(40, Damage::WrongTypes);
    sandbox.sim.faults().when(Match::page_of(channel).always(), damaged);
    let requests_page = || {
        sandbox.sim.journal().clear();
        // A server's time has whole seconds: two runs at the same millisecond count as one.
        sandbox.sim.world().advance(Duration::from_secs(1));
        let ran = sandbox.run(&["start"]);
        // A malformed message is reported in the exit code for a day.
        let is_new = malformed_messages(&sandbox) > 0 && sandbox.sim.world().now_ms() < reported_until;
        ran.expect_code(if is_new { 3 } else { 0 });
        page_requests(&sandbox, channel).iter().filter(|page| page.status == Some(200)).count() > 0
    };
    let requested: Vec<bool> = (0..7).map(|_| requests_page()).collect();
    assert_eq!(requested, [true, true, true, true, true, false, false]);
    sandbox.sim.world().advance(Duration::from_hours(25));
    assert_eq!((requests_page(), requests_page()), (true, false));
    assert_eq!(malformed_messages(&sandbox), 1);
    sandbox.sim.faults().clear();
    sandbox.sim.world().advance(Duration::from_hours(25));
    assert!(requests_page());
    assert_eq!(malformed_messages(&sandbox), 0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn deleted_malformed_message_is_removed_from_the_record() {
    let sandbox = community(1, 300, "[sync]\nretry_base_delay = \"10ms\"");
    let channel = chat(&sandbox, 0);
    sandbox.sim.faults().when(Match::page_of(channel), FaultKind::MalformedMessage(0, Damage::WrongTypes));
    sandbox.run(&["start"]).expect_code(3);
    assert_eq!(malformed_messages(&sandbox), 1);
    let id = sandbox.count("SELECT platform_id FROM broken_messages").cast_unsigned();
    sandbox.sim.world().delete(channel, id);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(malformed_messages(&sandbox), 0);
}

#[test]
fn malformed_message_without_id_stays_recorded_when_its_neighbours_are_deleted() {
    let sandbox = community(1, 300, "[sync]\nretry_base_delay = \"10ms\"");
    let channel = chat(&sandbox, 0);
    // The 160th message; its page holds the 101st to the 200th.
    let page = Match::page_of(channel).after(1);
    sandbox.sim.faults().when(page, FaultKind::MalformedMessage(40, Damage::MissingId));
    sandbox.run(&["start"]).expect_code(3);
    assert_eq!((malformed_messages(&sandbox), stored_messages(&sandbox, channel)), (1, 299));
    for offset in 100..199 {
        let stored = format!("SELECT platform_id FROM messages ORDER BY platform_id LIMIT 1 OFFSET {offset}");
        sandbox.sim.world().delete(channel, sandbox.count(&stored).cast_unsigned());
    }
    let damaged = FaultKind::MalformedMessage(99, Damage::MissingId);
    sandbox.sim.faults().when(Match::page_of(channel).always(), damaged);
    for _ in 0..2 {
        sandbox.run(&["start"]).expect_code(3);
        assert_eq!((malformed_messages(&sandbox), stored_messages(&sandbox, channel)), (1, 299));
    }
    sandbox.sim.faults().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!((malformed_messages(&sandbox), stored_messages(&sandbox, channel)), (0, 300));
}

#[test]
fn newest_message_without_a_readable_id_loses_only_itself() {
    for damage in [Damage::MissingId, Damage::Null, Damage::NotAnObject] {
        let sandbox = community(1, 200, "[sync]\nretry_base_delay = \"10ms\"");
        let channel = chat(&sandbox, 0);
        sandbox.run(&["start"]).expect_code(0);
        sandbox.sim.world().append(channel, 1);
        sandbox.sim.faults().when(Match::page_of(channel).always(), FaultKind::MalformedMessage(0, damage));
        for _ in 0..2 {
            sandbox.run(&["start"]).expect_code(3);
            assert_eq!(channel_errors(&sandbox), []);
            assert_eq!(
                (malformed_messages(&sandbox), stored_messages(&sandbox, channel)),
                (1, 200),
                "{damage:?}"
            );
        }
        sandbox.sim.faults().clear();
        sandbox.run(&["start"]).expect_code(0);
        assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
        assert_eq!(malformed_messages(&sandbox), 0, "{damage:?}");
    }
}
