//! Pages of messages.

use std::collections::BTreeSet;

use super::{Subject, ids_of};
use crate::model::{Attachment, Message, MessageId, MessagePage, Timestamp};
use crate::monitor::{Counter, NoMonitor};
use crate::platform::fake::Recorder;
use crate::platform::{ErrorKind, PageCursor, PageRequest, PlatformAdapter};

pub async fn pages_ascend_never_overlap_and_end_empty<P: PlatformAdapter>(subject: &Subject<P>) {
    for channel_truth in subject.truth.readable() {
        let pages = subject.pages(channel_truth, subject.platform.max_page()).await;
        let ids: Vec<MessageId> = pages.iter().flat_map(ids_of).collect();
        assert!(ids.is_sorted_by(|one, two| one < two), "{}", channel_truth.channel.name);
        assert_eq!(ids, channel_truth.ids(), "{}", channel_truth.channel.name);
    }
    let small = subject.truth.named("deleted-last");
    for limit in [1, 7] {
        let pages = subject.pages(small, limit).await;
        assert!(pages.iter().all(|page| page.messages.len() <= limit.into()));
        assert_eq!(pages.iter().flat_map(ids_of).collect::<Vec<_>>(), small.ids());
    }
}

pub async fn a_page_holds_the_messages_after_the_cursor<P: PlatformAdapter>(subject: &Subject<P>) {
    let channel_truth = subject.truth.named("deleted-last");
    let ids = channel_truth.ids();
    let follow = |after: Option<MessageId>, limit: u16| -> Vec<MessageId> {
        ids.iter().copied().filter(|id| Some(*id) > after).take(limit.into()).collect()
    };
    let neighbours = |id: &MessageId| [id.get() - 1, id.get(), id.get() + 1].map(MessageId::new);
    let sampled = ids.iter().step_by(29).chain(ids.last()).chain(&channel_truth.deleted);
    for after in sampled.flat_map(neighbours).chain([None, MessageId::new(1)]) {
        for limit in [1, 13] {
            let page = subject.messages(channel_truth.channel.id, after, limit).await.unwrap();
            assert_eq!(ids_of(&page), follow(after, limit), "after {after:?}");
        }
    }
}

pub async fn a_page_is_full_when_it_holds_limit_messages<P: PlatformAdapter>(subject: &Subject<P>) {
    for (name, limit, is_full) in [
        ("exactly-one-page", 100, true),
        ("exactly-one-page", 99, true),
        ("news", 40, true),
        ("news", 41, false),
        ("empty", 1, false),
        ("all-deleted", 1, false),
    ] {
        let channel_truth = subject.truth.named(name);
        let page = subject.messages(channel_truth.channel.id, None, limit).await.unwrap();
        assert_eq!(page.is_full, is_full, "{limit} of {name}");
        assert_eq!(page.messages.len(), channel_truth.messages.len().min(limit.into()), "{name}");
    }
}

pub async fn an_unreadable_channel_is_empty_or_forbidden<P: PlatformAdapter>(subject: &Subject<P>) {
    let unreadable = subject.truth.open.iter().filter(|channel_truth| !channel_truth.is_readable());
    for channel_truth in unreadable.filter(|channel_truth| channel_truth.channel.kind.has_messages()) {
        match subject.messages(channel_truth.channel.id, None, 10).await {
            Ok(page) => assert_eq!(page, MessagePage::default(), "{}", channel_truth.channel.name),
            Err(error) => assert_eq!(error.kind, ErrorKind::Forbidden, "{}", channel_truth.channel.name),
        }
    }
}

pub async fn newest_and_before_pages_hold_the_latest_messages<P: PlatformAdapter>(subject: &Subject<P>) {
    for channel_truth in subject.truth.readable() {
        let ids = channel_truth.ids();
        for limit in [1, 13, subject.platform.max_page()] {
            let request = PageRequest {
                cursor: PageCursor::Newest,
                ..PageRequest::after(channel_truth.channel.id, None, limit)
            };
            let page = subject.platform.messages(&request, &NoMonitor).await.unwrap();
            let newest = &ids[ids.len().saturating_sub(limit.into())..];
            assert_eq!(ids_of(&page), newest, "{}", channel_truth.channel.name);
            let Some(at) = ids.len().checked_sub(3) else { continue };
            let request = PageRequest { cursor: PageCursor::Before(ids[at]), ..request };
            let page = subject.platform.messages(&request, &NoMonitor).await.unwrap();
            let older = &ids[at.saturating_sub(limit.into())..at];
            assert_eq!(ids_of(&page), older, "{}", channel_truth.channel.name);
        }
    }
}

/// The message without the details that the simulated world doesn't know.
fn without_kept_details(message: &Message) -> Message {
    let plain = |file: &Attachment| Attachment {
        url_signature: None,
        metadata: crate::model::Metadata::default(),
        ..file.clone()
    };
    let mut message = Message {
        attachments: message.attachments.iter().map(plain).collect(),
        people: Vec::new(),
        is_blank: false,
        named_thread: None,
        malformed_fields: Vec::new(),
        pinned: false,
        metadata: crate::model::Metadata::default(),
        ..message.clone()
    };
    if let Some(author) = message.reply.as_mut().and_then(|reply| reply.author.as_mut()) {
        author.is_bot = None;
    }
    message
}

pub async fn a_message_equals_the_original<P: PlatformAdapter>(subject: &Subject<P>) {
    let mut kinds = BTreeSet::new();
    for channel_truth in subject.truth.readable() {
        let pages = subject.pages(channel_truth, subject.platform.max_page()).await;
        let messages = pages.iter().flat_map(|page| &page.messages);
        for (message, truth) in messages.zip(&channel_truth.messages) {
            assert_eq!(without_kept_details(message), *truth, "in {}", channel_truth.channel.name);
            kinds.insert(message.kind);
        }
        assert!(pages.iter().all(|page| page.malformed.is_empty()));
    }
    assert!(kinds.len() > 10, "{kinds:?}");
}

pub async fn an_id_and_its_time_agree<P: PlatformAdapter>(subject: &Subject<P>) {
    let platform = &subject.platform;
    for message in &subject.truth.named("general").messages {
        let Message { id, created_at, .. } = *message;
        assert_eq!(platform.sent_at(id), created_at);
        let before = platform.id_before(created_at).unwrap();
        assert!(before < id && platform.sent_at(before) < created_at, "{id:?}");
        let next = MessageId::new(before.get() + 1).unwrap();
        assert_eq!(platform.sent_at(next), created_at, "{before:?} is not the greatest");
    }
    assert_eq!(platform.id_before(Timestamp::from_millis(0)), None);
}

pub async fn repeated_and_concurrent_requests_return_the_same<P: PlatformAdapter>(subject: &Subject<P>) {
    let general = subject.truth.named("general").channel.id;
    let first = subject.messages(general, None, 100).await.unwrap();
    assert_eq!(ids_of(&subject.messages(general, None, 100).await.unwrap()), ids_of(&first));
    let ask = async || {
        let page = subject.messages(general, None, 100).await.unwrap();
        (ids_of(&page), subject.channels().await.len())
    };
    let all = tokio::join!(ask(), ask(), ask(), ask(), ask(), ask());
    let expected = (ids_of(&first), subject.channels().await.len());
    for answer in [all.0, all.1, all.2, all.3, all.4, all.5] {
        assert_eq!(answer, expected);
    }
}

pub async fn a_call_is_counted_by_its_own_monitor<P: PlatformAdapter>(subject: &Subject<P>) {
    let (one, two) = (Recorder::default(), Recorder::default());
    let general = subject.truth.named("general").channel.id;
    let request = PageRequest::after(general, None, 10);
    subject.platform.messages(&request, &one).await.unwrap();
    subject.platform.channel(general, subject.truth.workspace.id, &two).await.unwrap();
    subject.platform.messages(&request, &two).await.unwrap();
    assert_eq!((one.sum(Counter::ApiCalls), two.sum(Counter::ApiCalls)), (1, 2));
    assert_eq!(one.events(), []);
}
