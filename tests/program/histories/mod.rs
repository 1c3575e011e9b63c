//! Random histories of a server: changes, waits and syncs, some of them killed, limited
//! in time or hit by faults. After each sync the archive is compared with what the
//! documented guarantees allow it to hold, derived from the simulator's truth alone: see
//! `histories/model.rs`.
//!
//! A history is a function of its seed. The suite runs the seeds 1 to 30.
//! `HISTORIES=1000` runs 1000 seeds, `HISTORY_SEED=17` only seed 17; together they run
//! 1000 seeds from 17 on. A failing history is shrunk and reported with its seed.

mod archived;
mod change;
mod check;
mod history;
mod message;
mod model;
mod setup;
mod step;
mod sync;

use std::sync::atomic::{AtomicU32, Ordering};

use crate::{export, seeds};
use history::{Failure, History};

// The guarantees the model expects; set one to `false` to test a version without it.

/// Deleted messages get `deleted_at`.
const DETECTS_DELETIONS: bool = true;
/// The reactors are archived.
const READS_REACTORS: bool = true;

/// An interrupted first read re-reads the refresh window when it resumes.
const RESUMED_READ_REPEATS_WINDOW: bool = true;
/// An archived thread that the bot can't read has the state `unreadable`.
const SHOWS_UNREADABLE_THREADS: bool = true;
/// A resumed full read also reads new messages of the channels it had already completed.
const RESUMED_FULL_READS_NEW_MESSAGES: bool = true;
/// A full read lists the archived threads of every channel.
const FULL_LISTS_ARCHIVED_THREADS: bool = true;

/// Number of histories without `HISTORIES` or `HISTORY_SEED`.
const HISTORIES: u64 = 30;
/// Number of histories with exports.
const EXPORTED_HISTORIES: u64 = 9;

#[test]
fn archive_keeps_its_guarantees_in_random_histories() {
    let seeds = seeds::requested("HISTORY_SEED", "HISTORIES", HISTORIES);
    let failures = seeds::failures(&seeds, true, |seed| History::random(seed).run());
    let texts: Vec<String> = failures.into_iter().map(|(seed, failure)| report(seed, failure)).collect();
    assert!(texts.is_empty(), "{}", texts.join("\n"));
}

/// An export to a folder that has one already reads only what has changed, by the change log. It
/// must write what an export to an empty folder writes.
#[test]
fn exports_again_equal_fresh_ones_in_random_histories() {
    let seeds = seeds::requested("HISTORY_SEED", "HISTORIES", EXPORTED_HISTORIES);
    let (all, partial) = (AtomicU32::new(0), AtomicU32::new(0));
    let failures = seeds::failures(&seeds, true, |seed| {
        History::random(seed).run_with(&|sandbox| {
            let rows = |text: &str| text.split(' ').nth(1).unwrap().replace(',', "").parse::<u32>().unwrap();
            let formats = [("jsonl", &["--include-deleted"][..]), ("parquet", &[]), ("dce-json", &[])];
            let (format, more) = formats[usize::try_from(seed).unwrap_or_default() % formats.len()];
            let export = |folder: &str| {
                let arguments = ["export", "--out", folder, "--format", format];
                sandbox.run(&[&arguments[..], more].concat()).expect_code(0).stdout
            };
            if !sandbox.dir.path().join("archive.db").exists() {
                return Ok(());
            }
            let (again, fresh) = (export("again"), export("fresh"));
            let files = |folder: &str| export::files(&sandbox.dir.path().join(folder));
            let (found, expected) = (files("again"), files("fresh"));
            std::fs::remove_dir_all(sandbox.dir.path().join("fresh")).unwrap();
            all.fetch_add(1, Ordering::Relaxed);
            partial.fetch_add(u32::from(rows(&again) < rows(&fresh)), Ordering::Relaxed);
            let differing =
                expected.keys().chain(found.keys()).find(|path| found.get(*path) != expected.get(*path));
            differing.map_or(Ok(()), |path| Err(format!("{} differs after {again}", path.display())))
        })
    });
    let texts: Vec<String> =
        failures.into_iter().map(|(seed, failure)| format!("HISTORY_SEED={seed}: {failure:?}")).collect();
    assert!(texts.is_empty(), "{}", texts.join("\n"));
    let (all, partial) = (all.into_inner(), partial.into_inner());
    assert!(partial * 4 > all, "only {partial} of {all} exports have read less than everything");
}

fn report(seed: u64, original: Failure) -> String {
    let history = History::random(seed);
    let (shortest, failure) = history.shrink(original);
    format!(
        "HISTORY_SEED={seed} fails, and still does with {} of its {} steps:\n  {}\n{}\n",
        shortest.steps.len(),
        history.steps.len(),
        failure.log.join("\n  "),
        failure.problem
    )
}
