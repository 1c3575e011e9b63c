//! Messages that can't be read.

use std::time::Duration;

use discord_sim::{Damage, Match, What};

use super::{GUILD, chat, community, failing, json, pages_of, stored};
use crate::util::Sandbox;
use crate::util::truth::assert_archived;

/// How a message is damaged, and whether the rest of it is still worth reading.
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
/// From the newest of a page.
const PLACES: [usize; 3] = [0, 40, 99];

/// A channel of two pages for each damage.
fn sandbox() -> Sandbox {
    community(13, 200, "[sync]\nretry_base_delay = \"10ms\"\nrefresh_window = \"36000d\"")
}

fn damage(sandbox: &Sandbox, place: usize) {
    for (number, (damage, _)) in DAMAGES.iter().enumerate() {
        let page = Match::page_of(chat(sandbox, number));
        sandbox.sim.faults().when(page, What::BrokenMessage(place, *damage));
    }
}

fn broken(sandbox: &Sandbox) -> i64 {
    json(sandbox, "status")["tenants"][0]["broken_messages"].as_i64().unwrap()
}

#[test]
fn a_damaged_message_costs_only_itself_and_is_read_when_it_is_whole_again() {
    for place in PLACES {
        let sandbox = sandbox();
        damage(&sandbox, place);
        sandbox.run(&["start"]).expect_code(3);
        let unreadable = DAMAGES.iter().filter(|(_, is_read)| !is_read).count();
        // Where the page's newest has no ID, it is asked for again with the next page.
        let healed = if place == 0 { 4 } else { 0 };
        assert_eq!(broken(&sandbox), i64::try_from(unreadable).unwrap(), "at {place}");
        let lost: i64 = (0..13).map(|number| 200 - stored(&sandbox, chat(&sandbox, number))).sum();
        assert_eq!(lost, i64::try_from(unreadable).unwrap() - healed, "at {place}");
        sandbox.sim.world().advance(Duration::from_hours(1));
        sandbox.run(&["start"]).expect_code(0);
        assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
        assert_eq!(broken(&sandbox), 0, "at {place}");
    }
}

#[test]
fn a_young_message_that_was_damaged_is_read_by_the_next_refresh() {
    let sandbox = community(13, 200, "[sync]\nretry_base_delay = \"10ms\"");
    sandbox.run(&["start"]).expect_code(0);
    for number in 0..13 {
        sandbox.sim.world().append(chat(&sandbox, number), 20);
    }
    damage(&sandbox, 5);
    sandbox.run(&["start"]).expect_code(3);
    assert_eq!(broken(&sandbox), 5);
    sandbox.sim.world().advance(Duration::from_hours(1));
    sandbox.run(&["start"]).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    assert_eq!(broken(&sandbox), 0);
}

#[test]
fn a_message_that_comes_damaged_later_is_neither_deleted_nor_blanked() {
    for place in PLACES {
        let sandbox = sandbox();
        sandbox.run(&["start"]).expect_code(0);
        let content = "SELECT channel_id, platform_id, author_id, content FROM messages ORDER BY 1, 2";
        let whole = sandbox.rows(content);
        damage(&sandbox, place);
        // A deletion is proved by the second of two runs.
        for code in [3, 0] {
            sandbox.sim.world().advance(Duration::from_hours(1));
            sandbox.run(&["start"]).expect_code(code);
            assert_eq!(sandbox.count("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL"), 0);
        }
        let differing =
            sandbox.rows(content).into_iter().zip(&whole).filter(|(now, then)| now != *then).count();
        assert_eq!(differing, 0, "at {place}");
        assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    }
}

#[test]
fn an_old_message_that_was_damaged_is_read_by_the_next_run_without_its_neighbours() {
    let sandbox = community(5, 500, "[sync]\nretry_base_delay = \"10ms\"");
    for (number, (damage, _)) in DAMAGES.iter().filter(|(_, is_read)| !is_read).enumerate() {
        let page = Match::page_of(chat(&sandbox, number));
        sandbox.sim.faults().when(page, What::BrokenMessage(40, *damage));
    }
    let ran = sandbox.run(&["start"]).expect_code(3);
    assert_eq!(ran.stdout.matches("1 malformed message").count(), 3, "and two more: {}", ran.stdout);
    assert!(ran.stdout.contains("and 2 more"), "{}", ran.stdout);
    let told = sandbox.run(&["status"]).expect_code(0);
    assert!(told.stdout.contains("5 messages couldn't be read"), "{}", told.stdout);
    sandbox.sim.journal().clear();
    let ran = sandbox.run(&["start"]).expect_code(0);
    assert!(!ran.stdout.contains("couldn't be read"), "{}", ran.stdout);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    assert_eq!(broken(&sandbox), 0);
    let pages: Vec<usize> = (0..5).map(|number| pages_of(&sandbox, chat(&sandbox, number)).len()).collect();
    assert!(pages.iter().all(|pages| *pages <= 2), "the end of the channel and one page: {pages:?}");
}

#[test]
fn a_message_that_stays_damaged_is_tried_five_times_and_then_once_a_day() {
    let sandbox = community(1, 100, "[sync]\nretry_base_delay = \"10ms\"");
    let channel = chat(&sandbox, 0);
    // The newest is past the window, so that only its damage is a reason to ask.
    sandbox.sim.world().advance(Duration::from_hours(48));
    let known_at = sandbox.sim.world().now_ms() + 24 * 3_600_000;
    let damaged = What::BrokenMessage(40, Damage::WrongTypes);
    sandbox.sim.faults().when(Match::page_of(channel).always(), damaged);
    let asks = || {
        sandbox.sim.journal().clear();
        let ran = sandbox.run(&["start"]);
        // Whoever knows of it for a day, or has read it, has all there is.
        let is_new = broken(&sandbox) > 0 && sandbox.sim.world().now_ms() < known_at;
        ran.expect_code(if is_new { 3 } else { 0 });
        pages_of(&sandbox, channel).iter().filter(|page| page.status == Some(200)).count() > 0
    };
    let asked: Vec<bool> = (0..7).map(|_| asks()).collect();
    assert_eq!(asked, [true, true, true, true, true, false, false]);
    sandbox.sim.world().advance(Duration::from_hours(25));
    assert_eq!((asks(), asks()), (true, false));
    assert_eq!(broken(&sandbox), 1);
    sandbox.sim.faults().clear();
    sandbox.sim.world().advance(Duration::from_hours(25));
    assert!(asks());
    assert_eq!(broken(&sandbox), 0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn a_broken_message_that_is_deleted_is_forgotten() {
    let sandbox = community(1, 300, "[sync]\nretry_base_delay = \"10ms\"");
    let channel = chat(&sandbox, 0);
    sandbox.sim.faults().when(Match::page_of(channel), What::BrokenMessage(0, Damage::WrongTypes));
    sandbox.run(&["start"]).expect_code(3);
    assert_eq!(broken(&sandbox), 1);
    let id = sandbox.count("SELECT platform_id FROM broken_messages").cast_unsigned();
    sandbox.sim.world().delete(channel, id);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(broken(&sandbox), 0);
}

#[test]
fn a_message_without_id_is_remembered_when_its_neighbours_are_deleted() {
    let sandbox = community(1, 300, "[sync]\nretry_base_delay = \"10ms\"");
    let channel = chat(&sandbox, 0);
    // The 160th, whose page goes from the 101st to the 200th.
    let page = Match::page_of(channel).after(1);
    sandbox.sim.faults().when(page, What::BrokenMessage(40, Damage::MissingId));
    sandbox.run(&["start"]).expect_code(3);
    assert_eq!((broken(&sandbox), stored(&sandbox, channel)), (1, 299));
    for place in 100..199 {
        let stored = format!("SELECT platform_id FROM messages ORDER BY platform_id LIMIT 1 OFFSET {place}");
        sandbox.sim.world().delete(channel, sandbox.count(&stored).cast_unsigned());
    }
    let damaged = What::BrokenMessage(99, Damage::MissingId);
    sandbox.sim.faults().when(Match::page_of(channel).always(), damaged);
    for _ in 0..2 {
        sandbox.run(&["start"]).expect_code(3);
        assert_eq!((broken(&sandbox), stored(&sandbox, channel)), (1, 299));
    }
    sandbox.sim.faults().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!((broken(&sandbox), stored(&sandbox, channel)), (0, 300));
}

#[test]
fn newest_messages_without_a_readable_id_cost_only_themselves() {
    for damage in [Damage::MissingId, Damage::Null, Damage::NotAnObject] {
        let sandbox = community(1, 200, "[sync]\nretry_base_delay = \"10ms\"");
        let channel = chat(&sandbox, 0);
        sandbox.run(&["start"]).expect_code(0);
        sandbox.sim.world().append(channel, 1);
        sandbox.sim.faults().when(Match::page_of(channel).always(), What::BrokenMessage(0, damage));
        for _ in 0..2 {
            sandbox.run(&["start"]).expect_code(3);
            assert_eq!(failing(&sandbox), []);
            assert_eq!((broken(&sandbox), stored(&sandbox, channel)), (1, 200), "{damage:?}");
        }
        sandbox.sim.faults().clear();
        sandbox.run(&["start"]).expect_code(0);
        assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
        assert_eq!(broken(&sandbox), 0, "{damage:?}");
    }
}
