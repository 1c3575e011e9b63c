//! Measures the cost of scrubbing messages.
//!
//! `cargo run --release --example bench_scrub` fetches pages of messages from a
//! simulated Discord once, then times each processing step without the network: parsing
//! the JSON, converting it to the platform-neutral model, scrubbing, and writing to an
//! archive in a temporary folder. The fastest of several rounds counts. The target for
//! scrubbing is less than a tenth of the total. The last lines are rates of the scrubber
//! alone, on ordinary and on hostile texts. Takes about half a minute.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use discord_sim::{ChannelDescription, Description, Mix, Simulator, World};
use serde::de::IgnoredAny;
use tokio::task::JoinSet;
use verta_sync::anonymize::{self, HashScheme, Rules, Scrubber};
use verta_sync::archive::messages::{PageBatch, store_page};
use verta_sync::archive::progress::PageProgress;
use verta_sync::archive::reactions::ReactionPolicy;
use verta_sync::archive::{ArchiveFile, Lock, Writer, channels, progress, tenants};
use verta_sync::model::{
    Channel, ChannelId, ChannelKind, ChannelState, MessageId, MessagePage, ReactionMode, Timestamp, UserId,
    WorkspaceId,
};
use verta_sync::platform::discord::{SPEC, read_page};
use verta_sync::platform::registry::PLATFORMS;

const SCRUBBER: Scrubber = Scrubber::new(&SPEC, HashScheme::Plain);

const GUILD: u64 = 71_000_000_000_000_001;
const MESSAGES: u64 = 10_000;
const ROUNDS: u32 = 5;
/// Pages sent to the writer at once, as many as it commits together.
const GROUP_PAGES: usize = 32;
const NOW: Timestamp = Timestamp::from_millis(1_785_542_400_000);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    for (name, mix) in [("a lively chat", Mix::Chat), ("every kind of message in turn", Mix::Rich)] {
        measure(name, mix)?;
    }
    rates();
    hostile_rates();
    Ok(())
}

fn measure(name: &str, mix: Mix) -> Result<()> {
    let channel = ChannelDescription { mix, ..ChannelDescription::text("chat", MESSAGES) };
    let sim = Simulator::start(World::new(&Description::of_channels(GUILD, vec![channel])));
    let id = sim.world().channel_named(GUILD, "chat").ok_or("no channel")?;
    let channel = ChannelId::new(id).ok_or("no channel")?;
    let bodies = fetch(&sim, channel)?;
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    println!("{name}: {MESSAGES} messages in {} pages, {:.1} MB", bodies.len(), megabytes(bytes));

    let json = fastest(|| {
        let begin = Instant::now();
        for body in &bodies {
            black_box(serde_json::from_slice::<IgnoredAny>(black_box(body)).is_ok());
        }
        Ok(begin.elapsed())
    })?;
    let pages = convert(bodies.clone(), channel)?.0;
    let converted = fastest(|| Ok(convert(bodies.clone(), channel)?.1))?;
    let scrubbed = fastest(|| Ok(scrub(pages.clone()).1))?;
    let written = fastest(|| write(scrub(pages.clone()).0, channel))?;
    let total = converted + scrubbed + written;
    for (step, took) in [
        ("parsing the JSON only", json),
        ("parsing and converting", converted),
        ("scrubbing", scrubbed),
        ("writing", written),
        ("total", total),
    ] {
        println!("  {step:<24} {:7.2} µs per message", micros(took) / count(MESSAGES));
    }
    println!("  scrubbing is {:.1} % of the total", 100.0 * micros(scrubbed) / micros(total));
    Ok(())
}

/// The bodies of all pages of a channel, as received.
fn fetch(sim: &Simulator, channel: ChannelId) -> Result<Vec<Vec<u8>>> {
    let mut bodies = Vec::new();
    let mut after = 0;
    loop {
        let path = format!("/api/v10/channels/{}/messages?limit=100&after={after}", channel.get());
        let body = get(sim, &path)?;
        match read_page(body.clone().into(), channel, 100)?.messages.last() {
            Some(last) => after = last.id.get(),
            None => return Ok(bodies),
        }
        bodies.push(body);
    }
}

fn get(sim: &Simulator, path: &str) -> Result<Vec<u8>> {
    let url = sim.url();
    let address = url.strip_prefix("http://").ok_or("no address")?;
    let mut stream = TcpStream::connect(address)?;
    let token = sim.token();
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bot {token}\r\n\
         User-Agent: DiscordBot (https://localhost, 1)\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or("no answer")?;
    Ok(answer.split_off(end + 4))
}

fn convert(bodies: Vec<Vec<u8>>, channel: ChannelId) -> Result<(Vec<MessagePage>, Duration)> {
    let mut pages = Vec::with_capacity(bodies.len());
    let begin = Instant::now();
    for body in bodies {
        pages.push(black_box(read_page(body.into(), channel, 100)?));
    }
    Ok((pages, begin.elapsed()))
}

fn scrub(pages: Vec<MessagePage>) -> (Vec<anonymize::Page>, Duration) {
    let mut scrubbed = Vec::with_capacity(pages.len());
    let begin = Instant::now();
    for page in pages {
        scrubbed.push(black_box(SCRUBBER.page(page)));
    }
    (scrubbed, begin.elapsed())
}

/// Stores pages in a new archive, as a sync does. Returns the time of the writes.
fn write(pages: Vec<anonymize::Page>, id: ChannelId) -> Result<Duration> {
    let folder = std::env::temp_dir().join(format!("verta-sync-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let took = runtime.block_on(write_into(&folder, pages, id));
    fs::remove_dir_all(&folder)?;
    took
}

async fn write_into(folder: &Path, pages: Vec<anonymize::Page>, id: ChannelId) -> Result<Duration> {
    let file = ArchiveFile {
        path: folder.join("archive.db"),
        mode: 0o600,
        rules: Rules::plain(PLATFORMS),
        busy_timeout: verta_sync::archive::BUSY_TIMEOUT,
    };
    let lock = Lock::take(&file, "start", None, NOW)?;
    let (writer, thread) = Writer::start(file.open()?, Rules::plain(PLATFORMS), &lock);
    let workspace = WorkspaceId::new(GUILD).ok_or("no workspace")?;
    let channel = writer
        .run(move |tx| {
            let tenant = tenants::intern(tx, &SPEC, workspace, "bench", NOW)?;
            let rows = channels::store(tx, tenant, &[channel(id)], NOW)?;
            let row = rows[&id].0;
            progress::begin(tx, tenant, row, 0, None, NOW).map(|()| row)
        })
        .await?;
    let reactions =
        ReactionPolicy { mode: ReactionMode::Counts, began_at: NOW, window: Duration::ZERO, is_full: false };
    let mut after: Option<MessageId> = None;
    let mut batches = Vec::with_capacity(pages.len());
    for page in pages {
        let last = page.last_id;
        batches.push(PageBatch {
            channel,
            after,
            page,
            read_at: NOW,
            reactions,
            has_gap: false,
            progress: PageProgress::default(),
        });
        after = last;
    }
    let begin = Instant::now();
    while !batches.is_empty() {
        let mut group = JoinSet::new();
        for batch in batches.drain(..GROUP_PAGES.min(batches.len())) {
            let writer = writer.clone();
            group.spawn(async move { writer.run(move |tx| store_page(tx, &batch, NOW)).await });
        }
        for outcome in group.join_all().await {
            outcome?;
        }
    }
    let took = begin.elapsed();
    drop(writer);
    thread.join()?;
    Ok(took)
}

fn channel(id: ChannelId) -> anonymize::Channel {
    SCRUBBER.channel(Channel::new(id, ChannelKind::Text, "chat", NOW), ChannelState::Active)
}

/// Rates of the scrubber alone, on ordinary texts of 2,000 characters.
fn rates() {
    for (name, piece) in [
        ("no digits", "the server keeps restarting after the patch, any ideas? "),
        ("short numbers", "the 7D2D server of 2026-08-01 has 64 slots, 12 are free "),
        ("mentions", "thanks <@80351110224678912>, that fixed the loot table! "),
        ("long numbers", "ticket 80351110224678912 is closed again, see the wiki "),
    ] {
        let text = piece.repeat(2000 / piece.len());
        let texts = 20_000;
        let begin = Instant::now();
        for _ in 0..texts {
            let mut people = Vec::new();
            black_box(SCRUBBER.scrub(black_box(text.clone()), &mut people));
        }
        let seconds = begin.elapsed().as_secs_f64();
        println!("text with {name:<14} {:7.0} MB/s", megabytes(text.len() * texts) / seconds);
    }
    hash_rate();
}

/// Rates on texts of 200 KB that repeat patterns which make the scrubber look ahead or
/// back.
fn hostile_rates() {
    const BYTES: usize = 200_000;
    const ID: &str = "80351110224678912";
    let hash = "0123456789abcdef".repeat(4);
    for (name, begin, piece) in [
        ("backslashes", "", "\\".to_owned()),
        ("backslashes and u", "", "\\\\\\u005c".to_owned()),
        ("percent signs", "", "%25".to_owned()),
        ("one percent sign", "%", "25".to_owned()),
        ("entities", "", "&amp;amp;".to_owned()),
        ("one entity", "&", "amp;".to_owned()),
        ("pictures by looks", "", "embed/avatars/".to_owned()),
        ("profiles", "", format!("/users/{ID}")),
        ("encoded profiles", "", format!("%2Fusers%2F{ID}%2F")),
        ("pictures", "", format!("/avatars/{ID}/")),
        ("spaced paths", "", format!("/avatars/{ID}/x\u{a0}")),
        ("one spaced path", "/avatars/80351110224678912", "/x\u{a0}".to_owned()),
        ("hashed pictures", "", format!("/avatars/{hash}")),
        ("hashed profiles", "avatar ", format!("/users/{hash}/")),
        ("erased", "avatar ", "s%2Fforgotten/".to_owned()),
        ("hex digits", "avatar/ ", hash.clone()),
        ("digits", "", "1".to_owned()),
        ("zero width", "", "1\u{200b}".to_owned()),
        ("zero width only", "/users/80351110224678912", "\u{200b}".to_owned()),
        ("mentions", "", "<@".to_owned()),
        ("addresses", "", "https://".to_owned()),
        ("proxies", "", "/external/aaaaaaaaaaaaaaaaaaaaaaa/embed/avatars/1&".to_owned()),
    ] {
        let mut text = begin.to_owned();
        text.push_str(&piece.repeat(BYTES / piece.len()));
        let began = Instant::now();
        black_box(SCRUBBER.scrub(black_box(text.clone()), &mut Vec::new()));
        let seconds = began.elapsed().as_secs_f64();
        println!("hostile: {name:<20} {:8.3} MB/s, {seconds:.3} s", megabytes(text.len()) / seconds);
    }
}

fn hash_rate() {
    let hashes = 2_000_000_u64;
    let begin = Instant::now();
    for id in 0..hashes {
        black_box(UserId::new(80_351_110_224_678_912 + id).map(|user| SCRUBBER.hash(user)));
    }
    println!("hashes of user IDs       {:7.2} million/s", count(hashes) / micros(begin.elapsed()));
}

fn fastest(mut measured: impl FnMut() -> Result<Duration>) -> Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        best = best.min(measured()?);
    }
    Ok(best)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[allow(clippy::cast_precision_loss, reason = "rates")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

#[allow(clippy::cast_precision_loss, reason = "rates")]
fn count(number: u64) -> f64 {
    number as f64
}
