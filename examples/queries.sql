-- Fifteen example queries for an archive.
--
-- All:          sqlite3 -readonly -box -echo archive.db < queries.sql
-- Only no. 4:   sed -n '/^-- 4\. /,/;$/p' queries.sql | sqlite3 -readonly -box archive.db
--
-- The queries use the views, which show IDs as text and times as ISO 8601 in UTC, so a
-- day is substr(created_at, 1, 10). A user is a hash of 64 hexadecimal digits: the
-- queries show the first 12 and compare all 64. An archive holds all tenants: add
-- WHERE tenant = '…' to select one.

-- 1. Busiest channels
-- Of all time. channel_log has counters, so this is fast in archives of any size.
SELECT tenant, channel, type, messages, substr(last_message_at, 1, 10) AS last_day
  FROM channel_log
 WHERE messages > 0
 ORDER BY messages DESC
 LIMIT 10;

-- 2. Messages per day
-- Written by people: one row per tenant and day with messages, the newest 30 rows.
SELECT tenant, substr(created_at, 1, 10) AS day, count(*) AS messages, count(DISTINCT author) AS people
  FROM message_log
 WHERE author_is_bot = 0
 GROUP BY tenant, day
 ORDER BY day DESC, tenant
 LIMIT 30;

-- 3. Who replies to whom
-- A user has the same hash in every channel and tenant. Excludes replies to oneself and
-- to messages whose author isn't known.
SELECT substr(author, 1, 12) AS who, substr(reply_to_author, 1, 12) AS to_whom, count(*) AS replies
  FROM reply_log
 WHERE author <> reply_to_author
 GROUP BY author, reply_to_author
 ORDER BY replies DESC
 LIMIT 10;

-- 4. Most used emoji
-- In reactions. A custom emoji is shown as name:id.
SELECT emoji, emoji_kind, sum(count) AS reactions, count(DISTINCT message_id) AS messages
  FROM reaction_count_log
 GROUP BY emoji
 ORDER BY reactions DESC
 LIMIT 10;

-- 5. Unanswered questions in a forum
-- Posts without messages from anyone but the asker and bots.
WITH writer AS MATERIALIZED (
    SELECT DISTINCT channel_id, author
      FROM message_log
     WHERE channel_type = 'public_thread' AND author_is_bot = 0
)
SELECT t.tenant, t.parent_channel AS forum, t.thread AS question, substr(t.created_at, 1, 10) AS asked_on, t.messages
  FROM thread_log t
  JOIN channel_log f ON f.channel_id = t.parent_channel_id AND f.type = 'forum'
 WHERE NOT EXISTS (SELECT 1 FROM writer w WHERE w.channel_id = t.thread_id AND w.author IS NOT t.owner)
 ORDER BY t.created_at DESC
 LIMIT 20;

-- 6. Threads without answers
-- Threads with no message after the one that opened them.
SELECT tenant, parent_channel, thread, substr(created_at, 1, 10) AS opened_on
  FROM thread_log
 WHERE messages <= 1 AND state = 'active'
 ORDER BY created_at DESC
 LIMIT 20;

-- 7. Attachment types
-- Number and total size of the attached files, by type.
SELECT coalesce(content_type, 'unknown') AS content_type, count(*) AS files,
       round(sum(file_size) / 1e6, 1) AS megabytes
  FROM attachment_log
 GROUP BY 1
 ORDER BY sum(file_size) DESC
 LIMIT 10;

-- 8. Reply rate
-- The channels in which people talk to each other the most. Type 19 is a reply.
SELECT tenant, channel, count(*) AS messages, round(100.0 * avg(type = 19), 1) AS percent_replies
  FROM message_log
 WHERE author_is_bot = 0 AND type IN (0, 19)
 GROUP BY tenant, channel_id
HAVING count(*) >= 100
 ORDER BY percent_replies DESC
 LIMIT 10;

-- 9. Hours of the day
-- When people write, in UTC.
SELECT substr(created_at, 12, 2) AS hour, count(*) AS messages
  FROM message_log
 WHERE author_is_bot = 0
 GROUP BY hour
 ORDER BY hour;

-- 10. Channels gone quiet
-- Channels with at least 20 messages, but none in the last 30 days. Excludes threads.
SELECT tenant, channel, messages, substr(last_message_at, 1, 10) AS last_day,
       CAST(julianday('now') - julianday(last_message_at) AS INTEGER) AS days_ago
  FROM channel_log
 WHERE state = 'active' AND messages >= 20 AND type NOT LIKE '%thread'
   AND last_message_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-30 days')
 ORDER BY last_message_at
 LIMIT 20;

-- 11. Edited share
-- The share of messages that were edited, by month. Edits made after the refresh window
-- are archived only by "start --full".
SELECT tenant, substr(created_at, 1, 7) AS month, count(*) AS messages,
       round(100.0 * avg(edited_at IS NOT NULL), 1) AS percent_edited
  FROM message_log
 GROUP BY tenant, month
 ORDER BY month DESC, tenant
 LIMIT 24;

-- 12. Bots and people
-- Webhooks count as bots.
SELECT tenant, CASE author_is_bot WHEN 1 THEN 'bots' ELSE 'people' END AS who, count(*) AS messages,
       count(DISTINCT author) AS authors
  FROM message_log
 GROUP BY tenant, who
 ORDER BY tenant, who;

-- 13. Longest threads
SELECT tenant, parent_channel, thread, messages, substr(owner, 1, 12) AS opened_by, archived
  FROM thread_log
 ORDER BY messages DESC
 LIMIT 10;

-- 14. Polls
-- A poll is JSON in its message's metadata. Each answer has an ID, and the results hold
-- the votes by that ID.
SELECT m.tenant, m.channel, substr(m.created_at, 1, 10) AS day,
       json_extract(m.metadata, '$.poll.question.text') AS question,
       json_extract(a.value, '$.poll_media.text') AS answer,
       coalesce((SELECT json_extract(r.value, '$.count')
                   FROM json_each(m.metadata, '$.poll.results.answer_counts') r
                  WHERE json_extract(r.value, '$.id') = json_extract(a.value, '$.answer_id')), 0) AS votes
  FROM message_log m, json_each(m.metadata, '$.poll.answers') a
 ORDER BY m.created_at DESC, m.message_id, votes DESC
 LIMIT 30;

-- 15. Growth
-- By month: messages, people who wrote, and people who wrote for the first time.
WITH person AS (
    SELECT tenant, author, min(substr(created_at, 1, 7)) AS first_month
      FROM message_log
     WHERE author_is_bot = 0
     GROUP BY tenant, author
)
SELECT m.tenant, substr(m.created_at, 1, 7) AS month, count(*) AS messages, count(DISTINCT m.author) AS people,
       count(DISTINCT CASE WHEN p.first_month = substr(m.created_at, 1, 7) THEN m.author END) AS new_people
  FROM message_log m
  JOIN person p ON p.tenant = m.tenant AND p.author = m.author
 GROUP BY m.tenant, month
 ORDER BY month DESC, m.tenant
 LIMIT 24;
