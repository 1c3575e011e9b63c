//! Channels that are closed, opened and deleted, also in the middle of a run.

use std::sync::Arc;
use std::time::Duration;

use crate::util::Sandbox;
use crate::util::truth::assert_archived;
use discord_sim::{BodyKind, Description, Match, RouteKind, What, World};
use tokio::task::JoinHandle;
use verta_sync::archive::{ArchiveFile, Lock, Writer};
use verta_sync::model::{OnRateLimit, ReactionMode, Timestamp, WorkspaceId};
use verta_sync::monitor::Silent;
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
fn a_closed_channel_keeps_its_rows_and_goes_on_where_it_was_when_it_is_opened() {
    let sandbox = sandbox(2, 120);
    let (world, chat) = (sandbox.sim.world(), chat(&sandbox));
    sandbox.run(&["start"]).expect_code(0);
    assert!(world.hide(chat));
    world.append(chat, 5);
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!((state(&sandbox, chat).as_str(), stored(&sandbox, chat)), ("hidden", 120));
    let audited = "SELECT count(*) FROM audit_log WHERE action = 'visibility_changed'";
    let changes = sandbox.count(audited);
    assert!(changes > 0);
    let told = sandbox.run(&["status"]).expect_code(0).stdout;
    assert!(told.contains("hidden"), "{told}");
    assert!(world.show(chat));
    sandbox.sim.journal().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(state(&sandbox, chat), "active");
    assert_eq!(sandbox.sim.journal().count(RouteKind::Messages), 1, "only what is missing is read");
    assert_archived(world, &sandbox.archive(), GUILD);
    assert!(world.delete_channel(chat));
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!((state(&sandbox, chat).as_str(), stored(&sandbox, chat)), ("deleted", 125));
    assert!(sandbox.count(audited) >= changes + 2);
}

#[test]
fn names_topics_and_places_follow() {
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
async fn a_channel_that_is_closed_in_a_long_run_is_left_alone_soon() {
    let sandbox = Arc::new(sandbox(2, 4000));
    let chat = chat(&sandbox);
    let long_run = under_way(&sandbox, chat).await;
    sandbox.sim.world().hide(chat);
    let written = sandbox.sim.world().append(chat, 1)[0];
    long_run.await.unwrap();
    let read = stored(&sandbox, chat);
    assert!((300..4000).contains(&read), "{read} messages were read");
    assert_eq!(state(&sandbox, chat), "hidden");
    let late = format!("SELECT count(*) FROM message_log WHERE message_id = '{written}'");
    assert_eq!(sandbox.count(&late), 0);
    let others = "SELECT count(*) FROM channel_log WHERE state = 'active' AND sync_status <> 'completed'";
    assert_eq!(sandbox.count(others), 0, "the others were read to their end");
    sandbox.sim.world().show(chat);
    assert_goes_on(sandbox).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_looked_at_any_more_is_read_no_further() {
    let sandbox = Arc::new(sandbox(2, 8000));
    let chat = chat(&sandbox);
    let long_run = under_way(&sandbox, chat).await;
    let out_of_order = What::Status(500, BodyKind::Empty);
    sandbox.sim.faults().when(Match::route(RouteKind::Guild).always(), out_of_order);
    long_run.await.unwrap();
    let read = stored(&sandbox, chat);
    assert!((100..8000).contains(&read), "{read} messages were read");
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_jobs WHERE status = 'partial'"), 1);
    sandbox.sim.faults().clear();
    assert_goes_on(sandbox).await;
}

/// A long run that has asked for some pages of a channel.
async fn under_way(sandbox: &Arc<Sandbox>, channel: u64) -> JoinHandle<()> {
    sandbox.sim.set_latency(Duration::from_millis(50), Duration::ZERO);
    let run = tokio::spawn(long_run(Arc::clone(sandbox)));
    let sandbox = Arc::clone(sandbox);
    let asked =
        move || sandbox.sim.journal().entries().iter().filter(|entry| entry.channel == Some(channel)).count();
    tokio::task::spawn_blocking(move || crate::util::wait_until("pages are read", || asked() > 4))
        .await
        .unwrap();
    run
}

/// The next run archives all.
async fn assert_goes_on(sandbox: Arc<Sandbox>) {
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    let archive_all = move || {
        sandbox.run(&["start"]).expect_code(0);
        assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    };
    tokio::task::spawn_blocking(archive_all).await.unwrap();
}

/// A run that looks again every quarter of a second instead of every few
/// minutes.
async fn long_run(sandbox: Arc<Sandbox>) {
    let settings = AdapterSettings {
        api_url: sandbox.sim.url(),
        gate: GateSettings { max_in_flight: 10, requests_per_second: 1000.0 },
        on_rate_limit: OnRateLimit::Wait,
        retry: RetryPolicy { max_retries: 3, base_delay: Duration::from_millis(10) },
        request_timeout: Duration::from_secs(10),
        now: Timestamp::from_millis(0),
    };
    let file = ArchiveFile { path: sandbox.archive_path(), mode: 0o600, platforms: PLATFORMS };
    let lock = Lock::take(&file, "start", None, Timestamp::from_millis(0)).unwrap();
    let (writer, thread) = Writer::start(file.open().unwrap(), PLATFORMS, &lock);
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
            visibility_holds: Duration::from_millis(400),
            reaction_budget: Duration::ZERO,
        },
        monitor: Arc::new(Silent),
        clock: Clock::starting_at(now, now),
        stop: StopSignal::default(),
    };
    let platform = TenantPlatform {
        adapter: Arc::new(Discord::new(&settings, &sandbox.sim.token()).unwrap()),
        content: ContentCheck::default(),
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
