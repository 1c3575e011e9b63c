-- A cookbook: questions to an archive, and their SQL.
--
-- All:          sqlite3 -readonly -box -echo archive.db < queries.sql
-- Only no. 4:   sed -n '/^-- 4\. /,/;$/p' queries.sql | sqlite3 -readonly -box archive.db
--
-- Four habits make a query on the views fast and right:
--   * Join views on channel_key and message_key, never on IDs: text hides the index, and the
--     join takes hours. A message_key alone is not unique.
--   * Filter, group and sort times by created_ms (milliseconds since 1970 UTC): a day is
--     created_ms / 86400000. created_at is the same time as text.
--   * Sort and compare message_key, never message_id: as text, 18 digits come after 19.
--   * Do not LEFT JOIN a view of messages: SQLite then copies the whole view first. Join and
--     group it in a subquery, and LEFT JOIN that.
--
-- author_is_bot = 0 AND is_system = 0 selects what people wrote: not bots and webhooks, not
-- "joined the server". It leaves out erased people, who have no author. Deleted messages count:
-- add deleted_ms IS NULL to leave them out; the counters of channel_log and thread_log count
-- them always. A person is a hash of 64 hexadecimal digits, of which the queries show 12. An
-- archive holds all tenants: add tenant = '…' to a WHERE to select one.

-- 1. Busiest channels
-- Of all time. channel_log has counters, so this is fast in archives of any size.
SELECT tenant, channel, type, messages, substr(last_message_at, 1, 10) AS last_day
  FROM channel_log
 WHERE messages > 0
 ORDER BY messages DESC
 LIMIT 10;

-- 2. Messages per day
-- Written by people: a row per tenant and day with messages, the newest 30 rows.
SELECT tenant, date(day * 86400, 'unixepoch') AS day, messages, people
  FROM (SELECT tenant, created_ms / 86400000 AS day, count(*) AS messages, count(DISTINCT author_key) AS people
          FROM message_log
         WHERE author_is_bot = 0 AND is_system = 0
         GROUP BY tenant, created_ms / 86400000)
 ORDER BY day DESC, tenant
 LIMIT 30;

-- 3. Active members by week
-- People who wrote, by week from Monday. The epoch was a Thursday, hence the 3 days.
SELECT tenant, date((week * 7 - 3) * 86400, 'unixepoch') AS week_from, people, messages,
       round(1.0 * messages / people, 1) AS messages_per_person
  FROM (SELECT tenant, (created_ms / 86400000 + 3) / 7 AS week, count(DISTINCT author_key) AS people,
               count(*) AS messages
          FROM message_log
         WHERE author_is_bot = 0 AND is_system = 0
         GROUP BY tenant, (created_ms / 86400000 + 3) / 7)
 ORDER BY week_from DESC, tenant
 LIMIT 26;

-- 4. Growth
-- By month: messages, people who wrote, and people who wrote for the first time.
WITH written AS MATERIALIZED (
    SELECT tenant, strftime('%Y-%m', created_ms / 86400000 * 86400, 'unixepoch') AS month, author_key,
           count(*) AS messages
      FROM message_log
     WHERE author_is_bot = 0 AND is_system = 0
     GROUP BY tenant, created_ms / 86400000, author_key
), first AS (SELECT tenant, author_key, min(month) AS month FROM written GROUP BY tenant, author_key)
SELECT w.tenant, w.month, sum(w.messages) AS messages, count(DISTINCT w.author_key) AS people,
       count(DISTINCT CASE WHEN f.month = w.month THEN w.author_key END) AS new_people
  FROM written w
  JOIN first f ON f.tenant = w.tenant AND f.author_key = w.author_key
 GROUP BY w.tenant, w.month
 ORDER BY w.month DESC, w.tenant
 LIMIT 24;

-- 5. Newcomers and retention
-- By the four weeks in which people first wrote: how many wrote again in days 28 to 55, 56 to
-- 83 and 84 to 111 after their first message. NULL: those days are not over yet.
WITH active AS MATERIALIZED (
    SELECT tenant, author_key, created_ms / 86400000 AS day
      FROM message_log
     WHERE author_is_bot = 0 AND is_system = 0
     GROUP BY tenant, author_key, created_ms / 86400000
), period AS (
    SELECT tenant, author_key, first / 28 AS cohort, (day - first) / 28 AS number
      FROM (SELECT *, min(day) OVER (PARTITION BY tenant, author_key) AS first FROM active)
     GROUP BY tenant, author_key, (day - first) / 28
), last AS (SELECT max(last_message_ms) / 86400000 AS day FROM channel_log)
SELECT tenant, date(cohort * 28 * 86400, 'unixepoch') AS first_wrote_from, sum(number = 0) AS newcomers,
       CASE WHEN (cohort + 3) * 28 <= last.day THEN sum(number = 1) END AS second_four_weeks,
       CASE WHEN (cohort + 4) * 28 <= last.day THEN sum(number = 2) END AS third,
       CASE WHEN (cohort + 5) * 28 <= last.day THEN sum(number = 3) END AS fourth
  FROM period, last
 GROUP BY tenant, cohort
 ORDER BY cohort DESC, tenant
 LIMIT 26;

-- 6. Weekday and hour
-- When people write, in UTC: a row per hour, a column per weekday. In local time, with
-- daylight saving: set TZ=Europe/Berlin before sqlite3, and write
-- CAST(strftime('%w', created_ms / 1000, 'unixepoch', 'localtime') AS INTEGER) for the
-- weekday and the same with '%H' for the hour.
WITH slot AS (
    SELECT (created_ms / 86400000 + 4) % 7 AS weekday, created_ms / 3600000 % 24 AS hour
      FROM message_log WHERE author_is_bot = 0 AND is_system = 0
)
SELECT hour, sum(weekday = 1) AS mon, sum(weekday = 2) AS tue, sum(weekday = 3) AS wed, sum(weekday = 4) AS thu,
       sum(weekday = 5) AS fri, sum(weekday = 6) AS sat, sum(weekday = 0) AS sun
  FROM slot
 GROUP BY hour
 ORDER BY hour;

-- 7. Time to first response
-- In threads and forum posts, by month of opening: minutes until someone other than the owner
-- wrote, bots not counted; median and 90th percentile of the answered ones.
WITH ranked AS (
    SELECT *, row_number() OVER (PARTITION BY tenant, month ORDER BY minutes) AS rank,
           count(*) OVER (PARTITION BY tenant, month) AS answered
      FROM (SELECT t.tenant, substr(t.created_at, 1, 7) AS month, (min(m.created_ms) - t.created_ms) / 60000 AS minutes
              FROM thread_log t
              JOIN message_log m ON m.channel_key = t.channel_key
             WHERE m.author_is_bot = 0 AND m.is_system = 0 AND m.author_key IS NOT t.owner_key
             GROUP BY t.channel_key)
), opened AS (
    SELECT tenant, substr(created_at, 1, 7) AS month, count(*) AS threads FROM thread_log GROUP BY tenant, 2
)
SELECT tenant, month, threads, max(answered) AS answered,
       max(CASE WHEN rank = (answered + 1) / 2 THEN minutes END) AS median,
       max(CASE WHEN rank = (answered * 9 + 9) / 10 THEN minutes END) AS p90
  FROM opened
  LEFT JOIN ranked USING (tenant, month)
 GROUP BY tenant, month
 ORDER BY month DESC, tenant
 LIMIT 24;

-- 8. Unanswered posts in a forum
-- Posts without messages from anyone but the asker and bots.
WITH answered AS MATERIALIZED (
    SELECT DISTINCT t.channel_key
      FROM thread_log t
      JOIN message_log m ON m.channel_key = t.channel_key
     WHERE m.author_is_bot = 0 AND m.is_system = 0 AND m.author_key IS NOT t.owner_key
)
SELECT tenant, parent_channel AS forum, thread AS question, substr(created_at, 1, 10) AS asked_on, messages, tags
  FROM thread_log
 WHERE parent_channel_type = 'forum' AND state = 'active' AND channel_key NOT IN (SELECT channel_key FROM answered)
 ORDER BY created_ms DESC
 LIMIT 20;

-- 9. Unanswered questions
-- Messages in text channels with a question mark that nobody replied to, and after which
-- nobody wrote for a day. Within the last 90 days of the archive.
WITH last AS (SELECT max(last_message_ms) AS ms FROM channel_log),
line AS (
    SELECT tenant, channel, channel_key, message_key, author_key, created_ms, content,
           lead(created_ms) OVER (PARTITION BY channel_key ORDER BY message_key) AS next_ms
      FROM message_log, last
     WHERE author_is_bot = 0 AND is_system = 0 AND channel_type = 'text' AND created_ms > last.ms - 90 * 86400000
)
SELECT tenant, channel, date(created_ms / 1000, 'unixepoch') AS asked_on, substr(content, 1, 60) AS question
  FROM line
 WHERE instr(content, '?') > 0 AND coalesce(next_ms, (SELECT ms FROM last)) - created_ms > 86400000
   AND NOT EXISTS (SELECT 1 FROM message_log r
                    WHERE r.channel_key = line.channel_key AND r.message_key > line.message_key
                      AND r.reply_to_message_key = line.message_key AND r.author_key IS NOT line.author_key)
 ORDER BY created_ms DESC
 LIMIT 20;

-- 10. Threads without answers
-- Threads with no message after the one that opened them.
SELECT tenant, parent_channel, thread, substr(created_at, 1, 10) AS opened_on
  FROM thread_log
 WHERE messages <= 1 AND state = 'active'
 ORDER BY created_ms DESC
 LIMIT 20;

-- 11. Forum posts by tag
-- How many posts carry each tag, such as "solved", of all posts of the forum.
SELECT g.tenant, g.parent_channel AS forum, coalesce(g.tag, g.tag_id) AS tag, count(*) AS posts,
       round(100.0 * count(*) / (SELECT count(*) FROM thread_log t WHERE t.parent_channel_key = g.parent_channel_key),
             1) AS percent
  FROM tag_log g
 GROUP BY g.parent_channel_key, g.tag_id
 ORDER BY g.tenant, forum, posts DESC;

-- 12. Who replies to whom
-- A person has the same hash in every channel and tenant. Excludes replies to oneself and
-- to messages whose author isn't known.
SELECT substr(a.person, 1, 12) AS who, substr(b.person, 1, 12) AS to_whom, r.replies
  FROM (SELECT author_key, reply_to_author_key, count(*) AS replies
          FROM reply_log
         WHERE author_is_bot = 0 AND author_key <> reply_to_author_key
         GROUP BY +author_key, reply_to_author_key    -- +: not by the index, message for message
         ORDER BY replies DESC
         LIMIT 10) r
  JOIN person_log a ON a.person_key = r.author_key
  JOIN person_log b ON b.person_key = r.reply_to_author_key
 ORDER BY r.replies DESC;

-- 13. Reciprocity
-- Pairs of people who reply to each other, and their share of all pairs in which one replied.
WITH pair AS MATERIALIZED (
    SELECT DISTINCT tenant, author_key AS one, reply_to_author_key AS other
      FROM reply_log
     WHERE author_is_bot = 0 AND author_key <> reply_to_author_key
)
SELECT tenant, count(*) AS pairs, sum(mutual) AS mutual_pairs, round(100.0 * avg(mutual), 1) AS percent_mutual
  FROM (SELECT tenant, min(one, other) AS low, max(one, other) AS high, count(*) = 2 AS mutual
          FROM pair
         GROUP BY tenant, min(one, other), max(one, other))
 GROUP BY tenant;

-- 14. Reply rate
-- The channels in which people talk to each other the most. Type 19 is a reply.
SELECT tenant, channel, count(*) AS messages, round(100.0 * avg(type = 19), 1) AS percent_replies
  FROM message_log
 WHERE author_is_bot = 0 AND type IN (0, 19)
 GROUP BY channel_key
HAVING count(*) >= 100
 ORDER BY percent_replies DESC
 LIMIT 10;

-- 15. Longest reply chains
-- Replies to replies, in the busiest channel of the archive.
WITH RECURSIVE reply AS MATERIALIZED (
    SELECT message_key, reply_to_message_key AS original
      FROM message_log
     WHERE channel_key = (SELECT channel_key FROM channel_log ORDER BY messages DESC LIMIT 1)
       AND reply_to_message_key IS NOT NULL
), chain (message_key, length) AS (
    SELECT message_key, 1 FROM reply WHERE original NOT IN (SELECT message_key FROM reply)
     UNION ALL
    SELECT r.message_key, c.length + 1 FROM chain c JOIN reply r ON r.original = c.message_key
)
SELECT length AS replies_in_a_row, count(*) AS chains
  FROM chain
 WHERE message_key NOT IN (SELECT original FROM reply)
 GROUP BY length
 ORDER BY length DESC
 LIMIT 10;

-- 16. Most used emoji
-- In reactions. A custom emoji is shown as name:id.
SELECT emoji, emoji_kind, reactions, messages
  FROM emoji_log
 ORDER BY reactions DESC
 LIMIT 10;

-- 17. Emoji by receiver
-- The people whose messages get the most reactions, and their most frequent emoji.
WITH received AS (
    SELECT message_author_key AS person_key, emoji, sum(count) AS reactions
      FROM reaction_count_log
     WHERE message_author_is_bot = 0
     GROUP BY message_author_key, emoji_key
)
SELECT substr(p.person, 1, 12) AS who, r.reactions, r.emoji AS most_frequent, r.most AS times
  FROM (SELECT person_key, sum(reactions) AS reactions, emoji, max(reactions) AS most
          FROM received GROUP BY person_key ORDER BY 2 DESC LIMIT 10) r
  JOIN person_log p ON p.person_key = r.person_key
 ORDER BY r.reactions DESC;

-- 18. Linked sites
-- The hosts of the addresses that people wrote.
SELECT host, count(*) AS links, count(DISTINCT author_key) AS people
  FROM link_log
 WHERE author_is_bot = 0
 GROUP BY host
 ORDER BY people DESC, links DESC
 LIMIT 15;

-- 19. Embedded sites
-- What the previews and bots' embeds show.
SELECT coalesce(provider, host, type) AS site, type, count(*) AS embeds
  FROM embed_log
 GROUP BY 1, 2
 ORDER BY embeds DESC
 LIMIT 15;

-- 20. Attachment types
-- Number and total size of the attached files, by type.
SELECT coalesce(content_type, 'unknown') AS content_type, count(*) AS files,
       round(sum(file_size) / 1e6, 1) AS megabytes, count(DISTINCT message_author_key) AS authors
  FROM attachment_log
 GROUP BY 1
 ORDER BY sum(file_size) DESC
 LIMIT 10;

-- 21. Most mentioned
-- People, roles, channels and everyone. A role is its ID.
SELECT tenant, kind, coalesce(substr(mentioned, 1, 20), '@everyone') AS mentioned, count(*) AS mentions,
       count(DISTINCT author_key) AS by_authors
  FROM mention_log
 GROUP BY tenant, kind, mentioned
 ORDER BY mentions DESC
 LIMIT 15;

-- 22. Thread lengths
-- How many threads have how many messages.
SELECT tenant, CASE WHEN messages = 0 THEN '0' WHEN messages = 1 THEN '1' WHEN messages < 5 THEN '2 to 4'
                    WHEN messages < 20 THEN '5 to 19' WHEN messages < 100 THEN '20 to 99'
                    ELSE '100 and more' END AS length,
       count(*) AS threads, max(thread) AS for_example
  FROM thread_log
 GROUP BY tenant, length
 ORDER BY tenant, min(messages);

-- 23. Longest threads
SELECT tenant, parent_channel, thread, messages, substr(owner, 1, 12) AS opened_by,
       substr(last_message_at, 1, 10) AS last_day
  FROM thread_log
 ORDER BY messages DESC
 LIMIT 10;

-- 24. Channels gone quiet
-- Channels with at least 20 messages, but none in the last 30 days. Excludes threads.
SELECT tenant, channel, category, messages, substr(last_message_at, 1, 10) AS last_day,
       CAST(julianday('now') - julianday(last_message_at) AS INTEGER) AS days_ago
  FROM channel_log
 WHERE state = 'active' AND messages >= 20 AND type NOT LIKE '%thread'
   AND last_message_ms < (julianday('now') - 2440587.5 - 30) * 86400000
 ORDER BY last_message_ms
 LIMIT 20;

-- 25. Edited and deleted
-- Their share by month. Edits and deletions made after the refresh window are archived only
-- by "start --full", so old months show fewer than there were.
SELECT tenant, substr(day, 1, 7) AS month, sum(messages) AS messages,
       round(100.0 * sum(edited) / sum(messages), 1) AS percent_edited,
       round(100.0 * sum(deleted) / sum(messages), 1) AS percent_deleted
  FROM daily_log
 GROUP BY tenant, month
 ORDER BY month DESC, tenant
 LIMIT 24;

-- 26. Bots and people
-- Webhooks are bots, too: bridges to other chats, and services that post. "unknown" are people
-- who were erased.
SELECT tenant, CASE WHEN author_is_bot = 0 THEN 'people' WHEN author_is_bot IS NULL THEN 'unknown'
                    WHEN json_extract(metadata, '$.webhook') THEN 'webhooks' ELSE 'bots' END AS who,
       count(*) AS messages, count(DISTINCT author_key) AS authors
  FROM message_log
 WHERE is_system = 0
 GROUP BY tenant, who
 ORDER BY tenant, messages DESC;

-- 27. Bursts
-- The ten-minute spans with the most messages, and how many people took part.
SELECT tenant, channel, strftime('%Y-%m-%d %H:%M', span * 600, 'unixepoch') AS from_utc, messages, people
  FROM (SELECT tenant, channel, created_ms / 600000 AS span, count(*) AS messages,
               count(DISTINCT author_key) AS people
          FROM message_log
         WHERE author_is_bot = 0 AND is_system = 0
         GROUP BY channel_key, created_ms / 600000
         ORDER BY messages DESC
         LIMIT 10);

-- 28. Channels with the same people
-- Pairs of the 30 busiest channels, with the share of the smaller one's people who also
-- write in the other.
WITH busy AS (SELECT channel_key FROM channel_log ORDER BY messages DESC LIMIT 30),
member AS MATERIALIZED (
    SELECT DISTINCT channel_key, channel, author_key
      FROM message_log
     WHERE channel_key IN (SELECT channel_key FROM busy) AND author_is_bot = 0 AND is_system = 0
), size AS MATERIALIZED (SELECT channel_key, count(*) AS people FROM member GROUP BY channel_key)
SELECT a.channel AS one, b.channel AS other, count(*) AS people_in_both,
       round(100.0 * count(*) / min(x.people, y.people), 1) AS percent_of_smaller
  FROM member a
  JOIN member b ON b.author_key = a.author_key AND b.channel_key > a.channel_key
  JOIN size x ON x.channel_key = a.channel_key
  JOIN size y ON y.channel_key = b.channel_key
 GROUP BY a.channel_key, b.channel_key
 ORDER BY people_in_both DESC
 LIMIT 15;

-- 29. Tenants with the same people
WITH member AS MATERIALIZED (
    SELECT DISTINCT tenant, author_key FROM message_log WHERE author_is_bot = 0 AND is_system = 0
)
SELECT a.tenant AS one, b.tenant AS other, count(*) AS people_in_both
  FROM member a
  JOIN member b ON b.author_key = a.author_key AND b.tenant > a.tenant
 GROUP BY a.tenant, b.tenant
 ORDER BY people_in_both DESC;

-- 30. Lurkers
-- People who react and never write. Needs reactions = "users" in sync.toml, the default.
SELECT count(*) AS people, sum(messages = 0) AS never_wrote,
       round(100.0 * sum(messages = 0) / count(*), 1) AS percent
  FROM person_log
 WHERE reactions_given > 0 AND is_bot IS NOT 1;

-- 31. Polls
-- Each answer with its votes, the newest polls first.
SELECT tenant, channel, substr(created_at, 1, 10) AS day, question, answer, votes
  FROM poll_answer_log
 ORDER BY created_ms DESC, channel_key, message_key, votes DESC
 LIMIT 30;

-- 32. One person
-- Replace (SELECT person FROM one) by a hash of 64 digits in quotes. "verta-sync hash --user
-- ID" prints it; from its first digits: SELECT person FROM person_log WHERE person GLOB '9d63*'.
WITH one AS (SELECT person FROM person_log ORDER BY messages DESC LIMIT 1)
SELECT substr(m.author, 1, 12) AS who, m.tenant, m.channel, count(*) AS messages,
       date(min(m.created_ms) / 1000, 'unixepoch') AS first_day,
       date(max(m.created_ms) / 1000, 'unixepoch') AS last_day,
       sum(m.reply_to_message_key IS NOT NULL) AS replies
  FROM message_log m
 WHERE m.author = (SELECT person FROM one)
 GROUP BY m.channel_key
 ORDER BY messages DESC
 LIMIT 20;

-- 33. The last messages of a channel
-- Replace the inner SELECT by a channel_key. For the 50 before them, add
-- AND message_key < the lowest message_key shown: each page is read from the index.
SELECT created_at, substr(author, 1, 12) AS who, content, attachments, reactions, message_key
  FROM message_log
 WHERE channel_key = (SELECT channel_key FROM channel_log ORDER BY messages DESC LIMIT 1)
 ORDER BY message_key DESC
 LIMIT 50;

-- 34. What changed since
-- For increments: messages archived, edited, deleted, pinned or erased since a time
-- that you noted at the last export: replace the inner SELECT, and remove the LIMIT. A message
-- that changes again is returned again, so replace it by its channel_key and message_key.
SELECT tenant, channel_key, message_key, updated_at, content, deleted_at
  FROM message_log
 WHERE updated_ms >= (SELECT max(started_ms) FROM run_log WHERE status = 'completed')
 ORDER BY updated_ms, channel_key, message_key
 LIMIT 100;

-- 35. The last runs
-- A row per tenant of a run.
SELECT tenant, started_at, round(seconds, 1) AS seconds, kind, status, channels, messages_new, messages_changed,
       requests, errors, job_id
  FROM run_log
 ORDER BY created_ms DESC, tenant
 LIMIT 20;
