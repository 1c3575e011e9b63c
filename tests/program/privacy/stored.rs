//! What stands in an archive already: written by an older version, or before its
//! user was known.

use discord_sim::{Description, World};

use super::traces::written;
use super::{apart, disguised, in_digits_from, pictures};
use crate::util::Sandbox;
use crate::util::truth::hash;

const GUILD: u64 = 77_000_000_000_000_001;
const STRANGER: u64 = 999_888_777_666_555_444;
const PICTURE: &str = "1f2e3d4c5b6a79880f1e2d3c4b5a6978";

fn chat_of(sandbox: &Sandbox) -> u64 {
    let world = sandbox.sim.world();
    world.truth(GUILD).iter().find(|channel| channel.message_count > 0).unwrap().id
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 60)));
    sandbox.run(&["start"]).expect_code(0);
    sandbox
}

#[track_caller]
fn assert_gone(sandbox: &Sandbox, texts: &[String]) {
    for (name, bytes) in written(sandbox) {
        for text in texts {
            let found = memchr::memmem::find(&bytes, text.as_bytes());
            assert_eq!(found, None, "{text} is still in {name}");
        }
    }
}

/// Every text that shows a person, as an older version left it.
fn left_by_older_versions(id: u64) -> Vec<String> {
    let mut texts: Vec<String> = disguised(id).split(' ').map(str::to_owned).collect();
    texts.extend(pictures(GUILD, id, PICTURE));
    texts.extend(pictures(GUILD, id, PICTURE).iter().map(|text| text.replace(&id.to_string(), &hash(id))));
    texts.push(format!("<@{id}>"));
    texts.push(id.to_string());
    texts
}

/// Columns of text, and a condition under which a row of the table is there.
const COLUMNS: [(&str, &str); 9] = [
    ("messages", "content"),
    ("messages", "metadata"),
    ("channels", "topic"),
    ("emoji", "name"),
    ("broken_messages", "reason"),
    ("tenants", "last_error"),
    ("sync_progress", "last_error"),
    ("sync_jobs", "error_details"),
    ("audit_log", "details"),
];

fn plant(sandbox: &Sandbox, (table, column): (&str, &str), text: &str) {
    let archive = sandbox.archive();
    let malformed = "INSERT OR IGNORE INTO broken_messages (channel_id, platform_id, reason, read_after, created_at, updated_at)
                     SELECT channel_id, min(platform_id), 'none', 0, 0, 0 FROM messages";
    archive.execute(malformed, []).unwrap();
    archive.execute("INSERT OR IGNORE INTO emoji VALUES (1, NULL, '🦀', 0, 0)", []).unwrap();
    let is_json = ["metadata", "details", "error_details"].contains(&column);
    let text = if is_json { serde_json::json!({"text": text}).to_string() } else { text.to_owned() };
    let key = match table {
        "messages" => "(channel_id, platform_id) = (SELECT channel_id, platform_id FROM messages LIMIT 1)",
        "broken_messages" => "true",
        "sync_progress" => "channel_id = (SELECT min(channel_id) FROM sync_progress)",
        _ => "id = (SELECT min(id) FROM {table})",
    };
    let key = key.replace("{table}", table);
    let planted = archive.execute(&format!("UPDATE {table} SET {column} = ?1 WHERE {key}"), [text]).unwrap();
    assert!(planted > 0, "{table}.{column}");
}

/// Whoever follows the advice has a clean archive, whatever was found and wherever.
#[test]
fn the_advice_of_the_privacy_check_removes_what_it_found() {
    let sandbox = sandbox();
    let world = sandbox.sim.world();
    let id = world.user_id(GUILD, 3).unwrap();
    world.append_text(chat_of(&sandbox), 3, "hello");
    sandbox.run(&["start"]).expect_code(0);
    let all = left_by_older_versions(id);
    for is_old in [true, false] {
        let mut left: Vec<&str> = all.iter().map(String::as_str).collect();
        while !left.is_empty() {
            let now = left.split_off(left.len().saturating_sub(COLUMNS.len()));
            for (place, text) in COLUMNS.into_iter().zip(&now) {
                plant(&sandbox, place, text);
                let found = sandbox.run(&["check", "--privacy"]).expect_code(1).stdout;
                assert!(
                    found.contains(&format!("✗ {}.{}", place.0, place.1)),
                    "{text} in {place:?}: {found}"
                );
                assert!(!found.contains(&id.to_string()), "{found}");
            }
            let advice = if is_old {
                sandbox.archive().execute("DELETE FROM archive_info WHERE key = 'scrub_rules'", []).unwrap();
                vec!["start"]
            } else {
                vec!["start", "--full"]
            };
            let found = sandbox.run(&["check", "--privacy"]).expect_code(1).stdout;
            assert!(found.contains(&format!("run \"verta-sync {}\"", advice.join(" "))), "{found}");
            sandbox.run(&advice);
            sandbox.run(&["check", "--privacy"]).expect_code(0);
        }
    }
    assert_gone(&sandbox, &disguised(id).split(' ').map(str::to_owned).collect::<Vec<_>>());
    assert_gone(&sandbox, &[id.to_string(), PICTURE.to_owned()]);
}

#[test]
fn an_erasure_reaches_what_an_older_version_left() {
    let sandbox = sandbox();
    let id = sandbox.sim.world().user_id(GUILD, 3).unwrap();
    let all = left_by_older_versions(id);
    for (place, texts) in COLUMNS.into_iter().zip(all.chunks(all.len().div_ceil(COLUMNS.len()))) {
        plant(&sandbox, place, &texts.join(" "));
    }
    sandbox.archive().execute("DELETE FROM archive_info WHERE key = 'scrub_rules'", []).unwrap();
    sandbox.run(&["forget", "--user", &id.to_string(), "--yes"]).expect_code(0);
    assert_gone(&sandbox, &disguised(id).split(' ').map(str::to_owned).collect::<Vec<_>>());
    assert_gone(&sandbox, &[id.to_string(), hash(id), PICTURE.to_owned()]);
    sandbox.run(&["check", "--privacy"]).expect_code(0);
}

/// The first sync of a new version tells nobody's digits from a number's, but
/// remembers where they stand.
#[test]
fn digits_that_an_older_version_did_not_see_are_scrubbed_when_their_user_turns_up() {
    let sandbox = sandbox();
    let texts: Vec<String> = disguised(STRANGER).split(' ').map(str::to_owned).collect();
    // Those with a mention or a profile's address are a user's whoever that is.
    let nobodys: Vec<&str> = texts
        .iter()
        .map(String::as_str)
        .filter(|text| !text.starts_with("<@") && !text.starts_with("http"))
        .collect();
    plant(&sandbox, ("messages", "content"), &nobodys.join(" "));
    plant(&sandbox, ("emoji", "name"), &STRANGER.to_string());
    sandbox.archive().execute("DELETE FROM archive_info WHERE key = 'scrub_rules'", []).unwrap();
    sandbox.run(&["start"]).expect_code(0);
    let kept = sandbox.count(&format!(
        "SELECT count(*) FROM messages WHERE content LIKE '%{}%'",
        nobodys[0].replace('%', "_")
    ));
    assert_eq!(kept, 1, "nobody has met them yet");
    sandbox.sim.world().append_text(chat_of(&sandbox), 1, &format!("welcome <@{STRANGER}>"));
    sandbox.run(&["start"]).expect_code(0);
    assert_gone(&sandbox, &texts);
    assert_gone(&sandbox, &[STRANGER.to_string()]);
}

/// Emoji that are nothing but somebody's digits.
#[test]
fn emoji_named_by_ids_are_scrubbed_whoever_else_is_named_so() {
    let sandbox = sandbox();
    let (world, chat) = (sandbox.sim.world(), chat_of(&sandbox));
    let strangers = [STRANGER, STRANGER + 1];
    let message = world.append_text(chat, 1, "what a day").unwrap();
    for id in strangers {
        for emoji in [id.to_string(), in_digits_from('０', id), apart(id, "\u{200b}")] {
            world.react(chat, message, 1, &emoji, false);
        }
        world.react(chat, message, 2, &format!("x{id}:777000000000000000"), false);
    }
    sandbox.sim.journal().clear();
    sandbox.run(&["start"]).expect_code(0);
    let unicode = format!("messages/{message}/reactions/");
    let asked = sandbox.sim.journal().entries();
    let asked = asked.iter().filter(|entry| entry.path.contains(&unicode) && !entry.path.contains(':'));
    let asked = asked.filter(|entry| !entry.path.to_lowercase().contains("%3a"));
    assert_eq!(asked.count(), 0, "no character has such a name");
    for id in strangers {
        sandbox.run(&["forget", "--user", &id.to_string(), "--yes"]).expect_code(0);
    }
    for command in [["start", "-v"], ["start", "--full"]] {
        sandbox.run(&command).expect_code(0);
        for id in strangers {
            assert_gone(
                &sandbox,
                &[id.to_string(), in_digits_from('０', id), apart(id, "\u{200b}"), hash(id)],
            );
        }
    }
    let shown =
        "SELECT count(*) FROM reaction_count_log WHERE emoji_kind = 'unicode' AND emoji LIKE '%forgotten%'";
    assert_eq!(sandbox.count(shown), 1, "once read again, they have one name and so are one");
    sandbox.run(&["check", "--privacy"]).expect_code(0);
}
