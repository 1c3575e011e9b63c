//! What `verta-sync export` refuses to touch, and what it leaves out.

use std::fs;
use std::os::unix::fs::symlink;

use discord_sim::{ChannelDescription, ChannelKind, Description, World};

use crate::export::files;
use crate::util::{CommandOutput, Sandbox};

const GUILD: u64 = 77_500_000_000_000_001;

fn synced() -> Sandbox {
    let mut channels = vec![ChannelDescription::new(ChannelKind::Category, "talk")];
    channels.extend(["one", "two"].map(|name| ChannelDescription {
        category: Some("talk".to_owned()),
        ..ChannelDescription::text(name, 120)
    }));
    let sandbox = Sandbox::new(World::new(&Description::of_channels(GUILD, channels)));
    sandbox.expect_complete(sandbox.run(&["start"]));
    sandbox
}

fn export(sandbox: &Sandbox, out: &str, format: &str, more: &[&str]) -> CommandOutput {
    sandbox.run(&[&["export", "--out", out, "--format", format], more].concat())
}

#[track_caller]
fn assert_refused(ran: &CommandOutput, reason: &str) {
    assert!(ran.code == 2 && ran.stderr.contains(reason), "{}: {}", ran.code, ran.stderr);
}

#[test]
fn files_of_others_stay() {
    let sandbox = synced();
    let dir = sandbox.dir.path();
    sandbox.write("victim.txt", "mine");
    // A manifest that names a file outside of the folder.
    export(&sandbox, "out", "jsonl", &[]).expect_code(0);
    let manifest = fs::read_to_string(dir.join("out/manifest.json")).unwrap();
    let hostile = manifest.replacen("\"channels/tenant", "\"../victim.txt\": {\"table\": \"x\", \"tenant\": \"x\", \"month\": null, \"rows\": 0, \"bytes\": 4, \"sha256\": \"\"}, \"channels/tenant", 1);
    sandbox.write("out/manifest.json", &hostile);
    assert_refused(
        &export(&sandbox, "out", "jsonl", &["--table", "messages"]),
        "is not a manifest of this version",
    );
    assert_eq!(fs::read_to_string(dir.join("victim.txt")).unwrap(), "mine");
    // A file that is there.
    let tenant = "tenant=Simulated%20community";
    fs::create_dir_all(dir.join("taken/channels").join(tenant)).unwrap();
    sandbox.write(&format!("taken/channels/{tenant}/part-0.jsonl"), "mine");
    assert_refused(&export(&sandbox, "taken", "jsonl", &[]), "no export has written it");
    assert_eq!(
        fs::read_to_string(dir.join(format!("taken/channels/{tenant}/part-0.jsonl"))).unwrap(),
        "mine"
    );
    // A link out of the folder.
    fs::create_dir(dir.join("elsewhere")).unwrap();
    fs::create_dir(dir.join("linked")).unwrap();
    symlink("../elsewhere", dir.join("linked/messages")).unwrap();
    assert_refused(&export(&sandbox, "linked", "jsonl", &[]), "is no folder");
    assert_eq!(fs::read_dir(dir.join("elsewhere")).unwrap().count(), 0);
}

#[test]
fn names_of_the_archives_own_files_are_refused() {
    let sandbox = synced();
    for name in [
        "archive.db-journal",
        "archive.db-wal",
        "archive.db.forgotten",
        "archive.db.lock",
        "archive.search.db",
    ] {
        for format in ["sqlite", "jsonl", "dce-json"] {
            assert_refused(
                &export(&sandbox, name, format, &[]),
                "is a name for a file of the archive itself",
            );
        }
    }
    sandbox.expect_complete(sandbox.run(&["start"]));
}

#[test]
fn an_unknown_channel_removes_nothing() {
    let sandbox = synced();
    export(&sandbox, "out", "csv", &[]).expect_code(0);
    let before = files(&sandbox.dir.path().join("out"));
    assert_refused(&export(&sandbox, "out", "csv", &["--channel", "oen"]), "no archived channel is called");
    assert_eq!(files(&sandbox.dir.path().join("out")), before);
}

#[test]
fn a_copy_has_the_channels_that_are_included() {
    let sandbox = synced();
    let tenant = sandbox.sim.world().guilds()[0].1.clone();
    let config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    sandbox.write("sync.toml", &format!("{config}include_channels = [\"two\"]\n"));
    export(&sandbox, "copy.db", "sqlite", &["--tenant", &tenant]).expect_code(0);
    let copy = rusqlite::Connection::open(sandbox.dir.path().join("copy.db")).unwrap();
    let read = |sql: &str| -> Vec<String> {
        let mut select = copy.prepare(sql).unwrap();
        select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(read("SELECT DISTINCT channel FROM message_log"), ["two"]);
    assert_eq!(read("SELECT name FROM channels ORDER BY name"), ["talk", "two"], "with its category");
    assert!(read("PRAGMA foreign_key_check").is_empty());
}

#[test]
fn a_copy_that_an_export_was_made_of_is_in_use() {
    let sandbox = synced();
    export(&sandbox, "copy.db", "sqlite", &[]).expect_code(0);
    let config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    sandbox.write("copy.toml", &format!("[archive]\npath = \"copy.db\"\n{config}"));
    let of_copy = ["--config", "copy.toml", "export", "--out", "of-copy", "--format", "csv"];
    sandbox.run(&of_copy).expect_code(0);
    assert_refused(&export(&sandbox, "copy.db", "sqlite", &[]), "is an archive that is in use");
}

#[test]
fn servers_of_one_name_are_exported_once() {
    let sandbox = synced();
    let insert = "INSERT INTO tenants (platform, platform_id, name, created_at, updated_at, id_text, message_url_format)
                  SELECT platform, platform_id + 1, name, 1, 1, '5', message_url_format FROM tenants";
    sandbox.archive().execute(insert, []).unwrap();
    let ran = export(&sandbox, "-", "jsonl", &["--table", "channels"]).expect_code(0);
    assert_eq!(ran.stdout.lines().count(), 2);
    let json = ["insights", "--out", "-", "--format", "json", "--until", "2026-01-01"];
    let report: serde_json::Value = serde_json::from_str(&sandbox.run(&json).expect_code(0).stdout).unwrap();
    assert_eq!(report["tenants"].as_array().unwrap().len(), 1);
}
