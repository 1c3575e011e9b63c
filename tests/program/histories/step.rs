//! The steps of a history. A step selects its target by a number, taken modulo the
//! number of candidates, so that a history stays valid when steps are removed.

use std::time::Duration;

use fastrand::Rng;

use super::setup::pick;

#[derive(Debug, Clone)]
pub enum Step {
    Change(Change),
    Wait(Duration),
    Sync(Sync),
}

/// A change on the server. The fields are random numbers; the kind decides how each is
/// used.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    pub kind: ChangeKind,
    pub channel: u32,
    pub message: u32,
    pub amount: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
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
    ReplaceReactions,
    CreateChannel,
    CreateThread,
    CreateThreadOn,
    Archive,
    Unarchive,
    DeleteThread,
    Hide,
    Restrict,
    Show,
    DeleteChannel,
    Rename,
    SetTopic,
}

/// A run of `verta-sync start`.
#[derive(Debug, Clone)]
pub enum Sync {
    /// Runs to completion; `is_repeated` runs it a second time immediately.
    Plain { is_repeated: bool },
    /// With `--full`.
    Full,
    /// Killed after `requests` requests.
    Killed { full: bool, requests: u32 },
    /// With `--channel`.
    Channel { channel: u32 },
    /// With `--max-runtime`.
    TimeLimited { full: bool, millis: u32 },
    /// With a fault planned in the simulator.
    Faulty { full: bool, fault: Fault, channel: u32 },
    /// The server changes during the run, after `requests` requests.
    ConcurrentChanges { requests: u32, changes: Vec<Change> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Every message page of one channel fails with a server error.
    PagesOfOneChannel,
    /// One listing always fails with a server error.
    Listing,
    /// A fault that one retry overcomes.
    Transient,
    /// Message pages arrive in shuffled order.
    ShuffledPages,
    /// One message is malformed but has its ID.
    MalformedMessage,
    /// One message is malformed and has no readable ID.
    MessageWithoutId,
}

/// Changes of messages, with their weights.
const MESSAGE_CHANGES: [(u32, ChangeKind); 16] = [
    (14, ChangeKind::Append),
    (3, ChangeKind::AppendMany),
    (6, ChangeKind::AppendLate),
    (10, ChangeKind::Edit),
    (3, ChangeKind::Strip),
    (5, ChangeKind::Pin),
    (8, ChangeKind::Delete),
    (6, ChangeKind::DeleteNewest),
    (4, ChangeKind::DeleteBlock),
    (2, ChangeKind::DeleteAll),
    (5, ChangeKind::Restore),
    (3, ChangeKind::RestoreAll),
    (8, ChangeKind::React),
    (4, ChangeKind::Burst),
    (5, ChangeKind::Unreact),
    (4, ChangeKind::ReplaceReactions),
];

/// Changes of channels and threads, with their weights.
const CHANNEL_CHANGES: [(u32, ChangeKind); 12] = [
    (4, ChangeKind::CreateChannel),
    (6, ChangeKind::CreateThread),
    (6, ChangeKind::CreateThreadOn),
    (8, ChangeKind::Archive),
    (6, ChangeKind::Unarchive),
    (3, ChangeKind::DeleteThread),
    (6, ChangeKind::Hide),
    (3, ChangeKind::Restrict),
    (8, ChangeKind::Show),
    (2, ChangeKind::DeleteChannel),
    (4, ChangeKind::Rename),
    (3, ChangeKind::SetTopic),
];

/// Faults, with their weights.
const FAULTS: [(u32, Fault); 6] = [
    (4, Fault::PagesOfOneChannel),
    (2, Fault::Listing),
    (3, Fault::Transient),
    (2, Fault::ShuffledPages),
    (3, Fault::MalformedMessage),
    (2, Fault::MessageWithoutId),
];

pub fn random_steps(rng: &mut Rng) -> Vec<Step> {
    let first = (rng.u32(..8) > 0).then_some(Step::Sync(Sync::Plain { is_repeated: false }));
    let count = rng.u32(14..=30);
    first.into_iter().chain((0..count).map(|_| random_step(rng))).collect()
}

fn random_step(rng: &mut Rng) -> Step {
    match rng.u32(..100) {
        0..42 => Step::Change(random_change(rng, &MESSAGE_CHANGES)),
        42..57 => Step::Change(random_change(rng, &CHANNEL_CHANGES)),
        57..72 => Step::Wait(random_wait(rng)),
        _ => Step::Sync(random_sync(rng)),
    }
}

fn random_change(rng: &mut Rng, kinds: &[(u32, ChangeKind)]) -> Change {
    Change {
        kind: weighted_choice(rng, kinds),
        channel: rng.u32(..),
        message: rng.u32(..),
        amount: rng.u32(..),
    }
}

fn random_wait(rng: &mut Rng) -> Duration {
    let (unit, max) = pick(rng, &[(1, 59), (60, 59), (3600, 23), (3600, 23), (86_400, 9)]);
    Duration::from_secs(unit * rng.u64(1..=max))
}

fn random_sync(rng: &mut Rng) -> Sync {
    let full = rng.u32(..4) == 0;
    match rng.u32(..100) {
        0..45 => Sync::Plain { is_repeated: rng.u32(..3) == 0 },
        45..57 => Sync::Full,
        57..70 => Sync::Killed { full, requests: rng.u32(1..40) },
        70..75 => Sync::Channel { channel: rng.u32(..) },
        75..81 => Sync::TimeLimited { full, millis: rng.u32(20..200) },
        81..93 => Sync::Faulty { full, fault: weighted_choice(rng, &FAULTS), channel: rng.u32(..) },
        _ => {
            let changes = (0..rng.u32(1..=6)).map(|_| random_change(rng, &MESSAGE_CHANGES)).collect();
            Sync::ConcurrentChanges { requests: rng.u32(1..20), changes }
        }
    }
}

fn weighted_choice<T: Copy>(rng: &mut Rng, list: &[(u32, T)]) -> T {
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
