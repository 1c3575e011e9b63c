-- What the end of a channel, the state of a channel and the reactors of a
-- message rest on, and what a run knows to be incomplete.

-- The newest page confirmed the end of the channel at end_confirmed_at, when the
-- listing named end_announced_id as its newest message.
ALTER TABLE sync_progress ADD COLUMN end_announced_id INTEGER;
ALTER TABLE sync_progress ADD COLUMN end_confirmed_at INTEGER;
-- Since when the end is unconfirmed; NULL: it is confirmed, or not reached yet.
ALTER TABLE sync_progress ADD COLUMN end_doubted_at INTEGER;
-- 1: it was confirmed only because the newest page stayed empty for a day.
ALTER TABLE sync_progress ADD COLUMN end_was_empty INTEGER NOT NULL DEFAULT 0 CHECK (end_was_empty IN (0, 1));
-- Since when the listing of archived threads is incomplete.
ALTER TABLE sync_progress ADD COLUMN threads_doubted_at INTEGER;

-- Since when neither a listing nor a direct question shows the channel.
ALTER TABLE channels ADD COLUMN vanished_at INTEGER;
-- When it was last asked for by itself because no listing names it.
ALTER TABLE channels ADD COLUMN asked_at INTEGER;

-- Since when no channel is left to read.
ALTER TABLE tenants ADD COLUMN empty_since INTEGER;
-- How many channels the last run and the last success read, and of which
-- selection.
ALTER TABLE tenants ADD COLUMN last_channels INTEGER;
ALTER TABLE tenants ADD COLUMN last_selection TEXT;
ALTER TABLE tenants ADD COLUMN success_channels INTEGER;
ALTER TABLE tenants ADD COLUMN success_selection TEXT;

-- 1: the message itself is archived, and only the fields that `reason` names
-- were malformed.
ALTER TABLE broken_messages ADD COLUMN is_archived INTEGER NOT NULL DEFAULT 0 CHECK (is_archived IN (0, 1));

-- Of the messages processed: those that were not archived before, and those that
-- differed from what was.
ALTER TABLE sync_jobs ADD COLUMN messages_new INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sync_jobs ADD COLUMN messages_changed INTEGER NOT NULL DEFAULT 0;

-- Reactions whose reactors could not be read. They go behind those that were not
-- tried yet, and are tried less and less often.
CREATE TABLE reaction_attempts (
    channel_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    emoji_id   INTEGER NOT NULL REFERENCES emoji (id),
    burst      INTEGER NOT NULL CHECK (burst IN (0, 1)),
    attempts   INTEGER NOT NULL DEFAULT 1,           -- that failed, in a row
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,                     -- the last attempt
    PRIMARY KEY (channel_id, message_id, emoji_id, burst),
    FOREIGN KEY (channel_id, message_id) REFERENCES messages (channel_id, platform_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX reaction_attempts_by_emoji ON reaction_attempts (emoji_id);

-- Threads that a message or their parent names and that no listing did.
CREATE TABLE named_threads (
    channel_id  INTEGER NOT NULL REFERENCES channels (id),  -- the parent
    platform_id INTEGER NOT NULL,                           -- the thread
    asked_at    INTEGER,                                    -- when an answer for it last came
    attempts    INTEGER NOT NULL DEFAULT 0,                 -- to ask for it
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (channel_id, platform_id)
) STRICT, WITHOUT ROWID;

-- Channels that a name in exclude_channels has resolved to: they stay excluded
-- when they are renamed.
CREATE TABLE excluded_channels (
    tenant_id   INTEGER NOT NULL REFERENCES tenants (id),
    entry_hash  TEXT    NOT NULL CHECK (length(entry_hash) = 64), -- SHA-256 of the name
    platform_id INTEGER NOT NULL,                                 -- the channel
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, entry_hash, platform_id)
) STRICT, WITHOUT ROWID;

-- Fields of the platform's objects that this version neither keeps nor drops on
-- purpose.
CREATE TABLE unknown_fields (
    path       TEXT    NOT NULL PRIMARY KEY,         -- such as message.poll_results
    objects    INTEGER NOT NULL,                     -- that had it, repeated reads included
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Older versions moved a checkpoint to the newest message that the listing named,
-- after one empty page. It goes back to the last message that was read, so that
-- the end is confirmed once.
UPDATE sync_progress
   SET last_message_id =
       (SELECT max(id)
          FROM (SELECT c.last_message_id AS id FROM channels c WHERE c.id = sync_progress.channel_id
                UNION ALL
                SELECT max(abs(b.platform_id)) FROM broken_messages b WHERE b.channel_id = sync_progress.channel_id))
 WHERE last_message_id >
       coalesce((SELECT max(id)
                   FROM (SELECT c.last_message_id AS id FROM channels c WHERE c.id = sync_progress.channel_id
                         UNION ALL
                         SELECT max(abs(b.platform_id)) FROM broken_messages b
                          WHERE b.channel_id = sync_progress.channel_id)), 0);

-- They believed an empty list of reactors whatever the count: it is asked again.
UPDATE message_reaction_counts
   SET users_due = 1, users_count = NULL
 WHERE users_read_at IS NOT NULL AND users_due = 0 AND count > 0
   AND NOT EXISTS (SELECT 1 FROM message_emoji_reactions r
                    WHERE r.channel_id = message_reaction_counts.channel_id
                      AND r.message_id = message_reaction_counts.message_id
                      AND r.emoji_id = message_reaction_counts.emoji_id
                      AND r.burst = message_reaction_counts.burst);

-- Nobody can be asked for the reactors of a deleted message, or of an emoji
-- without ID and name.
UPDATE message_reaction_counts
   SET users_due = 0
 WHERE users_due = 1
   AND (EXISTS (SELECT 1 FROM messages m
                 WHERE m.channel_id = message_reaction_counts.channel_id
                   AND m.platform_id = message_reaction_counts.message_id AND m.deleted_at IS NOT NULL)
        OR EXISTS (SELECT 1 FROM emoji e
                    WHERE e.id = message_reaction_counts.emoji_id AND e.platform_id IS NULL AND e.name = ''));

UPDATE sync_progress SET threads_doubted_at = updated_at WHERE threads_incomplete = 1;

-- A thread that was started without a message has no starter.
DROP VIEW thread_log;

CREATE VIEW thread_log AS
SELECT t.name                                                              AS tenant,
       CAST(t.platform_id AS TEXT)                                         AS guild_id,
       CAST(c.platform_id AS TEXT)                                         AS thread_id,
       c.name                                                              AS thread,
       CAST(p.platform_id AS TEXT)                                         AS parent_channel_id,
       p.name                                                              AS parent_channel,
       CASE WHEN EXISTS (SELECT 1 FROM messages m
                          WHERE m.channel_id IN (c.id, c.parent_id) AND m.platform_id = c.platform_id)
            THEN CAST(c.platform_id AS TEXT) END                           AS starter_message_id,
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
