//! The search index: with it, a search finds what reading everything finds, whatever happens
//! to the file, and it holds nothing that was erased.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use discord_sim::{ChannelDescription, Description, RouteKind, World};
use rusqlite::Connection;
use serde_json::Value;
use verta_sync::archive::Reader;
use verta_sync::archive::message_scan::{MessageFilter, MessagePart};
use verta_sync::archive::word_index::WordIndex;
use verta_sync::model::Timestamp;
use verta_sync::search::index::CurrentIndex;
use verta_sync::search::{Found, Query, Request, Searched, run};

use crate::kill::harness::{Dice, completes_before_kill, requested_kills};
use crate::util::truth::hash;
use crate::util::{CommandOutput, Sandbox, send, wait_for_exit, wait_until};

const GUILD: u64 = 78_000_000_000_000_001;
const USER: u32 = 3;
const HOUR: Duration = Duration::from_hours(1);

/// Parts of texts, in several scripts.
const WORDS: [&str; 24] = [
    "wipe",
    "Wiped",
    "server",
    "café",
    "CAFÉ",
    "東京タワー",
    "東京",
    "動物園",
    "한국어",
    "한국",
    "ไทยไทย",
    "snake_case",
    "v1.2.3",
    "C++",
    "user@host",
    "https://a.b/c?d=e",
    "👍🏽",
    "👍",
    "Straße",
    "strasse",
    "ёлка",
    "don't",
    "foo-bar",
    "مَر",
];
const QUERIES: [&str; 26] = [
    "wipe",
    "wipe*",
    "wip*",
    "cafe",
    "東京",
    "京",
    "タワー",
    "動物園",
    "한국",
    "ไทย",
    "snake_case",
    "case",
    "v1.2.3",
    "c++",
    "user@host",
    "https://a.b/c?d=e",
    "👍",
    "strasse",
    "елка",
    "don't",
    "\"wipe server\"",
    "wipe -server",
    "wipe OR 東京",
    "(cafe OR foo) bar",
    "\"foo bar\" OR مر",
    "neverwritten wipe",
];

struct Scene {
    sandbox: Sandbox,
    channels: [u64; 3],
    dice: Dice,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let names = ["one", "two", "three"];
        let channels = names.map(|name| ChannelDescription::text(name, 30)).to_vec();
        let sandbox = Sandbox::new(World::new(&Description::of_channels(GUILD, channels)));
        let channels = names.map(|name| sandbox.sim.world().channel_named(GUILD, name).unwrap());
        let mut scene = Self { sandbox, channels, dice: Dice::new(seed) };
        for _ in 0..60 {
            scene.write();
        }
        scene.sandbox.sim.world().advance(HOUR);
        scene.start();
        scene
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.dice.below(bound as u64)).unwrap()
    }

    fn text(&mut self) -> String {
        let count = 1 + self.below(5);
        let separators = [" ", ", ", "  ", "\n", "."];
        (0..count).map(|_| WORDS[self.below(WORDS.len())].to_owned() + separators[self.below(5)]).collect()
    }

    fn write(&mut self) {
        let (channel, text) = (self.channels[self.below(3)], self.text());
        let author = u32::try_from(1 + self.below(6)).unwrap();
        let world = self.sandbox.sim.world();
        world.append_text(channel, author, &text).unwrap();
        world.advance(Duration::from_secs(90));
    }

    /// Edits, deletes or brings back a message, or writes one.
    fn change(&mut self) {
        let (text, number) = (self.text(), self.below(1000));
        let world = self.sandbox.sim.world();
        let channel = self.channels[number % 3];
        let messages: Vec<u64> =
            world.truth_channel(channel).unwrap().live_messages().map(|message| message.id).collect();
        let message = messages[messages.len() - 1 - number % messages.len().min(20)];
        match number % 10 {
            0..=3 => drop(world.edit(channel, message, &text)),
            4..=5 => drop(world.delete(channel, message)),
            6 => drop(world.react(channel, message, 4, "👍", false)),
            _ => self.write(),
        }
    }

    fn start(&self) {
        self.sandbox.run(&["start"]).expect_code(0);
    }

    fn index(&self) -> PathBuf {
        self.sandbox.dir.path().join("archive.search.db")
    }

    /// Searches with the program; returns how it searched, and the number of hits.
    fn search(&self, query: &str) -> (String, u64) {
        let ran = self.sandbox.run(&["search", query, "--format", "json", "--limit", "1000"]).expect_code(0);
        let summary: Value = ran.last_json();
        assert_eq!(summary["complete"], true);
        (summary["searched"].as_str().unwrap().to_owned(), summary["hits"].as_u64().unwrap())
    }

    /// Asserts that the index answers as reading everything does. Returns how it searched.
    #[track_caller]
    fn assert_same_answers(&self) -> Searched {
        let reader = Reader::open(&self.sandbox.archive_path()).unwrap();
        let mut searched = Searched::Scan;
        for request in requests() {
            let index = WordIndex::open(&self.index()).unwrap();
            let _snapshot = reader.snapshot().unwrap();
            let current = CurrentIndex::of(index, &reader).unwrap().expect("the index is of this archive");
            let with_index = run(&reader, Some(current), &request, |_| ()).unwrap();
            let by_reading = run(&reader, None, &request, |_| ()).unwrap();
            searched = with_index.searched;
            assert_ne!(searched, Searched::Scan);
            assert_eq!(Found { searched: Searched::Scan, ..with_index }, by_reading, "{request:?}");
        }
        searched
    }

    /// Asserts that the program finds what reading everything finds, whatever the index is. Returns how it
    /// searched.
    #[track_caller]
    fn assert_right(&self) -> String {
        let reader = Reader::open(&self.sandbox.archive_path()).unwrap();
        let mut searched = String::new();
        for query in ["wipe", "東京", "cafe -server"] {
            let request = Request { limit: 1000, ..request(query) };
            let expected = run(&reader, None, &request, |_| ()).unwrap().hits.len() as u64;
            let hits;
            (searched, hits) = self.search(query);
            assert_eq!(hits, expected, "{query}, searched: {searched}");
        }
        searched
    }

    fn is_in_files(&self, word: &str) -> bool {
        let files = fs::read_dir(self.sandbox.dir.path()).unwrap();
        files
            .map(|file| fs::read(file.unwrap().path()).unwrap())
            .any(|bytes| bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes())))
    }
}

fn request(query: &str) -> Request {
    Request {
        query: Query::parse(query).unwrap(),
        filter: MessageFilter::default(),
        is_oldest_first: false,
        limit: 5,
        context: 0,
        counts: false,
    }
}

fn requests() -> Vec<Request> {
    let mut requests: Vec<Request> = QUERIES.iter().map(|query| request(query)).collect();
    let (all, filter) = (QUERIES[0], MessageFilter::default());
    let time = Timestamp::from_millis(1_773_000_000_000);
    for filter in [
        MessageFilter { channels: vec!["one".to_owned()], ..filter.clone() },
        MessageFilter { channels: vec!["nowhere".to_owned()], ..filter.clone() },
        MessageFilter { author: Some("0".to_owned()), ..filter.clone() },
        MessageFilter { author: Some("7".to_owned()), has: vec![MessagePart::Link], ..filter.clone() },
        MessageFilter { since: Some(time), ..filter.clone() },
        MessageFilter { until: Some(time), ..filter.clone() },
        MessageFilter { includes_deleted: true, ..filter.clone() },
        MessageFilter { has: vec![MessagePart::Reaction], ..filter },
    ] {
        for is_oldest_first in [false, true] {
            requests.push(Request { filter: filter.clone(), is_oldest_first, ..request(all) });
            requests.push(Request {
                filter: filter.clone(),
                is_oldest_first,
                limit: 50,
                ..request("wipe OR 東京")
            });
        }
    }
    requests.push(Request { is_oldest_first: true, ..request(all) });
    requests.push(Request { counts: true, limit: 0, ..request("wipe* OR cafe") });
    requests
}

#[test]
fn the_first_search_builds_it_and_runs_keep_it_up_to_date() {
    let scene = Scene::new(1);
    assert!(!scene.index().exists(), "nobody has searched");
    assert_eq!(scene.search("wipe").0, "index");
    assert_eq!(scene.index().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(scene.assert_same_answers(), Searched::Index);
    let before = scene.search("brandnew").1;
    let world = scene.sandbox.sim.world();
    world.append_text(scene.channels[0], 2, "a brandnew word").unwrap();
    world.advance(HOUR);
    scene.start();
    assert_eq!(scene.search("brandnew"), ("index".to_owned(), before + 1));
    let written = fs::metadata(scene.index()).unwrap().modified().unwrap();
    scene.start();
    assert_eq!(fs::metadata(scene.index()).unwrap().modified().unwrap(), written, "nothing has changed");
}

#[test]
fn whatever_happens_it_answers_like_reading() {
    for seed in 1..3 {
        let mut scene = Scene::new(seed);
        scene.search("wipe");
        scene.assert_same_answers();
        for _ in 0..8 {
            for _ in 0..12 {
                scene.change();
            }
            scene.start();
            assert_eq!(scene.assert_same_answers(), Searched::Index);
        }
    }
}

#[test]
fn what_it_does_not_hold_yet_is_read() {
    let mut scene = Scene::new(5);
    scene.search("wipe");
    for _ in 0..10 {
        scene.change();
    }
    // A reader that does not end keeps the run from changing the index.
    let reader = WordIndex::open(&scene.index()).unwrap();
    let ran = scene.sandbox.run(&["start"]).expect_code(0);
    assert!(ran.stderr.contains("cannot update the search index"), "{}", ran.stderr);
    drop(reader);
    assert_eq!(scene.assert_same_answers(), Searched::Both);
    assert_eq!(scene.search("wipe").0, "both");
    scene.change();
    scene.start();
    assert_eq!(scene.assert_same_answers(), Searched::Index);
}

#[test]
fn a_useless_index_is_built_anew() {
    let mut scene = Scene::new(6);
    scene.search("wipe");
    let good = fs::read(scene.index()).unwrap();
    let archive = fs::read(scene.sandbox.archive_path()).unwrap();
    for _ in 0..10 {
        scene.change();
    }
    scene.start();
    let later = fs::read(scene.index()).unwrap();
    let index = scene.index();
    let harms: [(&str, &dyn Fn()); 8] = [
        ("lost", &|| fs::remove_file(&index).unwrap()),
        ("empty", &|| fs::write(&index, "").unwrap()),
        ("no database", &|| fs::write(&index, "no database ".repeat(1000)).unwrap()),
        ("cut", &|| fs::write(&index, &later[..later.len() / 2]).unwrap()),
        ("overwritten", &|| {
            let mut bytes = later.clone();
            bytes[4096..20_000].fill(0);
            fs::write(&index, bytes).unwrap();
        }),
        ("older", &|| fs::write(&index, &good).unwrap()),
        ("of another version", &|| {
            let archive = Connection::open(&index).unwrap();
            archive.execute("UPDATE state SET format = 'other'", []).unwrap();
        }),
        ("of another program", &|| {
            fs::remove_file(&index).unwrap();
            Connection::open(&index).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
        }),
    ];
    for (name, harm) in harms {
        harm();
        assert_eq!(scene.assert_right(), "index", "{name}");
        scene.assert_same_answers();
        harm();
        scene.start();
        assert_eq!(scene.assert_right(), "index", "{name}, then a run");
        scene.assert_same_answers();
    }
    // An older archive is restored.
    for suffix in ["-wal", "-shm"] {
        fs::remove_file(scene.sandbox.dir.path().join(format!("archive.db{suffix}"))).ok();
    }
    fs::write(scene.sandbox.archive_path(), archive).unwrap();
    assert_eq!(scene.assert_right(), "index");
    scene.start();
    assert_eq!(scene.assert_right(), "index");
    scene.assert_same_answers();
}

#[test]
fn it_is_not_used_where_that_is_impossible() {
    let scene = Scene::new(7);
    // While a sync has the archive, none is built.
    scene.sandbox.sim.set_latency(Duration::from_millis(300), Duration::ZERO);
    scene.sandbox.sim.journal().clear();
    let running = scene.sandbox.spawn(&["start", "--full"]);
    wait_until("a page is requested", || scene.sandbox.sim.journal().count(RouteKind::Messages) > 0);
    assert_eq!(scene.assert_right(), "scan");
    assert!(!scene.index().exists());
    let reindexed = scene.sandbox.run(&["search", "wipe", "--reindex"]).expect_code(5);
    assert!(reindexed.stderr.contains("cannot build the search index: the archive is locked"));
    send(&running, rustix::process::Signal::INT);
    wait_for_exit(running);
    scene.sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    fs::create_dir(scene.index()).unwrap();
    assert_eq!(scene.assert_right(), "scan");
    scene.start();
    fs::remove_dir(scene.index()).unwrap();
    assert_eq!(scene.assert_right(), "index");
    scene.sandbox.write_config("[search]\nindex = \"off\"");
    assert_eq!(scene.assert_right(), "scan");
    scene.start();
    assert!(!scene.index().exists(), "a run deletes what is not wanted");
    assert_eq!(scene.sandbox.count("SELECT count(*) FROM change_subscribers"), 0);
}

#[test]
fn nothing_erased_is_left_in_it() {
    let scene = Scene::new(8);
    let world = scene.sandbox.sim.world();
    let id = world.user_id(GUILD, USER).unwrap();
    let [one, two, three] = scene.channels;
    let edited = world.append_text(one, 2, "an xylophonist plays").unwrap();
    world.append_text(one, USER, "only I say quixotry").unwrap();
    world.append_text(two, USER, "and 麒麟 too").unwrap();
    world.append_text(three, 5, "purgeable zymurgy").unwrap();
    world.advance(Duration::from_mins(10));
    scene.start();
    for word in ["xylophonist", "quixotry", "麒麟", "zymurgy"] {
        assert_eq!(scene.search(word), ("index".to_owned(), 1), "{word}");
        assert!(scene.is_in_files(word));
    }
    world.edit(one, edited, "a pianist plays");
    world.advance(Duration::from_mins(10));
    scene.start();
    assert_eq!((scene.search("xylophonist").1, scene.search("pianist").1), (0, 1));
    let index = fs::read(scene.index()).unwrap();
    assert!(!index.windows(11).any(|window| window == b"xylophonist"), "an edit reaches the index");
    scene.sandbox.run(&["forget", "--user", &id.to_string(), "--yes"]).expect_code(0);
    let tenant = world.guilds()[0].1.clone();
    let channel = three.to_string();
    let purge = ["reset", "--tenant", &tenant, "--channel", &channel, "--purge", "--yes"];
    scene.sandbox.run(&purge).expect_code(0);
    for word in ["quixotry", "麒麟", "zymurgy", &hash(id), &id.to_string()] {
        assert!(!scene.is_in_files(word), "{word}");
    }
    for word in ["quixotry", "麒麟", "zymurgy"] {
        assert_eq!(scene.search(word), ("index".to_owned(), 0), "{word}");
    }
    scene.assert_same_answers();
}

/// As a sync leaves them that was killed before it changed the index.
#[test]
fn a_pending_message_may_have_another_time() {
    let scene = Scene::new(15);
    scene.search("wipe");
    let archive = scene.sandbox.archive();
    let (channel, message): (i64, i64) = archive
        .query_row(
            "SELECT channel_id, platform_id FROM messages ORDER BY platform_id LIMIT 1
                OFFSET (SELECT count(*) / 2 FROM messages)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    let later = 30 * 24 * 3_600_000_i64;
    archive
        .execute(
            "UPDATE messages SET created_at = created_at + ?3 WHERE channel_id = ?1 AND platform_id = ?2",
            [channel, message, later],
        )
        .unwrap();
    archive
        .execute(
            "INSERT INTO changes (kind, channel_id, first_message_id, last_message_id) VALUES ('changed', ?1, ?2, ?2)",
            [channel, message],
        )
        .unwrap();
    let times: Vec<i64> = archive
        .prepare("SELECT created_at + 1 FROM messages ORDER BY created_at")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let reader = Reader::open(&scene.sandbox.archive_path()).unwrap();
    for time in times.into_iter().step_by(7).map(Timestamp::from_millis) {
        for is_oldest_first in [false, true] {
            let filter = MessageFilter {
                since: is_oldest_first.then_some(time),
                until: (!is_oldest_first).then_some(time),
                ..MessageFilter::default()
            };
            let request =
                Request { filter, is_oldest_first, limit: 1000, ..request("wipe* OR 東京 OR the") };
            let index = WordIndex::open(&scene.index()).unwrap();
            let current = CurrentIndex::of(index, &reader).unwrap().unwrap();
            let with_index = run(&reader, Some(current), &request, |_| ()).unwrap();
            let by_reading = run(&reader, None, &request, |_| ()).unwrap();
            assert_eq!(with_index.searched, Searched::Both);
            assert_eq!(with_index.hits, by_reading.hits, "{time:?}");
        }
    }
}

#[test]
fn an_erasure_finishes_what_killed_processes_left() {
    let scene = Scene::new(16);
    scene.search("wipe");
    let id = scene.sandbox.sim.world().user_id(GUILD, USER).unwrap();
    // The index was deleted, but not the journal of a change.
    let journal = scene.sandbox.dir.path().join("archive.search.db-journal");
    fs::remove_file(scene.index()).unwrap();
    fs::write(&journal, "quixotry").unwrap();
    scene.sandbox.run(&["forget", "--user", &id.to_string(), "--yes"]).expect_code(0);
    assert!(!journal.exists());
    // Words were dropped from the lists, but not from free pages.
    scene.search("wipe");
    let index = Connection::open(scene.index()).unwrap();
    index
        .execute_batch(
            "PRAGMA secure_delete = 0; CREATE TABLE x (y); INSERT INTO x VALUES (printf('quixotry%.5000c', 'x'));
             DROP TABLE x; UPDATE state SET residue_since = NULL",
        )
        .unwrap();
    drop(index);
    assert!(scene.is_in_files("quixotry"));
    let due = "INSERT INTO archive_info (key, value) VALUES ('index_erasure_due', '1')";
    scene.sandbox.archive().execute(due, []).unwrap();
    scene.start();
    assert!(!scene.is_in_files("quixotry"));
    assert_eq!(scene.sandbox.count("SELECT count(*) FROM archive_info WHERE key = 'index_erasure_due'"), 0);
    scene.assert_same_answers();
}

#[test]
fn a_query_that_the_index_cannot_answer_does_not_rebuild_it() {
    let scene = Scene::new(17);
    scene.search("wipe");
    let built = fs::metadata(scene.index()).unwrap().modified().unwrap();
    let query = format!("wipe {}server{}", "(x OR (server ".repeat(24), "))".repeat(24));
    let ran = scene.sandbox.run(&["search", &query, "--format", "json"]).expect_code(0);
    assert_eq!(ran.last_json()["complete"], true);
    assert_eq!(fs::metadata(scene.index()).unwrap().modified().unwrap(), built);
}

#[test]
fn it_is_never_more_readable_than_the_archive() {
    let scene = Scene::new(18);
    let set =
        |mode| fs::set_permissions(scene.sandbox.archive_path(), fs::Permissions::from_mode(mode)).unwrap();
    set(0o644);
    scene.search("wipe");
    let mode = || scene.index().metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o644);
    set(0o600);
    scene.start();
    assert_eq!(mode(), 0o600);
}

#[test]
fn neither_ids_nor_hashes_are_listed() {
    let scene = Scene::new(9);
    let world = scene.sandbox.sim.world();
    let (known, unknown) = (world.user_id(GUILD, USER).unwrap(), 87_654_321_987_654_321_u64);
    world.append_text(scene.channels[0], 2, &format!("x{unknown}y {unknown} <@{known}> {}", hash(known)));
    world.advance(HOUR);
    scene.start();
    scene.search("wipe");
    let index = fs::read(scene.index()).unwrap();
    for text in [known.to_string(), unknown.to_string(), hash(known)] {
        assert!(!index.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
    }
}

#[test]
fn a_build_does_not_outlive_an_erasure() {
    let scene = Scene::new(10);
    let leftover = scene.sandbox.dir.path().join("archive.search.db.0a1b2c3d.new");
    fs::write(&leftover, "of a killed search").unwrap();
    let id = scene.sandbox.sim.world().user_id(GUILD, USER).unwrap();
    scene.sandbox.run(&["forget", "--user", &id.to_string(), "--yes"]).expect_code(0);
    assert!(!leftover.exists());
    fs::write(&leftover, "of a killed search").unwrap();
    assert_eq!(scene.search("wipe").0, "index");
    assert!(!leftover.exists(), "the next build removes it");
}

#[test]
fn on_a_full_or_read_only_disk_the_archive_is_read() {
    let scene = Scene::new(14);
    let expected = scene.sandbox.run(&["search", "wipe", "--count"]).expect_code(0).stdout;
    let config = fs::read_to_string(scene.sandbox.dir.path().join("sync.toml")).unwrap();
    fs::create_dir(scene.sandbox.dir.path().join("small")).unwrap();
    scene.sandbox.write("small.toml", &format!("[archive]\npath = \"small/archive.db\"\n{config}"));
    let (binary, size) =
        (env!("CARGO_BIN_EXE_verta-sync"), fs::metadata(scene.sandbox.archive_path()).unwrap().len());
    let search = format!("{binary} --config small.toml search wipe --count -v");
    for (options, after, reason) in [
        (format!("size={}", size + 65_536), "true", "the disk has not enough free space"),
        ("size=10m".to_owned(), "mount -o remount,ro small", ""),
    ] {
        let script = format!(
            "mount -t tmpfs -o {options} none small && cp archive.db archive.db-wal archive.db-shm small && {after} || exit 99
             {search}; code=$?; ls small | grep -c search >&2; exit $code"
        );
        let ran = std::process::Command::new("unshare")
            .args(["-rm", "sh", "-c", &script])
            .current_dir(scene.sandbox.dir.path())
            .output();
        // Not every user may mount.
        let Ok(ran) = ran.map(CommandOutput::from) else { return };
        if !matches!(ran.code, 1 | 99) {
            assert_eq!(ran.code, 0, "{}", ran.stderr);
            assert_eq!(ran.stdout, expected, "{}", ran.stderr);
            assert!(ran.stderr.contains(reason) && ran.stderr.ends_with("\n0\n"), "{}", ran.stderr);
        }
    }
}

#[test]
fn two_searches_at_once_build_one() {
    let scene = Scene::new(11);
    let arguments = ["search", "wipe", "--format", "json"];
    let children: Vec<_> = (0..4).map(|_| scene.sandbox.spawn(&arguments)).collect();
    let hits = children.into_iter().map(|child| {
        let ran = wait_for_exit(child).expect_code(0);
        ran.last_json()["hits"].as_u64().unwrap()
    });
    let hits: Vec<u64> = hits.collect();
    assert!(hits[0] > 0 && hits.iter().all(|count| *count == hits[0]), "{hits:?}");
    scene.assert_right();
    scene.assert_same_answers();
    let listing = scene.sandbox.listing();
    assert!(listing.iter().all(|name| !name.contains(".new")), "{listing:?}");
}

/// `KILLS=150 cargo test --test program search_index` kills 150 times each.
#[test]
fn killed_while_it_is_built_or_updated_it_is_right_afterwards() {
    let mut scene = Scene::new(12);
    let mut dice = Dice::new(13);
    for _ in 0..requested_kills() {
        fs::remove_file(scene.index()).ok();
        let arguments = ["search", "wipe", "--reindex"];
        completes_before_kill(&scene.sandbox, &arguments, &mut dice, Duration::from_millis(60));
        scene.assert_right();
    }
    for _ in 0..requested_kills() {
        scene.change();
        scene.change();
        let before = fs::read(scene.index()).unwrap();
        let child = RefCell::new(scene.sandbox.spawn(&["start"]));
        // The index is changed at the end of the run.
        wait_until("the index is changed", || {
            fs::read(scene.index()).is_ok_and(|bytes| bytes != before)
                || child.borrow_mut().try_wait().unwrap().is_some()
        });
        std::thread::sleep(Duration::from_micros(dice.below(8_000)));
        let mut child = child.into_inner();
        send(&child, rustix::process::Signal::KILL);
        child.wait().unwrap();
        scene.assert_right();
    }
    scene.start();
    scene.assert_right();
    scene.assert_same_answers();
}
