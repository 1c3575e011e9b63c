-- The change log: what changed, for whoever keeps something that is made from the
-- archive, such as a search index or an export. Nothing is logged while nobody
-- subscribes. No entry names a person.
CREATE TABLE changes (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,  -- ascends; none is used twice
    kind             TEXT    NOT NULL CHECK (kind IN
                     ('added', 'changed', 'removed', 'channel', 'author', 'emoji', 'tenant')),
    -- Messages added, changed or removed: those of a channel from the first to the
    -- last. What is not a message of the range any more was removed. No foreign key:
    -- rows of channels are never removed.
    channel_id       INTEGER,
    first_message_id INTEGER,
    last_message_id  INTEGER,
    first_at         INTEGER,                            -- when these two were sent, if known
    last_at          INTEGER,
    row_id           INTEGER                             -- of the other kinds: the row that changed
) STRICT;

-- Whoever follows the change log.
CREATE TABLE change_subscribers (
    name       TEXT    NOT NULL PRIMARY KEY,
    position   INTEGER NOT NULL,                         -- the last change that it has taken in
    token      TEXT    NOT NULL,                         -- given at each step: a restored archive has another
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Counters without a column of their own, JSON.
ALTER TABLE sync_jobs ADD COLUMN counts TEXT;
