//! Threads, active and archived.

use std::collections::BTreeSet;

use super::truth::ChannelTruth;
use super::{Subject, archived_at};
use crate::model::{Channel, ChannelId, MessageId, Timestamp};
use crate::monitor::NoMonitor;
use crate::platform::{PlatformAdapter, SearchPage, SearchRequest, WrittenChannel};

fn is_archived(thread: &Channel) -> bool {
    thread.thread.as_ref().is_some_and(|facts| facts.archived)
}

/// IDs of the public threads.
fn public<'a>(threads: impl IntoIterator<Item = &'a Channel>) -> BTreeSet<ChannelId> {
    let is_public = |thread: &&Channel| thread.kind.is_thread() && thread.visibility.everyone_sees;
    threads.into_iter().filter(is_public).map(|thread| thread.id).collect()
}

pub async fn active_threads_are_those_that_are_not_archived<P: PlatformAdapter>(subject: &Subject<P>) {
    let channels = subject.channels().await;
    let active = subject.active_threads().await;
    for thread in active.iter().filter(|thread| thread.kind.is_thread()) {
        assert!(thread.thread.is_some() && !is_archived(thread), "{}", thread.name);
        let parent = channels.iter().find(|channel| Some(channel.id) == thread.parent_id);
        assert_eq!(Some(&thread.visibility), parent.map(|parent| &parent.visibility), "{}", thread.name);
    }
    let expected = subject
        .truth
        .threads()
        .map(|channel_truth| &channel_truth.channel)
        .filter(|thread| !is_archived(thread));
    assert_eq!(public(&active), public(expected));
}

pub async fn archived_threads_descend_in_time_and_before_is_exclusive<P: PlatformAdapter>(
    subject: &Subject<P>,
) {
    for parent in subject.parents().await {
        let mut before = None;
        loop {
            let (page, has_more) = subject.archived(&parent, before).await;
            let times: Vec<Timestamp> = page.iter().map(archived_at).collect();
            assert!(times.is_sorted_by(|one, two| one >= two), "{times:?}");
            assert!(before.is_none_or(|before| times.iter().all(|time| *time < before)), "{}", parent.name);
            for thread in &page {
                assert!(is_archived(thread) && thread.kind.is_thread(), "{}", thread.name);
                assert_eq!((thread.parent_id, &thread.visibility), (Some(parent.id), &parent.visibility));
            }
            before = times.last().copied();
            if !has_more {
                break;
            }
        }
    }
}

pub async fn has_more_is_accurate<P: PlatformAdapter>(subject: &Subject<P>) {
    let mut most_pages = 0;
    for parent in subject.parents().await {
        let pages = subject.archived_pages(&parent).await;
        let mut seen = BTreeSet::new();
        let is_new = |page: &Vec<Channel>| page.iter().filter(|thread| seen.insert(thread.id)).count() > 0;
        assert!(
            pages.iter().all(is_new) || pages == [vec![]],
            "{} announced a page that holds nothing new",
            parent.name
        );
        most_pages = most_pages.max(pages.len());
        if let Some(oldest) = pages.concat().last() {
            assert_eq!(subject.archived(&parent, Some(archived_at(oldest))).await, (vec![], false));
        }
    }
    assert!(most_pages > 2);
}

pub async fn every_public_thread_is_active_or_archived<P: PlatformAdapter>(subject: &Subject<P>) {
    let mut found = subject.active_threads().await;
    for parent in subject.parents().await {
        found.extend(subject.archived_pages(&parent).await.concat());
    }
    let expected = subject.truth.threads().map(|channel_truth| &channel_truth.channel);
    assert_eq!(public(&found), public(expected));
    for thread in found {
        let Some(ChannelTruth { channel: truth, .. }) = subject.truth.get(thread.id) else { continue };
        let facts = |thread: &Channel| {
            let facts = thread.thread.clone().expect("a thread");
            (facts.owner, facts.archived, facts.locked)
        };
        assert_eq!((thread.kind, &thread.name, facts(&thread)), (truth.kind, &truth.name, facts(truth)));
    }
}

pub async fn a_search_finds_the_channels_of_later_messages<P: PlatformAdapter>(subject: &Subject<P>) {
    let readable = || subject.truth.open.iter().filter(|channel_truth| channel_truth.is_readable());
    let mut ids: Vec<MessageId> = readable().flat_map(ChannelTruth::ids).collect();
    ids.sort_unstable();
    let after = ids[ids.len() - 60];
    let (mut found, mut page) = (BTreeSet::new(), 0);
    loop {
        let workspace = subject.truth.workspace.id;
        let request = SearchRequest { workspace, channel: None, after: Some(after), before: None, page };
        let SearchPage { channels, has_more, .. } =
            subject.platform.search_channels(&request, &NoMonitor).await.unwrap();
        found.extend(channels.into_iter().map(|WrittenChannel { id, parent }| (id, parent)));
        if !has_more {
            break;
        }
        page += 1;
        assert!(page < 100, "the search doesn't end");
    }
    let has_later =
        |channel_truth: &&ChannelTruth| channel_truth.messages.iter().any(|message| message.id > after);
    let expected: BTreeSet<_> = readable()
        .filter(has_later)
        .map(|channel_truth| &channel_truth.channel)
        .map(|channel| (channel.id, channel.parent_id.filter(|_| channel.kind.is_thread())))
        .collect();
    found.retain(|(id, _)| subject.truth.get(*id).is_some());
    assert!(expected.iter().any(|(_, parent)| parent.is_some()), "no thread was written in");
    assert_eq!(found, expected);
    let (channel, _) = *expected.first().expect("a channel");
    let (first, last) = (ids[ids.len() - 30], ids[ids.len() - 1]);
    let within = subject.truth.get(channel).expect("it is public").messages.iter();
    let within = within.filter(|message| message.id > first && message.id < last).count();
    let request = SearchRequest {
        workspace: subject.truth.workspace.id,
        channel: Some(channel),
        after: Some(first),
        before: Some(last),
        page: 0,
    };
    let page = subject.platform.search_channels(&request, &NoMonitor).await.unwrap();
    assert_eq!(page.total, within as u64);
    assert!(page.channels.iter().all(|written| written.id == channel));
}
