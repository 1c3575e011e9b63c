//! Stages that follow the reading of channels, when the run stops or the server fails
//! right before them.

use std::sync::Arc;
use std::time::Duration;

use super::{NOW, Scene, text_channel};
use crate::model::{
    Cause, Channel, ChannelId, ChannelKind, Counter, IdTimes as _, Job, JobStatus, Message, MessageId,
    Timestamp, WorkspaceId,
};
use crate::monitor::{Event, Monitor};
use crate::plan::Selection;
use crate::platform::fake::{CallTarget, Fake, message};
use crate::platform::{ErrorKind, PlatformError};
use crate::sync::{StopReason, StopSignal};

/// Does something after each channel was read.
struct AfterChannel<F>(F);

impl<F: Fn() + Send + Sync> Monitor for AfterChannel<F> {
    fn count(&self, _counter: Counter, _amount: u64) {}

    fn event(&self, event: Event) {
        if matches!(event, Event::ChannelFinished { .. }) {
            self.0();
        }
    }
}

/// A scene with one channel.
struct Server {
    scene: Scene,
    selection: Selection,
}

impl Server {
    fn new() -> Self {
        Self { scene: Scene::new(1, 1), selection: Selection { full: true, ..Selection::default() } }
    }

    /// Runs at a later time for each `number`, and does something once the channel was
    /// read.
    async fn run(
        &self,
        number: u64,
        stop: &StopSignal,
        after_channel: impl Fn() + Send + Sync + 'static,
    ) -> Job {
        let (now, monitor) = (NOW.later(Duration::from_mins(number)), Arc::new(AfterChannel(after_channel)));
        let run_id = number.to_string();
        let (_, mut jobs) = self.scene.run_at(now, &run_id, &self.selection, &(monitor as _), stop).await;
        jobs.remove(0)
    }

    async fn run_undisturbed(&self, number: u64) -> Job {
        self.run(number, &StopSignal::default(), || {}).await
    }

    async fn run_stopped_after_channel(&self, number: u64) -> Job {
        let stop = StopSignal::default();
        let sent = stop.clone();
        self.run(number, &stop, move || sent.send(StopReason::OutOfTime)).await
    }

    fn delete_a_message(&self) {
        let first = self.scene.fake.id_before(NOW.earlier(Duration::from_hours(48))).unwrap().get();
        self.scene.fake.remove_message(Scene::channel(1, 1), MessageId::new(first + (7 << 22)).unwrap());
    }

    fn count(&self, sql: &str) -> i64 {
        let archive = rusqlite::Connection::open(self.scene.path()).unwrap();
        archive.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn deleted_messages(&self) -> i64 {
        self.count("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL")
    }

    fn last_success(&self) -> i64 {
        self.count("SELECT last_success_at FROM tenants")
    }
}

#[track_caller]
fn assert_partial(job: &Job, cause: Cause) {
    let causes: Vec<Cause> = job.errors.iter().map(|error| error.cause).collect();
    assert_eq!((job.status, &causes[..]), (JobStatus::Partial, &[cause][..]), "{:?}", job.errors);
}

#[tokio::test]
async fn a_run_that_stops_before_it_confirms_a_deletion_is_partial() {
    let server = Server::new();
    server.run_undisturbed(0).await;
    let success = server.last_success();
    server.delete_a_message();
    assert_partial(&server.run_stopped_after_channel(1).await, Cause::RunTimeLimit);
    assert_eq!((server.deleted_messages(), server.last_success()), (0, success));
    let full = "SELECT count(*) FROM tenants WHERE full_job_id IS NULL";
    assert_eq!(server.count(full), 1, "every channel was read: there is nothing to resume");
    assert_eq!(server.run_undisturbed(2).await.status, JobStatus::Completed);
    assert_eq!(server.deleted_messages(), 1);
    // Nothing is left to be confirmed.
    assert_eq!(server.run_stopped_after_channel(3).await.status, JobStatus::Completed);
}

#[tokio::test]
async fn a_run_that_fails_to_confirm_a_deletion_is_partial() {
    let server = Server::new();
    server.run_undisturbed(0).await;
    server.delete_a_message();
    let fake = Arc::clone(&server.scene.fake);
    let fail = move || fake.fail_next(workspace(), PlatformError::new(ErrorKind::Server, "server 1", "503"));
    assert_partial(&server.run(1, &StopSignal::default(), fail).await, Cause::Server);
    assert_eq!(server.deleted_messages(), 0);
    assert_eq!(server.run_undisturbed(2).await.status, JobStatus::Completed);
    assert_eq!(server.deleted_messages(), 1);
}

#[tokio::test]
async fn candidates_of_a_closed_channel_leave_a_run_complete() {
    let server = Server::new();
    server.run_undisturbed(0).await;
    server.delete_a_message();
    let (fake, closed) = (Arc::clone(&server.scene.fake), Scene::channel(1, 1));
    let close = move || fake.change_channel(closed, |channel| channel.visibility.everyone_sees = false);
    assert_eq!(server.run(1, &StopSignal::default(), close).await.status, JobStatus::Completed);
    assert_eq!(server.deleted_messages(), 0, "nothing shows that the page was readable");
}

#[tokio::test]
async fn a_run_that_stops_before_it_looks_up_a_named_thread_is_partial() {
    let server = Server::new();
    let (fake, parent) = (&server.scene.fake, Scene::channel(1, 1));
    let id = fake.id_before(NOW.earlier(Duration::from_hours(1))).unwrap();
    let thread = ChannelId::new(id.get()).unwrap();
    add_unlisted_thread(fake, thread, parent);
    fake.add_message(parent, Message { named_thread: Some(thread), ..message(id) });
    assert_partial(&server.run_stopped_after_channel(0).await, Cause::RunTimeLimit);
    let threads = "SELECT count(*) FROM channels WHERE kind LIKE '%thread'";
    assert_eq!(server.count(threads), 0);
    assert_eq!(server.run_undisturbed(1).await.status, JobStatus::Completed);
    assert_eq!(server.count(threads), 1);
}

#[tokio::test]
async fn a_run_that_leaves_named_threads_to_the_next_run_is_partial() {
    let server = Server::new();
    for thread in name_threads(&server, 510) {
        add_unlisted_thread(&server.scene.fake, thread, Scene::channel(1, 1));
    }
    let threads = "SELECT count(*) FROM channels WHERE kind LIKE '%thread'";
    let job = server.run_undisturbed(0).await;
    assert_partial(&job, Cause::ListingIncomplete);
    assert!(job.errors[0].error.contains("10 threads"), "{}", job.errors[0].error);
    assert_eq!(server.count(threads), 500);
    assert_eq!(server.run_undisturbed(1).await.status, JobStatus::Completed);
    assert_eq!(server.count(threads), 510);
}

#[tokio::test]
async fn deleted_named_threads_that_are_looked_up_again_leave_a_run_complete() {
    let server = Server::new();
    name_threads(&server, 510);
    assert_partial(&server.run_undisturbed(0).await, Cause::ListingIncomplete);
    // A full run looks up all of them again, 500 at most.
    for number in [1, 2, 25 * 60] {
        assert_eq!(server.run_undisturbed(number).await.status, JobStatus::Completed, "{number}");
    }
}

/// Adds messages that name threads. Returns the threads, which don't exist.
fn name_threads(server: &Server, count: u64) -> Vec<ChannelId> {
    let (fake, parent) = (&server.scene.fake, Scene::channel(1, 1));
    let first = fake.id_before(NOW.earlier(Duration::from_hours(1))).unwrap().get();
    let add_message = |number: u64| {
        let id = MessageId::new(first + (number << 22)).unwrap();
        let thread = ChannelId::new(id.get()).unwrap();
        fake.add_message(parent, Message { named_thread: Some(thread), ..message(id) });
        thread
    };
    (0..count).map(add_message).collect()
}

/// Adds a thread that neither the active nor the archived threads contain.
fn add_unlisted_thread(fake: &Fake, id: ChannelId, parent: ChannelId) {
    let thread = Channel {
        kind: ChannelKind::PublicThread,
        parent_id: Some(parent),
        created_at: Timestamp::from_millis(0),
        ..text_channel(id)
    };
    fake.add_channel(WorkspaceId::new(1).unwrap(), thread);
    fake.add_message(id, message(MessageId::new(id.get() + 1).unwrap()));
}

fn workspace() -> CallTarget {
    CallTarget::Workspace(WorkspaceId::new(1).unwrap())
}
