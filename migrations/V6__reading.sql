-- The views for people become fast and complete. Columns are appended.
--
-- Keys: `channel_key` and `message_key` are integers that indexes find; together they
-- identify a message. `..._ms` are times in milliseconds since 1970 UTC. A column that is
-- computed hides its index on purpose: `author_is_bot = 0` must not start from `users`.

-- Bit n is set if a message of type n was written by its author, and clear if the platform
-- announces something with it.
ALTER TABLE tenants ADD COLUMN written_types INTEGER NOT NULL DEFAULT 0;
-- Discord: 0 default, 19 reply, 20 slash command, 23 context menu command.
UPDATE tenants SET written_types = 9961473 WHERE platform = 'discord';

-- When a full re-read last reached the end of the channel.
ALTER TABLE sync_progress ADD COLUMN full_read_at INTEGER;
UPDATE sync_progress
   SET full_read_at = (SELECT coalesce(j.completed_at, j.updated_at) FROM sync_jobs j
                        WHERE j.id = sync_progress.full_job_id)
 WHERE full_done = 1;

-- A bot's answer to a command was not sent through a webhook.
UPDATE messages
   SET metadata = json_remove(metadata, '$.webhook')
 WHERE instr(metadata, '"webhook":true') > 0
   AND (json_type(metadata, '$.interaction') IS NOT NULL OR json_type(metadata, '$.interaction_metadata') IS NOT NULL);

DROP VIEW IF EXISTS message_log;
DROP VIEW IF EXISTS reaction_log;
DROP VIEW IF EXISTS reaction_count_log;
DROP VIEW IF EXISTS attachment_log;
DROP VIEW IF EXISTS reply_log;
DROP VIEW IF EXISTS thread_log;
DROP VIEW IF EXISTS channel_log;

CREATE VIEW message_log AS
SELECT t.name                                                                      AS tenant,
       t.id_text                                                                   AS guild_id,
       c.id_text                                                                   AS channel_id,
       c.name                                                                      AS channel,
       c.kind                                                                      AS channel_type,
       c.state                                                                     AS channel_state,
       p.id_text                                                                   AS parent_channel_id,
       p.name                                                                      AS parent_channel,
       CAST(CASE WHEN t.message_id_format IS NULL THEN m.platform_id
                 ELSE printf(t.message_id_format, m.platform_id / t.message_id_divisor, m.platform_id % t.message_id_divisor)
            END AS TEXT)                                                           AS message_id,
       u.anonymized_id                                                             AS author,
       CAST(CASE u.is_bot WHEN 1 THEN 1 WHEN 0 THEN 0 END AS INTEGER)              AS author_is_bot,
       m.kind                                                                      AS type,
       m.content                                                                   AS content,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', m.created_at / 1000.0, 'unixepoch') AS TEXT) AS created_at,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', m.edited_at / 1000.0, 'unixepoch') AS TEXT) AS edited_at,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', m.deleted_at / 1000.0, 'unixepoch') AS TEXT) AS deleted_at,
       CAST(CASE WHEN m.reply_to_message_id IS NULL THEN NULL WHEN t.message_id_format IS NULL THEN m.reply_to_message_id
                 ELSE printf(t.message_id_format, m.reply_to_message_id / t.message_id_divisor, m.reply_to_message_id % t.message_id_divisor)
            END AS TEXT)                                                           AS reply_to_message_id,
       CAST(CASE WHEN m.reply_to_channel_id IS NULL THEN NULL
            WHEN m.reply_to_channel_id = c.platform_id THEN c.id_text
            ELSE coalesce((SELECT o.id_text FROM channels o
                            WHERE o.tenant_id = c.tenant_id AND o.platform_id = m.reply_to_channel_id),
                          -- That of a channel that isn't archived is known where IDs are decimal.
                          iif(c.id_text = CAST(c.platform_id AS TEXT), CAST(m.reply_to_channel_id AS TEXT), NULL))
       END AS TEXT)                                                                AS reply_to_channel_id,
       (SELECT o.anonymized_id FROM users o WHERE o.id = m.reply_to_author_id)     AS reply_to_author,
       CAST((SELECT count(a.platform_id) FROM message_attachments a
              WHERE a.channel_id = m.channel_id AND a.message_id = m.platform_id) AS INTEGER) AS attachments,
       CAST((SELECT coalesce(sum(k.count), 0) FROM message_reaction_counts k
              WHERE k.channel_id = m.channel_id AND k.message_id = m.platform_id) AS INTEGER) AS reactions,
       CAST(printf(t.message_url_format, c.id_text,
                   CAST(CASE WHEN t.message_id_format IS NULL THEN m.platform_id
                 ELSE printf(t.message_id_format, m.platform_id / t.message_id_divisor, m.platform_id % t.message_id_divisor)
            END AS TEXT),
                   m.platform_id) AS TEXT)                                         AS url,
       m.metadata                                                                  AS metadata,
       m.channel_id                                                                AS channel_key,
       m.platform_id                                                               AS message_key,
       m.author_id                                                                 AS author_key,
       c.parent_id                                                                 AS parent_channel_key,
       CAST(CASE WHEN m.reply_to_channel_id IS NULL THEN NULL
            WHEN m.reply_to_channel_id = c.platform_id THEN c.id
            ELSE (SELECT o.id FROM channels o
                   WHERE o.tenant_id = c.tenant_id AND o.platform_id = m.reply_to_channel_id)
       END AS INTEGER)                                                             AS reply_to_channel_key,
       m.reply_to_message_id                                                       AS reply_to_message_key,
       m.reply_to_author_id                                                        AS reply_to_author_key,
       m.created_at                                                                AS created_ms,
       m.edited_at                                                                 AS edited_ms,
       m.deleted_at                                                                AS deleted_ms,
       m.updated_at                                                                AS updated_ms,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', m.updated_at / 1000.0, 'unixepoch') AS TEXT) AS updated_at,
       m.pinned                                                                    AS pinned,
       CAST(CASE WHEN m.kind BETWEEN 0 AND 62 THEN (t.written_types >> m.kind) & 1 = 0 ELSE 1 END AS INTEGER) AS is_system
  FROM messages m
  JOIN channels c ON c.id = m.channel_id
  JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN users u ON u.id = m.author_id
  LEFT JOIN channels p ON p.id = c.parent_id;

CREATE VIEW reaction_log AS
SELECT t.name                                                                      AS tenant,
       t.id_text                                                                   AS guild_id,
       c.id_text                                                                   AS channel_id,
       c.name                                                                      AS channel,
       CAST(CASE WHEN t.message_id_format IS NULL THEN r.message_id
                 ELSE printf(t.message_id_format, r.message_id / t.message_id_divisor, r.message_id % t.message_id_divisor)
            END AS TEXT)                                                           AS message_id,
       CAST(CASE WHEN e.platform_id IS NULL THEN e.name ELSE e.name || ':' || e.platform_id END AS TEXT) AS emoji,
       CAST(CASE WHEN e.platform_id IS NULL THEN 'unicode' ELSE 'custom' END AS TEXT) AS emoji_kind,
       r.burst                                                                     AS burst,
       u.anonymized_id                                                             AS user,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', (SELECT o.created_at FROM messages o WHERE o.channel_id = r.channel_id AND o.platform_id = r.message_id) / 1000.0, 'unixepoch') AS TEXT) AS message_created_at,
       r.channel_id                                                                AS channel_key,
       r.message_id                                                                AS message_key,
       r.emoji_id                                                                  AS emoji_key,
       r.user_id                                                                   AS user_key,
       CAST(CASE u.is_bot WHEN 1 THEN 1 WHEN 0 THEN 0 END AS INTEGER)              AS user_is_bot,
       (SELECT w.anonymized_id FROM messages o JOIN users w ON w.id = o.author_id WHERE o.channel_id = r.channel_id AND o.platform_id = r.message_id) AS message_author,
       (SELECT o.author_id FROM messages o WHERE o.channel_id = r.channel_id AND o.platform_id = r.message_id) AS message_author_key,
       (SELECT w.is_bot FROM messages o JOIN users w ON w.id = o.author_id WHERE o.channel_id = r.channel_id AND o.platform_id = r.message_id) AS message_author_is_bot,
       (SELECT o.created_at FROM messages o WHERE o.channel_id = r.channel_id AND o.platform_id = r.message_id) AS message_created_ms,
       r.updated_at                                                                AS updated_ms
  FROM message_emoji_reactions r
  JOIN channels c ON c.id = r.channel_id
  JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN emoji e ON e.id = r.emoji_id
  LEFT JOIN users u ON u.id = r.user_id;

CREATE VIEW reaction_count_log AS
SELECT t.name                                                                      AS tenant,
       t.id_text                                                                   AS guild_id,
       c.id_text                                                                   AS channel_id,
       c.name                                                                      AS channel,
       CAST(CASE WHEN t.message_id_format IS NULL THEN k.message_id
                 ELSE printf(t.message_id_format, k.message_id / t.message_id_divisor, k.message_id % t.message_id_divisor)
            END AS TEXT)                                                           AS message_id,
       CAST(CASE WHEN e.platform_id IS NULL THEN e.name ELSE e.name || ':' || e.platform_id END AS TEXT) AS emoji,
       CAST(CASE WHEN e.platform_id IS NULL THEN 'unicode' ELSE 'custom' END AS TEXT) AS emoji_kind,
       k.burst                                                                     AS burst,
       k.count                                                                     AS count,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', k.users_read_at / 1000.0, 'unixepoch') AS TEXT) AS users_read_at,
       k.channel_id                                                                AS channel_key,
       k.message_id                                                                AS message_key,
       k.emoji_id                                                                  AS emoji_key,
       (SELECT w.anonymized_id FROM messages o JOIN users w ON w.id = o.author_id WHERE o.channel_id = k.channel_id AND o.platform_id = k.message_id) AS message_author,
       (SELECT o.author_id FROM messages o WHERE o.channel_id = k.channel_id AND o.platform_id = k.message_id) AS message_author_key,
       (SELECT w.is_bot FROM messages o JOIN users w ON w.id = o.author_id WHERE o.channel_id = k.channel_id AND o.platform_id = k.message_id) AS message_author_is_bot,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', (SELECT o.created_at FROM messages o WHERE o.channel_id = k.channel_id AND o.platform_id = k.message_id) / 1000.0, 'unixepoch') AS TEXT) AS message_created_at,
       (SELECT o.created_at FROM messages o WHERE o.channel_id = k.channel_id AND o.platform_id = k.message_id) AS message_created_ms,
       k.users_read_at                                                             AS users_read_ms,
       k.updated_at                                                                AS updated_ms
  FROM message_reaction_counts k
  JOIN channels c ON c.id = k.channel_id
  JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN emoji e ON e.id = k.emoji_id;

CREATE VIEW attachment_log AS
SELECT t.name                                                                      AS tenant,
       t.id_text                                                                   AS guild_id,
       c.id_text                                                                   AS channel_id,
       c.name                                                                      AS channel,
       CAST(CASE WHEN t.message_id_format IS NULL THEN a.message_id
                 ELSE printf(t.message_id_format, a.message_id / t.message_id_divisor, a.message_id % t.message_id_divisor)
            END AS TEXT)                                                           AS message_id,
       CAST(coalesce(a.id_text, a.platform_id) AS TEXT)                            AS attachment_id,
       a.filename                                                                  AS filename,
       a.file_size                                                                 AS file_size,
       a.content_type                                                              AS content_type,
       CAST(CASE WHEN a.url_signature IS NULL THEN a.url
            WHEN instr(a.url, '?') > 0 THEN a.url || '&' || a.url_signature
            ELSE a.url || '?' || a.url_signature END AS TEXT)                      AS url,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', (SELECT o.created_at FROM messages o WHERE o.channel_id = a.channel_id AND o.platform_id = a.message_id) / 1000.0, 'unixepoch') AS TEXT) AS created_at,
       a.channel_id                                                                AS channel_key,
       a.message_id                                                                AS message_key,
       a.platform_id                                                               AS attachment_key,
       (SELECT w.anonymized_id FROM messages o JOIN users w ON w.id = o.author_id WHERE o.channel_id = a.channel_id AND o.platform_id = a.message_id) AS message_author,
       (SELECT o.author_id FROM messages o WHERE o.channel_id = a.channel_id AND o.platform_id = a.message_id) AS message_author_key,
       (SELECT w.is_bot FROM messages o JOIN users w ON w.id = o.author_id WHERE o.channel_id = a.channel_id AND o.platform_id = a.message_id) AS message_author_is_bot,
       (SELECT o.created_at FROM messages o WHERE o.channel_id = a.channel_id AND o.platform_id = a.message_id) AS created_ms,
       a.metadata                                                                  AS metadata,
       a.updated_at                                                                AS updated_ms
  FROM message_attachments a
  JOIN channels c ON c.id = a.channel_id
  JOIN tenants t ON t.id = c.tenant_id;

CREATE VIEW reply_log AS
SELECT t.name                                                                      AS tenant,
       t.id_text                                                                   AS guild_id,
       c.id_text                                                                   AS channel_id,
       CAST(CASE WHEN t.message_id_format IS NULL THEN m.platform_id
                 ELSE printf(t.message_id_format, m.platform_id / t.message_id_divisor, m.platform_id % t.message_id_divisor)
            END AS TEXT)                                                           AS message_id,
       u.anonymized_id                                                             AS author,
       CAST(CASE WHEN t.message_id_format IS NULL THEN m.reply_to_message_id
                 ELSE printf(t.message_id_format, m.reply_to_message_id / t.message_id_divisor, m.reply_to_message_id % t.message_id_divisor)
            END AS TEXT)                                                           AS reply_to_message_id,
       r.anonymized_id                                                             AS reply_to_author,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', m.created_at / 1000.0, 'unixepoch') AS TEXT) AS created_at,
       CAST(EXISTS (SELECT 1 FROM channels oc JOIN messages o ON o.channel_id = oc.id
                WHERE oc.tenant_id = c.tenant_id AND oc.platform_id = m.reply_to_channel_id
                  AND o.platform_id = m.reply_to_message_id) AS INTEGER)           AS original_archived,
       c.name                                                                      AS channel,
       m.channel_id                                                                AS channel_key,
       m.platform_id                                                               AS message_key,
       m.author_id                                                                 AS author_key,
       m.created_at                                                                AS created_ms,
       CAST(CASE u.is_bot WHEN 1 THEN 1 WHEN 0 THEN 0 END AS INTEGER)              AS author_is_bot,
       CAST(CASE WHEN m.reply_to_channel_id IS NULL THEN NULL
            WHEN m.reply_to_channel_id = c.platform_id THEN c.id_text
            ELSE coalesce((SELECT o.id_text FROM channels o
                            WHERE o.tenant_id = c.tenant_id AND o.platform_id = m.reply_to_channel_id),
                          -- That of a channel that isn't archived is known where IDs are decimal.
                          iif(c.id_text = CAST(c.platform_id AS TEXT), CAST(m.reply_to_channel_id AS TEXT), NULL))
       END AS TEXT)                                                                AS reply_to_channel_id,
       CAST(CASE WHEN m.reply_to_channel_id IS NULL THEN NULL
            WHEN m.reply_to_channel_id = c.platform_id THEN c.id
            ELSE (SELECT o.id FROM channels o
                   WHERE o.tenant_id = c.tenant_id AND o.platform_id = m.reply_to_channel_id)
       END AS INTEGER)                                                             AS reply_to_channel_key,
       m.reply_to_message_id                                                       AS reply_to_message_key,
       m.reply_to_author_id                                                        AS reply_to_author_key
  FROM messages m
  JOIN channels c ON c.id = m.channel_id
  JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN users u ON u.id = m.author_id
  LEFT JOIN users r ON r.id = m.reply_to_author_id
 WHERE m.reply_to_message_id IS NOT NULL;

CREATE VIEW thread_log AS
SELECT t.name                                                                      AS tenant,
       t.id_text                                                                   AS guild_id,
       c.id_text                                                                   AS thread_id,
       c.name                                                                      AS thread,
       p.id_text                                                                   AS parent_channel_id,
       p.name                                                                      AS parent_channel,
       CAST(CASE WHEN EXISTS (SELECT 1 FROM messages m
                          WHERE m.channel_id IN (c.id, c.parent_id) AND m.platform_id = c.platform_id)
            THEN CAST(CASE WHEN t.message_id_format IS NULL THEN c.platform_id
                 ELSE printf(t.message_id_format, c.platform_id / t.message_id_divisor, c.platform_id % t.message_id_divisor)
            END AS TEXT)
       END AS TEXT)                                                                AS starter_message_id,
       u.anonymized_id                                                             AS owner,
       c.state                                                                     AS state,
       c.archived                                                                  AS archived,
       c.locked                                                                    AS locked,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', c.opened_at / 1000.0, 'unixepoch') AS TEXT) AS created_at,
       c.message_count                                                             AS messages,
       c.id                                                                        AS channel_key,
       c.parent_id                                                                 AS parent_channel_key,
       p.kind                                                                      AS parent_channel_type,
       (SELECT m.channel_id FROM messages m
         WHERE m.channel_id IN (c.id, c.parent_id) AND m.platform_id = c.platform_id LIMIT 1) AS starter_channel_key,
       (SELECT m.platform_id FROM messages m
         WHERE m.channel_id IN (c.id, c.parent_id) AND m.platform_id = c.platform_id LIMIT 1) AS starter_message_key,
       c.owner_id                                                                  AS owner_key,
       CAST(CASE u.is_bot WHEN 1 THEN 1 WHEN 0 THEN 0 END AS INTEGER)              AS owner_is_bot,
       c.opened_at                                                                 AS created_ms,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', c.archived_at / 1000.0, 'unixepoch') AS TEXT) AS archived_at,
       c.archived_at                                                               AS archived_ms,
       c.last_message_id                                                           AS last_message_key,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', c.last_message_at / 1000.0, 'unixepoch') AS TEXT) AS last_message_at,
       c.last_message_at                                                           AS last_message_ms,
       CAST((SELECT json_group_array(coalesce(
                         (SELECT json_extract(v.value, '$.name') FROM json_each(p.metadata, '$.available_tags') v
                           WHERE json_extract(v.value, '$.id') = a.value), a.value))
               FROM json_each(c.metadata, '$.applied_tags') a) AS TEXT)            AS tags,
       c.updated_at                                                                AS updated_ms
  FROM channels c
  JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN channels p ON p.id = c.parent_id
  LEFT JOIN users u ON u.id = c.owner_id
 WHERE c.kind IN ('public_thread', 'announcement_thread');

CREATE VIEW channel_log AS
SELECT t.name                                                                      AS tenant,
       t.id_text                                                                   AS guild_id,
       c.id_text                                                                   AS channel_id,
       c.name                                                                      AS channel,
       c.kind                                                                      AS type,
       p.id_text                                                                   AS parent_channel_id,
       c.state                                                                     AS state,
       c.message_count                                                             AS messages,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', c.first_message_at / 1000.0, 'unixepoch') AS TEXT) AS first_message_at,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', c.last_message_at / 1000.0, 'unixepoch') AS TEXT) AS last_message_at,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', s.last_sync_at / 1000.0, 'unixepoch') AS TEXT) AS last_sync_at,
       s.status                                                                    AS sync_status,
       s.last_error                                                                AS last_error,
       c.id                                                                        AS channel_key,
       c.parent_id                                                                 AS parent_channel_key,
       p.name                                                                      AS parent_channel,
       CAST(CASE WHEN p.kind = 'category' THEN p.name
            ELSE (SELECT g.name FROM channels g WHERE g.id = p.parent_id) END AS TEXT) AS category,
       c.topic                                                                     AS topic,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', c.opened_at / 1000.0, 'unixepoch') AS TEXT) AS created_at,
       c.opened_at                                                                 AS created_ms,
       c.first_message_id                                                          AS first_message_key,
       c.first_message_at                                                          AS first_message_ms,
       c.last_message_id                                                           AS last_message_key,
       c.last_message_at                                                           AS last_message_ms,
       s.last_sync_at                                                              AS last_sync_ms,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', s.full_read_at / 1000.0, 'unixepoch') AS TEXT) AS full_read_at,
       s.full_read_at                                                              AS full_read_ms,
       c.updated_at                                                                AS updated_ms
  FROM channels c
  JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN channels p ON p.id = c.parent_id
  LEFT JOIN sync_progress s ON s.channel_id = c.id
 WHERE c.kind <> 'category';

-- A row per person, of all tenants. The figures are counted when they are read.
CREATE VIEW person_log AS
SELECT u.anonymized_id                                                             AS person,
       u.id                                                                        AS person_key,
       CAST(CASE u.is_bot WHEN 1 THEN 1 WHEN 0 THEN 0 END AS INTEGER)              AS is_bot,
       CAST((SELECT count(*) FROM messages m WHERE m.author_id = u.id) AS INTEGER) AS messages,
       CAST((SELECT count(DISTINCT m.channel_id) FROM messages m WHERE m.author_id = u.id) AS INTEGER) AS channels,
       CAST((SELECT count(DISTINCT c.tenant_id) FROM messages m JOIN channels c ON c.id = m.channel_id WHERE m.author_id = u.id) AS INTEGER) AS tenants,
       CAST((SELECT count(*) FROM channels c WHERE c.owner_id = u.id) AS INTEGER)  AS threads,
       CAST((SELECT count(*) FROM messages m WHERE m.reply_to_author_id = u.id) AS INTEGER) AS replies_received,
       CAST((SELECT count(*) FROM message_emoji_reactions r WHERE r.user_id = u.id) AS INTEGER) AS reactions_given,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', (SELECT min(m.created_at) FROM messages m WHERE m.author_id = u.id) / 1000.0, 'unixepoch') AS TEXT) AS first_message_at,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', (SELECT max(m.created_at) FROM messages m WHERE m.author_id = u.id) / 1000.0, 'unixepoch') AS TEXT) AS last_message_at,
       CAST((SELECT min(m.created_at) FROM messages m WHERE m.author_id = u.id) AS INTEGER) AS first_message_ms,
       CAST((SELECT max(m.created_at) FROM messages m WHERE m.author_id = u.id) AS INTEGER) AS last_message_ms
  FROM users u;

-- A row per emoji of reactions.
CREATE VIEW emoji_log AS
SELECT CAST(CASE WHEN e.platform_id IS NULL THEN e.name ELSE e.name || ':' || e.platform_id END AS TEXT) AS emoji,
       CAST(CASE WHEN e.platform_id IS NULL THEN 'unicode' ELSE 'custom' END AS TEXT) AS emoji_kind,
       e.name                                                                      AS name,
       CAST(e.platform_id AS TEXT)                                                 AS emoji_id,
       e.id                                                                        AS emoji_key,
       CAST((SELECT coalesce(sum(k.count), 0) FROM message_reaction_counts k WHERE k.emoji_id = e.id) AS INTEGER) AS reactions,
       CAST((SELECT count(DISTINCT k.message_id) FROM message_reaction_counts k WHERE k.emoji_id = e.id) AS INTEGER) AS messages
  FROM emoji e;

-- A row per address in the text of a message. Those of embeds are in embed_log.
CREATE VIEW link_log AS
SELECT t.name                                                                      AS tenant,
       t.id_text                                                                   AS guild_id,
       c.id_text                                                                   AS channel_id,
       c.name                                                                      AS channel,
       CAST(CASE WHEN t.message_id_format IS NULL THEN m.platform_id
                 ELSE printf(t.message_id_format, m.platform_id / t.message_id_divisor, m.platform_id % t.message_id_divisor)
            END AS TEXT)                                                           AS message_id,
       u.anonymized_id                                                             AS author,
       CAST(CASE u.is_bot WHEN 1 THEN 1 WHEN 0 THEN 0 END AS INTEGER)              AS author_is_bot,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', m.created_at / 1000.0, 'unixepoch') AS TEXT) AS created_at,
       CAST(m.url AS TEXT)                                                         AS url,
       CAST(CASE WHEN m.host LIKE 'www.%' THEN substr(m.host, 5) ELSE m.host END AS TEXT) AS host,
       CAST(m.position AS INTEGER)                                                 AS position,
       m.channel_id                                                                AS channel_key,
       m.platform_id                                                               AS message_key,
       m.author_id                                                                 AS author_key,
       m.created_at                                                                AS created_ms
  FROM (SELECT m.channel_id, m.platform_id, m.author_id, m.created_at, m.position, m.url,
               -- The address up to the / ? # or : after its host; without a user name before the last @.
               lower(CASE WHEN instr(m.url, '@') = 0
                          THEN substr(substr(m.url, instr(m.url, '://') + 3), 1, instr(replace(replace(replace(substr(m.url, instr(m.url, '://') + 3), '?', '/'), '#', '/'), ':', '/') || '/', '/') - 1)
                          ELSE (SELECT substr(o.host, 1, instr(o.host || ':', ':') - 1)
                                  FROM (SELECT substr(a.authority, length(rtrim(a.authority, replace(a.authority, '@', ''))) + 1) AS host
                                          FROM (SELECT substr(substr(m.url, instr(m.url, '://') + 3), 1, instr(replace(replace(substr(m.url, instr(m.url, '://') + 3), '?', '/'), '#', '/') || '/', '/') - 1) AS authority) a) o)
                     END) AS host
          FROM (SELECT m.channel_id, m.platform_id, m.author_id, m.created_at, m.position,
                       -- A closing bracket belongs to an address that has an opening one.
                       rtrim(CASE WHEN instr(m.word, ')') > 0 AND instr(m.word, '(') = 0
                                  THEN substr(m.word, 1, instr(m.word, ')') - 1) ELSE m.word END, '.,:;!?*_~''') AS url
                  FROM (SELECT m.channel_id, m.platform_id, m.author_id, m.created_at, l.key AS position,
                               substr(l.value, 1, instr(l.value || ' ', ' ') - 1) AS word
                          FROM (SELECT m.channel_id, m.platform_id, m.author_id, m.created_at,
                                       replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(m.content, char(9), ' '), char(10), ' '), char(13), ' '), char(160), ' '), char(12288), ' '), '<', ' '), '>', ' '), '"', ' '), '`', ' '), '|', ' '), '\', ' '), '^', ' '), '{', ' '), '}', ' '), ']', ' ') AS text
                                  FROM messages m
                                 WHERE instr(m.content, '://') > 0) m,
                               -- The text as a JSON list that begins an item at each address.
                               json_each('[' || replace(replace(replace(replace(replace(replace(json_quote(m.text),
                                   'https://', '","https://'), 'http://', '","http://'), 'Https://', '","Https://'), 'Http://', '","Http://'), 'HTTPS://', '","HTTPS://'), 'HTTP://', '","HTTP://') || ']') l
                         WHERE l.key > 0) m) m) m
  JOIN channels c ON c.id = m.channel_id
  JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN users u ON u.id = m.author_id;

-- A row per person, channel and role that a message mentions, and per mention of everyone.
CREATE VIEW mention_log AS
SELECT t.name                                                                      AS tenant,
       t.id_text                                                                   AS guild_id,
       c.id_text                                                                   AS channel_id,
       c.name                                                                      AS channel,
       CAST(CASE WHEN t.message_id_format IS NULL THEN m.platform_id
                 ELSE printf(t.message_id_format, m.platform_id / t.message_id_divisor, m.platform_id % t.message_id_divisor)
            END AS TEXT)                                                           AS message_id,
       u.anonymized_id                                                             AS author,
       CAST(CASE u.is_bot WHEN 1 THEN 1 WHEN 0 THEN 0 END AS INTEGER)              AS author_is_bot,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', m.created_at / 1000.0, 'unixepoch') AS TEXT) AS created_at,
       CAST(m.kind AS TEXT)                                                        AS kind,
       CAST(m.mentioned AS TEXT)                                                   AS mentioned,
       CAST(CASE m.kind WHEN 'user' THEN (SELECT o.id FROM users o WHERE o.anonymized_id = m.mentioned)
            WHEN 'channel' THEN (SELECT o.id FROM channels o WHERE o.tenant_id = t.id AND o.id_text = m.mentioned) END AS INTEGER) AS mentioned_key,
       m.channel_id                                                                AS channel_key,
       m.platform_id                                                               AS message_key,
       m.author_id                                                                 AS author_key,
       m.created_at                                                                AS created_ms
  FROM (SELECT m.channel_id, m.platform_id, m.author_id, m.created_at, CASE WHEN m.token LIKE '<#%' THEN 'channel' ELSE 'user' END AS kind,
               substr(m.token, 3, length(m.token) - 3) AS mentioned
          FROM (SELECT m.channel_id, m.platform_id, m.author_id, m.created_at, substr(l.value, 1, instr(l.value, '>')) AS token
                  FROM messages m,
                       -- The text as a JSON list that begins an item at each mention.
                       json_each('[' || replace(replace(json_quote(m.content), '<@', '","<@'), '<#', '","<#') || ']') l
                 WHERE instr(m.content, '<') > 0 AND l.key > 0) m
         WHERE m.token GLOB '<@[0-9a-f]*' AND length(m.token) = 67 OR m.token GLOB '<#[0-9a-zA-Z]*'
         UNION ALL
        SELECT m.channel_id, m.platform_id, m.author_id, m.created_at, 'role', r.value FROM messages m, json_each(m.metadata, '$.mention_roles') r
         UNION ALL
        SELECT m.channel_id, m.platform_id, m.author_id, m.created_at, 'everyone', NULL FROM messages m WHERE json_extract(m.metadata, '$.mention_everyone')) m
  -- In this order, or SQLite would index all mentions first.
  CROSS JOIN channels c ON c.id = m.channel_id
  CROSS JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN users u ON u.id = m.author_id;

-- A row per embed. The fields that are not columns are in message_log.metadata.
CREATE VIEW embed_log AS
SELECT t.name                                                                      AS tenant,
       t.id_text                                                                   AS guild_id,
       c.id_text                                                                   AS channel_id,
       c.name                                                                      AS channel,
       CAST(CASE WHEN t.message_id_format IS NULL THEN m.platform_id
                 ELSE printf(t.message_id_format, m.platform_id / t.message_id_divisor, m.platform_id % t.message_id_divisor)
            END AS TEXT)                                                           AS message_id,
       u.anonymized_id                                                             AS author,
       CAST(CASE u.is_bot WHEN 1 THEN 1 WHEN 0 THEN 0 END AS INTEGER)              AS author_is_bot,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', m.created_at / 1000.0, 'unixepoch') AS TEXT) AS created_at,
       CAST(m.position AS INTEGER)                                                 AS position,
       CAST(json_extract(m.embed, '$.type') AS TEXT)                               AS type,
       CAST(json_extract(m.embed, '$.title') AS TEXT)                              AS title,
       CAST(json_extract(m.embed, '$.description') AS TEXT)                        AS description,
       CAST(json_extract(m.embed, '$.url') AS TEXT)                                AS url,
       CAST(CASE WHEN m.host LIKE 'www.%' THEN substr(m.host, 5) ELSE m.host END AS TEXT) AS host,
       CAST(json_extract(m.embed, '$.provider.name') AS TEXT)                      AS provider,
       CAST(json_extract(m.embed, '$.author.name') AS TEXT)                        AS embed_author,
       CAST(json_extract(m.embed, '$.footer.text') AS TEXT)                        AS footer,
       m.channel_id                                                                AS channel_key,
       m.platform_id                                                               AS message_key,
       m.author_id                                                                 AS author_key,
       m.created_at                                                                AS created_ms
  FROM (SELECT m.channel_id, m.platform_id, m.author_id, m.created_at, m.position, m.embed,
               -- As in link_log.
               lower(CASE WHEN instr(m.url, '@') = 0
                          THEN substr(substr(m.url, instr(m.url, '://') + 3), 1, instr(replace(replace(replace(substr(m.url, instr(m.url, '://') + 3), '?', '/'), '#', '/'), ':', '/') || '/', '/') - 1)
                          ELSE (SELECT substr(o.host, 1, instr(o.host || ':', ':') - 1)
                                  FROM (SELECT substr(a.authority, length(rtrim(a.authority, replace(a.authority, '@', ''))) + 1) AS host
                                          FROM (SELECT substr(substr(m.url, instr(m.url, '://') + 3), 1, instr(replace(replace(substr(m.url, instr(m.url, '://') + 3), '?', '/'), '#', '/') || '/', '/') - 1) AS authority) a) o)
                     END) AS host
          FROM (SELECT m.channel_id, m.platform_id, m.author_id, m.created_at, e.key AS position, e.value AS embed,
                       json_extract(e.value, '$.url') AS url
                  FROM messages m, json_each(m.metadata, '$.embeds') e) m) m
  JOIN channels c ON c.id = m.channel_id
  JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN users u ON u.id = m.author_id;

-- A row per poll.
CREATE VIEW poll_log AS
SELECT t.name                                                                      AS tenant,
       t.id_text                                                                   AS guild_id,
       c.id_text                                                                   AS channel_id,
       c.name                                                                      AS channel,
       CAST(CASE WHEN t.message_id_format IS NULL THEN m.platform_id
                 ELSE printf(t.message_id_format, m.platform_id / t.message_id_divisor, m.platform_id % t.message_id_divisor)
            END AS TEXT)                                                           AS message_id,
       u.anonymized_id                                                             AS author,
       CAST(CASE u.is_bot WHEN 1 THEN 1 WHEN 0 THEN 0 END AS INTEGER)              AS author_is_bot,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', m.created_at / 1000.0, 'unixepoch') AS TEXT) AS created_at,
       CAST(json_extract(m.metadata, '$.poll.question.text') AS TEXT)              AS question,
       CAST(json_extract(m.metadata, '$.poll.expiry') AS TEXT)                     AS ends_at,
       CAST(coalesce(json_extract(m.metadata, '$.poll.allow_multiselect'), 0) AS INTEGER) AS multiple_choice,
       CAST(coalesce(json_extract(m.metadata, '$.poll.results.is_finalized'), 0) AS INTEGER) AS finalized,
       CAST(coalesce(json_array_length(m.metadata, '$.poll.answers'), 0) AS INTEGER) AS answers,
       CAST((SELECT coalesce(sum(json_extract(r.value, '$.count')), 0)
               FROM json_each(m.metadata, '$.poll.results.answer_counts') r) AS INTEGER) AS votes,
       m.channel_id                                                                AS channel_key,
       m.platform_id                                                               AS message_key,
       m.author_id                                                                 AS author_key,
       m.created_at                                                                AS created_ms
  FROM messages m
  JOIN channels c ON c.id = m.channel_id
  JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN users u ON u.id = m.author_id
 WHERE json_type(m.metadata, '$.poll') = 'object';

-- A row per answer that a poll offers.
CREATE VIEW poll_answer_log AS
SELECT t.name                                                                      AS tenant,
       t.id_text                                                                   AS guild_id,
       c.id_text                                                                   AS channel_id,
       c.name                                                                      AS channel,
       CAST(CASE WHEN t.message_id_format IS NULL THEN m.platform_id
                 ELSE printf(t.message_id_format, m.platform_id / t.message_id_divisor, m.platform_id % t.message_id_divisor)
            END AS TEXT)                                                           AS message_id,
       u.anonymized_id                                                             AS author,
       CAST(CASE u.is_bot WHEN 1 THEN 1 WHEN 0 THEN 0 END AS INTEGER)              AS author_is_bot,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', m.created_at / 1000.0, 'unixepoch') AS TEXT) AS created_at,
       CAST(json_extract(m.metadata, '$.poll.question.text') AS TEXT)              AS question,
       CAST(json_extract(a.value, '$.answer_id') AS INTEGER)                       AS answer_id,
       CAST(json_extract(a.value, '$.poll_media.text') AS TEXT)                    AS answer,
       CAST(CASE WHEN json_extract(a.value, '$.poll_media.emoji.id') IS NULL
                 THEN json_extract(a.value, '$.poll_media.emoji.name')
                 ELSE json_extract(a.value, '$.poll_media.emoji.name') || ':' ||
                      json_extract(a.value, '$.poll_media.emoji.id')
            END AS TEXT)                                                           AS emoji,
       CAST(coalesce((SELECT json_extract(r.value, '$.count')
                        FROM json_each(m.metadata, '$.poll.results.answer_counts') r
                       WHERE json_extract(r.value, '$.id') = json_extract(a.value, '$.answer_id')), 0) AS INTEGER) AS votes,
       m.channel_id                                                                AS channel_key,
       m.platform_id                                                               AS message_key,
       m.author_id                                                                 AS author_key,
       m.created_at                                                                AS created_ms
  FROM messages m
  JOIN channels c ON c.id = m.channel_id
  JOIN tenants t ON t.id = c.tenant_id
  JOIN json_each(m.metadata, '$.poll.answers') a
  LEFT JOIN users u ON u.id = m.author_id;

-- A row per tag of a thread.
CREATE VIEW tag_log AS
SELECT t.name                                                                      AS tenant,
       t.id_text                                                                   AS guild_id,
       c.id_text                                                                   AS thread_id,
       c.name                                                                      AS thread,
       p.id_text                                                                   AS parent_channel_id,
       p.name                                                                      AS parent_channel,
       CAST(a.value AS TEXT)                                                       AS tag_id,
       CAST((SELECT json_extract(v.value, '$.name') FROM json_each(p.metadata, '$.available_tags') v
              WHERE json_extract(v.value, '$.id') = a.value) AS TEXT)              AS tag,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', c.opened_at / 1000.0, 'unixepoch') AS TEXT) AS created_at,
       c.id                                                                        AS channel_key,
       c.parent_id                                                                 AS parent_channel_key,
       c.opened_at                                                                 AS created_ms
  FROM channels c
  JOIN tenants t ON t.id = c.tenant_id
  JOIN json_each(c.metadata, '$.applied_tags') a
  LEFT JOIN channels p ON p.id = c.parent_id;

-- A row per job: a tenant in a run.
CREATE VIEW run_log AS
SELECT t.name                                                                      AS tenant,
       t.id_text                                                                   AS guild_id,
       j.run_id                                                                    AS run_id,
       j.id                                                                        AS job_id,
       j.kind                                                                      AS kind,
       j.status                                                                    AS status,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', j.started_at / 1000.0, 'unixepoch') AS TEXT) AS started_at,
       CAST(strftime('%Y-%m-%dT%H:%M:%fZ', j.completed_at / 1000.0, 'unixepoch') AS TEXT) AS completed_at,
       CAST((j.completed_at - j.started_at) / 1000.0 AS REAL)                      AS seconds,
       j.channels_processed                                                        AS channels,
       j.channels_skipped                                                          AS channels_skipped,
       j.channels_unreadable                                                       AS channels_unreadable,
       j.messages_processed                                                        AS messages,
       j.messages_new                                                              AS messages_new,
       j.messages_changed                                                          AS messages_changed,
       j.broken_messages                                                           AS malformed_messages,
       j.reactions_processed                                                       AS reactions,
       j.reactions_pending                                                         AS reactions_pending,
       j.attachments_processed                                                     AS attachments,
       j.total_api_calls                                                           AS requests,
       j.rate_limit_encounters                                                     AS rate_limit_encounters,
       CAST(j.bucket_wait_seconds + j.global_wait_seconds + j.guard_wait_seconds AS REAL) AS rate_limit_wait_seconds,
       j.retries                                                                   AS retries,
       CAST(coalesce(json_array_length(j.error_details), 0) AS INTEGER)            AS errors,
       j.error_details                                                             AS error_details,
       j.created_at                                                                AS created_ms,
       j.started_at                                                                AS started_ms,
       j.completed_at                                                              AS completed_ms
  FROM sync_jobs j
  JOIN tenants t ON t.id = j.tenant_id;

-- A row per channel and UTC day with messages.
CREATE VIEW daily_log AS
SELECT t.name                                                                      AS tenant,
       t.id_text                                                                   AS guild_id,
       c.id_text                                                                   AS channel_id,
       c.name                                                                      AS channel,
       c.kind                                                                      AS channel_type,
       CAST(date(d.day_ms / 1000, 'unixepoch') AS TEXT)                            AS day,
       CAST(d.messages AS INTEGER)                                                 AS messages,
       CAST(d.written AS INTEGER)                                                  AS written,
       CAST(d.by_bots AS INTEGER)                                                  AS by_bots,
       CAST(d.people AS INTEGER)                                                   AS people,
       CAST(d.replies AS INTEGER)                                                  AS replies,
       CAST(d.edited AS INTEGER)                                                   AS edited,
       CAST(d.deleted AS INTEGER)                                                  AS deleted,
       d.channel_id                                                                AS channel_key,
       c.parent_id                                                                 AS parent_channel_key,
       d.day_ms                                                                    AS day_ms
  FROM (SELECT m.channel_id, CAST(m.created_at / 86400000 * 86400000 AS INTEGER) AS day_ms, count(*) AS messages,
               sum(u.is_bot IS NOT 1 AND CASE WHEN m.kind BETWEEN 0 AND 62 THEN (t.written_types >> m.kind) & 1 ELSE 0 END) AS written,
               sum(u.is_bot IS 1) AS by_bots,
               count(DISTINCT CASE WHEN u.is_bot = 0 AND CASE WHEN m.kind BETWEEN 0 AND 62 THEN (t.written_types >> m.kind) & 1 ELSE 0 END THEN m.author_id END) AS people,
               count(m.reply_to_message_id) AS replies, count(m.edited_at) AS edited, count(m.deleted_at) AS deleted
          FROM messages m
          JOIN channels c ON c.id = m.channel_id
          JOIN tenants t ON t.id = c.tenant_id
          LEFT JOIN users u ON u.id = m.author_id
         GROUP BY m.channel_id, CAST(m.created_at / 86400000 * 86400000 AS INTEGER)) d
  JOIN channels c ON c.id = d.channel_id
  JOIN tenants t ON t.id = c.tenant_id;
