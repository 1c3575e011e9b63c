//! Computes permissions from roles and overwrites.
//!
//! Source: Topics/Permissions, "Permission Overwrites" and its pseudocode.

use serde::Deserialize;

/// Grants every permission and bypasses overwrites.
pub const ADMINISTRATOR: u64 = 1 << 3;
/// Viewing a channel.
pub const VIEW_CHANNEL: u64 = 1 << 10;
/// Sending messages in a channel.
pub const SEND_MESSAGES: u64 = 1 << 11;
/// Reading a channel's past messages.
pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
/// Joining voice and stage channels; also required to read their text chat.
pub const CONNECT: u64 = 1 << 20;
/// Viewing and managing all threads, private ones included.
pub const MANAGE_THREADS: u64 = 1 << 34;
/// All permission bits.
const ALL: u64 = (1 << 53) - 1;
/// The simulated default permissions of @everyone.
pub const DEFAULT_EVERYONE: u64 = VIEW_CHANNEL | SEND_MESSAGES | READ_MESSAGE_HISTORY | CONNECT;

/// The target of an overwrite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverwriteKind {
    /// A role, which may be @everyone.
    #[default]
    Role,
    /// A member.
    Member,
}

/// A channel's permission overwrite: Resources/Channel, "Overwrite Object".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Overwrite {
    /// The ID of the role or member.
    #[serde(deserialize_with = "crate::description::deserialize_id")]
    pub id: u64,
    /// Whether `id` is a role or a member.
    pub kind: OverwriteKind,
    /// Permission bits to grant.
    pub allow: u64,
    /// Permission bits to revoke.
    pub deny: u64,
}

impl Overwrite {
    /// An overwrite for a role.
    pub const fn role(id: u64, allow: u64, deny: u64) -> Self {
        Self { id, kind: OverwriteKind::Role, allow, deny }
    }

    /// An overwrite for a member.
    pub const fn member(id: u64, allow: u64, deny: u64) -> Self {
        Self { id, kind: OverwriteKind::Member, allow, deny }
    }
}

/// A member whose permissions are computed, or a bare @everyone reader.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// `None` for the bare @everyone reader, who has no roles and no member overwrite.
    pub user_id: Option<u64>,
    pub is_owner: bool,
    /// The ID of the @everyone role, which is the guild's.
    pub everyone_id: u64,
    pub everyone_bits: u64,
    /// IDs and bits of the member's roles, without @everyone.
    pub roles: &'a [(u64, u64)],
}

impl Subject<'_> {
    /// Guild-wide permissions: the documentation's `compute_base_permissions`.
    pub(crate) fn base(&self) -> u64 {
        if self.is_owner {
            return ALL;
        }
        let bits = self.roles.iter().map(|(_, bits)| bits);
        let base = bits.fold(self.everyone_bits, |sum, bits| sum | bits);
        if base & ADMINISTRATOR != 0 { ALL } else { base }
    }

    /// Permissions in a channel: the documentation's `compute_overwrites`.
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
