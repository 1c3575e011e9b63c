//! Permissions, computed in full.
//!
//! Source: Topics/Permissions, "Permission Overwrites" and its pseudocode.

use serde::Deserialize;

/// Allows anything and ignores overwrites.
pub const ADMINISTRATOR: u64 = 1 << 3;
/// Seeing a channel.
pub const VIEW_CHANNEL: u64 = 1 << 10;
/// Writing in a channel.
pub const SEND_MESSAGES: u64 = 1 << 11;
/// Reading what was said before.
pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
/// Joining voice and stage channels; their text needs it too.
pub const CONNECT: u64 = 1 << 20;
/// Seeing and managing all threads, private ones included.
pub const MANAGE_THREADS: u64 = 1 << 34;
/// Every permission bit that exists.
const ALL: u64 = (1 << 53) - 1;
/// What @everyone has in a fresh server, as far as it matters here.
pub const DEFAULT_EVERYONE: u64 = VIEW_CHANNEL | SEND_MESSAGES | READ_MESSAGE_HISTORY | CONNECT;

/// Whom an overwrite is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverwriteKind {
    /// A role, @everyone included.
    #[default]
    Role,
    /// One member.
    Member,
}

/// A channel's permission overwrite: Resources/Channel, "Overwrite Object".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Overwrite {
    /// The role or member.
    #[serde(deserialize_with = "crate::description::id_or_text")]
    pub id: u64,
    /// Whom `id` names.
    pub kind: OverwriteKind,
    /// Bits added.
    pub allow: u64,
    /// Bits taken away.
    pub deny: u64,
}

impl Overwrite {
    /// An overwrite for a role.
    pub const fn role(id: u64, allow: u64, deny: u64) -> Self {
        Self { id, kind: OverwriteKind::Role, allow, deny }
    }

    /// An overwrite for one member.
    pub const fn member(id: u64, allow: u64, deny: u64) -> Self {
        Self { id, kind: OverwriteKind::Member, allow, deny }
    }
}

/// Someone as permissions see them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// `None` for the bare @everyone reader.
    pub user_id: Option<u64>,
    pub is_owner: bool,
    /// The guild's ID, which is the @everyone role's.
    pub everyone_id: u64,
    pub everyone_bits: u64,
    /// ID and bits of the member's roles, without @everyone.
    pub roles: &'a [(u64, u64)],
}

impl Subject<'_> {
    /// `compute_base_permissions` of the documentation.
    pub(crate) fn base(&self) -> u64 {
        if self.is_owner {
            return ALL;
        }
        let bits = self.roles.iter().map(|(_, bits)| bits);
        let base = bits.fold(self.everyone_bits, |sum, bits| sum | bits);
        if base & ADMINISTRATOR != 0 { ALL } else { base }
    }

    /// `compute_overwrites` of the documentation.
    pub(crate) fn in_channel(&self, overwrites: &[Overwrite]) -> u64 {
        let base = self.base();
        if base == ALL {
            return base;
        }
        let of = |kind, id| {
            let mut list = overwrites.iter();
            list.find(move |overwrite| overwrite.kind == kind && overwrite.id == id)
        };
        let mut bits = apply(base, of(OverwriteKind::Role, self.everyone_id));
        let (mut allow, mut deny) = (0, 0);
        for (role_id, _) in self.roles {
            if let Some(overwrite) = of(OverwriteKind::Role, *role_id) {
                allow |= overwrite.allow;
                deny |= overwrite.deny;
            }
        }
        bits = bits & !deny | allow;
        let own = self.user_id.and_then(|id| of(OverwriteKind::Member, id));
        apply(bits, own)
    }
}

const fn apply(bits: u64, overwrite: Option<&Overwrite>) -> u64 {
    match overwrite {
        Some(overwrite) => bits & !overwrite.deny | overwrite.allow,
        None => bits,
    }
}
