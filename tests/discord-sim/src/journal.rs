//! The journal: every request with its arrival time, its answer and the fault that fired.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::faults::FaultKind;
use crate::limits::{Scope, is_invalid};
use crate::query::Query;
use crate::route::RouteKind;

/// A request and its answer.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When it arrived.
    pub at: Instant,
    /// When it arrived, in milliseconds since the simulator started.
    pub at_ms: u64,
    /// The HTTP method.
    pub method: String,
    /// The route; `None` if the path is unknown.
    pub route: Option<RouteKind>,
    /// The path as sent.
    pub path: String,
    /// The query as sent, without the question mark.
    pub query: String,
    /// The guild the path names.
    pub guild: Option<u64>,
    /// The channel the path names.
    pub channel: Option<u64>,
    /// The answer's status; `None` while it is pending, and if the connection was reset
    /// or the client disconnected first.
    pub status: Option<u16>,
    /// The scope of a 429, if it has one.
    pub scope: Option<Scope>,
    /// The fault that fired for it.
    pub fault: Option<FaultKind>,
}

/// The cursor and the limit of a page request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PageParameters {
    /// The `after` parameter.
    pub after: Option<u64>,
    /// The `before` parameter.
    pub before: Option<u64>,
    /// The `around` parameter.
    pub around: Option<u64>,
    /// The `limit` parameter.
    pub limit: Option<u64>,
}

/// All requests since the start or the last [`Journal::clear`].
#[derive(Debug)]
pub struct Journal {
    started: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: Vec<Entry>,
    /// Number of entries removed by [`Journal::clear`].
    cleared_entries: usize,
    in_flight: usize,
    peak_in_flight: usize,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a request at its arrival and returns its number.
    pub(crate) fn record(&self, mut entry: Entry) -> usize {
        let mut inner = self.lock();
        let since = entry.at.saturating_duration_since(self.started);
        entry.at_ms = since.as_millis() as u64;
        inner.entries.push(entry);
        inner.in_flight += 1;
        inner.peak_in_flight = inner.peak_in_flight.max(inner.in_flight);
        inner.cleared_entries + inner.entries.len() - 1
    }

    /// Records the answer; `None` if the connection was reset or the client disconnected.
    pub(crate) fn finish(&self, number: usize, answer: Option<(u16, Option<Scope>)>) {
        let mut inner = self.lock();
        inner.in_flight -= 1;
        let index = number.checked_sub(inner.cleared_entries);
        let entry = index.and_then(|index| inner.entries.get_mut(index));
        if let (Some(entry), Some((status, scope))) = (entry, answer) {
            entry.status = Some(status);
            entry.scope = scope;
        }
    }

    /// Removes all entries and resets the peak of concurrent requests.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.cleared_entries += inner.entries.len();
        inner.entries.clear();
        inner.peak_in_flight = inner.in_flight;
    }

    /// All requests in order of arrival.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    /// Number of requests.
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Whether there were no requests.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of requests to a route.
    pub fn count(&self, route: RouteKind) -> usize {
        let inner = self.lock();
        let of_route = inner.entries.iter().filter(|entry| entry.route == Some(route));
        of_route.count()
    }

    /// Number of requests per route; `None` counts unknown paths.
    pub fn by_route(&self) -> BTreeMap<Option<RouteKind>, usize> {
        self.count_by(|entry| Some(entry.route))
    }

    /// Number of requests per status; requests without an answer aren't counted.
    pub fn by_status(&self) -> BTreeMap<u16, usize> {
        self.count_by(|entry| entry.status)
    }

    /// Number of 429s per scope; Cloudflare's, which have none, aren't counted.
    pub fn limited(&self) -> BTreeMap<Scope, usize> {
        self.count_by(|entry| entry.scope.filter(|_| entry.status == Some(429)))
    }

    /// Number of 429s from Cloudflare, which have no scope.
    pub fn front_door(&self) -> usize {
        self.arrival_times(|entry| entry.status == Some(429) && entry.scope.is_none()).len()
    }

    /// Number of invalid requests: answered with a 401, a 403 or a 429 with a scope other
    /// than `shared`, Cloudflare's 429s included.
    pub fn invalid_requests(&self) -> usize {
        self.arrival_times(Entry::is_invalid).len()
    }

    /// Number of entries per key; entries without a key aren't counted.
    fn count_by<K: Ord>(&self, key: impl Fn(&Entry) -> Option<K>) -> BTreeMap<K, usize> {
        let mut counts = BTreeMap::new();
        for key in self.lock().entries.iter().filter_map(key) {
            *counts.entry(key).or_default() += 1;
        }
        counts
    }

    /// The cursors of the requests for a channel's message pages, in order of arrival.
    pub fn cursors(&self, channel: u64) -> Vec<PageParameters> {
        let inner = self.lock();
        let pages = inner
            .entries
            .iter()
            .filter(|entry| entry.channel == Some(channel) && entry.route == Some(RouteKind::Messages));
        pages.map(|entry| PageParameters::of(&entry.query)).collect()
    }

    /// Path and query of every request answered with a 200 more than once, with the
    /// count. Answers for which a fault fired aren't counted: a retry may be right.
    pub fn duplicate_requests(&self) -> Vec<(String, usize)> {
        let mut counts: HashMap<String, usize> = HashMap::new();
        let inner = self.lock();
        let is_unfaulted_ok = |entry: &&Entry| entry.status == Some(200) && entry.fault.is_none();
        for entry in inner.entries.iter().filter(is_unfaulted_ok) {
            let target = format!("{}?{}", entry.path, entry.query);
            *counts.entry(target).or_default() += 1;
        }
        let mut repeated: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 1).collect();
        repeated.sort();
        repeated
    }

    /// Maximum number of concurrent requests.
    pub fn most_in_flight(&self) -> usize {
        self.lock().peak_in_flight
    }

    /// Maximum number of requests that arrived within one second.
    pub fn busiest_second(&self) -> usize {
        self.busiest(Duration::from_secs(1))
    }

    /// Maximum number of requests that arrived within a window of this length.
    pub fn busiest(&self, window: Duration) -> usize {
        max_within(&self.arrival_times(|_| true), window)
    }

    /// Maximum number of invalid requests that arrived within a window of this length.
    pub fn busiest_invalid(&self, window: Duration) -> usize {
        max_within(&self.arrival_times(Entry::is_invalid), window)
    }

    /// Number of requests that arrived in each second since the simulator started, up to
    /// the second of the last request.
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

    /// The arrival times of the selected requests, ascending.
    fn arrival_times(&self, is_selected: impl Fn(&Entry) -> bool) -> Vec<Instant> {
        let inner = self.lock();
        let selected = inner.entries.iter().filter(|entry| is_selected(entry));
        let mut times: Vec<Instant> = selected.map(|entry| entry.at).collect();
        times.sort_unstable();
        times
    }
}

/// Maximum number of times (ascending) within a window of this length.
fn max_within(times: &[Instant], window: Duration) -> usize {
    let mut first = 0;
    let mut max = 0;
    for (last, at) in times.iter().enumerate() {
        while at.saturating_duration_since(times[first]) >= window {
            first += 1;
        }
        max = max.max(last + 1 - first);
    }
    max
}

impl Entry {
    fn is_invalid(&self) -> bool {
        self.status.is_some_and(|status| is_invalid(status, self.scope))
    }
}

impl PageParameters {
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
