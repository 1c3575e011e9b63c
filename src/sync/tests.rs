//! Runs against the in-memory platform.

mod last_stages;
mod panics;

use crate::anonymize::{HashScheme, Rules};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::{
    Clock, ContentCheck, Context, RunOutcome, Settings, StopSignal, TenantPlatform, TenantTask, run,
};
use crate::archive::{ArchiveFile, Lock, Reader, Writer};
use crate::model::{
    Channel, ChannelId, ChannelKind, IdTimes as _, Job, MessageId, ReactionMode, Timestamp, Visibility,
    Workspace, WorkspaceId,
};
use crate::monitor::Monitor;
use crate::plan::Selection;
use crate::platform::fake::{Fake, Recorder, message};
use crate::platform::registry::PLATFORMS;
use crate::platform::{PlatformAdapter, RetryPolicy};

/// A time in 2026.
const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const MESSAGES: u64 = 250;

/// Workspaces numbered from 1, an archive, and runs of all workspaces.
struct Scene {
    fake: Arc<Fake>,
    dir: TempDir,
    workspaces: u64,
    monitor: Arc<Recorder>,
}

impl Scene {
    /// Creates workspaces with `channels` text channels of [`MESSAGES`] messages each.
    fn new(workspaces: u64, channels: u64) -> Self {
        let fake = Fake::new();
        for number in 1..=workspaces {
            let id = WorkspaceId::new(number).unwrap();
            fake.add_workspace(Workspace { id, name: format!("workspace {number}") });
            for index in 1..=channels {
                let channel = Self::channel(number, index);
                fake.add_channel(id, text_channel(channel));
                add_messages(&fake, channel);
            }
        }
        Self { fake: Arc::new(fake), dir: TempDir::new().unwrap(), workspaces, monitor: Arc::default() }
    }

    fn channel(workspace: u64, index: u64) -> ChannelId {
        ChannelId::new(workspace * 100 + index).unwrap()
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("archive.db")
    }

    /// Runs all workspaces at [`NOW`]. Returns the outcome and the run's jobs.
    async fn run(&self, run_id: &str) -> (RunOutcome, Vec<Job>) {
        self.run_at(
            NOW,
            run_id,
            &Selection::default(),
            &(Arc::clone(&self.monitor) as _),
            &StopSignal::default(),
        )
        .await
    }

    /// Runs all workspaces at `now`, until `stop` stops the run.
    async fn run_at(
        &self,
        now: Timestamp,
        run_id: &str,
        selection: &Selection,
        monitor: &Arc<dyn Monitor>,
        stop: &StopSignal,
    ) -> (RunOutcome, Vec<Job>) {
        let file = ArchiveFile {
            path: self.path(),
            mode: 0o600,
            rules: Rules::plain(PLATFORMS),
            busy_timeout: crate::archive::BUSY_TIMEOUT,
        };
        let lock = Lock::take(&file, "start", Some(run_id), now).unwrap();
        let (writer, thread) = Writer::start(file.open().unwrap(), Rules::plain(PLATFORMS), &lock);
        let context = Context {
            writer,
            archive: self.path(),
            settings: Settings {
                max_channel_workers: 4,
                channel_batch_size: 5,
                page_size: 100,
                retry: RetryPolicy::NONE,
                job_retention: Duration::from_hours(1),
                visibility_interval: Duration::from_hours(1),
                visibility_grace_period: Duration::from_hours(2),
                reaction_budget: Duration::from_mins(1),
                server_search: true,
            },
            monitor: Arc::clone(monitor),
            clock: Clock::starting_at(now, now),
            stop: stop.clone(),
        };
        let platform = Arc::new(TenantPlatform {
            adapter: Arc::clone(&self.fake) as Arc<dyn PlatformAdapter>,
            content: ContentCheck::default(),
            scheme: HashScheme::Plain,
            requests_per_second: 50.0,
        });
        let tenants = (1..=self.workspaces).map(|number| tenant(number, &platform, selection)).collect();
        let outcome = run(Arc::new(context), run_id, tenants).await.unwrap();
        thread.join().unwrap();
        (outcome, Reader::open(&self.path()).unwrap().jobs_of_run(run_id).unwrap())
    }
}

fn tenant(number: u64, platform: &Arc<TenantPlatform>, selection: &Selection) -> TenantTask {
    TenantTask {
        name: format!("tenant {number}"),
        platform: Arc::clone(platform),
        workspace: WorkspaceId::new(number).unwrap(),
        selection: selection.clone(),
        reactions: ReactionMode::Off,
    }
}

fn text_channel(id: ChannelId) -> Channel {
    Channel {
        visibility: Visibility { everyone_sees: true, everyone_reads_history: true, ..Visibility::default() },
        ..Channel::new(id, ChannelKind::Text, format!("channel {}", id.get()), Timestamp::from_millis(0))
    }
}

fn add_messages(fake: &Fake, channel: ChannelId) {
    let first = fake.id_before(NOW.earlier(Duration::from_hours(48))).unwrap().get();
    for number in 0..MESSAGES {
        fake.add_message(channel, message(MessageId::new(first + (number << 22)).unwrap()));
    }
}

/// Holds the archive's write lock for `time`, as another program would, once every tenant
/// has its job.
fn hold_write_lock(path: PathBuf, tenants: u64, time: Duration) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        let jobs = || connection.query_row("SELECT count(*) FROM sync_jobs", [], |row| row.get::<_, u64>(0));
        while jobs().is_ok_and(|jobs| jobs < tenants) {
            std::thread::sleep(Duration::from_millis(1));
        }
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        std::thread::sleep(time);
        connection.execute_batch("COMMIT").unwrap();
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tenants_continue_after_the_archive_was_locked() {
    const TENANTS: u64 = 150;
    let scene = Scene::new(TENANTS, 2);
    let file = ArchiveFile {
        path: scene.path(),
        mode: 0o600,
        rules: Rules::plain(PLATFORMS),
        busy_timeout: crate::archive::BUSY_TIMEOUT,
    };
    drop(file.open().unwrap());
    let held = hold_write_lock(scene.path(), TENANTS, Duration::from_secs(3));
    let run = tokio::time::timeout(Duration::from_mins(1), scene.run("run")).await;
    let (outcome, _) = run.expect("tasks must not deadlock");
    held.join().unwrap();
    assert_eq!(outcome.tenants.len(), 150);
    assert!(outcome.tenants.iter().all(|tenant| tenant.status == crate::model::JobStatus::Completed));
}
