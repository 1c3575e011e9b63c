//! Kills a run while it reads reactors.

use std::collections::BTreeSet;

use discord_sim::{Description, Entry, RouteKind, World};

use super::harness::{Dice, kill_until_complete, series};
use super::snapshot::{Copy, assert_same, assert_sound};
use super::world::{GUILD, NOW, confirm_empty_ends, slow_down};
use crate::util::Sandbox;
use crate::util::truth::assert_reactors;

/// Channel ID, message ID, custom emoji ID or Unicode emoji, whether it is a burst
/// reaction.
type Reaction = (u64, u64, String, bool);

/// A server with few messages that have many reactors.
fn sandbox(seed: u64) -> Sandbox {
    let description = Description { seed, now: Some(NOW), ..Description::community(GUILD, 3, 80) };
    let sandbox = Sandbox::with_config(World::new(&description), "[sync]\nmax_channel_workers = 3\n");
    let world = sandbox.sim.world();
    let chat = world.channel_named(GUILD, "chat-0").unwrap();
    let everyone: Vec<u32> = (0..190).collect();
    for message in world.append(chat, 3) {
        world.set_reactions(chat, message, &[("🦀", false, &everyone), ("🦀", true, &[1, 2])]);
    }
    sandbox
}

/// The reaction whose reactors a request asked for. A list of several pages takes several
/// requests.
fn requested_reaction(entry: &Entry) -> Option<Reaction> {
    let parts: Vec<&str> = entry.path.split('/').collect();
    let position = parts.iter().position(|part| *part == "messages")?;
    let emoji = percent_decoded(parts.get(position + 3)?);
    let emoji = emoji.rsplit(':').next()?.to_owned();
    let is_burst = entry.query.split('&').any(|part| part == "type=1");
    Some((parts[position - 1].parse().ok()?, parts[position + 1].parse().ok()?, emoji, is_burst))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let is_escape = byte == b'%';
        let digits = is_escape.then(|| [rest.next().unwrap(), rest.next().unwrap()]);
        bytes.push(
            digits.map_or(byte, |digits| {
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }),
        );
    }
    String::from_utf8(bytes).unwrap()
}

/// The reactions whose complete reactor list is committed.
fn read_finished(copy: &Copy) -> BTreeSet<Reaction> {
    let mut select = copy
        .archive
        .prepare(
            "SELECT c.platform_id, r.message_id, coalesce(CAST(e.platform_id AS TEXT), e.name), r.burst
               FROM message_reaction_counts r
               JOIN channels c ON c.id = r.channel_id JOIN emoji e ON e.id = r.emoji_id
              WHERE r.users_due = 0 AND r.users_read_at IS NOT NULL",
        )
        .unwrap();
    let rows = select.query_map([], |row| {
        let (channel, message): (i64, i64) = (row.get(0)?, row.get(1)?);
        Ok((channel.cast_unsigned(), message.cast_unsigned(), row.get(2)?, row.get(3)?))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn reaction_requests(sandbox: &Sandbox) -> Vec<Reaction> {
    let entries = sandbox.sim.journal().entries();
    let reactions = entries.iter().filter(|entry| entry.route == Some(RouteKind::Reactions));
    reactions.map(|entry| requested_reaction(entry).unwrap()).collect()
}

#[test]
fn killed_run_reads_all_reactors_and_repeats_no_finished_list() {
    series(|seed| {
        let (disturbed, undisturbed) = (sandbox(seed), sandbox(seed));
        undisturbed.expect_complete(undisturbed.run(&["start"]));
        let requests = undisturbed.sim.journal().len() as u64;
        slow_down(&disturbed);
        let mut dice = Dice::new(seed);
        // At each kill: the number of requests so far, and the finished reactor lists.
        let mut finished_at_kills = Vec::new();
        let kills = kill_until_complete(&disturbed, &["start"], &mut dice, requests / 3, || {
            let request_count = self::reaction_requests(&disturbed).len();
            if let Some(copy) = Copy::of(&disturbed) {
                assert_sound(&copy.archive, seed);
                finished_at_kills.push((request_count, read_finished(&copy)));
            }
        });
        assert!(
            finished_at_kills.iter().any(|(_, finished)| !finished.is_empty()),
            "seed {seed}: no kill hit the reading of reactors"
        );
        let all = self::reaction_requests(&disturbed);
        for (request_count, finished) in finished_at_kills {
            let repeated = all[request_count..].iter().find(|reaction| finished.contains(reaction));
            assert_eq!(repeated, None, "seed {seed}: requested again");
        }
        assert_reactors(disturbed.sim.world(), &disturbed.archive(), GUILD);
        confirm_empty_ends(&disturbed, &["start"]);
        confirm_empty_ends(&undisturbed, &["start"]);
        assert_same(&disturbed, &undisturbed, seed);
        kills
    });
}
