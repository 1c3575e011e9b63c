//! `verta-sync export` as an archive.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use discord_sim::{ChannelDescription, Description, GuildDescription, World};
use rusqlite::{Connection, OpenFlags};

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
