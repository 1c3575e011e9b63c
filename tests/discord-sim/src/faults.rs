//! Faults made on purpose: which requests go wrong, and how.

mod endless;
mod oddity;
mod page;
mod untrue;
mod what;
mod when;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use endless::endless;
pub(crate) use oddity::Header;
pub use oddity::Oddity;
pub use page::Damage;
pub(crate) use page::{break_message, shuffle};
pub(crate) use untrue::falsify;
pub use what::{BodyKind, What};
pub(crate) use when::Asking;
pub use when::{Cursor, Match};

use crate::dice::{self, Dice};

/// One planned fault.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Which requests it strikes.
    pub when: Match,
    /// What happens to them.
    pub what: What,
}

/// The plan: faults are tried in the order they were planned.
#[derive(Debug)]
pub struct Faults {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    planned: Vec<Planned>,
    seed: u64,
    /// How often each path and query was asked for since there is a plan, by hash.
    asked: HashMap<u64, u64>,
}

#[derive(Debug)]
struct Planned {
    fault: Fault,
    seen: u32,
    fired: u32,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { inner: Mutex::new(Inner { planned: Vec::new(), seed, asked: HashMap::new() }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plans a fault and returns its number.
    pub fn plan(&self, fault: Fault) -> usize {
        let mut inner = self.lock();
        inner.planned.push(Planned { fault, seen: 0, fired: 0 });
        inner.planned.len() - 1
    }

    /// Shorthand for [`Faults::plan`].
    pub fn when(&self, when: Match, what: What) -> usize {
        self.plan(Fault { when, what })
    }

    /// Plans that each request is struck with this chance, 0.0 to 1.0, by one
    /// of [`What::passing`]. Returns the plan's number.
    pub fn mixed(&self, probability: f64, pause: Duration) -> usize {
        let when = Match { probability, ..Match::default().always() };
        self.when(when, What::OneOf(What::passing(pause)))
    }

    /// How often a planned fault has struck.
    pub fn fired(&self, number: usize) -> u32 {
        let inner = self.lock();
        inner.planned.get(number).map_or(0, |planned| planned.fired)
    }

    /// Drops the whole plan, and begins the dice anew.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.planned.clear();
        inner.asked.clear();
    }

    /// The fault that strikes this request. `target` is its path and query.
    ///
    /// Chances depend on the seed, the target and how often it was asked for,
    /// so that they are the same in whatever order requests arrive.
    pub(crate) fn strike(&self, asking: Asking<'_>, target: &str) -> Option<What> {
        let mut inner = self.lock();
        let Inner { planned, seed, asked } = &mut *inner;
        if planned.is_empty() {
            return None;
        }
        let target = dice::hash_text(*seed, target);
        let times = asked.entry(target).or_default();
        *times += 1;
        let mut planned = planned.iter_mut().zip(0..);
        planned.find_map(|(planned, number)| {
            let dice = Dice::new(dice::hash(target, number, *times));
            planned.strike(asking, dice)
        })
    }
}

impl Planned {
    fn strike(&mut self, asking: Asking<'_>, mut dice: Dice) -> Option<What> {
        let when = &self.fault.when;
        if self.fired >= when.times || !when.fits(asking) {
            return None;
        }
        self.seen = self.seen.saturating_add(1);
        if self.seen <= when.skip || dice.fraction() >= when.probability {
            return None;
        }
        let what = self.fault.what.one(&mut dice)?;
        self.fired = self.fired.saturating_add(1);
        Some(what)
    }
}
