//! Worlds that stand still unless a test moves them, so that two of them are
//! equal.

use std::time::Duration;

use discord_sim::{ChannelDescription, ChannelKind, Description, Mix, ThreadPlan, Time, World};

use crate::util::Sandbox;

pub const GUILD: u64 = 77_000_000_000_000_001;
/// The first of March 2026.
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

/// Channels of several pages, threads, a forum, and ends that are gone.
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

/// Small pages and few at once, so that there are many instants to kill at.
const SLOW: &str = "[sync]\nmessage_fetch_size = 15\nmax_channel_workers = 3\n";

/// A sandbox on the world of a seed: two of the same seed are equal.
pub fn sandbox(seed: u64) -> Sandbox {
    Sandbox::with_config(World::new(&description(seed)), SLOW)
}

/// The same, for what is about messages. Reading who reacted takes most of the
/// time, so only every third seed does.
pub fn sandbox_of_messages(seed: u64) -> Sandbox {
    let reactions = if seed.is_multiple_of(3) { "users" } else { "counts" };
    let extra = format!("{SLOW}reactions = \"{reactions}\"\n");
    Sandbox::with_config(World::new(&description(seed)), &extra)
}

pub fn slow_down(sandbox: &Sandbox) {
    sandbox.sim.set_latency(Duration::from_millis(4), Duration::from_millis(8));
}

pub fn speed_up(sandbox: &Sandbox) {
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
}

/// Runs that have nothing to do but what needs a second look: an end that was
/// found empty, which is believed a day later.
pub fn settle(sandbox: &Sandbox, arguments: &[&str]) {
    speed_up(sandbox);
    for hours in [1, 25] {
        sandbox.sim.world().advance(HOUR * hours);
        sandbox.expect_through(sandbox.run(arguments));
    }
}
