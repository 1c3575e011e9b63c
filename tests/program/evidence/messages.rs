//! Messages that come without what they hold.

use discord_sim::{Match, What};
use serde_json::json;

use super::*;

fn chat() -> Sandbox {
    sandbox(vec![ChannelDescription::text("chat", 150)])
}

#[test]
fn a_history_that_comes_blank_is_not_stored_blank() {
    let sandbox = chat();
    let chat = channel(&sandbox, "chat");
    sandbox.sim.faults().when(Match::page_of(chat).always(), What::Blank);
    let ran = sandbox.run(&["start"]);
    assert!([1, 3].contains(&ran.code), "{}", ran.stdout);
    assert!(ran.stdout.contains("without content"), "{}", ran.stdout);
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 0);
    heals(&sandbox);
}

#[test]
fn a_page_that_comes_blank_takes_no_archived_text_away() {
    let sandbox = chat();
    let chat = channel(&sandbox, "chat");
    let written = sandbox.sim.world().append(chat, 30);
    sync(&sandbox, 0);
    sandbox.sim.world().advance(HOUR);
    let texts = sandbox.rows("SELECT platform_id, content FROM messages ORDER BY 1");
    sandbox.sim.world().edit(chat, written[0], "another text");
    sandbox.sim.faults().when(Match::page_of(chat).always(), What::Blank);
    assert_ne!(sandbox.run(&["start"]).code, 0);
    assert_eq!(sandbox.rows("SELECT platform_id, content FROM messages ORDER BY 1"), texts);
    heals(&sandbox);
}

#[test]
fn a_side_field_costs_no_message_and_is_asked_for_again() {
    for (field, value) in
        [("reactions", json!(7)), ("attachments", json!([{"id": []}])), ("mentions", json!("x"))]
    {
        let sandbox = chat();
        let chat = channel(&sandbox, "chat");
        let page = Match::page_of(chat).times(1);
        sandbox.sim.faults().when(page, What::MessageField(3, field.to_owned(), value));
        sync(&sandbox, 3);
        assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 150, "{field}");
        assert_eq!(findings(&sandbox), ["malformed_messages"], "{field}");
        let reason = sandbox.rows("SELECT reason FROM broken_messages WHERE is_archived = 1");
        assert!(reason.len() == 1 && reason[0].contains("Text"), "{field}: {reason:?}");
        heals(&sandbox);
        assert!(findings(&sandbox).is_empty(), "{field}");
    }
}

#[test]
fn what_stays_malformed_is_known_after_a_day() {
    let sandbox = chat();
    let chat = channel(&sandbox, "chat");
    let broken = What::MessageField(3, "reactions".to_owned(), json!(7));
    let last = sandbox.sim.world().truth_channel(chat).unwrap().messages().last().unwrap().id;
    sandbox.sim.faults().when(Match::page_of(chat).holding(last).always(), broken);
    sync(&sandbox, 3);
    sandbox.sim.world().advance(2 * HOUR);
    sync(&sandbox, 3);
    sandbox.sim.world().advance(23 * HOUR);
    sync(&sandbox, 0);
    assert_eq!(findings(&sandbox), ["malformed_messages"], "known, and told");
}

#[test]
fn fields_that_nobody_knows_are_counted_and_told() {
    let sandbox = chat();
    let chat = channel(&sandbox, "chat");
    let news = What::Set("hologram".to_owned(), json!({"secret": "77000000000000001"}));
    sandbox.sim.faults().when(Match::page_of(chat).always(), news);
    sync(&sandbox, 0);
    let told = sandbox.run(&["status", "--verbose"]).expect_code(0).stdout;
    assert!(told.contains("hologram") && !told.contains("secret"), "{told}");
}

#[test]
fn a_single_message_that_comes_blank_holds_up_nothing() {
    let sandbox = chat();
    let (world, chat) = (sandbox.sim.world(), channel(&sandbox, "chat"));
    let written = world.append_text(chat, 1, "words that stay").unwrap();
    world.append_text(chat, 2, "other words").unwrap();
    sync(&sandbox, 0);
    world.advance(HOUR);
    world.append_text(chat, 3, "news").unwrap();
    let blank = What::MessageField(2, "content".to_owned(), json!(""));
    sandbox.sim.faults().when(Match::page_of(chat).holding(written).times(1), blank);
    sync(&sandbox, 0);
    is_true(&sandbox);
}

#[test]
fn a_blank_page_behind_one_with_content_is_not_stored() {
    let sandbox = sandbox(vec![ChannelDescription::text("chat", 250)]);
    let chat = channel(&sandbox, "chat");
    sandbox.sim.faults().when(Match::page_of(chat).after(1).times(1), What::Blank);
    sync(&sandbox, 0);
    is_true(&sandbox);
}

#[test]
fn a_message_without_an_author_is_asked_for_again() {
    let sandbox = chat();
    let chat = channel(&sandbox, "chat");
    let nobody = What::MessageField(3, "author".to_owned(), json!(null));
    sandbox.sim.faults().when(Match::page_of(chat).times(1), nobody);
    sync(&sandbox, 3);
    heals(&sandbox);
}
