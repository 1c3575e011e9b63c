//! Builds a world's state from its description.

mod channel;
mod thread;

pub(super) use channel::{add_at_runtime, visibility};
pub(super) use thread::new_thread;

use std::collections::HashMap;
use std::time::Duration;

use super::guild::emojis;
use super::{Guild, Pool, Role, State};
use crate::description::{ChannelDescription, Description, GuildDescription};
use crate::dice;
use crate::snowflake;

/// Default range of the message timestamps: 2024-08-01 to 2026-08-01.
const FIRST_MESSAGE_MS: i64 = 1_722_470_400_000;
const LAST_MESSAGE_MS: i64 = 1_785_542_400_000;
/// Channels are created on 2023-01-01, or a day before their first message if that is
/// earlier.
const CREATED_MS: i64 = 1_672_531_200_000;
const DAY_MS: i64 = 86_400_000;

pub(super) fn state(description: &Description) -> State {
    let mut state = State {
        seed: description.seed,
        token: description.token.clone(),
        token_revoked: false,
        bot_id: description.bot.id,
        bot_name: description.bot.name.clone(),
        message_content: description.bot.message_content,
        search_delay: Duration::ZERO,
        is_search_indexing: false,
        guilds: Vec::new(),
        channels: HashMap::new(),
    };
    for (index, described) in description.guilds.iter().enumerate() {
        let id = if described.id == 0 {
            snowflake::first_of(CREATED_MS - 900 * DAY_MS) + index as u64
        } else {
            described.id
        };
        state.guilds.push(guild(description, described, id));
        let default_span = Span::default_for(description);
        for item in &described.channels {
            let span = default_span.for_channel(item);
            let created_ms = CREATED_MS.min(span.first_ms - DAY_MS);
            channel::add(&mut state, index, item, span, created_ms);
        }
    }
    state
}

fn guild(description: &Description, described: &GuildDescription, id: u64) -> Guild {
    let (seed, bot_id) = (description.seed, description.bot.id);
    let pool = Pool::new(seed, id, described.users);
    let own_role = Role {
        id: snowflake::first_of(CREATED_MS) + dice::hash(seed, 30, id) % (1 << 30),
        name: description.bot.name.clone(),
        bits: described.bot_permissions,
        mentionable: false,
        bot_id: Some(bot_id),
    };
    let mut bot_roles = vec![(own_role.id, own_role.bits)];
    let mut roles = vec![Role {
        id,
        name: "@everyone".to_owned(),
        bits: described.everyone_permissions,
        mentionable: false,
        bot_id: None,
    }];
    for role in &described.roles {
        if described.bot_roles.contains(&role.id) {
            bot_roles.push((role.id, role.permissions));
        }
        roles.push(Role {
            id: role.id,
            name: role.name.clone(),
            bits: role.permissions,
            mentionable: role.mentionable,
            bot_id: None,
        });
    }
    roles.push(own_role);
    Guild {
        id,
        name: described.name.clone(),
        owner_id: if described.owner == 0 { pool.id(0) } else { described.owner },
        pool,
        roles,
        bot_present: described.bot_present,
        bot_roles,
        channel_ids: Vec::new(),
        emojis: emojis(seed, id),
    }
}

/// The time range of a channel's messages, in Unix milliseconds.
#[derive(Debug, Clone, Copy)]
struct Span {
    first_ms: i64,
    last_ms: i64,
}

impl Span {
    /// Two years that end 30 days before the description's fixed time; without one, the
    /// default range.
    fn default_for(description: &Description) -> Self {
        let last_ms = description.now.map_or(LAST_MESSAGE_MS, |now| now.0 - 30 * DAY_MS);
        Self { first_ms: last_ms - (LAST_MESSAGE_MS - FIRST_MESSAGE_MS), last_ms }
    }

    /// The channel's own times, with `self` as the default.
    fn for_channel(self, described: &ChannelDescription) -> Self {
        let last_ms = described.last_message_at.map_or(self.last_ms, |at| at.0);
        let earliest = self.first_ms.min(last_ms - DAY_MS);
        Self { first_ms: described.first_message_at.map_or(earliest, |at| at.0), last_ms }
    }
}
