-- The archive. Times are INTEGER milliseconds since 1970 UTC. `platform_id` is
-- the platform's own ID. Truth values are 0 or 1. `metadata` is JSON, NULL when
-- empty. In `messages`, `created_at` is when the message was sent; elsewhere
-- `created_at` is when the row was first written. `updated_at` is when the row
-- last changed: a sync that finds nothing new changes no row.

CREATE TABLE archive_info (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO archive_info (key, value) VALUES ('anonymization', 'sha256');

CREATE TABLE tenants (
    id              INTEGER PRIMARY KEY,
    platform        TEXT    NOT NULL,
    platform_id     INTEGER NOT NULL,
    name            TEXT    NOT NULL,
    status          TEXT    NOT NULL DEFAULT 'pending'
                    CHECK (status IN ('pending', 'queued', 'syncing', 'completed', 'partial', 'failed')),
    last_sync_at    INTEGER,            -- the last run ended
    last_success_at INTEGER,            -- the last run of all channels that ended completed
    last_error      TEXT,
    full_job_id     TEXT,               -- the unfinished full re-read of all channels
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    UNIQUE (platform, platform_id)
) STRICT;

CREATE TABLE users (
    id            INTEGER PRIMARY KEY,
    anonymized_id TEXT    NOT NULL UNIQUE CHECK (length(anonymized_id) = 64),
    is_bot        INTEGER CHECK (is_bot IN (0, 1)),   -- NULL: only ever mentioned
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

-- People who were erased and are to stay so: SHA-256 of "verta-forget:" and
-- their hash, in hex.
CREATE TABLE forgotten (
    marker     TEXT    NOT NULL PRIMARY KEY CHECK (length(marker) = 64),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE channels (
    id               INTEGER PRIMARY KEY,
    tenant_id        INTEGER NOT NULL REFERENCES tenants (id),
    platform_id      INTEGER NOT NULL,
    parent_id        INTEGER REFERENCES channels (id),   -- a channel's category, a thread's channel
    kind             TEXT    NOT NULL,
    name             TEXT    NOT NULL,
    topic            TEXT,
    state            TEXT    NOT NULL DEFAULT 'active'
                     CHECK (state IN ('active', 'unreadable', 'hidden', 'deleted')),
    opened_at        INTEGER NOT NULL,                   -- made on the platform
    owner_id         INTEGER REFERENCES users (id),      -- threads: who started it
    archived         INTEGER CHECK (archived IN (0, 1)), -- threads only
    archived_at      INTEGER,
    locked           INTEGER CHECK (locked IN (0, 1)),   -- threads only
    message_count    INTEGER NOT NULL DEFAULT 0,         -- rows in messages
    first_message_id INTEGER,
    first_message_at INTEGER,
    last_message_id  INTEGER,
    last_message_at  INTEGER,
    metadata         TEXT,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    UNIQUE (tenant_id, platform_id)
) STRICT;

CREATE INDEX channels_by_parent ON channels (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX channels_by_owner ON channels (owner_id) WHERE owner_id IS NOT NULL;
CREATE INDEX channels_by_platform_id ON channels (platform_id);

CREATE TABLE messages (
    channel_id          INTEGER NOT NULL REFERENCES channels (id),
    platform_id         INTEGER NOT NULL,
    author_id           INTEGER REFERENCES users (id),
    kind                INTEGER NOT NULL,                -- the platform's number; 0 is an ordinary message
    content             TEXT    NOT NULL,
    created_at          INTEGER NOT NULL,
    edited_at           INTEGER,
    deleted_at          INTEGER,                         -- found missing
    pinned              INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
    reply_to_message_id INTEGER,                         -- platform IDs: the original need not be archived
    reply_to_channel_id INTEGER,
    reply_to_author_id  INTEGER REFERENCES users (id),
    metadata            TEXT,
    updated_at          INTEGER NOT NULL,
    PRIMARY KEY (channel_id, platform_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX messages_by_author ON messages (author_id) WHERE author_id IS NOT NULL;
CREATE INDEX messages_by_reply_author ON messages (reply_to_author_id) WHERE reply_to_author_id IS NOT NULL;

CREATE TABLE message_attachments (
    channel_id    INTEGER NOT NULL,
    message_id    INTEGER NOT NULL,
    platform_id   INTEGER NOT NULL,
    filename      TEXT    NOT NULL,
    file_size     INTEGER NOT NULL,                      -- bytes
    content_type  TEXT,
    url           TEXT    NOT NULL,                      -- without its signature
    url_signature TEXT,                                  -- expires; differs at every read
    metadata      TEXT,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (channel_id, message_id, platform_id),
    FOREIGN KEY (channel_id, message_id) REFERENCES messages (channel_id, platform_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE emoji (
    id          INTEGER PRIMARY KEY,
    platform_id INTEGER,                                 -- NULL: a Unicode emoji
    name        TEXT    NOT NULL,                        -- the character, or a custom emoji's name
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX emoji_custom ON emoji (platform_id) WHERE platform_id IS NOT NULL;
CREATE UNIQUE INDEX emoji_unicode ON emoji (name) WHERE platform_id IS NULL;

CREATE TABLE message_reaction_counts (
    channel_id    INTEGER NOT NULL,
    message_id    INTEGER NOT NULL,
    emoji_id      INTEGER NOT NULL REFERENCES emoji (id),
    burst         INTEGER NOT NULL CHECK (burst IN (0, 1)),
    count         INTEGER NOT NULL,
    users_count   INTEGER,                               -- the count when who reacted was last asked
    users_due     INTEGER NOT NULL DEFAULT 0 CHECK (users_due IN (0, 1)), -- who reacted is to be read
    users_read_at INTEGER,                               -- who reacted was last read
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (channel_id, message_id, emoji_id, burst),
    FOREIGN KEY (channel_id, message_id) REFERENCES messages (channel_id, platform_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX message_reaction_counts_by_emoji ON message_reaction_counts (emoji_id);
CREATE INDEX reaction_queue ON message_reaction_counts (channel_id, message_id) WHERE users_due = 1;

CREATE TABLE message_emoji_reactions (
    channel_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    emoji_id   INTEGER NOT NULL REFERENCES emoji (id),
    burst      INTEGER NOT NULL CHECK (burst IN (0, 1)),
    user_id    INTEGER NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (channel_id, message_id, emoji_id, burst, user_id),
    FOREIGN KEY (channel_id, message_id) REFERENCES messages (channel_id, platform_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX message_emoji_reactions_by_emoji ON message_emoji_reactions (emoji_id);
CREATE INDEX message_emoji_reactions_by_user ON message_emoji_reactions (user_id);

-- Messages that couldn't be read. A row goes when the message is read.
CREATE TABLE broken_messages (
    channel_id  INTEGER NOT NULL REFERENCES channels (id),
    platform_id INTEGER NOT NULL,                        -- negative: its ID couldn't be read either, only that of its page's last
    reason      TEXT    NOT NULL,
    read_after  INTEGER NOT NULL,                        -- its page was read behind this message; 0: the beginning
    attempts    INTEGER NOT NULL DEFAULT 1,              -- to read it
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,                        -- the last attempt
    PRIMARY KEY (channel_id, platform_id)
) STRICT, WITHOUT ROWID;

-- Messages that a page didn't hold where they stand. They count as deleted once
-- the right to read the channel was confirmed after that page.
CREATE TABLE missing_messages (
    channel_id  INTEGER NOT NULL,
    platform_id INTEGER NOT NULL,
    found_at    INTEGER NOT NULL,
    PRIMARY KEY (channel_id, platform_id),
    FOREIGN KEY (channel_id, platform_id) REFERENCES messages (channel_id, platform_id)
) STRICT, WITHOUT ROWID;

-- Digits in stored text that are nobody's ID yet, by the first eight bytes of
-- their hash: when their user turns up, they are scrubbed where they stand.
CREATE TABLE suspect_digits (
    hash_prefix INTEGER NOT NULL,
    channel_id  INTEGER NOT NULL REFERENCES channels (id),
    message_id  INTEGER NOT NULL,                        -- 0: in the channel's own facts
    PRIMARY KEY (hash_prefix, channel_id, message_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX suspect_digits_by_place ON suspect_digits (channel_id, message_id);

CREATE TABLE sync_progress (
    channel_id          INTEGER PRIMARY KEY REFERENCES channels (id),
    tenant_id           INTEGER NOT NULL REFERENCES tenants (id),
    status              TEXT    NOT NULL DEFAULT 'pending' CHECK (status IN
                        ('pending', 'in_progress', 'completed', 'failed', 'deferred', 'interrupted')),
    last_message_id     INTEGER,            -- the checkpoint: everything from read_from up to it was read
    read_from           INTEGER,            -- the lowest `since` read so far; NULL: the beginning
    history_complete    INTEGER NOT NULL DEFAULT 0 CHECK (history_complete IN (0, 1)),
    refreshed_at        INTEGER,            -- the last finished read of the refresh window began
    backfill_since      INTEGER,            -- the archive is being extended back to here; 0: the beginning
    backfill_cursor     INTEGER,            -- how far that is
    empty_after         INTEGER,            -- behind this message an empty page came over archived ones, once
    full_job_id         TEXT,               -- the last full re-read, how far it is, and whether it is through
    full_cursor         INTEGER,
    full_done           INTEGER NOT NULL DEFAULT 0 CHECK (full_done IN (0, 1)),
    thread_watermark    INTEGER,            -- archive time up to which archived threads are known
    threads_listed_at   INTEGER,            -- the last complete listing of archived threads
    threads_incomplete  INTEGER NOT NULL DEFAULT 0 CHECK (threads_incomplete IN (0, 1)),
    failure_count       INTEGER NOT NULL DEFAULT 0,   -- runs in a row
    first_failed_at     INTEGER,
    failed_at           INTEGER,
    last_error          TEXT,
    last_sync_at        INTEGER,
    worker_id           INTEGER,
    started_at          INTEGER,
    messages_per_second REAL,
    retry_count         INTEGER NOT NULL DEFAULT 0,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL
) STRICT;

CREATE INDEX sync_progress_by_tenant ON sync_progress (tenant_id);

CREATE TABLE sync_jobs (
    id                        TEXT    NOT NULL PRIMARY KEY,
    run_id                    TEXT    NOT NULL,
    tenant_id                 INTEGER NOT NULL REFERENCES tenants (id),
    kind                      TEXT    NOT NULL CHECK (kind IN ('incremental', 'full')),
    status                    TEXT    NOT NULL CHECK (status IN
                              ('queued', 'running', 'completed', 'partial', 'failed', 'interrupted')),
    started_at                INTEGER,
    completed_at              INTEGER,
    channels_total            INTEGER NOT NULL DEFAULT 0,
    channels_processed        INTEGER NOT NULL DEFAULT 0,
    channels_skipped          INTEGER NOT NULL DEFAULT 0,
    channels_unreadable       INTEGER NOT NULL DEFAULT 0,
    messages_processed        INTEGER NOT NULL DEFAULT 0,
    broken_messages           INTEGER NOT NULL DEFAULT 0,   -- that couldn't be read
    reactions_processed       INTEGER NOT NULL DEFAULT 0,
    reactions_pending         INTEGER NOT NULL DEFAULT 0,   -- at its end: whose users are still to be read
    attachments_processed     INTEGER NOT NULL DEFAULT 0,
    max_concurrent_channels   INTEGER NOT NULL DEFAULT 0,
    average_channel_seconds   REAL    NOT NULL DEFAULT 0,
    total_api_calls           INTEGER NOT NULL DEFAULT 0,
    rate_limit_encounters     INTEGER NOT NULL DEFAULT 0,
    bucket_wait_seconds       REAL    NOT NULL DEFAULT 0,   -- for a channel's or route's own limit
    global_wait_seconds       REAL    NOT NULL DEFAULT 0,   -- the platform wanted to be left alone
    guard_wait_seconds        REAL    NOT NULL DEFAULT 0,   -- many requests had been refused
    pace_wait_seconds         REAL    NOT NULL DEFAULT 0,   -- for the run's own pace
    retry_wait_seconds        REAL    NOT NULL DEFAULT 0,   -- between a fault and the next attempt
    rate_limit_wait_seconds   REAL    NOT NULL GENERATED ALWAYS AS
                              (bucket_wait_seconds + global_wait_seconds + guard_wait_seconds),
    retries                   INTEGER NOT NULL DEFAULT 0,
    progress                  REAL    NOT NULL DEFAULT 0,   -- 0 to 1
    eta_seconds               REAL,
    error_details             TEXT,                         -- JSON
    created_at                INTEGER NOT NULL,
    updated_at                INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sync_jobs_by_tenant ON sync_jobs (tenant_id, created_at);
CREATE INDEX sync_jobs_unfinished ON sync_jobs (status) WHERE status IN ('queued', 'running');

CREATE TABLE channel_sync_jobs (
    id                  INTEGER PRIMARY KEY,
    job_id              TEXT    NOT NULL REFERENCES sync_jobs (id),
    channel_id          INTEGER NOT NULL REFERENCES channels (id),
    status              TEXT    NOT NULL CHECK (status IN
                        ('pending', 'in_progress', 'completed', 'failed', 'deferred', 'interrupted')),
    worker_id           INTEGER,
    started_at          INTEGER,
    completed_at        INTEGER,
    messages_processed  INTEGER NOT NULL DEFAULT 0,
    last_message_id     INTEGER,
    messages_per_second REAL    NOT NULL DEFAULT 0,
    retry_count         INTEGER NOT NULL DEFAULT 0,
    total_api_calls     INTEGER NOT NULL DEFAULT 0,
    rate_limit_encounters INTEGER NOT NULL DEFAULT 0,
    bucket_wait_seconds REAL    NOT NULL DEFAULT 0,   -- as in sync_jobs
    global_wait_seconds REAL    NOT NULL DEFAULT 0,
    guard_wait_seconds  REAL    NOT NULL DEFAULT 0,
    pace_wait_seconds   REAL    NOT NULL DEFAULT 0,
    retry_wait_seconds  REAL    NOT NULL DEFAULT 0,
    rate_limit_wait_seconds REAL NOT NULL GENERATED ALWAYS AS
                        (bucket_wait_seconds + global_wait_seconds + guard_wait_seconds),
    error_details       TEXT,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    UNIQUE (job_id, channel_id)
) STRICT;

CREATE INDEX channel_sync_jobs_by_channel ON channel_sync_jobs (channel_id);
CREATE INDEX channel_sync_jobs_by_completion ON channel_sync_jobs (completed_at);

CREATE TABLE audit_log (
    id         INTEGER PRIMARY KEY,
    action     TEXT    NOT NULL,
    tenant_id  INTEGER REFERENCES tenants (id),
    job_id     TEXT,
    details    TEXT,                                     -- JSON
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX audit_log_by_tenant ON audit_log (tenant_id) WHERE tenant_id IS NOT NULL;

-- Views for people: the stable reading surface.

CREATE VIEW message_log AS
SELECT t.name                                                              AS tenant,
       CAST(t.platform_id AS TEXT)                                         AS guild_id,
       CAST(c.platform_id AS TEXT)                                         AS channel_id,
       c.name                                                              AS channel,
       c.kind                                                              AS channel_type,
       c.state                                                             AS channel_state,
       CAST(p.platform_id AS TEXT)                                         AS parent_channel_id,
       p.name                                                              AS parent_channel,
       CAST(m.platform_id AS TEXT)                                         AS message_id,
       u.anonymized_id                                                     AS author,
       u.is_bot                                                            AS author_is_bot,
       m.kind                                                              AS type,
       m.content                                                           AS content,
       strftime('%Y-%m-%dT%H:%M:%fZ', m.created_at / 1000.0, 'unixepoch')  AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', m.edited_at / 1000.0, 'unixepoch')   AS edited_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', m.deleted_at / 1000.0, 'unixepoch')  AS deleted_at,
       CAST(m.reply_to_message_id AS TEXT)                                 AS reply_to_message_id,
       CAST(m.reply_to_channel_id AS TEXT)                                 AS reply_to_channel_id,
       r.anonymized_id                                                     AS reply_to_author,
       (SELECT count(a.platform_id) FROM message_attachments a
         WHERE a.channel_id = m.channel_id AND a.message_id = m.platform_id) AS attachments,
       (SELECT coalesce(sum(k.count), 0) FROM message_reaction_counts k
         WHERE k.channel_id = m.channel_id AND k.message_id = m.platform_id) AS reactions,
       'https://discord.com/channels/' || t.platform_id || '/' || c.platform_id || '/' || m.platform_id AS url,
       m.metadata                                                          AS metadata
  FROM messages m
  JOIN channels c ON c.id = m.channel_id
  JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN channels p ON p.id = c.parent_id
  LEFT JOIN users u ON u.id = m.author_id
  LEFT JOIN users r ON r.id = m.reply_to_author_id;

CREATE VIEW reaction_log AS
SELECT t.name                                                              AS tenant,
       CAST(t.platform_id AS TEXT)                                         AS guild_id,
       CAST(c.platform_id AS TEXT)                                         AS channel_id,
       c.name                                                              AS channel,
       CAST(m.platform_id AS TEXT)                                         AS message_id,
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
       CAST(t.platform_id AS TEXT)                                         AS guild_id,
       CAST(c.platform_id AS TEXT)                                         AS channel_id,
       c.name                                                              AS channel,
       CAST(k.message_id AS TEXT)                                          AS message_id,
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
       CAST(t.platform_id AS TEXT)                                         AS guild_id,
       CAST(c.platform_id AS TEXT)                                         AS channel_id,
       c.name                                                              AS channel,
       CAST(a.message_id AS TEXT)                                          AS message_id,
       CAST(a.platform_id AS TEXT)                                         AS attachment_id,
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
       CAST(t.platform_id AS TEXT)                                         AS guild_id,
       CAST(c.platform_id AS TEXT)                                         AS channel_id,
       CAST(m.platform_id AS TEXT)                                         AS message_id,
       u.anonymized_id                                                     AS author,
       CAST(m.reply_to_message_id AS TEXT)                                 AS reply_to_message_id,
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
       CAST(t.platform_id AS TEXT)                                         AS guild_id,
       CAST(c.platform_id AS TEXT)                                         AS thread_id,
       c.name                                                              AS thread,
       CAST(p.platform_id AS TEXT)                                         AS parent_channel_id,
       p.name                                                              AS parent_channel,
       CAST(c.platform_id AS TEXT)                                         AS starter_message_id,
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
       CAST(t.platform_id AS TEXT)                                         AS guild_id,
       CAST(c.platform_id AS TEXT)                                         AS channel_id,
       c.name                                                              AS channel,
       c.kind                                                              AS type,
       CAST(p.platform_id AS TEXT)                                         AS parent_channel_id,
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
