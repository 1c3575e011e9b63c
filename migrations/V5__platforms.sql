-- IDs as their platform writes them. `platform_id` stays the key, and the views show
-- the texts.

ALTER TABLE tenants ADD COLUMN id_text TEXT NOT NULL DEFAULT '';
ALTER TABLE channels ADD COLUMN id_text TEXT NOT NULL DEFAULT '';
UPDATE tenants SET id_text = CAST(platform_id AS TEXT);
UPDATE channels SET id_text = CAST(platform_id AS TEXT);
-- NULL: platform_id in decimal.
ALTER TABLE message_attachments ADD COLUMN id_text TEXT;

-- The ID of a message: printf(message_id_format, platform_id / message_id_divisor,
-- platform_id % message_id_divisor). NULL: platform_id in decimal.
ALTER TABLE tenants ADD COLUMN message_id_divisor INTEGER NOT NULL DEFAULT 1 CHECK (message_id_divisor > 0);
ALTER TABLE tenants ADD COLUMN message_id_format TEXT;
-- The address of a message: a printf format of its channel's id_text, its own ID and its
-- platform_id.
ALTER TABLE tenants ADD COLUMN message_url_format TEXT NOT NULL DEFAULT '';
UPDATE tenants SET message_url_format = 'https://discord.com/channels/' || id_text || '/%s/%s';

DROP VIEW message_log;
DROP VIEW reaction_log;
DROP VIEW reaction_count_log;
DROP VIEW attachment_log;
DROP VIEW reply_log;
DROP VIEW thread_log;
DROP VIEW channel_log;

CREATE VIEW message_log AS
SELECT t.name                                                              AS tenant,
       t.id_text                                                           AS guild_id,
       c.id_text                                                           AS channel_id,
       c.name                                                              AS channel,
       c.kind                                                              AS channel_type,
       c.state                                                             AS channel_state,
       p.id_text                                                           AS parent_channel_id,
       p.name                                                              AS parent_channel,
       CASE WHEN t.message_id_format IS NULL THEN CAST(m.platform_id AS TEXT)
            ELSE printf(t.message_id_format, m.platform_id / t.message_id_divisor, m.platform_id % t.message_id_divisor)
       END                                                                 AS message_id,
       u.anonymized_id                                                     AS author,
       u.is_bot                                                            AS author_is_bot,
       m.kind                                                              AS type,
       m.content                                                           AS content,
       strftime('%Y-%m-%dT%H:%M:%fZ', m.created_at / 1000.0, 'unixepoch')  AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', m.edited_at / 1000.0, 'unixepoch')   AS edited_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', m.deleted_at / 1000.0, 'unixepoch')  AS deleted_at,
       CASE WHEN m.reply_to_message_id IS NULL THEN NULL
            WHEN t.message_id_format IS NULL THEN CAST(m.reply_to_message_id AS TEXT)
            ELSE printf(t.message_id_format, m.reply_to_message_id / t.message_id_divisor,
                        m.reply_to_message_id % t.message_id_divisor)
       END                                                                 AS reply_to_message_id,
       CASE WHEN m.reply_to_channel_id IS NULL THEN NULL
            WHEN m.reply_to_channel_id = c.platform_id THEN c.id_text
            ELSE coalesce((SELECT o.id_text FROM channels o
                            WHERE o.tenant_id = c.tenant_id AND o.platform_id = m.reply_to_channel_id),
                          -- That of a channel that isn't archived is known where IDs are decimal.
                          iif(c.id_text = CAST(c.platform_id AS TEXT), CAST(m.reply_to_channel_id AS TEXT), NULL))
       END                                                                 AS reply_to_channel_id,
       r.anonymized_id                                                     AS reply_to_author,
       (SELECT count(a.platform_id) FROM message_attachments a
         WHERE a.channel_id = m.channel_id AND a.message_id = m.platform_id) AS attachments,
       (SELECT coalesce(sum(k.count), 0) FROM message_reaction_counts k
         WHERE k.channel_id = m.channel_id AND k.message_id = m.platform_id) AS reactions,
       printf(t.message_url_format,
              c.id_text,
              CASE WHEN t.message_id_format IS NULL THEN CAST(m.platform_id AS TEXT)
                   ELSE printf(t.message_id_format, m.platform_id / t.message_id_divisor, m.platform_id % t.message_id_divisor)
              END,
              m.platform_id)                                               AS url,
       m.metadata                                                          AS metadata
  FROM messages m
  JOIN channels c ON c.id = m.channel_id
  JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN channels p ON p.id = c.parent_id
  LEFT JOIN users u ON u.id = m.author_id
  LEFT JOIN users r ON r.id = m.reply_to_author_id;

CREATE VIEW reaction_log AS
SELECT t.name                                                              AS tenant,
       t.id_text                                                           AS guild_id,
       c.id_text                                                           AS channel_id,
       c.name                                                              AS channel,
       CASE WHEN t.message_id_format IS NULL THEN CAST(m.platform_id AS TEXT)
            ELSE printf(t.message_id_format, m.platform_id / t.message_id_divisor, m.platform_id % t.message_id_divisor)
       END                                                                 AS message_id,
       CASE WHEN e.platform_id IS NULL THEN e.name ELSE e.name || ':' || e.platform_id END AS emoji,
       CASE WHEN e.platform_id IS NULL THEN 'unicode' ELSE 'custom' END    AS emoji_kind,
       r.burst                                                             AS burst,
       u.anonymized_id                                                     AS user,
       strftime('%Y-%m-%dT%H:%M:%fZ', m.created_at / 1000.0, 'unixepoch')  AS message_created_at
  FROM message_emoji_reactions r
  JOIN messages m ON m.channel_id = r.channel_id AND m.platform_id = r.message_id
  JOIN channels c ON c.id = r.channel_id
  JOIN tenants t ON t.id = c.tenant_id
  JOIN emoji e ON e.id = r.emoji_id
  JOIN users u ON u.id = r.user_id;

CREATE VIEW reaction_count_log AS
SELECT t.name                                                              AS tenant,
       t.id_text                                                           AS guild_id,
       c.id_text                                                           AS channel_id,
       c.name                                                              AS channel,
       CASE WHEN t.message_id_format IS NULL THEN CAST(k.message_id AS TEXT)
            ELSE printf(t.message_id_format, k.message_id / t.message_id_divisor, k.message_id % t.message_id_divisor)
       END                                                                 AS message_id,
       CASE WHEN e.platform_id IS NULL THEN e.name ELSE e.name || ':' || e.platform_id END AS emoji,
       CASE WHEN e.platform_id IS NULL THEN 'unicode' ELSE 'custom' END    AS emoji_kind,
       k.burst                                                             AS burst,
       k.count                                                             AS count,
       strftime('%Y-%m-%dT%H:%M:%fZ', k.users_read_at / 1000.0, 'unixepoch') AS users_read_at
  FROM message_reaction_counts k
  JOIN channels c ON c.id = k.channel_id
  JOIN tenants t ON t.id = c.tenant_id
  JOIN emoji e ON e.id = k.emoji_id;

CREATE VIEW attachment_log AS
SELECT t.name                                                              AS tenant,
       t.id_text                                                           AS guild_id,
       c.id_text                                                           AS channel_id,
       c.name                                                              AS channel,
       CASE WHEN t.message_id_format IS NULL THEN CAST(a.message_id AS TEXT)
            ELSE printf(t.message_id_format, a.message_id / t.message_id_divisor, a.message_id % t.message_id_divisor)
       END                                                                 AS message_id,
       coalesce(a.id_text, CAST(a.platform_id AS TEXT))                    AS attachment_id,
       a.filename                                                          AS filename,
       a.file_size                                                         AS file_size,
       a.content_type                                                      AS content_type,
       CASE WHEN a.url_signature IS NULL THEN a.url
            WHEN instr(a.url, '?') > 0 THEN a.url || '&' || a.url_signature
            ELSE a.url || '?' || a.url_signature END                       AS url,
       strftime('%Y-%m-%dT%H:%M:%fZ', m.created_at / 1000.0, 'unixepoch')  AS created_at
  FROM message_attachments a
  JOIN messages m ON m.channel_id = a.channel_id AND m.platform_id = a.message_id
  JOIN channels c ON c.id = a.channel_id
  JOIN tenants t ON t.id = c.tenant_id;

CREATE VIEW reply_log AS
SELECT t.name                                                              AS tenant,
       t.id_text                                                           AS guild_id,
       c.id_text                                                           AS channel_id,
       CASE WHEN t.message_id_format IS NULL THEN CAST(m.platform_id AS TEXT)
            ELSE printf(t.message_id_format, m.platform_id / t.message_id_divisor, m.platform_id % t.message_id_divisor)
       END                                                                 AS message_id,
       u.anonymized_id                                                     AS author,
       CASE WHEN m.reply_to_message_id IS NULL THEN NULL
            WHEN t.message_id_format IS NULL THEN CAST(m.reply_to_message_id AS TEXT)
            ELSE printf(t.message_id_format, m.reply_to_message_id / t.message_id_divisor,
                        m.reply_to_message_id % t.message_id_divisor)
       END                                                                 AS reply_to_message_id,
       r.anonymized_id                                                     AS reply_to_author,
       strftime('%Y-%m-%dT%H:%M:%fZ', m.created_at / 1000.0, 'unixepoch')  AS created_at,
       EXISTS (SELECT 1 FROM channels oc JOIN messages o ON o.channel_id = oc.id
                WHERE oc.tenant_id = c.tenant_id AND oc.platform_id = m.reply_to_channel_id
                  AND o.platform_id = m.reply_to_message_id)               AS original_archived
  FROM messages m
  JOIN channels c ON c.id = m.channel_id
  JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN users u ON u.id = m.author_id
  LEFT JOIN users r ON r.id = m.reply_to_author_id
 WHERE m.reply_to_message_id IS NOT NULL;

CREATE VIEW thread_log AS
SELECT t.name                                                              AS tenant,
       t.id_text                                                           AS guild_id,
       c.id_text                                                           AS thread_id,
       c.name                                                              AS thread,
       p.id_text                                                           AS parent_channel_id,
       p.name                                                              AS parent_channel,
       CASE WHEN EXISTS (SELECT 1 FROM messages m
                          WHERE m.channel_id IN (c.id, c.parent_id) AND m.platform_id = c.platform_id)
            THEN CASE WHEN t.message_id_format IS NULL THEN CAST(c.platform_id AS TEXT)
                      ELSE printf(t.message_id_format, c.platform_id / t.message_id_divisor, c.platform_id % t.message_id_divisor)
                 END
       END                                                                 AS starter_message_id,
       u.anonymized_id                                                     AS owner,
       c.state                                                             AS state,
       c.archived                                                          AS archived,
       c.locked                                                            AS locked,
       strftime('%Y-%m-%dT%H:%M:%fZ', c.opened_at / 1000.0, 'unixepoch')   AS created_at,
       c.message_count                                                     AS messages
  FROM channels c
  JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN channels p ON p.id = c.parent_id
  LEFT JOIN users u ON u.id = c.owner_id
 WHERE c.kind IN ('public_thread', 'announcement_thread');

CREATE VIEW channel_log AS
SELECT t.name                                                              AS tenant,
       t.id_text                                                           AS guild_id,
       c.id_text                                                           AS channel_id,
       c.name                                                              AS channel,
       c.kind                                                              AS type,
       p.id_text                                                           AS parent_channel_id,
       c.state                                                             AS state,
       c.message_count                                                     AS messages,
       strftime('%Y-%m-%dT%H:%M:%fZ', c.first_message_at / 1000.0, 'unixepoch') AS first_message_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', c.last_message_at / 1000.0, 'unixepoch')  AS last_message_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', s.last_sync_at / 1000.0, 'unixepoch')     AS last_sync_at,
       s.status                                                            AS sync_status,
       s.last_error                                                        AS last_error
  FROM channels c
  JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN channels p ON p.id = c.parent_id
  LEFT JOIN sync_progress s ON s.channel_id = c.id
 WHERE c.kind <> 'category';
