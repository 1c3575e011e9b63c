//! `verta-sync reset`: deletes the progress, and with `--purge` the messages.

use std::fs;

use crate::util::truth::assert_archived;
use crate::util::{Sandbox, run_at_terminal, tenant_table, wait_for_exit};
use discord_sim::{ChannelDescription, Description, GuildDescription, RouteKind, ThreadPlan, World};

const GUILD: u64 = 77_000_000_000_000_001;
const OTHER: u64 = 77_000_000_000_000_002;
const TENANT: &str = "Simulated community";

/// Two channels, of which "talk" has three threads.
fn description() -> Description {
    let threads = ThreadPlan { active: 2, archived: 1, messages: 30, ..ThreadPlan::default() };
    let talk = ChannelDescription { threads, ..ChannelDescription::text("talk", 150) };
    Description::of_channels(GUILD, vec![talk, ChannelDescription::text("news", 40)])
}

fn synced() -> Sandbox {
    let sandbox = Sandbox::new(World::new(&description()));
    sandbox.run(&["start"]).expect_code(0);
    sandbox
}

/// The rows that a reset may change.
fn state(sandbox: &Sandbox) -> Vec<Vec<String>> {
    ["sync_progress", "sync_jobs", "channel_sync_jobs", "messages", "users", "audit_log"]
        .map(|table| sandbox.rows(&format!("SELECT * FROM {table} ORDER BY 1, 2")))
        .into()
}

fn channel(sandbox: &Sandbox, name: &str) -> u64 {
    sandbox.sim.world().channel_named(GUILD, name).unwrap()
}

#[test]
fn declined_confirmation_changes_nothing_and_exits_with_1() {
    let sandbox = synced();
    let before = state(&sandbox);
    for answer in ["n\n", "\n", "maybe\n", "\u{4}"] {
        let ran = run_at_terminal(sandbox.command(&["reset", "--tenant", TENANT, "--purge"]), answer);
        let ran = ran.expect_code(1);
        for word in [TENANT, "5 channels", "1 job", "280 archived messages", "nothing was changed"] {
            assert!(ran.stderr.contains(word), "{word} is not in {}", ran.stderr);
        }
        assert_eq!(ran.stdout, "");
        assert_eq!(state(&sandbox), before);
    }
}

#[test]
fn accepted_confirmation_resets() {
    let sandbox = synced();
    let ran = run_at_terminal(sandbox.command(&["reset", "--tenant", TENANT]), "y\n").expect_code(0);
    assert!(ran.stdout.contains("5 channels"), "{}", ran.stdout);
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_progress"), 0);
}

#[test]
fn confirmation_names_the_channel() {
    let sandbox = synced();
    let talk = channel(&sandbox, "talk").to_string();
    let reset = sandbox.command(&["reset", "--tenant", TENANT, "--channel", &talk]);
    let ran = run_at_terminal(reset, "n\n").expect_code(1);
    assert!(ran.stderr.contains("#talk") && ran.stderr.contains("4 channels"), "{}", ran.stderr);
}

#[test]
fn reset_without_a_terminal_requires_yes() {
    let sandbox = synced();
    let before = state(&sandbox);
    let ran = sandbox.run(&["reset", "--tenant", TENANT]).expect_code(2);
    assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    assert_eq!(state(&sandbox), before);
}

#[test]
fn reset_reads_everything_again_without_duplicates() {
    let sandbox = synced();
    let content = || {
        let counts = "(SELECT channel_id, message_id, emoji_id, burst, count FROM message_reaction_counts)";
        ["messages", "users", "channels", "message_attachments", "message_emoji_reactions", counts]
            .map(|table| sandbox.rows(&format!("SELECT * FROM {table} ORDER BY 1, 2, 3, 4, 5")))
    };
    let before = content();
    let success = sandbox.rows("SELECT last_success_at FROM tenants");
    sandbox.run(&["reset", "--tenant", TENANT, "--yes"]).expect_code(0);
    for table in ["sync_progress", "sync_jobs", "channel_sync_jobs"] {
        assert_eq!(sandbox.count(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
    assert_eq!(content(), before, "messages and channels stay");
    assert_eq!(sandbox.rows("SELECT last_success_at FROM tenants"), success);
    assert_eq!(sandbox.count("SELECT count(*) FROM audit_log WHERE action = 'reset'"), 1);
    sandbox.sim.journal().clear();
    let ran = sandbox.run(&["start", "--format", "json"]).expect_code(0);
    assert_eq!(ran.last_json()["jobs"][0]["messages_processed"], 280);
    assert_eq!(content(), before, "reading again changes no row");
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn channel_reset_includes_its_threads() {
    let sandbox = synced();
    let (talk, news) = (channel(&sandbox, "talk"), channel(&sandbox, "news"));
    sandbox.run(&["reset", "--tenant", TENANT, "--channel", &talk.to_string(), "--yes"]).expect_code(0);
    let left = "SELECT c.platform_id FROM sync_progress s JOIN channels c ON c.id = s.channel_id";
    assert_eq!(sandbox.rows(left), [format!("Integer({news})")]);
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_jobs"), 1, "other channels' jobs stay");
    sandbox.sim.journal().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert!(!sandbox.sim.journal().cursors(talk).is_empty());
    assert!(sandbox.sim.journal().cursors(news).is_empty(), "the other channel isn't read again");
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn purge_removes_messages_and_users_and_shrinks_the_file() {
    let mut description = Description::community(GUILD, 1, 3000);
    let channels = vec![ChannelDescription::text("elsewhere", 25)];
    description.guilds.push(GuildDescription {
        id: OTHER,
        name: "Other".into(),
        channels,
        ..Default::default()
    });
    let sandbox = Sandbox::new(World::new(&description));
    sandbox.run(&["start"]).expect_code(0);
    let size = || fs::metadata(sandbox.archive_path()).unwrap().len();
    let before = size();
    let ran = sandbox.run(&["reset", "--tenant", TENANT, "--purge", "--yes"]).expect_code(0);
    assert!(ran.stdout.contains("deleted 3,000 messages"), "{}", ran.stdout);
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 25);
    assert!(size() < before / 2, "{} bytes were {before}", size());
    let unreferenced = "SELECT count(*) FROM users u
                         WHERE NOT EXISTS (SELECT 1 FROM messages WHERE u.id IN (author_id, reply_to_author_id))
                           AND NOT EXISTS (SELECT 1 FROM message_emoji_reactions WHERE user_id = u.id)
                           AND NOT EXISTS (SELECT 1 FROM channels WHERE owner_id = u.id)";
    assert_eq!(sandbox.count(unreferenced), 0);
    let emoji = "SELECT count(*) FROM emoji
                  WHERE id NOT IN (SELECT emoji_id FROM message_reaction_counts
                                   UNION SELECT emoji_id FROM message_emoji_reactions)";
    assert_eq!(sandbox.count(emoji), 0);
    assert!(sandbox.count("SELECT count(*) FROM users") > 0, "the other tenant's users stay");
    assert_eq!(sandbox.count("SELECT count(*) FROM audit_log WHERE action = 'purge'"), 1);
    assert_eq!(
        sandbox.count("SELECT sum(message_count) FROM channels"),
        25,
        "the message counts are updated"
    );
    assert!(sandbox.rows("PRAGMA foreign_key_check").is_empty());
    assert_archived(sandbox.sim.world(), &sandbox.archive(), OTHER);
    sandbox.run(&["start"]).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn channel_purge_keeps_the_messages_of_other_channels() {
    let sandbox = synced();
    let talk = channel(&sandbox, "talk").to_string();
    let arguments = ["reset", "--tenant", TENANT, "--channel", &talk, "--purge", "--yes"];
    sandbox.run(&arguments).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 40);
    sandbox.run(&["start"]).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn reset_is_refused_while_a_sync_runs() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 3000)));
    let mut sync = sandbox.spawn_slow(&["start"]);
    let ran = sandbox.run(&["reset", "--tenant", TENANT, "--yes"]).expect_code(5);
    assert!(ran.stderr.contains(&format!("process {}", sync.id())), "{}", ran.stderr);
    let ran = run_at_terminal(sandbox.command(&["reset", "--tenant", TENANT]), "y\n").expect_code(5);
    assert!(
        !ran.stderr.contains("[y/N]"),
        "no confirmation is requested for a locked archive: {}",
        ran.stderr
    );
    sync.kill().unwrap();
    wait_for_exit(sync);
    sandbox.run(&["reset", "--tenant", TENANT, "--yes"]).expect_code(0);
}

#[test]
fn unknown_tenant_is_an_error_with_a_suggestion() {
    let sandbox = synced();
    let ran = sandbox.run(&["reset", "--tenant", "simulated comunity", "--yes"]).expect_code(2);
    assert!(ran.stderr.contains(&format!("did you mean {TENANT:?}?")), "{}", ran.stderr);
    let ran = sandbox.run(&["reset", "--tenant", "x", "--yes"]).expect_code(2);
    assert_eq!(ran.stderr.matches(TENANT).count(), 1, "known tenants are listed once: {}", ran.stderr);
}

#[test]
fn unknown_channel_is_an_error() {
    let sandbox = synced();
    let before = state(&sandbox);
    let ran = sandbox.run(&["reset", "--tenant", TENANT, "--channel", "12345", "--yes"]).expect_code(2);
    assert!(ran.stderr.contains("12345"), "{}", ran.stderr);
    assert_eq!(state(&sandbox), before);
}

#[test]
fn tenant_missing_from_the_configuration_can_be_reset() {
    let sandbox = synced();
    sandbox.write("sync.toml", &tenant_table(OTHER, "new"));
    sandbox.run(&["reset", "--tenant", TENANT, "--purge", "--yes"]).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 0);
}

#[test]
fn renamed_tenant_can_be_reset_by_either_name() {
    for name in ["renamed", TENANT] {
        let sandbox = synced();
        sandbox.write("sync.toml", &tenant_table(GUILD, "renamed"));
        sandbox.run(&["reset", "--tenant", name, "--yes"]).expect_code(0);
        assert_eq!(sandbox.count("SELECT count(*) FROM sync_progress"), 0);
    }
}

#[test]
fn reset_of_a_never_synced_tenant_does_nothing() {
    let sandbox = Sandbox::new(World::new(&description()));
    let ran = sandbox.run(&["reset", "--tenant", TENANT, "--yes"]).expect_code(0);
    assert!(ran.stdout.contains("nothing archived yet"), "{}", ran.stdout);
    assert_eq!(sandbox.listing(), ["sync.toml"]);
    assert_eq!(sandbox.sim.journal().count(RouteKind::Messages), 0);
}
