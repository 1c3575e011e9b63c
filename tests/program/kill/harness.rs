//! Runs commands and kills them at instants drawn from a seeded generator.

use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::util::{CommandOutput, Sandbox, send, wait_for_exit};

/// Minimum number of kills per test without `KILLS`.
const DEFAULT_KILLS: u32 = 8;
/// After this many kills, a series is run to completion.
const MAX_KILLS_PER_SERIES: u32 = 40;
/// Longer than any response takes.
const HANG_TIMEOUT: Duration = Duration::from_mins(2);

/// A seeded linear congruential generator, good enough to pick instants.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// The minimum number of kills per test.
pub fn requested_kills() -> u32 {
    let kills = std::env::var("KILLS").ok();
    kills.map_or(DEFAULT_KILLS, |kills| kills.parse().expect("KILLS is a number"))
}

/// Runs series, each with its own seed, until together they have killed often enough.
/// `run_seed` runs one series and returns its number of kills.
pub fn series(mut run_seed: impl FnMut(u64) -> u32) {
    let (requested_kills, mut kills, mut seed) = (requested_kills(), 0, 1);
    while kills < requested_kills {
        let kills_of_seed = run_seed(seed);
        assert!(
            kills_of_seed > 0,
            "seed {seed}: the work was done before the first kill: slow the simulator down"
        );
        kills += kills_of_seed;
        seed += 1;
    }
    eprintln!("{kills} kills in {} series", seed - 1);
}

/// Starts the command repeatedly and kills it each time after a random number of
/// requests, at most `requests`, until it completes. Calls `after_kill` after each kill.
/// Returns the number of kills.
pub fn kill_until_complete(
    sandbox: &Sandbox,
    arguments: &[&str],
    dice: &mut Dice,
    requests: u64,
    mut after_kill: impl FnMut(),
) -> u32 {
    let max_kills = MAX_KILLS_PER_SERIES.min(requested_kills());
    for kills in 0..max_kills {
        let target = sandbox.sim.journal().len() as u64 + dice.below(requests + 1);
        let mut child = sandbox.spawn(arguments);
        wait_for_requests(sandbox, &mut child, target);
        // Hit instants between a request and the commit of its response, too.
        sleep(Duration::from_micros(dice.below(25_000)));
        if child.try_wait().unwrap().is_some() {
            let ran: CommandOutput = child.wait_with_output().unwrap().into();
            sandbox.expect_complete(ran);
            return kills;
        }
        send(&child, Signal::KILL);
        wait_for_exit(child);
        after_kill();
        // The clock of the world moves on between runs.
        sandbox.sim.world().advance(Duration::from_secs(1));
    }
    sandbox.expect_complete(sandbox.run(arguments));
    max_kills
}

fn wait_for_requests(sandbox: &Sandbox, child: &mut Child, target: u64) {
    let deadline = Instant::now() + HANG_TIMEOUT;
    while (sandbox.sim.journal().len() as u64) < target && child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "the sync hangs");
        sleep(Duration::from_millis(1));
    }
}

/// Starts a command that sends no requests and kills it after a random delay below
/// `max_delay`, preferring early instants: the part before the last commit is short.
/// Returns whether the command completed before the kill.
pub fn completes_before_kill(
    sandbox: &Sandbox,
    arguments: &[&str],
    dice: &mut Dice,
    max_delay: Duration,
) -> bool {
    let mut child = sandbox.spawn(arguments);
    let micros = u64::try_from(max_delay.as_micros()).unwrap().max(2);
    let bound = if dice.below(2) == 0 { micros } else { micros / 2 };
    sleep(Duration::from_micros(dice.below(bound)));
    if child.try_wait().unwrap().is_some() {
        let ran: CommandOutput = child.wait_with_output().unwrap().into();
        ran.expect_code(0);
        return true;
    }
    send(&child, Signal::KILL);
    wait_for_exit(child);
    false
}

/// Runs a command undisturbed and returns its duration times 1.2. The result only bounds
/// the random instants; no assertion depends on it.
pub fn measure_duration(sandbox: &Sandbox, arguments: &[&str]) -> Duration {
    let begin = Instant::now();
    sandbox.run(arguments).expect_code(0);
    begin.elapsed().mul_f64(1.2)
}
