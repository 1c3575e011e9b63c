//! Archives of released versions, opened by the current binary.
//!
//! `tests/data/archive-vN.sqlite` is the archive of a sync of [`world`] with schema
//! version N. When a schema is released, `cargo test --test program frozen -- --ignored`
//! adds its file. Existing files are never rewritten.

use std::fs;
use std::path::PathBuf;

use crate::util::Sandbox;
use discord_sim::{ChannelDescription, ChannelKind, Description, Mix, ThreadPlan, World};
use regex::Regex;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

const GUILD: u64 = 71_000_000_000_000_001;
const VIEWS: [&str; 7] = [
    "message_log",
    "reaction_log",
    "reaction_count_log",
    "attachment_log",
    "reply_log",
    "thread_log",
    "channel_log",
];

/// A small world with rows for every table. Its channels and IDs must never change,
/// because the frozen files hold them. Its messages are older than the refresh window.
fn world() -> World {
    let forum = ChannelDescription {
        threads: ThreadPlan { active: 2, archived: 3, messages: 6, ..ThreadPlan::default() },
        ..ChannelDescription::new(ChannelKind::Forum, "ideas")
    };
    let rich = ChannelDescription { mix: Mix::Rich, ..ChannelDescription::text("general", 60) };
    let chat = ChannelDescription { mix: Mix::Chat, ..ChannelDescription::text("chat", 40) };
    World::new(&Description::of_channels(GUILD, vec![rich, chat, forum]))
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn newest_version() -> u32 {
    let names = fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("migrations")).unwrap();
    names.count().try_into().unwrap()
}

/// Schema version and path of every frozen archive.
fn frozen() -> Vec<(u32, PathBuf)> {
    let versions = 1..=newest_version();
    versions.map(|version| (version, folder().join(format!("archive-v{version}.sqlite")))).collect()
}

/// The sorted rows of all views, without the columns that change with every read. Only the
/// columns that schema version 1 has: later versions append columns.
fn content(archive: &Connection) -> Vec<String> {
    let first = Connection::open(folder().join("archive-v1.sqlite")).unwrap();
    let mut rows = Vec::new();
    for view in VIEWS {
        let first_columns = first.prepare(&format!("SELECT * FROM {view}")).unwrap();
        let columns = first_columns.column_names().collect::<Vec<_>>().join(", ");
        let mut select = archive.prepare(&format!("SELECT {columns} FROM {view}")).unwrap();
        let columns: Vec<(usize, String)> = select
            .column_names()
            .map(str::to_owned)
            .enumerate()
            .filter(|(_, name)| !["users_read_at", "last_sync_at"].contains(&name.as_str()))
            .collect();
        let row = |row: &rusqlite::Row<'_>| {
            let cells = columns.iter().map(|(column, name)| match row.get_ref(*column).unwrap() {
                ValueRef::Text(text) => format!("{name}={}", String::from_utf8_lossy(text)),
                other => format!("{name}={other:?}"),
            });
            Ok(format!("{view}: {}", cells.collect::<Vec<_>>().join("|")))
        };
        rows.extend(select.query_map([], row).unwrap().map(Result::unwrap));
    }
    rows.sort();
    rows
}

/// The last schema version whose archives hold paths of profile pictures.
const LAST_VERSION_WITH_PICTURE_PATHS: u32 = 3;

/// The rows after the current version has scrubbed them: it removes the paths of profile
/// pictures, because a picture's hash identifies its user.
fn scrubbed(rows: &[String]) -> Vec<String> {
    let path = Regex::new(r#"((?:avatars|banners|users)/[0-9a-f]{64})/[^\s"|]*"#).unwrap();
    let mut rows: Vec<String> = rows.iter().map(|row| path.replace_all(row, "$1").into_owned()).collect();
    rows.sort();
    rows
}

#[test]
fn every_released_archive_is_migrated_and_synced() {
    for (version, path) in frozen() {
        let sandbox = Sandbox::new(world());
        fs::copy(&path, sandbox.archive_path()).unwrap();
        let before = content(&sandbox.archive());
        assert!(before.len() > 150, "version {version} holds {} rows", before.len());
        if version <= LAST_VERSION_WITH_PICTURE_PATHS {
            assert_ne!(scrubbed(&before), before, "version {version} holds no path of a picture");
        }
        for round in 0..2 {
            sandbox.run(&["start"]).expect_code(0);
            let after = content(&sandbox.archive());
            assert_eq!(scrubbed(&before), after, "version {version}, round {round}");
        }
        let sound = sandbox.archive().query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
        assert_eq!(sound.unwrap(), "ok");
        assert!(sandbox.rows("PRAGMA foreign_key_check").is_empty());
        let versions = "SELECT max(version) FROM refinery_schema_history";
        assert_eq!(sandbox.count(versions), i64::from(newest_version()));
        let chat = sandbox.sim.world().channel_named(GUILD, "chat").unwrap();
        let stored = sandbox.count("SELECT count(*) FROM messages");
        sandbox.sim.world().append(chat, 5);
        sandbox.run(&["start"]).expect_code(0);
        assert_eq!(sandbox.count("SELECT count(*) FROM messages"), stored + 5);
    }
}

/// Migrations may change tables, but not the rows of the views.
#[test]
fn migrations_keep_the_rows_of_the_views() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let migrations: Vec<(u32, PathBuf)> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().trim_start_matches('V').to_owned();
            (name.split('_').next().unwrap().parse().unwrap(), path)
        })
        .collect();
    for (version, path) in frozen().into_iter().filter(|(version, _)| *version < newest_version()) {
        let sandbox = tempfile::tempdir().unwrap();
        let copy = sandbox.path().join("archive.db");
        fs::copy(&path, &copy).unwrap();
        let archive = Connection::open(&copy).unwrap();
        let before = content(&archive);
        let mut later: Vec<_> = migrations.iter().filter(|(number, _)| *number > version).collect();
        later.sort();
        for (_, migration) in later {
            archive.execute_batch(&fs::read_to_string(migration).unwrap()).unwrap();
        }
        assert_eq!(content(&archive), before, "version {version}");
    }
}

/// On an empty page, older versions moved the checkpoint to the listing's newest message.
/// They also accepted an empty reactor list.
#[test]
fn losses_of_older_versions_from_empty_answers_are_repaired() {
    let sandbox = Sandbox::new(world());
    let chat = sandbox.sim.world().channel_named(GUILD, "chat").unwrap();
    fs::copy(folder().join("archive-v2.sqlite"), sandbox.archive_path()).unwrap();
    let before = content(&sandbox.archive());
    let newest: u64 = sandbox.sim.world().truth_channel(chat).unwrap().messages().last().unwrap().id;
    let lose_messages = format!(
        "PRAGMA foreign_keys = OFF;
         CREATE TEMP TABLE lost AS
           SELECT m.channel_id AS channel_id, m.platform_id AS id
             FROM messages m JOIN channels c ON c.id = m.channel_id
            WHERE c.platform_id = {chat} ORDER BY m.platform_id DESC LIMIT 15;
         DELETE FROM messages WHERE (channel_id, platform_id) IN (SELECT channel_id, id FROM lost);
         DELETE FROM message_attachments WHERE (channel_id, message_id) IN (SELECT channel_id, id FROM lost);
         DELETE FROM message_emoji_reactions WHERE (channel_id, message_id) IN (SELECT channel_id, id FROM lost);
         DELETE FROM message_reaction_counts WHERE (channel_id, message_id) IN (SELECT channel_id, id FROM lost);
         UPDATE channels SET message_count = message_count - 15,
                last_message_id = (SELECT max(m.platform_id) FROM messages m WHERE m.channel_id = channels.id)
          WHERE platform_id = {chat};
         UPDATE sync_progress SET last_message_id = {newest}
          WHERE channel_id = (SELECT id FROM channels WHERE platform_id = {chat});
         DELETE FROM message_emoji_reactions;"
    );
    sandbox.archive().execute_batch(&lose_messages).unwrap();
    assert!(content(&sandbox.archive()).len() < before.len());
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(content(&sandbox.archive()), scrubbed(&before));
    assert!(sandbox.rows("PRAGMA foreign_key_check").is_empty());
}

#[test]
#[ignore = "freezes the archive of a schema that is about to be released"]
fn freeze() {
    for (version, path) in frozen().into_iter().filter(|(_, path)| !path.exists()) {
        assert_eq!(version, newest_version(), "archives of older schemas can't be created any more");
        let sandbox = Sandbox::new(world());
        sandbox.run(&["start"]).expect_code(0);
        fs::create_dir_all(folder()).unwrap();
        sandbox.archive().execute("VACUUM INTO ?1", [path.to_str().unwrap()]).unwrap();
    }
}
