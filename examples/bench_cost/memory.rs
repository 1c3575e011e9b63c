//! Peak memory of a sync, in worlds built to use much of it.
//!
//! `bench_cost memory [WORLD]...` measures this version, `bench_cost memory
//! --binary PATH [WORLD]...` another one.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use discord_sim::hostile::{Filling, answer, largest_page};
use discord_sim::{
    ChannelDescription, DEFAULT_TOKEN, Description, FaultKind, Match, Mix, RouteKind, Simulator, ThreadPlan,
    World,
};

use crate::{BenchResult, GUILD, SimulatorProcess, folder, measure};

/// Channels with hostile responses: twice the number of requests in flight.
const CHANNELS: u32 = 20;
/// Bytes of a hostile response: more than the client reads of any response, and just
/// below its limits for a page and a listing.
const ANSWER_BYTES: usize = 26 << 20;
const PAGE_BYTES: usize = 15 << 19;
const LISTING_BYTES: usize = 15 << 20;
/// Bytes of one item in it, below the client's limit per item.
const ITEM_BYTES: usize = 1_000_000;
/// A sync of an endless world is killed after this time.
const ENDLESS_TIMEOUT: Duration = Duration::from_secs(20);
/// Any other sync should have ended by itself before this time.
const TIMEOUT: Duration = Duration::from_mins(2);

/// Routes with hostile responses, each with its name in the names of worlds.
const ROUTES: [(&str, RouteKind); 8] = [
    ("pages", RouteKind::Messages),
    ("guild", RouteKind::Guild),
    ("roles", RouteKind::GuildRoles),
    ("channels", RouteKind::GuildChannels),
    ("active", RouteKind::ActiveThreads),
    ("archived", RouteKind::ArchivedPublicThreads),
    ("reactors", RouteKind::Reactions),
    ("channel", RouteKind::Channel),
];

/// The names of all worlds: many threads, largest legal pages, endless and hostile
/// responses.
fn names() -> Vec<String> {
    let mut names: Vec<String> =
        ["threads-20900", "threads-50000", "largest-pages"].map(str::to_owned).to_vec();
    names.extend(["messages", "archived", "reactors"].map(|route| format!("endless-{route}")));
    for (route, _) in ROUTES {
        for size in ["hostile", "dense"] {
            names.extend((0..Filling::ALL.len()).map(|number| format!("{size}-{route}-{number}")));
        }
    }
    names
}

/// Measures the worlds whose names start with one of the words; all if there are none.
pub fn measure(words: &[&str]) -> BenchResult<()> {
    let (binary, words) = match words {
        ["--binary", binary, rest @ ..] => (Some(*binary), rest),
        words => (None, words),
    };
    let is_wanted = |name: &String| words.is_empty() || words.iter().any(|word| name.starts_with(word));
    for name in names().iter().filter(|name| is_wanted(name)) {
        let folder = folder(name)?;
        let simulator = SimulatorProcess::start(&format!("memory/{name}"))?;
        configure(folder.path(), &simulator)?;
        let timeout = if name.starts_with("endless") { ENDLESS_TIMEOUT } else { TIMEOUT };
        let first = sync(folder.path(), binary, timeout)?;
        let again = if name.starts_with("threads") {
            format!("; again: {}", sync(folder.path(), binary, timeout)?.describe())
        } else {
            String::new()
        };
        println!("{:<30} {}{again}", label(name), first.describe());
    }
    Ok(())
}

/// A world's name, with its filling's name instead of the number.
fn label(name: &str) -> String {
    let (begin, number) = name.rsplit_once('-').unwrap_or((name, ""));
    match number.parse::<usize>().ok().and_then(|number| Filling::ALL.get(number)) {
        Some(filling) => format!("{begin}-{filling:?}"),
        None => name.to_owned(),
    }
}

fn configure(folder: &Path, simulator: &SimulatorProcess) -> BenchResult<()> {
    let config = format!(
        "[discord]\napi_url = \"{}\"\nrequests_per_second = 10000\n[sync]\nreactions = \"users\"\n\
         max_retries = 0\nretry_base_delay = \"1ms\"\nrequest_timeout = \"5m\"\n\
         [[tenant]]\nname = \"bench\"\nguild_id = \"{GUILD}\"\n",
        simulator.url
    );
    Ok(fs::write(folder.join("sync.toml"), config)?)
}

/// Peak memory of a sync, and how it ended.
struct Peak {
    mebibytes: f64,
    /// The peak until half of the timeout.
    half_time_mebibytes: f64,
    /// The exit code; `None` if the sync was killed.
    code: Option<i32>,
    wall: Duration,
}

impl Peak {
    fn describe(&self) -> String {
        let end = match self.code {
            Some(code) => format!("exit code {code}"),
            None => format!("{:.1} MiB at half of the timeout, killed", self.half_time_mebibytes),
        };
        format!("{:>7.1} MiB after {:.1} s, {end}", self.mebibytes, self.wall.as_secs_f64())
    }
}

fn sync(folder: &Path, binary: Option<&str>, timeout: Duration) -> BenchResult<Peak> {
    let mut command = Command::new(binary.map_or_else(std::env::current_exe, |path| Ok(path.into()))?);
    if binary.is_some() {
        command.arg("--quiet");
    } else {
        command.arg("run").arg(folder);
    }
    command.arg("start").current_dir(folder).env("DISCORD_BOT_TOKEN", DEFAULT_TOKEN);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    watch(child, timeout)
}

/// Waits for a process to end, polling its peak memory; kills it after `timeout`.
fn watch(mut child: Child, timeout: Duration) -> BenchResult<Peak> {
    let path = OsString::from(format!("/proc/{}/status", child.id()));
    let (begin, mut mebibytes, mut half_time_mebibytes) = (Instant::now(), 0.0, 0.0);
    loop {
        let ended = child.try_wait()?;
        let wall = begin.elapsed();
        if let Some(status) = ended {
            return Ok(Peak { mebibytes, half_time_mebibytes, code: status.code(), wall });
        }
        mebibytes = measure::peak_mebibytes(Path::new(&path)).unwrap_or(mebibytes);
        if wall < timeout / 2 {
            half_time_mebibytes = mebibytes;
        }
        if wall > timeout {
            child.kill()?;
            child.wait()?;
            return Ok(Peak { mebibytes, half_time_mebibytes, code: None, wall });
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Starts the simulator of a world.
pub fn serve(name: &str) -> BenchResult<Simulator> {
    if let Some(threads) = name.strip_prefix("threads-") {
        return Ok(Simulator::start(World::new(&with_threads(threads.parse()?))));
    }
    let sim = Simulator::start(World::new(&world()));
    let route = |route: &str| ROUTES.iter().find(|(name, _)| *name == route).map(|(_, kind)| *kind);
    match name.split('-').collect::<Vec<_>>()[..] {
        ["largest", "pages"] => inject_largest_pages(&sim),
        ["endless", name] => {
            let kind = route(name).unwrap_or(RouteKind::Messages);
            sim.faults().when(Match::route(kind).always(), FaultKind::Endless);
        }
        [size @ ("hostile" | "dense"), name, number] => {
            let kind = route(name).ok_or("there is no such route")?;
            let bytes = match (size, name) {
                ("hostile", _) => ANSWER_BYTES,
                (_, "guild" | "roles" | "channels" | "active") => LISTING_BYTES,
                _ => PAGE_BYTES,
            };
            inject_hostile(&sim, kind, Filling::ALL[number.parse::<usize>()?], bytes);
        }
        _ => return Err("there is no such world".into()),
    }
    Ok(sim)
}

/// Channels with up to 1000 archived threads each, of three messages.
fn with_threads(threads: u32) -> Description {
    let channel = |number: u32| ChannelDescription {
        threads: ThreadPlan {
            archived: (threads - number * 1000).min(1000),
            messages: 3,
            ..ThreadPlan::default()
        },
        ..ChannelDescription::text(&format!("busy-{number}"), 10)
    };
    Description::of_channels(GUILD, (0..threads.div_ceil(1000)).map(channel).collect())
}

fn world() -> Description {
    let channel = |number| ChannelDescription {
        mix: Mix::Chat,
        threads: ThreadPlan { active: 1, archived: 1, messages: 1, ..ThreadPlan::default() },
        ..ChannelDescription::text(&format!("chat-{number}"), 150)
    };
    Description::of_channels(GUILD, (0..CHANNELS).map(channel).collect())
}

fn channels(sim: &Simulator) -> Vec<u64> {
    sim.world().truth(GUILD).iter().map(|channel| channel.id).collect()
}

fn inject_largest_pages(sim: &Simulator) {
    let pages: Vec<Arc<[u8]>> = (0..5).map(|page| largest_page(page).into()).collect();
    for channel in channels(sim) {
        for page in &pages {
            sim.faults().when(Match::page_of(channel), FaultKind::Bytes(Arc::clone(page)));
        }
        sim.faults().when(Match::page_of(channel).always(), FaultKind::Bytes(Arc::from(*b"[]")));
    }
}

fn inject_hostile(sim: &Simulator, kind: RouteKind, filling: Filling, bytes: usize) {
    let body = |id| FaultKind::Bytes(answer(kind, filling, id, bytes, ITEM_BYTES).into());
    match kind {
        RouteKind::ArchivedPublicThreads => {
            for channel in channels(sim).into_iter().take(2) {
                sim.faults()
                    .when(Match { channel: Some(channel), ..Match::route(kind) }.always(), body(channel));
            }
        }
        // The client fetches a parent channel by ID only if no listing has it.
        RouteKind::Channel => {
            let Some(channel) = channels(sim).into_iter().next() else { return };
            let without = FaultKind::Omit(vec![channel]);
            sim.faults().when(Match::route(RouteKind::GuildChannels).always(), without);
            sim.faults().when(Match::route(kind).always(), body(channel));
        }
        // The client requests roles separately only if the server comes without them.
        RouteKind::GuildRoles => {
            let without = FaultKind::Set("roles".to_owned(), serde_json::Value::Null);
            sim.faults().when(Match::route(RouteKind::Guild).always(), without);
            sim.faults().when(Match::route(kind).always(), body(GUILD));
        }
        _ => {
            sim.faults().when(Match::route(kind).always(), body(GUILD));
        }
    }
}
