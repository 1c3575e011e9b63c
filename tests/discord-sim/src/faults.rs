//! Faults made on purpose: which requests go wrong, and how.

mod oddity;
mod page;
mod what;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use oddity::Header;
pub use oddity::Oddity;
pub use page::Damage;
pub(crate) use page::{break_message, shuffle};
pub use what::{BodyKind, What};

use crate::dice::Dice;
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
    /// The chance of each, 0.0 to 1.0; one that is spared isn't counted.
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
    dice: Dice,
}

#[derive(Debug)]
struct Planned {
    fault: Fault,
    seen: u32,
    fired: u32,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { inner: Mutex::new(Inner { planned: Vec::new(), dice: Dice::new(seed) }) }
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

    /// How often a planned fault has struck.
    pub fn fired(&self, number: usize) -> u32 {
        let inner = self.lock();
        inner.planned.get(number).map_or(0, |planned| planned.fired)
    }

    /// Drops the whole plan.
    pub fn clear(&self) {
        self.lock().planned.clear();
    }

    /// The fault that strikes this request.
    pub(crate) fn strike(&self, route: Option<&Route>) -> Option<What> {
        let mut inner = self.lock();
        let Inner { planned, dice } = &mut *inner;
        planned.iter_mut().find_map(|planned| {
            let when = &planned.fault.when;
            if planned.fired >= when.times || !when.fits(route) {
                return None;
            }
            planned.seen = planned.seen.saturating_add(1);
            if planned.seen <= when.skip || dice.fraction() >= when.probability {
                return None;
            }
            planned.fired = planned.fired.saturating_add(1);
            Some(planned.fault.what.clone())
        })
    }
}
