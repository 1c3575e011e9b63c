//! A history: a world, and what happens then.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;

use super::change::apply;
use super::setup::Setup;
use super::step::{Step, random_steps};
use super::sync::Scene;

#[derive(Debug, Clone)]
pub struct History {
    setup: Setup,
    pub steps: Vec<Step>,
}

/// What happened until it went wrong.
#[derive(Debug)]
pub struct Told {
    pub log: Vec<String>,
    pub problem: String,
}

impl History {
    pub fn random(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        Self { setup: Setup::random(&mut rng), steps: random_steps(&mut rng) }
    }

    pub fn run(&self) -> Result<(), Told> {
        let mut log = vec![self.setup.told()];
        let outcome = catch_unwind(AssertUnwindSafe(|| self.act(&mut log)));
        let problem = match outcome {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(problem)) => problem,
            Err(_) => "it panicked".to_owned(),
        };
        Err(Told { log, problem })
    }

    fn act(&self, log: &mut Vec<String>) -> Result<(), String> {
        let mut scene = Scene::new(&self.setup);
        let begin_ms = scene.sandbox.sim.world().now_ms();
        for step in &self.steps {
            let world = scene.sandbox.sim.world();
            let since_ms = world.now_ms() - begin_ms;
            let told = match step {
                Step::Change(change) => Ok(apply(world, change).unwrap_or_else(|| "nothing".to_owned())),
                Step::Wait(time) => {
                    world.advance(*time);
                    Ok(format!("wait {time:?}"))
                }
                Step::Sync(sync) => scene.sync(sync),
            };
            let (seconds, millis) = (since_ms / 1000, since_ms % 1000);
            let text = told.as_deref().unwrap_or("here it goes wrong");
            log.push(format!("{seconds}.{millis:03} s: {text}"));
            told?;
        }
        scene.settle()
    }

    /// The shortest history found that fails, and how.
    pub fn cut_down(&self, whole: Told) -> (Self, Told) {
        let mut best = (self.clone(), whole);
        let mut len = self.steps.len().div_ceil(2);
        while len > 0 {
            let mut from = 0;
            while from < best.0.steps.len() {
                let mut shorter = best.0.clone();
                shorter.steps.drain(from..(from + len).min(shorter.steps.len()));
                match shorter.run() {
                    Err(told) => best = (shorter, told),
                    Ok(()) => from += len,
                }
            }
            len /= 2;
        }
        best
    }
}
