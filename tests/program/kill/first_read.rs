//! Kills the first read.

use std::collections::BTreeMap;

use super::harness::{Dice, kill_until_complete, series};
use super::snapshot::{Copy, assert_same, assert_sound};
use super::world::{GUILD, confirm_empty_ends, message_sandbox, slow_down};
use crate::util::Sandbox;
use crate::util::truth::assert_archived;

/// The number of pages requested of each channel, threads included.
fn requested_pages(sandbox: &Sandbox) -> BTreeMap<u64, usize> {
    let truth = sandbox.sim.world().truth(GUILD);
    truth.iter().map(|channel| (channel.id, sandbox.sim.journal().cursors(channel.id).len())).collect()
}

/// The number of killed runs in which the channel was in progress.
fn kills_while_in_progress(sandbox: &Sandbox, channel: u64) -> usize {
    let sql = format!(
        "SELECT count(*) FROM channel_sync_jobs j JOIN channels c ON c.id = j.channel_id
          WHERE c.platform_id = {channel} AND j.status = 'interrupted'"
    );
    usize::try_from(sandbox.count(&sql)).unwrap()
}

#[test]
fn killed_first_read_loses_nothing_and_repeats_one_page_per_open_channel() {
    series(|seed| {
        let (disturbed, undisturbed) = (message_sandbox(seed), message_sandbox(seed));
        undisturbed.expect_complete(undisturbed.run(&["start"]));
        let requests = undisturbed.sim.journal().len() as u64;
        slow_down(&disturbed);
        let mut dice = Dice::new(seed);
        let kills_of_series = kill_until_complete(&disturbed, &["start"], &mut dice, requests / 3, || {
            if let Some(copy) = Copy::of(&disturbed) {
                assert_sound(&copy.archive, seed);
            }
        });
        let expected = requested_pages(&undisturbed);
        for (channel, requested) in requested_pages(&disturbed) {
            let (expected, kills) = (expected[&channel], kills_while_in_progress(&disturbed, channel));
            // Every run requests an empty end until it is confirmed.
            let is_emptied = disturbed.sim.world().channel_named(GUILD, "emptied") == Some(channel);
            let expected = if is_emptied {
                expected * (usize::try_from(kills_of_series).unwrap() + 1)
            } else {
                expected
            };
            // Per kill: one page, and if it is the last one, the empty page after it.
            assert!(
                requested <= expected + 2 * kills,
                "seed {seed}: channel {channel}: {requested} pages, {expected} without {kills} kills"
            );
        }
        assert_archived(disturbed.sim.world(), &disturbed.archive(), GUILD);
        confirm_empty_ends(&disturbed, &["start"]);
        confirm_empty_ends(&undisturbed, &["start"]);
        assert_same(&disturbed, &undisturbed, seed);
        kills_of_series
    });
}
