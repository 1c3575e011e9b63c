//! A history: an initial world and the steps that follow. Runs it and shrinks failures.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;

use super::change::apply;
use super::setup::Setup;
use super::step::{Step, random_steps};
use super::sync::Fixture;
use crate::util::Sandbox;

#[derive(Debug, Clone)]
pub struct History {
    setup: Setup,
    pub steps: Vec<Step>,
}

/// A further check of what a sync has left.
pub type AfterSync<'c> = dyn Fn(&Sandbox) -> Result<(), String> + 'c;

/// A failed history: the log of its steps, and the problem that ended it.
#[derive(Debug)]
pub struct Failure {
    pub log: Vec<String>,
    pub problem: String,
}

impl History {
    pub fn random(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        Self { setup: Setup::random(&mut rng), steps: random_steps(&mut rng) }
    }

    pub fn run(&self) -> Result<(), Failure> {
        self.run_with(&|_| Ok(()))
    }

    /// Runs it, and calls `after_sync` after each sync.
    pub fn run_with(&self, after_sync: &AfterSync<'_>) -> Result<(), Failure> {
        let mut log = vec![self.setup.summary()];
        let outcome = catch_unwind(AssertUnwindSafe(|| self.execute(&mut log, after_sync)));
        let problem = match outcome {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(problem)) => problem,
            Err(_) => "it panicked".to_owned(),
        };
        Err(Failure { log, problem })
    }

    fn execute(&self, log: &mut Vec<String>, after_sync: &AfterSync<'_>) -> Result<(), String> {
        let mut fixture = Fixture::new(&self.setup);
        let begin_ms = fixture.sandbox.sim.world().now_ms();
        for step in &self.steps {
            let world = fixture.sandbox.sim.world();
            let elapsed_ms = world.now_ms() - begin_ms;
            let result = match step {
                Step::Change(change) => Ok(apply(world, change).unwrap_or_else(|| "nothing".to_owned())),
                Step::Wait(time) => {
                    world.advance(*time);
                    Ok(format!("wait {time:?}"))
                }
                Step::Sync(sync) => fixture.sync(sync).and_then(|text| {
                    after_sync(&fixture.sandbox)?;
                    Ok(text)
                }),
            };
            let (seconds, millis) = (elapsed_ms / 1000, elapsed_ms % 1000);
            let text = result.as_deref().unwrap_or("here it goes wrong");
            log.push(format!("{seconds}.{millis:03} s: {text}"));
            result?;
        }
        fixture.check_final_state()
    }

    /// Removes steps as long as the history still fails; returns the shortest one found.
    pub fn shrink(&self, original: Failure) -> (Self, Failure) {
        let mut best = (self.clone(), original);
        let mut len = self.steps.len().div_ceil(2);
        while len > 0 {
            let mut from = 0;
            while from < best.0.steps.len() {
                let mut shorter = best.0.clone();
                shorter.steps.drain(from..(from + len).min(shorter.steps.len()));
                match shorter.run() {
                    Err(failure) => best = (shorter, failure),
                    Ok(()) => from += len,
                }
            }
            len /= 2;
        }
        best
    }
}
