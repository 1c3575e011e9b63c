//! Workspaces, their channels, and who may see them.

use std::collections::BTreeSet;

use super::{Subject, kind_of};
use crate::model::{Channel, ChannelId, ChannelKind, Visibility, WorkspaceId};
use crate::monitor::Silent;
use crate::platform::{ErrorKind, PlatformAdapter};

pub async fn a_token_is_known_or_rejected<P: PlatformAdapter>(subject: &Subject<P>) {
    let identity = subject.platform.identity(&Silent).await.unwrap();
    assert_eq!(identity.reads_content, Some(true));
    let stranger = &subject.stranger;
    assert_eq!(kind_of(stranger.identity(&Silent).await), Some(ErrorKind::TokenRejected));
    let asked = stranger.workspace(subject.truth.workspace.id, &Silent).await;
    assert_eq!(kind_of(asked), Some(ErrorKind::TokenRejected));
}

pub async fn a_workspace_without_the_bot_is_told_apart<P: PlatformAdapter>(subject: &Subject<P>) {
    for id in [subject.truth.uninvited, WorkspaceId::new(1).unwrap()] {
        let asked = subject.platform.workspace(id, &Silent).await;
        assert_eq!(kind_of(asked), Some(ErrorKind::NotInWorkspace), "{id:?}");
    }
}

pub async fn a_workspace_has_its_name_and_its_channels_without_threads<P: PlatformAdapter>(
    subject: &Subject<P>,
) {
    let truth = subject.truth;
    let (workspace, channels) = subject.platform.workspace(truth.workspace.id, &Silent).await.unwrap();
    assert_eq!(workspace, truth.workspace);
    let ids: BTreeSet<ChannelId> = channels.iter().map(|channel| channel.id).collect();
    assert_eq!(ids.len(), channels.len());
    assert!(channels.iter().all(|channel| !channel.kind.is_thread() && channel.thread.is_none()));
    for held in truth.channels() {
        let Some(listed) = channels.iter().find(|channel| channel.id == held.channel.id) else {
            assert!(!held.is_readable(), "{} is missing", held.channel.name);
            continue;
        };
        let shape = |channel: &Channel| {
            let Channel { id, parent_id, kind, name, topic, created_at, .. } = channel.clone();
            (id, parent_id, kind, name, topic, created_at)
        };
        assert_eq!(shape(listed), shape(&held.channel));
        let newest = held.ids().into_iter().chain(held.deleted.clone()).max();
        if held.channel.kind.has_messages() {
            assert!(listed.last_message_id >= held.ids().last().copied(), "{}", listed.name);
            assert!(listed.last_message_id <= newest, "{}", listed.name);
        }
    }
}

pub async fn who_may_see_a_channel_is_what_the_rights_say<P: PlatformAdapter>(subject: &Subject<P>) {
    let mut listed = subject.channels().await;
    listed.extend(subject.active_threads().await);
    for parent in subject.parents().await {
        listed.extend(subject.archived_pages(&parent).await.concat());
    }
    let mut seen = 0;
    for channel in listed {
        let Channel { id, name, visibility, .. } = &channel;
        let Some(truth) = subject.truth.get(*id) else {
            assert!(subject.truth.hidden.contains(id), "{name} is nowhere");
            // A private thread has its parent's rights here, but a kind that is never archived.
            let is_closed = !visibility.everyone_sees && !visibility.everyone_lacks.is_empty();
            assert!(is_closed || channel.kind == ChannelKind::Other, "{name} is hidden");
            continue;
        };
        let right = &truth.channel.visibility;
        assert!(visibility.everyone_sees && visibility.everyone_lacks.is_empty(), "{name}");
        assert_eq!(visibility.everyone_reads_history, right.everyone_reads_history, "{name}");
        assert_eq!(visibility.bot_lacks.is_empty(), right.bot_lacks.is_empty(), "{name}");
        seen += 1;
    }
    let readable = subject.truth.open.iter().filter(|held| held.is_readable()).count();
    assert!(seen >= readable, "{seen} of {readable}");
}

pub async fn a_channel_asked_for_alone_is_the_one_listed<P: PlatformAdapter>(subject: &Subject<P>) {
    let mut listed = subject.channels().await;
    listed.extend(subject.active_threads().await);
    let workspace = subject.truth.workspace.id;
    for channel in listed {
        let alone = subject.platform.channel(channel.id, workspace, &Silent).await.unwrap();
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
        kind_of(subject.platform.channel(id, subject.truth.workspace.id, &Silent).await),
        Some(ErrorKind::NotFound)
    );
    assert_eq!(kind_of(subject.messages(id, None, 10).await), Some(ErrorKind::NotFound));
}
