//! Which messages to read: a filter, and SQL for it.

use rusqlite::types::Value;

use crate::model::Timestamp;

/// Which messages to read. Empty lists and `None` select all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageFilter {
    /// Names of tenants.
    pub tenants: Vec<String>,
    /// IDs or names of channels. A channel covers its threads.
    pub channels: Vec<String>,
    /// The hash of the author, or the beginning of it.
    pub author: Option<String>,
    /// Sent at this time or later.
    pub since: Option<Timestamp>,
    /// Sent before this time.
    pub until: Option<Timestamp>,
    /// What the message must have.
    pub has: Vec<MessagePart>,
    /// Whether to read deleted messages as well.
    pub includes_deleted: bool,
}

impl MessageFilter {
    /// Whether it selects only some of the messages of its channels.
    pub fn narrows_channels(&self) -> bool {
        self.author.is_some() || self.since.is_some() || self.until.is_some() || !self.has.is_empty()
    }

    /// Selects every message.
    pub(super) fn all() -> Self {
        Self { includes_deleted: true, ..Self::default() }
    }
}

/// Something that a message can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessagePart {
    /// An address in its text.
    Link,
    /// An attached file.
    File,
    /// An attached picture.
    Image,
    /// An attached video.
    Video,
    /// An embed.
    Embed,
    /// A poll.
    Poll,
    /// A sticker.
    Sticker,
    /// It is a reply.
    Reply,
    /// A reaction.
    Reaction,
    /// A thread was started from it.
    Thread,
}

impl MessagePart {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Link,
        Self::File,
        Self::Image,
        Self::Video,
        Self::Embed,
        Self::Poll,
        Self::Sticker,
        Self::Reply,
        Self::Reaction,
        Self::Thread,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::File => "file",
            Self::Image => "image",
            Self::Video => "video",
            Self::Embed => "embed",
            Self::Poll => "poll",
            Self::Sticker => "sticker",
            Self::Reply => "reply",
            Self::Reaction => "reaction",
            Self::Thread => "thread",
        }
    }

    /// SQL for whether the message `m` has it.
    const fn condition(self) -> &'static str {
        match self {
            Self::Link => "instr(m.content, '://') > 0",
            Self::File => {
                "EXISTS (SELECT 1 FROM message_attachments a WHERE a.channel_id = m.channel_id
                            AND a.message_id = m.platform_id)"
            }
            Self::Image => {
                "EXISTS (SELECT 1 FROM message_attachments a WHERE a.channel_id = m.channel_id
                            AND a.message_id = m.platform_id AND a.content_type LIKE 'image/%')"
            }
            Self::Video => {
                "EXISTS (SELECT 1 FROM message_attachments a WHERE a.channel_id = m.channel_id
                            AND a.message_id = m.platform_id AND a.content_type LIKE 'video/%')"
            }
            Self::Embed => "json_type(m.metadata, '$.embeds') IS NOT NULL",
            Self::Poll => "json_type(m.metadata, '$.poll') IS NOT NULL",
            Self::Sticker => "json_type(m.metadata, '$.sticker_items') IS NOT NULL",
            Self::Reply => "m.reply_to_message_id IS NOT NULL",
            Self::Reaction => {
                "EXISTS (SELECT 1 FROM message_reaction_counts k WHERE k.channel_id = m.channel_id
                            AND k.message_id = m.platform_id AND k.count > 0)"
            }
            Self::Thread => "json_type(m.metadata, '$.thread') IS NOT NULL",
        }
    }
}

/// Whether a user's hash begins with the parameter, which is given twice. No digit of a hash
/// sorts after `g`.
pub(super) const HAS_PREFIX: &str = "anonymized_id >= ? AND anonymized_id < ? || 'g'";

/// SQL for the filter, and its parameters.
pub(super) fn conditions(filter: &MessageFilter) -> (String, Vec<Value>) {
    let (mut conditions, mut parameters) = (vec!["1".to_owned()], Vec::new());
    let mut any_of = |names: &[String], condition: &str| {
        if !names.is_empty() {
            let one = format!("({condition})");
            conditions.push(format!("({})", vec![one; names.len()].join(" OR ")));
            let count = condition.matches('?').count();
            parameters.extend(names.iter().flat_map(|name| vec![Value::Text(name.clone()); count]));
        }
    };
    any_of(&filter.tenants, "t.name = ?");
    // A name may be written with its number sign.
    any_of(
        &filter.channels,
        "c.id_text = ? OR lower(c.name) = lower(ltrim(?, '#'))
         OR c.parent_id IN (SELECT p.id FROM channels p WHERE p.tenant_id = c.tenant_id
                               AND (p.id_text = ? OR lower(p.name) = lower(ltrim(?, '#'))))",
    );
    if let Some(prefix) = &filter.author {
        conditions.push(format!("m.author_id IN (SELECT id FROM users WHERE {HAS_PREFIX})"));
        parameters.extend([Value::Text(prefix.clone()), Value::Text(prefix.clone())]);
    }
    for (time, condition) in [(filter.since, "m.created_at >= ?"), (filter.until, "m.created_at < ?")] {
        if let Some(time) = time {
            conditions.push(condition.to_owned());
            parameters.push(Value::Integer(time.as_millis()));
        }
    }
    conditions.extend(filter.has.iter().map(|part| part.condition().to_owned()));
    if !filter.includes_deleted {
        conditions.push("m.deleted_at IS NULL".to_owned());
    }
    (conditions.join(" AND "), parameters)
}
