//! Messages that arrive without their content, or with malformed fields.

use discord_sim::{FaultKind, Match};
use serde_json::json;

use super::*;

fn chat() -> Sandbox {
    sandbox(vec![ChannelDescription::text("chat", 150)])
}

#[test]
fn blank_history_is_not_stored() {
    let sandbox = chat();
    let chat = channel(&sandbox, "chat");
    sandbox.sim.faults().when(Match::page_of(chat).always(), FaultKind::Blank);
    let ran = sandbox.run(&["start"]);
    assert!([1, 3].contains(&ran.code), "{}", ran.stdout);
    assert!(ran.stdout.contains("without content"), "{}", ran.stdout);
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 0);
    assert_recovers(&sandbox);
}

#[test]
fn blank_page_keeps_the_archived_text() {
    let sandbox = chat();
    let chat = channel(&sandbox, "chat");
    let written = sandbox.sim.world().append(chat, 30);
    sync(&sandbox, 0);
    sandbox.sim.world().advance(HOUR);
    let texts = sandbox.rows("SELECT platform_id, content FROM messages ORDER BY 1");
    sandbox.sim.world().edit(chat, written[0], "another text");
    sandbox.sim.faults().when(Match::page_of(chat).always(), FaultKind::Blank);
    assert_ne!(sandbox.run(&["start"]).code, 0);
    assert_eq!(sandbox.rows("SELECT platform_id, content FROM messages ORDER BY 1"), texts);
    assert_recovers(&sandbox);
}

#[test]
fn malformed_side_field_keeps_the_message_and_is_requested_again() {
    for (field, value) in
        [("reactions", json!(7)), ("attachments", json!([{"id": []}])), ("mentions", json!("x"))]
    {
        let sandbox = chat();
        let chat = channel(&sandbox, "chat");
        let page = Match::page_of(chat).times(1);
        sandbox.sim.faults().when(page, FaultKind::MessageField(3, field.to_owned(), value));
        sync(&sandbox, 3);
        assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 150, "{field}");
        assert_eq!(findings(&sandbox), ["malformed_messages"], "{field}");
        let reason = sandbox.rows("SELECT reason FROM broken_messages WHERE is_archived = 1");
        assert!(reason.len() == 1 && reason[0].contains("Text"), "{field}: {reason:?}");
        assert_recovers(&sandbox);
        assert!(findings(&sandbox).is_empty(), "{field}");
    }
}

#[test]
fn lasting_malformed_message_is_a_known_finding_after_a_day() {
    let sandbox = chat();
    let chat = channel(&sandbox, "chat");
    let broken = FaultKind::MessageField(3, "reactions".to_owned(), json!(7));
    let last = sandbox.sim.world().truth_channel(chat).unwrap().messages().last().unwrap().id;
    sandbox.sim.faults().when(Match::page_of(chat).holding(last).always(), broken);
    sync(&sandbox, 3);
    sandbox.sim.world().advance(2 * HOUR);
    sync(&sandbox, 3);
    sandbox.sim.world().advance(23 * HOUR);
    sync(&sandbox, 0);
    assert_eq!(findings(&sandbox), ["malformed_messages"], "the finding is known and still reported");
}

#[test]
fn unknown_fields_are_reported_by_status() {
    let sandbox = chat();
    let chat = channel(&sandbox, "chat");
    let unknown_field = FaultKind::Set("hologram".to_owned(), json!({"secret": "77000000000000001"}));
    sandbox.sim.faults().when(Match::page_of(chat).always(), unknown_field);
    sync(&sandbox, 0);
    let text = sandbox.run(&["status", "--verbose"]).expect_code(0).stdout;
    assert!(text.contains("hologram") && !text.contains("secret"), "{text}");
}

#[test]
fn single_blank_message_does_not_block_the_channel() {
    let sandbox = chat();
    let (world, chat) = (sandbox.sim.world(), channel(&sandbox, "chat"));
    let written = world.append_text(chat, 1, "words that stay").unwrap();
    world.append_text(chat, 2, "other words").unwrap();
    sync(&sandbox, 0);
    world.advance(HOUR);
    world.append_text(chat, 3, "news").unwrap();
    let blank = FaultKind::MessageField(2, "content".to_owned(), json!(""));
    sandbox.sim.faults().when(Match::page_of(chat).holding(written).times(1), blank);
    sync(&sandbox, 0);
    assert_matches_world(&sandbox);
}

#[test]
fn blank_page_after_one_with_content_is_not_stored() {
    let sandbox = sandbox(vec![ChannelDescription::text("chat", 250)]);
    let chat = channel(&sandbox, "chat");
    sandbox.sim.faults().when(Match::page_of(chat).after(1).times(1), FaultKind::Blank);
    sync(&sandbox, 0);
    assert_matches_world(&sandbox);
}

#[test]
fn message_without_author_is_requested_again() {
    let sandbox = chat();
    let chat = channel(&sandbox, "chat");
    let no_author = FaultKind::MessageField(3, "author".to_owned(), json!(null));
    sandbox.sim.faults().when(Match::page_of(chat).times(1), no_author);
    sync(&sandbox, 3);
    assert_recovers(&sandbox);
}
