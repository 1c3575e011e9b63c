//! The metrics file that a run leaves for Prometheus.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use discord_sim::{ChannelDescription, Description, FaultKind, Match, RouteKind, Scope, World};

use crate::util::Sandbox;

const GUILD: u64 = 77_000_000_000_000_001;

struct Scene {
    sandbox: Sandbox,
    file: PathBuf,
}

fn scene() -> Scene {
    let channels = vec![ChannelDescription::text("general", 40), ChannelDescription::text("other", 5)];
    let sandbox = Sandbox::new(World::new(&Description::of_channels(GUILD, channels)));
    sandbox.write_config("[metrics]\ntextfile = \"verta.prom\"");
    let file = sandbox.dir.path().join("verta.prom");
    Scene { sandbox, file }
}

impl Scene {
    /// The samples of the file, by name and labels.
    fn samples(&self) -> BTreeMap<String, f64> {
        let text = fs::read_to_string(&self.file).unwrap();
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.strip_prefix("verta_sync_").unwrap().to_owned(), value.parse().unwrap())
        };
        let lines: Vec<&str> = text.lines().collect();
        // Each gauge is described once, before its values.
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("# HELP")) {
            let name = line.split(' ').nth(2).unwrap();
            assert_eq!(lines[index + 1], format!("# TYPE {name} gauge"));
            assert_eq!(lines.iter().filter(|line| line.starts_with(&format!("# HELP {name} "))).count(), 1);
            assert!(lines[index + 2].starts_with(name), "{text}");
        }
        lines.into_iter().filter(|line| !line.starts_with('#')).map(sample).collect()
    }
}

#[test]
fn a_run_leaves_what_the_archive_holds() {
    let scene = scene();
    let ran = scene.sandbox.run(&["start"]).expect_code(0);
    scene.sandbox.assert_no_secrets(&ran);
    let samples = scene.samples();
    let tenant = scene.sandbox.sim.world().guilds()[0].1.clone();
    let of_tenant = |name: &str| samples[&format!("{name}{{tenant=\"{tenant}\"}}")];
    let count = "SELECT count(*) FROM message_log";
    let stored: f64 =
        scene.sandbox.archive().query_row(count, [], |row| row.get::<_, u32>(0)).unwrap().into();
    assert!((of_tenant("archived_messages") - stored).abs() < 0.5 && stored > 40.0);
    assert!((samples["last_run_exit_code"]).abs() < 0.5 && of_tenant("failing_channels").abs() < 0.5);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((now - samples["last_run_timestamp_seconds"]).abs() < 60.0);
    assert!(of_tenant("last_success_timestamp_seconds") > 1e9);
    let requests = scene.sandbox.sim.journal().len();
    assert!(
        samples["last_run_requests"] > 2.0
            && samples["last_run_requests"] <= f64::from(u32::try_from(requests).unwrap())
    );
    let active = samples[&format!("channels{{tenant=\"{tenant}\",state=\"active\"}}")];
    assert!((active - 2.0).abs() < 0.5, "{samples:?}");
    let size = fs::metadata(scene.sandbox.dir.path().join("archive.db")).unwrap().len();
    assert!((samples["archive_bytes"] - f64::from(u32::try_from(size).unwrap())).abs() < 0.5);
    assert_eq!(samples.keys().filter(|name| name.starts_with("last_run_rate_limited{scope=")).count(), 3);
    // Another program reads it, and nothing else is left.
    assert_eq!(fs::metadata(&scene.file).unwrap().permissions().mode() & 0o777, 0o644);
    assert!(scene.sandbox.listing().iter().all(|name| !name.contains(".tmp")));
}

#[test]
fn rate_limits_are_counted_by_scope() {
    let scene = scene();
    let limited = FaultKind::RateLimited { retry_after: 0.1, scope: Scope::Shared };
    scene.sandbox.sim.faults().when(Match::route(RouteKind::Messages), limited);
    scene.sandbox.run(&["start"]).expect_code(0);
    let samples = scene.samples();
    let of_scope = |scope: &str| samples[&format!("last_run_rate_limited{{scope=\"{scope}\"}}")];
    assert!((of_scope("shared") - 1.0).abs() < 0.5 && of_scope("user").abs() < 0.5, "{samples:?}");
}

#[test]
fn a_run_that_fails_is_seen_and_a_mistake_changes_nothing() {
    let scene = scene();
    scene.sandbox.run(&["start"]).expect_code(0);
    let before = fs::read_to_string(&scene.file).unwrap();
    scene.sandbox.run(&["start", "--tenant", "nobody"]).expect_code(2);
    assert_eq!(fs::read_to_string(&scene.file).unwrap(), before);
    scene.sandbox.sim.world().revoke_token();
    scene.sandbox.run(&["start"]).expect_code(4);
    let samples = scene.samples();
    assert!((samples["last_run_exit_code"] - 4.0).abs() < 0.5);
    assert!(samples.keys().any(|name| name.starts_with("archived_messages{")));
}

#[test]
fn a_file_that_cannot_be_written_is_no_failure_of_the_run() {
    let scene = scene();
    scene.sandbox.write_config("[metrics]\ntextfile = \"missing/verta.prom\"");
    let ran = scene.sandbox.run(&["start"]).expect_code(0);
    assert!(ran.stderr.contains("cannot write the metrics file"), "{}", ran.stderr);
}
