//! Workspaces, their channels and the visibility of these.

use std::collections::BTreeSet;

use super::{Subject, kind_of};
use crate::model::{Channel, ChannelId, ChannelKind, Visibility, WorkspaceId};
use crate::monitor::NoMonitor;
use crate::platform::{ErrorKind, PlatformAdapter};

pub async fn an_unknown_token_is_rejected<P: PlatformAdapter>(subject: &Subject<P>) {
    let identity = subject.platform.identity(&NoMonitor).await.unwrap();
    assert_eq!(identity.reads_content, Some(true));
    let rejected = &subject.rejected;
    assert_eq!(kind_of(rejected.identity(&NoMonitor).await), Some(ErrorKind::TokenRejected));
    let outcome = rejected.workspace(subject.truth.workspace.id, &NoMonitor).await;
    assert_eq!(kind_of(outcome), Some(ErrorKind::TokenRejected));
}

pub async fn a_workspace_without_the_bot_fails_with_not_in_workspace<P: PlatformAdapter>(
    subject: &Subject<P>,
) {
    for id in [subject.truth.uninvited, WorkspaceId::new(1).unwrap()] {
        let outcome = subject.platform.workspace(id, &NoMonitor).await;
        assert_eq!(kind_of(outcome), Some(ErrorKind::NotInWorkspace), "{id:?}");
    }
}

pub async fn a_workspace_has_its_name_and_its_channels_without_threads<P: PlatformAdapter>(
    subject: &Subject<P>,
) {
    let truth = subject.truth;
    let (workspace, channels) = subject.platform.workspace(truth.workspace.id, &NoMonitor).await.unwrap();
    assert_eq!(workspace, truth.workspace);
    let ids: BTreeSet<ChannelId> = channels.iter().map(|channel| channel.id).collect();
    assert_eq!(ids.len(), channels.len());
    assert!(channels.iter().all(|channel| !channel.kind.is_thread() && channel.thread.is_none()));
    for channel_truth in truth.channels() {
        let Some(listed) = channels.iter().find(|channel| channel.id == channel_truth.channel.id) else {
            assert!(!channel_truth.is_readable(), "{} is missing", channel_truth.channel.name);
            continue;
        };
        let shape = |channel: &Channel| {
            let Channel { id, parent_id, kind, name, topic, created_at, .. } = channel.clone();
            (id, parent_id, kind, name, topic, created_at)
        };
        assert_eq!(shape(listed), shape(&channel_truth.channel));
        let newest = channel_truth.ids().into_iter().chain(channel_truth.deleted.clone()).max();
        if channel_truth.channel.kind.has_messages() {
            assert!(listed.last_message_id >= channel_truth.ids().last().copied(), "{}", listed.name);
            assert!(listed.last_message_id <= newest, "{}", listed.name);
        }
    }
}

pub async fn visibility_follows_from_the_permissions<P: PlatformAdapter>(subject: &Subject<P>) {
    let mut listed = subject.channels().await;
    listed.extend(subject.active_threads().await);
    for parent in subject.parents().await {
        listed.extend(subject.archived_pages(&parent).await.concat());
    }
    let mut seen = 0;
    for channel in listed {
        let Channel { id, name, visibility, .. } = &channel;
        let Some(truth) = subject.truth.get(*id) else {
            assert!(subject.truth.hidden.contains(id), "{name} is unknown");
            // A private thread has its parent's visibility here, but a kind that is never
            // archived.
            let is_closed = !visibility.everyone_sees && !visibility.everyone_lacks.is_empty();
            assert!(
                is_closed || channel.kind == ChannelKind::Other,
                "{name} is hidden but visible to everyone"
            );
            continue;
        };
        let right = &truth.channel.visibility;
        assert!(visibility.everyone_sees && visibility.everyone_lacks.is_empty(), "{name}");
        assert_eq!(visibility.everyone_reads_history, right.everyone_reads_history, "{name}");
        assert_eq!(visibility.bot_lacks.is_empty(), right.bot_lacks.is_empty(), "{name}");
        seen += 1;
    }
    let readable = subject.truth.open.iter().filter(|channel_truth| channel_truth.is_readable()).count();
    assert!(seen >= readable, "{seen} of {readable}");
}

pub async fn a_channel_read_alone_equals_the_listed_one<P: PlatformAdapter>(subject: &Subject<P>) {
    let mut listed = subject.channels().await;
    listed.extend(subject.active_threads().await);
    let workspace = subject.truth.workspace.id;
    for channel in listed {
        let alone = subject.platform.channel(channel.id, workspace, &NoMonitor).await.unwrap();
        let visibility = if channel.thread.is_some() || channel.kind == ChannelKind::Other {
            Visibility::default()
        } else {
            channel.visibility.clone()
        };
        assert_eq!(alone, Channel { visibility, ..channel });
    }
}

pub async fn an_unknown_channel_is_not_found<P: PlatformAdapter>(subject: &Subject<P>) {
    let id = ChannelId::new(1).unwrap();
    assert_eq!(
        kind_of(subject.platform.channel(id, subject.truth.workspace.id, &NoMonitor).await),
        Some(ErrorKind::NotFound)
    );
    assert_eq!(kind_of(subject.messages(id, None, 10).await), Some(ErrorKind::NotFound));
}
