//! Archives as released versions left them, opened by today's binary.
//!
//! `tests/data/archive-vN.sqlite` is what a sync of [`world`] came to with schema
//! version N. When a schema is released, `cargo test --test program frozen -- --ignored`
//! adds its file; none is ever written again.

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

/// Small, with something in every table. Its channels and IDs never change, or
/// the files would have to; the texts are older than what is read again.
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

/// Each frozen archive, and its version.
fn frozen() -> Vec<(u32, PathBuf)> {
    let versions = 1..=newest_version();
    versions.map(|version| (version, folder().join(format!("archive-v{version}.sqlite")))).collect()
}

/// Everything a user can see, but when it was read.
fn content(archive: &Connection) -> Vec<String> {
    let mut rows = Vec::new();
    for view in VIEWS {
        let mut select = archive.prepare(&format!("SELECT * FROM {view}")).unwrap();
        let kept: Vec<(usize, String)> = select
            .column_names()
            .map(str::to_owned)
            .enumerate()
            .filter(|(_, name)| !["users_read_at", "last_sync_at"].contains(&name.as_str()))
            .collect();
        let row = |row: &rusqlite::Row<'_>| {
            let cells = kept.iter().map(|(column, name)| match row.get_ref(*column).unwrap() {
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

/// The last schema that was frozen under rules which kept paths of pictures.
const OLD_RULES: u32 = 3;

/// Rows as they are after the first command of this version: versions up to schema 3
/// kept the paths of people's pictures, whose hashes identify them.
fn scrubbed(rows: &[String]) -> Vec<String> {
    let path = Regex::new(r#"((?:avatars|banners|users)/[0-9a-f]{64})/[^\s"|]*"#).unwrap();
    let mut rows: Vec<String> = rows.iter().map(|row| path.replace_all(row, "$1").into_owned()).collect();
    rows.sort();
    rows
}

#[test]
fn every_released_archive_is_opened_brought_up_to_date_and_gone_on_with() {
    for (version, path) in frozen() {
        let sandbox = Sandbox::new(world());
        fs::copy(&path, sandbox.archive_path()).unwrap();
        let before = content(&sandbox.archive());
        assert!(before.len() > 150, "version {version} holds {} rows", before.len());
        if version <= OLD_RULES {
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

/// A migration may change the tables, and leaves what the views show.
#[test]
fn views_show_the_same_rows_before_and_after_the_migrations() {
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

/// Older versions moved the checkpoint to the newest message of the listing when a
/// page came empty, and took an empty list of reactors for the truth.
#[test]
fn what_an_older_version_concluded_from_empty_answers_is_asked_for_again() {
    let sandbox = Sandbox::new(world());
    let chat = sandbox.sim.world().channel_named(GUILD, "chat").unwrap();
    fs::copy(folder().join("archive-v2.sqlite"), sandbox.archive_path()).unwrap();
    let before = content(&sandbox.archive());
    let newest: u64 = sandbox.sim.world().truth_channel(chat).unwrap().messages().last().unwrap().id;
    let lied_to = format!(
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
    sandbox.archive().execute_batch(&lied_to).unwrap();
    assert!(content(&sandbox.archive()).len() < before.len());
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(content(&sandbox.archive()), scrubbed(&before));
    assert!(sandbox.rows("PRAGMA foreign_key_check").is_empty());
}

#[test]
#[ignore = "freezes the archive of a schema that is about to be released"]
fn freeze() {
    for (version, path) in frozen().into_iter().filter(|(_, path)| !path.exists()) {
        assert_eq!(version, newest_version(), "an older archive can't be made any more");
        let sandbox = Sandbox::new(world());
        sandbox.run(&["start"]).expect_code(0);
        fs::create_dir_all(folder()).unwrap();
        sandbox.archive().execute("VACUUM INTO ?1", [path.to_str().unwrap()]).unwrap();
    }
}
