//! Measures `insights`: time and memory of a report, and the size of its page.
//!
//! `cargo run --release --example bench_insights [-- MESSAGES [FOLDER]]` writes an archive of
//! MESSAGES (default: a million) invented messages into FOLDER (default: a temporary folder)
//! unless it is there. Time is the best of three.

#[path = "bench_queries/world.rs"]
mod world;

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use hashbrown::HashSet;
use verta_sync::archive::Reader;
use verta_sync::insights::{Calendar, Day, Period, Request, page, run};

use self::world::Shape;

/// Any error ends the benchmark.
type BenchResult<T> = Result<T, Box<dyn Error>>;

const ROUNDS: u32 = 3;
/// The day of the world's last sync.
const END: jiff::civil::Date = jiff::civil::Date::constant(2026, 11, 1);

fn main() -> BenchResult<()> {
    let mut arguments = std::env::args_os().skip(1);
    let messages = arguments.next().map_or(Ok(1_000_000), |text| text.to_string_lossy().parse())?;
    let temporary = tempfile::tempdir()?;
    let folder = arguments.next().map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let archive = folder.join(format!("search-{messages}.db"));
    if !archive.exists() {
        let shape = Shape { messages, channels: 120, threads: 0, people: 20_000, vocabulary: 300_000 };
        world::create(&archive, shape)?;
    }
    let reader = Reader::open(&archive)?;
    let request = Request {
        tenants: Vec::new(),
        period: Period::year_to(Day::of(END)),
        calendar: Calendar::new(jiff::tz::TimeZone::get("Europe/Berlin")?),
        includes_deleted: false,
        includes_closed: false,
        excluded: HashSet::new(),
    };
    let mut best = f64::MAX;
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let report = run(&reader, &request, &mut |_| true)?;
        bytes = page(&report).len();
        best = best.min(begin.elapsed().as_secs_f64());
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    println!("{messages} messages: {best:.1} s, memory at most {}, page of {bytes} bytes", memory.trim());
    Ok(())
}
