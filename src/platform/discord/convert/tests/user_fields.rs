//! Tests structured fields that hold a user's ID or name.

use serde_json::{Value, json};

use super::one;

fn alert(description: &str, fields: &Value) -> Value {
    let embed = json!({"type": "auto_moderation_message", "description": description, "fields": fields});
    let message = one(&json!({"type": 24, "content": "", "embeds": [embed]}));
    message.metadata.fields()["embeds"][0].take()
}

#[test]
fn drops_the_name_from_an_alert_about_a_profile() {
    for kind in ["quarantine_user", "block_profile_update_type"] {
        let rule = json!({"name": "rule_name", "value": "Block Words in Member Profile Names"});
        let kind = json!({"name": kind, "value": "display_name"});
        let keyword = json!({"name": "keyword_matched_content", "value": "Placeholder"});
        let embed = alert("Jane Placeholder", &json!([rule, kind, keyword]));
        assert_eq!(embed, json!({"type": "auto_moderation_message", "fields": [rule, kind]}));
    }
}

#[test]
fn a_users_id_in_an_alert_becomes_a_mention() {
    let embed = alert(
        "blocked text",
        &json!([
            {"name": "application_name", "value": "Some app"},
            {"name": "interaction_user_id", "value": "700000000000000078"},
            {"name": "action_by_user_id", "value": "7"},
            {"name": "odd_user_id", "value": "Jane Placeholder"},
            {"name": "quarantine_user", "value": "700000000000000079"},
            {"name": "alert_actions_execution", "value": "{\"actor\":\"700000000000000078\"}"},
        ]),
    );
    let expected = json!({"type": "auto_moderation_message", "fields": [
        {"name": "application_name", "value": "Some app"},
        {"name": "interaction_user_id", "value": "<@700000000000000078>"},
        {"name": "action_by_user_id", "value": "<@7>"},
        {"name": "quarantine_user", "value": "<@700000000000000079>"},
    ]});
    assert_eq!(embed, expected);
}

#[test]
fn keeps_an_alerts_blocked_text_and_all_other_embeds() {
    let fields = json!([{"name": "keyword_matched_content", "value": "word"}]);
    let expected = json!({"type": "auto_moderation_message", "description": "text", "fields": fields});
    assert_eq!(alert("text", &fields), expected);
    let fields = json!([{"name": "quarantine_user", "value": "1"}]);
    let embed = json!({"type": "rich", "description": "d", "fields": fields});
    assert_eq!(one(&json!({"embeds": [embed]})).metadata.fields()["embeds"][0], embed);
}

#[test]
fn users_in_structured_fields_become_mentions_or_are_dropped() {
    let user = |id: &str| json!({"id": id, "username": "name", "global_name": "Name"});
    let triggering = json!({"id": "2", "type": 3, "user": user("45")});
    let message = one(&json!({
        "call": {"participants": ["41", "42"], "ended_timestamp": "2025-01-01T00:00:00Z"},
        "interaction_metadata": {
            "id": "1", "type": 2, "user": user("43"), "target_user": user("44"), "target_message_id": "5",
            "authorizing_integration_owners": {"1": "43"}, "triggering_interaction_metadata": triggering,
        },
        "attachments": [{
            "id": "6", "filename": "clip.mp4", "clip_participants": [user("46")],
            "application": {"id": "7", "name": "A game", "bot": user("47")},
        }],
        "components": [{"type": 1, "components": [{
            "type": 5, "custom_id": "of-48", "default_values": [{"id": "48", "type": "user"}],
        }]}],
        "stickers": [{"id": "1", "user": user("49")}], "lobby_member": {"additional_name": "Name"},
        "resolved": {"users": {"50": user("50")}, "members": {"50": {"nick": "Name"}}},
        "activity": {"type": 1, "party_id": "spotify:51"}, "application_id": "52",
        "application": {"id": "52", "name": "App", "bot": user("52")},
    }));
    let interaction = json!({
        "type": 2, "user": "<@43>", "target_user": "<@44>", "target_message_id": "5",
        "triggering_interaction_metadata": {"type": 3, "user": "<@45>"},
    });
    let expected = json!({
        "call": {"participants": ["<@41>", "<@42>"], "ended_timestamp": "2025-01-01T00:00:00Z"},
        "interaction_metadata": interaction, "activity": {"type": 1}, "application": {"name": "App"},
        "components": [{"type": 1, "components": [{"type": 5}]}],
    });
    assert_eq!(Value::Object(message.metadata.fields()), expected);
    let file = json!({"clip_participants": ["<@46>"], "application": {"name": "A game"}});
    assert_eq!(Value::Object(message.attachments[0].metadata.fields()), file);
    assert_eq!(message.malformed_fields, [""; 0]);
}
