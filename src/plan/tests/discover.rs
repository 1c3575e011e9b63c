//! Tests of [`discover`] and [`discover_archived`].

use std::sync::Arc;

use hashbrown::HashMap;

use super::super::{Facts, ThreadKnowledge, discover, discover_archived};
use super::{channel, complete, hours_ago, id, known, thread};
use crate::model::{
    Channel, ChannelKind, ChannelState, KnownChannel, KnownChannels, KnownListing, ProvenState, Visibility,
    Workspace, WorkspaceId,
};
use crate::monitor::{Monitor, NoMonitor};
use crate::platform::fake::{Call, CallTarget, Fake};
use crate::platform::{ErrorKind, PlatformAdapter, PlatformError};

/// A workspace with one channel and its archived threads.
fn server(threads: impl IntoIterator<Item = Channel>) -> Arc<Fake> {
    let fake = Fake::new();
    let workspace = Workspace { id: WorkspaceId::new(1).unwrap(), name: "w".into() };
    fake.add_workspace(workspace.clone());
    fake.add_channel(workspace.id, channel(5, ChannelKind::Text, None, Some(200)));
    for thread in threads {
        fake.add_channel(workspace.id, thread);
    }
    Arc::new(fake)
}

async fn discovered(fake: &Arc<Fake>, known: &KnownChannels) -> Facts {
    let monitor: Arc<dyn Monitor> = Arc::new(NoMonitor);
    let platform = Arc::clone(fake) as Arc<dyn PlatformAdapter>;
    let mut facts = discover(&platform, WorkspaceId::new(1).unwrap(), &monitor).await.unwrap();
    let knowledge = ThreadKnowledge { known, known_until: None, lists_all: false, now: hours_ago(0) };
    discover_archived(&platform, &mut facts, knowledge, &monitor).await.unwrap();
    facts
}

fn listings(fake: &Fake) -> usize {
    fake.calls().iter().filter(|call| matches!(call, Call::ArchivedThreads { .. })).count()
}

fn known_parent(listed_hours_ago: u64, watermark_hours_ago: u64) -> KnownChannel {
    KnownChannel {
        listing: Some(Box::new(KnownListing {
            watermark: Some(hours_ago(watermark_hours_ago)),
            listed_at: Some(hours_ago(listed_hours_ago)),
            is_incomplete: false,
        })),
        ..known(5, ChannelKind::Text, None, complete(200, 30))
    }
}

#[tokio::test]
async fn the_first_listing_finds_every_archived_thread() {
    // The newest thirty threads share one archive time.
    let fake = server((10..150).map(|raw| thread(raw, 5, Some(if raw < 40 { 7 } else { raw }))));
    let facts = discovered(&fake, &HashMap::new()).await;
    assert_eq!(facts.channels.len(), 141);
    assert!(facts.listings[0].is_complete);
    assert_eq!(facts.listings[0].watermark, Some(hours_ago(7)));
}

#[tokio::test]
async fn a_listing_ends_at_its_watermark_and_remembers_known_threads() {
    let fake = server((10..150).map(|raw| thread(raw, 5, Some(raw))));
    let mut known: HashMap<_, _> = (20..150)
        .map(|raw| (id(raw), Box::new(known(raw, ChannelKind::PublicThread, Some(5), complete(200, 30)))))
        .collect();
    known.insert(id(5), Box::new(known_parent(2, 20)));
    let facts = discovered(&fake, &known).await;
    let pages = listings(&fake);
    let listed = facts.channels.len() - 1;
    assert!(pages < 3, "{pages} pages");
    assert!(facts.channels.iter().any(|channel| channel.id == id(10)), "new above the watermark");
    assert_eq!(listed + facts.remembered.len(), 140, "none is forgotten");
}

#[tokio::test]
async fn an_unchanged_parent_is_listed_once_a_day() {
    let fake = server([]);
    let known_since = |hours| HashMap::from([(id(5), Box::new(known_parent(hours, 20)))]);
    discovered(&fake, &known_since(2)).await;
    assert_eq!(listings(&fake), 0);
    discovered(&fake, &known_since(25)).await;
    assert_eq!(listings(&fake), 1);
}

#[tokio::test]
async fn absence_is_proven_by_looking_the_channel_up() {
    let fake = server([]);
    let gone = KnownChannel { archived: None, ..known(6, ChannelKind::Text, None, complete(200, 30)) };
    let facts = discovered(&fake, &HashMap::from([(id(6), Box::new(gone))])).await;
    assert_eq!(facts.proven_states, [(id(6), ProvenState::from_direct_answer(ChannelState::Deleted))]);
    fake.change_channel(id(5), |channel| channel.visibility = Visibility::default());
    let known = [
        known(5, ChannelKind::Text, None, complete(200, 30)),
        known(9, ChannelKind::PublicThread, Some(5), complete(200, 30)),
    ];
    let known = known.into_iter().map(|known| (known.id, Box::new(known))).collect();
    let mut facts = discovered(&fake, &known).await;
    facts.proven_states.sort_by_key(|(id, _)| *id);
    let hidden = ChannelState::Hidden;
    let with_its_threads =
        [(id(5), ProvenState::from_direct_answer(hidden)), (id(9), ProvenState::from_parent(hidden))];
    assert_eq!(facts.proven_states, with_its_threads);
}

#[tokio::test]
async fn an_unchanged_parent_is_not_listed_after_an_hour() {
    let fake = server([]);
    let known = HashMap::from([(id(5), Box::new(known_parent(1, 20)))]);
    discovered(&fake, &known).await;
    assert_eq!(fake.calls().len(), 2, "{:?}", fake.calls());
}

/// Known threads that were active when last seen.
fn once_active(threads: std::ops::Range<u64>) -> KnownChannels {
    let once_active = |raw| KnownChannel {
        archived: Some(false),
        ..known(raw, ChannelKind::PublicThread, Some(5), complete(200, 30))
    };
    threads.map(|raw| (id(raw), Box::new(once_active(raw)))).collect()
}

fn lookups(fake: &Fake) -> usize {
    fake.calls().iter().filter(|call| matches!(call, Call::Channel { .. })).count()
}

fn server_error() -> PlatformError {
    PlatformError::new(ErrorKind::Server, "it", "HTTP 503")
}

#[tokio::test]
async fn threads_of_a_failed_listing_are_not_looked_up() {
    let fake = server((10..150).map(|raw| thread(raw, 5, Some(raw))));
    fake.fail_next(CallTarget::ArchivedThreads(id(5)), server_error());
    let facts = discovered(&fake, &once_active(10..150)).await;
    assert_eq!((lookups(&fake), facts.remembered.len()), (0, 140));
    assert!(facts.proven_states.is_empty() && facts.inconclusive.is_empty());
}

#[tokio::test]
async fn threads_of_a_parent_whose_lookup_failed_are_not_looked_up() {
    let fake = server([]);
    fake.fail_next(CallTarget::Channel(id(6)), server_error());
    let mut known: HashMap<_, _> = once_active(10..20)
        .into_iter()
        .map(|(id, thread)| (id, Box::new(KnownChannel { parent_id: Some(super::id(6)), ..*thread })))
        .collect();
    known.insert(id(6), Box::new(super::known(6, ChannelKind::Text, None, complete(200, 30))));
    let facts = discovered(&fake, &known).await;
    assert_eq!(lookups(&fake), 1);
    assert_eq!(facts.inconclusive.iter().map(|(channel, _)| *channel).collect::<Vec<_>>(), [id(6)]);
    assert!(facts.proven_states.is_empty(), "nothing is concluded");
}

#[tokio::test]
async fn gives_up_after_three_failed_lookups_of_channels() {
    let fake = server([]);
    let known: HashMap<_, _> = (10..30)
        .map(|raw| (id(raw), Box::new(known(raw, ChannelKind::Text, None, complete(200, 30)))))
        .collect();
    (10..30).for_each(|raw| fake.fail_next(CallTarget::Channel(id(raw)), server_error()));
    let facts = discovered(&fake, &known).await;
    assert_eq!((lookups(&fake), facts.inconclusive.len()), (3, 3));
    assert!(facts.proven_states.is_empty());
}

#[tokio::test]
async fn gives_up_after_three_failed_lookups_of_parents() {
    let fake = server([]);
    for raw in 10..30 {
        fake.add_channel(WorkspaceId::new(1).unwrap(), thread(100 + raw, raw, None));
        fake.fail_next(CallTarget::Channel(id(raw)), server_error());
    }
    let facts = discovered(&fake, &HashMap::new()).await;
    assert_eq!((lookups(&fake), facts.inconclusive.len()), (3, 3));
    assert_eq!(facts.channels.len(), 21, "no thread is forgotten");
}

#[tokio::test]
async fn absent_threads_that_are_not_looked_up_are_reported() {
    let fake = server([]);
    let other = WorkspaceId::new(2).unwrap();
    fake.add_workspace(Workspace { id: other, name: "other".into() });
    for raw in 10..70 {
        let bot_lacks = vec!["View Channel"];
        let visibility = Visibility { bot_lacks, ..Visibility::default() };
        fake.add_channel(other, Channel { visibility, ..thread(raw, 5, None) });
    }
    let mut known = once_active(10..70);
    let facts = discovered(&fake, &known).await;
    assert_eq!((facts.refused.len(), facts.postponed.len()), (50, 1));
    assert!(facts.postponed[0].contains("10 lookups"), "{}", facts.postponed[0]);
    // An earlier refusal still counts.
    known.values_mut().for_each(|thread| thread.state = ChannelState::Unreadable);
    let facts = discovered(&fake, &known).await;
    assert_eq!((facts.refused.len(), facts.postponed.len()), (50, 0));
}

/// Adds active threads, each with a parent that no listing contains. The parents are in
/// another workspace, if `exist`.
fn add_threads_of_unlisted_parents(fake: &Fake, exist: bool) {
    let other = WorkspaceId::new(2).unwrap();
    fake.add_workspace(Workspace { id: other, name: "other".into() });
    for raw in 10..70 {
        fake.add_channel(WorkspaceId::new(1).unwrap(), thread(100 + raw, raw, None));
        if exist {
            fake.add_channel(other, channel(raw, ChannelKind::Text, None, Some(200)));
        }
    }
}

#[tokio::test]
async fn parents_that_are_not_looked_up_are_reported() {
    let fake = server([]);
    add_threads_of_unlisted_parents(&fake, false);
    let facts = discovered(&fake, &HashMap::new()).await;
    assert_eq!((lookups(&fake), facts.postponed.len()), (50, 1));
    assert!(facts.postponed[0].contains("10 channels"), "{}", facts.postponed[0]);
}

#[tokio::test]
async fn every_parent_that_exists_is_looked_up() {
    let fake = server([]);
    add_threads_of_unlisted_parents(&fake, true);
    let facts = discovered(&fake, &HashMap::new()).await;
    let is_visible = |channel: &&Channel| channel.visibility.everyone_sees;
    assert_eq!(facts.channels.iter().filter(is_visible).count(), 1 + 60 + 60);
    assert!(facts.postponed.is_empty());
}

#[tokio::test]
async fn a_page_without_archive_times_makes_the_listing_incomplete() {
    let fake = server((10..150).map(|raw| thread(raw, 5, None)));
    for raw in 10..150 {
        fake.change_channel(id(raw), |thread| thread.thread.as_mut().unwrap().archived = true);
    }
    let facts = discovered(&fake, &HashMap::new()).await;
    let listing = &facts.listings[0];
    assert_eq!((listing.is_complete, listing.reached_bottom), (false, false));
    assert!(listing.error.is_some());
}
