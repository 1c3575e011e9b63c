//! Seeds of random tests: which are requested, and running them in parallel.

use std::env;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Runs in parallel, since each mostly waits for child processes.
const PARALLEL_RUNS: usize = 2;

/// The seeds that two environment variables request: the first seed and the number of
/// seeds. Without them, `default_count` seeds from 1 on; with a first seed alone, only that.
pub fn requested(seed_variable: &str, count_variable: &str, default_count: u64) -> Range<u64> {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seed = number(seed_variable);
    let count = number(count_variable).unwrap_or(if seed.is_some() { 1 } else { default_count });
    let first = seed.unwrap_or(1);
    first..first + count
}

/// Runs a test for each seed and returns the failures with their seeds. If
/// `stops_at_failure`, no seed is begun after one has failed.
pub fn failures<F: Send>(
    seeds: &Range<u64>,
    stops_at_failure: bool,
    run: impl Fn(u64) -> Result<(), F> + Sync,
) -> Vec<(u64, F)> {
    let next = AtomicU64::new(seeds.start);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..PARALLEL_RUNS {
            scope.spawn(|| {
                while !stops_at_failure || failures.lock().unwrap().is_empty() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !seeds.contains(&seed) {
                        break;
                    }
                    if let Err(failure) = run(seed) {
                        failures.lock().unwrap().push((seed, failure));
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap()
}
