use std::time::{Duration, Instant};

use discord_sim::{Description, Headers, Limits, RouteKind, Scope, Second, Simulator};

use crate::client::{Reply, get, serve};

const GUILD: u64 = 310_000_000_000_000_001;

fn community(channels: u32) -> (Simulator, Vec<u64>) {
    let sim = serve(&Description::community(GUILD, channels, 10));
    let channel = |index| sim.world().channel_named(GUILD, &format!("chat-{index}"));
    let channels = (0..channels).filter_map(channel).collect();
    (sim, channels)
}

fn page(sim: &Simulator, channel: u64) -> Reply {
    get(sim, &format!("/channels/{channel}/messages"))
}

#[test]
fn bucket_counts_per_channel_and_reports_it_in_headers() {
    let (sim, channels) = community(2);
    sim.set_limits(Limits::off().bucket(RouteKind::Messages, 2, Duration::from_secs(5)));
    let remaining: Vec<Option<String>> =
        (0..2).map(|_| page(&sim, channels[0]).header("x-ratelimit-remaining").map(str::to_owned)).collect();
    assert_eq!(remaining, [Some("1".to_owned()), Some("0".to_owned())]);
    let limited = page(&sim, channels[0]);
    assert_eq!(limited.status, 429);
    assert_eq!(limited.header("x-ratelimit-scope"), Some("user"));
    assert_eq!(limited.header("x-ratelimit-remaining"), Some("0"));
    assert_eq!(limited.header("retry-after"), Some("5"));
    let body = limited.json();
    assert_eq!(body["global"], false);
    assert!(body["retry_after"].as_f64().is_some_and(|wait| wait > 4.0 && wait <= 5.0));
    assert_eq!(page(&sim, channels[1]).status, 200);
    assert_eq!(sim.journal().limited().get(&Scope::User), Some(&1));
}

#[test]
fn bucket_window_ends_after_its_duration() {
    let (sim, channels) = community(1);
    sim.set_limits(Limits::off().bucket(RouteKind::Messages, 1, Duration::from_millis(200)));
    assert_eq!(page(&sim, channels[0]).status, 200);
    assert_eq!(page(&sim, channels[0]).status, 429);
    std::thread::sleep(Duration::from_millis(220));
    assert_eq!(page(&sim, channels[0]).status, 200);
}

#[test]
fn global_limit_applies_across_routes() {
    for second in [Second::Fixed, Second::Sliding] {
        let (sim, channels) = community(3);
        sim.set_limits(Limits { second, ..Limits::global(3) });
        let statuses: Vec<u16> = channels.iter().map(|id| page(&sim, *id).status).collect();
        assert_eq!(statuses, [200; 3]);
        let limited = get(&sim, &format!("/guilds/{GUILD}"));
        assert_eq!(limited.status, 429);
        assert_eq!(limited.header("x-ratelimit-global"), Some("true"));
        assert_eq!(limited.header("x-ratelimit-scope"), Some("global"));
        assert_eq!(limited.json()["global"], true);
        std::thread::sleep(Duration::from_millis(1010));
        assert_eq!(get(&sim, &format!("/guilds/{GUILD}")).status, 200);
    }
}

#[test]
fn generous_headers_hide_the_true_limit() {
    let (sim, channels) = community(1);
    sim.set_limits(Limits {
        headers: Headers::Generous { limit: 1000 },
        ..Limits::off().bucket(RouteKind::Messages, 1, Duration::from_secs(5))
    });
    let open = page(&sim, channels[0]);
    assert_eq!(open.header("x-ratelimit-remaining"), Some("999"));
    let limited = page(&sim, channels[0]);
    assert_eq!((limited.status, limited.header("x-ratelimit-limit")), (429, Some("1")));
    assert_ne!(open.header("x-ratelimit-bucket"), limited.header("x-ratelimit-bucket"));
}

#[test]
fn latency_delays_every_answer() {
    let (sim, channels) = community(1);
    sim.set_latency(Duration::from_millis(80), Duration::ZERO);
    let began = Instant::now();
    assert_eq!(page(&sim, channels[0]).status, 200);
    assert!(began.elapsed() >= Duration::from_millis(80));
}

#[test]
fn journal_reports_cursors_duplicates_and_concurrency() {
    let (sim, channels) = community(1);
    sim.set_latency(Duration::from_millis(60), Duration::ZERO);
    std::thread::scope(|scope| {
        for after in [0, 5, 5] {
            let path = format!("/channels/{}/messages?after={after}&limit=7", channels[0]);
            let sim = &sim;
            scope.spawn(move || get(sim, &path));
        }
    });
    let journal = sim.journal();
    assert_eq!(journal.most_in_flight(), 3);
    assert_eq!(journal.busiest_second(), 3);
    let doubles = journal.duplicate_requests();
    assert_eq!(doubles.len(), 1);
    assert_eq!(doubles[0].1, 2);
    let cursors = journal.cursors(channels[0]);
    assert!(cursors.iter().all(|asked| asked.limit == Some(7)));
    assert_eq!(cursors.iter().filter(|asked| asked.after == Some(5)).count(), 2);
    assert_eq!(journal.by_status().get(&200), Some(&3));
    assert_eq!(journal.by_route().get(&Some(RouteKind::Messages)), Some(&3));
    journal.clear();
    assert!(journal.is_empty());
}
