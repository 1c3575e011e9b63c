//! Bytes that are no UTF-8, answers to another question, and IDs of the future.

use discord_sim::{Match, RouteKind, What};
use rusqlite::params;
use serde_json::json;

use super::*;

/// Two channels, of which `chat` takes five pages.
fn chat() -> (Sandbox, u64) {
    let sandbox = sandbox(vec![ChannelDescription::text("chat", 450), ChannelDescription::text("other", 30)]);
    let chat = channel(&sandbox, "chat");
    (sandbox, chat)
}

/// The message of a channel at this index, from the oldest.
fn message(sandbox: &Sandbox, channel: u64, number: usize) -> u64 {
    sandbox.sim.world().truth_channel(channel).unwrap().messages().nth(number).unwrap().id
}

fn stored(sandbox: &Sandbox, channel: u64) -> i64 {
    sandbox.count(&format!(
        "SELECT count(*) FROM messages m JOIN channels c ON c.id = m.channel_id WHERE c.platform_id = {channel}"
    ))
}

fn bytes(find: &str, put: &[u8]) -> What {
    What::ReplaceBytes(find.as_bytes().to_vec(), put.to_vec())
}

#[test]
fn a_byte_that_is_no_utf8_costs_only_its_message() {
    let damages: [(&str, &[u8], i64); 4] = [
        // In its text: nothing is stored in its place.
        ("\"content\":\"", b"\"content\":\"\xff", 449),
        // In a field without which it can be stored, and in one that is dropped.
        ("\"attachments\":[", b"\"attachments\":[\"\xc0\xaf\"", 450),
        ("\"username\":\"", b"\"username\":\"\xed\xa0\x80", 450),
        // In its ID.
        ("\"id\":\"HELD", b"\"id\":\"\xf0\x9f", 449),
    ];
    for (find, put, expected) in damages {
        let (sandbox, chat) = chat();
        let held = message(&sandbox, chat, 120);
        let find = find.replace("HELD", &held.to_string());
        sandbox.sim.faults().when(Match::after_page_of(chat).holding(held).always(), bytes(&find, put));
        let ran = sandbox.run(&["start"]);
        assert_eq!(stored(&sandbox, chat), expected, "{find}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, if find.contains("username") { 0 } else { 3 }, "{find}");
        heals(&sandbox);
    }
}

#[test]
fn a_byte_that_is_no_utf8_costs_only_the_name_of_a_server_or_channel() {
    for route in [RouteKind::Guild, RouteKind::GuildChannels] {
        let (sandbox, _) = chat();
        sync(&sandbox, 0);
        let names = "SELECT name FROM channels ORDER BY id";
        let before = sandbox.rows(names);
        sandbox.sim.faults().when(Match::route(route).always(), bytes("\"name\":\"", b"\"name\":\"\xff"));
        sandbox.sim.world().advance(HOUR);
        let ran = sandbox.run(&["start"]);
        assert_eq!(ran.code, 0, "{route:?}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(sandbox.rows(names), before, "{route:?}: a name is not replaced by nothing");
        heals(&sandbox);
    }
}

#[test]
fn messages_of_another_channel_are_malformed() {
    let (sandbox, chat) = chat();
    let other = channel(&sandbox, "other");
    let foreign = What::MessageField(7, "channel_id".to_owned(), json!(other.to_string()));
    sandbox.sim.faults().when(Match::after_page_of(chat).times(1), foreign);
    let ran = sandbox.run(&["start"]).expect_code(3);
    assert_eq!(stored(&sandbox, chat), 449, "{}", ran.stdout);
    assert_eq!(stored(&sandbox, other), 30);
    heals(&sandbox);

    // A whole page of them never becomes one of the channel, nor its checkpoint.
    let (sandbox, chat) = self::chat();
    let foreign = What::Set("channel_id".to_owned(), json!("1"));
    sandbox.sim.faults().when(Match::page_of(chat).always(), foreign);
    assert_ne!(sandbox.run(&["start"]).code, 0);
    assert_eq!(stored(&sandbox, chat), 0);
    heals(&sandbox);
}

#[test]
fn a_listing_of_another_server_ends_nothing() {
    let mut parent = ChannelDescription::text("parent", 10);
    parent.threads.active = 1;
    for (route, field) in
        [(RouteKind::GuildChannels, "guild_id"), (RouteKind::ActiveThreads, "/threads/0/guild_id")]
    {
        let sandbox = sandbox(vec![parent.clone()]);
        let foreign = What::Set(field.to_owned(), json!("1"));
        sandbox.sim.faults().when(Match::route(route).always(), foreign);
        let ran = sandbox.run(&["start"]);
        if route == RouteKind::GuildChannels {
            assert_ne!(ran.code, 0, "{}", ran.stdout);
        }
        heals(&sandbox);
    }
}

/// An ID of the future, in a page that says nothing of the server's time.
#[test]
fn a_damaged_id_moves_no_checkpoint_where_the_server_tells_no_time() {
    let future = (4_000_000_000_000_u64 - 1_420_070_400_000) << 22;
    let (sandbox, chat) = chat();
    sandbox.sim.hide_date();
    let held = message(&sandbox, chat, 99);
    let damage = bytes(&format!("\"id\":\"{held}\""), format!("\"id\":\"{future}\"").as_bytes());
    sandbox.sim.faults().when(Match::after_page_of(chat).holding(held).times(1), damage);
    let ran = sandbox.run(&["start"]).expect_code(3);
    assert_eq!(stored(&sandbox, chat), 450, "{}{}", ran.stdout, ran.stderr);
    heals(&sandbox);
}

/// An ID that is none of the future, but greater than that of the newest message.
#[test]
fn a_damaged_id_behind_the_newest_message_skips_nothing() {
    let (sandbox, chat) = chat();
    sandbox.sim.world().advance(12 * HOUR);
    let held = message(&sandbox, chat, 99);
    let newest = message(&sandbox, chat, 449) + (1 << 22);
    let damage = bytes(&format!("\"id\":\"{held}\""), format!("\"id\":\"{newest}\"").as_bytes());
    sandbox.sim.faults().when(Match::after_page_of(chat).holding(held).times(1), damage);
    sandbox.run(&["start"]);
    assert_eq!(stored(&sandbox, chat), 450);
    heals(&sandbox);
}

/// An ID in the middle of the history, so that nothing but the message's own time
/// contradicts it.
#[test]
fn a_damaged_id_in_the_middle_skips_nothing() {
    for (from, to) in [(99, 300), (50, 300), (99, 90)] {
        let (sandbox, chat) = chat();
        let held = message(&sandbox, chat, from);
        let other = message(&sandbox, chat, to) + 1;
        let damage = bytes(&format!("\"id\":\"{held}\""), format!("\"id\":\"{other}\"").as_bytes());
        sandbox.sim.faults().when(Match::after_page_of(chat).holding(held).times(1), damage);
        let ran = sandbox.run(&["start"]);
        assert_eq!(stored(&sandbox, chat), 450, "{from} to {to}: {}{}", ran.stdout, ran.stderr);
        heals(&sandbox);
    }
}

/// A server whose IDs don't tell the time is believed.
#[test]
fn ids_that_never_agree_with_the_times_are_believed() {
    let (sandbox, chat) = chat();
    let other_time = What::Set("timestamp".to_owned(), json!("2020-01-01T00:00:00+00:00"));
    sandbox.sim.faults().when(Match::page_of(chat).always(), other_time);
    sync(&sandbox, 0);
    assert_eq!(stored(&sandbox, chat), 450);
}

/// As an older version left it: the checkpoint at a message that there is not, an unread
/// part before it, and what later runs stored behind that part.
fn with_hole(sandbox: &Sandbox, chat: u64, checkpoint: i64, hole: std::ops::Range<usize>) {
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
fn a_checkpoint_of_the_future_is_taken_back() {
    let (sandbox, chat) = chat();
    sync(&sandbox, 0);
    with_hole(&sandbox, chat, 9_000_000_000_000_000_000, 100..300);
    let ran = sync(&sandbox, 0);
    assert!(ran.stderr.contains("checkpoints in the future"), "{}", ran.stderr);
    assert_eq!(stored(&sandbox, chat), 450);
    is_true(&sandbox);
}

#[test]
fn a_checkpoint_behind_the_newest_message_is_taken_back() {
    let (sandbox, chat) = chat();
    sandbox.sim.world().advance(12 * HOUR);
    sync(&sandbox, 0);
    let checkpoint = i64::try_from(message(&sandbox, chat, 449) + (1 << 32)).unwrap();
    with_hole(&sandbox, chat, checkpoint, 300..450);
    sandbox.sim.world().advance(48 * HOUR);
    let ran = sync(&sandbox, 3);
    assert!(ran.stdout.contains("newer than the newest there is"), "{}", ran.stdout);
    heals(&sandbox);
}
