//! Killing at chosen instants.

use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::util::{Ran, Sandbox, ended, send};

/// Kills of each kind, unless `KILLS` says otherwise.
const FEW: u32 = 8;
/// After so many kills a series is let through.
const LONG_SERIES: u32 = 40;
/// Longer than any answer takes.
const HANG: Duration = Duration::from_mins(2);

/// Small, seeded, good enough to pick instants.
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

/// How many kills are wanted of each kind.
pub fn wanted() -> u32 {
    let wanted = std::env::var("KILLS").ok();
    wanted.map_or(FEW, |wanted| wanted.parse().expect("KILLS is a number"))
}

/// Runs series, each with another seed, until together they killed as often as
/// is wanted. A series returns how often it killed.
pub fn series(mut of_seed: impl FnMut(u64) -> u32) {
    let (wanted, mut kills, mut seed) = (wanted(), 0, 1);
    while kills < wanted {
        let more = of_seed(seed);
        assert!(more > 0, "seed {seed}: the work was done before the first kill: slow the simulator down");
        kills += more;
        seed += 1;
    }
    eprintln!("{kills} kills in {} series", seed - 1);
}

/// Begins the command again and again, and kills it a random number of
/// questions later, `questions` at most, until it gets through. Returns how
/// often it was killed, and calls `after_kill` each time.
pub fn until_through(
    sandbox: &Sandbox,
    arguments: &[&str],
    dice: &mut Dice,
    questions: u64,
    mut after_kill: impl FnMut(),
) -> u32 {
    let longest = LONG_SERIES.min(wanted());
    for kills in 0..longest {
        let asked = sandbox.sim.journal().len() as u64 + dice.below(questions + 1);
        let mut child = sandbox.spawn(arguments);
        wait_for_questions(sandbox, &mut child, asked);
        // Between a question and the commit of its answer, and elsewhere.
        sleep(Duration::from_micros(dice.below(25_000)));
        if child.try_wait().unwrap().is_some() {
            let ran: Ran = child.wait_with_output().unwrap().into();
            sandbox.expect_through(ran);
            return kills;
        }
        send(&child, Signal::KILL);
        ended(child);
        after_kill();
        // As it goes on where nobody stopped it.
        sandbox.sim.world().advance(Duration::from_secs(1));
    }
    sandbox.expect_through(sandbox.run(arguments));
    longest
}

fn wait_for_questions(sandbox: &Sandbox, child: &mut Child, asked: u64) {
    let deadline = Instant::now() + HANG;
    while (sandbox.sim.journal().len() as u64) < asked && child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "the sync hangs");
        sleep(Duration::from_millis(1));
    }
}

/// Begins a command that asks nobody and kills it a random time later, rather
/// early: what comes before the last commit is short. Returns whether it got
/// through before.
pub fn killed_within(sandbox: &Sandbox, arguments: &[&str], dice: &mut Dice, time: Duration) -> bool {
    let mut child = sandbox.spawn(arguments);
    let micros = u64::try_from(time.as_micros()).unwrap().max(2);
    let latest = if dice.below(2) == 0 { micros } else { micros / 2 };
    sleep(Duration::from_micros(dice.below(latest)));
    if child.try_wait().unwrap().is_some() {
        let ran: Ran = child.wait_with_output().unwrap().into();
        ran.expect_code(0);
        return true;
    }
    send(&child, Signal::KILL);
    ended(child);
    false
}

/// How long an undisturbed command takes: instants are drawn from it, and
/// nothing depends on it.
pub fn time_of(sandbox: &Sandbox, arguments: &[&str]) -> Duration {
    let begin = Instant::now();
    sandbox.run(arguments).expect_code(0);
    begin.elapsed().mul_f64(1.2)
}
