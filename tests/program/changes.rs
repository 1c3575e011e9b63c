//! The archive shows what is there now: edits, deletions, and what only seems
//! to be one.

use std::process::Child;
use std::time::Duration;

use crate::util::Sandbox;
use crate::util::truth::assert_archived;
use discord_sim::{Damage, Description, Match, RouteKind, What, World};

const GUILD: u64 = 77_000_000_000_000_001;
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

fn sandbox() -> Sandbox {
    Sandbox::new(World::new(&Description::community(GUILD, 3, 250)))
}

/// The first channel with messages, and their IDs.
fn channel(sandbox: &Sandbox) -> (u64, Vec<u64>) {
    let truth = sandbox.sim.world().truth(GUILD);
    let channel = truth.iter().find(|channel| channel.bot_can_read && channel.live_messages().count() > 100);
    let channel = channel.unwrap();
    (channel.id, channel.live_messages().map(|message| message.id).collect())
}

fn check(sandbox: &Sandbox) {
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

fn deleted(sandbox: &Sandbox) -> i64 {
    sandbox.count("SELECT count(*) FROM message_log WHERE deleted_at IS NOT NULL")
}

/// Everything of content, with the time it was last changed.
fn content(sandbox: &Sandbox) -> Vec<String> {
    [
        "SELECT channel_id || '/' || platform_id || ' ' || updated_at FROM messages",
        "SELECT channel_id || '/' || platform_id || ' ' || updated_at FROM message_attachments",
        "SELECT message_id || '/' || emoji_id || ' ' || updated_at FROM message_reaction_counts",
    ]
    .iter()
    .flat_map(|sql| sandbox.rows(sql))
    .collect()
}

/// A full re-read that is somewhere in the middle.
fn full_under_way(sandbox: &Sandbox) -> Child {
    sandbox.sim.set_latency(Duration::from_millis(100), Duration::ZERO);
    sandbox.sim.journal().clear();
    let child = sandbox.spawn(&["start", "--full"]);
    crate::util::wait_until("pages are read", || sandbox.sim.journal().count(RouteKind::Messages) > 2);
    child
}

#[test]
fn what_changes_while_it_is_young_is_followed_and_then_left_alone() {
    let sandbox = sandbox();
    let (chat, _) = channel(&sandbox);
    sandbox.run(&["start"]).expect_code(0);
    let world = sandbox.sim.world();
    let written = world.append(chat, 120);
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    world.advance(HOUR);
    assert!(world.edit(chat, written[5], "another text"));
    assert!(world.delete(chat, written[6]) && world.delete(chat, written[119]));
    assert!(world.react(chat, written[7], 3, "🦀", false));
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(deleted(&sandbox), 1, "an empty end of the channel is believed the second time");
    assert!(world.restore(chat, written[6]));
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(deleted(&sandbox), 1, "a message that came back isn't deleted");
    check(&sandbox);
    let before = content(&sandbox);
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(content(&sandbox), before, "a sync that finds nothing new changes nothing");
}

#[test]
fn what_changed_long_ago_is_found_by_a_full_reading() {
    let sandbox = sandbox();
    let (chat, messages) = channel(&sandbox);
    sandbox.run(&["start"]).expect_code(0);
    let world = sandbox.sim.world();
    world.advance(30 * DAY);
    assert!(world.delete(chat, messages[0]) && world.delete(chat, messages[150]));
    assert!(world.edit(chat, messages[20], "late"));
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(deleted(&sandbox), 0, "nothing says that anything changed");
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert_eq!(deleted(&sandbox), 2);
    check(&sandbox);
}

#[test]
fn a_channel_that_comes_back_empty_is_believed_after_a_day() {
    let sandbox = sandbox();
    let (chat, messages) = channel(&sandbox);
    sandbox.run(&["start"]).expect_code(0);
    let world = sandbox.sim.world();
    world.advance(DAY);
    for message in &messages {
        assert!(world.delete(chat, *message));
    }
    for hours in [0, 23] {
        world.advance(HOUR * hours);
        let told = sandbox.run(&["start", "--full"]).expect_code(3).stdout;
        assert!(told.contains("empty page"), "{told}");
        assert_eq!(deleted(&sandbox), 0, "for less than a day it may be an accident");
    }
    world.advance(2 * HOUR);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(deleted(&sandbox), i64::try_from(messages.len()).unwrap());
    check(&sandbox);
    let requests = sandbox.sim.journal().entries().len();
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    assert!(sandbox.sim.journal().entries().len() - requests <= 8, "and then it is left alone");
}

#[test]
fn a_message_that_is_hardly_a_minute_old_is_not_missed_yet() {
    let sandbox = sandbox();
    let (chat, _) = channel(&sandbox);
    let world = sandbox.sim.world();
    let written = world.append(chat, 3);
    sandbox.run(&["start"]).expect_code(0);
    world.delete(chat, written[1]);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(deleted(&sandbox), 0);
    world.advance(Duration::from_mins(2));
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(deleted(&sandbox), 1);
    check(&sandbox);
}

#[test]
fn a_message_that_cannot_be_read_is_there() {
    let sandbox = sandbox();
    let (chat, _) = channel(&sandbox);
    let world = sandbox.sim.world();
    let written = world.append(chat, 5);
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    sandbox.sim.faults().when(Match::page_of(chat), What::BrokenMessage(0, Damage::WrongTypes));
    sandbox.run(&["start"]);
    assert_eq!(deleted(&sandbox), 0, "it is there");
    world.delete(chat, written[0]);
    sandbox.sim.faults().when(Match::page_of(chat).always(), What::BrokenMessage(0, Damage::BadId));
    sandbox.run(&["start"]);
    assert_eq!(deleted(&sandbox), 0, "a message without an ID may be any");
    sandbox.sim.faults().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(deleted(&sandbox), 1);
    check(&sandbox);
}

#[test]
fn a_bot_that_loses_its_rights_deletes_nothing() {
    const READ_MESSAGE_HISTORY: u64 = 1 << 16;
    const VIEW_CHANNEL: u64 = 1 << 10;
    for denied in [READ_MESSAGE_HISTORY, VIEW_CHANNEL] {
        let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 1500)));
        sandbox.run(&["start"]).expect_code(0);
        let world = sandbox.sim.world();
        world.advance(HOUR);
        let child = full_under_way(&sandbox);
        for channel in world.truth(GUILD) {
            world.set_bot_permissions(channel.id, 0, denied);
        }
        sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
        crate::util::ended(child);
        sandbox.run(&["start", "--full"]);
        sandbox.run(&["start", "--full"]);
        assert_eq!(deleted(&sandbox), 0);
        for channel in world.truth(GUILD) {
            world.set_bot_permissions(channel.id, 0, 0);
        }
        sandbox.run(&["start", "--full"]).expect_code(0);
        check(&sandbox);
    }
}

#[test]
fn a_bot_that_may_not_read_content_any_more_overwrites_nothing() {
    let sandbox = sandbox();
    sandbox.run(&["start"]).expect_code(0);
    let before = content(&sandbox);
    let world = sandbox.sim.world();
    world.advance(HOUR);
    let child = full_under_way(&sandbox);
    world.set_message_content(false);
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    crate::util::ended(child).expect_code(4);
    assert_eq!(content(&sandbox), before);
    sandbox.run(&["start", "--full"]).expect_code(4);
    world.set_message_content(true);
    sandbox.run(&["start", "--full"]).expect_code(0);
    check(&sandbox);
}

#[test]
fn an_archive_that_is_to_begin_earlier_reads_only_what_is_missing() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 1, 1000)));
    let (chat, messages) = channel(&sandbox);
    let day_of = |index: usize| date(messages[index]);
    let config = std::fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    let begin_at = |since: &str| {
        sandbox.write("sync.toml", &format!("{config}\nsince = \"{since}\"\n"));
    };
    begin_at(&day_of(700));
    sandbox.run(&["start"]).expect_code(0);
    let late = sandbox.count("SELECT count(*) FROM messages");
    assert!((200..400).contains(&late), "{late}");
    begin_at(&day_of(300));
    sandbox.sim.journal().clear();
    let child = sandbox.spawn_slow(&["start"]);
    crate::util::send(&child, rustix::process::Signal::KILL);
    crate::util::ended(child);
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    sandbox.run(&["start"]).expect_code(0);
    let in_all = sandbox.count("SELECT count(*) FROM messages");
    let pages = sandbox.sim.journal().count(RouteKind::Messages);
    let needed = usize::try_from(in_all - late).unwrap().div_ceil(100);
    assert!(pages <= needed + 4, "{pages} pages for {needed}");
    sandbox.write("sync.toml", &config);
    sandbox.run(&["start"]).expect_code(0);
    check(&sandbox);
    let total = sandbox.count(&format!("SELECT messages FROM channel_log WHERE channel_id = '{chat}'"));
    assert_eq!(total, 1000);
}

/// The UTC day a message was sent, as `since` takes it.
fn date(message: u64) -> String {
    let millis = i64::try_from(message >> 22).unwrap() + 1_420_070_400_000;
    let archive = rusqlite::Connection::open_in_memory().unwrap();
    let sql = "SELECT strftime('%Y-%m-%d', ?1 / 1000, 'unixepoch')";
    archive.query_row(sql, [millis], |row| row.get(0)).unwrap()
}
