//! The pass that reads who reacted, killed.

use std::collections::BTreeSet;

use discord_sim::{Description, Entry, RouteKind, World};

use super::harness::{Dice, series, until_through};
use super::snapshot::{Copy, assert_same, assert_sound};
use super::world::{GUILD, NOW, settle, slow_down};
use crate::util::Sandbox;
use crate::util::truth::assert_reactors;

/// A channel, a message, a custom emoji's ID or the character, whether burst.
type Reaction = (u64, u64, String, bool);

/// Few messages, and many who reacted to them.
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

/// What was asked for, a reaction of several pages several times.
fn asked(entry: &Entry) -> Option<Reaction> {
    let parts: Vec<&str> = entry.path.split('/').collect();
    let place = parts.iter().position(|part| *part == "messages")?;
    let emoji = decoded(parts.get(place + 3)?);
    let emoji = emoji.rsplit(':').next()?.to_owned();
    let is_burst = entry.query.split('&').any(|part| part == "type=1");
    Some((parts[place - 1].parse().ok()?, parts[place + 1].parse().ok()?, emoji, is_burst))
}

fn decoded(text: &str) -> String {
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

/// The reactions whose users are committed.
fn finished(copy: &Copy) -> BTreeSet<Reaction> {
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

fn questions(sandbox: &Sandbox) -> Vec<Reaction> {
    let entries = sandbox.sim.journal().entries();
    let reactions = entries.iter().filter(|entry| entry.route == Some(RouteKind::Reactions));
    reactions.map(|entry| asked(entry).unwrap()).collect()
}

#[test]
fn a_pass_killed_again_and_again_finds_all_who_reacted_and_asks_nothing_twice_that_it_had_finished() {
    series(|seed| {
        let (disturbed, undisturbed) = (sandbox(seed), sandbox(seed));
        undisturbed.expect_through(undisturbed.run(&["start"]));
        let questions = undisturbed.sim.journal().len() as u64;
        slow_down(&disturbed);
        let mut dice = Dice::new(seed);
        // What was finished at each kill, and how much had been asked by then.
        let mut known = Vec::new();
        let kills = until_through(&disturbed, &["start"], &mut dice, questions / 3, || {
            let asked = self::questions(&disturbed).len();
            if let Some(copy) = Copy::of(&disturbed) {
                assert_sound(&copy.archive, seed);
                known.push((asked, finished(&copy)));
            }
        });
        assert!(known.iter().any(|(_, finished)| !finished.is_empty()), "seed {seed}: no kill met the pass");
        let all = self::questions(&disturbed);
        for (asked, finished) in known {
            let again = all[asked..].iter().find(|reaction| finished.contains(reaction));
            assert_eq!(again, None, "seed {seed}: asked again");
        }
        assert_reactors(disturbed.sim.world(), &disturbed.archive(), GUILD);
        settle(&disturbed, &["start"]);
        settle(&undisturbed, &["start"]);
        assert_same(&disturbed, &undisturbed, seed);
        kills
    });
}
