//! The end of a channel: an empty page doesn't prove it.

use discord_sim::{BodyKind, ChannelKind, Cursor, FaultKind, Match, ThreadPlan};

use super::*;

fn chat(messages: u64) -> Sandbox {
    sandbox(vec![ChannelDescription::text("chat", messages), ChannelDescription::text("other", 3)])
}

/// Runs a sync with a fault in every matching answer, then removes the fault.
#[track_caller]
fn sync_with_fault(sandbox: &Sandbox, when: Match, what: FaultKind) -> CommandOutput {
    sandbox.sim.faults().when(when.always(), what);
    let ran = sandbox.run(&["start"]);
    sandbox.sim.faults().clear();
    ran
}

#[test]
fn empty_page_does_not_end_a_first_read() {
    for skip in [0, 1, 2] {
        let sandbox = chat(250);
        let chat = channel(&sandbox, "chat");
        let pages = Match::after_page_of(chat).after(skip);
        sync_with_fault(&sandbox, pages, FaultKind::Empty).expect_code(3);
        assert_recovers(&sandbox);
    }
}

#[test]
fn single_empty_page_is_requested_again_in_the_same_run() {
    let sandbox = chat(250);
    let chat = channel(&sandbox, "chat");
    sandbox.sim.faults().when(Match::after_page_of(chat).after(1).times(1), FaultKind::Empty);
    sync(&sandbox, 0);
    assert_matches_world(&sandbox);
}

#[test]
fn short_page_does_not_end_a_channel() {
    let sandbox = chat(250);
    let chat = channel(&sandbox, "chat");
    sandbox.sim.faults().when(Match::after_page_of(chat).times(2), FaultKind::KeepOldest(7));
    sync(&sandbox, 0);
    assert_matches_world(&sandbox);
}

#[test]
fn page_that_ignores_the_cursor_proves_nothing() {
    // For one request and for the whole run, in a first read and in a later one.
    for (is_first, is_lasting) in [(true, true), (true, false), (false, true), (false, false)] {
        let sandbox = chat(250);
        let (world, chat) = (sandbox.sim.world(), channel(&sandbox, "chat"));
        if !is_first {
            sync(&sandbox, 0);
            world.append(chat, 120);
        }
        let pages = Match::page_of(chat);
        let requests = if is_lasting { pages.always() } else { pages.times(1) };
        sandbox.sim.faults().when(requests, FaultKind::Repeat);
        sandbox.run(&["start"]).expect_code(if is_lasting { 3 } else { 0 });
        assert_eq!(sandbox.count("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL"), 0);
        assert_recovers(&sandbox);
    }
}

#[test]
fn short_newest_page_loses_no_earlier_messages() {
    for is_first in [true, false] {
        let sandbox = chat(250);
        let (world, chat) = (sandbox.sim.world(), channel(&sandbox, "chat"));
        if !is_first {
            sync(&sandbox, 0);
            world.append(chat, 150);
        }
        sandbox.sim.faults().when(Match::page_of(chat).times(1), FaultKind::Keep(20));
        sync(&sandbox, 0);
        assert_matches_world(&sandbox);
    }
}

#[test]
fn unconfirmed_end_is_accepted_after_a_day_of_empty_pages() {
    let sandbox = chat(50);
    let chat = channel(&sandbox, "chat");
    sync_with_fault(&sandbox, Match::page_of(chat), FaultKind::Empty).expect_code(3);
    assert_eq!(findings(&sandbox), ["end_unconfirmed"]);
    sandbox.run(&["check"]).expect_code(3);
    sandbox.sim.world().advance(2 * HOUR);
    sync_with_fault(&sandbox, Match::page_of(chat), FaultKind::Empty).expect_code(3);
    sandbox.sim.world().advance(23 * HOUR);
    sync_with_fault(&sandbox, Match::page_of(chat), FaultKind::Empty).expect_code(0);
    // An end that only repeated empty pages confirm is dropped once a message follows.
    sandbox.sim.world().append(chat, 1);
    sync(&sandbox, 0);
    assert_matches_world(&sandbox);
}

#[test]
fn messages_hidden_by_an_empty_page_are_read_by_a_later_run() {
    let sandbox = chat(120);
    let chat = channel(&sandbox, "chat");
    sync(&sandbox, 0);
    // Far longer than the refresh window.
    sandbox.sim.world().advance(30 * DAY);
    sandbox.sim.world().append(chat, 150);
    sync_with_fault(&sandbox, Match::after_page_of(chat), FaultKind::Empty).expect_code(3);
    sandbox.sim.world().advance(30 * DAY);
    sandbox.sim.world().append(chat, 5);
    assert_recovers(&sandbox);
}

#[test]
fn empty_page_marks_nothing_as_deleted() {
    let sandbox = chat(20);
    let chat = channel(&sandbox, "chat");
    sandbox.sim.world().append(chat, 90);
    sync(&sandbox, 0);
    for _ in 0..3 {
        sandbox.sim.world().advance(HOUR);
        sandbox.sim.world().append(chat, 1);
        let ran = sync_with_fault(&sandbox, Match::page_of(chat), FaultKind::Empty);
        assert_ne!(ran.code, 0, "{}", ran.stdout);
        assert_eq!(sandbox.count("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL"), 0);
    }
    assert_recovers(&sandbox);
}

#[test]
fn empty_page_does_not_complete_a_backfill() {
    let sandbox = chat(250);
    let chat = channel(&sandbox, "chat");
    let newest = sandbox.sim.world().truth_channel(chat).unwrap().messages().nth(200).unwrap().id;
    let sent = i64::try_from(newest >> 22).unwrap() + 1_420_070_400_000;
    let date = format!("strftime('%Y-%m-%d', {sent} / 1000, 'unixepoch')");
    let memory = rusqlite::Connection::open_in_memory().unwrap();
    let since: String = memory.query_row(&format!("SELECT {date}"), [], |row| row.get(0)).unwrap();
    configure(&sandbox, &format!("since = \"{since}\""));
    sync(&sandbox, 0);
    let stored = sandbox.count("SELECT count(*) FROM messages");
    assert!(stored < 250, "{since}: {stored}");
    configure(&sandbox, "");
    sync_with_fault(&sandbox, Match::after_page_of(chat).with_cursor(Cursor::After), FaultKind::Empty)
        .expect_code(3);
    assert_recovers(&sandbox);
}

#[test]
fn thread_with_a_message_count_does_not_end_before_its_first_message() {
    let threads = ThreadPlan { archived: 2, messages: 4, ..ThreadPlan::default() };
    let forum = ChannelDescription { threads, ..ChannelDescription::new(ChannelKind::Forum, "forum") };
    let sandbox = sandbox(vec![forum]);
    let truth = sandbox.sim.world().truth(GUILD);
    let thread = truth.iter().find(|channel| channel.message_count > 0).unwrap().id;
    sync_with_fault(&sandbox, Match::page_of(thread), FaultKind::Empty).expect_code(3);
    assert_recovers(&sandbox);
}

#[test]
fn full_read_with_empty_pages_stays_incomplete() {
    let sandbox = chat(250);
    let chat = channel(&sandbox, "chat");
    sync(&sandbox, 0);
    sandbox.sim.faults().when(Match::after_page_of(chat).after(1).always(), FaultKind::Empty);
    sandbox.run(&["start", "--full"]).expect_code(3);
    sandbox.sim.faults().clear();
    let first = sandbox.sim.world().truth_channel(chat).unwrap().messages().nth(240).unwrap().id;
    sandbox.sim.world().edit(chat, first, "changed long ago");
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert_matches_world(&sandbox);
}

#[test]
fn deleted_newest_message_costs_no_requests_in_later_runs() {
    let sandbox = chat(120);
    let chat = channel(&sandbox, "chat");
    let newest = sandbox.sim.world().truth_channel(chat).unwrap().messages().last().unwrap().id;
    sandbox.sim.world().delete(chat, newest);
    sync(&sandbox, 0);
    assert_matches_world(&sandbox);
    let pages = || sandbox.sim.journal().count(discord_sim::RouteKind::Messages);
    sandbox.sim.world().advance(HOUR);
    let before = pages();
    sync(&sandbox, 0);
    assert_eq!(pages(), before, "the end is confirmed");
}

#[test]
fn failing_page_is_narrowed_down_to_one_message() {
    let sandbox = chat(250);
    let chat = channel(&sandbox, "chat");
    let poison = sandbox.sim.world().truth_channel(chat).unwrap().messages().nth(130).unwrap().id;
    let page = Match::page_of(chat).holding(poison).always();
    sandbox.sim.faults().when(page, FaultKind::Status(500, BodyKind::Html));
    let ran = sync(&sandbox, 3);
    assert!(ran.stdout.contains("1 malformed message"), "{}", ran.stdout);
    let stored =
        "SELECT count(*) FROM messages m JOIN channels c ON c.id = m.channel_id WHERE c.name = 'chat'";
    assert_eq!(sandbox.count(stored), 249);
    let recorded = format!("SELECT count(*) FROM broken_messages WHERE platform_id = {poison}");
    assert_eq!(sandbox.count(&recorded), 1);
    sandbox.sim.world().append(chat, 3);
    sandbox.sim.world().advance(HOUR);
    sync(&sandbox, 3);
    assert_eq!(sandbox.count(stored), 252, "new messages are still read");
    assert_recovers(&sandbox);
    assert_eq!(sandbox.count("SELECT count(*) FROM broken_messages"), 0);
}

#[test]
fn messages_between_failing_messages_are_archived() {
    let sandbox = sandbox(vec![ChannelDescription::text("chat", 0)]);
    let (world, chat) = (sandbox.sim.world(), channel(&sandbox, "chat"));
    let mut poison = Vec::new();
    for (messages, days) in [(10, 0), (20, 3), (10, 0)] {
        world.append(chat, messages);
        world.advance(days * DAY);
        poison.extend(world.append(chat, 1));
    }
    let fails = |id: &u64| {
        let page = Match::page_of(chat).holding(*id).always();
        sandbox.sim.faults().when(page, FaultKind::Status(500, BodyKind::Html));
    };
    poison.iter().for_each(fails);
    sync(&sandbox, 3);
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 40);
    let recorded = sandbox.rows("SELECT platform_id FROM broken_messages ORDER BY 1");
    assert_eq!(recorded, poison.iter().map(|id| format!("Integer({id})")).collect::<Vec<_>>());
    assert_recovers(&sandbox);
}

#[test]
fn channel_is_read_although_its_first_and_newest_message_fail() {
    let sandbox = chat(30);
    let (world, chat) = (sandbox.sim.world(), channel(&sandbox, "chat"));
    let ids: Vec<u64> = world.truth_channel(chat).unwrap().messages().map(|message| message.id).collect();
    for poison in [ids[0], ids[29]] {
        let page = Match::page_of(chat).holding(poison).always();
        sandbox.sim.faults().when(page, FaultKind::Status(500, BodyKind::Html));
    }
    sync(&sandbox, 3);
    let stored =
        "SELECT count(*) FROM messages m JOIN channels c ON c.id = m.channel_id WHERE c.name = 'chat'";
    assert_eq!(sandbox.count(stored), 28);
    assert_recovers(&sandbox);
}

#[test]
fn end_is_confirmed_although_an_earlier_message_fails() {
    let sandbox = chat(50);
    let (world, chat) = (sandbox.sim.world(), channel(&sandbox, "chat"));
    let ids: Vec<u64> = world.truth_channel(chat).unwrap().messages().map(|message| message.id).collect();
    world.delete(chat, ids[49]);
    let page = Match::page_of(chat).holding(ids[25]).always();
    sandbox.sim.faults().when(page, FaultKind::Status(500, BodyKind::Html));
    let ran = sync(&sandbox, 3);
    assert!(
        ran.stdout.contains("1 malformed message") && !ran.stdout.contains("empty page"),
        "{}",
        ran.stdout
    );
    assert_recovers(&sandbox);
}

#[test]
fn listing_without_last_message_id_ends_no_channel() {
    let sandbox = chat(120);
    let chat = channel(&sandbox, "chat");
    let listing = Match::route(discord_sim::RouteKind::GuildChannels).always();
    let no_last_message = FaultKind::Set("last_message_id".to_owned(), serde_json::Value::Null);
    sandbox.sim.faults().when(listing, no_last_message);
    sandbox.sim.faults().when(Match::after_page_of(chat).times(1), FaultKind::Empty);
    sync(&sandbox, 0);
    assert_matches_world(&sandbox);
}

#[test]
fn channel_emptied_before_its_first_read_is_confirmed_after_a_day() {
    let sandbox = chat(5);
    let (world, chat) = (sandbox.sim.world(), channel(&sandbox, "chat"));
    let ids: Vec<u64> = world.truth_channel(chat).unwrap().messages().map(|message| message.id).collect();
    for id in ids {
        world.delete(chat, id);
    }
    sync(&sandbox, 3);
    for _ in 0..4 {
        world.advance(25 * HOUR);
        sync(&sandbox, 0);
    }
    world.append(chat, 2);
    sync(&sandbox, 0);
    assert_matches_world(&sandbox);
}
