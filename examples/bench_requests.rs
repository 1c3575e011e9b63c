//! Counts the requests of a first sync, and of later syncs after few or no changes.
//!
//! `cargo run --release --example bench_requests -- BINARY...` runs each binary against
//! the same simulated Discord without limits, and prints each number of requests with its
//! ratio to the first binary's. This compares two versions in one run.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use discord_sim::{ChannelDescription, ChannelKind, Description, Simulator, ThreadPlan, World};

/// The syncs of each world, in order.
const RUNS: [&str; 4] = ["first sync", "nothing new", "10 channels changed", "a day later"];

fn main() -> Result<(), Box<dyn Error>> {
    let binaries: Vec<String> = std::env::args().skip(1).collect();
    if binaries.is_empty() {
        return Err("usage: bench_requests BINARY...".into());
    }
    let worlds = [
        ("equal", Description::of_channels(1 << 50, channels(|_| 2_000))),
        ("zipf", Description::of_channels(1 << 50, channels(|rank| 100_000 / (rank + 1)))),
        ("threads", with_threads()),
        ("two tenants", two_tenants()),
    ];
    for (name, world) in &worlds {
        let mut first = Vec::new();
        for binary in &binaries {
            let requests = measure(binary, world)?;
            if first.is_empty() {
                first.clone_from(&requests);
            }
            for ((run, count), base) in RUNS.iter().zip(&requests).zip(&first) {
                #[allow(clippy::cast_precision_loss, reason = "a ratio")]
                let ratio = *count as f64 / (*base).max(1) as f64;
                println!("{name:<12} {run:<20} {count:>6} requests = {ratio:.3} x   {binary}");
            }
        }
    }
    Ok(())
}

fn channels(messages: impl Fn(u64) -> u64) -> Vec<ChannelDescription> {
    (0..120).map(|rank| ChannelDescription::text(&format!("room-{rank}"), messages(rank))).collect()
}

fn with_threads() -> Description {
    let threads = ThreadPlan { active: 5, archived: 30, messages: 12, ..ThreadPlan::default() };
    let parents = (0..30).map(|index| ChannelDescription {
        threads: threads.clone(),
        messages: if index % 2 == 0 { 200 } else { 0 },
        ..ChannelDescription::new(
            if index % 2 == 0 { ChannelKind::Text } else { ChannelKind::Forum },
            &format!("parent-{index}"),
        )
    });
    Description::of_channels(1 << 50, parents.collect())
}

fn two_tenants() -> Description {
    let mut description = Description::of_channels(1 << 50, channels(|_| 300));
    let other = Description::of_channels(1 << 51, channels(|rank| rank));
    description.guilds.extend(other.guilds);
    description
}

/// Returns the number of requests of each of the [`RUNS`].
fn measure(binary: &str, world: &Description) -> Result<Vec<usize>, Box<dyn Error>> {
    let sim = Simulator::start(World::new(world));
    let folder = std::env::temp_dir().join(format!("verta-sync-requests-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let mut config = format!("[discord]\napi_url = \"{}\"\nrequests_per_second = 5000\n", sim.url());
    for (guild, _) in sim.world().guilds() {
        write!(config, "\n[[tenant]]\nname = \"t{guild}\"\nguild_id = \"{guild}\"\n")?;
    }
    fs::write(folder.join("sync.toml"), config)?;
    let mut requests = Vec::new();
    for run in 0..RUNS.len() {
        match run {
            1 => sim.world().advance(Duration::from_hours(2)),
            2 => {
                sim.world().advance(Duration::from_hours(1));
                let (guild, _) = sim.world().guilds()[0].clone();
                let truth = sim.world().truth(guild);
                let readable =
                    truth.iter().filter(|channel| channel.bot_can_read && channel.message_count > 0);
                for channel in readable.take(10) {
                    sim.world().append(channel.id, 3);
                }
            }
            3 => sim.world().advance(Duration::from_hours(25)),
            _ => {}
        }
        sim.journal().clear();
        sync(binary, &folder, &sim.token())?;
        requests.push(sim.journal().entries().len());
    }
    fs::remove_dir_all(&folder)?;
    Ok(requests)
}

fn sync(binary: &str, folder: &Path, token: &str) -> Result<(), Box<dyn Error>> {
    let binary = fs::canonicalize(binary)?;
    let status = Command::new(binary)
        .args(["--quiet", "start"])
        .current_dir(folder)
        .env("DISCORD_BOT_TOKEN", token)
        .stdout(std::process::Stdio::null())
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("a sync failed: {status}").into()) }
}
