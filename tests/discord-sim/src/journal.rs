//! What was asked: every request with its time, answer and cursor.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::faults::What;
use crate::limits::{Scope, is_invalid};
use crate::query::Query;
use crate::route::RouteKind;

/// One request.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When it arrived.
    pub at: Instant,
    /// The same, in milliseconds since the simulator started.
    pub at_ms: u64,
    /// `GET` and so on.
    pub method: String,
    /// The route, if it is one.
    pub route: Option<RouteKind>,
    /// The path as sent.
    pub path: String,
    /// The query as sent, without the question mark.
    pub query: String,
    /// The guild the path names.
    pub guild: Option<u64>,
    /// The channel the path names.
    pub channel: Option<u64>,
    /// The answer's status; `None` while it is under way and when the
    /// connection broke instead.
    pub status: Option<u16>,
    /// Whose limit a 429 was about.
    pub scope: Option<Scope>,
    /// The fault that struck it.
    pub fault: Option<What>,
}

/// The position one page request asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// `after`.
    pub after: Option<u64>,
    /// `before`.
    pub before: Option<u64>,
    /// `around`.
    pub around: Option<u64>,
    /// `limit`.
    pub limit: Option<u64>,
}

/// All requests since the start or the last `clear`.
#[derive(Debug)]
pub struct Journal {
    started: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: Vec<Entry>,
    /// How many entries were cleared.
    cleared: usize,
    in_flight: usize,
    most_in_flight: usize,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an arrival and returns its number.
    pub(crate) fn arrive(&self, mut entry: Entry) -> usize {
        let mut inner = self.lock();
        let since = entry.at.saturating_duration_since(self.started);
        entry.at_ms = since.as_millis() as u64;
        inner.entries.push(entry);
        inner.in_flight += 1;
        inner.most_in_flight = inner.most_in_flight.max(inner.in_flight);
        inner.cleared + inner.entries.len() - 1
    }

    /// Notes the answer; without one the connection broke or the client left.
    pub(crate) fn leave(&self, number: usize, answer: Option<(u16, Option<Scope>)>) {
        let mut inner = self.lock();
        inner.in_flight -= 1;
        let index = number.checked_sub(inner.cleared);
        let entry = index.and_then(|index| inner.entries.get_mut(index));
        if let (Some(entry), Some((status, scope))) = (entry, answer) {
            entry.status = Some(status);
            entry.scope = scope;
        }
    }

    /// Forgets everything so far.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.cleared += inner.entries.len();
        inner.entries.clear();
        inner.most_in_flight = inner.in_flight;
    }

    /// All requests in order of arrival.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    /// How many requests there were.
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many requests went to a route.
    pub fn count(&self, route: RouteKind) -> usize {
        let inner = self.lock();
        let of_route = inner.entries.iter().filter(|entry| entry.route == Some(route));
        of_route.count()
    }

    /// Requests per route; `None` counts unknown paths.
    pub fn by_route(&self) -> BTreeMap<Option<RouteKind>, usize> {
        self.tally(|entry| Some(entry.route))
    }

    /// Requests per status; broken connections are left out.
    pub fn by_status(&self) -> BTreeMap<u16, usize> {
        self.tally(|entry| entry.status)
    }

    /// 429s per scope; those of the front door have none.
    pub fn limited(&self) -> BTreeMap<Scope, usize> {
        self.tally(|entry| entry.scope.filter(|_| entry.status == Some(429)))
    }

    /// 429s of the front door.
    pub fn front_door(&self) -> usize {
        self.times(|entry| entry.status == Some(429) && entry.scope.is_none()).len()
    }

    /// Answers that count towards a ban: 401, 403, and 429 of another scope
    /// than `shared`, those of the front door included.
    pub fn invalid_requests(&self) -> usize {
        self.times(Entry::is_invalid).len()
    }

    fn tally<K: Ord>(&self, key: impl Fn(&Entry) -> Option<K>) -> BTreeMap<K, usize> {
        let mut counts = BTreeMap::new();
        for key in self.lock().entries.iter().filter_map(key) {
            *counts.entry(key).or_default() += 1;
        }
        counts
    }

    /// The cursors of the message pages asked of a channel, in order.
    pub fn cursors(&self, channel: u64) -> Vec<Asked> {
        let inner = self.lock();
        let pages = inner
            .entries
            .iter()
            .filter(|entry| entry.channel == Some(channel) && entry.route == Some(RouteKind::Messages));
        pages.map(|entry| Asked::of(&entry.query)).collect()
    }

    /// Path and query of whatever was answered 200 more than once, with the
    /// count. Answers that a fault struck are left out: it may be right to ask again.
    pub fn doubles(&self) -> Vec<(String, usize)> {
        let mut counts: HashMap<String, usize> = HashMap::new();
        let inner = self.lock();
        let is_whole = |entry: &&Entry| entry.status == Some(200) && entry.fault.is_none();
        for entry in inner.entries.iter().filter(is_whole) {
            let target = format!("{}?{}", entry.path, entry.query);
            *counts.entry(target).or_default() += 1;
        }
        let mut doubles: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 1).collect();
        doubles.sort();
        doubles
    }

    /// The most requests that were under way at once.
    pub fn most_in_flight(&self) -> usize {
        self.lock().most_in_flight
    }

    /// The most requests that arrived within any one second.
    pub fn busiest_second(&self) -> usize {
        self.busiest(Duration::from_secs(1))
    }

    /// The most requests that arrived within any window of this length.
    pub fn busiest(&self, window: Duration) -> usize {
        most_within(&self.times(|_| true), window)
    }

    /// The most invalid requests that arrived within any window of this length.
    pub fn busiest_invalid(&self, window: Duration) -> usize {
        most_within(&self.times(Entry::is_invalid), window)
    }

    /// Requests that arrived in each second since the simulator started, up to
    /// the last one's.
    pub fn per_second(&self) -> Vec<usize> {
        let mut counts = Vec::new();
        for entry in &self.lock().entries {
            let second = (entry.at_ms / 1000) as usize;
            if counts.len() <= second {
                counts.resize(second + 1, 0);
            }
            counts[second] += 1;
        }
        counts
    }

    /// When the requests of a kind arrived, in order.
    fn times(&self, is_meant: impl Fn(&Entry) -> bool) -> Vec<Instant> {
        let inner = self.lock();
        let meant = inner.entries.iter().filter(|entry| is_meant(entry));
        let mut times: Vec<Instant> = meant.map(|entry| entry.at).collect();
        times.sort_unstable();
        times
    }
}

fn most_within(times: &[Instant], window: Duration) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, at) in times.iter().enumerate() {
        while at.saturating_duration_since(times[first]) >= window {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

impl Entry {
    fn is_invalid(&self) -> bool {
        self.status.is_some_and(|status| is_invalid(status, self.scope))
    }
}

impl Asked {
    fn of(query: &str) -> Self {
        let query = Query::parse(query);
        let number = |key| query.get(key).and_then(|text| text.parse().ok());
        Self {
            after: number("after"),
            before: number("before"),
            around: number("around"),
            limit: number("limit"),
        }
    }
}
