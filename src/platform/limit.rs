//! The one gate that every request goes through: requests in flight, a smooth
//! pace, the largest work first, a stop for all, and a guard against being
//! banned.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// Refused requests are counted over this long.
/// <https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans>
const REFUSAL_WINDOW: Duration = Duration::from_mins(10);
/// From here on requests are slowed down.
const REFUSALS_SLOW: usize = 300;
/// From here on none is sent.
const REFUSALS_END: usize = 500;
/// So many answers "too often" in a row, and no other answer between them, mean
/// that nothing is let through at all. All requests in flight may meet a limit
/// together, many times over, before it comes to that.
const LIMITED_END: usize = 100;
/// So few are enough where they come slowly: over a whole [`REFUSAL_WINDOW`].
const LIMITED_SLOWLY_END: usize = 10;
/// The pace of a slowed-down gate. Refusals at this pace still add up to the end
/// before the first ones are forgotten.
const SLOW_INTERVAL: Duration = Duration::from_secs(1);

/// What a gate lets through.
#[derive(Debug, Clone, Copy)]
pub struct GateSettings {
    /// Requests in flight at once.
    pub max_in_flight: usize,
    /// Requests a second, evenly spread.
    pub requests_per_second: f64,
}

/// Lets requests through one by one.
#[derive(Debug)]
pub struct Gate {
    waiters: mpsc::UnboundedSender<Waiter>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    interval: Duration,
    /// The earliest time for the next request.
    next: Instant,
    /// When nobody may go.
    stop: Stop,
    /// When requests were refused, oldest first.
    refusals: VecDeque<Instant>,
    /// Answers "too often" since the last other answer, and when the first came.
    limited: Option<(usize, Instant)>,
    /// How often in a row nobody was let in when the stop was over.
    shut_out: u32,
}

/// The right to have one request in flight; dropping it gives it back.
#[derive(Debug)]
#[must_use = "the request may be in flight only as long as the pass lives"]
pub struct Pass {
    /// What it took to get it.
    pub waited: Waited,
    in_flight: OwnedSemaphorePermit,
}

/// Time spent at the gate, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waited {
    /// The platform wanted to be left alone.
    pub stopped: Duration,
    /// Many requests had been refused.
    pub guarded: Duration,
    /// The pace, and a free place in flight.
    pub paced: Duration,
}

/// Too many requests were refused; none may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardTripped {
    /// So many that the platform might ban this address.
    TooManyRefused,
    /// All of them, for long.
    NothingElse,
}

/// Somebody who waits to be let through.
#[derive(Debug)]
struct Waiter {
    work: u64,
    since: Instant,
    /// How long the gate had been stopped in all by then.
    stopped_before: Duration,
    grant: oneshot::Sender<Result<Pass, GuardTripped>>,
}

impl Gate {
    /// A gate that is open at once. Needs a tokio runtime: whose turn it is is
    /// decided by a task of its own, which ends with the gate.
    pub fn new(settings: GateSettings) -> Self {
        let now = Instant::now();
        let interval = Duration::from_secs_f64(1.0 / settings.requests_per_second.max(0.001));
        let state = Arc::new(Mutex::new(State {
            interval,
            next: now,
            stop: Stop::over(now),
            refusals: VecDeque::new(),
            limited: None,
            shut_out: 0,
        }));
        let (waiters, arriving) = mpsc::unbounded_channel();
        let in_flight = Arc::new(Semaphore::new(settings.max_in_flight.max(1)));
        tokio::spawn(Queue::new(arriving, in_flight, Arc::clone(&state)).serve());
        Self { waiters, state }
    }

    /// Waits for a free place, for the pace, and for any stop to end. Of those
    /// that wait, the one with the most `work` goes first.
    ///
    /// # Errors
    /// [`GuardTripped`] when too many requests were refused.
    pub async fn enter(&self, work: u64) -> Result<Pass, GuardTripped> {
        let (grant, granted) = oneshot::channel();
        let since = Instant::now();
        let stopped_before = lock(&self.state).stop.total(since);
        let sent = self.waiters.send(Waiter { work, since, stopped_before, grant });
        debug_assert!(sent.is_ok(), "the queue lives as long as the gate");
        granted.await.unwrap_or(Err(GuardTripped::NothingElse))
    }

    /// Lets nothing through for as long as the platform asks.
    pub fn stop_for(&self, duration: Duration) {
        lock(&self.state).stop.extend(Instant::now(), duration);
    }

    /// Counts an answer that the platform holds against its sender.
    pub fn record_refusal(&self) {
        lock(&self.state).refusals.push_back(Instant::now());
    }

    /// Takes note of an answer "too often".
    pub fn record_limited(&self) {
        let mut state = lock(&self.state);
        let (count, since) = state.limited.unwrap_or((0, Instant::now()));
        state.limited = Some((count + 1, since));
    }

    /// Takes note that the platform shuts this address out, and stops for a
    /// while. Returns how often in a row it did when a stop was over; requests
    /// that were in flight together count once.
    pub fn record_shut_out(&self, duration: Duration) -> u32 {
        let (mut state, now) = (lock(&self.state), Instant::now());
        state.shut_out += u32::from(state.stop.until <= now);
        state.stop.extend(now, duration);
        state.shut_out
    }

    /// Takes note of an answer that isn't "too often".
    pub fn record_answer(&self) {
        let mut state = lock(&self.state);
        (state.limited, state.shut_out) = (None, 0);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// The time at which the next request may go, if it were now.
    fn turn(&mut self) -> Result<Instant, GuardTripped> {
        let now = Instant::now();
        while self.refusals.front().is_some_and(|at| now.duration_since(*at) > REFUSAL_WINDOW) {
            self.refusals.pop_front();
        }
        if self.refusals.len() >= REFUSALS_END {
            return Err(GuardTripped::TooManyRefused);
        }
        if self.limited.is_some_and(|(count, since)| {
            count >= LIMITED_END || (count >= LIMITED_SLOWLY_END && now - since >= REFUSAL_WINDOW)
        }) {
            return Err(GuardTripped::NothingElse);
        }
        Ok(self.next.max(self.stop.until).max(now))
    }

    fn take(&mut self, turn: Instant) {
        self.next = turn + if self.is_guarded() { self.interval.max(SLOW_INTERVAL) } else { self.interval };
    }

    fn is_guarded(&self) -> bool {
        self.refusals.len() >= REFUSALS_SLOW
    }

    /// What somebody waited for who came at `since`.
    fn waited(&self, since: Instant, stopped_before: Duration) -> Waited {
        let now = Instant::now();
        let stopped = self.stop.total(now).saturating_sub(stopped_before);
        let rest = (now - since).saturating_sub(stopped);
        let (guarded, paced) =
            if self.is_guarded() { (rest, Duration::ZERO) } else { (Duration::ZERO, rest) };
        Waited { stopped, guarded, paced }
    }
}

/// The stop that was asked for last, and how long all before it took.
#[derive(Debug)]
struct Stop {
    from: Instant,
    until: Instant,
    before: Duration,
}

impl Stop {
    const fn over(now: Instant) -> Self {
        Self { from: now, until: now, before: Duration::ZERO }
    }

    fn extend(&mut self, now: Instant, duration: Duration) {
        if now >= self.until {
            self.before += self.until - self.from;
            (self.from, self.until) = (now, now);
        }
        self.until = self.until.max(now + duration);
    }

    /// How long the gate has been stopped in all.
    fn total(&self, now: Instant) -> Duration {
        self.before + (now.min(self.until) - self.from)
    }
}

/// Those who wait, and who is let through next.
struct Queue {
    arriving: mpsc::UnboundedReceiver<Waiter>,
    in_flight: Arc<Semaphore>,
    state: Arc<Mutex<State>>,
    waiting: BinaryHeap<Place>,
    arrived: u64,
}

/// Ordered by work, then by who came first.
struct Place {
    work: u64,
    arrival: Reverse<u64>,
    waiter: Waiter,
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Place {}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.work, self.arrival).cmp(&(other.work, other.arrival))
    }
}

impl Queue {
    fn new(
        arriving: mpsc::UnboundedReceiver<Waiter>,
        in_flight: Arc<Semaphore>,
        state: Arc<Mutex<State>>,
    ) -> Self {
        Self { arriving, in_flight, state, waiting: BinaryHeap::new(), arrived: 0 }
    }

    /// Serves until the gate is gone.
    async fn serve(mut self) {
        while self.wait_for_somebody().await {
            let Ok(permit) = Arc::clone(&self.in_flight).acquire_owned().await else { return };
            let turn = self.turn().await;
            self.take_in();
            match turn {
                Ok(()) => self.let_through(permit),
                Err(tripped) => self.refuse_all(tripped),
            }
        }
    }

    async fn wait_for_somebody(&mut self) -> bool {
        self.take_in();
        // Who was cancelled meanwhile needs no turn.
        self.waiting.retain(|place| !place.waiter.grant.is_closed());
        if self.waiting.is_empty() {
            match self.arriving.recv().await {
                Some(waiter) => self.seat(waiter),
                None => return false,
            }
        }
        true
    }

    fn take_in(&mut self) {
        while let Ok(waiter) = self.arriving.try_recv() {
            self.seat(waiter);
        }
    }

    fn seat(&mut self, waiter: Waiter) {
        self.arrived += 1;
        self.waiting.push(Place { work: waiter.work, arrival: Reverse(self.arrived), waiter });
    }

    /// Waits until the pace and any stop allow a request, and takes that turn.
    async fn turn(&self) -> Result<(), GuardTripped> {
        loop {
            let turn = lock(&self.state).turn()?;
            sleep_until(turn).await;
            let mut state = lock(&self.state);
            if state.stop.until <= Instant::now() {
                state.take(turn);
                return Ok(());
            }
        }
    }

    fn let_through(&mut self, mut permit: OwnedSemaphorePermit) {
        while let Some(Place { waiter, .. }) = self.waiting.pop() {
            let waited = lock(&self.state).waited(waiter.since, waiter.stopped_before);
            match waiter.grant.send(Ok(Pass { waited, in_flight: permit })) {
                // It was cancelled: the next one goes.
                Err(Ok(back)) => permit = back.in_flight,
                _ => return,
            }
        }
    }

    fn refuse_all(&mut self, tripped: GuardTripped) {
        for place in self.waiting.drain() {
            // Nobody listens any more when it was cancelled.
            place.waiter.grant.send(Err(tripped)).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(max_in_flight: usize, requests_per_second: f64) -> Gate {
        Gate::new(GateSettings { max_in_flight, requests_per_second })
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_spread_evenly() {
        let gate = gate(10, 10.0);
        let begin = Instant::now();
        let mut times = Vec::new();
        for _ in 0..5 {
            drop(gate.enter(0).await.unwrap());
            times.push(begin.elapsed().as_millis() / 10);
        }
        assert_eq!(times, [0, 10, 20, 30, 40]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_in_flight_than_allowed() {
        let gate = gate(2, 1000.0);
        let first = gate.enter(0).await.unwrap();
        let _second = gate.enter(0).await.unwrap();
        let third = tokio::time::timeout(Duration::from_mins(1), gate.enter(0)).await;
        assert!(third.is_err());
        drop(first);
        assert!(gate.enter(0).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_holds_also_those_that_wait_for_their_turn() {
        let gate = gate(10, 1.0);
        drop(gate.enter(0).await.unwrap());
        let begin = Instant::now();
        let waiting = gate.enter(0);
        gate.stop_for(Duration::from_secs(5));
        drop(waiting.await.unwrap());
        assert!(begin.elapsed() >= Duration::from_secs(5), "{:?}", begin.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn every_wait_is_told_with_its_cause() {
        let gate = gate(10, 1.0);
        let millis = |waited: Waited| {
            [waited.stopped, waited.guarded, waited.paced].map(|wait| wait.as_millis() / 10 * 10)
        };
        assert_eq!(millis(gate.enter(0).await.unwrap().waited), [0, 0, 0]);
        assert_eq!(millis(gate.enter(0).await.unwrap().waited), [0, 0, 1000]);
        gate.stop_for(Duration::from_secs(5));
        gate.stop_for(Duration::from_secs(3));
        assert_eq!(millis(gate.enter(0).await.unwrap().waited), [5000, 0, 0]);
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(millis(gate.enter(0).await.unwrap().waited), [0, 0, 0]);
        for _ in 0..REFUSALS_SLOW {
            gate.record_refusal();
        }
        assert_eq!(millis(gate.enter(0).await.unwrap().waited), [0, 1000, 0]);
        gate.stop_for(Duration::from_millis(300));
        assert_eq!(millis(gate.enter(0).await.unwrap().waited), [300, 700, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn of_those_that_wait_the_largest_goes_first() {
        let gate = gate(1, 1000.0);
        let first = gate.enter(0).await.unwrap();
        let order = Mutex::new(Vec::new());
        let enter = |work| {
            let (gate, order) = (&gate, &order);
            async move {
                drop(gate.enter(work).await.unwrap());
                order.lock().unwrap().push(work);
            }
        };
        let release = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(first);
        };
        tokio::join!(enter(5), enter(700), enter(0), enter(30), release);
        assert_eq!(*order.lock().unwrap(), [700, 30, 5, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_takes_nobodys_turn() {
        let gate = gate(1, 1.0);
        drop(gate.enter(0).await.unwrap());
        let begin = Instant::now();
        assert!(tokio::time::timeout(Duration::from_millis(100), gate.enter(9)).await.is_err());
        drop(gate.enter(0).await.unwrap());
        assert!(begin.elapsed() < Duration::from_millis(1100), "{:?}", begin.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_platform_that_refuses_often_is_left_alone_in_good_time() {
        let gate = gate(10, 48.0);
        let begin = Instant::now();
        let mut requests = 0;
        while gate.enter(0).await.is_ok() {
            gate.record_refusal();
            requests += 1;
        }
        assert_eq!(requests, REFUSALS_END);
        assert!(begin.elapsed() < REFUSAL_WINDOW, "{:?}", begin.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_platform_that_only_says_too_often_is_left_alone() {
        let until_the_end = async |retry_after, answered: Option<usize>| {
            let (gate, begin, mut requests) = (gate(10, 48.0), Instant::now(), 0);
            while gate.enter(0).await.is_ok() {
                requests += 1;
                if answered == Some(requests) {
                    gate.record_answer();
                } else {
                    gate.record_limited();
                    gate.stop_for(retry_after);
                }
            }
            (requests, begin.elapsed().as_secs() / 60)
        };
        assert_eq!(until_the_end(Duration::from_secs(1), None).await, (100, 1));
        assert_eq!(until_the_end(Duration::from_secs(1), Some(90)).await, (190, 3));
        assert_eq!(until_the_end(Duration::from_secs(30), None).await, (21, 10));
        assert_eq!(until_the_end(Duration::from_mins(10), None).await, (10, 90));
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_slow_the_gate_and_then_shut_it() {
        let gate = gate(10, 1000.0);
        for _ in 0..REFUSALS_SLOW {
            gate.record_refusal();
        }
        let begin = Instant::now();
        drop(gate.enter(0).await.unwrap());
        drop(gate.enter(0).await.unwrap());
        assert!(begin.elapsed() >= SLOW_INTERVAL);
        for _ in REFUSALS_SLOW..REFUSALS_END {
            gate.record_refusal();
        }
        assert_eq!(gate.enter(0).await.err(), Some(GuardTripped::TooManyRefused));
        tokio::time::advance(REFUSAL_WINDOW + Duration::from_secs(1)).await;
        assert!(gate.enter(0).await.is_ok());
    }
}
