//! `verta-sync export` as an archive and as files of `DiscordChatExporter`'s shape.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use discord_sim::{ChannelDescription, Description, GuildDescription, World};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::export::files;
use crate::util::truth::{assert_archived, hash};
use crate::util::{CommandOutput, Sandbox};

const GUILD: u64 = 78_000_000_000_000_001;
const OTHER: u64 = 78_000_000_000_000_002;
const HOUR: Duration = Duration::from_hours(1);

fn open(sandbox: &Sandbox, name: &str) -> Connection {
    let path = sandbox.dir.path().join(name);
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

fn copy(sandbox: &Sandbox, out: &str, more: &[&str]) -> CommandOutput {
    sandbox.run(&[&["export", "--out", out, "--format", "sqlite"], more].concat())
}

fn rows(archive: &Connection, sql: &str) -> Vec<String> {
    let mut select = archive.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let columns = select.column_count();
    let rows = select.query_map([], |row| {
        (0..columns).map(|column| Ok(format!("{:?}", row.get_ref(column)?))).collect::<Result<Vec<_>, _>>()
    });
    rows.unwrap().map(|row| row.unwrap().join("|")).collect()
}

fn assert_sound(archive: &Connection) {
    let sound = format!("{:?}", rusqlite::types::ValueRef::Text(b"ok"));
    assert_eq!(rows(archive, "PRAGMA integrity_check"), [sound]);
    assert_eq!(rows(archive, "PRAGMA foreign_key_check"), Vec::<String>::new());
}

/// Two communities in one archive. One person and one word are known to the second alone.
fn two_tenants() -> Sandbox {
    let channels = ["one", "two"].map(|name| ChannelDescription::text(name, 200)).to_vec();
    let mut description = Description::of_channels(GUILD, channels);
    description.guilds.push(GuildDescription {
        id: OTHER,
        name: "Elsewhere".to_owned(),
        channels: vec![ChannelDescription::text("quixotic-lounge", 200)],
        users: 60,
        ..GuildDescription::default()
    });
    let sandbox = Sandbox::new(World::new(&description));
    let world = sandbox.sim.world();
    let lounge = world.channel_named(OTHER, "quixotic-lounge").unwrap();
    world.append_text(lounge, 7, "abracadabra is only said here").unwrap();
    world.advance(HOUR);
    sandbox.expect_complete(sandbox.run(&["start"]));
    sandbox
}

#[test]
fn a_copy_is_a_whole_archive_that_start_goes_on_with() {
    let sandbox = Sandbox::new(World::new(&Description::everything(5)));
    sandbox.run(&["start"]);
    sandbox.archive().execute("UPDATE channels SET state = 'hidden' WHERE name = 'community'", []).unwrap();
    copy(&sandbox, "copy.db", &[]).expect_code(0);
    let (original, copied) = (sandbox.archive(), open(&sandbox, "copy.db"));
    assert_sound(&copied);
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
                    AND name NOT IN ('changes', 'change_subscribers', 'archive_info')";
    let mut select = original.prepare(names).unwrap();
    for table in select.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap) {
        let condition = if table == "audit_log" { "WHERE action <> 'export'" } else { "" };
        let sql = format!("SELECT * FROM {table} {condition} ORDER BY 1, 2, 3");
        assert_eq!(rows(&copied, &sql), rows(&original, &sql), "{table}");
    }
    // The same bytes again, also elsewhere, and nothing is rewritten.
    let before = fs::read(sandbox.dir.path().join("copy.db")).unwrap();
    let again = copy(&sandbox, "copy.db", &[]).expect_code(0).stdout;
    assert!(again.contains("0 written, 1 unchanged"), "{again}");
    fs::create_dir(sandbox.dir.path().join("backups")).unwrap();
    copy(&sandbox, "backups", &[]).expect_code(0);
    assert_eq!(fs::read(sandbox.dir.path().join("backups/archive.db")).unwrap(), before);
}

#[test]
fn a_sync_goes_on_with_a_copy() {
    let sandbox = two_tenants();
    copy(&sandbox, "copy.db", &[]).expect_code(0);
    fs::rename(sandbox.dir.path().join("copy.db"), sandbox.archive_path()).unwrap();
    for suffix in ["-wal", "-shm"] {
        fs::remove_file(sandbox.dir.path().join(format!("archive.db{suffix}"))).ok();
    }
    let world = sandbox.sim.world();
    let one = world.channel_named(GUILD, "one").unwrap();
    let written = world.append(one, 30);
    world.advance(HOUR);
    world.edit(one, written[3], "edited after the copy");
    sandbox.sim.journal().clear();
    sandbox.expect_complete(sandbox.run(&["start"]));
    for guild in [GUILD, OTHER] {
        assert_archived(world, &sandbox.archive(), guild);
    }
    let requests = sandbox.sim.journal().entries().len();
    assert!(requests < 20, "{requests} requests: the copy has the checkpoints");
    // It is in use now, and no copy that an export may replace.
    fs::copy(sandbox.archive_path(), sandbox.dir.path().join("used.db")).unwrap();
    let ran = copy(&sandbox, "used.db", &[]).expect_code(2);
    assert!(ran.stderr.contains("is an archive that is in use"), "{}", ran.stderr);
}

#[test]
fn a_tenants_copy_holds_nothing_of_others() {
    let sandbox = two_tenants();
    let world = sandbox.sim.world();
    let erased = world.user_id(OTHER, 9).unwrap();
    sandbox.run(&["forget", "--user", &erased.to_string(), "--yes"]).expect_code(0);
    let (tenant, other) = (world.guilds()[0].1.clone(), world.guilds()[1].1.clone());
    copy(&sandbox, "copy.db", &["--tenant", &tenant]).expect_code(0);
    let (original, copied) = (sandbox.archive(), open(&sandbox, "copy.db"));
    assert_sound(&copied);
    let of_tenant =
        |view: &str| format!("SELECT * FROM {view} WHERE tenant = '{tenant}' ORDER BY 1, 2, 3, 4, 5, 9");
    for view in
        ["message_log", "reaction_log", "reaction_count_log", "attachment_log", "reply_log", "channel_log"]
    {
        let all = rows(&copied, &format!("SELECT * FROM {view} ORDER BY 1, 2, 3, 4, 5, 9"));
        assert_eq!(all, rows(&original, &of_tenant(view)), "{view}");
    }
    let known = |archive: &Connection| -> BTreeSet<String> {
        let mut select = archive.prepare("SELECT anonymized_id FROM users").unwrap();
        select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let (all, left) = (known(&original), known(&copied));
    let removed: BTreeSet<&String> = all.difference(&left).collect();
    let strangers: BTreeSet<String> = world.users(OTHER).iter().map(|user| hash(user.id)).collect();
    let own: BTreeSet<String> = world.users(GUILD).iter().map(|user| hash(user.id)).collect();
    assert!(
        removed.len() > 10 && removed.iter().all(|hash| strangers.contains(*hash) && !own.contains(*hash))
    );
    assert_eq!(
        rows(&copied, "SELECT marker FROM forgotten"),
        rows(&original, "SELECT marker FROM forgotten")
    );
    assert_eq!(rows(&copied, "SELECT count(*) FROM forgotten"), rows(&original, "SELECT 1"));
    let bytes = fs::read(sandbox.dir.path().join("copy.db")).unwrap();
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    for foreign in ["abracadabra", "quixotic-lounge", &*other, &OTHER.to_string()] {
        assert!(!holds(foreign), "{foreign}");
    }
    assert!(removed.iter().all(|hash| !holds(hash)));
    assert!(holds(&tenant) && left.iter().all(|hash| holds(hash)));
    let number = i64::try_from(OTHER).unwrap().to_be_bytes();
    assert!(!bytes.windows(number.len()).any(|window| window == number), "the ID as a number");
}

#[test]
fn a_tenants_copy_leaves_out_closed_channels() {
    let sandbox = two_tenants();
    let tenant = sandbox.sim.world().guilds()[0].1.clone();
    sandbox.archive().execute("UPDATE channels SET state = 'hidden' WHERE name = 'two'", []).unwrap();
    let channels = |name: &str, more: &[&str]| {
        copy(&sandbox, name, more).expect_code(0);
        rows(&open(&sandbox, name), "SELECT channel FROM channel_log ORDER BY 1").len()
    };
    assert_eq!(channels("a.db", &["--tenant", &tenant]), 1);
    assert_eq!(channels("b.db", &["--tenant", &tenant, "--include-closed"]), 2);
    assert_eq!(channels("c.db", &[]), 3, "a backup has everything");
}

#[test]
fn targets_of_copies_are_checked() {
    let sandbox = two_tenants();
    sandbox.write("other.txt", "text");
    for (arguments, problem) in [
        (&["--out", "archive.db"][..], "is the archive itself"),
        (&["--out", "."], "is the archive itself"),
        (&["--out", "other.txt"], "is another file"),
        (&["--out", "x.db", "--channel", "one"], "exports whole tenants"),
        (&["--out", "x.db", "--since", "2026-01-01"], "exports whole tenants"),
        (&["--out", "x.db", "--table", "messages"], "exports whole tenants"),
        (&["--out", "-"], "one table as jsonl or csv"),
    ] {
        let ran = sandbox.run(&[&["export", "--format", "sqlite"], arguments].concat());
        assert!(ran.stderr.contains(problem), "{arguments:?}: {}", ran.stderr);
        assert_eq!(ran.code, 2, "{arguments:?}");
    }
    assert_eq!(fs::read_to_string(sandbox.dir.path().join("other.txt")).unwrap(), "text");
}

/// The files of an export by the ID of their channel.
fn by_channel(sandbox: &Sandbox, folder: &str) -> BTreeMap<String, Value> {
    let files = files(&sandbox.dir.path().join(folder));
    let parse = |(path, bytes): (PathBuf, Vec<u8>)| {
        if path.ends_with("manifest.json") {
            return None;
        }
        let file: Value = serde_json::from_slice(&bytes).unwrap();
        Some((file["channel"]["id"].as_str().unwrap().to_owned(), file))
    };
    files.into_iter().filter_map(parse).collect()
}

#[test]
fn files_of_channels_hold_every_message() {
    let sandbox = Sandbox::new(World::new(&Description::everything(6)));
    sandbox.run(&["start"]);
    let export = |more: &[&str]| {
        let all = [&["export", "--out", "dce", "--format", "dce-json"], more].concat();
        sandbox.run(&all).expect_code(0)
    };
    export(&["--include-closed", "--include-deleted"]);
    let files_by_channel = by_channel(&sandbox, "dce");
    let archive = sandbox.archive();
    let mut select = archive
        .prepare(
            "SELECT channel_id, message_id, author, created_at, attachments, reactions, reply_to_message_id,
                    json_array_length(metadata, '$.embeds'), content
               FROM message_log ORDER BY channel_key, message_key",
        )
        .unwrap();
    let mut found = BTreeMap::<String, usize>::new();
    let mut rows = select.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let text = |column: usize| row.get::<_, Option<String>>(column).unwrap();
        let number = |column: usize| row.get::<_, Option<i64>>(column).unwrap().unwrap_or(0);
        let length = |list: &Value| i64::try_from(list.as_array().unwrap().len()).unwrap();
        let channel = text(0).unwrap();
        let index = found.entry(channel.clone()).or_default();
        let message = &files_by_channel[&channel]["messages"][*index];
        *index += 1;
        assert_eq!(message["id"].as_str(), text(1).as_deref());
        let author = text(2).unwrap_or_else(|| "Deleted User".to_owned());
        assert_eq!(message["author"]["name"].as_str(), Some(author.as_str()));
        assert_eq!(message["timestamp"].as_str().map(|time| time.replace("+00:00", "Z")), text(3));
        assert_eq!(length(&message["attachments"]), number(4));
        let reactions = message["reactions"].as_array().unwrap();
        assert_eq!(
            reactions.iter().map(|reaction| reaction["count"].as_i64().unwrap()).sum::<i64>(),
            number(5)
        );
        assert_eq!(
            message["reference"]["messageId"].as_str().filter(|_| text(6).is_some()),
            text(6).as_deref()
        );
        assert_eq!(length(&message["embeds"]), number(7));
        let content = text(8).unwrap();
        if !content.contains('<') && !content.is_empty() {
            assert_eq!(message["content"].as_str(), Some(content.as_str()));
        }
    }
    assert_eq!(found.len(), files_by_channel.len());
    for (channel, messages) in &found {
        assert_eq!(files_by_channel[channel]["messageCount"], *messages, "{channel}");
    }
    let mentions: usize = files_by_channel
        .values()
        .flat_map(|file| file["messages"].as_array().unwrap())
        .map(|message| message["mentions"].as_array().unwrap().len())
        .sum();
    assert!(mentions > 10);
}

#[test]
fn only_files_of_changed_channels_are_rewritten() {
    let sandbox = two_tenants();
    let world = sandbox.sim.world();
    let export = || {
        let ran = sandbox.run(&["export", "--out", "dce", "--format", "dce-json"]).expect_code(0);
        ran.stdout.trim().to_owned()
    };
    let first = export();
    assert!(first.contains("3 written"), "{first}");
    assert_eq!(export(), "exported 0 messages in 3 files: 0 written, 3 unchanged");
    let one = world.channel_named(GUILD, "one").unwrap();
    let written = world.append(one, 3);
    world.advance(HOUR);
    sandbox.expect_complete(sandbox.run(&["start"]));
    let ran = export();
    assert!(ran.contains("1 written, 2 unchanged"), "{ran}");
    world.delete(one, written[1]);
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    let ran = export();
    assert!(ran.contains("1 written, 2 unchanged"), "{ran}");
    // Other names than before: other paths, and the old ones are gone.
    sandbox.archive().execute("UPDATE channels SET name = '../../../up\n' WHERE name = 'one'", []).unwrap();
    let ran = export();
    assert!(ran.contains("1 written, 2 unchanged, 1 removed"), "{ran}");
    let paths: Vec<String> =
        files(&sandbox.dir.path().join("dce")).into_keys().map(|path| path.display().to_string()).collect();
    assert!(paths.iter().any(|path| path.contains("_.._.._up_ [")), "{paths:?}");
    assert_eq!(paths.len(), 4, "{paths:?}");
}
