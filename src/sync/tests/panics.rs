//! A panic costs the channel or the tenant whose task it struck.

use super::{MESSAGES, Scene};
use crate::model::{Cause, Counter, Job, JobStatus, ProgressStatus};
use crate::monitor::Event;
use crate::platform::fake::{PANIC, Place};

/// How each channel ended and how many messages it brought, by ID.
fn ends(job: &Job) -> Vec<(u64, ProgressStatus, u64)> {
    let mut ends: Vec<_> = job
        .channels
        .iter()
        .map(|channel| {
            (channel.channel_id.parse().unwrap(), channel.status, channel.counts.get(Counter::Messages))
        })
        .collect();
    ends.sort_by_key(|(id, ..)| *id);
    ends
}

/// Asserts that nothing that was recorded or told repeats what the panic said.
fn assert_discreet(scene: &Scene, jobs: &[Job]) {
    let told = format!("{jobs:?} {:?}", scene.monitor.events());
    for word in PANIC.split(' ').filter(|word| word.len() > 4) {
        assert!(!told.contains(word), "{word} is told");
    }
}

#[tokio::test]
async fn a_panic_fails_its_channel_alone_and_is_told_without_its_words() {
    let scene = Scene::new(1, 3);
    let struck = Scene::channel(1, 2);
    scene.fake.panic_at(Place::Messages(struck));
    let struck = struck.get().to_string();
    let (outcome, jobs) = scene.run("first").await;
    assert_eq!(outcome.tenants[0].status, JobStatus::Partial);
    let [job] = &jobs[..] else { panic!("{jobs:?}") };
    let (done, failed) = (ProgressStatus::Completed, ProgressStatus::Failed);
    assert_eq!(ends(job), [(101, done, MESSAGES), (102, failed, 0), (103, done, MESSAGES)]);
    let [error] = &job.errors[..] else { panic!("{:?}", job.errors) };
    assert_eq!((error.channel_id.clone(), error.cause), (Some(struck.clone()), Cause::Internal));
    assert!(error.error.contains("please report"), "{}", error.error);
    assert_discreet(&scene, &jobs);
    let finished = scene.monitor.events().into_iter().filter(|event| {
        matches!(event, Event::ChannelFinished { channel, status, .. } if (*channel.id == *struck) == (*status == failed))
    });
    assert_eq!(finished.count(), 3);
    scene.fake.calm_down();
    let (outcome, jobs) = scene.run("second").await;
    assert_eq!(outcome.tenants[0].status, JobStatus::Completed);
    assert!(ends(&jobs[0]).contains(&(102, done, MESSAGES)), "{:?}", jobs[0].channels);
}

#[tokio::test]
async fn a_panic_before_the_channels_are_known_fails_its_tenant_alone() {
    let scene = Scene::new(2, 2);
    scene.fake.panic_at(Place::Workspace(crate::model::WorkspaceId::new(1).unwrap()));
    let (outcome, jobs) = scene.run("first").await;
    let statuses: Vec<JobStatus> = outcome.tenants.iter().map(|tenant| tenant.status).collect();
    assert_eq!(statuses, [JobStatus::Failed, JobStatus::Completed]);
    assert_eq!(outcome.tenants[0].cause, Some(Cause::Internal));
    assert_discreet(&scene, &jobs);
    scene.fake.calm_down();
    let (outcome, _) = scene.run("second").await;
    assert!(outcome.tenants.iter().all(|tenant| tenant.status == JobStatus::Completed));
}
