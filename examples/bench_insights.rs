//! Measures `insights`: time and memory of a report, and the size of its page.
//!
//! `cargo run --release --example bench_insights [-- MESSAGES [FOLDER]]` writes an archive of
//! MESSAGES (default: a million) invented messages into FOLDER (default: a temporary folder)
//! unless it is there. Time is the best of three.

#[path = "bench_search/large.rs"]
mod large;

use std::error::Error;
use std::time::Instant;

use hashbrown::HashSet;
use verta_sync::archive::Reader;
use verta_sync::insights::{Calendar, Day, Period, Request, page, run};

use self::large::{LargeArchive, memory_mb};

/// Any error ends the benchmark.
type BenchResult<T> = Result<T, Box<dyn Error>>;

const ROUNDS: u32 = 3;
/// The day of the world's last sync.
const END: jiff::civil::Date = jiff::civil::Date::constant(2026, 11, 1);

fn main() -> BenchResult<()> {
    let LargeArchive { messages, path: archive, .. } =
        &LargeArchive::of_arguments(std::env::args_os().skip(1))?;
    let reader = Reader::open(archive)?;
    let request = Request {
        tenants: Vec::new(),
        period: Period::year_to(Day::of(END)),
        calendar: Calendar::new(jiff::tz::TimeZone::get("Europe/Berlin")?),
        includes_deleted: false,
        includes_closed: false,
        excluded: HashSet::new(),
        solved_tags: Vec::new(),
    };
    let mut best = f64::MAX;
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let report = run(&reader, &request, &mut |_| true)?;
        bytes = page(&report).len();
        best = best.min(begin.elapsed().as_secs_f64());
    }
    println!("{messages} messages: {best:.1} s, {} MB of memory, page of {bytes} bytes", memory_mb());
    Ok(())
}
