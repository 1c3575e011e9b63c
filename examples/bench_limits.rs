//! Compares the duration of a sync with the minimum that Discord's rate limits allow.
//!
//! `cargo run --release --example bench_limits [-- CASE]...` runs the real `start`
//! against a simulated Discord with its rate limits and 60 ms latency. It prints the
//! duration as a ratio to the lower bound, which is the greater of two times: all
//! requests at `requests_per_second`, and the largest channel's pages at the rate of its
//! bucket. Wait times are sums over channels that wait concurrently.
//! Each case takes one to eight minutes; the last two read one channel at a time.

use std::collections::HashMap;
use std::error::Error;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use discord_sim::{
    ChannelDescription, Description, FaultKind, Headers, Limits, Match, Options, RouteKind, Second,
    Simulator, World,
};
use rusqlite::Connection;
use verta_sync::cli;
use verta_sync::config::Environment;

const REQUESTS_PER_SECOND: f64 = 48.0;
const LATENCY: Duration = Duration::from_millis(60);
/// Discord's limit for one channel: 5 pages per 5 seconds, the first 5 at once.
const PAGES_PER_WINDOW: u32 = 5;
const WINDOW_SECONDS: u32 = 5;

/// A benchmark case.
struct Case {
    name: &'static str,
    world: fn() -> Description,
    headers: Headers,
    jitter: Duration,
    workers: Option<usize>,
    /// Changes the server before the sync.
    prepare: fn(&Simulator),
}

impl Case {
    /// The case of a world without changes, whose headers tell the truth.
    const fn of(name: &'static str, world: fn() -> Description) -> Self {
        Self { name, world, headers: Headers::Honest, jitter: Duration::ZERO, workers: None, prepare: |_| {} }
    }
}

const CASES: [Case; 9] = [
    Case::of("equal", equal),
    Case::of("zipf", zipf),
    Case::of("two-tenants", two_tenants),
    Case { prepare: trouble_some, ..Case::of("200-tenants", many_tenants) },
    Case { headers: LYING, ..Case::of("equal-lying", equal) },
    Case { headers: LYING, ..Case::of("zipf-lying", zipf) },
    Case { jitter: Duration::from_millis(90), ..Case::of("equal-jitter", equal) },
    Case { workers: Some(1), ..Case::of("equal-sequential", equal) },
    Case { workers: Some(1), ..Case::of("zipf-sequential", zipf) },
];

/// Discord's headers have overstated the limits since early 2026.
const LYING: Headers = Headers::Generous { limit: 1000 };

fn equal() -> Description {
    Description::community(71_000_000_000_000_001, 500, 400)
}

fn zipf() -> Description {
    Description::of_channels(71_000_000_000_000_001, zipf_channels(120, 8_000))
}

fn zipf_channels(channels: u32, largest: u32) -> Vec<ChannelDescription> {
    (1..=channels)
        .map(|rank| ChannelDescription::text(&format!("zipf-{rank}"), u64::from(largest / rank)))
        .collect()
}

fn two_tenants() -> Description {
    let mut world = Description::of_channels(71_000_000_000_000_001, zipf_channels(120, 8_000));
    let mut small = Description::of_channels(72_000_000_000_000_001, zipf_channels(12, 1_000));
    world.guilds.append(&mut small.guilds);
    world
}

/// The first of the [`many_tenants`]; the others follow.
const FIRST_TENANT: u64 = 73_000_000_000_000_001;

/// 199 servers of six channels, and a huge one.
fn many_tenants() -> Description {
    let small = || {
        let channels =
            (0..6).map(|index| ChannelDescription::text(&format!("room-{index}"), 20 + 60 * index));
        Description::of_channels(FIRST_TENANT, channels.collect()).guilds.swap_remove(0)
    };
    let mut world = Description::of_channels(FIRST_TENANT, zipf_channels(120, 8_000));
    let guilds = (1..200).map(|index| {
        let mut guild = small();
        guild.id = FIRST_TENANT + index;
        guild.name = format!("server-{index}");
        guild
    });
    world.guilds.extend(guilds);
    world
}

/// One of the [`many_tenants`] is gone, and one answers after three seconds.
fn trouble_some(sim: &Simulator) {
    sim.world().remove_bot(FIRST_TENANT + 50);
    let slow = Match { guild: Some(FIRST_TENANT + 100), ..Match::default() };
    sim.faults().when(slow.always(), FaultKind::Stall(Duration::from_secs(3)));
}

fn main() -> Result<(), Box<dyn Error>> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    for case in CASES.iter().filter(|case| wanted.is_empty() || wanted.iter().any(|name| name == case.name)) {
        measure(case)?;
    }
    Ok(())
}

fn measure(case: &Case) -> Result<(), Box<dyn Error>> {
    let limits = Limits { headers: case.headers, second: Second::Sliding, ..Limits::discord() };
    let options = Options { latency: LATENCY, jitter: case.jitter, limits, ..Options::default() };
    let sim = Simulator::start_with(World::new(&(case.world)()), options);
    let folder = std::env::temp_dir().join(format!("verta-sync-bench-{}-{}", std::process::id(), case.name));
    fs::create_dir_all(&folder)?;
    // The lower bound covers messages only; reactor lists are read afterwards.
    let mut config = format!(
        "[discord]\napi_url = \"{}\"\nrequests_per_second = {REQUESTS_PER_SECOND}\n[sync]\nreactions = \"counts\"\n",
        sim.url()
    );
    for (guild, _) in sim.world().guilds() {
        write!(config, "\n[[tenant]]\nname = \"t{guild}\"\nguild_id = \"{guild}\"\n")?;
    }
    fs::write(folder.join("sync.toml"), config)?;
    let env = Environment::new([("DISCORD_BOT_TOKEN", sim.token())], &folder);
    let mut arguments: Vec<OsString> = ["verta-sync", "--quiet", "start"].map(OsString::from).to_vec();
    if let Some(workers) = case.workers {
        arguments.push(format!("--max-channel-workers={workers}").into());
    }
    (case.prepare)(&sim);
    let run = |name: &str| -> Result<(), Box<dyn Error>> {
        sim.journal().clear();
        let begin = Instant::now();
        let code = cli::run(arguments.clone(), env.clone()).map_err(|failure| failure.to_string())?;
        let seconds = begin.elapsed().as_secs_f64();
        let waits = describe_waits(&folder.join("archive.db"))?;
        report(name, &sim, seconds, code.number(), &waits);
        Ok(())
    };
    run(case.name)?;
    run(&format!("{} again", case.name))?;
    fs::remove_dir_all(&folder)?;
    Ok(())
}

/// One line: the seconds that all channels together waited, by cause, and their retries.
fn describe_waits(archive: &Path) -> Result<String, Box<dyn Error>> {
    let sums =
        "SELECT format('waited %.0fs for buckets, %.0fs for the global limit, %.0fs for the invalid-request limit, \
                              %.0fs for the pace, \
                              %.0fs to retry; %d retries, %d failed channels',
                              sum(bucket_wait_seconds), sum(global_wait_seconds), sum(guard_wait_seconds),
                              sum(pace_wait_seconds), sum(retry_wait_seconds), sum(retries),
                              (SELECT count(*) FROM channel_sync_jobs c WHERE c.status <> 'completed'))
                  FROM sync_jobs
                 WHERE run_id = (SELECT run_id FROM sync_jobs ORDER BY started_at DESC LIMIT 1)";
    Ok(Connection::open(archive)?.query_row(sums, [], |row| row.get(0))?)
}

#[allow(clippy::cast_precision_loss, reason = "ratios")]
fn report(name: &str, sim: &Simulator, seconds: f64, code: u8, waits: &str) {
    let entries = sim.journal().entries();
    let limited_requests = entries.iter().filter(|entry| entry.status == Some(429)).count();
    let answered_requests = entries.len() - limited_requests;
    let mut pages: HashMap<u64, u32> = HashMap::new();
    for entry in
        entries.iter().filter(|entry| entry.route == Some(RouteKind::Messages) && entry.status == Some(200))
    {
        *pages.entry(entry.channel.unwrap_or_default()).or_default() += 1;
    }
    let largest_channel_pages = pages.values().copied().max().unwrap_or(0);
    let channel_seconds =
        f64::from(largest_channel_pages.saturating_sub(1) / PAGES_PER_WINDOW * WINDOW_SECONDS);
    let bound = (answered_requests as f64 / REQUESTS_PER_SECOND).max(channel_seconds);
    println!(
        "{name:<22} {seconds:6.1}s = {:.3} x the lower bound of {bound:.1}s ({answered_requests} requests, {largest_channel_pages} pages in the largest channel); \
         {:.2} % 429s, {} in flight, {} in the busiest second, exit code {code}\n{:<22} {waits}",
        seconds / bound,
        100.0 * limited_requests as f64 / entries.len() as f64,
        sim.journal().most_in_flight(),
        sim.journal().busiest_second(),
        "",
    );
}
