//! `verta-sync check`: a mark for every step, and a remedy for every failure.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;

use crate::util::Sandbox;
use discord_sim::{Description, World};

const GUILD: u64 = 77_000_000_000_000_001;
const READ_MESSAGE_HISTORY: u64 = 1 << 16;

fn sandbox() -> Sandbox {
    Sandbox::new(World::new(&Description::community(GUILD, 2, 30)))
}

#[track_caller]
fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in\n{text}");
    }
}

#[test]
fn healthy_setup_passes_every_step() {
    let sandbox = sandbox();
    let before = sandbox.run(&["check"]).expect_code(0);
    assert_says(
        &before.stdout,
        &[
            "✓ configuration",
            "will be created by the first sync",
            "✓ disk",
            "✓ lock: free",
            "✓ token: found in the environment variable DISCORD_BOT_TOKEN",
            "✓ bot",
            "✓ intent",
            "✓ clock",
            "2 channels readable",
        ],
    );
    assert!(!before.stdout.contains('✗') && !before.stdout.contains('!'), "{}", before.stdout);
    assert_eq!(sandbox.listing(), ["sync.toml"], "check creates no file");
    sandbox.assert_no_secrets(&before);
    sandbox.run(&["start"]).expect_code(0);
    assert_says(&sandbox.run(&["check"]).expect_code(0).stdout, &["archive.db, schema 7, no damage found"]);
}

#[test]
fn missing_permission_is_named_with_an_invite_link() {
    let sandbox = sandbox();
    let world = sandbox.sim.world();
    let chat = world.truth(GUILD).iter().find(|channel| channel.message_count > 0).unwrap().id;
    world.set_bot_permissions(chat, 0, READ_MESSAGE_HISTORY);
    let ran = sandbox.run(&["check"]).expect_code(0);
    assert_says(
        &ran.stdout,
        &[
            "! ",
            "Read Message History",
            &chat.to_string(),
            // The ID is redacted: the application's is also the bot's, as for most bots.
            "oauth2/authorize?client_id=APPLICATION_ID&",
            "permissions=1115136",
            "discord.com/developers/applications",
        ],
    );
    sandbox.assert_no_secrets(&ran);
    world.remove_bot(GUILD);
    let ran = sandbox.run(&["check"]).expect_code(4);
    assert_says(&ran.stdout, &["✗ ", "invite the bot", "oauth2/authorize"]);
    sandbox.assert_no_secrets(&ran);
}

#[test]
fn each_failure_exits_with_its_code() {
    let sandbox = sandbox();
    let world = sandbox.sim.world();
    world.set_message_content(false);
    assert_says(&sandbox.run(&["check"]).expect_code(4).stdout, &["✗ intent", "Message Content Intent"]);
    world.set_message_content(true);
    world.revoke_token();
    let ran = sandbox.run(&["check"]).expect_code(4);
    assert_says(&ran.stdout, &["✗ bot", "rejected the token"]);
    sandbox.assert_no_secrets(&ran);
    let mut without_token = sandbox.command(&["check"]);
    without_token.env_remove("DISCORD_BOT_TOKEN");
    let ran = crate::util::CommandOutput::from(without_token.output().unwrap()).expect_code(4);
    assert_says(&ran.stdout, &["✗ token", "DISCORD_BOT_TOKEN is not set", "✓ archive"]);
    sandbox.write("archive.db", "no database");
    assert_says(&sandbox.run(&["check"]).expect_code(6).stdout, &["✗ archive", "not a SQLite database"]);
    sandbox.run(&["check", "--tenant", "nobody"]).expect_code(2);
}

/// Runs the binary as a user who may only read the archive; `None` if it can't be run as
/// that user.
fn run_as_reader(sandbox: &Sandbox, arguments: &[&str]) -> Option<crate::util::CommandOutput> {
    let mut command = sandbox.command(arguments);
    if rustix::process::getuid().is_root() {
        command.uid(65534).gid(65534);
    }
    command.output().ok().map(crate::util::CommandOutput::from)
}

#[test]
fn read_only_files_are_reported() {
    let sandbox = sandbox();
    sandbox.run(&["start"]).expect_code(0);
    let set = |name: &str, mode| {
        set_permissions(sandbox.dir.path().join(name), Permissions::from_mode(mode)).unwrap();
    };
    for name in sandbox.listing() {
        set(&name, 0o444);
    }
    set("", 0o555);
    let runs = [&["check"][..], &["start"], &["status"]].map(|command| run_as_reader(&sandbox, command));
    set("", 0o755);
    let [Some(check), Some(start), Some(status)] = runs else { return };
    let archive = sandbox.archive_path().display().to_string();
    let checked = check.expect_code(6).stdout;
    assert_says(&checked, &["✗ archive: ", "✗ lock: ", "run as the archive's owner (user ID "]);
    assert_says(
        &checked,
        &[&format!("{archive} is not writable"), &format!("{archive}.lock is not writable")],
    );
    assert_says(&start.expect_code(6).stderr, &["run as the archive's owner"]);
    status.expect_code(0);
    set("archive.db", 0o600);
    if rustix::process::getuid().is_root() {
        let stderr = run_as_reader(&sandbox, &["status"]).unwrap().expect_code(6).stderr;
        assert_says(&stderr, &["run as its owner (user ID 0; its mode is 0600)", "\"File permissions\""]);
    }
}

#[test]
fn running_sync_is_not_a_failure() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 3000)));
    let run = sandbox.spawn_slow(&["start"]);
    let ran = sandbox.run(&["check"]).expect_code(0);
    assert_says(&ran.stdout, &[&format!("held by process {}", run.id()), "verta-sync status"]);
    sandbox.sim.set_latency(std::time::Duration::ZERO, std::time::Duration::ZERO);
    crate::util::wait_for_exit(run).expect_code(0);
}

#[test]
fn raw_id_in_the_archive_is_found_but_not_printed() {
    let sandbox = Sandbox::new(World::new(&Description::everything(3)));
    sandbox.run(&["start"]);
    let clean = sandbox.run(&["check", "--privacy"]).expect_code(0);
    assert_says(&clean.stdout, &["✓ privacy", "texts"]);
    let world = sandbox.sim.world();
    let guild = world.guilds()[0].0;
    let author = "SELECT anonymized_id FROM users WHERE id = (SELECT author_id FROM messages WHERE author_id IS NOT NULL LIMIT 1)";
    let author_hash: String = sandbox.archive().query_row(author, [], |row| row.get(0)).unwrap();
    let id =
        world.users(guild).iter().map(|user| user.id).find(|id| crate::util::truth::hash(*id) == author_hash);
    let id = id.unwrap();
    let first_message = "(SELECT channel_id, platform_id FROM messages LIMIT 1)";
    for (text, kind) in [
        (format!("<@{id}>"), "mention"),
        ("<@!900000000000000001>".to_owned(), "mention"),
        (format!("see https://cdn.discordapp.com/avatars/{id}/a.png"), "profile URL"),
        (format!("ask {id}"), "disguised digits"),
    ] {
        let plant =
            format!("UPDATE messages SET content = ?1 WHERE (channel_id, platform_id) = {first_message}");
        sandbox.archive().execute(&plant, [&text]).unwrap();
        let ran = sandbox.run(&["check", "--privacy"]).expect_code(1);
        assert_says(&ran.stdout, &["✗ messages.content, message ", kind, "in 1 of"]);
        assert!(!ran.stdout.contains(&id.to_string()), "{}", ran.stdout);
    }
}

#[test]
fn archive_with_another_anonymization_is_refused_by_every_command() {
    let sandbox = sandbox();
    sandbox.run(&["start"]).expect_code(0);
    let other = "UPDATE archive_info SET value = 'argon2' WHERE key = 'anonymization'";
    sandbox.archive().execute(other, []).unwrap();
    let before = sandbox.rows("SELECT * FROM messages");
    let tenant = sandbox.sim.world().guilds()[0].1.clone();
    for command in [
        vec!["start"],
        vec!["start", "--wait=1s"],
        vec!["plan"],
        vec!["status"],
        vec!["check"],
        vec!["check", "--privacy"],
        vec!["reset", "--tenant", &tenant, "--purge", "--yes"],
        vec!["forget", "--user", "80351110224678912", "--yes"],
    ] {
        let ran = sandbox.run(&command).expect_code(2);
        assert_says(&format!("{}{}", ran.stdout, ran.stderr), &["\"argon2\"", "\"sha256\""]);
    }
    assert_eq!(sandbox.rows("SELECT * FROM messages"), before);
}

#[test]
fn raw_id_of_an_erased_user_is_found() {
    let sandbox = sandbox();
    sandbox.run(&["start"]).expect_code(0);
    let id = "80351110224678912";
    sandbox.run(&["forget", "--user", id, "--yes"]).expect_code(0);
    sandbox.run(&["check", "--privacy"]).expect_code(0);
    let plant = "UPDATE messages SET content = ?1 WHERE (channel_id, platform_id) = (SELECT channel_id, platform_id FROM messages LIMIT 1)";
    sandbox.archive().execute(plant, [format!("ask {id}")]).unwrap();
    assert_says(
        &sandbox.run(&["check", "--privacy"]).expect_code(1).stdout,
        &["disguised digits", "in 1 of"],
    );
}
