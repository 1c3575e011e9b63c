//! Mutated pages of messages.

use std::sync::LazyLock;
use std::time::Duration;

use fastrand::Rng;
use serde::Deserialize as _;
use serde_json::Value;
use serde_json::value::RawValue;
use tempfile::TempDir;

use super::mutate::{corrupt_bytes, damaged};
use super::{BODIES, NOW, answer, rounds, with_body_on_panic};
use crate::anonymize::{HashScheme, Message, Page, Rules, Scrubber};
use crate::archive::messages::{PageBatch, store_page};
use crate::archive::progress::PageProgress;
use crate::archive::reactions::ReactionPolicy;
use crate::archive::{ArchiveFile, ChannelRow, Lock, Writer, channels, progress, tenants};
use crate::model::{Channel, ChannelId, ChannelKind, ChannelState, MessagePage, ReactionMode, WorkspaceId};
use crate::platform::discord::{SPEC, convert, utf8, wire};
use crate::platform::registry::PLATFORMS;

const SCRUBBER: Scrubber = Scrubber::new(&SPEC, HashScheme::Plain);

/// A message as Discord sends it, and as the archive would store it.
struct Sample {
    raw: String,
    value: Value,
    scrubbed: Message,
}

/// Every message of every channel.
static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let messages = BODIES.pages.iter().flat_map(|page| serde_json::from_str::<Vec<Value>>(page).unwrap());
    let sample = |mut value: Value| {
        // Pages mix messages of all channels, so move them all into one channel.
        value["channel_id"] = SPEC.channel_text(channel()).into();
        let raw = value.to_string();
        let page = read(format!("[{raw}]").as_bytes()).unwrap();
        let scrubbed = SCRUBBER.page(page).messages.remove(0);
        Sample { raw, value, scrubbed }
    };
    messages.map(sample).collect()
});

fn channel() -> ChannelId {
    ChannelId::new(50).unwrap()
}

fn read(body: &[u8]) -> Option<MessagePage> {
    convert::page(answer(body), channel(), 100, NOW).ok()
}

fn scrubbed(body: &[u8]) -> Option<Page> {
    with_body_on_panic(body, || read(body).map(|page| SCRUBBER.page(page)))
}

#[test]
fn the_simulators_messages_have_no_unknown_or_malformed_fields() {
    let page = |body: &String| {
        let messages: Vec<Value> = serde_json::from_str(body).unwrap();
        let channel = SPEC.ids.parse_channel(messages[0]["channel_id"].as_str().unwrap()).unwrap();
        let page = convert::page(answer(body.as_bytes()), channel, 100, NOW).unwrap();
        assert_eq!(page.messages.len(), messages.len());
        page
    };
    for page in BODIES.pages.iter().map(page) {
        assert_eq!(page.unknown_fields.keys().collect::<Vec<_>>(), [""; 0]);
        let malformed = page.messages.iter().flat_map(|message| &message.malformed_fields);
        assert_eq!(malformed.collect::<Vec<_>>(), [""; 0]);
    }
}

/// A message whose ID and text are intact is read whatever else is damaged, unless its
/// channel ID changed.
#[test]
fn never_loses_a_message_with_intact_id_and_text() {
    rounds(1000, |rng, _| {
        let sample = &SAMPLES[rng.usize(..SAMPLES.len())];
        let text = damaged(&sample.value, rng);
        let Ok(Value::Object(damaged)) = serde_json::from_str(&text) else { return };
        let fields = ["id", "content"].map(|name| format!("\"{name}\":"));
        let is_single =
            fields.iter().all(|field| text.matches(field).count() == sample.raw.matches(field).count());
        let is_same = ["id", "content"].iter().all(|name| damaged.get(*name) == sample.value.get(*name));
        let other = damaged.get("channel_id").map(|id| wire::Id::deserialize(id).ok());
        let is_in_channel = other.flatten().is_none_or(|id| id.0 == channel().get());
        if is_single && is_same && is_in_channel {
            let page = read(format!("[{text}]").as_bytes()).unwrap();
            assert_eq!((page.messages.len(), page.malformed.len()), (1, 0), "the message is lost:\n{text}");
        }
    });
}

/// A random page of a few messages, newest first.
fn random_page(rng: &mut Rng) -> Vec<&'static Sample> {
    let mut random_page: Vec<&Sample> =
        (0..rng.usize(2..6)).map(|_| &SAMPLES[rng.usize(..SAMPLES.len())]).collect();
    random_page.sort_by_key(|sample| std::cmp::Reverse(sample.scrubbed.id));
    random_page.dedup_by_key(|sample| sample.scrubbed.id);
    random_page
}

/// A page of which one message is damaged but still JSON, possibly with invalid UTF-8:
/// the message's index, and the body.
fn with_one_damaged(random_page: &[&Sample], rng: &mut Rng) -> (usize, Vec<u8>) {
    let index = rng.usize(..random_page.len());
    let damage = loop {
        let bytes = if rng.u8(..4) == 0 {
            let mut bytes = random_page[index].raw.clone().into_bytes();
            corrupt_bytes(&mut bytes, rng);
            bytes
        } else {
            damaged(&random_page[index].value, rng).into_bytes()
        };
        if serde_json::from_slice::<&RawValue>(&utf8::replace_invalid_utf8(&bytes)).is_ok() {
            break bytes;
        }
    };
    let messages = random_page.iter().enumerate();
    let messages =
        messages.map(|(at, sample)| if at == index { damage.as_slice() } else { sample.raw.as_bytes() });
    let messages = messages.collect::<Vec<_>>().join(&b","[..]);
    (index, [b"[", messages.as_slice(), b"]"].concat())
}

#[track_caller]
fn assert_others_are_whole(random_page: &[&Sample], index: usize, body: &str, page: &Page) {
    let shown = || &body[..body.floor_char_boundary(4000)];
    let others =
        random_page.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, sample)| &sample.scrubbed);
    let mut unmatched: Vec<&Message> = page.messages.iter().collect();
    for other in others {
        let found = unmatched.iter().position(|message| message.id == other.id);
        let found = found.unwrap_or_else(|| panic!("message {:?} is lost in\n{}", other.id, shown()));
        let came = unmatched.remove(found);
        // Of two messages with one ID, the page keeps either.
        let is_double = random_page.iter().filter(|sample| sample.scrubbed.id == other.id).count() > 1;
        assert!(came == other || is_double, "message {:?} changed in\n{}", other.id, shown());
    }
    assert!(unmatched.len() + page.malformed.len() <= 1, "unexpected messages: {page:?} of\n{}", shown());
}

/// Whether the damaged message has the ID of another one, so that the two can't be told
/// apart.
fn has_anothers_id(random_page: &[&Sample], index: usize, body: &[u8]) -> bool {
    let body = utf8::replace_invalid_utf8(body);
    let raw: Vec<&RawValue> = serde_json::from_slice(&body).unwrap();
    let alone = read(format!("[{}]", raw[index]).as_bytes()).unwrap();
    let id = alone.last_id();
    random_page.iter().enumerate().any(|(at, sample)| at != index && Some(sample.scrubbed.id) == id)
}

#[test]
fn a_damaged_message_does_not_affect_the_others() {
    rounds(1000, |rng, _| {
        let random_page = random_page(rng);
        let (index, bytes) = with_one_damaged(&random_page, rng);
        let body = String::from_utf8_lossy(&bytes);
        let page = scrubbed(&bytes).unwrap_or_else(|| panic!("the page is lost:\n{body}"));
        if !has_anothers_id(&random_page, index, &bytes) {
            assert_others_are_whole(&random_page, index, &body, &page);
            assert_eq!(
                page.messages.len() + page.malformed.len(),
                random_page.len(),
                "a message is lost of\n{body}"
            );
        }
    });
}

#[test]
fn a_page_of_damaged_bytes_never_panics_and_stays_sorted() {
    rounds(2000, |rng, _| {
        let random_page = random_page(rng);
        let raw: Vec<&str> = random_page.iter().map(|sample| sample.raw.as_str()).collect();
        let mut body = format!("[{}]", raw.join(",")).into_bytes();
        corrupt_bytes(&mut body, rng);
        if let Some(page) = scrubbed(&body) {
            assert!(page.messages.is_sorted_by(|one, next| one.id < next.id));
        }
    });
}

/// An archive with one channel.
struct TestArchive {
    _dir: TempDir,
    _lock: Lock,
    writer: Writer,
    runtime: tokio::runtime::Runtime,
    row: ChannelRow,
}

impl TestArchive {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let file = ArchiveFile {
            path: dir.path().join("archive.db"),
            mode: 0o600,
            rules: Rules::plain(PLATFORMS),
            busy_timeout: crate::archive::BUSY_TIMEOUT,
        };
        let lock = Lock::take(&file, "start", None, NOW).unwrap();
        let (writer, _) = Writer::start(file.open().unwrap(), Rules::plain(PLATFORMS), &lock);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let room = Channel::new(channel(), ChannelKind::Text, "room", NOW);
        let room = SCRUBBER.channel(room, ChannelState::Active);
        let made = writer.run(move |tx| {
            let tenant = tenants::intern(tx, &SPEC, WorkspaceId::new(9).unwrap(), "t", NOW)?;
            let row = channels::store(tx, tenant, std::slice::from_ref(&room), NOW)?[&channel()].0;
            progress::begin(tx, tenant, row, 0, None, NOW)?;
            Ok(row)
        });
        let row = runtime.block_on(made).unwrap();
        Self { _dir: dir, _lock: lock, writer, runtime, row }
    }

    fn store(&self, page: Page, body: &str) {
        let reactions = ReactionPolicy {
            mode: ReactionMode::Users,
            began_at: NOW,
            window: Duration::ZERO,
            is_full: true,
        };
        let batch = PageBatch {
            channel: self.row,
            after: None,
            page,
            read_at: NOW,
            reactions,
            has_gap: false,
            progress: PageProgress::default(),
        };
        let stored = self.writer.run(move |tx| store_page(tx, &batch, NOW));
        let stored = self.runtime.block_on(stored);
        stored.unwrap_or_else(|error| panic!("the page can't be stored: {error}\n{body}"));
    }
}

#[test]
fn stores_every_page_with_a_damaged_message() {
    let archive = TestArchive::new();
    rounds(150, |rng, _| {
        let (_, bytes) = with_one_damaged(&random_page(rng), rng);
        let body = String::from_utf8_lossy(&bytes);
        let page = scrubbed(&bytes).unwrap_or_else(|| panic!("the page is lost:\n{body}"));
        archive.store(page, &body);
    });
}
