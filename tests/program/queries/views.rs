//! What the views show of hand-made rows.

use rusqlite::Connection;

use super::{ADVISER, ANSWERED, ASKER, BOT, FORUM, GENERAL, MAY, UNANSWERED, archive, message, row, rows};

/// An ID with 18 digits and a later one with 19, as in Discord before and after July 2022.
const OLD_ID: i64 = 999_999_999_999_999_999;
const NEW_ID: i64 = 1_000_000_000_000_000_001;

fn one(archive: &Connection, sql: &str) -> String {
    rows(archive, sql).remove(0).remove(0)
}

fn set(archive: &Connection, id: i64, assignment: &str) {
    let sql = format!("UPDATE messages SET {assignment} WHERE channel_id = {GENERAL} AND platform_id = {id}");
    assert_eq!(archive.execute(&sql, []).unwrap(), 1);
}

#[test]
fn keys_sort_by_time_where_texts_do_not() {
    let archive = archive();
    message(&archive, GENERAL, OLD_ID, 1, MAY);
    message(&archive, GENERAL, NEW_ID, 1, MAY + 1);
    assert_eq!(one(&archive, "SELECT max(message_id) FROM message_log"), OLD_ID.to_string());
    assert_eq!(one(&archive, "SELECT max(message_key) FROM message_log"), NEW_ID.to_string());
    let later = format!("SELECT count(*) FROM message_log WHERE message_key > {OLD_ID}");
    assert_eq!(one(&archive, &later), "1");
}

#[test]
fn announcements_and_erased_people_are_told_apart() {
    let archive = archive();
    for (id, kind) in [(1, 7), (4, 21), (5, 8), (6, 20), (7, 62), (8, 63), (9, 200)] {
        set(&archive, id, &format!("kind = {kind}"));
    }
    set(&archive, 10, "author_id = NULL, content = ''");
    let written = "SELECT group_concat(message_key) FROM
                     (SELECT message_key FROM message_log WHERE channel_key = 1 AND is_system = 0 ORDER BY 1)";
    assert_eq!(one(&archive, written), "2,3,6,10,11,12,13,14,15,16,17,18,19,20");
    let erased = "SELECT author, author_is_bot, author_key FROM message_log WHERE message_key = 10";
    assert_eq!(rows(&archive, erased), [row(&["NULL", "NULL", "NULL"])]);
    let bots = "SELECT count(*), sum(author_is_bot = 0), sum(author_is_bot = 1) FROM message_log";
    assert_eq!(rows(&archive, bots), [row(&["24", "22", "1"])]);
}

#[test]
fn a_message_shows_its_pin_change_and_reply() {
    let archive = archive();
    set(&archive, 2, "pinned = 1, updated_at = 1714557600123, deleted_at = 5");
    let sql = "SELECT pinned, updated_ms, updated_at, deleted_ms, reply_to_channel_key, reply_to_message_key,
                      reply_to_author_key, author_key, created_ms, parent_channel_key
                 FROM message_log WHERE channel_key = 1 AND message_key = 2";
    let expected =
        ["1", "1714557600123", "2024-05-01T10:00:00.123Z", "5", "1", "1", "1", "2", "1714557600000", "NULL"];
    assert_eq!(rows(&archive, sql), [row(&expected)]);
    let reply =
        "SELECT reply_to_channel_key, reply_to_message_key, author_is_bot, channel FROM reply_log LIMIT 1";
    assert_eq!(rows(&archive, reply), [row(&["1", "1", "0", "general"])]);
}

/// Replies may refer to a channel of the same tenant that is archived, or to one that isn't.
#[test]
fn a_reply_to_another_channel_has_its_key_if_it_is_archived() {
    let archive = archive();
    set(&archive, 2, "reply_to_channel_id = 1003, reply_to_message_id = 1010");
    set(&archive, 3, "reply_to_channel_id = 7777");
    let sql = "SELECT reply_to_channel_key, reply_to_channel_id FROM reply_log ORDER BY message_key";
    assert_eq!(rows(&archive, sql), [row(&["3", "1003"]), row(&["NULL", "7777"])]);
    let original = "SELECT m.author FROM reply_log r JOIN message_log m
                        ON m.channel_key = r.reply_to_channel_key AND m.message_key = r.reply_to_message_key";
    assert_eq!(rows(&archive, original), [row(&[ADVISER])]);
}

#[test]
fn reactions_and_files_name_the_author_of_the_message() {
    let archive = archive();
    let insert = "INSERT INTO message_emoji_reactions VALUES (1, 2, 2, 0, 3, 0, 0)";
    archive.execute(insert, []).unwrap();
    let sql =
        "SELECT user, user_is_bot, message_author, message_author_key, message_author_is_bot, emoji_key,
                      message_created_ms FROM reaction_log";
    assert_eq!(rows(&archive, sql), [row(&[BOT, "1", ADVISER, "2", "0", "2", &MAY.to_string()])]);
    let sql = "SELECT message_author, message_author_is_bot, message_created_at FROM reaction_count_log
                WHERE message_key = 1 LIMIT 1";
    assert_eq!(rows(&archive, sql), [row(&[ASKER, "0", "2024-05-01T10:00:00.000Z"])]);
    let sql = "SELECT attachment_key, message_author, created_ms FROM attachment_log WHERE message_key = 4";
    assert_eq!(rows(&archive, sql), [row(&["70", ASKER, &MAY.to_string()])]);
}

#[test]
fn tags_have_the_names_that_the_forum_gives_them() {
    let archive = archive();
    archive
        .execute_batch(&format!(
            r#"UPDATE channels SET metadata = '{{"available_tags":[{{"id":"7","name":"solved \"now\""}}]}}' WHERE id = {FORUM};
               UPDATE channels SET metadata = '{{"applied_tags":["7","8"]}}', last_message_id = 9, archived_at = 5,
                      last_message_at = {MAY} WHERE id = {ANSWERED};"#
        ))
        .unwrap();
    let sql = "SELECT tags, parent_channel_type, last_message_key, last_message_at, archived_at FROM thread_log ORDER BY channel_key";
    let expected = [
        row(&[
            r#"["solved \"now\"","8"]"#,
            "forum",
            "9",
            "2024-05-01T10:00:00.000Z",
            "1970-01-01T00:00:00.005Z",
        ]),
        row(&["[]", "forum", "NULL", "2026", "NULL"]),
    ];
    let found = rows(&archive, sql);
    assert_eq!(found[0], expected[0]);
    assert_eq!(found[1][..2], expected[1][..2]);
    let sql = "SELECT tag_id, tag, channel_key, parent_channel_key FROM tag_log ORDER BY tag_id";
    assert_eq!(rows(&archive, sql), [row(&["7", "solved \"now\"", "3", "2"]), row(&["8", "NULL", "3", "2"])]);
}

#[test]
fn a_channel_shows_its_category_and_last_full_read() {
    let archive = archive();
    archive
        .execute_batch(
            "INSERT INTO channels (id, tenant_id, platform_id, id_text, kind, name, opened_at, created_at, updated_at)
             VALUES (9, 1, 1009, '1009', 'category', 'Support', 0, 0, 0);
             UPDATE channels SET parent_id = 9, topic = 'Ask' WHERE id = 2;
             INSERT INTO sync_progress (channel_id, tenant_id, full_read_at, created_at, updated_at)
             VALUES (2, 1, 1714557600000, 0, 0);",
        )
        .unwrap();
    let sql = "SELECT category, parent_channel, topic, full_read_at, created_ms FROM channel_log
                WHERE channel_key IN (1, 2, 3) ORDER BY channel_key";
    let opened = MAY.to_string();
    let expected = [
        row(&["NULL", "NULL", "NULL", "NULL", &opened]),
        row(&["Support", "Support", "Ask", "2024-05-01T10:00:00.000Z", &opened]),
        row(&["Support", "help", "NULL", "NULL", &opened]),
    ];
    assert_eq!(rows(&archive, sql), expected);
    assert_eq!(one(&archive, "SELECT count(*) FROM channel_log WHERE channel = 'Support'"), "0");
}

#[test]
fn people_are_counted() {
    let archive = archive();
    let sql =
        "SELECT person, is_bot, messages, channels, tenants, threads, replies_received, reactions_given,
                      first_message_at FROM person_log ORDER BY person_key";
    let found = rows(&archive, sql);
    assert_eq!(found[0], row(&[ASKER, "0", "20", "3", "1", "2", "2", "0", "2024-05-01T10:00:00.000Z"]));
    assert_eq!(found[1], row(&[ADVISER, "0", "3", "2", "1", "0", "0", "0", "2024-05-01T10:00:00.000Z"]));
    assert_eq!(found[2][..5], row(&[BOT, "1", "1", "1", "1"]));
}

#[test]
fn a_day_of_a_channel_counts_its_messages() {
    let archive = archive();
    set(&archive, 1, "kind = 7");
    set(&archive, 4, "author_id = 3");
    set(&archive, 6, "author_id = NULL");
    set(&archive, 7, "deleted_at = 9");
    let sql =
        "SELECT day, messages, written, by_bots, people, replies, edited, deleted, day_ms FROM daily_log
                WHERE channel_key = 1";
    let day_ms = (MAY / 86_400_000 * 86_400_000).to_string();
    assert_eq!(rows(&archive, sql), [row(&["2024-05-01", "20", "18", "1", "2", "2", "5", "1", &day_ms])]);
    let unanswered =
        format!("SELECT sum(by_bots), sum(people) FROM daily_log WHERE channel_key = {UNANSWERED}");
    assert_eq!(rows(&archive, &unanswered), [row(&["1", "1"])]);
}

#[test]
fn embeds_polls_and_runs_have_rows() {
    let archive = archive();
    set(
        &archive,
        5,
        r#"metadata = '{"embeds":[{"type":"link","url":"https://u@WWW.Site.org:80/a","title":"T","provider":{"name":"P"}},
                        {"type":"rich","description":"D","author":{"name":"A"},"footer":{"text":"F"}}]}'"#,
    );
    let sql =
        "SELECT position, type, title, description, url, host, provider, embed_author, footer FROM embed_log";
    let expected = [
        row(&["0", "link", "T", "NULL", "https://u@WWW.Site.org:80/a", "site.org", "P", "NULL", "NULL"]),
        row(&["1", "rich", "NULL", "D", "NULL", "NULL", "NULL", "A", "F"]),
    ];
    assert_eq!(rows(&archive, sql), expected);
    let sql = "SELECT question, answers, votes, multiple_choice, finalized, ends_at FROM poll_log";
    assert_eq!(rows(&archive, sql), [row(&["Next wipe?", "2", "7", "0", "0", "NULL"])]);
    let sql = "SELECT answer_id, answer, votes FROM poll_answer_log ORDER BY answer_id";
    assert_eq!(rows(&archive, sql), [row(&["1", "Friday", "0"]), row(&["2", "Sunday", "7"])]);
    archive
        .execute_batch(
            "INSERT INTO sync_jobs (id, run_id, tenant_id, kind, status, started_at, completed_at, messages_new,
                                    bucket_wait_seconds, error_details, created_at, updated_at)
             VALUES ('j', 'r', 1, 'full', 'partial', 1714557600000, 1714557601500, 4, 2, '[{\"error\":\"e\"}]', 0, 0)",
        )
        .unwrap();
    let sql = "SELECT run_id, job_id, kind, status, started_at, seconds, messages_new, rate_limit_wait_seconds, errors FROM run_log";
    let expected = row(&["r", "j", "full", "partial", "2024-05-01T10:00:00.000Z", "1.5", "4", "2", "1"]);
    assert_eq!(rows(&archive, sql), [expected]);
}

/// A text, and the addresses in it with their hosts.
const LINKS: [(&str, &[(&str, &str)]); 19] = [
    ("no address, http is a protocol", &[]),
    ("https://a.b/c?d=e#f", &[("https://a.b/c?d=e#f", "a.b")]),
    (
        "see http://WWW.Example.org:8080/x, or https://t.co.",
        &[("http://WWW.Example.org:8080/x", "example.org"), ("https://t.co", "t.co")],
    ),
    ("[text](https://a.b/c)!", &[("https://a.b/c", "a.b")]),
    (
        "https://en.wikipedia.org/wiki/Foo_(bar)",
        &[("https://en.wikipedia.org/wiki/Foo_(bar)", "en.wikipedia.org")],
    ),
    ("(https://a.b)", &[("https://a.b", "a.b")]),
    ("<https://a.b/c> text", &[("https://a.b/c", "a.b")]),
    ("||https://a.b/c||", &[("https://a.b/c", "a.b")]),
    ("**https://a.b/c**", &[("https://a.b/c", "a.b")]),
    ("`https://a.b`", &[("https://a.b", "a.b")]),
    ("\"https://a.b\"", &[("https://a.b", "a.b")]),
    ("one\nhttps://a.b\ttwo\r\nhttps://c.d", &[("https://a.b", "a.b"), ("https://c.d", "c.d")]),
    ("https://a.bhttps://c.d", &[("https://a.b", "a.b"), ("https://c.d", "c.d")]),
    ("back\\https://a.b", &[("https://a.b", "a.b")]),
    (
        "https://münchen.de/straße 世界 https://例え.jp/あ",
        &[("https://münchen.de/straße", "münchen.de"), ("https://例え.jp/あ", "例え.jp")],
    ),
    ("https:// http://", &[("https://", ""), ("http://", "")]),
    (
        "HTTPS://A.B/C Https://c.d HTTP://e.f Http://g.h",
        &[("HTTPS://A.B/C", "a.b"), ("Https://c.d", "c.d"), ("HTTP://e.f", "e.f"), ("Http://g.h", "g.h")],
    ),
    (
        "https://user:pass@a.b:8080/c https://a@b@c.d http://e.f?to=x@y",
        &[("https://user:pass@a.b:8080/c", "a.b"), ("https://a@b@c.d", "c.d"), ("http://e.f?to=x@y", "e.f")],
    ),
    ("https://@ https://a@", &[("https://@", ""), ("https://a@", "")]),
];

#[test]
fn addresses_are_found_in_texts() {
    let archive = archive();
    for (text, expected) in LINKS {
        archive
            .execute("UPDATE messages SET content = ?1 WHERE channel_id = 1 AND platform_id = 5", [text])
            .unwrap();
        let found = rows(&archive, "SELECT url, host FROM link_log ORDER BY position");
        let expected: Vec<_> = expected.iter().map(|(url, host)| row(&[url, host])).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn mentions_are_found_in_texts_and_metadata() {
    let archive = archive();
    let text =
        format!("hi <@{ADVISER}> <@forgotten> <@&55> <#1003> <#9> <@{}> <:hype:555> a <b", "d".repeat(64));
    archive
        .execute("UPDATE messages SET content = ?1 WHERE channel_id = 1 AND platform_id = 5", [text])
        .unwrap();
    set(&archive, 5, r#"metadata = '{"mention_roles":["55"],"mention_everyone":true}'"#);
    let sql = "SELECT kind, mentioned, mentioned_key, author FROM mention_log ORDER BY kind, mentioned";
    let expected = [
        row(&["channel", "1003", "3", ASKER]),
        row(&["channel", "9", "NULL", ASKER]),
        row(&["everyone", "NULL", "NULL", ASKER]),
        row(&["role", "55", "NULL", ASKER]),
        row(&["user", ADVISER, "2", ASKER]),
        row(&["user", &"d".repeat(64), "NULL", ASKER]),
    ];
    assert_eq!(rows(&archive, sql), expected);
}

/// The views split texts as JSON: no text may break that.
#[test]
fn no_text_breaks_the_views_of_links_and_mentions() {
    const PARTS: [&str; 16] = [
        "https://", "HTTP://", "<@", "<#", ">", "\\", "\"", "\u{0}", "\u{1f}", "\n", "]", ",", "u0022", "é",
        "😀", " ",
    ];
    let archive = archive();
    let mut state = 7_u64;
    for _ in 0..2000 {
        let mut text = String::new();
        for _ in 0..12 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(PARTS[usize::try_from(state >> 60).unwrap()]);
        }
        archive
            .execute("UPDATE messages SET content = ?1 WHERE channel_id = 1 AND platform_id = 5", [&text])
            .unwrap();
        let links = one(&archive, "SELECT count(*) FROM link_log");
        assert_eq!(links, text.matches("://").count().to_string(), "{text:?}");
        rows(&archive, "SELECT * FROM mention_log");
    }
}
