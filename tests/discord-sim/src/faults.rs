//! Fault injection: which requests fail, and how.

mod endless;
mod kind;
mod oddity;
mod page;
mod untrue;
mod when;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use endless::endless_page;
pub use kind::{BodyKind, FaultKind};
pub(crate) use oddity::Header;
pub use oddity::Oddity;
pub use page::Damage;
pub(crate) use page::{damage_message, shuffle};
pub(crate) use untrue::falsify;
pub(crate) use when::RequestContext;
pub use when::{Cursor, Match};

use crate::dice::{self, Dice};

/// A fault and the requests it affects.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The requests it affects.
    pub when: Match,
    /// What goes wrong with them.
    pub what: FaultKind,
}

/// The fault plan. The first planned fault that matches a request fires.
#[derive(Debug)]
pub struct Faults {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    planned: Vec<PlannedFault>,
    seed: u64,
    /// Requests per target (hash of path and query), counted while faults are planned.
    request_counts: HashMap<u64, u64>,
}

#[derive(Debug)]
struct PlannedFault {
    fault: Fault,
    /// Requests that matched, including the skipped ones.
    matched_requests: u32,
    /// Requests the fault fired for.
    fired_requests: u32,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { inner: Mutex::new(Inner { planned: Vec::new(), seed, request_counts: HashMap::new() }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plans a fault and returns its number, for [`Faults::fired`].
    pub fn plan(&self, fault: Fault) -> usize {
        let mut inner = self.lock();
        inner.planned.push(PlannedFault { fault, matched_requests: 0, fired_requests: 0 });
        inner.planned.len() - 1
    }

    /// Shorthand for [`Faults::plan`].
    pub fn when(&self, when: Match, what: FaultKind) -> usize {
        self.plan(Fault { when, what })
    }

    /// Plans a random one of [`FaultKind::passing`] for each request with this probability
    /// (0.0 to 1.0). Returns the fault's number.
    pub fn mixed(&self, probability: f64, pause: Duration) -> usize {
        let when = Match { probability, ..Match::default().always() };
        self.when(when, FaultKind::OneOf(FaultKind::passing(pause)))
    }

    /// How often a planned fault has fired; 0 for an unknown number.
    pub fn fired(&self, number: usize) -> u32 {
        let inner = self.lock();
        inner.planned.get(number).map_or(0, |planned| planned.fired_requests)
    }

    /// Removes all planned faults and restarts the random sequence.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.planned.clear();
        inner.request_counts.clear();
    }

    /// The fault that fires for this request, if any. `target` is its path and query.
    ///
    /// The random choice depends on the seed, the target and the number of requests for
    /// the target, so that it is independent of the order in which concurrent requests
    /// arrive.
    pub(crate) fn fire(&self, context: RequestContext<'_>, target: &str) -> Option<FaultKind> {
        let mut inner = self.lock();
        let Inner { planned, seed, request_counts } = &mut *inner;
        if planned.is_empty() {
            return None;
        }
        let target = dice::hash_text(*seed, target);
        let request_count = request_counts.entry(target).or_default();
        *request_count += 1;
        let mut planned = planned.iter_mut().zip(0..);
        planned.find_map(|(planned, number)| {
            let dice = Dice::new(dice::hash(target, number, *request_count));
            planned.fire(context, dice)
        })
    }
}

impl PlannedFault {
    /// The fault, if it fires for this request.
    fn fire(&mut self, context: RequestContext<'_>, mut dice: Dice) -> Option<FaultKind> {
        let when = &self.fault.when;
        if self.fired_requests >= when.times || !when.matches(context) {
            return None;
        }
        self.matched_requests = self.matched_requests.saturating_add(1);
        if self.matched_requests <= when.skip || dice.fraction() >= when.probability {
            return None;
        }
        let what = self.fault.what.resolve(&mut dice)?;
        self.fired_requests = self.fired_requests.saturating_add(1);
        Some(what)
    }
}
