//! What is read again, killed: changes within the window, and `--full`.

use discord_sim::{ChannelDescription, World};

use super::harness::{Dice, series, until_through};
use super::snapshot::{Copy, assert_same, assert_sound};
use super::world::{GUILD, HOUR, sandbox_of_messages, settle, slow_down};
use crate::util::Sandbox;

/// Channels that can be read and hold messages, open threads included, and
/// archived ones if wanted.
fn channels(world: &World, archived: bool) -> Vec<u64> {
    let truth = world.truth(GUILD);
    let readable = truth.iter().filter(|channel| channel.bot_can_read && channel.message_count > 0);
    readable.filter(|channel| archived || !channel.archived).map(|channel| channel.id).collect()
}

/// Changes a channel's messages of an age: edits, deletions, reactions.
fn change(world: &World, channel: u64, messages: &[u64], dice: &mut Dice) {
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

/// A day in the life of the server, the same for equal worlds and dice.
fn live(world: &World, recent: &[(u64, Vec<u64>)], dice: &mut Dice) {
    for (channel, messages) in recent {
        change(world, *channel, messages, dice);
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

/// Reads a world, then changes what is younger than the window.
fn read_and_changed(seed: u64) -> Sandbox {
    let sandbox = sandbox_of_messages(seed);
    let world = sandbox.sim.world();
    let recent: Vec<_> =
        channels(world, false).into_iter().map(|channel| (channel, world.append(channel, 30))).collect();
    world.advance(HOUR);
    sandbox.expect_through(sandbox.run(&["start"]));
    live(world, &recent, &mut Dice::new(seed));
    sandbox
}

/// Reads a world, then changes what no refresh looks at.
fn read_and_changed_long_ago(seed: u64) -> Sandbox {
    let sandbox = sandbox_of_messages(seed);
    let world = sandbox.sim.world();
    sandbox.expect_through(sandbox.run(&["start"]));
    let mut dice = Dice::new(seed);
    for channel in channels(world, true) {
        let messages: Vec<u64> =
            world.truth_channel(channel).unwrap().live_messages().map(|message| message.id).collect();
        change(world, channel, &messages, &mut dice);
    }
    world.advance(HOUR);
    sandbox
}

/// `share`: a kill comes at the latest when an undisturbed run would be through
/// with this part of its questions.
fn killed(disturbed: &Sandbox, undisturbed: &Sandbox, arguments: &[&str], share: u64, seed: u64) -> u32 {
    undisturbed.sim.journal().clear();
    undisturbed.expect_through(undisturbed.run(arguments));
    let questions = undisturbed.sim.journal().len() as u64;
    slow_down(disturbed);
    let mut dice = Dice::new(seed);
    let kills = until_through(disturbed, arguments, &mut dice, questions / share, || {
        assert_sound(&Copy::of(disturbed).unwrap().archive, seed);
    });
    settle(disturbed, arguments);
    settle(undisturbed, arguments);
    let found = |what: &str| undisturbed.count(&format!("SELECT count(*) FROM message_log WHERE {what}"));
    assert!(
        found("deleted_at IS NOT NULL") > 3 && found("content LIKE 'edited %'") > 3,
        "seed {seed}: a dull day"
    );
    assert_same(disturbed, undisturbed, seed);
    kills
}

#[test]
fn a_refresh_killed_again_and_again_finds_every_change() {
    // What is young is read again from its beginning each time.
    series(|seed| killed(&read_and_changed(seed), &read_and_changed(seed), &["start"], 1, seed));
}

#[test]
fn a_full_read_killed_again_and_again_finds_every_change_and_goes_on_where_it_was() {
    series(|seed| {
        let (disturbed, undisturbed) = (read_and_changed_long_ago(seed), read_and_changed_long_ago(seed));
        killed(&disturbed, &undisturbed, &["start", "--full"], 3, seed)
    });
}
