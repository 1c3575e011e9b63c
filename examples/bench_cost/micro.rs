//! Single steps, best of several rounds. Scrubbing has a benchmark of its own.

use std::fs;
use std::hint::black_box;
use std::time::Duration;

use hashbrown::HashMap;
use verta_sync::anonymize::{self, UserHash};
use verta_sync::archive::KnownChannel;
use verta_sync::model::{
    Channel, ChannelId, ChannelKind, ChannelState, Checkpoint, MessageId, OnRateLimit, Timestamp, UserId,
    Visibility, Workspace, WorkspaceId,
};
use verta_sync::plan::{Facts, Selection, build};
use verta_sync::platform::discord::{Discord, DiscordSettings};
use verta_sync::platform::{GateSettings, RetryPolicy};

use crate::measure::best_of;
use crate::pages::{self, RawPage};
use crate::{Done, GUILD, equal, folder, writing};

const ROUNDS: u32 = 7;
const CHANNELS: u64 = 5_000;
const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

pub fn measure() -> Done<()> {
    // A tenth of the small world: 100 messages of each channel.
    let pages = pages::of(&equal(100))?;
    let messages: u64 = pages.iter().map(|page| page.parse().messages.len() as u64).sum();
    tell("parse", messages, "message", best_of(ROUNDS, || pages.iter().map(RawPage::parse).count()));
    let parsed: Vec<_> = pages.iter().map(RawPage::parse).collect();
    let mut copies: Vec<_> = (0..ROUNDS).map(|_| parsed.clone()).collect();
    let take_people_out = || copies.pop().map(|pages| pages.into_iter().map(anonymize::page).count());
    tell("anonymize", messages, "message", best_of(ROUNDS, take_people_out));
    let users = 80_351_110_224_678_912..80_351_110_224_778_912_u64;
    let hash = || {
        for user in users.clone().filter_map(UserId::new) {
            black_box(UserHash::of(user));
        }
    };
    tell("hash", 100_000, "user", best_of(ROUNDS, hash));
    let folder = folder("micro")?;
    let mut seconds = f64::MAX;
    for round in 0..3 {
        let cost = writing::store(&folder.join(format!("{round}.db")), &pages)?;
        seconds = seconds.min(cost.cpu_seconds);
    }
    fs::remove_dir_all(folder)?;
    tell("write", messages, "message", Duration::from_secs_f64(seconds));
    plan()
}

fn tell(step: &str, count: u64, unit: &str, time: Duration) {
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    let nanoseconds = time.as_secs_f64() * 1e9 / count as f64;
    println!("micro          {step:<10} {nanoseconds:8.0} ns a {unit}");
}

/// A guild of many channels in which nothing is new.
fn plan() -> Done<()> {
    let settings = DiscordSettings {
        api_url: "http://localhost".to_owned(),
        gate: GateSettings { max_in_flight: 1, requests_per_second: 1.0 },
        on_rate_limit: OnRateLimit::Wait,
        retry: RetryPolicy { max_retries: 0, base_delay: Duration::ZERO },
        request_timeout: Duration::from_secs(1),
        now: verta_sync::model::Timestamp::from_millis(0),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let discord = runtime.block_on(async { Discord::new(&settings, "token") })?;
    let ids = (1..=CHANNELS).filter_map(ChannelId::new);
    let facts = Facts {
        workspace: Workspace { id: WorkspaceId::new(GUILD).ok_or("a guild has an ID")?, name: String::new() },
        channels: ids.clone().map(channel).collect(),
        remembered: Vec::new(),
        gone: Vec::new(),
        listings: Vec::new(),
        unasked: Vec::new(),
    };
    let known: HashMap<_, _> = ids.map(|id| (id, known(id))).collect();
    let selection = Selection { refresh_window: Duration::from_hours(24), ..Selection::default() };
    let time = best_of(ROUNDS, || build(&discord, &facts, &known, &selection, NOW));
    tell("plan", CHANNELS, "channel", time);
    Ok(())
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
        metadata: serde_json::Map::new(),
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
        thread_watermark: None,
        threads_listed_at: None,
    }
}
