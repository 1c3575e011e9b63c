//! Kills runs that re-read: changes inside the refresh window, and `--full`.

use discord_sim::{ChannelDescription, World};

use super::harness::{Dice, kill_until_complete, series};
use super::snapshot::{Copy, assert_same, assert_sound};
use super::world::{GUILD, HOUR, confirm_empty_ends, message_sandbox, slow_down};
use crate::util::Sandbox;

/// Readable channels that hold messages, active threads included, archived threads on
/// request.
fn readable_channels(world: &World, include_archived: bool) -> Vec<u64> {
    let truth = world.truth(GUILD);
    let readable = truth.iter().filter(|channel| channel.bot_can_read && channel.message_count > 0);
    readable.filter(|channel| include_archived || !channel.archived).map(|channel| channel.id).collect()
}

/// Changes some of the given messages: edits, deletions, reactions.
fn change_messages(world: &World, channel: u64, messages: &[u64], dice: &mut Dice) {
    for message in messages {
        match dice.below(6) {
            0 => assert!(world.edit(channel, *message, &format!("edited {}", dice.below(1000)))),
            1 => assert!(world.delete(channel, *message)),
            2 => assert!(world.set_reactions(
                channel,
                *message,
                &[("🦀", false, &[1, 2, 3]), ("👍", true, &[4])]
            )),
            3 => assert!(world.set_reactions(channel, *message, &[])),
            _ => {}
        }
    }
}

/// Changes messages, channels and threads, identically for equal worlds and dice.
fn change_server(world: &World, recent: &[(u64, Vec<u64>)], dice: &mut Dice) {
    for (channel, messages) in recent {
        change_messages(world, *channel, messages, dice);
        world.append(*channel, dice.below(25));
    }
    let general = world.channel_named(GUILD, "general").unwrap();
    world.rename(general, "renamed");
    let thread = world.create_thread(general, "new thread", None).unwrap();
    world.append(thread, 20);
    let support = world.threads_of(world.channel_named(GUILD, "support").unwrap());
    world.archive(support[0]);
    world.delete_channel(support[1]);
    world.hide(world.channel_named(GUILD, "lounge").unwrap());
    let fresh = world.create_channel(GUILD, &ChannelDescription::text("fresh", 0)).unwrap();
    world.append(fresh, 40);
    world.advance(2 * HOUR);
}

/// Reads a world, then changes messages inside the refresh window.
fn sandbox_with_recent_changes(seed: u64) -> Sandbox {
    let sandbox = message_sandbox(seed);
    let world = sandbox.sim.world();
    let recent: Vec<_> = readable_channels(world, false)
        .into_iter()
        .map(|channel| (channel, world.append(channel, 30)))
        .collect();
    world.advance(HOUR);
    sandbox.expect_complete(sandbox.run(&["start"]));
    change_server(world, &recent, &mut Dice::new(seed));
    sandbox
}

/// Reads a world, then changes messages outside the refresh window.
fn sandbox_with_old_changes(seed: u64) -> Sandbox {
    let sandbox = message_sandbox(seed);
    let world = sandbox.sim.world();
    sandbox.expect_complete(sandbox.run(&["start"]));
    let mut dice = Dice::new(seed);
    for channel in readable_channels(world, true) {
        let messages: Vec<u64> =
            world.truth_channel(channel).unwrap().live_messages().map(|message| message.id).collect();
        change_messages(world, channel, &messages, &mut dice);
    }
    world.advance(HOUR);
    sandbox
}

/// Kills a run until it completes. `divisor`: each kill comes at the latest after the
/// number of requests of an undisturbed run, divided by it.
fn kill_series(
    disturbed: &Sandbox,
    undisturbed: &Sandbox,
    arguments: &[&str],
    divisor: u64,
    seed: u64,
) -> u32 {
    undisturbed.sim.journal().clear();
    undisturbed.expect_complete(undisturbed.run(arguments));
    let requests = undisturbed.sim.journal().len() as u64;
    slow_down(disturbed);
    let mut dice = Dice::new(seed);
    let kills = kill_until_complete(disturbed, arguments, &mut dice, requests / divisor, || {
        assert_sound(&Copy::of(disturbed).unwrap().archive, seed);
    });
    confirm_empty_ends(disturbed, arguments);
    confirm_empty_ends(undisturbed, arguments);
    let message_count =
        |what: &str| undisturbed.count(&format!("SELECT count(*) FROM message_log WHERE {what}"));
    assert!(
        message_count("deleted_at IS NOT NULL") > 3 && message_count("content LIKE 'edited %'") > 3,
        "seed {seed}: a dull day"
    );
    assert_same(disturbed, undisturbed, seed);
    kills
}

#[test]
fn killed_refresh_finds_every_change() {
    // Each run re-reads the refresh window from its beginning.
    series(|seed| {
        kill_series(
            &sandbox_with_recent_changes(seed),
            &sandbox_with_recent_changes(seed),
            &["start"],
            1,
            seed,
        )
    });
}

#[test]
fn killed_full_read_resumes_and_finds_every_change() {
    series(|seed| {
        let (disturbed, undisturbed) = (sandbox_with_old_changes(seed), sandbox_with_old_changes(seed));
        kill_series(&disturbed, &undisturbed, &["start", "--full"], 3, seed)
    });
}
