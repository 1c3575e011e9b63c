//! The end of a channel: an empty page is none.

use discord_sim::{BodyKind, ChannelKind, Cursor, Match, ThreadPlan, What};

use super::*;

fn chat(messages: u64) -> Sandbox {
    sandbox(vec![ChannelDescription::text("chat", messages), ChannelDescription::text("other", 3)])
}

/// Lies about every page behind a cursor for a whole run.
#[track_caller]
fn lied_to(sandbox: &Sandbox, when: Match, what: What) -> Ran {
    sandbox.sim.faults().when(when.always(), what);
    let ran = sandbox.run(&["start"]);
    sandbox.sim.faults().clear();
    ran
}

#[test]
fn an_empty_page_ends_no_first_read_wherever_it_stands() {
    for skip in [0, 1, 2] {
        let sandbox = chat(250);
        let chat = channel(&sandbox, "chat");
        let pages = Match::after_page_of(chat).after(skip);
        lied_to(&sandbox, pages, What::Empty).expect_code(3);
        heals(&sandbox);
    }
}

#[test]
fn one_empty_page_is_asked_for_again_in_the_same_run() {
    let sandbox = chat(250);
    let chat = channel(&sandbox, "chat");
    sandbox.sim.faults().when(Match::after_page_of(chat).after(1).times(1), What::Empty);
    sync(&sandbox, 0);
    is_true(&sandbox);
}

#[test]
fn a_short_page_in_the_middle_ends_nothing() {
    let sandbox = chat(250);
    let chat = channel(&sandbox, "chat");
    sandbox.sim.faults().when(Match::after_page_of(chat).times(2), What::KeepOldest(7));
    sync(&sandbox, 0);
    is_true(&sandbox);
}

#[test]
fn a_server_that_ignores_the_position_is_not_believed() {
    // Once and for the whole run, in a first read and in a later one.
    for (is_first, is_lasting) in [(true, true), (true, false), (false, true), (false, false)] {
        let sandbox = chat(250);
        let (world, chat) = (sandbox.sim.world(), channel(&sandbox, "chat"));
        if !is_first {
            sync(&sandbox, 0);
            world.append(chat, 120);
        }
        let pages = Match::page_of(chat);
        let lie = if is_lasting { pages.always() } else { pages.times(1) };
        sandbox.sim.faults().when(lie, What::Repeat);
        sandbox.run(&["start"]).expect_code(if is_lasting { 3 } else { 0 });
        assert_eq!(sandbox.count("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL"), 0);
        heals(&sandbox);
    }
}

#[test]
fn a_short_page_of_the_newest_messages_loses_none_before_them() {
    for is_first in [true, false] {
        let sandbox = chat(250);
        let (world, chat) = (sandbox.sim.world(), channel(&sandbox, "chat"));
        if !is_first {
            sync(&sandbox, 0);
            world.append(chat, 150);
        }
        sandbox.sim.faults().when(Match::page_of(chat).times(1), What::Keep(20));
        sync(&sandbox, 0);
        is_true(&sandbox);
    }
}

#[test]
fn where_every_page_is_empty_the_end_is_a_finding_that_a_day_makes_known() {
    let sandbox = chat(50);
    let chat = channel(&sandbox, "chat");
    lied_to(&sandbox, Match::page_of(chat), What::Empty).expect_code(3);
    assert_eq!(findings(&sandbox), ["end_unconfirmed"]);
    sandbox.run(&["check"]).expect_code(3);
    sandbox.sim.world().advance(2 * HOUR);
    lied_to(&sandbox, Match::page_of(chat), What::Empty).expect_code(3);
    sandbox.sim.world().advance(23 * HOUR);
    lied_to(&sandbox, Match::page_of(chat), What::Empty).expect_code(0);
    // What was believed only because it lasted is given up as soon as there is more.
    sandbox.sim.world().append(chat, 1);
    sync(&sandbox, 0);
    is_true(&sandbox);
}

#[test]
fn news_that_an_empty_page_hides_come_with_a_later_run() {
    let sandbox = chat(120);
    let chat = channel(&sandbox, "chat");
    sync(&sandbox, 0);
    // Far more than the window that is read again.
    sandbox.sim.world().advance(30 * DAY);
    sandbox.sim.world().append(chat, 150);
    lied_to(&sandbox, Match::after_page_of(chat), What::Empty).expect_code(3);
    sandbox.sim.world().advance(30 * DAY);
    sandbox.sim.world().append(chat, 5);
    heals(&sandbox);
}

#[test]
fn an_empty_page_marks_nothing_as_deleted() {
    let sandbox = chat(20);
    let chat = channel(&sandbox, "chat");
    sandbox.sim.world().append(chat, 90);
    sync(&sandbox, 0);
    for _ in 0..3 {
        sandbox.sim.world().advance(HOUR);
        sandbox.sim.world().append(chat, 1);
        let ran = lied_to(&sandbox, Match::page_of(chat), What::Empty);
        assert_ne!(ran.code, 0, "{}", ran.stdout);
        assert_eq!(sandbox.count("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL"), 0);
    }
    heals(&sandbox);
}

#[test]
fn an_earlier_beginning_is_not_reached_by_an_empty_page() {
    let sandbox = chat(250);
    let chat = channel(&sandbox, "chat");
    let newest = sandbox.sim.world().truth_channel(chat).unwrap().messages().nth(200).unwrap().id;
    let sent = i64::try_from(newest >> 22).unwrap() + 1_420_070_400_000;
    let date = format!("strftime('%Y-%m-%d', {sent} / 1000, 'unixepoch')");
    let memory = rusqlite::Connection::open_in_memory().unwrap();
    let since: String = memory.query_row(&format!("SELECT {date}"), [], |row| row.get(0)).unwrap();
    configure(&sandbox, &format!("since = \"{since}\""));
    sync(&sandbox, 0);
    let late = sandbox.count("SELECT count(*) FROM messages");
    assert!(late < 250, "{since}: {late}");
    configure(&sandbox, "");
    lied_to(&sandbox, Match::after_page_of(chat).with_cursor(Cursor::After), What::Empty).expect_code(3);
    heals(&sandbox);
}

#[test]
fn a_thread_that_counts_messages_does_not_end_before_its_first() {
    let threads = ThreadPlan { archived: 2, messages: 4, ..ThreadPlan::default() };
    let forum = ChannelDescription { threads, ..ChannelDescription::new(ChannelKind::Forum, "forum") };
    let sandbox = sandbox(vec![forum]);
    let truth = sandbox.sim.world().truth(GUILD);
    let thread = truth.iter().find(|channel| channel.message_count > 0).unwrap().id;
    lied_to(&sandbox, Match::page_of(thread), What::Empty).expect_code(3);
    heals(&sandbox);
}

#[test]
fn a_full_read_that_is_lied_to_is_not_over() {
    let sandbox = chat(250);
    let chat = channel(&sandbox, "chat");
    sync(&sandbox, 0);
    sandbox.sim.faults().when(Match::after_page_of(chat).after(1).always(), What::Empty);
    sandbox.run(&["start", "--full"]).expect_code(3);
    sandbox.sim.faults().clear();
    let first = sandbox.sim.world().truth_channel(chat).unwrap().messages().nth(240).unwrap().id;
    sandbox.sim.world().edit(chat, first, "changed long ago");
    sandbox.run(&["start", "--full"]).expect_code(0);
    is_true(&sandbox);
}

#[test]
fn the_newest_message_may_have_been_deleted_without_any_cost_afterwards() {
    let sandbox = chat(120);
    let chat = channel(&sandbox, "chat");
    let newest = sandbox.sim.world().truth_channel(chat).unwrap().messages().last().unwrap().id;
    sandbox.sim.world().delete(chat, newest);
    sync(&sandbox, 0);
    is_true(&sandbox);
    let pages = || sandbox.sim.journal().count(discord_sim::RouteKind::Messages);
    sandbox.sim.world().advance(HOUR);
    let before = pages();
    sync(&sandbox, 0);
    assert_eq!(pages(), before, "the end is known");
}

#[test]
fn a_page_that_never_comes_is_read_round_down_to_the_message() {
    let sandbox = chat(250);
    let chat = channel(&sandbox, "chat");
    let poison = sandbox.sim.world().truth_channel(chat).unwrap().messages().nth(130).unwrap().id;
    let page = Match::page_of(chat).holding(poison).always();
    sandbox.sim.faults().when(page, What::Status(500, BodyKind::Html));
    let told = sync(&sandbox, 3);
    assert!(told.stdout.contains("1 malformed message"), "{}", told.stdout);
    let here = "SELECT count(*) FROM messages m JOIN channels c ON c.id = m.channel_id WHERE c.name = 'chat'";
    assert_eq!(sandbox.count(here), 249);
    let recorded = format!("SELECT count(*) FROM broken_messages WHERE platform_id = {poison}");
    assert_eq!(sandbox.count(&recorded), 1);
    sandbox.sim.world().append(chat, 3);
    sandbox.sim.world().advance(HOUR);
    sync(&sandbox, 3);
    assert_eq!(sandbox.count(here), 252, "what came since isn't held up");
    heals(&sandbox);
    assert_eq!(sandbox.count("SELECT count(*) FROM broken_messages"), 0);
}

#[test]
fn nothing_that_can_be_had_is_lost_between_two_messages_that_cannot() {
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
        sandbox.sim.faults().when(page, What::Status(500, BodyKind::Html));
    };
    poison.iter().for_each(fails);
    sync(&sandbox, 3);
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 40);
    let recorded = sandbox.rows("SELECT platform_id FROM broken_messages ORDER BY 1");
    assert_eq!(recorded, poison.iter().map(|id| format!("Integer({id})")).collect::<Vec<_>>());
    heals(&sandbox);
}

#[test]
fn a_channel_begins_though_its_first_and_its_newest_message_never_come() {
    let sandbox = chat(30);
    let (world, chat) = (sandbox.sim.world(), channel(&sandbox, "chat"));
    let ids: Vec<u64> = world.truth_channel(chat).unwrap().messages().map(|message| message.id).collect();
    for poison in [ids[0], ids[29]] {
        let page = Match::page_of(chat).holding(poison).always();
        sandbox.sim.faults().when(page, What::Status(500, BodyKind::Html));
    }
    sync(&sandbox, 3);
    let here = "SELECT count(*) FROM messages m JOIN channels c ON c.id = m.channel_id WHERE c.name = 'chat'";
    assert_eq!(sandbox.count(here), 28);
    heals(&sandbox);
}

#[test]
fn an_end_is_confirmed_though_a_message_before_it_never_comes() {
    let sandbox = chat(50);
    let (world, chat) = (sandbox.sim.world(), channel(&sandbox, "chat"));
    let ids: Vec<u64> = world.truth_channel(chat).unwrap().messages().map(|message| message.id).collect();
    world.delete(chat, ids[49]);
    let page = Match::page_of(chat).holding(ids[25]).always();
    sandbox.sim.faults().when(page, What::Status(500, BodyKind::Html));
    let told = sync(&sandbox, 3);
    assert!(
        told.stdout.contains("1 malformed message") && !told.stdout.contains("empty page"),
        "{}",
        told.stdout
    );
    heals(&sandbox);
}

#[test]
fn a_listing_that_names_no_newest_message_ends_no_channel() {
    let sandbox = chat(120);
    let chat = channel(&sandbox, "chat");
    let listing = Match::route(discord_sim::RouteKind::GuildChannels).always();
    let no_hint = What::Set("last_message_id".to_owned(), serde_json::Value::Null);
    sandbox.sim.faults().when(listing, no_hint);
    sandbox.sim.faults().when(Match::after_page_of(chat).times(1), What::Empty);
    sync(&sandbox, 0);
    is_true(&sandbox);
}

#[test]
fn a_channel_that_was_emptied_before_it_was_read_is_settled_after_a_day() {
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
    is_true(&sandbox);
}
