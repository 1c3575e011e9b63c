//! `verta-sync export`, as a user runs it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use discord_sim::{ChannelDescription, Description, World};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Map, Value};

use crate::kill::harness::{Dice, completes_before_kill, requested_kills};
use crate::util::truth::hash;
use crate::util::{CommandOutput, Sandbox};

const GUILD: u64 = 79_000_000_000_000_001;
const USER: u32 = 3;
/// The tables with their views.
const TABLES: [(&str, &str); 7] = [
    ("messages", "message_log"),
    ("channels", "channel_log"),
    ("threads", "thread_log"),
    ("replies", "reply_log"),
    ("reactions", "reaction_log"),
    ("reaction_counts", "reaction_count_log"),
    ("attachments", "attachment_log"),
];

fn synced(description: &Description) -> Sandbox {
    let sandbox = Sandbox::new(World::new(description));
    sandbox.expect_complete(sandbox.run(&["start"]));
    sandbox
}

fn small() -> Sandbox {
    let names = ["one", "two"];
    let channels = names.map(|name| ChannelDescription::text(name, 300)).to_vec();
    synced(&Description::of_channels(GUILD, channels))
}

fn export(sandbox: &Sandbox, format: &str, more: &[&str]) -> CommandOutput {
    let all = [&["export", "--out", format, "--format", format], more].concat();
    sandbox.run(&all).expect_code(0)
}

/// The files below a folder, by path relative to it.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The rows of a view, each as a JSON text. Addresses of files are without signature.
fn rows_of_view(sandbox: &Sandbox, view: &str, condition: &str) -> Vec<String> {
    let archive = sandbox.archive();
    let mut select = archive.prepare(&format!("SELECT * FROM {view} WHERE {condition}")).unwrap();
    let names: Vec<String> = select.column_names().map(str::to_owned).collect();
    let mut rows = select.query([]).unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let mut object = Map::new();
        for (index, name) in names.iter().enumerate() {
            use rusqlite::types::ValueRef;
            let value = match row.get_ref(index).unwrap() {
                ValueRef::Integer(number) => Value::from(number),
                ValueRef::Text(text) => Value::from(String::from_utf8(text.to_vec()).unwrap()),
                _ => Value::Null,
            };
            let value = match value {
                Value::String(url) if view == "attachment_log" && name == "url" => {
                    Value::from(url.split(['?', '&']).next().unwrap())
                }
                other => other,
            };
            object.insert(name.clone(), value);
        }
        found.push(Value::Object(object).to_string());
    }
    found.sort();
    found
}

/// A value of an export as the view shows it.
fn as_in_view(value: Value) -> Value {
    match value {
        Value::Bool(flag) => Value::from(i64::from(flag)),
        Value::Array(list) => Value::from(Value::Array(list).to_string()),
        other => other,
    }
}

/// The rows of a table's files.
fn rows_of_export(folder: &Path, format: &str, table: &str) -> Vec<String> {
    let mut found = Vec::new();
    let of_table = files(folder).into_keys().filter(|path| path.starts_with(table));
    for path in of_table.map(|path| folder.join(path)) {
        match format {
            "jsonl" => {
                for line in fs::read_to_string(path).unwrap().lines() {
                    let object: Map<String, Value> = serde_json::from_str(line).unwrap();
                    let object = object.into_iter().map(|(name, value)| (name, as_in_view(value)));
                    found.push(Value::Object(object.collect()).to_string());
                }
            }
            "parquet" => {
                let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
                for row in reader.get_row_iter(None).unwrap() {
                    let row = row.unwrap();
                    let object = row.get_column_iter().map(|(name, field)| (name.clone(), json(field)));
                    found.push(Value::Object(object.collect()).to_string());
                }
            }
            _ => {
                let mut reader = csv::Reader::from_path(path).unwrap();
                for record in reader.records() {
                    found.push(record.unwrap().iter().collect::<Vec<_>>().join("|"));
                }
            }
        }
    }
    found.sort();
    found
}

fn json(field: &Field) -> Value {
    as_in_view(match field {
        Field::Null => Value::Null,
        Field::Bool(flag) => Value::from(*flag),
        Field::Long(number) => Value::from(*number),
        Field::Str(text) => Value::from(text.as_str()),
        Field::TimestampMillis(millis) => {
            let time = jiff::Timestamp::from_millisecond(*millis).unwrap();
            Value::from(time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
        }
        Field::ListInternal(list) => Value::Array(list.elements().iter().map(json).collect()),
        other => panic!("{other:?}"),
    })
}

#[test]
fn rows_are_those_of_the_views() {
    let sandbox = synced(&Description::everything(7));
    sandbox.archive().execute("UPDATE messages SET deleted_at = 5 WHERE platform_id % 9 = 0", []).unwrap();
    for format in ["jsonl", "parquet", "csv"] {
        export(&sandbox, format, &["--include-deleted", "--include-closed"]);
        for (table, view) in TABLES {
            let exported = rows_of_export(&sandbox.dir.path().join(format), format, table);
            let expected = rows_of_view(&sandbox, view, "1");
            if format == "csv" {
                assert_eq!(exported.len(), expected.len(), "{table}");
            } else {
                assert_eq!(exported, expected, "{table} as {format}");
            }
            assert!(!exported.is_empty(), "{table}");
        }
    }
    // Deleted messages, and what belongs to them, are left out.
    export(&sandbox, "jsonl", &["--include-closed"]);
    let left = rows_of_export(&sandbox.dir.path().join("jsonl"), "jsonl", "messages");
    assert_eq!(left, rows_of_view(&sandbox, "message_log", "deleted_at IS NULL"));
    let of_deleted = "(channel_key, message_key) IN (SELECT channel_key, message_key FROM message_log
                         WHERE deleted_at IS NOT NULL)";
    let files = rows_of_export(&sandbox.dir.path().join("jsonl"), "jsonl", "attachments");
    assert_eq!(files, rows_of_view(&sandbox, "attachment_log", &format!("NOT {of_deleted}")));
}

#[test]
fn a_later_export_writes_only_what_has_changed() {
    let sandbox = small();
    for format in ["parquet", "jsonl", "csv"] {
        let folder = sandbox.dir.path().join(format);
        export(&sandbox, format, &[]);
        let before = files(&folder);
        let again = export(&sandbox, format, &[]).stdout;
        assert!(again.contains(": 0 written"), "{again}");
        assert_eq!(files(&folder), before);
        // In another folder, the same bytes.
        let other = ["export", "--out", "other", "--format", format];
        sandbox.run(&other).expect_code(0);
        assert_eq!(files(&sandbox.dir.path().join("other")), before);
        fs::remove_dir_all(sandbox.dir.path().join("other")).unwrap();
    }
    let before = files(&sandbox.dir.path().join("parquet"));
    let archive = sandbox.archive();
    let message: (i64, i64, String) = archive
        .query_row(
            "SELECT channel_key, message_key, substr(created_at, 1, 7) FROM message_log ORDER BY created_ms LIMIT 1 OFFSET 40",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    let update = "UPDATE messages SET content = 'changed' WHERE channel_id = ?1 AND platform_id = ?2";
    archive.execute(update, [message.0, message.1]).unwrap();
    export(&sandbox, "parquet", &[]);
    let after = files(&sandbox.dir.path().join("parquet"));
    let is_changed =
        |path: &&PathBuf| !path.ends_with("manifest.json") && after.get(*path) != before.get(*path);
    let changed: BTreeSet<&PathBuf> = after.keys().filter(is_changed).collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
    let path = changed.first().unwrap().to_str().unwrap();
    assert!(
        path.starts_with("messages/tenant=") && path.contains(&format!("/month={}/", message.2)),
        "{path}"
    );
}

#[test]
fn what_is_gone_is_removed_and_forget_reminds() {
    let sandbox = small();
    let world = sandbox.sim.world();
    let (id, one) = (world.user_id(GUILD, USER).unwrap(), world.channel_named(GUILD, "one").unwrap());
    world.append_text(one, USER, "only I say quixotry").unwrap();
    world.advance(Duration::from_hours(1));
    sandbox.run(&["start"]).expect_code(0);
    export(&sandbox, "jsonl", &[]);
    let folder = sandbox.dir.path().join("jsonl");
    let holds = |text: &str| {
        let finds = |bytes: &Vec<u8>| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        files(&folder).values().any(finds)
    };
    assert!(holds("quixotry") && holds(&hash(id)));
    let ran = sandbox.run(&["forget", "--user", &id.to_string(), "--yes"]).expect_code(0);
    assert!(ran.stderr.contains("exports that were made still hold what was erased"), "{}", ran.stderr);
    assert!(ran.stderr.contains(folder.to_str().unwrap()), "{}", ran.stderr);
    export(&sandbox, "jsonl", &[]);
    assert!(!holds("quixotry") && !holds(&hash(id)));
    let tenant = world.guilds()[0].1.clone();
    sandbox.run(&["reset", "--tenant", &tenant, "--purge", "--yes"]).expect_code(0);
    let ran = export(&sandbox, "jsonl", &[]).stdout;
    assert!(ran.contains(" removed"), "{ran}");
    let left: Vec<PathBuf> = files(&folder).into_keys().collect();
    assert!(
        left.iter().all(|path| path.starts_with("channels") || path.ends_with("manifest.json")),
        "{left:?}"
    );
    assert!(!folder.join("messages").exists(), "empty folders are removed");
}

#[test]
fn no_raw_id_is_exported() {
    let sandbox = synced(&Description::everything(11));
    let users: Vec<String> = {
        let world = sandbox.sim.world();
        let guilds = world.guilds();
        guilds.iter().flat_map(|(guild, _)| world.users(*guild)).map(|user| user.id.to_string()).collect()
    };
    for format in ["jsonl", "csv", "parquet"] {
        export(&sandbox, format, &["--include-deleted", "--include-closed"]);
        let folder = sandbox.dir.path().join(format);
        for (table, _) in TABLES {
            let rows = rows_of_export(&folder, format, table).join("\n");
            let numbers: BTreeSet<&str> = rows.split(|char: char| !char.is_ascii_digit()).collect();
            let found: Vec<&String> = users.iter().filter(|user| numbers.contains(user.as_str())).collect();
            assert!(found.is_empty(), "{table} as {format}: {found:?}");
        }
    }
}

#[test]
fn filters_and_streams() {
    let sandbox = small();
    let stream = |arguments: &[&str]| {
        let all = [&["export", "--out", "-", "--format", "jsonl", "--table"], arguments].concat();
        let ran = sandbox.run(&all).expect_code(0);
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let count = |condition: &str| {
        usize::try_from(sandbox.count(&format!("SELECT count(*) FROM message_log WHERE {condition}")))
            .unwrap()
    };
    assert_eq!(stream(&["messages"]).len(), count("1"));
    assert_eq!(stream(&["messages", "--channel", "two"]).len(), count("channel = 'two'"));
    let middle: String = sandbox
        .archive()
        .query_row("SELECT created_at FROM message_log ORDER BY created_ms LIMIT 1 OFFSET 250", [], |row| {
            row.get(0)
        })
        .unwrap();
    let before = count(&format!("created_at < '{middle}'"));
    assert_eq!(stream(&["messages", "--until", &middle]).len(), before);
    assert_eq!(stream(&["messages", "--since", &middle]).len(), count("1") - before);
    let channels = stream(&["channels"]);
    assert_eq!(channels.len(), 2);
    sandbox.archive().execute("UPDATE channels SET state = 'hidden' WHERE name = 'two'", []).unwrap();
    assert_eq!(stream(&["messages"]).len(), count("channel = 'one'"));
    assert_eq!(stream(&["messages", "--include-closed"]).len(), count("1"));
    sandbox.archive().execute("UPDATE channels SET state = 'active'", []).unwrap();
    let config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    sandbox.write("sync.toml", &format!("{config}exclude_channels = [\"two\"]\n"));
    assert_eq!(stream(&["messages"]).len(), count("channel = 'one'"), "newly excluded");
    assert_eq!(stream(&["messages", "--include-closed"]).len(), count("1"));
    let found = sandbox
        .run(&["search", "the OR an* OR is OR you OR to", "--channel", "two", "--limit", "1"])
        .expect_code(0);
    assert!(found.stdout.contains("#two [excluded]"), "{}", found.stdout);
    let csv = sandbox.run(&["export", "--out", "-", "--format", "csv", "--table", "channels"]).expect_code(0);
    assert!(csv.stdout.starts_with("tenant,guild_id,channel_id,"), "{}", csv.stdout);
    sandbox.assert_no_secrets(&csv);
}

#[test]
fn mistakes_are_named() {
    let sandbox = small();
    export(&sandbox, "csv", &[]);
    sandbox.write("file", "");
    for (arguments, problem) in [
        (&["--out", "-", "--format", "parquet", "--table", "messages"][..], "one table as jsonl or csv"),
        (&["--out", "-", "--format", "csv"], "one table as jsonl or csv"),
        (&["--out", "file", "--format", "csv"], "is not a folder"),
        (&["--out", "csv", "--format", "jsonl"], "holds an export as csv"),
        (&["--out", "x", "--format", "csv", "--tenant", "nobody"], "unknown tenant \"nobody\""),
        (
            &["--out", "x", "--format", "csv", "--since", "2026-01-02", "--until", "2026-01-01"],
            "is not before",
        ),
    ] {
        let ran = sandbox.run(&[&["export"], arguments].concat()).expect_code(2);
        assert!(ran.stderr.contains(problem), "{arguments:?}: {}", ran.stderr);
    }
    sandbox.write("csv/manifest.json", "{");
    let ran = sandbox.run(&["export", "--out", "csv", "--format", "csv"]).expect_code(2);
    assert!(ran.stderr.contains("is not a manifest of this version"), "{}", ran.stderr);
}

#[test]
fn an_export_runs_beside_a_sync() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 20, 500)));
    let running = sandbox.spawn_slow(&["start"]);
    let ran = export(&sandbox, "jsonl", &[]);
    assert!(!ran.stderr.contains("\"forget\" will not remind"), "{}", ran.stderr);
    assert_eq!(sandbox.count("SELECT count(*) FROM audit_log WHERE action = 'export'"), 1);
    crate::util::send(&running, rustix::process::Signal::INT);
    crate::util::wait_for_exit(running);
}

/// `KILLS=100 cargo test --test program killed_exports` kills 100 exports.
#[test]
fn killed_exports_leave_whole_files_or_none() {
    let sandbox = small();
    let formats = ["parquet", "dce-json", "sqlite"];
    let folder = |format: &str| sandbox.dir.path().join(format);
    for format in formats {
        fs::create_dir(folder(format)).unwrap();
    }
    // Two states of the archive, and the files of each.
    let change = || {
        let toggle = "UPDATE messages SET pinned = 1 - pinned WHERE platform_id % 5 = 0";
        sandbox.archive().execute(toggle, []).unwrap();
    };
    let of_state = || {
        formats.map(|format| {
            export(&sandbox, format, &[]);
            files(&folder(format))
        })
    };
    let first = of_state();
    change();
    let second = of_state();
    let mut dice = Dice::new(23);
    for kill in 0..requested_kills() {
        let format = kill as usize % formats.len();
        let folder = folder(formats[format]);
        if kill % 4 == 0 {
            fs::remove_dir_all(&folder).unwrap();
            fs::create_dir(&folder).unwrap();
        }
        change();
        let arguments = ["export", "--out", formats[format], "--format", formats[format]];
        completes_before_kill(&sandbox, &arguments, &mut dice, Duration::from_millis(120));
        for (path, bytes) in files(&folder) {
            if path.extension().is_some_and(|extension| extension != "tmp" && extension != "journal") {
                let states = [&first, &second].map(|state| state[format].get(&path));
                let is_whole = states.contains(&Some(&bytes)) || path.ends_with("manifest.json");
                assert!(is_whole, "{}", path.display());
            }
        }
    }
    let last = of_state();
    assert!(last == first || last == second);
}

#[test]
fn a_full_or_read_only_disk_is_named() {
    let sandbox = small();
    fs::create_dir(sandbox.dir.path().join("small")).unwrap();
    let binary = env!("CARGO_BIN_EXE_verta-sync");
    for format in ["jsonl", "csv", "parquet", "dce-json", "sqlite"] {
        for (options, problem) in [("size=32k", "free space"), ("ro", "may write to")] {
            let script = format!(
                "mount -t tmpfs -o {options} none small || exit 99
                 {binary} export --out small/out --format {format}; code=$?
                 find small -name '*.tmp*' >&2; exit $code"
            );
            let ran = std::process::Command::new("unshare")
                .args(["-rm", "sh", "-c", &script])
                .current_dir(sandbox.dir.path())
                .output();
            // Not every user may mount.
            let Ok(ran) = ran.map(CommandOutput::from) else { return };
            if !matches!(ran.code, 1 | 99) {
                assert_eq!(ran.code, 6, "{format} {options}: {}", ran.stderr);
                assert!(ran.stderr.contains(problem), "{format} {options}: {}", ran.stderr);
                assert!(!ran.stderr.contains(".tmp\n"), "{format} {options}: {}", ran.stderr);
            }
        }
    }
}

#[test]
fn a_signal_stops_an_export() {
    let sandbox = small();
    let copies = "INSERT INTO messages SELECT channel_id, platform_id + value, author_id, kind, printf('%.*c', 1000, 'x'),
                         created_at, edited_at, deleted_at, 0, NULL, NULL, NULL, NULL, updated_at
                    FROM messages, json_each('[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
                                               21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37]')";
    sandbox.archive().execute(copies, []).unwrap();
    // Nobody reads yet, so the export waits after some batches.
    let mut command = sandbox.command(&["export", "--out", "-", "--format", "jsonl", "--table", "messages"]);
    let mut running = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let reads = running.stdout.as_mut().unwrap();
    let mut begin = [0; 1];
    std::io::Read::read_exact(reads, &mut begin).unwrap();
    crate::util::send(&running, rustix::process::Signal::TERM);
    std::thread::sleep(Duration::from_millis(100));
    let mut text = String::new();
    std::io::Read::read_to_string(running.stdout.as_mut().unwrap(), &mut text).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(143));
    assert!(text.lines().count() < 20_000, "{} lines", text.lines().count());
}
