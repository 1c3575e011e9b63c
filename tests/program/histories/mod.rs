//! Random histories of a server: changes, time that passes, and syncs, some of
//! them killed, stopped or hit by faults. After each sync the archive is
//! compared with what the promises of the README allow it to hold, worked out
//! from the simulator's truth alone: see `histories/model.rs`.
//!
//! A history is a function of its seed. The suite runs the seeds 1 to 30.
//! `HISTORIES=1000` runs as many, `HISTORY_SEED=17` only that one; both
//! together run 1000 from 17 on. A history that fails is cut down to the steps
//! it needs, and told with its seed.

mod archived;
mod change;
mod check;
mod history;
mod message;
mod model;
mod setup;
mod step;
mod sync;

use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use history::{History, Told};

/// Whether `deleted_at` is filled in.
const DELETIONS: bool = true;
/// Whether who reacted is read.
const REACTORS: bool = true;

/// Whether a first read that was interrupted reads the window again when it
/// goes on.
const RESUMED: bool = true;
/// Whether an archived thread that the bot can't read is shown as such.
const UNREADABLE_THREADS: bool = true;
/// Whether a full read that goes on reads what is new where it was through.
const FULL_READS_NEWS: bool = true;
/// Whether a full read asks each channel for its archived threads.
const FULL_LISTS_THREADS: bool = true;

const HISTORIES: u64 = 30;
/// Most of a history is waiting for a process.
const AT_ONCE: usize = 2;

#[test]
fn whatever_happens_the_archive_holds_what_is_promised() {
    let (first, count) = wanted();
    let next = AtomicU64::new(first);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while failures.lock().unwrap().is_empty() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    if let Err(told) = History::random(seed).run() {
                        failures.lock().unwrap().push((seed, told));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let texts: Vec<String> = failures.into_iter().map(|(seed, told)| report(seed, told)).collect();
    assert!(texts.is_empty(), "{}", texts.join("\n"));
}

fn wanted() -> (u64, u64) {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seed = number("HISTORY_SEED");
    let count = number("HISTORIES").unwrap_or(if seed.is_some() { 1 } else { HISTORIES });
    (seed.unwrap_or(1), count)
}

fn report(seed: u64, whole: Told) -> String {
    let history = History::random(seed);
    let (shortest, told) = history.cut_down(whole);
    format!(
        "HISTORY_SEED={seed} fails, and still does with {} of its {} steps:\n  {}\n{}\n",
        shortest.steps.len(),
        history.steps.len(),
        told.log.join("\n  "),
        told.problem
    )
}
