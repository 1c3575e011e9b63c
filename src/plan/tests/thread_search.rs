//! Tests of the search for threads that were written in.

use std::sync::Arc;

use hashbrown::HashMap;

use super::super::{Facts, ThreadKnowledge, discover, discover_archived};
use super::{channel, complete, hours_ago, id, known, sent, thread};
use crate::model::{
    Channel, ChannelId, ChannelKind, ChannelState, IdTimes as _, KnownChannel, KnownChannels, KnownListing,
    Timestamp, Workspace, WorkspaceId,
};
use crate::monitor::{Monitor, NoMonitor};
use crate::platform::fake::{Call, CallTarget, Fake, message};
use crate::platform::{ErrorKind, PlatformAdapter, PlatformError};

/// Parents of one archived thread each; that of parent 11 is thread 1011.
const PARENTS: std::ops::Range<u64> = 10..30;

fn workspace() -> WorkspaceId {
    WorkspaceId::new(1).unwrap()
}

/// A workspace whose threads were archived 40 hours ago.
fn server() -> Arc<Fake> {
    let fake = Fake::new();
    fake.add_workspace(Workspace { id: workspace(), name: "w".into() });
    for parent in PARENTS {
        fake.add_channel(workspace(), channel(parent, ChannelKind::Text, None, Some(200)));
        fake.add_channel(workspace(), thread(1000 + parent, parent, Some(40)));
    }
    Arc::new(fake)
}

/// What a run knows that listed everything two hours ago.
fn archive() -> KnownChannels {
    let listing =
        KnownListing { watermark: Some(hours_ago(40)), listed_at: Some(hours_ago(2)), is_incomplete: false };
    let parent = |raw| KnownChannel {
        listing: Some(Box::new(listing)),
        ..known(raw, ChannelKind::Text, None, complete(200, 30))
    };
    let thread = |raw| known(1000 + raw, ChannelKind::PublicThread, Some(raw), complete(200, 30));
    PARENTS.flat_map(|raw| [parent(raw), thread(raw)]).map(|known| (known.id, Box::new(known))).collect()
}

/// Discovers the channels, and the archived threads with this knowledge.
async fn discover_with(fake: &Arc<Fake>, knowledge: ThreadKnowledge<'_>) -> Result<Facts, PlatformError> {
    let monitor: Arc<dyn Monitor> = Arc::new(NoMonitor);
    let platform = Arc::clone(fake) as Arc<dyn PlatformAdapter>;
    let mut facts = discover(&platform, workspace(), &monitor).await?;
    discover_archived(&platform, &mut facts, knowledge, &monitor).await?;
    Ok(facts)
}

fn knowledge(known: &KnownChannels, known_until: Option<Timestamp>) -> ThreadKnowledge<'_> {
    ThreadKnowledge { known, known_until, lists_all: false, now: hours_ago(0) }
}

async fn discovered(fake: &Arc<Fake>, known: &KnownChannels, known_until: Option<Timestamp>) -> Facts {
    discover_with(fake, knowledge(known, known_until)).await.unwrap()
}

/// The number of searches, and the parents that were listed.
fn requests(fake: &Fake) -> (usize, Vec<u64>) {
    let calls = fake.calls();
    let searches = calls.iter().filter(|call| matches!(call, Call::Search(_))).count();
    let mut listed: Vec<u64> = calls
        .iter()
        .filter_map(|call| match call {
            Call::ArchivedThreads { parent, .. } => Some(parent.get()),
            _ => None,
        })
        .collect();
    listed.sort_unstable();
    (searches, listed)
}

fn all() -> Vec<u64> {
    PARENTS.collect()
}

/// Writes in a thread and archives it again.
fn write(fake: &Fake, raw: u64, written_hours_ago: u64) {
    fake.add_message(id(raw), message(sent(written_hours_ago)));
    fake.change_channel(id(raw), |thread| {
        thread.thread.as_mut().unwrap().archived_at = Some(hours_ago(0));
    });
}

fn names(facts: &Facts, thread: u64) -> bool {
    facts.channels.iter().any(|channel| channel.id == id(thread))
}

#[tokio::test]
async fn an_unchanged_workspace_takes_one_search() {
    let fake = server();
    let facts = discovered(&fake, &archive(), Some(hours_ago(2))).await;
    assert_eq!(requests(&fake), (1, vec![]));
    assert_eq!(facts.remembered.len(), PARENTS.count(), "no thread is forgotten");
    assert!(facts.listings.is_empty() && facts.refused.is_empty() && facts.proven_states.is_empty());
}

#[tokio::test]
async fn only_parents_of_threads_with_new_messages_are_listed() {
    let fake = server();
    write(&fake, 1012, 1);
    write(&fake, 1020, 2);
    // A message in a parent isn't one in a thread, and this one was known before.
    fake.add_message(id(14), message(sent(1)));
    write(&fake, 1025, 10);
    let facts = discovered(&fake, &archive(), Some(hours_ago(2))).await;
    assert_eq!(requests(&fake), (1, vec![12, 20]));
    assert!(names(&facts, 1012) && names(&facts, 1020) && !names(&facts, 1025));
}

#[tokio::test]
async fn a_new_thread_is_found_by_its_parent() {
    let fake = server();
    fake.add_channel(workspace(), thread(5000, 13, Some(1)));
    fake.add_message(id(5000), message(sent(1)));
    let facts = discovered(&fake, &archive(), Some(hours_ago(2))).await;
    assert_eq!(requests(&fake), (1, vec![13]));
    assert!(names(&facts, 5000));
}

#[tokio::test]
async fn the_first_thread_of_a_parent_is_found() {
    let fake = server();
    let mut known = archive();
    // Started from an old message, it leaves no sign in its parent.
    known.remove(&id(1013));
    fake.remove_channel(id(1013));
    fake.add_channel(workspace(), thread(5000, 13, Some(1)));
    fake.add_message(id(5000), message(sent(1)));
    let facts = discovered(&fake, &known, Some(hours_ago(2))).await;
    assert_eq!(requests(&fake), (1, vec![13]));
    assert!(names(&facts, 5000));
}

#[tokio::test]
async fn everything_is_listed_where_the_search_does_not_help() {
    let error = |kind| PlatformError::new(kind, "search", "test");
    for kind in [ErrorKind::NotReady, ErrorKind::Forbidden, ErrorKind::NoRoute, ErrorKind::Server] {
        let fake = server();
        fake.fail_next(CallTarget::Search(workspace()), error(kind));
        discovered(&fake, &archive(), Some(hours_ago(2))).await;
        assert_eq!(requests(&fake), (1, all()), "{kind:?}");
    }
    let without_knowledge = server();
    discovered(&without_knowledge, &archive(), None).await;
    assert_eq!(requests(&without_knowledge), (0, all()));
    let from_the_future = server();
    let future = hours_ago(0).later(std::time::Duration::from_hours(3));
    discovered(&from_the_future, &archive(), Some(future)).await;
    assert_eq!(requests(&from_the_future), (0, all()));
    let busy = server();
    for minute in 0..80 {
        let at = hours_ago(1).later(std::time::Duration::from_secs(minute));
        let id_at = Fake::new().id_before(at).unwrap();
        busy.add_message(id(10), message(id_at));
    }
    discovered(&busy, &archive(), Some(hours_ago(2))).await;
    assert_eq!(requests(&busy), (3, all()));
    let unknown_channel = server();
    unknown_channel.add_channel(workspace(), Channel { parent_id: None, ..thread(5000, 13, Some(1)) });
    unknown_channel.add_message(id(5000), message(sent(1)));
    discovered(&unknown_channel, &archive(), Some(hours_ago(2))).await;
    assert_eq!(requests(&unknown_channel), (1, all()));
}

#[tokio::test]
async fn an_error_that_ends_the_run_ends_the_search() {
    let fake = server();
    let rejected = PlatformError::new(ErrorKind::TokenRejected, "search", "test");
    fake.fail_next(CallTarget::Search(workspace()), rejected);
    let known = archive();
    let error = discover_with(&fake, knowledge(&known, Some(hours_ago(2)))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TokenRejected);
    assert_eq!(requests(&fake), (1, vec![]));
}

#[tokio::test]
async fn a_search_replaces_no_listing_that_is_due_or_was_incomplete() {
    let fake = server();
    let mut known = archive();
    let change = |known: &mut KnownChannels, raw: u64, change: &dyn Fn(&mut KnownChannel)| {
        change(known.get_mut(&id(raw)).unwrap());
    };
    let listing = |known: &mut KnownChannel| known.listing.as_mut().unwrap().listed_at = Some(hours_ago(25));
    change(&mut known, 11, &listing);
    change(&mut known, 12, &|known| known.listing.as_mut().unwrap().is_incomplete = true);
    change(&mut known, 13, &|known| known.state = ChannelState::Hidden);
    change(&mut known, 14, &|known| known.listing = None);
    // A thread that was active, and one that could not be read.
    change(&mut known, 1015, &|known| known.archived = Some(false));
    change(&mut known, 1016, &|known| known.checkpoint.failed_at = Some(hours_ago(2)));
    let facts = discovered(&fake, &known, Some(hours_ago(2))).await;
    assert_eq!(requests(&fake), (1, vec![11, 12, 13, 14, 15, 16]));
    assert!(names(&facts, 1015) && names(&facts, 1016));
    fake.clear_calls();
    let everything = ThreadKnowledge { lists_all: true, ..knowledge(&known, Some(hours_ago(2))) };
    discover_with(&fake, everything).await.unwrap();
    assert_eq!(requests(&fake), (0, all()));
}

#[tokio::test]
async fn few_listings_take_no_search() {
    let fake = server();
    let known: HashMap<ChannelId, _> =
        archive().into_iter().filter(|(known, _)| !(13..30).contains(&known.get())).collect();
    let known: KnownChannels =
        known.into_iter().filter(|(_, known)| known.parent_id.is_none_or(|id| id.get() < 13)).collect();
    for parent in 13..30 {
        fake.remove_channel(id(parent));
        fake.remove_channel(id(1000 + parent));
    }
    discovered(&fake, &known, Some(hours_ago(2))).await;
    assert_eq!(requests(&fake), (0, vec![10, 11, 12]));
}

#[tokio::test]
async fn a_thread_that_was_written_in_but_is_not_listed_is_looked_up() {
    let fake = server();
    write(&fake, 1012, 1);
    // After a conversion of its parent, the listing holds only threads of the other type.
    fake.change_channel(id(1012), |thread| thread.thread.as_mut().unwrap().archived = false);
    let facts = {
        let monitor: Arc<dyn Monitor> = Arc::new(NoMonitor);
        let platform = Arc::clone(&fake) as Arc<dyn PlatformAdapter>;
        let mut facts = discover(&platform, workspace(), &monitor).await.unwrap();
        facts.channels.retain(|channel| channel.id != id(1012));
        let known = archive();
        let knowledge = knowledge(&known, Some(hours_ago(2)));
        discover_archived(&platform, &mut facts, knowledge, &monitor).await.unwrap();
        facts
    };
    assert!(fake.calls().contains(&Call::Channel(id(1012))), "{:?}", fake.calls());
    assert!(names(&facts, 1012));
}
