//! Two platforms in one archive: texts are scrubbed by the rules of their own platform.

use std::ops::Range;

use super::{PLATFORMS, TestArchive, at, file, message, user};
use crate::anonymize::{Exposure, HashScheme, Rules, Scrubber, UserHash};
use crate::archive::messages::{PageBatch, store_page};
use crate::archive::{ChannelRow, Reader, Tx, channels, progress, sweep, tenants, tx, users};
use crate::model::disguise::digit;
use crate::model::markup::layers::{self, IdSyntax};
use crate::model::markup::url_scanner::Proxy;
use crate::model::markup::{IdContext, MarkupMatch, Syntax, sort_matches};
use crate::model::{
    Attachment, AttachmentId, Channel, ChannelId, ChannelKind, ChannelState, IdCodec, IdText, Markup,
    Message, MessageId, MessageIdFormat, MessagePage, Metadata, ParseIdError, PlatformSpec, Platforms, Reply,
    UserId, WorkspaceId,
};
use crate::platform::discord;

/// A platform whose users have IDs such as `U07ABCDEF`.
static WORDY: PlatformSpec = PlatformSpec {
    name: "wordy",
    title: "Wordy",
    ids: &Words,
    markup: &Words,
    message_ids: MessageIdFormat::Fraction { digits: 6 },
    written_types: &[0],
    message_url: "https://wordy.example/{workspace}/archives/%s/p%.0s%d",
    ..discord::SPEC
};

const BOTH: Platforms = &[PLATFORMS[0], &WORDY];

const EVE: &str = "U07ABCDEF";

const ROOM: &str = "C0K3PT9";
const TEAM: &str = "T0ABC%D";

/// Wordy's IDs: a letter, then a base-36 number whose leading 1 is left out.
#[derive(Debug)]
struct Words;

fn word(letter: char, mut number: u64) -> IdText {
    let mut digits = Vec::new();
    while number > 1 {
        digits.push(char::from_digit(u32::try_from(number % 36).unwrap(), 36).unwrap());
        number /= 36;
    }
    let body: String = digits.iter().rev().collect();
    IdText::new(&format!("{letter}{}", body.to_uppercase())).unwrap()
}

fn number(word: &str) -> u64 {
    u64::from_str_radix(&format!("1{}", &word[1..]), 36).unwrap()
}

impl IdCodec for Words {
    fn workspace_text(&self, _: WorkspaceId) -> IdText {
        IdText::new(TEAM).unwrap()
    }

    fn channel_text(&self, channel: ChannelId) -> IdText {
        word('C', channel.get())
    }

    fn attachment_text(&self, attachment: AttachmentId) -> Option<IdText> {
        Some(word('F', attachment.get()))
    }

    fn user_text(&self, user: UserId) -> IdText {
        word('U', user.get())
    }

    fn parse_channel(&self, text: &str) -> Result<ChannelId, ParseIdError> {
        let is_id = text.starts_with('C');
        is_id.then(|| number(text)).and_then(ChannelId::new).ok_or(ParseIdError::NotIdSyntax)
    }

    fn parse_user(&self, text: &str) -> Option<UserId> {
        let is_id = text.starts_with('U') && (9..=11).contains(&text.len());
        is_id.then(|| number(text)).and_then(UserId::new)
    }

    fn mask(&self, text: &str) -> String {
        text.to_owned()
    }
}

impl IdSyntax for Words {
    const MIN_CHARS: usize = 9;

    fn is_id_byte(byte: u8) -> bool {
        byte.is_ascii_uppercase() || byte.is_ascii_digit()
    }

    fn id_byte(character: char) -> Option<u8> {
        let letter = u8::try_from(character).ok().filter(u8::is_ascii_uppercase);
        letter.or_else(|| digit(character).map(|value| b'0' + value))
    }

    fn user_at(text: &str, range: &Range<usize>, id: &str, _: Syntax) -> Option<(UserId, IdContext)> {
        let is_mention = text[..range.start].ends_with("<@") && text[range.end..].starts_with(['|', '>']);
        let is_profile = text[..range.start].ends_with("/team/");
        let context = match (is_mention, is_profile) {
            (true, _) => IdContext::Mention,
            (_, true) => IdContext::Profile,
            _ => IdContext::Bare,
        };
        Self::user(id).map(|user| (user, context))
    }

    fn user(id: &str) -> Option<UserId> {
        Self.parse_user(id)
    }

    fn proxy() -> Option<&'static Proxy> {
        None
    }
}

impl Markup for Words {
    fn may_contain_match(&self, text: &str) -> bool {
        layers::may_find::<Self>(text)
    }

    fn find_matches(&self, text: &str, syntax: Syntax) -> Vec<MarkupMatch> {
        let mut found = Vec::new();
        layers::find_plain::<Self>(text, syntax, &mut found);
        layers::find_disguised::<Self>(text, syntax, &mut found);
        let is_mention = |found: &MarkupMatch| matches!(found.user, Some((_, IdContext::Mention)));
        let mentions: Vec<usize> = found.iter().filter(|f| is_mention(f)).map(|f| f.range.end).collect();
        for end in mentions {
            let label = text[end..].find('>').filter(|length| *length > 0).map(|length| end..end + length);
            found.extend(label.map(|range| MarkupMatch { range, user: None }));
        }
        sort_matches(found)
    }

    fn user_ids_in(&self, bytes: &[u8], found: &mut dyn FnMut(UserId)) {
        layers::user_ids_in::<Self>(bytes, found);
    }

    fn min_id_chars(&self) -> usize {
        Self::MIN_CHARS
    }

    fn ends_with_optional_mention_char(&self, _: &str) -> bool {
        false
    }
}

fn eve() -> UserHash {
    Scrubber::new(&WORDY, HashScheme::Plain).parse_user(EVE).unwrap()
}

/// An archive with a channel of each platform, and the row of Wordy's channel.
fn archive_of_both() -> (TestArchive, ChannelRow) {
    let mut archive = TestArchive::new();
    archive.row_cache = tx::RowCache::new(Rules::plain(BOTH));
    let mut tx = Tx::new(&archive.connection, &mut archive.row_cache);
    let tenant = tenants::intern(&mut tx, &WORDY, WorkspaceId::new(9).unwrap(), "w", at(1)).unwrap();
    let id = ChannelId::new(number(ROOM)).unwrap();
    let room = Channel::new(id, ChannelKind::Text, "room", at(0));
    let room = Scrubber::new(&WORDY, HashScheme::Plain).channel(room, ChannelState::Active);
    let row = channels::store(&mut tx, tenant, &[room], at(1)).unwrap()[&id].0;
    progress::begin(&mut tx, tenant, row, 0, None, at(1)).unwrap();
    (archive, row)
}

/// Stores a message on Wordy.
fn store(archive: &mut TestArchive, channel: ChannelRow, id: u64, content: &str) {
    store_all(archive, channel, vec![message(id, 7, content)]);
}

fn store_all(archive: &mut TestArchive, channel: ChannelRow, messages: Vec<Message>) {
    let page =
        Scrubber::new(&WORDY, HashScheme::Plain).page(MessagePage { messages, ..MessagePage::default() });
    let batch = PageBatch {
        channel,
        after: None,
        page,
        read_at: at(10),
        reactions: super::COUNTS,
        has_gap: false,
        progress: progress::PageProgress::default(),
    };
    store_page(&mut Tx::new(&archive.connection, &mut archive.row_cache), &batch, at(10)).unwrap();
}

#[test]
fn hash_is_that_of_the_platforms_id_text() {
    // printf U07ABCDEF | sha256sum
    assert_eq!(eve().to_string(), "44f3b78442588bc6df7b62f2a4d3971119f7de47c5edbf69f274755941bf2129");
    assert_eq!(&*Words.user_text(Words.parse_user(EVE).unwrap()), EVE);
}

#[test]
fn mentions_profiles_and_disguises_of_another_platform_are_hashed() {
    let scrubber = Scrubber::new(&WORDY, HashScheme::Plain);
    let hash = eve();
    for (text, expected) in [
        (format!("<@{EVE}>"), format!("<@{hash}>")),
        (format!("<@{EVE}|eve.smith> hi"), format!("<@{hash}> hi")),
        (format!("https://w.example/team/{EVE}/photo"), format!("https://w.example/team/{hash}")),
        ("U0\u{200b}7ABC%44EF".to_owned(), hash.to_string()),
        (
            "123456789012345678 <@123456789012345678>".to_owned(),
            "123456789012345678 <@123456789012345678>".to_owned(),
        ),
    ] {
        let clean = scrubber.scrub(text.clone(), &mut Vec::new());
        assert_eq!(clean.resolve(|_| true), expected, "{text}");
        assert_eq!(scrubber.exposure(&expected, Syntax::Text, |_| true), None, "{expected}");
    }
    let text = format!("x <@{EVE}>");
    assert_eq!(scrubber.exposure(&text, Syntax::Text, |_| false), Some(Exposure::Mention));
    assert_eq!(scrubber.user_ids_in(text.as_bytes()), [hash]);
}

#[test]
fn newly_known_user_is_scrubbed_from_texts_of_their_own_platform() {
    let (mut archive, wordy_channel) = archive_of_both();
    let text = format!("ask {EVE} or 333333333333333333");
    store(&mut archive, wordy_channel, 1, &text);
    archive.store(vec![message(1, super::ALICE, &text)], 10);
    let bob = super::hash(333_333_333_333_333_333);
    let mut tx = Tx::new(&archive.connection, &mut archive.row_cache);
    let eve_as_user = user(Words.parse_user(EVE).unwrap().get());
    users::intern(&mut tx, &Scrubber::new(&WORDY, HashScheme::Plain).person(eve_as_user), at(20)).unwrap();
    users::intern(&mut tx, &super::SCRUBBER.person(user(333_333_333_333_333_333)), at(20)).unwrap();
    let content = |channel: ChannelRow| {
        archive.text(&format!("SELECT content FROM messages WHERE channel_id = {}", channel.0))
    };
    assert_eq!(content(wordy_channel), format!("ask {} or 333333333333333333", eve()));
    assert_eq!(content(archive.channel), format!("ask {EVE} or {bob}"));
}

#[test]
fn sweep_and_check_use_the_rules_of_each_texts_platform() {
    let (mut archive, wordy_channel) = archive_of_both();
    let rows = [wordy_channel, archive.channel].map(|channel| channel.0);
    store(&mut archive, wordy_channel, 1, "x");
    archive.store(vec![message(1, super::ALICE, "x")], 10);
    let mention = format!("<@{EVE}> <@444444444444444444>");
    archive.connection.execute("UPDATE messages SET content = ?1", [&mention]).unwrap();
    archive
        .connection
        .execute("INSERT INTO emoji (name, created_at, updated_at) VALUES (?1, 1, 1)", [&mention])
        .unwrap();
    let leaks = |archive: &TestArchive| {
        let mut places = Vec::new();
        let reader = Reader::open(&file(&archive.dir).path).unwrap();
        reader.find_leaks(Rules::plain(BOTH), |leak| places.push(leak.location)).unwrap();
        places
    };
    assert_eq!(
        leaks(&archive),
        ["message 1 of channel 50", "message 0.000001 of channel C0K3PT9", "emoji 1"]
    );
    sweep::sweep(&mut archive.connection, Rules::plain(BOTH)).unwrap();
    assert_eq!(leaks(&archive), [""; 0]);
    let discords = super::hash(444_444_444_444_444_444);
    let content = |row: i64| archive.text(&format!("SELECT content FROM messages WHERE channel_id = {row}"));
    assert_eq!(content(rows[0]), format!("<@{}> <@444444444444444444>", eve()));
    assert_eq!(content(rows[1]), format!("<@{EVE}> <@{discords}>"));
    assert_eq!(archive.text("SELECT name FROM emoji"), format!("<@{}> <@{discords}>", eve()));
}

#[test]
fn views_show_ids_and_urls_as_their_platform_writes_them() {
    let (mut archive, wordy_channel) = archive_of_both();
    let replying = |micros: u64, channel: u64| {
        let mut message = message(1_718_000_000_000_000 + micros, 7, "x");
        let (message_id, channel_id) = (MessageId::new(1_718_000_000_123_456), ChannelId::new(channel));
        message.reply =
            Some(Reply { message_id: message_id.unwrap(), channel_id: channel_id.unwrap(), author: None });
        message
    };
    let mut first = replying(456, number(ROOM));
    first.attachments.push(Attachment {
        id: AttachmentId::new(number("F0AA")).unwrap(),
        filename: "a".into(),
        size_bytes: 1,
        content_type: None,
        url: "https://x/a".into(),
        url_signature: None,
        metadata: Metadata::default(),
    });
    store_all(&mut archive, wordy_channel, vec![first, replying(789, 77)]);
    let row = |sql: &str| {
        let connection = archive.user_connection();
        let mut select = connection.prepare(sql).unwrap();
        let columns = select.column_count();
        let rows = select.query_map([], |row| {
            (0..columns).map(|index| row.get::<_, Option<String>>(index)).collect::<Result<Vec<_>, _>>()
        });
        rows.unwrap()
            .map(|row| row.unwrap().into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        row("SELECT guild_id, channel_id, message_id, reply_to_message_id, reply_to_channel_id, url
               FROM message_log WHERE tenant = 'w' ORDER BY message_id"),
        [
            format!(
                "{TEAM} {ROOM} 1718000000.000456 1718000000.123456 {ROOM} https://wordy.example/{TEAM}/archives/{ROOM}/p1718000000000456"
            ),
            format!(
                "{TEAM} {ROOM} 1718000000.000789 1718000000.123456  https://wordy.example/{TEAM}/archives/{ROOM}/p1718000000000789"
            ),
        ]
    );
    let first = MessageId::new(1_718_000_000_000_456).unwrap();
    assert_eq!(WORDY.message_text(first), "1718000000.000456", "as the views write it");
    assert_eq!(
        row("SELECT guild_id, channel_id, message_id, attachment_id FROM attachment_log"),
        [format!("{TEAM} {ROOM} 1718000000.000456 F0AA")]
    );
    assert_eq!(
        row(
            "SELECT guild_id, channel_id, message_id, reply_to_message_id FROM reply_log ORDER BY message_id"
        )
        .len(),
        2
    );
    assert_eq!(
        row("SELECT guild_id, channel_id FROM channel_log ORDER BY 1"),
        ["9 50".to_owned(), format!("{TEAM} {ROOM}")]
    );
}
