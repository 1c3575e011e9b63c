//! A server that isn't there for the bot any more, in the middle of a run.

use discord_sim::{BodyKind, Match, RouteKind, What};

use super::{BRIEF, assert_completes, community, ended_in_time};
use crate::util::Sandbox;

/// "Missing Access", "Unknown Channel" and "Unknown Guild".
const PAGES: [(u16, u64); 3] = [(403, 50_001), (404, 10_003), (404, 10_004)];

/// From now on the guild isn't known, and its pages are answered like this.
fn throw_out(sandbox: &Sandbox, (status, code): (u16, u64)) {
    let guild =
        [RouteKind::Guild, RouteKind::GuildChannels, RouteKind::GuildMember, RouteKind::ActiveThreads];
    let always = |route, status, code| {
        let what = What::Status(status, BodyKind::Json(code));
        sandbox.sim.faults().when(Match::route(route).always(), what);
    };
    for route in guild {
        always(route, 404, 10_004);
    }
    for route in [RouteKind::Messages, RouteKind::Channel, RouteKind::ArchivedPublicThreads] {
        always(route, status, code);
    }
}

#[test]
fn a_server_that_is_not_found_any_more_ends_with_4_and_nothing_counts_as_deleted() {
    for page in PAGES {
        let sandbox = community(3, 1500, BRIEF);
        let sync = sandbox.spawn_slow(&["start"]);
        throw_out(&sandbox, page);
        let ran = ended_in_time(sync);
        assert_eq!(ran.code, 4, "{page:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains("invite the bot"), "{page:?}: {}", ran.stdout);
        let deleted = sandbox.count("SELECT count(*) FROM channels WHERE state <> 'active'")
            + sandbox.count("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL");
        assert_eq!(deleted, 0, "{page:?}");
        assert!(sandbox.count("SELECT count(*) FROM messages") > 0, "{page:?}");
        // Neither does a run that finds it gone from its beginning.
        sandbox.run(&["start"]).expect_code(4);
        assert_eq!(sandbox.count("SELECT count(*) FROM channels WHERE state <> 'active'"), 0, "{page:?}");
        assert_completes(&sandbox);
    }
}
