//! Changes a test makes while the simulator runs.
//!
//! Methods that take an ID return `false` or `None` if it doesn't exist.

mod channel;
mod message;

use std::time::Duration;

use super::World;

impl World {
    /// Removes the bot from a guild, or adds it again.
    pub fn set_bot_present(&self, guild_id: u64, is_present: bool) -> bool {
        let mut state = self.write();
        let mut guilds = state.guilds.iter_mut();
        let guild = guilds.find(|guild| guild.id == guild_id);
        guild.map(|guild| guild.bot_present = is_present).is_some()
    }

    /// Removes the bot from a guild.
    pub fn remove_bot(&self, guild_id: u64) -> bool {
        self.set_bot_present(guild_id, false)
    }

    /// Revokes the token: requests with it are answered with 401.
    pub fn revoke_token(&self) {
        self.write().token_revoked = true;
    }

    /// Replaces the accepted token and undoes [`World::revoke_token`].
    pub fn set_token(&self, token: &str) {
        let mut state = self.write();
        token.clone_into(&mut state.token);
        state.token_revoked = false;
    }

    /// Grants or withdraws the message-content intent. Without it, content, embeds,
    /// attachments, components and polls are missing from REST answers as well.
    pub fn set_message_content(&self, is_on: bool) {
        self.write().message_content = is_on;
    }

    /// Makes the server search find messages only from this age on. How late Discord's
    /// index is, isn't documented.
    pub fn set_search_delay(&self, delay: Duration) {
        self.write().search_delay = delay;
    }

    /// Makes the server search answer that its index is still being built, or answer
    /// again.
    pub fn set_search_indexing(&self, is_indexing: bool) {
        self.write().is_search_indexing = is_indexing;
    }

    /// Replaces the permission bits of a role; the guild's ID is that of @everyone.
    pub fn set_role_permissions(&self, guild_id: u64, role_id: u64, bits: u64) -> bool {
        let mut state = self.write();
        let mut guilds = state.guilds.iter_mut();
        let Some(guild) = guilds.find(|guild| guild.id == guild_id) else {
            return false;
        };
        for (_, own) in guild.bot_roles.iter_mut().filter(|(id, _)| *id == role_id) {
            *own = bits;
        }
        let role = guild.roles.iter_mut().find(|role| role.id == role_id);
        role.map(|role| role.bits = bits).is_some()
    }
}
