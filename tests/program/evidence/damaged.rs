//! Damaged answers: invalid UTF-8, objects of another channel or server, wrong IDs, and
//! checkpoints that such answers left in the archive.

use discord_sim::{FaultKind, Match, RouteKind};
use rusqlite::params;
use serde_json::json;

use super::*;

/// A sandbox with two channels, and the ID of `chat`, which fills five pages.
fn chat() -> (Sandbox, u64) {
    let sandbox = sandbox(vec![ChannelDescription::text("chat", 450), ChannelDescription::text("other", 30)]);
    let chat = channel(&sandbox, "chat");
    (sandbox, chat)
}

/// The ID of the message at this index of a channel, oldest first.
fn message(sandbox: &Sandbox, channel: u64, index: usize) -> u64 {
    sandbox.sim.world().truth_channel(channel).unwrap().messages().nth(index).unwrap().id
}

fn stored_messages(sandbox: &Sandbox, channel: u64) -> i64 {
    sandbox.count(&format!(
        "SELECT count(*) FROM messages m JOIN channels c ON c.id = m.channel_id WHERE c.platform_id = {channel}"
    ))
}

fn replace_bytes(find: &str, replacement: &[u8]) -> FaultKind {
    FaultKind::ReplaceBytes(find.as_bytes().to_vec(), replacement.to_vec())
}

#[test]
fn invalid_utf8_loses_only_its_message() {
    let damages: [(&str, &[u8], i64); 4] = [
        // In the text: the message is not stored.
        ("\"content\":\"", b"\"content\":\"\xff", 449),
        // In a side field, and in a field that isn't archived.
        ("\"attachments\":[", b"\"attachments\":[\"\xc0\xaf\"", 450),
        ("\"username\":\"", b"\"username\":\"\xed\xa0\x80", 450),
        // In the ID.
        ("\"id\":\"TARGET", b"\"id\":\"\xf0\x9f", 449),
    ];
    for (find, replacement, expected) in damages {
        let (sandbox, chat) = chat();
        let target = message(&sandbox, chat, 120);
        let find = find.replace("TARGET", &target.to_string());
        sandbox
            .sim
            .faults()
            .when(Match::after_page_of(chat).holding(target).always(), replace_bytes(&find, replacement));
        let ran = sandbox.run(&["start"]);
        assert_eq!(stored_messages(&sandbox, chat), expected, "{find}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, if find.contains("username") { 0 } else { 3 }, "{find}");
        assert_recovers(&sandbox);
    }
}

#[test]
fn invalid_utf8_in_a_name_keeps_the_archived_name() {
    for route in [RouteKind::Guild, RouteKind::GuildChannels] {
        let (sandbox, _) = chat();
        sync(&sandbox, 0);
        let names = "SELECT name FROM channels ORDER BY id";
        let before = sandbox.rows(names);
        sandbox
            .sim
            .faults()
            .when(Match::route(route).always(), replace_bytes("\"name\":\"", b"\"name\":\"\xff"));
        sandbox.sim.world().advance(HOUR);
        let ran = sandbox.run(&["start"]);
        assert_eq!(ran.code, 0, "{route:?}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(sandbox.rows(names), before, "{route:?}: the archived name is kept");
        assert_recovers(&sandbox);
    }
}

#[test]
fn messages_of_another_channel_count_as_malformed() {
    let (sandbox, chat) = chat();
    let other = channel(&sandbox, "other");
    let foreign = FaultKind::MessageField(7, "channel_id".to_owned(), json!(other.to_string()));
    sandbox.sim.faults().when(Match::after_page_of(chat).times(1), foreign);
    let ran = sandbox.run(&["start"]).expect_code(3);
    assert_eq!(stored_messages(&sandbox, chat), 449, "{}", ran.stdout);
    assert_eq!(stored_messages(&sandbox, other), 30);
    assert_recovers(&sandbox);

    // A whole page of them is not stored and doesn't move the checkpoint.
    let (sandbox, chat) = self::chat();
    let foreign = FaultKind::Set("channel_id".to_owned(), json!("1"));
    sandbox.sim.faults().when(Match::page_of(chat).always(), foreign);
    assert_ne!(sandbox.run(&["start"]).code, 0);
    assert_eq!(stored_messages(&sandbox, chat), 0);
    assert_recovers(&sandbox);
}

#[test]
fn listing_of_another_server_loses_nothing() {
    let mut parent = ChannelDescription::text("parent", 10);
    parent.threads.active = 1;
    for (route, field) in
        [(RouteKind::GuildChannels, "guild_id"), (RouteKind::ActiveThreads, "/threads/0/guild_id")]
    {
        let sandbox = sandbox(vec![parent.clone()]);
        let foreign = FaultKind::Set(field.to_owned(), json!("1"));
        sandbox.sim.faults().when(Match::route(route).always(), foreign);
        let ran = sandbox.run(&["start"]);
        if route == RouteKind::GuildChannels {
            assert_ne!(ran.code, 0, "{}", ran.stdout);
        }
        assert_recovers(&sandbox);
    }
}

/// An ID in the future, in a response without a `Date` header.
#[test]
fn future_id_moves_no_checkpoint() {
    let future = (4_000_000_000_000_u64 - 1_420_070_400_000) << 22;
    let (sandbox, chat) = chat();
    sandbox.sim.hide_date();
    let target = message(&sandbox, chat, 99);
    let damage = replace_bytes(&format!("\"id\":\"{target}\""), format!("\"id\":\"{future}\"").as_bytes());
    sandbox.sim.faults().when(Match::after_page_of(chat).holding(target).times(1), damage);
    let ran = sandbox.run(&["start"]).expect_code(3);
    assert_eq!(stored_messages(&sandbox, chat), 450, "{}{}", ran.stdout, ran.stderr);
    assert_recovers(&sandbox);
}

/// An ID that isn't in the future, but greater than that of the newest message.
#[test]
fn damaged_id_after_the_newest_message_skips_nothing() {
    let (sandbox, chat) = chat();
    sandbox.sim.world().advance(12 * HOUR);
    let target = message(&sandbox, chat, 99);
    let newest = message(&sandbox, chat, 449) + (1 << 22);
    let damage = replace_bytes(&format!("\"id\":\"{target}\""), format!("\"id\":\"{newest}\"").as_bytes());
    sandbox.sim.faults().when(Match::after_page_of(chat).holding(target).times(1), damage);
    sandbox.run(&["start"]);
    assert_eq!(stored_messages(&sandbox, chat), 450);
    assert_recovers(&sandbox);
}

/// An ID in the middle of the history, contradicted only by the message's own timestamp.
#[test]
fn damaged_id_within_the_history_skips_nothing() {
    for (from, to) in [(99, 300), (50, 300), (99, 90)] {
        let (sandbox, chat) = chat();
        let target = message(&sandbox, chat, from);
        let other = message(&sandbox, chat, to) + 1;
        let damage = replace_bytes(&format!("\"id\":\"{target}\""), format!("\"id\":\"{other}\"").as_bytes());
        sandbox.sim.faults().when(Match::after_page_of(chat).holding(target).times(1), damage);
        let ran = sandbox.run(&["start"]);
        assert_eq!(stored_messages(&sandbox, chat), 450, "{from} to {to}: {}{}", ran.stdout, ran.stderr);
        assert_recovers(&sandbox);
    }
}

/// If no ID agrees with its message's timestamp, the IDs don't encode the time.
#[test]
fn ids_that_never_agree_with_timestamps_are_accepted() {
    let (sandbox, chat) = chat();
    let other_time = FaultKind::Set("timestamp".to_owned(), json!("2020-01-01T00:00:00+00:00"));
    sandbox.sim.faults().when(Match::page_of(chat).always(), other_time);
    sync(&sandbox, 0);
    assert_eq!(stored_messages(&sandbox, chat), 450);
}

/// Recreates an archive that an older version left: the checkpoint is at a message that
/// doesn't exist, and the messages with the indexes in `hole` were never read.
fn create_hole(sandbox: &Sandbox, chat: u64, checkpoint: i64, hole: std::ops::Range<usize>) {
    let archive = sandbox.archive();
    let row = "SELECT id FROM channels WHERE platform_id = ?1";
    let row: i64 = archive.query_row(row, params![i64::try_from(chat).unwrap()], |row| row.get(0)).unwrap();
    let ids = hole.map(|index| message(sandbox, chat, index).to_string()).collect::<Vec<_>>().join(",");
    for (table, column) in [
        ("message_attachments", "message_id"),
        ("message_emoji_reactions", "message_id"),
        ("message_reaction_counts", "message_id"),
        ("messages", "platform_id"),
    ] {
        let sql = format!("DELETE FROM {table} WHERE channel_id = ?1 AND {column} IN ({ids})");
        archive.execute(&sql, params![row]).unwrap();
    }
    let set =
        "UPDATE sync_progress SET last_message_id = ?2, end_announced_id = NULL, end_confirmed_at = NULL
                WHERE channel_id = ?1";
    archive.execute(set, params![row, checkpoint]).unwrap();
}

#[test]
fn checkpoint_in_the_future_is_moved_back() {
    let (sandbox, chat) = chat();
    sync(&sandbox, 0);
    create_hole(&sandbox, chat, 9_000_000_000_000_000_000, 100..300);
    let ran = sync(&sandbox, 0);
    assert!(ran.stderr.contains("checkpoints in the future"), "{}", ran.stderr);
    assert_eq!(stored_messages(&sandbox, chat), 450);
    assert_matches_world(&sandbox);
}

#[test]
fn checkpoint_after_the_newest_message_is_moved_back() {
    let (sandbox, chat) = chat();
    sandbox.sim.world().advance(12 * HOUR);
    sync(&sandbox, 0);
    let checkpoint = i64::try_from(message(&sandbox, chat, 449) + (1 << 32)).unwrap();
    create_hole(&sandbox, chat, checkpoint, 300..450);
    sandbox.sim.world().advance(48 * HOUR);
    let ran = sync(&sandbox, 3);
    assert!(ran.stdout.contains("the checkpoint is newer than the newest message"), "{}", ran.stdout);
    assert_recovers(&sandbox);
}
