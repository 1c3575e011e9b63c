//! Lists of channels and threads.

use fastrand::Rng;
use serde_json::Value;
use serde_json::value::RawValue;

use super::mutate::{damaged, scratched};
use super::{BODIES, answer, rounds, unharmed};
use crate::anonymize::Scrubber;
use crate::model::{Channel, ChannelId, ChannelState, UserId, Visibility, WorkspaceId};
use crate::platform::discord::channels::{active_page, channel_list, read_channel, read_guild};
use crate::platform::discord::visibility::GuildRights;
use crate::platform::discord::{SPEC, utf8};

fn guild() -> WorkspaceId {
    let id = serde_json::from_str::<Value>(&BODIES.guild).unwrap()["id"].as_str().unwrap().parse().unwrap();
    WorkspaceId::new(id).unwrap()
}

fn rights() -> GuildRights {
    let id = guild();
    let guild = read_guild(&answer(BODIES.guild.as_bytes()), id).unwrap();
    let roles = guild.roles.unwrap();
    GuildRights::new(id, &roles, guild.owner, UserId::new(7).unwrap(), None)
}

/// A list, and how it is read.
type Read = fn(&[u8], &GuildRights) -> Option<Vec<Channel>>;

fn listed(body: &[u8], rights: &GuildRights) -> Option<Vec<Channel>> {
    channel_list(&answer(body), guild(), rights).ok()
}

fn threaded(body: &[u8], _: &GuildRights) -> Option<Vec<Channel>> {
    let body = [b"{\"threads\":", body, b",\"has_more\":true}"].concat();
    active_page(&answer(&body), guild(), |_| Some(Visibility::default())).ok()
}

/// What a read brings, and what the archive would be given of it.
fn brought(read: Read, body: &[u8], rights: &GuildRights) -> Option<Vec<Channel>> {
    unharmed(body, || {
        let channels = read(body, rights)?;
        for channel in channels.clone() {
            Scrubber::new(&SPEC).channel(channel, ChannelState::Active);
        }
        Some(channels)
    })
}

fn picked(all: &[String], rng: &mut Rng) -> Vec<String> {
    (0..rng.usize(2..6)).map(|_| all[rng.usize(..all.len())].clone()).collect()
}

fn joined(list: &[String]) -> String {
    format!("[{}]", list.join(","))
}

/// Everything a list of this kind can hold.
fn of_both_kinds() -> [(Vec<String>, Read); 2] {
    let archived = BODIES.archived.iter().flat_map(|body| {
        let list: Value = serde_json::from_str(body).unwrap();
        list["threads"].as_array().unwrap().iter().map(Value::to_string).collect::<Vec<_>>()
    });
    let channels = BODIES.channels.iter().map(|(_, raw)| raw.clone());
    [(channels.collect(), listed), (archived.collect(), threaded)]
}

#[test]
fn a_damaged_channel_never_panics_and_costs_only_itself() {
    let (rights, kinds) = (rights(), of_both_kinds());
    rounds(1500, |rng, round| {
        let (all, read) = &kinds[usize::from(round % 2 == 1)];
        let list = picked(all, rng);
        let before: Vec<Vec<Channel>> =
            list.iter().map(|raw| read(format!("[{raw}]").as_bytes(), &rights).unwrap()).collect();
        let place = rng.usize(..list.len());
        let damage = loop {
            let bytes = if rng.u8(..4) == 0 {
                let mut bytes = list[place].clone().into_bytes();
                scratched(&mut bytes, rng);
                bytes
            } else {
                damaged(&serde_json::from_str(&list[place]).unwrap(), rng).into_bytes()
            };
            if serde_json::from_slice::<&RawValue>(&utf8::marked(&bytes)).is_ok() {
                break bytes;
            }
        };
        let items: Vec<&[u8]> = list
            .iter()
            .map(String::as_bytes)
            .enumerate()
            .map(|(at, item)| if at == place { &damage } else { item })
            .collect();
        let bytes = [b"[", items.join(&b","[..]).as_slice(), b"]"].concat();
        let body = String::from_utf8_lossy(&bytes);
        let after = brought(*read, &bytes, &rights).unwrap_or_else(|| panic!("it is lost:\n{body}"));
        let others =
            before.iter().enumerate().filter(|(at, _)| *at != place).flat_map(|(_, channels)| channels);
        for other in others {
            assert!(after.contains(other), "channel {:?} is not what it was in\n{body}", other.id);
        }
    });
}

#[test]
fn a_list_of_damaged_bytes_never_panics() {
    let (rights, kinds) = (rights(), of_both_kinds());
    rounds(1500, |rng, round| {
        let (all, read) = &kinds[usize::from(round % 2 == 1)];
        let mut body = joined(&picked(all, rng)).into_bytes();
        scratched(&mut body, rng);
        brought(*read, &body, &rights);
        let id = ChannelId::new(7).unwrap();
        unharmed(&body, || {
            read_channel(&answer(body.get(1..).unwrap_or_default()), id, guild(), Some(&rights)).ok()
        });
    });
}
