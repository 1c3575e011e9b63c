//! Channels that are hidden, shown again or deleted, between runs and during a run.

use std::sync::Arc;
use std::time::Duration;
use verta_sync::anonymize::{HashScheme, Rules};

use crate::util::Sandbox;
use crate::util::truth::assert_archived;
use discord_sim::{BodyKind, Description, FaultKind, Match, RouteKind, World};
use tokio::task::JoinHandle;
use verta_sync::archive::{ArchiveFile, Lock, Writer};
use verta_sync::model::{RateLimitPolicy, ReactionMode, Timestamp, WorkspaceId};
use verta_sync::monitor::NoMonitor;
use verta_sync::plan::Selection;
use verta_sync::platform::discord::Discord;
use verta_sync::platform::registry::PLATFORMS;
use verta_sync::platform::{AdapterSettings, GateSettings, RetryPolicy};
use verta_sync::sync::{Clock, ContentCheck, Context, Settings, StopSignal, TenantPlatform, TenantTask, run};

const GUILD: u64 = 77_000_000_000_000_001;
const HOUR: Duration = Duration::from_hours(1);

fn sandbox(channels: u32, messages: u64) -> Sandbox {
    Sandbox::new(World::new(&Description::community(GUILD, channels, messages)))
}

fn chat(sandbox: &Sandbox) -> u64 {
    let truth = sandbox.sim.world().truth(GUILD);
    truth.iter().find(|channel| channel.message_count > 0 && !channel.is_thread).unwrap().id
}

fn state(sandbox: &Sandbox, channel: u64) -> String {
    let archive = sandbox.archive();
    let sql = "SELECT state FROM channel_log WHERE channel_id = ?1";
    archive.query_row(sql, [channel.to_string()], |row| row.get(0)).unwrap()
}

fn stored(sandbox: &Sandbox, channel: u64) -> i64 {
    sandbox.count(&format!("SELECT count(*) FROM message_log WHERE channel_id = '{channel}'"))
}

#[test]
fn hidden_channel_keeps_its_rows_and_resumes_when_shown_again() {
    let sandbox = sandbox(2, 120);
    let (world, chat) = (sandbox.sim.world(), chat(&sandbox));
    sandbox.run(&["start"]).expect_code(0);
    assert!(world.hide(chat));
    world.append(chat, 5);
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!((state(&sandbox, chat).as_str(), stored(&sandbox, chat)), ("hidden", 120));
    let audit_entries = "SELECT count(*) FROM audit_log WHERE action = 'visibility_changed'";
    let changes = sandbox.count(audit_entries);
    assert!(changes > 0);
    let status = sandbox.run(&["status"]).expect_code(0).stdout;
    assert!(status.contains("hidden"), "{status}");
    assert!(world.show(chat));
    sandbox.sim.journal().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(state(&sandbox, chat), "active");
    assert_eq!(sandbox.sim.journal().count(RouteKind::Messages), 1, "only the unread messages are requested");
    assert_archived(world, &sandbox.archive(), GUILD);
    assert!(world.delete_channel(chat));
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!((state(&sandbox, chat).as_str(), stored(&sandbox, chat)), ("deleted", 125));
    assert!(sandbox.count(audit_entries) >= changes + 2);
}

#[test]
fn renames_and_topic_changes_are_archived() {
    let sandbox = sandbox(2, 20);
    let (world, chat) = (sandbox.sim.world(), chat(&sandbox));
    sandbox.run(&["start"]).expect_code(0);
    world.rename(chat, "another-name");
    world.set_topic(chat, Some("another topic"));
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    let topic = "SELECT count(*) FROM channels WHERE topic = 'another topic' AND name = 'another-name'";
    assert_eq!(sandbox.count(topic), 1);
    assert_archived(world, &sandbox.archive(), GUILD);
}

#[tokio::test(flavor = "multi_thread")]
async fn channel_hidden_during_a_run_is_read_no_further() {
    let sandbox = Arc::new(sandbox(2, 4000));
    let chat = chat(&sandbox);
    let long_run = start_long_run(&sandbox, chat).await;
    sandbox.sim.world().hide(chat);
    let sent_later = sandbox.sim.world().append(chat, 1)[0];
    long_run.await.unwrap();
    let read = stored(&sandbox, chat);
    assert!((300..4000).contains(&read), "{read} messages were read");
    assert_eq!(state(&sandbox, chat), "hidden");
    let count_later = format!("SELECT count(*) FROM message_log WHERE message_id = '{sent_later}'");
    assert_eq!(sandbox.count(&count_later), 0);
    let others = "SELECT count(*) FROM channel_log WHERE state = 'active' AND sync_status <> 'completed'";
    assert_eq!(sandbox.count(others), 0, "the other channels were read to their end");
    sandbox.sim.world().show(chat);
    assert_next_run_completes(sandbox).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tenant_is_abandoned_when_the_visibility_recheck_keeps_failing() {
    let sandbox = Arc::new(sandbox(2, 8000));
    let chat = chat(&sandbox);
    let long_run = start_long_run(&sandbox, chat).await;
    let server_error = FaultKind::Status(500, BodyKind::Empty);
    sandbox.sim.faults().when(Match::route(RouteKind::Guild).always(), server_error);
    long_run.await.unwrap();
    let read = stored(&sandbox, chat);
    assert!((100..8000).contains(&read), "{read} messages were read");
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_jobs WHERE status = 'partial'"), 1);
    sandbox.sim.faults().clear();
    assert_next_run_completes(sandbox).await;
}

/// Starts a long run and waits until it has requested some pages of a channel.
async fn start_long_run(sandbox: &Arc<Sandbox>, channel: u64) -> JoinHandle<()> {
    sandbox.sim.set_latency(Duration::from_millis(50), Duration::ZERO);
    let run = tokio::spawn(long_run(Arc::clone(sandbox)));
    let sandbox = Arc::clone(sandbox);
    let requests =
        move || sandbox.sim.journal().entries().iter().filter(|entry| entry.channel == Some(channel)).count();
    tokio::task::spawn_blocking(move || crate::util::wait_until("pages are read", || requests() > 4))
        .await
        .unwrap();
    run
}

/// Asserts that the next run archives everything.
async fn assert_next_run_completes(sandbox: Arc<Sandbox>) {
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    let archive_all = move || {
        sandbox.run(&["start"]).expect_code(0);
        assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    };
    tokio::task::spawn_blocking(archive_all).await.unwrap();
}

/// Runs a sync that re-checks visibility every 250 ms instead of every few minutes.
async fn long_run(sandbox: Arc<Sandbox>) {
    let settings = AdapterSettings {
        api_url: sandbox.sim.url(),
        gate: GateSettings { max_in_flight: 10, requests_per_second: 1000.0 },
        on_rate_limit: RateLimitPolicy::Wait,
        retry: RetryPolicy { max_retries: 3, base_delay: Duration::from_millis(10) },
        request_timeout: Duration::from_secs(10),
        now: Timestamp::from_millis(0),
    };
    let file = ArchiveFile {
        path: sandbox.archive_path(),
        mode: 0o600,
        rules: Rules::plain(PLATFORMS),
        busy_timeout: verta_sync::archive::BUSY_TIMEOUT,
    };
    let lock = Lock::take(&file, "start", None, Timestamp::from_millis(0)).unwrap();
    let (writer, thread) = Writer::start(file.open().unwrap(), Rules::plain(PLATFORMS), &lock);
    let now = Timestamp::from_millis(sandbox.sim.world().now_ms());
    let context = Context {
        writer,
        archive: sandbox.archive_path(),
        settings: Settings {
            max_channel_workers: 10,
            channel_batch_size: 5,
            page_size: 100,
            retry: RetryPolicy { max_retries: 3, base_delay: Duration::from_millis(10) },
            job_retention: HOUR,
            visibility_interval: Duration::from_millis(250),
            visibility_grace_period: Duration::from_millis(400),
            reaction_budget: Duration::ZERO,
            server_search: true,
        },
        monitor: Arc::new(NoMonitor),
        clock: Clock::starting_at(now, now),
        stop: StopSignal::default(),
    };
    let platform = TenantPlatform {
        adapter: Arc::new(Discord::new(&settings, &sandbox.sim.token()).unwrap()),
        content: ContentCheck::default(),
        scheme: HashScheme::Plain,
        requests_per_second: 50.0,
    };
    let tenant = TenantTask {
        name: "t".to_owned(),
        platform: Arc::new(platform),
        workspace: WorkspaceId::new(GUILD).unwrap(),
        selection: Selection { refresh_window: HOUR, ..Selection::default() },
        reactions: ReactionMode::Counts,
    };
    run(Arc::new(context), "20260101-000000-0000", vec![tenant]).await.unwrap();
    tokio::task::spawn_blocking(move || thread.join()).await.unwrap().unwrap();
}
