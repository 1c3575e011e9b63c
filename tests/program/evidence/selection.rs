//! Configured channels that the server doesn't have, and dates in the future.

use super::*;

fn sandbox_with_keys(keys: &str) -> Sandbox {
    let rooms = ["public", "secret", "other"].map(|name| ChannelDescription::text(name, 10));
    let sandbox = sandbox(rooms.to_vec());
    configure(&sandbox, keys);
    sandbox
}

fn archived_channels(sandbox: &Sandbox) -> Vec<String> {
    sandbox.rows("SELECT DISTINCT channel FROM message_log ORDER BY 1")
}

#[test]
fn unknown_excluded_channel_stops_the_tenant() {
    let sandbox = sandbox_with_keys("exclude_channels = [\"secert\"]");
    let ran = sandbox.run(&["start"]).expect_code(2);
    assert!(format!("{}{}", ran.stdout, ran.stderr).contains("did you mean \"secret\"?"), "{}", ran.stdout);
    assert!(!sandbox.archive_path().exists() || archived_channels(&sandbox).is_empty());
    sandbox.run(&["plan"]).expect_code(2);
    sandbox.run(&["check"]).expect_code(2);
}

#[test]
fn renamed_excluded_channel_stays_excluded() {
    let sandbox = sandbox_with_keys("exclude_channels = [\"secret\"]");
    sync(&sandbox, 0);
    assert_eq!(archived_channels(&sandbox).len(), 2);
    let secret = channel(&sandbox, "secret");
    sandbox.sim.world().rename(secret, "renamed");
    sandbox.sim.world().append(secret, 5);
    sync(&sandbox, 0);
    assert_eq!(archived_channels(&sandbox).len(), 2);
    let mentions = "SELECT count(*) FROM excluded_channels WHERE entry_hash LIKE '%secret%'";
    assert_eq!(sandbox.count(mentions), 0, "only a hash of the entry is stored");
}

#[test]
fn unknown_included_channel_is_reported() {
    let sandbox = sandbox_with_keys("include_channels = [\"pubilc\"]");
    let ran = sync(&sandbox, 3);
    assert!(format!("{}{}", ran.stdout, ran.stderr).contains("pubilc"), "{}", ran.stderr);
    configure(&sandbox, "include_channels = [\"pubilc\", \"other\"]");
    sync(&sandbox, 0);
    let json = sandbox.run(&["status", "--format", "json"]).last_json();
    assert!(json.to_string().contains("pubilc"), "{json}");
}

#[test]
fn since_in_the_future_leaves_nothing_to_read() {
    let sandbox = sandbox_with_keys("since = \"2080-01-01\"");
    let ran = sandbox.run(&["start"]);
    assert_ne!(ran.code, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("no channel left to read"), "{}", ran.stdout);
    let planned = sandbox.run(&["plan"]).stdout;
    assert!(planned.contains("since is in the future"), "{planned}");
}

#[test]
fn date_range_in_the_future_is_refused() {
    let sandbox = sandbox_with_keys("");
    let ran = sandbox.run(&["start", "--since", "2080-01-01"]).expect_code(2);
    assert!(ran.stderr.contains("is in the future"), "{}", ran.stderr);
    assert!(!sandbox.archive_path().exists(), "no archive is created");
}
