//! The gate, on a paused clock.

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
async fn a_small_one_is_let_through_though_there_are_always_larger_ones() {
    let gate = gate(1, 1.0);
    let large = async {
        loop {
            drop(gate.enter(1 << 20).await.unwrap());
        }
    };
    let another = async {
        loop {
            drop(gate.enter(1 << 20).await.unwrap());
        }
    };
    let begin = Instant::now();
    tokio::select! {
        () = large => {}
        () = another => {}
        passed = gate.enter(1) => drop(passed.unwrap()),
    }
    assert_eq!(begin.elapsed().as_secs() / 10, 2, "{:?}", begin.elapsed());
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
