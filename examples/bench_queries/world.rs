//! Invented communities, written into an archive with SQL.
//!
//! The simulated Discord would take minutes for worlds of this size, and the benchmark is
//! about reading. Each row is one that a sync could have written.

#[path = "texts.rs"]
mod texts;

use std::error::Error;
use std::path::Path;

use rusqlite::{Transaction, params};
use verta_sync::anonymize::Rules;
use verta_sync::archive::ArchiveFile;
use verta_sync::platform::discord::SPEC;
use verta_sync::platform::registry::PLATFORMS;

use self::texts::{Random, WORDS, word};

/// Any error ends the benchmark.
type WorldResult<T> = Result<T, Box<dyn Error>>;

/// The size of a world.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub messages: i64,
    /// Text channels.
    pub channels: i64,
    /// Threads of the text channels, and posts of the forums.
    pub threads: i64,
    pub people: i64,
    /// Words that people use, in several scripts, the first far more often; 0 for [`WORDS`].
    pub vocabulary: u32,
}

/// 2026-11-01 00:00 UTC, the time of the last sync.
const NOW: i64 = 1_793_491_200_000;
const DAY: i64 = 86_400_000;
/// Time from the oldest to the newest message.
const SPAN: i64 = 900 * DAY;
/// Discord's epoch, 2015-01-01 UTC.
const EPOCH: i64 = 1_420_070_400_000;

const GUILDS: [(i64, &str); 2] = [(710_000_000_000_000_001, "takaro"), (710_000_000_000_000_002, "moonlit")];
const FORUMS: i64 = 3;
/// One person in this many is a bot.
const PEOPLE_PER_BOT: i64 = 200;
const UNICODE_EMOJI: [&str; 12] = ["👍", "❤️", "😂", "🎉", "🔥", "👀", "✅", "🙏", "😢", "🤔", "🚀", "💯"];
const CUSTOM_EMOJI: i64 = 120;

const HOSTS: [&str; 6] = [
    "github.com",
    "www.youtube.com",
    "docs.takaro.io",
    "imgur.com",
    "example.org:8080",
    "store.steampowered.com",
];

/// A channel to fill.
#[derive(Debug, Clone, Copy)]
struct Room {
    row: i64,
    platform_id: i64,
    opened_at: i64,
    messages: i64,
}

/// Creates the archive of a world.
pub fn create(path: &Path, shape: Shape) -> WorldResult<()> {
    let file = ArchiveFile {
        path: path.to_owned(),
        mode: 0o600,
        rules: Rules::plain(PLATFORMS),
        busy_timeout: verta_sync::archive::BUSY_TIMEOUT,
    };
    let mut connection = file.open()?;
    connection.execute_batch(
        "PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; PRAGMA wal_autocheckpoint = 0",
    )?;
    let transaction = connection.transaction()?;
    let mut random = Random(7);
    insert_tenants(&transaction)?;
    insert_people(&transaction, shape)?;
    insert_emoji(&transaction)?;
    let rooms = insert_channels(&transaction, shape, &mut random)?;
    let mut writer =
        MessageWriter { transaction: &transaction, random, shape, sequence: 0, next_attachment: 1 };
    for room in &rooms {
        writer.fill(*room)?;
    }
    transaction.execute(COUNTERS, [])?;
    transaction.execute(PROGRESS, params![NOW])?;
    transaction.execute(JOBS, params![NOW])?;
    transaction.commit()?;
    connection.execute_batch("PRAGMA optimize = 0x10002; PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

const COUNTERS: &str = "
    UPDATE channels
       SET (message_count, first_message_id, first_message_at, last_message_id, last_message_at) =
           (SELECT count(*), min(platform_id), min(created_at), max(platform_id), max(created_at)
              FROM messages WHERE channel_id = channels.id)
     WHERE kind NOT IN ('category', 'forum')";

const PROGRESS: &str = "
    INSERT INTO sync_progress (channel_id, tenant_id, status, last_message_id, history_complete, last_sync_at,
                               created_at, updated_at)
    SELECT id, tenant_id, 'completed', last_message_id, 1, ?1, ?1, ?1 FROM channels WHERE kind <> 'category'";

const JOBS: &str = "
    WITH RECURSIVE run (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM run WHERE n < 160)
    INSERT INTO sync_jobs (id, run_id, tenant_id, kind, status, started_at, completed_at, channels_processed,
                           messages_processed, created_at, updated_at)
    SELECT printf('job-%d-%d', t.id, n), printf('run-%d', n), t.id, 'incremental', 'completed',
           ?1 - n * 3600000, ?1 - n * 3600000 + 42000, 100, 50, ?1, ?1
      FROM run, tenants t";

fn insert_tenants(transaction: &Transaction<'_>) -> WorldResult<()> {
    for (row, (id, name)) in (1_i64..).zip(GUILDS) {
        transaction.execute(
            "INSERT INTO tenants (id, platform, platform_id, id_text, name, status, last_sync_at, last_success_at,
                                  message_url_format, written_types, created_at, updated_at)
             VALUES (?1, 'discord', ?2, ?2, ?3, 'completed', ?4, ?4,
                     'https://discord.com/channels/' || ?2 || '/%s/%s', ?5, ?4, ?4)",
            params![row, id, name, NOW, SPEC.written_types_mask()],
        )?;
    }
    Ok(())
}

/// A tenth of the people never write.
fn insert_people(transaction: &Transaction<'_>, shape: Shape) -> WorldResult<()> {
    let mut insert = transaction.prepare(
        "INSERT INTO users (id, anonymized_id, is_bot, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)",
    )?;
    for row in 1..=shape.people {
        insert.execute(params![row, hash(row), row % PEOPLE_PER_BOT == 0, NOW])?;
    }
    Ok(())
}

/// The hash of a person: 64 hex digits that look like one.
#[allow(clippy::cast_sign_loss, reason = "rows are positive")]
fn hash(row: i64) -> String {
    let mut random = Random(row as u64);
    let [one, two, three, four] = [(); 4].map(|()| random.next());
    format!("{one:016x}{two:016x}{three:016x}{four:016x}")
}

fn insert_emoji(transaction: &Transaction<'_>) -> WorldResult<()> {
    let mut insert = transaction.prepare(
        "INSERT INTO emoji (id, platform_id, name, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)",
    )?;
    let mut row = 0;
    for name in UNICODE_EMOJI {
        row += 1;
        insert.execute(params![row, None::<i64>, name, NOW])?;
    }
    for number in 0..CUSTOM_EMOJI {
        row += 1;
        insert.execute(params![row, 900_000_000_000_000_000 + number, format!("party_{number}"), NOW])?;
    }
    Ok(())
}

/// Every tenth text channel is the second tenant's. The forums and threads are the first's.
fn insert_channels(
    transaction: &Transaction<'_>,
    shape: Shape,
    random: &mut Random,
) -> WorldResult<Vec<Room>> {
    let mut insert = transaction.prepare(
        "INSERT INTO channels (id, tenant_id, platform_id, id_text, parent_id, kind, name, topic, opened_at, owner_id,
                               archived, archived_at, locked, metadata, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14)",
    )?;
    let mut rooms = Vec::new();
    let mut row = 0;
    let mut add = |tenant: i64,
                   parent: Option<i64>,
                   kind: &str,
                   name: String,
                   opened_at: i64,
                   owner: Option<i64>,
                   metadata: Option<String>|
     -> WorldResult<(i64, i64)> {
        row += 1;
        let id = ((opened_at - EPOCH) << 22) + row;
        let is_thread = kind == "public_thread";
        let archived_at = is_thread.then_some(opened_at + 3 * DAY);
        let topic = (!is_thread).then(|| format!("All about {name}"));
        insert.execute(params![
            row,
            tenant,
            id,
            parent,
            kind,
            name,
            topic,
            opened_at,
            owner,
            is_thread.then_some(true),
            archived_at,
            is_thread.then_some(false),
            metadata,
            NOW
        ])?;
        Ok((row, id))
    };
    let begin = NOW - SPAN;
    let categories = [
        add(1, None, "category", "Community".to_owned(), begin, None, None)?.0,
        add(2, None, "category", "Rooms".to_owned(), begin, None, None)?.0,
    ];
    let mut weights = Vec::new();
    for number in 0..shape.channels {
        let tenant = if number % 10 == 9 { 2 } else { 1 };
        let category = categories[usize::try_from(tenant - 1)?];
        let name = format!("channel-{number}");
        let (row, platform_id) = add(tenant, Some(category), "text", name, begin, None, None)?;
        weights.push(1.0 / f64::from(i32::try_from(number)? + 1));
        rooms.push(Room { row, platform_id, opened_at: begin, messages: 0 });
    }
    let mut forums = Vec::new();
    for number in 0..FORUMS {
        let tags = r#"{"available_tags":[{"id":"501","name":"solved"},{"id":"502","name":"bug"},{"id":"503","name":"idea"}]}"#;
        let name = format!("forum-{number}");
        forums.push(add(1, Some(categories[0]), "forum", name, begin, None, Some(tags.to_owned()))?.0);
    }
    let in_threads = shape.messages * 2 / 5 * i64::from(shape.threads > 0);
    distribute(&mut rooms, &weights, shape.messages - in_threads);
    let texts = rooms.len();
    for number in 0..shape.threads {
        let opened_at = begin + random.below(SPAN - 30 * DAY);
        let is_post = number % 2 == 0;
        let (parent, tags) = if is_post {
            let forum = forums[usize::try_from(random.below(FORUMS))?];
            (forum, Some(format!(r#"{{"applied_tags":["{}"]}}"#, 501 + random.below(3))))
        } else {
            (rooms[usize::try_from(random.skewed(i64::try_from(texts)?))?].row, None)
        };
        let owner = 1 + random.skewed(shape.people);
        let name = format!("how to {} {}", random.pick(&WORDS), random.pick(&WORDS));
        let (row, platform_id) = add(1, Some(parent), "public_thread", name, opened_at, Some(owner), tags)?;
        let messages = 1 + random.skewed(6 * in_threads / shape.threads);
        rooms.push(Room { row, platform_id, opened_at, messages });
    }
    Ok(rooms)
}

/// Gives each room its share of the messages.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "far below 2^53")]
fn distribute(rooms: &mut [Room], weights: &[f64], messages: i64) {
    let sum: f64 = weights.iter().sum();
    for (room, weight) in rooms.iter_mut().zip(weights) {
        room.messages = (messages as f64 * weight / sum) as i64;
    }
}

struct MessageWriter<'a> {
    transaction: &'a Transaction<'a>,
    random: Random,
    shape: Shape,
    /// Makes message IDs of the same millisecond differ.
    sequence: i64,
    next_attachment: i64,
}

/// The ID and author of an earlier message of the channel, for replies.
type Recent = Vec<(i64, i64)>;

impl MessageWriter<'_> {
    fn fill(&mut self, room: Room) -> WorldResult<()> {
        let span = if room.opened_at > NOW - SPAN { 20 * DAY } else { NOW - room.opened_at };
        let step = span / (room.messages + 1);
        let mut recent = Recent::new();
        for number in 0..room.messages {
            // Evenings are busier than mornings.
            let hour = self.random.below(24).max(self.random.below(24)) * 3_600_000;
            let rough = room.opened_at + step * number + self.random.below(step.max(1));
            let sent_at = if step > DAY { rough / DAY * DAY + hour } else { rough };
            self.message(room, sent_at.max(room.opened_at + 1), &mut recent)?;
        }
        Ok(())
    }

    fn message(&mut self, room: Room, sent_at: i64, recent: &mut Recent) -> WorldResult<()> {
        self.sequence = (self.sequence + 1) & 0xFFF;
        let id = ((sent_at - EPOCH) << 22) | self.sequence;
        let random = &mut self.random;
        let kind = match random.below(1000) {
            0..=14 => 7,
            15..=19 => 8,
            20..=29 => 21,
            30..=229 => 19,
            _ => 0,
        };
        let is_from_bot = random.chance(100);
        let author = if is_from_bot {
            PEOPLE_PER_BOT * (1 + random.skewed(self.shape.people / PEOPLE_PER_BOT))
        } else {
            1 + random.skewed(self.shape.people * 9 / 10)
        };
        let author = (!random.chance(3)).then_some(author);
        let original = match (kind, recent.len()) {
            (19, 1..) => {
                let back = random.skewed(i64::try_from(recent.len())?);
                Some(recent[recent.len() - 1 - usize::try_from(back)?])
            }
            _ => None,
        };
        let content = if author.is_none() || kind == 7 || kind == 8 { String::new() } else { self.content() };
        let metadata = if author.is_none() { None } else { self.metadata() };
        let random = &mut self.random;
        let edited_at = random.chance(40).then_some(sent_at + 60_000 + random.below(DAY));
        let deleted_at = random.chance(10).then_some(sent_at + DAY);
        let pinned = random.chance(1);
        let kind = if original.is_none() && kind == 19 { 0 } else { kind };
        self.transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO messages
                     (channel_id, platform_id, author_id, kind, content, created_at, edited_at, deleted_at, pinned,
                      reply_to_message_id, reply_to_channel_id, reply_to_author_id, metadata, updated_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?
            .execute(params![
                room.row,
                id,
                author,
                kind,
                content,
                sent_at,
                edited_at,
                deleted_at,
                pinned,
                original.map(|(id, _)| id),
                original.map(|_| room.platform_id),
                original.map(|(_, author)| author),
                metadata,
                NOW
            ])?;
        if let Some(author) = author {
            if recent.len() >= 40 {
                recent.remove(0);
            }
            recent.push((id, author));
        }
        if self.random.chance(50) {
            self.attachment(room, id)?;
        }
        if self.random.chance(130) {
            self.reactions(room, id)?;
        }
        Ok(())
    }

    fn content(&mut self) -> String {
        let words = 2 + self.random.skewed(40);
        let script = self.random.below(100);
        let mut text: Vec<String> =
            (0..words).map(|_| word(&mut self.random, self.shape.vocabulary, script)).collect();
        if self.random.chance(90) {
            let (host, page) = (self.random.pick(&HOSTS), self.random.below(5000));
            text.push(format!("https://{host}/watch/{page}?q=1"));
        }
        if self.random.chance(70) {
            text.push(format!("<@{}>", hash(1 + self.random.skewed(self.shape.people))));
        }
        if self.random.chance(60) {
            let emoji = self.random.below(CUSTOM_EMOJI);
            text.push(format!("<:party_{emoji}:{}>", 900_000_000_000_000_000 + emoji));
        }
        if self.random.chance(80) {
            text.push("?".to_owned());
        }
        text.join(" ")
    }

    fn poll(&mut self) -> String {
        let (word, votes) = (self.random.pick(&WORDS), [self.random.below(40), self.random.below(40)]);
        format!(
            r#"{{"poll":{{"question":{{"text":"Next {word}?"}},"answers":[{{"answer_id":1,"poll_media":{{"text":"Friday"}}}},
            {{"answer_id":2,"poll_media":{{"text":"Sunday","emoji":{{"name":"🎉"}}}}}}],"expiry":"2026-10-01T00:00:00+00:00",
            "results":{{"is_finalized":true,"answer_counts":[{{"id":1,"count":{}}},{{"id":2,"count":{}}}]}}}}}}"#,
            votes[0], votes[1]
        )
    }

    fn metadata(&mut self) -> Option<String> {
        match self.random.below(1000) {
            0..=59 => Some(format!(
                r#"{{"embeds":[{{"type":"link","url":"https://{}/watch/{}","title":"{} {}","provider":{{"name":"Site"}}}}]}}"#,
                self.random.pick(&HOSTS),
                self.random.below(5000),
                self.random.pick(&WORDS),
                self.random.pick(&WORDS)
            )),
            60..=62 => Some(self.poll()),
            63..=72 => Some(r#"{"mention_everyone":true}"#.to_owned()),
            73..=82 => Some(r#"{"mention_roles":["880000000000000001"]}"#.to_owned()),
            83..=102 => Some(r#"{"webhook":true}"#.to_owned()),
            103..=112 => Some(
                r#"{"sticker_items":[{"id":"770000000000000001","name":"wave","format_type":1}]}"#.to_owned(),
            ),
            _ => None,
        }
    }

    fn attachment(&mut self, room: Room, message: i64) -> WorldResult<()> {
        let id = 950_000_000_000_000_000 + self.next_attachment;
        self.next_attachment += 1;
        let (extension, kind) = [("png", "image/png"), ("mp4", "video/mp4"), ("log", "text/plain")]
            [usize::try_from(self.random.skewed(3))?];
        let url =
            format!("https://cdn.discordapp.com/attachments/{}/{id}/file-{id}.{extension}", room.platform_id);
        self.transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO message_attachments (channel_id, message_id, platform_id, filename, file_size,
                                                            content_type, url, created_at, updated_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
            )?
            .execute(params![
                room.row,
                message,
                id,
                format!("file-{id}.{extension}"),
                1000 + self.random.below(2_000_000),
                kind,
                url,
                NOW
            ])?;
        Ok(())
    }

    fn reactions(&mut self, room: Room, message: i64) -> WorldResult<()> {
        let emoji_count = i64::try_from(UNICODE_EMOJI.len())? + CUSTOM_EMOJI;
        for _ in 0..=self.random.below(3) {
            let emoji = 1 + self.random.skewed(emoji_count);
            let people = 1 + self.random.skewed(6);
            let first = 1 + self.random.skewed(self.shape.people - people);
            self.transaction
                .prepare_cached(
                    "INSERT OR IGNORE INTO message_reaction_counts (channel_id, message_id, emoji_id, burst, count,
                                                                    users_count, users_read_at, created_at, updated_at)
                     VALUES (?1, ?2, ?3, 0, ?4, ?4, ?5, ?5, ?5)",
                )?
                .execute(params![room.row, message, emoji, people, NOW])?;
            for user in first..first + people {
                self.transaction
                    .prepare_cached(
                        "INSERT OR IGNORE INTO message_emoji_reactions (channel_id, message_id, emoji_id, burst, user_id,
                                                                        created_at, updated_at)
                         VALUES (?1, ?2, ?3, 0, ?4, ?5, ?5)",
                    )?
                    .execute(params![room.row, message, emoji, user, NOW])?;
            }
        }
        Ok(())
    }
}
