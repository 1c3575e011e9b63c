//! Worlds whose clock moves only when a test advances it, so that two of them stay equal.

use std::time::Duration;

use discord_sim::{ChannelDescription, ChannelKind, Description, Mix, ThreadPlan, Time, World};

use crate::util::Sandbox;

pub const GUILD: u64 = 77_000_000_000_000_001;
/// 1 March 2026, 00:00 UTC.
pub const NOW: Time = Time(1_772_323_200_000);
pub const HOUR: Duration = Duration::from_hours(1);

fn rich(name: &str, messages: u64) -> ChannelDescription {
    ChannelDescription { mix: Mix::Rich, ..ChannelDescription::text(name, messages) }
}

fn with_threads(
    channel: ChannelDescription,
    active: u32,
    archived: u32,
    messages: u64,
) -> ChannelDescription {
    let threads = ThreadPlan { active, archived, messages, ..ThreadPlan::default() };
    ChannelDescription { threads, ..channel }
}

/// Channels of several pages, threads, a forum, and channels whose newest messages are
/// deleted.
pub fn description(seed: u64) -> Description {
    let channels = vec![
        rich("general", 90),
        ChannelDescription::text("chat", 140),
        ChannelDescription { deleted_last: 3, ..ChannelDescription::text("cut", 65) },
        ChannelDescription { deleted_last: 20, ..ChannelDescription::text("emptied", 20) },
        ChannelDescription::text("silent", 0),
        with_threads(rich("support", 30), 2, 3, 17),
        with_threads(
            ChannelDescription { mix: Mix::Rich, ..ChannelDescription::new(ChannelKind::Forum, "ideas") },
            2,
            3,
            20,
        ),
        ChannelDescription { messages: 30, ..ChannelDescription::new(ChannelKind::Voice, "lounge") },
    ];
    Description { seed, now: Some(NOW), ..Description::of_channels(GUILD, channels) }
}

/// Small pages and few workers, so that there are many instants to kill at.
const SMALL_PAGES: &str = "[sync]\nmessage_fetch_size = 15\nmax_channel_workers = 3\n";

/// A sandbox on the world of a seed. Equal seeds give equal worlds.
pub fn sandbox(seed: u64) -> Sandbox {
    Sandbox::with_config(World::new(&description(seed)), SMALL_PAGES)
}

/// Like [`sandbox`], for tests about messages. Reading reactors takes most of the time,
/// so only every third seed does it.
pub fn message_sandbox(seed: u64) -> Sandbox {
    let reactions = if seed.is_multiple_of(3) { "users" } else { "counts" };
    let extra = format!("{SMALL_PAGES}reactions = \"{reactions}\"\n");
    Sandbox::with_config(World::new(&description(seed)), &extra)
}

pub fn slow_down(sandbox: &Sandbox) {
    sandbox.sim.set_latency(Duration::from_millis(4), Duration::from_millis(8));
}

pub fn speed_up(sandbox: &Sandbox) {
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
}

/// Runs the command twice, an hour and 26 hours later, to confirm channel ends that rest
/// on an empty page: a sync accepts such an end only after a day.
pub fn confirm_empty_ends(sandbox: &Sandbox, arguments: &[&str]) {
    speed_up(sandbox);
    for hours in [1, 25] {
        sandbox.sim.world().advance(HOUR * hours);
        sandbox.expect_complete(sandbox.run(arguments));
    }
}
