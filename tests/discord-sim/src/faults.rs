//! Faults made on purpose: which requests go wrong, and how.

mod oddity;
mod page;
mod untrue;
mod what;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use oddity::Header;
pub use oddity::Oddity;
pub use page::Damage;
pub(crate) use page::{break_message, shuffle};
pub(crate) use untrue::falsify;
pub use what::{BodyKind, What};

use crate::dice::{self, Dice};
use crate::route::{Route, RouteKind};

/// One planned fault.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Which requests it strikes.
    pub when: Match,
    /// What happens to them.
    pub what: What,
}

/// Which requests a fault strikes.
#[derive(Debug, Clone)]
pub struct Match {
    /// Only this route.
    pub route: Option<RouteKind>,
    /// Only this channel.
    pub channel: Option<u64>,
    /// How many matching requests pass first.
    pub skip: u32,
    /// How many are struck then; `u32::MAX` for all.
    pub times: u32,
    /// The chance of each, 0.0 to 1.0; one that is spared isn't counted. It is
    /// a function of the seed, the request and how often it was asked for.
    pub probability: f64,
}

impl Default for Match {
    fn default() -> Self {
        Self { route: None, channel: None, skip: 0, times: 1, probability: 1.0 }
    }
}

impl Match {
    /// The next request of a route.
    pub fn route(route: RouteKind) -> Self {
        Self { route: Some(route), ..Self::default() }
    }

    /// The next message page of a channel.
    pub fn page_of(channel: u64) -> Self {
        Self { route: Some(RouteKind::Messages), channel: Some(channel), ..Self::default() }
    }

    /// The same for this many requests.
    #[must_use]
    pub const fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// The same for every request.
    #[must_use]
    pub const fn always(self) -> Self {
        self.times(u32::MAX)
    }

    /// The same after this many have passed.
    #[must_use]
    pub const fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    fn fits(&self, route: Option<&Route>) -> bool {
        let kind = route.map(|route| route.kind);
        let channel = route.and_then(Route::channel);
        (self.route.is_none() || self.route == kind) && (self.channel.is_none() || self.channel == channel)
    }
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
    pub(crate) fn strike(&self, route: Option<&Route>, target: &str) -> Option<What> {
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
            planned.strike(route, dice)
        })
    }
}

impl Planned {
    fn strike(&mut self, route: Option<&Route>, mut dice: Dice) -> Option<What> {
        let when = &self.fault.when;
        if self.fired >= when.times || !when.fits(route) {
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
