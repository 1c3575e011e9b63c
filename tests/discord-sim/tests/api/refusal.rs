use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use discord_sim::{Description, Simulator};

use crate::client::{get, idle_connection, serve, try_get};

const PATH: &str = "/users/@me";

fn community() -> Simulator {
    serve(&Description::community(310_000_000_000_000_001, 1, 10))
}

fn is_refused(sim: &Simulator) -> bool {
    match TcpStream::connect(sim.address()) {
        Ok(_) => false,
        Err(error) => error.kind() == ErrorKind::ConnectionRefused,
    }
}

#[test]
fn refused_connections_are_accepted_again_on_the_same_port() {
    let sim = community();
    let url = sim.url();
    for _ in 0..3 {
        sim.refuse_connections(true);
        sim.refuse_connections(true);
        assert!(is_refused(&sim));
        assert_eq!(try_get(&sim, PATH).expect_err("nothing listens").kind(), ErrorKind::ConnectionRefused);
        sim.refuse_connections(false);
        sim.refuse_connections(false);
        assert_eq!(get(&sim, PATH).status, 200);
    }
    assert_eq!(sim.url(), url);
    assert_eq!(sim.journal().len(), 3);
}

#[test]
fn refusing_connections_closes_idle_ones() {
    let sim = community();
    let mut fresh = TcpStream::connect(sim.address()).expect("the port is open");
    let mut used = idle_connection(&sim, PATH);
    sim.refuse_connections(true);
    for stream in [&mut used, &mut fresh] {
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        let end = stream.read(&mut [0; 1]);
        let is_reset = end.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
        assert!(is_reset || end.is_ok_and(|bytes| bytes == 0));
    }
}

#[test]
fn refusing_connections_lets_a_running_answer_finish() {
    let sim = community();
    sim.set_latency(Duration::from_millis(100), Duration::ZERO);
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| get(&sim, PATH));
        while sim.journal().is_empty() {
            std::thread::yield_now();
        }
        sim.refuse_connections(true);
        assert!(is_refused(&sim));
        assert_eq!(answer.join().expect("an answer").status, 200);
    });
}

#[test]
fn refusal_can_end_after_a_duration() {
    let sim = community();
    let began = Instant::now();
    sim.refuse_connections_for(Duration::from_millis(100));
    while is_refused(&sim) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(began.elapsed() >= Duration::from_millis(100));
    assert_eq!(get(&sim, PATH).status, 200);
    sim.refuse_connections_for(Duration::from_hours(1));
    sim.refuse_connections(false);
    assert_eq!(get(&sim, PATH).status, 200);
}
