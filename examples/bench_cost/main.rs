//! What a sync costs this machine when no limit makes it wait.
//!
//! `cargo run --release --example bench_cost [-- CASE]...` runs the real `start`
//! against a simulated Discord without limits, each in a process of its own, so
//! that processor time and memory are the client's alone. It says messages a
//! second, processor seconds for a million messages, the peak of memory, the
//! size of the archive, and the same for a second start that finds nothing new.
//! `writing` compares the archive's way of storing pages with plain SQLite, and
//! `micro` measures single steps. `large` and `long`, ten million messages in 500
//! channels and in one, and `grown`, an archive of fifty million that takes 8 GB,
//! run only when they are named; so does `memory`, worlds that are made to take
//! memory.

mod grown;
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

use self::measure::{Cost, Spent};

/// What goes wrong in a benchmark ends it.
type Done<T> = Result<T, Box<dyn Error>>;

const GUILD: u64 = 71_000_000_000_000_001;

/// A world to be read.
struct Case {
    name: &'static str,
    world: fn() -> Description,
    /// Whether it runs unasked.
    is_usual: bool,
}

const CASES: [Case; 6] = [
    Case { name: "small-equal", world: || equal(400), is_usual: true },
    Case { name: "small-zipf", world: || zipf(37_250), is_usual: true },
    Case { name: "million-equal", world: || equal(2_000), is_usual: true },
    Case { name: "million-zipf", world: || zipf(186_250), is_usual: true },
    Case { name: "large", world: || equal(20_000), is_usual: false },
    Case { name: "long", world: long, is_usual: false },
];

/// 500 channels with so many messages each.
fn equal(messages: u64) -> Description {
    Description::community(GUILD, 500, messages)
}

/// 120 channels; the second has half of the first's messages, and so on.
fn zipf(largest: u64) -> Description {
    let channel = |rank: u64| ChannelDescription::text(&format!("zipf-{rank}"), largest / rank);
    Description::of_channels(GUILD, (1..=120).map(channel).collect())
}

/// One channel of ten million messages.
fn long() -> Description {
    Description::of_channels(GUILD, vec![ChannelDescription::text("long", 10_000_000)])
}

fn main() -> Done<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", case] => return serve(case),
        ["run", folder, ref words @ ..] => return run(Path::new(folder), words),
        ["memory", ref words @ ..] => return memory::measure(words),
        _ => {}
    }
    let wants = |name: &str, is_usual: bool| (words.is_empty() && is_usual) || words.contains(&name);
    if wants("micro", true) {
        micro::measure()?;
    }
    if wants("writing", true) {
        writing::measure()?;
    }
    for case in CASES.iter().filter(|case| wants(case.name, case.is_usual)) {
        sync(case)?;
    }
    if wants("grown", false) {
        let million = CASES.iter().find(|case| case.name == "million-equal");
        grown::measure(million.ok_or("there is no such case")?)?;
    }
    Ok(())
}

/// The simulator's process: says its address and ends when nobody listens.
fn serve(name: &str) -> Done<()> {
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

/// The client's process: one command, and what it cost.
fn run(folder: &Path, words: &[&str]) -> Done<()> {
    let env = Environment::new([("DISCORD_BOT_TOKEN", DEFAULT_TOKEN)], folder);
    let arguments = ["verta-sync", "--quiet"].iter().chain(words).map(OsString::from);
    let begin = Spent::by_now()?;
    let code = cli::run(arguments, env).map_err(|failure| failure.to_string())?;
    let cost = begin.until_now()?;
    if code.number() != 0 {
        return Err(format!("it ended with {}", code.number()).into());
    }
    Ok(fs::write(folder.join("cost"), cost.line())?)
}

/// A running simulator.
struct Served {
    process: Child,
    url: String,
}

impl Served {
    fn start(case: &str) -> Done<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", case])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        let stdout = process.stdout.take().ok_or("its output is not read")?;
        BufReader::new(stdout).read_line(&mut url)?;
        Ok(Self { process, url: url.trim().to_owned() })
    }

    fn cpu_seconds(&self) -> Done<f64> {
        measure::cpu_seconds(&format!("/proc/{}/stat", self.process.id()))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().ok();
    }
}

/// Runs a command of the product in a process of its own.
fn command(folder: &Path, words: &[&str]) -> Done<Cost> {
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

fn sync(case: &Case) -> Done<()> {
    let folder = folder(case.name)?;
    let folder = folder.path();
    let served = Served::start(case.name)?;
    configure(folder, &served)?;
    let first = command(folder, &["start"])?;
    let served_seconds = served.cpu_seconds()?;
    let size = size::of(&folder.join("archive.db"))?;
    println!("{:<14} {}", case.name, first.describe(size.messages));
    println!(
        "{:<14} the simulator took {:.1} CPU s for {} requests; {}",
        "",
        served_seconds,
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

fn configure(folder: &Path, served: &Served) -> Done<()> {
    let config = format!(
        "[discord]\napi_url = \"{}\"\nrequests_per_second = 10000\n[sync]\nreactions = \"counts\"\n\
         [[tenant]]\nname = \"bench\"\nguild_id = \"{GUILD}\"\n",
        served.url
    );
    Ok(fs::write(folder.join("sync.toml"), config)?)
}

/// A new folder for a case, which goes with it.
fn folder(name: &str) -> Done<TempDir> {
    Ok(tempfile::Builder::new().prefix(&format!("verta-sync-cost-{name}-")).tempdir()?)
}
