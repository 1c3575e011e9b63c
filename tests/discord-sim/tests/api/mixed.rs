use std::collections::BTreeMap;
use std::time::Duration;

use discord_sim::{Description, FaultKind, Oddity, Options, Scope, Simulator, World};

use crate::client::try_get;

const GUILD: u64 = 310_000_000_000_000_001;
const PAUSE: Duration = Duration::from_millis(1);

fn community(seed: u64) -> Simulator {
    let world = World::new(&Description::community(GUILD, 1, 10));
    Simulator::start_with(world, Options { seed, ..Options::default() })
}

/// Requests each path and ignores the outcome.
fn get_all(sim: &Simulator, paths: &[String]) {
    for path in paths {
        // A reset connection is one of the faults.
        let _ = try_get(sim, path);
    }
}

/// The faults of each query, in the order of requests.
fn faults(sim: &Simulator) -> BTreeMap<String, Vec<Option<FaultKind>>> {
    let mut faults: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for entry in sim.journal().entries() {
        faults.entry(entry.query).or_default().push(entry.fault);
    }
    faults
}

fn paths(count: u32) -> Vec<String> {
    (0..count).map(|number| format!("/guilds/{GUILD}?number={number}")).collect()
}

#[test]
fn mixed_faults_include_every_passing_fault() {
    let sim = community(1);
    let number = sim.faults().mixed(1.0, PAUSE);
    get_all(&sim, &paths(400));
    assert_eq!(sim.faults().fired(number), 400);
    let seen: Vec<FaultKind> = sim.journal().entries().into_iter().filter_map(|entry| entry.fault).collect();
    for what in FaultKind::passing(PAUSE) {
        let is_kind = |seen: &FaultKind| match &what {
            FaultKind::OneOf(odd) => odd.contains(seen),
            what => what == seen,
        };
        assert!(seen.iter().any(is_kind), "{what:?}");
    }
}

#[test]
fn passing_faults_include_every_scope_and_oddity() {
    let passing = FaultKind::passing(Duration::from_millis(250));
    for scope in [Scope::User, Scope::Shared, Scope::Global] {
        assert!(passing.contains(&FaultKind::RateLimited { retry_after: 0.25, scope }));
    }
    let odd = passing.iter().find_map(|what| match what {
        FaultKind::OneOf(odd) => Some(odd.len()),
        _ => None,
    });
    assert_eq!(odd, Some(Oddity::ALL.len()));
}

#[test]
fn mixed_faults_fire_at_about_the_given_rate() {
    let sim = community(1);
    let number = sim.faults().mixed(0.25, PAUSE);
    get_all(&sim, &paths(400));
    let fired = sim.faults().fired(number);
    assert!((60..140).contains(&fired), "{fired}");
    let faultless = sim.journal().entries().iter().filter(|entry| entry.fault.is_none()).count();
    assert_eq!(faultless, 400 - fired as usize);
}

#[test]
fn same_seed_makes_the_same_faults_in_any_request_order() {
    let paths = paths(40);
    let backwards: Vec<String> = paths.iter().rev().cloned().collect();
    let [one, again, other] = [1, 1, 2].map(|seed| {
        let sim = community(seed);
        sim.faults().mixed(0.5, PAUSE);
        sim
    });
    for _ in 0..3 {
        get_all(&one, &paths);
        get_all(&again, &backwards);
        get_all(&other, &paths);
    }
    assert_eq!(faults(&one), faults(&again));
    assert_ne!(faults(&one), faults(&other));
}
