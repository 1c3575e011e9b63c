//! Measures what a sync costs this machine when no rate limit makes it wait.
//!
//! `cargo run --release --example bench_cost [-- CASE]...` runs the real `start`
//! against a simulated Discord without limits. Both run in their own processes, so that
//! processor time and memory are those of the sync alone. It prints messages per second,
//! processor seconds per million messages, peak memory, the size of the archive, and the
//! cost of a second sync that finds nothing new.
//!
//! `writing` compares storing pages in the archive with plain SQLite, and `micro`
//! measures single steps. Some cases run only when named: `large` and `long` (ten million
//! messages in 500 channels or in one), `grown` (an archive of fifty million messages,
//! 8 GB), `keyed` (syncs with and without a hash key), and `memory` (worlds built to use
//! much memory).

mod grown;
mod keyed;
mod measure;
mod memory;
mod micro;
mod pages;
mod size;
mod writing;

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use discord_sim::{ChannelDescription, DEFAULT_TOKEN, Description, Options, Simulator, World};
use tempfile::TempDir;
use verta_sync::cli;
use verta_sync::config::Environment;

use self::measure::{Cost, ResourceSnapshot};

/// Any error ends the benchmark.
type BenchResult<T> = Result<T, Box<dyn Error>>;

const GUILD: u64 = 71_000_000_000_000_001;

/// A benchmark case: a simulated world to sync.
struct Case {
    name: &'static str,
    world: fn() -> Description,
    /// Whether it runs if no case is named.
    runs_by_default: bool,
}

const CASES: [Case; 6] = [
    Case { name: "small-equal", world: || equal(400), runs_by_default: true },
    Case { name: "small-zipf", world: || zipf(37_250), runs_by_default: true },
    Case { name: "million-equal", world: || equal(2_000), runs_by_default: true },
    Case { name: "million-zipf", world: || zipf(186_250), runs_by_default: true },
    Case { name: "large", world: || equal(20_000), runs_by_default: false },
    Case { name: "long", world: long, runs_by_default: false },
];

/// 500 channels with this many messages each.
fn equal(messages: u64) -> Description {
    Description::community(GUILD, 500, messages)
}

/// 120 channels with Zipf-distributed sizes: the nth has 1/n of the largest's messages.
fn zipf(largest: u64) -> Description {
    let channel = |rank: u64| ChannelDescription::text(&format!("zipf-{rank}"), largest / rank);
    Description::of_channels(GUILD, (1..=120).map(channel).collect())
}

/// One channel of ten million messages.
fn long() -> Description {
    Description::of_channels(GUILD, vec![ChannelDescription::text("long", 10_000_000)])
}

fn main() -> BenchResult<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", case] => return serve(case),
        ["run", folder, ref words @ ..] => return run(Path::new(folder), words),
        ["memory", ref words @ ..] => return memory::measure(words),
        _ => {}
    }
    let wants =
        |name: &str, runs_by_default: bool| (words.is_empty() && runs_by_default) || words.contains(&name);
    if wants("micro", true) {
        micro::measure()?;
    }
    if wants("writing", true) {
        writing::measure()?;
    }
    for case in CASES.iter().filter(|case| wants(case.name, case.runs_by_default)) {
        sync(case)?;
    }
    let million = CASES.iter().find(|case| case.name == "million-equal").ok_or("there is no such case")?;
    if wants("grown", false) {
        grown::measure(million)?;
    }
    if wants("keyed", false) {
        keyed::measure(million)?;
    }
    Ok(())
}

/// Runs the simulator's process: prints its URL, and ends when its standard input is
/// closed.
fn serve(name: &str) -> BenchResult<()> {
    let sim = if let Some(world) = name.strip_prefix("memory/") {
        memory::serve(world)?
    } else {
        let case = CASES.iter().find(|case| case.name == name).ok_or("there is no such case")?;
        Simulator::start_with(World::new(&(case.world)()), Options { threads: 1, ..Options::default() })
    };
    println!("{}", sim.url());
    std::io::stdout().flush()?;
    std::io::stdin().lines().for_each(drop);
    Ok(())
}

/// Runs the client's process: one command, whose cost is written to the file `cost`.
fn run(folder: &Path, words: &[&str]) -> BenchResult<()> {
    let env = Environment::new([("DISCORD_BOT_TOKEN", DEFAULT_TOKEN)], folder);
    let arguments = ["verta-sync", "--quiet"].iter().chain(words).map(OsString::from);
    let begin = ResourceSnapshot::now()?;
    let code = cli::run(arguments, env).map_err(|failure| failure.to_string())?;
    let cost = begin.cost_until_now()?;
    if code.number() != 0 {
        return Err(format!("it failed with exit code {}", code.number()).into());
    }
    Ok(fs::write(folder.join("cost"), cost.line())?)
}

/// A running simulator process.
struct SimulatorProcess {
    process: Child,
    url: String,
}

impl SimulatorProcess {
    fn start(case: &str) -> BenchResult<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", case])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        let stdout = process.stdout.take().ok_or("the simulator has no output")?;
        BufReader::new(stdout).read_line(&mut url)?;
        Ok(Self { process, url: url.trim().to_owned() })
    }

    fn cpu_seconds(&self) -> BenchResult<f64> {
        measure::cpu_seconds(&format!("/proc/{}/stat", self.process.id()))
    }
}

impl Drop for SimulatorProcess {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().ok();
    }
}

/// Runs a verta-sync command in its own process.
fn command(folder: &Path, words: &[&str]) -> BenchResult<Cost> {
    let status = Command::new(std::env::current_exe()?)
        .arg("run")
        .arg(folder)
        .args(words)
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(format!("{words:?} failed").into());
    }
    Cost::read(&fs::read_to_string(folder.join("cost"))?)
}

fn sync(case: &Case) -> BenchResult<()> {
    let folder = folder(case.name)?;
    let folder = folder.path();
    let simulator = SimulatorProcess::start(case.name)?;
    configure(folder, &simulator)?;
    let first = command(folder, &["start"])?;
    let simulator_seconds = simulator.cpu_seconds()?;
    let size = size::of(&folder.join("archive.db"))?;
    println!("{:<14} {}", case.name, first.describe(size.messages));
    println!(
        "{:<14} the simulator took {:.1} CPU s for {} requests; {}",
        "",
        simulator_seconds,
        size.requests,
        size.describe()
    );
    let again = command(folder, &["start"])?;
    let status = command(folder, &["status"])?;
    println!(
        "{:<14} nothing new: {:.2} s, {:.2} CPU s, {:.1} MiB, {} requests; status: {:.0} ms",
        "",
        again.wall_seconds,
        again.cpu_seconds,
        again.peak_mebibytes,
        size::of(&folder.join("archive.db"))?.requests - size.requests,
        status.wall_seconds * 1000.0
    );
    Ok(())
}

fn configure(folder: &Path, simulator: &SimulatorProcess) -> BenchResult<()> {
    let config = format!(
        "[discord]\napi_url = \"{}\"\nrequests_per_second = 10000\n[sync]\nreactions = \"counts\"\n\
         [[tenant]]\nname = \"bench\"\nguild_id = \"{GUILD}\"\n",
        simulator.url
    );
    Ok(fs::write(folder.join("sync.toml"), config)?)
}

/// A temporary folder for a case, removed on drop.
fn folder(name: &str) -> BenchResult<TempDir> {
    Ok(tempfile::Builder::new().prefix(&format!("verta-sync-cost-{name}-")).tempdir()?)
}
