//! Mutated responses with a guild, roles, member, application, account, reactors or error.

use hyper::HeaderMap;
use serde_json::Value;

use super::mutate::{corrupt_bytes, damaged};
use super::{BODIES, answer, classify, rounds, with_body_on_panic};
use crate::model::{ChannelKind, UserId, WorkspaceId};
use crate::platform::discord::channels::{active_page, read_guild, read_member, read_roles};
use crate::platform::discord::visibility::GuildPermissions;
use crate::platform::discord::{read_account, read_application, read_reactors};

const STATUSES: [u16; 12] = [200, 202, 204, 302, 400, 401, 403, 404, 405, 500, 503, 599];

/// Reads a body as each kind of response.
fn read_all(body: &[u8]) {
    let (id, bot) = (WorkspaceId::new(1).unwrap(), UserId::new(7).unwrap());
    if let Ok(guild) = read_guild(&answer(body), id) {
        let roles = guild.roles.unwrap_or_default();
        let rights = GuildPermissions::new(id, &roles, guild.owner, bot, None);
        let _ = rights.visibility_of(ChannelKind::Text, &[]);
    }
    let _ = (read_roles(&answer(body), id), read_member(&answer(body), bot, &[]), read_account(answer(body)));
    let _ = (
        read_application(answer(body)),
        read_reactors(answer(body)),
        active_page(&answer(body), id, |_| None),
    );
}

/// Asserts that the error for a response contains neither an ID nor the body.
fn assert_error_reveals_nothing(status: u16, body: &[u8]) {
    let Err(error) = classify(status, HeaderMap::new(), body) else { return };
    let text = error.to_string();
    let digits = text.split(|char: char| !char.is_ascii_digit());
    assert!(digits.max_by_key(|run| run.len()).is_none_or(|run| run.len() < 15), "{text}");
    assert!(!text.contains(char::is_control) && text.chars().count() < 200, "{text}");
}

#[test]
fn damaged_responses_never_panic_or_reveal_ids_in_errors() {
    let mut bodies: Vec<Value> = vec![serde_json::from_str(&BODIES.guild).unwrap()];
    bodies.extend(BODIES.others.iter().map(|(_, body)| serde_json::from_str(body).unwrap()));
    rounds(3000, |rng, _| {
        let body = &bodies[rng.usize(..bodies.len())];
        let mut body = damaged(body, rng).into_bytes();
        if rng.bool() {
            corrupt_bytes(&mut body, rng);
        }
        with_body_on_panic(&body, || {
            read_all(&body);
            assert_error_reveals_nothing(STATUSES[rng.usize(..STATUSES.len())], &body);
        });
    });
}
