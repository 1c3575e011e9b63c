-- What follows from the last error of a channel and of a tenant: `status` says
-- what to do about it. NULL: there was none, or an older version recorded it.
ALTER TABLE sync_progress ADD COLUMN last_cause TEXT;
ALTER TABLE tenants ADD COLUMN last_cause TEXT;

-- SQLite 3.40 can't copy a table with a generated column and a check (VACUUM
-- INTO) through a connection that may only read. It was but a sum.
ALTER TABLE sync_jobs DROP COLUMN rate_limit_wait_seconds;
ALTER TABLE channel_sync_jobs DROP COLUMN rate_limit_wait_seconds;
