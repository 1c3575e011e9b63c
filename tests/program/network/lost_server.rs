//! A server that is no longer found after a run has begun.

use discord_sim::{BodyKind, FaultKind, Match, RouteKind};

use super::{MESSAGES_ONLY_CONFIG, assert_completes, community, wait_or_kill};
use crate::util::Sandbox;

/// HTTP status and Discord error code of channel requests: "Missing Access", "Unknown
/// Channel" and "Unknown Guild".
const CHANNEL_ERRORS: [(u16, u64); 3] = [(403, 50_001), (404, 10_003), (404, 10_004)];

/// From now on, the guild's routes answer "Unknown Guild", and those of its channels this
/// error.
fn remove_guild(sandbox: &Sandbox, (status, code): (u16, u64)) {
    let guild_routes =
        [RouteKind::Guild, RouteKind::GuildChannels, RouteKind::GuildMember, RouteKind::ActiveThreads];
    let fail = |route, status, code| {
        let what = FaultKind::Status(status, BodyKind::Json(code));
        sandbox.sim.faults().when(Match::route(route).always(), what);
    };
    for route in guild_routes {
        fail(route, 404, 10_004);
    }
    for route in [RouteKind::Messages, RouteKind::Channel, RouteKind::ArchivedPublicThreads] {
        fail(route, status, code);
    }
}

#[test]
fn server_no_longer_found_ends_with_4_and_marks_nothing_as_deleted() {
    for channel_error in CHANNEL_ERRORS {
        let sandbox = community(3, 1500, MESSAGES_ONLY_CONFIG);
        let sync = sandbox.spawn_slow(&["start"]);
        remove_guild(&sandbox, channel_error);
        let ran = wait_or_kill(sync);
        assert_eq!(ran.code, 4, "{channel_error:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains("invite the bot"), "{channel_error:?}: {}", ran.stdout);
        let deleted = sandbox.count("SELECT count(*) FROM channels WHERE state <> 'active'")
            + sandbox.count("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL");
        assert_eq!(deleted, 0, "{channel_error:?}");
        assert!(sandbox.count("SELECT count(*) FROM messages") > 0, "{channel_error:?}");
        // A run that can't find the server from the start marks nothing as deleted
        // either.
        sandbox.run(&["start"]).expect_code(4);
        assert_eq!(
            sandbox.count("SELECT count(*) FROM channels WHERE state <> 'active'"),
            0,
            "{channel_error:?}"
        );
        assert_completes(&sandbox);
    }
}
