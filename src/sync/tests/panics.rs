//! A panic fails only the channel or the tenant whose task it occurs in.

use super::{MESSAGES, Scene};
use crate::model::{Cause, Counter, Job, JobStatus, ProgressStatus};
use crate::monitor::Event;
use crate::platform::fake::{CallTarget, PANIC};

/// Each channel's ID, status and number of messages, ordered by ID.
fn channel_outcomes(job: &Job) -> Vec<(u64, ProgressStatus, u64)> {
    let mut outcomes: Vec<_> = job
        .channels
        .iter()
        .map(|channel| {
            (channel.channel_id.parse().unwrap(), channel.status, channel.counts.get(Counter::Messages))
        })
        .collect();
    outcomes.sort_by_key(|(id, ..)| *id);
    outcomes
}

/// Asserts that neither the jobs nor the events repeat the panic's message.
fn assert_panic_message_is_absent(scene: &Scene, jobs: &[Job]) {
    let recorded = format!("{jobs:?} {:?}", scene.monitor.events());
    for word in PANIC.split(' ').filter(|word| word.len() > 4) {
        assert!(!recorded.contains(word), "{word} is recorded");
    }
}

#[tokio::test]
async fn a_panic_fails_only_its_channel_and_its_message_is_dropped() {
    let scene = Scene::new(1, 3);
    let panicking = Scene::channel(1, 2);
    scene.fake.panic_at(CallTarget::Messages(panicking));
    let panicking = panicking.get().to_string();
    let (outcome, jobs) = scene.run("first").await;
    assert_eq!(outcome.tenants[0].status, JobStatus::Partial);
    let [job] = &jobs[..] else { panic!("{jobs:?}") };
    let (done, failed) = (ProgressStatus::Completed, ProgressStatus::Failed);
    assert_eq!(channel_outcomes(job), [(101, done, MESSAGES), (102, failed, 0), (103, done, MESSAGES)]);
    let [error] = &job.errors[..] else { panic!("{:?}", job.errors) };
    assert_eq!((error.channel_id.clone(), error.cause), (Some(panicking.clone()), Cause::Internal));
    assert!(error.error.contains("please report"), "{}", error.error);
    assert_panic_message_is_absent(&scene, &jobs);
    let finished = scene.monitor.events().into_iter().filter(|event| {
        matches!(event, Event::ChannelFinished { channel, status, .. } if (*channel.id == *panicking) == (*status == failed))
    });
    assert_eq!(finished.count(), 3);
    scene.fake.stop_panicking();
    let (outcome, jobs) = scene.run("second").await;
    assert_eq!(outcome.tenants[0].status, JobStatus::Completed);
    assert!(channel_outcomes(&jobs[0]).contains(&(102, done, MESSAGES)), "{:?}", jobs[0].channels);
}

#[tokio::test]
async fn a_panic_during_preparation_fails_only_its_tenant() {
    let scene = Scene::new(2, 2);
    scene.fake.panic_at(CallTarget::Workspace(crate::model::WorkspaceId::new(1).unwrap()));
    let (outcome, jobs) = scene.run("first").await;
    let statuses: Vec<JobStatus> = outcome.tenants.iter().map(|tenant| tenant.status).collect();
    assert_eq!(statuses, [JobStatus::Failed, JobStatus::Completed]);
    assert_eq!(outcome.tenants[0].cause, Some(Cause::Internal));
    assert_panic_message_is_absent(&scene, &jobs);
    scene.fake.stop_panicking();
    let (outcome, _) = scene.run("second").await;
    assert!(outcome.tenants.iter().all(|tenant| tenant.status == JobStatus::Completed));
}
