//! What can happen. A step names its target by a number that is taken modulo
//! what there is, so that a history without some of its steps is one still.

use std::time::Duration;

use fastrand::Rng;

use super::setup::pick;

#[derive(Debug, Clone)]
pub enum Step {
    Change(Change),
    Wait(Duration),
    Sync(Sync),
}

/// A change of the server.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    pub kind: Kind,
    pub place: u32,
    pub message: u32,
    pub amount: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Append,
    AppendMany,
    AppendLate,
    Edit,
    Strip,
    Pin,
    Delete,
    DeleteNewest,
    DeleteBlock,
    DeleteAll,
    Restore,
    RestoreAll,
    React,
    Burst,
    Unreact,
    Swap,
    CreateChannel,
    CreateThread,
    CreateThreadOn,
    Archive,
    Unarchive,
    DeleteThread,
    Hide,
    LockOut,
    Show,
    DeleteChannel,
    Rename,
    SetTopic,
}

/// A run of `verta-sync start`.
#[derive(Debug, Clone)]
pub enum Sync {
    /// Runs to its end; `again` runs it once more at once.
    Plain { again: bool },
    /// `--full`.
    Full,
    /// Killed after as many requests.
    Killed { full: bool, requests: u32 },
    /// `--channel`.
    Channel { place: u32 },
    /// `--max-runtime`.
    Stopped { full: bool, millis: u32 },
    /// With something that goes wrong.
    Faulty { full: bool, fault: Fault, place: u32 },
    /// Changes happen while it runs, after as many requests.
    Meanwhile { requests: u32, changes: Vec<Change> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Every page of one channel is a server error.
    PagesOfOne,
    /// A listing is a server error, again and again.
    Listing,
    /// Something passes after one more try.
    Passing,
    /// Pages come in another order.
    Shuffled,
    /// A message can't be read.
    BrokenMessage,
    /// A message has no readable ID.
    NamelessMessage,
}

/// Kinds of change that a message sees, and how often.
const OF_MESSAGES: [(u32, Kind); 16] = [
    (14, Kind::Append),
    (3, Kind::AppendMany),
    (6, Kind::AppendLate),
    (10, Kind::Edit),
    (3, Kind::Strip),
    (5, Kind::Pin),
    (8, Kind::Delete),
    (6, Kind::DeleteNewest),
    (4, Kind::DeleteBlock),
    (2, Kind::DeleteAll),
    (5, Kind::Restore),
    (3, Kind::RestoreAll),
    (8, Kind::React),
    (4, Kind::Burst),
    (5, Kind::Unreact),
    (4, Kind::Swap),
];

const OF_CHANNELS: [(u32, Kind); 12] = [
    (4, Kind::CreateChannel),
    (6, Kind::CreateThread),
    (6, Kind::CreateThreadOn),
    (8, Kind::Archive),
    (6, Kind::Unarchive),
    (3, Kind::DeleteThread),
    (6, Kind::Hide),
    (3, Kind::LockOut),
    (8, Kind::Show),
    (2, Kind::DeleteChannel),
    (4, Kind::Rename),
    (3, Kind::SetTopic),
];

const FAULTS: [(u32, Fault); 6] = [
    (4, Fault::PagesOfOne),
    (2, Fault::Listing),
    (3, Fault::Passing),
    (2, Fault::Shuffled),
    (3, Fault::BrokenMessage),
    (2, Fault::NamelessMessage),
];

pub fn random_steps(rng: &mut Rng) -> Vec<Step> {
    let first = (rng.u32(..8) > 0).then_some(Step::Sync(Sync::Plain { again: false }));
    let count = rng.u32(14..=30);
    first.into_iter().chain((0..count).map(|_| step(rng))).collect()
}

fn step(rng: &mut Rng) -> Step {
    match rng.u32(..100) {
        0..42 => Step::Change(change(rng, &OF_MESSAGES)),
        42..57 => Step::Change(change(rng, &OF_CHANNELS)),
        57..72 => Step::Wait(wait(rng)),
        _ => Step::Sync(sync(rng)),
    }
}

fn change(rng: &mut Rng, kinds: &[(u32, Kind)]) -> Change {
    Change { kind: weighed(rng, kinds), place: rng.u32(..), message: rng.u32(..), amount: rng.u32(..) }
}

fn wait(rng: &mut Rng) -> Duration {
    let (unit, most) = pick(rng, &[(1, 59), (60, 59), (3600, 23), (3600, 23), (86_400, 9)]);
    Duration::from_secs(unit * rng.u64(1..=most))
}

fn sync(rng: &mut Rng) -> Sync {
    let full = rng.u32(..4) == 0;
    match rng.u32(..100) {
        0..45 => Sync::Plain { again: rng.u32(..3) == 0 },
        45..57 => Sync::Full,
        57..70 => Sync::Killed { full, requests: rng.u32(1..40) },
        70..75 => Sync::Channel { place: rng.u32(..) },
        75..81 => Sync::Stopped { full, millis: rng.u32(20..200) },
        81..93 => Sync::Faulty { full, fault: weighed(rng, &FAULTS), place: rng.u32(..) },
        _ => {
            let changes = (0..rng.u32(1..=6)).map(|_| change(rng, &OF_MESSAGES)).collect();
            Sync::Meanwhile { requests: rng.u32(1..20), changes }
        }
    }
}

fn weighed<T: Copy>(rng: &mut Rng, list: &[(u32, T)]) -> T {
    let mut roll = rng.u32(..list.iter().map(|(weight, _)| *weight).sum::<u32>());
    let mut items = list.iter();
    let found = items.find(|(weight, _)| match roll.checked_sub(*weight) {
        Some(rest) => {
            roll = rest;
            false
        }
        None => true,
    });
    found.expect("the roll is below the sum").1
}
