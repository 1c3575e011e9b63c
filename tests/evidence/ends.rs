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
