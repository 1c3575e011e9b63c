//! Pages of messages.

use std::sync::LazyLock;
use std::time::Duration;

use fastrand::Rng;
use serde::Deserialize as _;
use serde_json::Value;
use serde_json::value::RawValue;
use tempfile::TempDir;

use super::mutate::{damaged, scratched};
use super::{BODIES, NOW, answer, rounds, unharmed};
use crate::anonymize::{Message, Page, Scrubber};
use crate::archive::messages::{PageBatch, store_page};
use crate::archive::progress::PageProgress;
use crate::archive::reactions::KeptReactions;
use crate::archive::{ArchiveFile, ChannelRow, Lock, Writer, channels, progress, tenants};
use crate::model::{Channel, ChannelId, ChannelKind, ChannelState, MessagePage, ReactionMode, WorkspaceId};
use crate::platform::discord::{SPEC, convert, utf8, wire};
use crate::platform::registry::PLATFORMS;

const SCRUBBER: Scrubber = Scrubber::new(&SPEC);

/// A message as Discord has it and as it comes out.
struct Sample {
    raw: String,
    value: Value,
    clean: Message,
}

/// Every message of every channel.
static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let messages = BODIES.pages.iter().flat_map(|page| serde_json::from_str::<Vec<Value>>(page).unwrap());
    let sample = |mut value: Value| {
        // Messages of all channels, on one page.
        value["channel_id"] = SPEC.channel_text(channel()).into();
        let raw = value.to_string();
        let page = read(format!("[{raw}]").as_bytes()).unwrap();
        let clean = SCRUBBER.page(page).messages.remove(0);
        Sample { raw, value, clean }
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
    unharmed(body, || read(body).map(|page| SCRUBBER.page(page)))
}

#[test]
fn what_the_simulator_writes_has_no_unknown_or_malformed_field() {
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

/// Whatever was damaged, a message whose ID and text are as before is read, unless
/// it is of another channel now.
#[test]
fn a_message_with_readable_id_and_text_is_never_lost() {
    rounds(1000, |rng, _| {
        let sample = &SAMPLES[rng.usize(..SAMPLES.len())];
        let text = damaged(&sample.value, rng);
        let Ok(Value::Object(damaged)) = serde_json::from_str(&text) else { return };
        let fields = ["id", "content"].map(|name| format!("\"{name}\":"));
        let is_single =
            fields.iter().all(|field| text.matches(field).count() == sample.raw.matches(field).count());
        let is_same = ["id", "content"].iter().all(|name| damaged.get(*name) == sample.value.get(*name));
        let other = damaged.get("channel_id").map(|id| wire::Id::deserialize(id).ok());
        let is_here = other.flatten().is_none_or(|id| id.0 == channel().get());
        if is_single && is_same && is_here {
            let page = read(format!("[{text}]").as_bytes()).unwrap();
            assert_eq!((page.messages.len(), page.broken.len()), (1, 0), "it is lost:\n{text}");
        }
    });
}

/// A page of a few messages, the newest first.
fn picked(rng: &mut Rng) -> Vec<&'static Sample> {
    let mut picked: Vec<&Sample> =
        (0..rng.usize(2..6)).map(|_| &SAMPLES[rng.usize(..SAMPLES.len())]).collect();
    picked.sort_by_key(|sample| std::cmp::Reverse(sample.clean.id));
    picked.dedup_by_key(|sample| sample.clean.id);
    picked
}

/// A page of which one message is damaged but still JSON, perhaps with bytes that
/// are no UTF-8: its place, and the body.
fn with_one_damaged(picked: &[&Sample], rng: &mut Rng) -> (usize, Vec<u8>) {
    let place = rng.usize(..picked.len());
    let damage = loop {
        let bytes = if rng.u8(..4) == 0 {
            let mut bytes = picked[place].raw.clone().into_bytes();
            scratched(&mut bytes, rng);
            bytes
        } else {
            damaged(&picked[place].value, rng).into_bytes()
        };
        if serde_json::from_slice::<&RawValue>(&utf8::marked(&bytes)).is_ok() {
            break bytes;
        }
    };
    let messages = picked.iter().enumerate();
    let messages =
        messages.map(|(at, sample)| if at == place { damage.as_slice() } else { sample.raw.as_bytes() });
    let messages = messages.collect::<Vec<_>>().join(&b","[..]);
    (place, [b"[", messages.as_slice(), b"]"].concat())
}

#[track_caller]
fn assert_others_are_whole(picked: &[&Sample], place: usize, body: &str, page: &Page) {
    let shown = || &body[..body.floor_char_boundary(4000)];
    let others = picked.iter().enumerate().filter(|(at, _)| *at != place).map(|(_, sample)| &sample.clean);
    let mut rest: Vec<&Message> = page.messages.iter().collect();
    for other in others {
        let found = rest.iter().position(|message| message.id == other.id);
        let found = found.unwrap_or_else(|| panic!("message {:?} is lost in\n{}", other.id, shown()));
        let came = rest.remove(found);
        // It may have taken the ID of the damaged one.
        let is_double = picked.iter().filter(|sample| sample.clean.id == other.id).count() > 1;
        assert!(came == other || is_double, "message {:?} is another in\n{}", other.id, shown());
    }
    assert!(rest.len() + page.broken.len() <= 1, "more came than there was: {page:?} of\n{}", shown());
}

/// Whether a damaged message took the ID of another one, so that nobody can
/// tell which is the right one.
fn takes_anothers_id(picked: &[&Sample], place: usize, body: &[u8]) -> bool {
    let body = utf8::marked(body);
    let raw: Vec<&RawValue> = serde_json::from_slice(&body).unwrap();
    let alone = read(format!("[{}]", raw[place]).as_bytes()).unwrap();
    let id = alone.last_id();
    picked.iter().enumerate().any(|(at, sample)| at != place && Some(sample.clean.id) == id)
}

#[test]
fn a_damaged_message_never_panics_and_costs_only_itself() {
    rounds(1000, |rng, _| {
        let picked = picked(rng);
        let (place, bytes) = with_one_damaged(&picked, rng);
        let body = String::from_utf8_lossy(&bytes);
        let page = scrubbed(&bytes).unwrap_or_else(|| panic!("the page is lost:\n{body}"));
        if !takes_anothers_id(&picked, place, &bytes) {
            assert_others_are_whole(&picked, place, &body, &page);
            assert_eq!(page.messages.len() + page.broken.len(), picked.len(), "one is lost of\n{body}");
        }
    });
}

#[test]
fn a_page_of_damaged_bytes_never_panics_and_is_in_order_if_it_is_one() {
    rounds(2000, |rng, _| {
        let picked = picked(rng);
        let raw: Vec<&str> = picked.iter().map(|sample| sample.raw.as_str()).collect();
        let mut body = format!("[{}]", raw.join(",")).into_bytes();
        scratched(&mut body, rng);
        if let Some(page) = scrubbed(&body) {
            assert!(page.messages.is_sorted_by(|one, next| one.id < next.id));
        }
    });
}

/// An archive with a channel in it.
struct Shelf {
    _dir: TempDir,
    _lock: Lock,
    writer: Writer,
    runtime: tokio::runtime::Runtime,
    row: ChannelRow,
}

impl Shelf {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let file = ArchiveFile { path: dir.path().join("archive.db"), mode: 0o600, platforms: PLATFORMS };
        let lock = Lock::take(&file, "start", None, NOW).unwrap();
        let (writer, _) = Writer::start(file.open().unwrap(), PLATFORMS, &lock);
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
        let reactions =
            KeptReactions { mode: ReactionMode::Users, began_at: NOW, window: Duration::ZERO, is_full: true };
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
        stored.unwrap_or_else(|error| panic!("it can't be stored: {error}\n{body}"));
    }
}

#[test]
fn whatever_comes_of_a_damaged_message_can_be_stored() {
    let shelf = Shelf::new();
    rounds(150, |rng, _| {
        let (_, bytes) = with_one_damaged(&picked(rng), rng);
        let body = String::from_utf8_lossy(&bytes);
        let page = scrubbed(&bytes).unwrap_or_else(|| panic!("the page is lost:\n{body}"));
        shelf.store(page, &body);
    });
}
