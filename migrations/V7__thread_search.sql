-- Threads that were written in and archived again are found by the platform's own search.

-- Every message sent in a thread before this time was in a listing or a search of a run that
-- read what they found. NULL: every listing is needed.
ALTER TABLE tenants ADD COLUMN threads_known_until INTEGER;
