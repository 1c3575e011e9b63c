//! IDs that are already in an archive, written by an older version or before the user was
//! known.

use discord_sim::{Description, World};

use super::traces::written_files;
use super::{disguised, in_digits_from, picture_urls, separated};
use crate::util::Sandbox;
use crate::util::truth::hash;

const GUILD: u64 = 77_000_000_000_000_001;
const UNKNOWN_USER: u64 = 999_888_777_666_555_444;
const PICTURE_HASH: &str = "1f2e3d4c5b6a79880f1e2d3c4b5a6978";

fn channel_of(sandbox: &Sandbox) -> u64 {
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
    for (name, bytes) in written_files(sandbox) {
        for text in texts {
            let found = memchr::memmem::find(&bytes, text.as_bytes());
            assert_eq!(found, None, "{text} is still in {name}");
        }
    }
}

/// Every form of a user's ID and pictures that an older version may have left.
fn forms_left_by_older_versions(id: u64) -> Vec<String> {
    let mut texts: Vec<String> = disguised(id).split(' ').map(str::to_owned).collect();
    texts.extend(picture_urls(GUILD, id, PICTURE_HASH));
    texts.extend(
        picture_urls(GUILD, id, PICTURE_HASH).iter().map(|text| text.replace(&id.to_string(), &hash(id))),
    );
    texts.push(format!("<@{id}>"));
    texts.push(id.to_string());
    texts
}

/// Text columns, as table and column, that the tests plant IDs in.
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

/// Writes a text into one row of a column, creating the row if necessary.
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

/// Following the advice cleans the archive, whatever the check found and in which column.
#[test]
fn advice_of_the_privacy_check_removes_what_it_found() {
    let sandbox = sandbox();
    let world = sandbox.sim.world();
    let id = world.user_id(GUILD, 3).unwrap();
    world.append_text(channel_of(&sandbox), 3, "hello");
    sandbox.run(&["start"]).expect_code(0);
    let all = forms_left_by_older_versions(id);
    for is_older_version in [true, false] {
        let mut remaining: Vec<&str> = all.iter().map(String::as_str).collect();
        while !remaining.is_empty() {
            let batch = remaining.split_off(remaining.len().saturating_sub(COLUMNS.len()));
            for (column, text) in COLUMNS.into_iter().zip(&batch) {
                plant(&sandbox, column, text);
                let found = sandbox.run(&["check", "--privacy"]).expect_code(1).stdout;
                assert!(
                    found.contains(&format!("✗ {}.{}", column.0, column.1)),
                    "{text} in {column:?}: {found}"
                );
                assert!(!found.contains(&id.to_string()), "{found}");
            }
            let advice = if is_older_version {
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
    assert_gone(&sandbox, &[id.to_string(), PICTURE_HASH.to_owned()]);
}

#[test]
fn erasure_covers_data_of_older_versions() {
    let sandbox = sandbox();
    let id = sandbox.sim.world().user_id(GUILD, 3).unwrap();
    let all = forms_left_by_older_versions(id);
    for (column, texts) in COLUMNS.into_iter().zip(all.chunks(all.len().div_ceil(COLUMNS.len()))) {
        plant(&sandbox, column, &texts.join(" "));
    }
    sandbox.archive().execute("DELETE FROM archive_info WHERE key = 'scrub_rules'", []).unwrap();
    sandbox.run(&["forget", "--user", &id.to_string(), "--yes"]).expect_code(0);
    assert_gone(&sandbox, &disguised(id).split(' ').map(str::to_owned).collect::<Vec<_>>());
    assert_gone(&sandbox, &[id.to_string(), hash(id), PICTURE_HASH.to_owned()]);
    sandbox.run(&["check", "--privacy"]).expect_code(0);
}

/// The first sync of a new version can't tell the ID of an unknown user from a number,
/// but remembers its ID candidates.
#[test]
fn ids_missed_by_an_older_version_are_scrubbed_once_the_user_is_known() {
    let sandbox = sandbox();
    let texts: Vec<String> = disguised(UNKNOWN_USER).split(' ').map(str::to_owned).collect();
    // A mention or the URL of a profile reveals a user even if the user is unknown.
    let ambiguous: Vec<&str> = texts
        .iter()
        .map(String::as_str)
        .filter(|text| !text.starts_with("<@") && !text.starts_with("http"))
        .collect();
    plant(&sandbox, ("messages", "content"), &ambiguous.join(" "));
    plant(&sandbox, ("emoji", "name"), &UNKNOWN_USER.to_string());
    sandbox.archive().execute("DELETE FROM archive_info WHERE key = 'scrub_rules'", []).unwrap();
    sandbox.run(&["start"]).expect_code(0);
    let unscrubbed = sandbox.count(&format!(
        "SELECT count(*) FROM messages WHERE content LIKE '%{}%'",
        ambiguous[0].replace('%', "_")
    ));
    assert_eq!(unscrubbed, 1, "the user is still unknown");
    sandbox.sim.world().append_text(channel_of(&sandbox), 1, &format!("welcome <@{UNKNOWN_USER}>"));
    sandbox.run(&["start"]).expect_code(0);
    assert_gone(&sandbox, &texts);
    assert_gone(&sandbox, &[UNKNOWN_USER.to_string()]);
}

/// Emoji whose names consist of the digits of an ID.
#[test]
fn emoji_named_after_ids_are_scrubbed_for_every_user() {
    let sandbox = sandbox();
    let (world, chat) = (sandbox.sim.world(), channel_of(&sandbox));
    let users = [UNKNOWN_USER, UNKNOWN_USER + 1];
    let message = world.append_text(chat, 1, "what a day").unwrap();
    for id in users {
        for emoji in [id.to_string(), in_digits_from('０', id), separated(id, "\u{200b}")] {
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
    assert_eq!(asked.count(), 0, "no Unicode emoji has such a name");
    for id in users {
        sandbox.run(&["forget", "--user", &id.to_string(), "--yes"]).expect_code(0);
    }
    for command in [["start", "-v"], ["start", "--full"]] {
        sandbox.run(&command).expect_code(0);
        for id in users {
            assert_gone(
                &sandbox,
                &[id.to_string(), in_digits_from('０', id), separated(id, "\u{200b}"), hash(id)],
            );
        }
    }
    let forgotten_emoji =
        "SELECT count(*) FROM reaction_count_log WHERE emoji_kind = 'unicode' AND emoji LIKE '%forgotten%'";
    assert_eq!(sandbox.count(forgotten_emoji), 1, "after the re-read they share one name and are one emoji");
    sandbox.run(&["check", "--privacy"]).expect_code(0);
}
