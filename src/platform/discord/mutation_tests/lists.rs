//! Mutated lists of channels and threads.

use fastrand::Rng;
use serde_json::Value;
use serde_json::value::RawValue;

use super::mutate::{corrupt_bytes, damaged};
use super::{BODIES, answer, rounds, with_body_on_panic};
use crate::anonymize::{HashScheme, Scrubber};
use crate::model::{Channel, ChannelId, ChannelState, UserId, Visibility, WorkspaceId};
use crate::platform::discord::channels::{active_page, channel_list, read_channel, read_guild};
use crate::platform::discord::visibility::GuildPermissions;
use crate::platform::discord::{SPEC, utf8};

fn guild() -> WorkspaceId {
    let id = serde_json::from_str::<Value>(&BODIES.guild).unwrap()["id"].as_str().unwrap().parse().unwrap();
    WorkspaceId::new(id).unwrap()
}

fn rights() -> GuildPermissions {
    let id = guild();
    let guild = read_guild(&answer(BODIES.guild.as_bytes()), id).unwrap();
    let roles = guild.roles.unwrap();
    GuildPermissions::new(id, &roles, guild.owner, UserId::new(7).unwrap(), None)
}

/// Reads a list of channels or of threads; `None` if it is malformed.
type ReadList = fn(&[u8], &GuildPermissions) -> Option<Vec<Channel>>;

fn read_channel_list(body: &[u8], rights: &GuildPermissions) -> Option<Vec<Channel>> {
    channel_list(&answer(body), guild(), rights).ok()
}

fn read_thread_list(body: &[u8], _: &GuildPermissions) -> Option<Vec<Channel>> {
    let body = [b"{\"threads\":", body, b",\"has_more\":true}"].concat();
    active_page(&answer(&body), guild(), |_| Some(Visibility::default())).ok()
}

/// Reads a list and scrubs its channels, as for the archive; returns them unscrubbed.
fn read_and_scrub(read: ReadList, body: &[u8], rights: &GuildPermissions) -> Option<Vec<Channel>> {
    with_body_on_panic(body, || {
        let channels = read(body, rights)?;
        for channel in channels.clone() {
            Scrubber::new(&SPEC, HashScheme::Plain).channel(channel, ChannelState::Active);
        }
        Some(channels)
    })
}

fn random_items(all: &[String], rng: &mut Rng) -> Vec<String> {
    (0..rng.usize(2..6)).map(|_| all[rng.usize(..all.len())].clone()).collect()
}

fn to_json_list(list: &[String]) -> String {
    format!("[{}]", list.join(","))
}

/// All channels and all archived threads of the simulator, each kind with its reader.
fn channels_and_threads() -> [(Vec<String>, ReadList); 2] {
    let archived = BODIES.archived.iter().flat_map(|body| {
        let list: Value = serde_json::from_str(body).unwrap();
        list["threads"].as_array().unwrap().iter().map(Value::to_string).collect::<Vec<_>>()
    });
    let channels = BODIES.channels.iter().map(|(_, raw)| raw.clone());
    [(channels.collect(), read_channel_list), (archived.collect(), read_thread_list)]
}

#[test]
fn a_damaged_channel_does_not_affect_the_others() {
    let (rights, kinds) = (rights(), channels_and_threads());
    rounds(1500, |rng, round| {
        let (all, read) = &kinds[usize::from(round % 2 == 1)];
        let list = random_items(all, rng);
        let before: Vec<Vec<Channel>> =
            list.iter().map(|raw| read(format!("[{raw}]").as_bytes(), &rights).unwrap()).collect();
        let index = rng.usize(..list.len());
        let damage = loop {
            let bytes = if rng.u8(..4) == 0 {
                let mut bytes = list[index].clone().into_bytes();
                corrupt_bytes(&mut bytes, rng);
                bytes
            } else {
                damaged(&serde_json::from_str(&list[index]).unwrap(), rng).into_bytes()
            };
            if serde_json::from_slice::<&RawValue>(&utf8::replace_invalid_utf8(&bytes)).is_ok() {
                break bytes;
            }
        };
        let items: Vec<&[u8]> = list
            .iter()
            .map(String::as_bytes)
            .enumerate()
            .map(|(at, item)| if at == index { &damage } else { item })
            .collect();
        let bytes = [b"[", items.join(&b","[..]).as_slice(), b"]"].concat();
        let body = String::from_utf8_lossy(&bytes);
        let after =
            read_and_scrub(*read, &bytes, &rights).unwrap_or_else(|| panic!("the list is lost:\n{body}"));
        let others =
            before.iter().enumerate().filter(|(at, _)| *at != index).flat_map(|(_, channels)| channels);
        for other in others {
            assert!(after.contains(other), "channel {:?} changed in\n{body}", other.id);
        }
    });
}

#[test]
fn a_list_of_damaged_bytes_never_panics() {
    let (rights, kinds) = (rights(), channels_and_threads());
    rounds(1500, |rng, round| {
        let (all, read) = &kinds[usize::from(round % 2 == 1)];
        let mut body = to_json_list(&random_items(all, rng)).into_bytes();
        corrupt_bytes(&mut body, rng);
        read_and_scrub(*read, &body, &rights);
        let id = ChannelId::new(7).unwrap();
        with_body_on_panic(&body, || {
            read_channel(&answer(body.get(1..).unwrap_or_default()), id, guild(), Some(&rights)).ok()
        });
    });
}
