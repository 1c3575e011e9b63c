//! Failures and changes during a run, or between two runs, lose no data.

use std::fs;
use std::time::Duration;

use crate::util::truth::assert_archived;
use crate::util::{Sandbox, wait_for_exit, wait_until};
use discord_sim::{
    BodyKind, ChannelDescription, ChannelKind, Description, FaultKind, Match, RouteKind, ThreadPlan,
    Visibility, World,
};

const GUILD: u64 = 77_000_000_000_000_001;
const READ_MESSAGE_HISTORY: u64 = 1 << 16;

fn community(channels: u32, messages: u64) -> Sandbox {
    Sandbox::new(World::new(&Description::community(GUILD, channels, messages)))
}

/// A forum of archived threads, and a text channel.
fn forum(threads: u32) -> Sandbox {
    let plan = ThreadPlan { archived: threads, messages: 2, ..Default::default() };
    let forum = ChannelDescription { threads: plan, ..ChannelDescription::new(ChannelKind::Forum, "forum") };
    let channels = vec![forum, ChannelDescription::text("chat-0", 50)];
    Sandbox::new(World::new(&Description::of_channels(GUILD, channels)))
}

fn channel(sandbox: &Sandbox, name: &str) -> u64 {
    sandbox.sim.world().channel_named(GUILD, name).unwrap()
}

/// Without this lock, another program that closes the archive takes its connection for
/// the last one and deletes the WAL that the sync still uses.
#[test]
fn sync_holds_its_lock_on_the_archive_while_it_runs() {
    use std::os::unix::fs::MetadataExt as _;
    let sandbox = community(1, 5000);
    sandbox.sim.set_latency(Duration::from_millis(50), Duration::ZERO);
    let mut child = sandbox.spawn(&["start"]);
    wait_until("a page is committed", || {
        sandbox.archive_path().exists() && sandbox.sim.journal().count(RouteKind::Messages) > 3
    });
    let inode = fs::metadata(sandbox.archive_path()).unwrap().ino();
    let locks = fs::read_to_string("/proc/locks").unwrap();
    let (process, file) = (format!(" {} ", child.id()), format!(":{inode} "));
    let is_held = locks.lines().any(|line| line.contains(&process) && line.contains(&file));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(is_held, "{locks}");
}

#[test]
fn permission_lost_during_a_run_skips_no_history() {
    let sandbox = community(1, 3000);
    let chat = channel(&sandbox, "chat-0");
    let child = sandbox.spawn_slow(&["start"]);
    sandbox.sim.world().set_bot_permissions(chat, 0, READ_MESSAGE_HISTORY);
    wait_for_exit(child).expect_code(3);
    sandbox.sim.world().set_bot_permissions(chat, 0, 0);
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    sandbox.run(&["start"]).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn hidden_parent_costs_one_request_instead_of_one_per_thread() {
    let sandbox = forum(120);
    sandbox.run(&["start"]).expect_code(0);
    let world = sandbox.sim.world();
    world.set_visibility(channel(&sandbox, "forum"), Visibility::BotHidden);
    world.append(channel(&sandbox, "chat-0"), 5);
    sandbox.sim.journal().clear();
    let stdout = sandbox.run(&["start"]).expect_code(3).stdout;
    assert!(stdout.contains("no longer listed"), "{stdout}");
    assert_eq!(sandbox.count("SELECT message_count FROM channels WHERE name = 'chat-0'"), 55);
    assert_eq!(sandbox.sim.journal().count(RouteKind::Channel), 1);
    assert_eq!(sandbox.count("SELECT count(*) FROM channels WHERE state = 'unreadable'"), 121);
}

#[test]
fn repeatedly_stopped_refresh_makes_progress() {
    let sandbox = community(1, 10);
    sandbox.run(&["start"]).expect_code(0);
    sandbox.sim.world().append(channel(&sandbox, "chat-0"), 6000);
    sandbox.sim.set_latency(Duration::from_millis(60), Duration::ZERO);
    let mut archived = Vec::new();
    // Each run has twice the time of the one before, in case the machine is busy.
    for runtime in ["1s", "2s", "4s"] {
        sandbox.run(&["start", "--max-runtime", runtime]).expect_code(3);
        archived.push(sandbox.count("SELECT count(*) FROM messages"));
    }
    assert!(archived[2] > archived[1] && archived[1] > archived[0], "{archived:?}");
}

#[test]
fn fatal_error_leaves_no_job_running() {
    let sandbox = Sandbox::with_config(
        World::new(&Description::community(GUILD, 5, 250)),
        "[sync]\nmax_channel_workers = 1\n",
    );
    let revoked = FaultKind::Status(401, BodyKind::Json(0));
    sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(4).always(), revoked);
    sandbox.run(&["start"]).expect_code(4);
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_jobs WHERE status = 'running'"), 0);
}

#[test]
fn archived_threads_are_listed_completely_once_a_day() {
    let sandbox = forum(250);
    sandbox.run(&["start"]).expect_code(0);
    let mut pages = Vec::new();
    for _ in 0..3 {
        // As if 23 hours had passed.
        let age_listing = "UPDATE sync_progress SET threads_listed_at = threads_listed_at - 82800000";
        sandbox.archive().execute(age_listing, []).unwrap();
        sandbox.sim.journal().clear();
        sandbox.run(&["start"]).expect_code(0);
        pages.push(sandbox.sim.journal().count(RouteKind::ArchivedPublicThreads));
    }
    // Three pages of the forum and one of the text channel, after 46 hours.
    assert_eq!(pages, [1, 4, 1]);
}

#[test]
fn channel_that_is_public_again_gets_its_threads_back() {
    let sandbox = forum(250);
    sandbox.run(&["start"]).expect_code(0);
    let forum = channel(&sandbox, "forum");
    sandbox.sim.world().hide(forum);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM channels WHERE state = 'hidden'"), 251);
    sandbox.sim.world().show(forum);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM channels WHERE state = 'hidden'"), 0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn id_of_a_user_seen_later_is_scrubbed_everywhere() {
    let sandbox = community(1, 0);
    let world = sandbox.sim.world();
    let chat = channel(&sandbox, "chat-0");
    let user = world.user_id(GUILD, 150).unwrap();
    world.append_text(chat, 0, &format!("{{\"user_id\":\"{user}\"}}"));
    let look = world.append_text(chat, 0, "look").unwrap();
    world.react(chat, look, 1, &format!("u_{user}:880000000000000001"), false);
    sandbox.run(&["start"]).expect_code(0);
    world.append_text(chat, 150, "hello");
    // As if the first messages were outside the refresh window.
    let move_window = "UPDATE sync_progress SET refreshed_at = refreshed_at + 100000000";
    sandbox.archive().execute(move_window, []).unwrap();
    sandbox.run(&["start"]).expect_code(0);
    let archive = fs::read(sandbox.archive_path()).unwrap();
    assert_eq!(memchr::memmem::find(&archive, user.to_string().as_bytes()), None);
}

#[test]
fn purge_keeps_users_that_other_texts_mention() {
    let sandbox = community(2, 0);
    let world = sandbox.sim.world();
    let user = world.user_id(GUILD, 150).unwrap();
    world.append_text(channel(&sandbox, "chat-0"), 150, "hello");
    world.append_text(channel(&sandbox, "chat-1"), 0, &format!("I know <@{user}>, that is {user}"));
    sandbox.run(&["start"]).expect_code(0);
    let purged = channel(&sandbox, "chat-0").to_string();
    sandbox
        .run(&["reset", "--tenant", &world.guilds()[0].1, "--channel", &purged, "--purge", "--yes"])
        .expect_code(0);
    sandbox.run(&["start", "--full"]).expect_code(0);
    let archive = fs::read(sandbox.archive_path()).unwrap();
    assert_eq!(memchr::memmem::find(&archive, user.to_string().as_bytes()), None);
}

#[test]
fn excluded_channel_is_not_stored_when_another_is_selected() {
    let sandbox = community(2, 10);
    let config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    sandbox.write("sync.toml", &format!("{config}exclude_channels = [\"chat-1\"]\n"));
    let chat = channel(&sandbox, "chat-0").to_string();
    sandbox.run(&["start", "--channel", &chat]).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM channels WHERE name = 'chat-1'"), 0);
}
