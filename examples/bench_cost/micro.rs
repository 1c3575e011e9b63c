//! Microbenchmarks of single steps. For scrubbing, see `bench_scrub`.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use divan::counter::ItemsCount;
use divan::{Bencher, Divan};
use hashbrown::HashMap;
use tempfile::TempDir;
use verta_sync::anonymize::{HashScheme, Scrubber};
use verta_sync::model::{
    Channel, ChannelId, ChannelKind, ChannelState, Checkpoint, KnownChannel, MessageId, RateLimitPolicy,
    Timestamp, UserId, Visibility, Workspace, WorkspaceId,
};
use verta_sync::plan::{Facts, Selection, build};
use verta_sync::platform::discord::{Discord, SPEC};
use verta_sync::platform::{AdapterSettings, GateSettings, RetryPolicy};

use crate::pages::{self, RawPage};
use crate::writing::Prepared;
use crate::{BenchResult, GUILD, equal, folder};

const SCRUBBER: Scrubber = Scrubber::new(&SPEC, HashScheme::Plain);

const CHANNELS: u64 = 5_000;
const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// 100 messages of each of 500 channels.
static PAGES: LazyLock<Vec<RawPage>> =
    LazyLock::new(|| pages::of(&equal(100)).expect("the simulator answers"));
/// Removed explicitly at the end, since statics aren't dropped.
static FOLDER: LazyLock<TempDir> =
    LazyLock::new(|| folder("micro").expect("a temporary folder can be created"));

pub fn measure() -> BenchResult<()> {
    Divan::default().run_benches();
    Ok(std::fs::remove_dir_all(FOLDER.path())?)
}

fn messages() -> ItemsCount {
    ItemsCount::new(PAGES.iter().map(|page| page.parse().messages.len()).sum::<usize>())
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn parse(bencher: Bencher<'_, '_>) {
    bencher.counter(messages()).bench(|| PAGES.iter().map(RawPage::parse).count());
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn anonymize(bencher: Bencher<'_, '_>) {
    let parsed: Vec<_> = PAGES.iter().map(RawPage::parse).collect();
    let scrub_pages = |pages: Vec<_>| {
        for page in pages {
            drop(divan::black_box(SCRUBBER.page(page)));
        }
    };
    bencher.counter(messages()).with_inputs(|| parsed.clone()).bench_values(scrub_pages);
}

#[divan::bench]
fn hash(bencher: Bencher<'_, '_>) {
    let user = UserId::new(80_351_110_224_678_912).expect("a user has an ID");
    bencher.counter(ItemsCount::new(1_usize)).bench(|| SCRUBBER.hash(divan::black_box(user)));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn write(bencher: Bencher<'_, '_>) {
    static ROUND: AtomicU32 = AtomicU32::new(0);
    let prepare = || {
        let archive = FOLDER.path().join(format!("{}.db", ROUND.fetch_add(1, Ordering::Relaxed)));
        Prepared::of(&archive, &PAGES).expect("a new archive can be created")
    };
    bencher
        .counter(messages())
        .with_inputs(prepare)
        .bench_values(|prepared| prepared.store().expect("the pages are stored"));
}

/// Plans a guild of many channels without new messages.
#[divan::bench(sample_count = 50)]
fn plan(bencher: Bencher<'_, '_>) {
    let settings = AdapterSettings {
        api_url: "http://localhost".to_owned(),
        gate: GateSettings { max_in_flight: 1, requests_per_second: 1.0 },
        on_rate_limit: RateLimitPolicy::Wait,
        retry: RetryPolicy { max_retries: 0, base_delay: Duration::ZERO },
        request_timeout: Duration::from_secs(1),
        now: NOW,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be built");
    let discord = runtime
        .block_on(async { Discord::new(&settings, "token") })
        .expect("the token is a valid header value");
    let ids = (1..=CHANNELS).filter_map(ChannelId::new);
    let guild = WorkspaceId::new(GUILD).expect("a guild has an ID");
    let facts = Facts {
        workspace: Workspace { id: guild, name: String::new() },
        channels: ids.clone().map(channel).collect(),
        remembered: Vec::new(),
        proven_states: Vec::new(),
        listings: Vec::new(),
        inconclusive: Vec::new(),
        postponed: Vec::new(),
        vanished: Vec::new(),
        refused: Vec::new(),
        active_threads_error: None,
    };
    let known: HashMap<_, _> = ids.map(|id| (id, Box::new(known(id)))).collect();
    let selection = Selection { refresh_window: Duration::from_hours(24), ..Selection::default() };
    bencher.counter(ItemsCount::new(CHANNELS)).bench(|| build(&discord, &facts, &known, &selection, NOW));
}

fn channel(id: ChannelId) -> Channel {
    Channel {
        id,
        parent_id: None,
        kind: ChannelKind::Text,
        name: "bench".to_owned(),
        topic: None,
        created_at: Timestamp::from_millis(1_700_000_000_000),
        last_message_id: MessageId::new(1_200_000_000_000_000_000),
        last_message_at: None,
        visibility: Visibility { everyone_sees: true, everyone_reads_history: true, ..Visibility::default() },
        thread: None,
        metadata: verta_sync::model::Metadata::default(),
    }
}

fn known(id: ChannelId) -> KnownChannel {
    KnownChannel {
        id,
        parent_id: None,
        kind: ChannelKind::Text,
        name: "bench".to_owned(),
        opened_at: Timestamp::from_millis(1_700_000_000_000),
        state: ChannelState::Active,
        archived: None,
        checkpoint: Checkpoint {
            last_message_id: MessageId::new(1_200_000_000_000_000_000),
            history_complete: true,
            refreshed_at: Some(NOW),
            ..Checkpoint::default()
        },
        listing: None,
        requested_at: None,
        has_messages: true,
        was_named_by_message: false,
    }
}
