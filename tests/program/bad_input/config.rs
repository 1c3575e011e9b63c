//! Invalid configurations and arguments: exit code 2.

use super::{GUILD, TENANT, assert_refused, sandbox};
use crate::util::tenant_table;

#[test]
fn missing_configuration_lists_every_searched_path() {
    let sandbox = sandbox();
    std::fs::remove_file(sandbox.dir.path().join("sync.toml")).unwrap();
    let here = sandbox.dir.path().join("sync.toml").display().to_string();
    let home = sandbox.dir.path().join(".config/verta-sync/sync.toml").display().to_string();
    let searched_paths =
        ["--config", "$VERTA_SYNC_CONFIG", &here, &home, "/etc/verta-sync/sync.toml", "sync.toml.example"];
    for command in [&["start"][..], &["status"], &["reset", "--tenant", TENANT, "--yes"]] {
        assert_refused(&sandbox, command, 2, &searched_paths);
    }
}

#[test]
fn missing_configuration_is_reported_without_home() {
    let sandbox = sandbox();
    std::fs::remove_file(sandbox.dir.path().join("sync.toml")).unwrap();
    let output = sandbox.command(&["start"]).env_remove("HOME").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("$HOME") && stderr.contains("/etc/verta-sync/sync.toml"), "{stderr}");
}

#[test]
fn missing_configuration_given_by_flag_is_named() {
    let sandbox = sandbox();
    assert_refused(&sandbox, &["start", "--config", "elsewhere.toml"], 2, &["elsewhere.toml", "--config"]);
}

#[test]
fn invalid_toml_is_reported_with_its_line() {
    let sandbox = sandbox();
    sandbox.write("sync.toml", "[discord]\napi_url = \"http://127.0.0.1:1\nrequests_per_second = 5\n");
    assert_refused(&sandbox, &["start"], 2, &["sync.toml:2", "invalid TOML", "add the closing double quote"]);
}

#[test]
fn unknown_key_is_an_error_with_a_suggestion() {
    let sandbox = sandbox();
    sandbox.write_config("[sync]\nmax_chanel_workers = 3");
    assert_refused(
        &sandbox,
        &["start"],
        2,
        &["sync.toml:5", "sync.max_chanel_workers", "unknown key", "did you mean max_channel_workers?"],
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let sandbox = sandbox();
    let table = "[[tenant]]\nname = \"a\"\nplatform = \"slack\"\nguild_id = \"x\"\n";
    sandbox.write(
        "sync.toml",
        &format!(
            "[discord]\nbogus = 1\n[sync]\nmessage_fetch_size = 500\nrefresh_window = \"soon\"\n{table}"
        ),
    );
    let problems = ["sync.toml:2", "sync.toml:4", "sync.toml:5", "sync.toml:8", "sync.toml:9", "5 problems"];
    assert_refused(&sandbox, &["start"], 2, &problems);
    assert_refused(&sandbox, &["status"], 2, &problems);
}

#[test]
fn duplicate_guild_id_is_an_error() {
    let sandbox = sandbox();
    let tables = tenant_table(GUILD, "one") + &tenant_table(GUILD, "two");
    sandbox.write("sync.toml", &tables);
    assert_refused(&sandbox, &["start"], 2, &["guild_id", "duplicates line", "line 4", "keep one"]);
}

#[test]
fn unknown_tenant_is_an_error_with_a_suggestion() {
    let sandbox = sandbox();
    let words = ["Simulated comunity", "did you mean", TENANT];
    for command in ["start", "status"] {
        assert_refused(&sandbox, &[command, "--tenant", "Simulated comunity"], 2, &words);
    }
    assert_refused(&sandbox, &["reset", "--tenant", "Simulated comunity", "--yes"], 2, &words);
}

#[test]
fn empty_date_range_is_an_error() {
    let sandbox = sandbox();
    let arguments = ["start", "--since", "2024-02-01", "--until", "2024-01-01"];
    assert_refused(&sandbox, &arguments, 2, &["--since 2024-02-01", "--until 2024-01-01"]);
    assert!(sandbox.sim.journal().is_empty(), "no request is sent");
}

#[test]
fn invalid_arguments_are_refused_with_a_hint() {
    let sandbox = sandbox();
    for (arguments, word) in [
        (&["strat"][..], "start"),
        (&["start", "--tenants", "a"], "--tenant"),
        (&["start", "--since", "yesterday"], "2024-01-31"),
        (&["start", "--max-runtime", "5x"], "15m"),
        (&["start", "--channel", "general"], "ID"),
        (&["start", "--max-channel-workers", "0"], "1 to 1000"),
        (&["start", "-q", "-v"], "--quiet"),
        (&["status", "--max-age", "soon"], "24h"),
        (&["status", "--job-id", "x", "--tenant", "y"], "--tenant"),
        (&["reset", "--yes"], "--tenant"),
    ] {
        assert_refused(&sandbox, arguments, 2, &[word]);
    }
}
