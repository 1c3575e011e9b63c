//! Runs one spell: a random server, the run under the spell, and the honest runs before
//! and after it.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use discord_sim::{ChannelDescription, ChannelKind, Description, Mix, ThreadPlan, Time, World};
use fastrand::Rng;

use super::lie::{self, Lie, Targets};
use crate::util::truth::{assert_archived, assert_reactors};
use crate::util::{CommandOutput, Sandbox};

pub const GUILD: u64 = 77_000_000_000_000_001;
/// Start time of every spell, in Unix milliseconds.
const NOW_MS: i64 = 1_786_000_000_123;
const HOUR_MS: i64 = 3_600_000;
const HOUR: Duration = Duration::from_hours(1);
/// Time between changes and a run, and before the last run: the absence of a message
/// younger than a minute proves nothing.
const SETTLING_TIME: Duration = Duration::from_mins(2);
const CONFIG: &str = "[sync]\nretry_base_delay = \"1ms\"\n";

/// A failed spell: its log, and the problem that ended it.
#[derive(Debug)]
pub struct Failure {
    pub log: Vec<String>,
    pub problem: String,
    /// Number of lies in the spell.
    pub lies: usize,
}

/// Runs the spell of a seed without the omitted lies, given by their numbers.
pub fn run(seed: u64, omitted: &[usize]) -> Result<(), Failure> {
    let mut failure = Failure { log: Vec::new(), problem: String::new(), lies: 0 };
    let outcome = catch_unwind(AssertUnwindSafe(|| execute(seed, omitted, &mut failure)));
    failure.problem = match outcome {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(problem)) => problem,
        Err(panic) => panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "it panicked".to_owned()),
    };
    Err(failure)
}

fn execute(seed: u64, omitted: &[usize], failure: &mut Failure) -> Result<(), String> {
    let mut rng = Rng::with_seed(seed);
    let sandbox = Sandbox::with_config(World::new(&random_description(&mut rng)), CONFIG);
    let world = sandbox.sim.world();
    failure.log.push(channel_list(world));
    let has_first_read = rng.u32(..4) > 0;
    if has_first_read {
        failure.log.push(format!("honest first run → {}", start(&sandbox).code));
        world.advance(HOUR * rng.u32(1..=30));
    }
    let new_messages = change_world(&mut rng, world, &mut failure.log);
    world.advance(SETTLING_TIME);
    let known_channel_ids = if has_first_read { known_channels(&sandbox) } else { BTreeSet::new() };
    let targets = Targets::of(world, new_messages, &known_channel_ids);
    let lies = lie::random_lies(&mut rng, &targets);
    failure.lies = lies.len();
    run_under_spell(&sandbox, &lies, omitted, failure)?;
    for wait in [HOUR, 24 * HOUR, SETTLING_TIME] {
        world.advance(wait);
        let ran = start(&sandbox);
        failure.log.push(format!("honest run {wait:?} later → {}", ran.code));
        if !matches!(ran.code, 0 | 3) {
            return Err(format!("it ended with {}\n{}\n{}", ran.code, ran.stdout, ran.stderr));
        }
    }
    let missing = missing_messages(&live_messages(world), &archived_keys(&sandbox, "deleted_at IS NULL"));
    let deleted = archived_keys(&sandbox, "deleted_at IS NOT NULL");
    let wrongly_deleted: Vec<_> = missing.iter().filter(|(key, _)| deleted.contains(key)).collect();
    if !wrongly_deleted.is_empty() {
        return Err(format!(
            "{} live messages are marked as deleted: {:?}",
            wrongly_deleted.len(),
            wrongly_deleted[0]
        ));
    }
    if !missing.is_empty() {
        return Err(format!("missing at the end: {}", summary(&missing)));
    }
    assert_archived(world, &sandbox.archive(), GUILD);
    assert_reactors(world, &sandbox.archive(), GUILD);
    Ok(())
}

/// The run under the spell. If the archive is missing messages afterwards, the run must
/// not exit with 0.
fn run_under_spell(
    sandbox: &Sandbox,
    lies: &[Lie],
    omitted: &[usize],
    failure: &mut Failure,
) -> Result<(), String> {
    let active: Vec<&Lie> =
        lies.iter().enumerate().filter(|(number, _)| !omitted.contains(number)).map(|(_, lie)| lie).collect();
    for lie in &active {
        sandbox.sim.faults().when(lie.when.clone(), lie.what.clone());
    }
    let ran = start(sandbox);
    for (number, lie) in active.iter().enumerate() {
        failure.log.push(format!("lie, told {} times: {lie}", sandbox.sim.faults().fired(number)));
    }
    failure.log.push(format!("run under the spell → {}", ran.code));
    sandbox.sim.faults().clear();
    let mut missing = if sandbox.archive_path().exists() {
        missing_messages(&live_messages(sandbox.sim.world()), &archived_keys(sandbox, "deleted_at IS NULL"))
    } else {
        live_messages(sandbox.sim.world())
    };
    missing.retain(|key, _| !active.iter().any(|lie| lie.excuses(*key)));
    if ran.code == 0 && !missing.is_empty() {
        return Err(format!("it ended with 0 and is short of {}\n{}", summary(&missing), ran.stdout));
    }
    // Exit codes for usage errors, another run and signals must not occur here.
    if !matches!(ran.code, 0 | 1 | 3 | 4 | 6 | 7) {
        return Err(format!("it ended with {}\n{}\n{}", ran.code, ran.stdout, ran.stderr));
    }
    Ok(())
}

fn start(sandbox: &Sandbox) -> CommandOutput {
    sandbox.run(&["start"])
}

/// Channel ID and message ID.
pub type Key = (u64, u64);

/// The live messages of readable channels, with the name of the channel.
fn live_messages(world: &World) -> BTreeMap<Key, String> {
    let truth = world.truth(GUILD);
    let readable = truth.iter().filter(|channel| channel.bot_can_read);
    readable
        .flat_map(|channel| {
            channel.live_messages().map(|message| ((channel.id, message.id), channel.name.clone()))
        })
        .collect()
}

fn archived_keys(sandbox: &Sandbox, condition: &str) -> BTreeSet<Key> {
    let archive = sandbox.archive();
    let has_view = "SELECT count(*) FROM sqlite_schema WHERE name = 'message_log'";
    if archive.query_row(has_view, [], |row| row.get::<_, i64>(0)).unwrap() == 0 {
        return BTreeSet::new();
    }
    let sql = format!("SELECT channel_id, message_id FROM message_log WHERE {condition}");
    let mut select = archive.prepare(&sql).unwrap();
    let key = |row: &rusqlite::Row<'_>| {
        let id = |column| row.get::<_, String>(column).map(|text| text.parse::<u64>().unwrap());
        Ok((id(0)?, id(1)?))
    };
    select.query_map([], key).unwrap().map(Result::unwrap).collect()
}

fn missing_messages(live: &BTreeMap<Key, String>, archived: &BTreeSet<Key>) -> BTreeMap<Key, String> {
    live.iter().filter(|(key, _)| !archived.contains(key)).map(|(key, name)| (*key, name.clone())).collect()
}

/// The number of messages per channel name, and the key of the first.
fn summary(messages: &BTreeMap<Key, String>) -> String {
    let mut counts: BTreeMap<&str, (usize, Key)> = BTreeMap::new();
    for (key, name) in messages {
        counts.entry(name).or_insert((0, *key)).0 += 1;
    }
    format!("{counts:?}")
}

fn known_channels(sandbox: &Sandbox) -> BTreeSet<u64> {
    let archive = sandbox.archive();
    let mut select = archive.prepare("SELECT platform_id FROM channels").unwrap();
    select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn channel_list(world: &World) -> String {
    let truth = world.truth(GUILD);
    let describe = |channel: &discord_sim::TruthChannel<'_>| {
        let archived = if channel.archived { " archived" } else { "" };
        format!("#{} ({}{archived}) of {}", channel.name, channel.id, channel.message_count)
    };
    truth.iter().map(describe).collect::<Vec<_>>().join(", ")
}

pub fn pick<T: Copy>(rng: &mut Rng, list: &[T]) -> T {
    list[rng.usize(..list.len())]
}

fn random_description(rng: &mut Rng) -> Description {
    let mut channels: Vec<ChannelDescription> = (0..rng.u32(2..=3))
        .map(|index| {
            let messages = pick(rng, &[0, 1, 7, 30, 99, 100, 101, 199, 200, 250, 350]);
            let mut channel = random_dates(rng, ChannelDescription::text(&format!("text-{index}"), messages));
            if index == 1 {
                channel.threads = random_threads(rng);
            }
            channel
        })
        .collect();
    let forum = random_dates(rng, ChannelDescription::new(ChannelKind::Forum, "forum"));
    channels.push(ChannelDescription { threads: random_threads(rng), ..forum });
    Description { seed: rng.u64(..), now: Some(Time(NOW_MS)), ..Description::of_channels(GUILD, channels) }
}

/// Adds random message dates: the newest is from an hour to 700 hours ago.
fn random_dates(rng: &mut Rng, channel: ChannelDescription) -> ChannelDescription {
    let last_ms = NOW_MS - HOUR_MS * pick(rng, &[1, 1, 20, 700]);
    ChannelDescription {
        mix: pick(rng, &[Mix::Bare, Mix::Plain, Mix::Chat]),
        first_message_at: Some(Time(last_ms - rng.i64(1..1000) * HOUR_MS)),
        last_message_at: Some(Time(last_ms)),
        ..channel
    }
}

fn random_threads(rng: &mut Rng) -> ThreadPlan {
    ThreadPlan {
        active: rng.u32(..=3),
        archived: rng.u32(..=3),
        messages: rng.u64(1..=12),
        ..ThreadPlan::default()
    }
}

/// Adds messages, edits, reactions and threads. Returns the new messages.
fn change_world(rng: &mut Rng, world: &World, log: &mut Vec<String>) -> Vec<Key> {
    let mut new_messages = Vec::new();
    for _ in 0..rng.u32(1..=5) {
        let channels: Vec<(u64, u8, bool)> =
            world.truth(GUILD).iter().map(|channel| (channel.id, channel.kind, channel.archived)).collect();
        let (channel, kind, is_archived) = pick(rng, &channels);
        world.advance(Duration::from_secs(rng.u64(1..100)));
        if kind == 15 || rng.u32(..6) == 0 && kind == 0 {
            let starter =
                if kind == 15 || rng.bool() { world.append(channel, 1).first().copied() } else { None };
            new_messages.extend(starter.map(|starter| (channel, starter)));
            let Some(thread) = world.create_thread(channel, "new-thread", starter) else { continue };
            new_messages
                .extend(world.append(thread, rng.u64(1..5)).into_iter().map(|message| (thread, message)));
            // A thread without a starter that is archived between two runs is found only
            // by the complete listing once a day. A forum names its newest thread.
            if rng.bool() && (kind == 15 || starter.is_some()) {
                world.archive(thread);
            }
            log.push(format!("a thread {thread} in {channel} with starter {starter:?}"));
            continue;
        }
        if is_archived {
            world.unarchive(channel);
        }
        let appended = world.append(channel, pick(rng, &[1, 2, 15, 100, 130]));
        world.edit(channel, appended[0], "edited");
        let users: Vec<u32> = (0..rng.u32(1..150)).collect();
        world.set_reactions(channel, pick(rng, &appended), &[("🦀", false, &users)]);
        log.push(format!("{} messages in {channel}, {} react", appended.len(), users.len()));
        new_messages.extend(appended.into_iter().map(|message| (channel, message)));
    }
    new_messages
}
