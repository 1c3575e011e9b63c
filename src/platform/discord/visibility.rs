//! Computes who may see a channel, by Discord's permission rules.
//! <https://discord.com/developers/docs/topics/permissions#permission-overwrites>

use serde_json::value::RawValue;
use twilight_model::guild::Permissions;

use super::wire;
use crate::model::{ChannelKind, UserId, Visibility, WorkspaceId};

/// Guild-level permissions of the bot and of @everyone, before a channel's overwrites.
#[derive(Debug)]
pub struct GuildPermissions {
    /// The guild.
    pub guild: WorkspaceId,
    bot: UserId,
    /// `None` if unknown; then the bot is assumed to have every permission, and requests
    /// show which it lacks.
    bot_roles: Option<Vec<u64>>,
    everyone: Permissions,
    bot_base: Permissions,
}

/// URL that invites the bot with only the permissions that reading needs. For most bots
/// the application ID equals the bot's user ID, which must not be printed: then a
/// placeholder replaces it.
/// <https://discord.com/developers/docs/topics/oauth2#bot-authorization-flow>
pub fn invite_url(application: u64, bot: Option<UserId>) -> String {
    let rights = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY | Permissions::CONNECT;
    let rights = rights.bits();
    let (application, note) = match bot {
        Some(bot) if bot.get() != application => (application.to_string(), ""),
        _ => ("APPLICATION_ID".to_owned(), INVITE_NOTE),
    };
    format!(
        "https://discord.com/oauth2/authorize?client_id={application}&scope=bot&permissions={rights}{note}"
    )
}

/// Explains where to find the ID.
const INVITE_NOTE: &str = " (APPLICATION_ID: under General Information of the application, https://discord.com/developers/applications)";

/// A role and its permissions.
#[derive(Debug, Clone, Copy)]
pub struct RolePermissions {
    id: u64,
    permissions: Permissions,
}

impl RolePermissions {
    /// `None` if the permissions are missing or malformed.
    pub fn of(role: &wire::Role<'_>) -> Option<Self> {
        let decimal = role.permissions?.get().trim_matches('"');
        Some(Self { id: role.id.0, permissions: Permissions::from_bits_retain(decimal.parse().ok()?) })
    }

    /// Whether the role has this ID.
    pub const fn is(&self, id: u64) -> bool {
        self.id == id
    }
}

impl GuildPermissions {
    /// Computes the permissions from the guild's roles and the IDs of the bot's roles.
    pub fn new(
        guild: WorkspaceId,
        roles: &[RolePermissions],
        owner: Option<u64>,
        bot: UserId,
        bot_roles: Option<Vec<u64>>,
    ) -> Self {
        let bits_of = |wanted: &dyn Fn(u64) -> bool| {
            let wanted = roles.iter().filter(|role| wanted(role.id));
            wanted.fold(Permissions::empty(), |sum, role| sum | role.permissions)
        };
        let everyone = bits_of(&|role| role == guild.get());
        let bot_base = match &bot_roles {
            Some(bot_roles) if owner != Some(bot.get()) => {
                everyone | bits_of(&|role| bot_roles.contains(&role))
            }
            _ => Permissions::all(),
        };
        Self { guild, bot, bot_roles, everyone, bot_base }
    }

    /// Visibility of a channel with these overwrites.
    pub fn visibility_of(&self, kind: ChannelKind, overwrites: &[wire::Overwrite<'_>]) -> Visibility {
        let everyone = self.everyone_in(overwrites);
        let bot = self.bot_in(overwrites);
        let everyone_lacks = missing(everyone, needed_to_see(kind));
        Visibility {
            everyone_sees: everyone_lacks.is_empty(),
            everyone_reads_history: everyone.contains(Permissions::READ_MESSAGE_HISTORY),
            bot_lacks: missing(bot, needed_to_see(kind) | Permissions::READ_MESSAGE_HISTORY),
            everyone_lacks,
        }
    }

    fn everyone_in(&self, overwrites: &[wire::Overwrite<'_>]) -> Permissions {
        if self.everyone.contains(Permissions::ADMINISTRATOR) {
            return Permissions::all();
        }
        apply(self.everyone, overwrites, |overwrite| is_everyones(overwrite, self.guild))
    }

    fn bot_in(&self, overwrites: &[wire::Overwrite<'_>]) -> Permissions {
        if self.bot_base.contains(Permissions::ADMINISTRATOR) {
            return Permissions::all();
        }
        let everyone = apply(self.bot_base, overwrites, |overwrite| is_everyones(overwrite, self.guild));
        let roles = apply(everyone, overwrites, |overwrite| {
            is_role(overwrite) && self.bot_roles.iter().flatten().any(|role| *role == overwrite.id.0)
        });
        apply(roles, overwrites, |overwrite| !is_role(overwrite) && overwrite.id.0 == self.bot.get())
    }
}

/// Applies the denials of all matching overwrites, then their allowances.
fn apply(
    base: Permissions,
    overwrites: &[wire::Overwrite<'_>],
    matches: impl Fn(&wire::Overwrite<'_>) -> bool,
) -> Permissions {
    let (allow, deny) = overwrites.iter().filter(|overwrite| matches(overwrite)).fold(
        (Permissions::empty(), Permissions::empty()),
        |(allow, deny), overwrite| {
            (allow | raw_bits(overwrite.allow), deny | overwrite.deny.map_or(Permissions::empty(), denied))
        },
    );
    (base & !deny) | allow
}

/// @everyone's overwrite has the guild's ID. One without a type counts too.
fn is_everyones(overwrite: &wire::Overwrite<'_>, guild: WorkspaceId) -> bool {
    let is_member = overwrite.kind.is_some_and(|kind| matches!(kind.get(), "1" | "\"1\"" | "\"member\""));
    overwrite.id.0 == guild.get() && !is_member
}

/// The type is a number; some compatible servers send a word.
fn is_role(overwrite: &wire::Overwrite<'_>) -> bool {
    overwrite.kind.is_some_and(|kind| matches!(kind.get(), "0" | "\"0\"" | "\"role\""))
}

fn raw_bits(raw: Option<&RawValue>) -> Permissions {
    raw.map_or(Permissions::empty(), |raw| bits(raw.get().trim_matches('"')))
}

/// A malformed denial denies everything.
fn denied(raw: &RawValue) -> Permissions {
    match raw.get().trim_matches('"') {
        "null" => Permissions::empty(),
        decimal => decimal.parse().map_or(Permissions::all(), Permissions::from_bits_retain),
    }
}

/// Decimal bits. Unknown bits are kept; a malformed number counts as no bits.
fn bits(decimal: &str) -> Permissions {
    Permissions::from_bits_retain(decimal.parse().unwrap_or(0))
}

/// The text chat of a voice or stage channel needs CONNECT as well.
fn needed_to_see(kind: ChannelKind) -> Permissions {
    match kind {
        ChannelKind::Voice | ChannelKind::Stage => Permissions::VIEW_CHANNEL | Permissions::CONNECT,
        _ => Permissions::VIEW_CHANNEL,
    }
}

/// Names of the missing permissions, as in Discord's settings.
fn missing(has: Permissions, needs: Permissions) -> Vec<&'static str> {
    [
        (Permissions::VIEW_CHANNEL, "View Channel"),
        (Permissions::READ_MESSAGE_HISTORY, "Read Message History"),
        (Permissions::CONNECT, "Connect"),
    ]
    .into_iter()
    .filter(|(permission, _)| needs.contains(*permission) && !has.contains(*permission))
    .map(|(_, name)| name)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUILD: u64 = 100;
    const BOT: u64 = 7;
    const BOT_ROLE: u64 = 200;

    fn visibility(kind: ChannelKind, everyone: u64, bot_role: u64, overwrites: &str) -> Visibility {
        let roles = format!(
            r#"[{{"id":"{GUILD}","permissions":"{everyone}"}},{{"id":"{BOT_ROLE}","permissions":"{bot_role}"}}]"#
        );
        let roles: Vec<wire::Role<'_>> = serde_json::from_str(&roles).unwrap();
        let roles: Vec<RolePermissions> =
            roles.iter().map(|role| RolePermissions::of(role).unwrap()).collect();
        let overwrites: Vec<wire::Overwrite<'_>> = serde_json::from_str(overwrites).unwrap();
        let guild = WorkspaceId::new(GUILD).unwrap();
        GuildPermissions::new(guild, &roles, None, UserId::new(BOT).unwrap(), Some(vec![BOT_ROLE]))
            .visibility_of(kind, &overwrites)
    }

    const VIEW: u64 = 1 << 10;
    const HISTORY: u64 = 1 << 16;
    const CONNECT: u64 = 1 << 20;

    #[test]
    fn without_overwrites_the_roles_apply() {
        let open = visibility(ChannelKind::Text, VIEW | HISTORY, 0, "[]");
        assert!(open.everyone_sees && open.everyone_reads_history && open.bot_lacks.is_empty());
        let closed = visibility(ChannelKind::Text, HISTORY, VIEW, "[]");
        assert!(!closed.everyone_sees && closed.bot_lacks.is_empty());
        assert_eq!(closed.everyone_lacks, ["View Channel"]);
    }

    #[test]
    fn the_channels_overwrite_takes_precedence_over_the_role() {
        let deny = format!(r#"[{{"id":"{GUILD}","type":0,"allow":"0","deny":"{VIEW}"}}]"#);
        assert!(!visibility(ChannelKind::Text, VIEW, 0, &deny).everyone_sees);
        let allow = format!(r#"[{{"id":"{GUILD}","type":0,"allow":"{VIEW}","deny":"{VIEW}"}}]"#);
        assert!(visibility(ChannelKind::Text, 0, 0, &allow).everyone_sees);
    }

    #[test]
    fn overwrites_of_members_and_other_roles_dont_affect_everyone() {
        let other = format!(
            r#"[{{"id":"{GUILD}","type":1,"allow":"{VIEW}","deny":"0"}},{{"id":"5","type":0,"allow":"{VIEW}","deny":"0"}}]"#
        );
        assert!(!visibility(ChannelKind::Text, 0, 0, &other).everyone_sees);
    }

    #[test]
    fn a_malformed_denial_hides_the_channel() {
        for deny in ["\"0x400\"", "\"99999999999999999999999\"", "[]"] {
            let odd = format!(r#"[{{"id":"{GUILD}","allow":"0","deny":{deny}}}]"#);
            assert!(!visibility(ChannelKind::Text, VIEW, 0, &odd).everyone_sees, "{deny}");
        }
        let null = format!(r#"[{{"id":"{GUILD}","type":0,"allow":null,"deny":null}}]"#);
        assert!(visibility(ChannelKind::Text, VIEW, 0, &null).everyone_sees);
    }

    #[test]
    fn voice_needs_connect() {
        let voice = visibility(ChannelKind::Voice, VIEW | HISTORY, CONNECT, "[]");
        assert!(!voice.everyone_sees && voice.bot_lacks.is_empty());
        assert!(visibility(ChannelKind::Stage, VIEW | CONNECT, 0, "[]").everyone_sees);
    }

    #[test]
    fn the_bots_member_overwrite_takes_precedence() {
        let text = format!(
            r#"[{{"id":"{BOT}","type":1,"allow":"0","deny":"{HISTORY}"}},{{"id":"{BOT_ROLE}","type":0,"allow":"{HISTORY}","deny":"0"}}]"#
        );
        assert_eq!(visibility(ChannelKind::Text, VIEW, 0, &text).bot_lacks, ["Read Message History"]);
    }

    #[test]
    fn an_invite_url_never_holds_the_bots_user_id() {
        let bot = UserId::new(1_100_000_000_000_000_001);
        let named = invite_url(1_099_999_999_999_999_999, bot);
        assert!(named.ends_with("client_id=1099999999999999999&scope=bot&permissions=1115136"), "{named}");
        for unnamed in [invite_url(1_100_000_000_000_000_001, bot), invite_url(7, None)] {
            assert!(
                unnamed.contains("client_id=APPLICATION_ID&scope=bot&permissions=1115136 ("),
                "{unnamed}"
            );
        }
    }

    #[test]
    fn an_administrator_sees_every_channel() {
        let deny = format!(r#"[{{"id":"{GUILD}","type":0,"allow":"0","deny":"{VIEW}"}}]"#);
        let admin = visibility(ChannelKind::Text, VIEW, 1 << 3, &deny);
        assert!(!admin.everyone_sees && admin.bot_lacks.is_empty());
    }
}
