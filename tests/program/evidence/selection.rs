//! What the configuration names and the server doesn't have.

use super::*;

fn with_keys(keys: &str) -> Sandbox {
    let rooms = ["public", "secret", "other"].map(|name| ChannelDescription::text(name, 10));
    let sandbox = sandbox(rooms.to_vec());
    configure(&sandbox, keys);
    sandbox
}

fn archived(sandbox: &Sandbox) -> Vec<String> {
    sandbox.rows("SELECT DISTINCT channel FROM message_log ORDER BY 1")
}

#[test]
fn an_excluded_channel_that_does_not_exist_keeps_the_tenant_from_being_read() {
    let sandbox = with_keys("exclude_channels = [\"secert\"]");
    let told = sandbox.run(&["start"]).expect_code(2);
    assert!(
        format!("{}{}", told.stdout, told.stderr).contains("did you mean \"secret\"?"),
        "{}",
        told.stdout
    );
    assert!(!sandbox.archive_path().exists() || archived(&sandbox).is_empty());
    sandbox.run(&["plan"]).expect_code(2);
    sandbox.run(&["check"]).expect_code(2);
}

#[test]
fn an_excluded_channel_stays_excluded_under_another_name() {
    let sandbox = with_keys("exclude_channels = [\"secret\"]");
    sync(&sandbox, 0);
    assert_eq!(archived(&sandbox).len(), 2);
    let secret = channel(&sandbox, "secret");
    sandbox.sim.world().rename(secret, "renamed");
    sandbox.sim.world().append(secret, 5);
    sync(&sandbox, 0);
    assert_eq!(archived(&sandbox).len(), 2);
    let mentions = "SELECT count(*) FROM excluded_channels WHERE entry_hash LIKE '%secret%'";
    assert_eq!(sandbox.count(mentions), 0, "only a hash of what was written");
}

#[test]
fn an_included_channel_that_does_not_exist_is_told_and_no_success() {
    let sandbox = with_keys("include_channels = [\"pubilc\"]");
    let told = sync(&sandbox, 3);
    assert!(format!("{}{}", told.stdout, told.stderr).contains("pubilc"), "{}", told.stderr);
    configure(&sandbox, "include_channels = [\"pubilc\", \"other\"]");
    sync(&sandbox, 0);
    let json = sandbox.run(&["status", "--format", "json"]).last_json();
    assert!(json.to_string().contains("pubilc"), "{json}");
}

#[test]
fn a_beginning_in_the_future_leaves_nothing_to_read() {
    let sandbox = with_keys("since = \"2080-01-01\"");
    let told = sandbox.run(&["start"]);
    assert_ne!(told.code, 0, "{}", told.stdout);
    assert!(told.stdout.contains("no channel is left to read"), "{}", told.stdout);
    let planned = sandbox.run(&["plan"]).stdout;
    assert!(planned.contains("since lies in the future"), "{planned}");
}

#[test]
fn a_range_in_the_future_is_refused() {
    let sandbox = with_keys("");
    let told = sandbox.run(&["start", "--since", "2080-01-01"]).expect_code(2);
    assert!(told.stderr.contains("lies in the future"), "{}", told.stderr);
    assert!(!sandbox.archive_path().exists(), "nothing is made");
}
