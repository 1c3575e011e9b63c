//! Changes a test makes while the simulator runs.
//!
//! Methods that name something return `false` or `None` if it doesn't exist.

mod channel;
mod message;

use super::World;

impl World {
    /// Takes the bot out of a guild, or puts it back.
    pub fn set_bot_present(&self, guild_id: u64, is_present: bool) -> bool {
        let mut state = self.write();
        let mut guilds = state.guilds.iter_mut();
        let guild = guilds.find(|guild| guild.id == guild_id);
        guild.map(|guild| guild.bot_present = is_present).is_some()
    }

    /// Takes the bot out of a guild.
    pub fn remove_bot(&self, guild_id: u64) -> bool {
        self.set_bot_present(guild_id, false)
    }

    /// Makes every request with the token a 401.
    pub fn revoke_token(&self) {
        self.write().token_revoked = true;
    }

    /// Lets another token in.
    pub fn set_token(&self, token: &str) {
        let mut state = self.write();
        token.clone_into(&mut state.token);
        state.token_revoked = false;
    }

    /// Switches the message-content intent: content, embeds, attachments,
    /// components and polls disappear from REST answers too.
    pub fn set_message_content(&self, is_on: bool) {
        self.write().message_content = is_on;
    }

    /// Changes the bits of a role; the guild's ID names @everyone.
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
