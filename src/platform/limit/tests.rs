//! Tests of the gate on a paused clock.

use super::*;

fn gate(max_in_flight: usize, requests_per_second: f64) -> Gate {
    Gate::new(GateSettings { max_in_flight, requests_per_second })
}

#[tokio::test(start_paused = true)]
async fn requests_are_spread_evenly() {
    let gate = gate(10, 10.0);
    let started_at = Instant::now();
    let mut times = Vec::new();
    for _ in 0..5 {
        drop(gate.acquire(0).await.unwrap());
        times.push(started_at.elapsed().as_millis() / 10);
    }
    assert_eq!(times, [0, 10, 20, 30, 40]);
}

#[tokio::test(start_paused = true)]
async fn no_burst_follows_an_idle_time() {
    let gate = gate(10, 10.0);
    drop(gate.acquire(0).await.unwrap());
    tokio::time::advance(Duration::from_mins(1)).await;
    let resumed_at = Instant::now();
    let mut times = Vec::new();
    for _ in 0..4 {
        drop(gate.acquire(0).await.unwrap());
        times.push(resumed_at.elapsed().as_millis() / 10);
    }
    assert_eq!(times, [0, 10, 20, 30]);
}

#[tokio::test(start_paused = true)]
async fn no_more_are_in_flight_than_allowed() {
    let gate = gate(2, 1000.0);
    let first = gate.acquire(0).await.unwrap();
    let _second = gate.acquire(0).await.unwrap();
    let third = tokio::time::timeout(Duration::from_mins(1), gate.acquire(0)).await;
    assert!(third.is_err());
    drop(first);
    assert!(gate.acquire(0).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_pause_also_delays_pending_requests() {
    let gate = gate(10, 1.0);
    drop(gate.acquire(0).await.unwrap());
    let started_at = Instant::now();
    let pending = gate.acquire(0);
    gate.pause_for(Duration::from_secs(5));
    drop(pending.await.unwrap());
    assert!(started_at.elapsed() >= Duration::from_secs(5), "{:?}", started_at.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_permit_reports_its_wait_by_cause() {
    let gate = gate(10, 1.0);
    let millis =
        |wait: PermitWait| [wait.paused, wait.throttled, wait.paced].map(|wait| wait.as_millis() / 10 * 10);
    assert_eq!(millis(gate.acquire(0).await.unwrap().wait), [0, 0, 0]);
    assert_eq!(millis(gate.acquire(0).await.unwrap().wait), [0, 0, 1000]);
    gate.pause_for(Duration::from_secs(5));
    gate.pause_for(Duration::from_secs(3));
    assert_eq!(millis(gate.acquire(0).await.unwrap().wait), [5000, 0, 0]);
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(millis(gate.acquire(0).await.unwrap().wait), [0, 0, 0]);
    for _ in 0..THROTTLE_AT_INVALID_REQUESTS {
        gate.record_invalid_request();
    }
    assert_eq!(millis(gate.acquire(0).await.unwrap().wait), [0, 1000, 0]);
    gate.pause_for(Duration::from_millis(300));
    assert_eq!(millis(gate.acquire(0).await.unwrap().wait), [300, 700, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_largest_backlog_goes_first() {
    let gate = gate(1, 1000.0);
    let first = gate.acquire(0).await.unwrap();
    let order = Mutex::new(Vec::new());
    let enter = |backlog| {
        let (gate, order) = (&gate, &order);
        async move {
            drop(gate.acquire(backlog).await.unwrap());
            order.lock().unwrap().push(backlog);
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
async fn a_small_backlog_is_granted_despite_a_steady_stream_of_larger_ones() {
    let gate = gate(1, 1.0);
    let large = async {
        loop {
            drop(gate.acquire(1 << 20).await.unwrap());
        }
    };
    let another = async {
        loop {
            drop(gate.acquire(1 << 20).await.unwrap());
        }
    };
    let started_at = Instant::now();
    tokio::select! {
        () = large => {}
        () = another => {}
        permit = gate.acquire(1) => drop(permit.unwrap()),
    }
    assert_eq!(started_at.elapsed().as_secs() / 10, 2, "{:?}", started_at.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_request_takes_no_slot() {
    let gate = gate(1, 1.0);
    drop(gate.acquire(0).await.unwrap());
    let started_at = Instant::now();
    assert!(tokio::time::timeout(Duration::from_millis(100), gate.acquire(9)).await.is_err());
    drop(gate.acquire(0).await.unwrap());
    assert!(started_at.elapsed() < Duration::from_millis(1100), "{:?}", started_at.elapsed());
}

#[tokio::test(start_paused = true)]
async fn invalid_requests_reach_the_limit_within_the_window() {
    let gate = gate(10, 48.0);
    let started_at = Instant::now();
    let mut requests = 0;
    while gate.acquire(0).await.is_ok() {
        gate.record_invalid_request();
        requests += 1;
    }
    assert_eq!(requests, REJECT_AT_INVALID_REQUESTS);
    assert!(started_at.elapsed() < INVALID_REQUEST_WINDOW, "{:?}", started_at.elapsed());
}

#[tokio::test(start_paused = true)]
async fn rejects_requests_after_nothing_but_rate_limits() {
    let until_rejected = async |retry_after, response_at: Option<usize>| {
        let (gate, started_at, mut requests) = (gate(10, 48.0), Instant::now(), 0);
        while gate.acquire(0).await.is_ok() {
            requests += 1;
            if response_at == Some(requests) {
                gate.record_response();
            } else {
                gate.record_rate_limit();
                gate.pause_for(retry_after);
            }
        }
        (requests, started_at.elapsed().as_secs() / 60)
    };
    assert_eq!(until_rejected(Duration::from_secs(1), None).await, (100, 1));
    assert_eq!(until_rejected(Duration::from_secs(1), Some(90)).await, (190, 3));
    assert_eq!(until_rejected(Duration::from_secs(30), None).await, (21, 10));
    assert_eq!(until_rejected(Duration::from_mins(10), None).await, (10, 90));
}

#[tokio::test(start_paused = true)]
async fn invalid_requests_throttle_the_gate_and_then_reject() {
    let gate = gate(10, 1000.0);
    for _ in 0..THROTTLE_AT_INVALID_REQUESTS {
        gate.record_invalid_request();
    }
    let started_at = Instant::now();
    drop(gate.acquire(0).await.unwrap());
    drop(gate.acquire(0).await.unwrap());
    assert!(started_at.elapsed() >= THROTTLED_INTERVAL);
    for _ in THROTTLE_AT_INVALID_REQUESTS..REJECT_AT_INVALID_REQUESTS {
        gate.record_invalid_request();
    }
    assert_eq!(gate.acquire(0).await.err(), Some(InvalidRequestLimitReached::TooManyInvalidRequests));
    tokio::time::advance(INVALID_REQUEST_WINDOW + Duration::from_secs(1)).await;
    assert!(gate.acquire(0).await.is_ok());
}
