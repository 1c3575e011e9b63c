//! Edits and deletions reach the archive; apparent deletions don't.

use std::process::Child;
use std::time::Duration;

use crate::util::Sandbox;
use crate::util::truth::assert_archived;
use discord_sim::{Damage, Description, FaultKind, Match, RouteKind, World};

const GUILD: u64 = 77_000_000_000_000_001;
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

fn sandbox() -> Sandbox {
    Sandbox::new(World::new(&Description::community(GUILD, 3, 250)))
}

/// The first readable channel with more than 100 messages, and the IDs of its messages.
fn channel(sandbox: &Sandbox) -> (u64, Vec<u64>) {
    let truth = sandbox.sim.world().truth(GUILD);
    let channel = truth.iter().find(|channel| channel.bot_can_read && channel.live_messages().count() > 100);
    let channel = channel.unwrap();
    (channel.id, channel.live_messages().map(|message| message.id).collect())
}

fn assert_matches_world(sandbox: &Sandbox) {
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

fn deleted_messages(sandbox: &Sandbox) -> i64 {
    sandbox.count("SELECT count(*) FROM message_log WHERE deleted_at IS NOT NULL")
}

/// The keys and update times of messages, attachments and reaction counts.
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

/// Starts a slow full read, and returns once it has requested some pages.
fn start_full_read(sandbox: &Sandbox) -> Child {
    sandbox.sim.set_latency(Duration::from_millis(100), Duration::ZERO);
    sandbox.sim.journal().clear();
    let child = sandbox.spawn(&["start", "--full"]);
    crate::util::wait_until("pages are read", || sandbox.sim.journal().count(RouteKind::Messages) > 2);
    child
}

#[test]
fn changes_within_the_refresh_window_are_archived_once() {
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
    assert_eq!(deleted_messages(&sandbox), 1, "a deletion at the channel's end needs another run");
    assert!(world.restore(chat, written[6]));
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(deleted_messages(&sandbox), 1, "a restored message isn't deleted");
    assert_matches_world(&sandbox);
    let before = content(&sandbox);
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(content(&sandbox), before, "a sync that finds nothing new changes nothing");
}

#[test]
fn changes_outside_the_refresh_window_need_a_full_read() {
    let sandbox = sandbox();
    let (chat, messages) = channel(&sandbox);
    sandbox.run(&["start"]).expect_code(0);
    let world = sandbox.sim.world();
    world.advance(30 * DAY);
    assert!(world.delete(chat, messages[0]) && world.delete(chat, messages[150]));
    assert!(world.edit(chat, messages[20], "late"));
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(deleted_messages(&sandbox), 0, "nothing indicates the change");
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert_eq!(deleted_messages(&sandbox), 2);
    assert_matches_world(&sandbox);
}

#[test]
fn deletion_of_all_messages_is_confirmed_after_a_day() {
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
        let stdout = sandbox.run(&["start", "--full"]).expect_code(3).stdout;
        assert!(stdout.contains("empty page"), "{stdout}");
        assert_eq!(deleted_messages(&sandbox), 0, "not confirmed before a day has passed");
    }
    world.advance(2 * HOUR);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(deleted_messages(&sandbox), i64::try_from(messages.len()).unwrap());
    assert_matches_world(&sandbox);
    let requests = sandbox.sim.journal().entries().len();
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    assert!(sandbox.sim.journal().entries().len() - requests <= 8, "the empty channel is not read again");
}

#[test]
fn deletion_of_a_message_of_the_last_minute_is_not_detected_yet() {
    let sandbox = sandbox();
    let (chat, _) = channel(&sandbox);
    let world = sandbox.sim.world();
    let written = world.append(chat, 3);
    sandbox.run(&["start"]).expect_code(0);
    world.delete(chat, written[1]);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(deleted_messages(&sandbox), 0);
    world.advance(Duration::from_mins(2));
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(deleted_messages(&sandbox), 1);
    assert_matches_world(&sandbox);
}

#[test]
fn malformed_message_is_not_deleted() {
    let sandbox = sandbox();
    let (chat, _) = channel(&sandbox);
    let world = sandbox.sim.world();
    let written = world.append(chat, 5);
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    sandbox.sim.faults().when(Match::page_of(chat), FaultKind::MalformedMessage(0, Damage::WrongTypes));
    sandbox.run(&["start"]);
    assert_eq!(deleted_messages(&sandbox), 0, "a malformed message still exists");
    world.delete(chat, written[0]);
    sandbox.sim.faults().when(Match::page_of(chat).always(), FaultKind::MalformedMessage(0, Damage::BadId));
    sandbox.run(&["start"]);
    assert_eq!(deleted_messages(&sandbox), 0, "a message without an ID could be any of them");
    sandbox.sim.faults().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(deleted_messages(&sandbox), 1);
    assert_matches_world(&sandbox);
}

#[test]
fn lost_permissions_delete_nothing() {
    const READ_MESSAGE_HISTORY: u64 = 1 << 16;
    const VIEW_CHANNEL: u64 = 1 << 10;
    for denied in [READ_MESSAGE_HISTORY, VIEW_CHANNEL] {
        let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 1500)));
        sandbox.run(&["start"]).expect_code(0);
        let world = sandbox.sim.world();
        world.advance(HOUR);
        let child = start_full_read(&sandbox);
        for channel in world.truth(GUILD) {
            world.set_bot_permissions(channel.id, 0, denied);
        }
        sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
        crate::util::wait_for_exit(child);
        sandbox.run(&["start", "--full"]);
        sandbox.run(&["start", "--full"]);
        assert_eq!(deleted_messages(&sandbox), 0);
        for channel in world.truth(GUILD) {
            world.set_bot_permissions(channel.id, 0, 0);
        }
        sandbox.run(&["start", "--full"]).expect_code(0);
        assert_matches_world(&sandbox);
    }
}

#[test]
fn lost_message_content_intent_overwrites_nothing() {
    let sandbox = sandbox();
    sandbox.run(&["start"]).expect_code(0);
    let before = content(&sandbox);
    let world = sandbox.sim.world();
    world.advance(HOUR);
    let child = start_full_read(&sandbox);
    world.set_message_content(false);
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    crate::util::wait_for_exit(child).expect_code(4);
    assert_eq!(content(&sandbox), before);
    sandbox.run(&["start", "--full"]).expect_code(4);
    world.set_message_content(true);
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert_matches_world(&sandbox);
}

#[test]
fn earlier_since_reads_only_the_missing_messages() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 1, 1000)));
    let (chat, messages) = channel(&sandbox);
    let day_of = |index: usize| utc_day(messages[index]);
    let config = std::fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    let set_since = |since: &str| {
        sandbox.write("sync.toml", &format!("{config}\nsince = \"{since}\"\n"));
    };
    set_since(&day_of(700));
    sandbox.run(&["start"]).expect_code(0);
    let stored_before = sandbox.count("SELECT count(*) FROM messages");
    assert!((200..400).contains(&stored_before), "{stored_before}");
    set_since(&day_of(300));
    sandbox.sim.journal().clear();
    let child = sandbox.spawn_slow(&["start"]);
    crate::util::send(&child, rustix::process::Signal::KILL);
    crate::util::wait_for_exit(child);
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    sandbox.run(&["start"]).expect_code(0);
    let stored_after = sandbox.count("SELECT count(*) FROM messages");
    let pages = sandbox.sim.journal().count(RouteKind::Messages);
    let needed = usize::try_from(stored_after - stored_before).unwrap().div_ceil(100);
    assert!(pages <= needed + 4, "{pages} pages for {needed}");
    sandbox.write("sync.toml", &config);
    sandbox.run(&["start"]).expect_code(0);
    assert_matches_world(&sandbox);
    let total = sandbox.count(&format!("SELECT messages FROM channel_log WHERE channel_id = '{chat}'"));
    assert_eq!(total, 1000);
}

/// The UTC day a message was sent, in the format of `since`.
fn utc_day(message: u64) -> String {
    let millis = i64::try_from(message >> 22).unwrap() + 1_420_070_400_000;
    let archive = rusqlite::Connection::open_in_memory().unwrap();
    let sql = "SELECT strftime('%Y-%m-%d', ?1 / 1000, 'unixepoch')";
    archive.query_row(sql, [millis], |row| row.get(0)).unwrap()
}
