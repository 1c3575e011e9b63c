//! The first read, killed.

use std::collections::BTreeMap;

use super::harness::{Dice, series, until_through};
use super::snapshot::{Copy, assert_same, assert_sound};
use super::world::{GUILD, sandbox_of_messages, settle, slow_down};
use crate::util::Sandbox;
use crate::util::truth::assert_archived;

/// Pages asked of each channel, threads included.
fn pages(sandbox: &Sandbox) -> BTreeMap<u64, usize> {
    let truth = sandbox.sim.world().truth(GUILD);
    truth.iter().map(|channel| (channel.id, sandbox.sim.journal().cursors(channel.id).len())).collect()
}

/// In how many runs a channel was open when they were killed.
fn kills_while_open(sandbox: &Sandbox, channel: u64) -> usize {
    let sql = format!(
        "SELECT count(*) FROM channel_sync_jobs j JOIN channels c ON c.id = j.channel_id
          WHERE c.platform_id = {channel} AND j.status = 'interrupted'"
    );
    usize::try_from(sandbox.count(&sql)).unwrap()
}

#[test]
fn a_first_read_killed_again_and_again_loses_nothing_and_asks_one_page_twice_for_each_open_channel() {
    series(|seed| {
        let (disturbed, undisturbed) = (sandbox_of_messages(seed), sandbox_of_messages(seed));
        undisturbed.expect_through(undisturbed.run(&["start"]));
        let questions = undisturbed.sim.journal().len() as u64;
        slow_down(&disturbed);
        let mut dice = Dice::new(seed);
        let killed = until_through(&disturbed, &["start"], &mut dice, questions / 3, || {
            if let Some(copy) = Copy::of(&disturbed) {
                assert_sound(&copy.archive, seed);
            }
        });
        let expected = pages(&undisturbed);
        for (channel, asked) in pages(&disturbed) {
            let (expected, kills) = (expected[&channel], kills_while_open(&disturbed, channel));
            // An end that nothing confirms is asked for by every run.
            let is_emptied = disturbed.sim.world().channel_named(GUILD, "emptied") == Some(channel);
            let expected =
                if is_emptied { expected * (usize::try_from(killed).unwrap() + 1) } else { expected };
            // A page, and where it begins, if it ends where the channel does.
            assert!(
                asked <= expected + 2 * kills,
                "seed {seed}: channel {channel}: {asked} pages, {expected} without {kills} kills"
            );
        }
        assert_archived(disturbed.sim.world(), &disturbed.archive(), GUILD);
        settle(&disturbed, &["start"]);
        settle(&undisturbed, &["start"]);
        assert_same(&disturbed, &undisturbed, seed);
        killed
    });
}
