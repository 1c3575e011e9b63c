//! Runs of `verta-sync start`, and what each promises.

use std::collections::HashSet;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use discord_sim::{BodyKind, Damage, Match, RouteKind, Scope, What, World};
use rusqlite::Connection;

use super::UNREADABLE_THREADS;
use super::archived::{self, Key};
use super::change::{self, apply_where};
use super::check::{self, People};
use super::message::Trust;
use super::model::{Model, Seen, Sight};
use super::setup::{GUILD, Setup};
use super::step::{Change, Fault, Sync};
use crate::util::{Ran, Sandbox};

/// The world's clock stands still during a sync and is put forward afterwards,
/// by a multiple of this, so that it doesn't depend on the machine.
const STRIDE: Duration = Duration::from_secs(5);
/// Slow enough to be killed at a certain request.
const LATENCY: Duration = Duration::from_millis(3);

/// A server, its archive, and what the archive may hold.
pub struct Scene {
    pub sandbox: Sandbox,
    people: People,
    model: Model,
}

/// How a sync ended, and what that promises of each channel.
struct Outcome {
    text: String,
    full: bool,
    is_finished: bool,
    trust: Box<dyn Fn(&Seen) -> Option<Trust>>,
    /// The look before something changed meanwhile.
    since: Option<usize>,
}

impl Outcome {
    fn new(text: String, full: bool, is_finished: bool) -> Self {
        let trust = if is_finished { Trust::Sure } else { Trust::Unsure };
        Self { text, full, is_finished, trust: Box::new(move |_| Some(trust)), since: None }
    }

    /// The same, but one channel isn't trusted like the others.
    fn but(self, channel: u64, other: Trust) -> Self {
        let trust = Box::new(move |seen: &Seen| Some(if seen.id == channel { other } else { Trust::Sure }));
        Self { trust, ..self }
    }
}

type Told<T> = Result<T, String>;

impl Scene {
    pub fn new(setup: &Setup) -> Self {
        let world = World::new(&setup.description);
        let sandbox = Sandbox::with_config(world, &setup.config);
        let people = People::of(sandbox.sim.world());
        Self { sandbox, people, model: Model::new(setup.window_ms) }
    }

    fn world(&self) -> &World {
        self.sandbox.sim.world()
    }

    /// Runs a sync and compares the archive with what it may hold afterwards.
    pub fn sync(&mut self, sync: &Sync) -> Told<String> {
        let text = self.run(|scene| scene.perform(sync))?;
        if matches!(sync, Sync::Plain { again: true }) {
            return self.again().map(|again| format!("{text}; {again}"));
        }
        Ok(text)
    }

    fn run(&mut self, perform: impl FnOnce(&mut Self) -> Told<Outcome>) -> Told<String> {
        let (begin_ms, begin) = (self.world().now_ms(), Instant::now());
        let emptied = self.emptied();
        let outcome = perform(self)?;
        let strides = begin.elapsed().as_secs() / STRIDE.as_secs() + 1;
        self.world().advance(STRIDE * u32::try_from(strides).expect("few"));
        let broken = self.archive().map_or_else(HashSet::new, |archive| archived::broken(&archive));
        // Of what is empty now, or was meanwhile, nothing is promised for a day.
        let emptied: HashSet<u64> = emptied.into_iter().chain(self.emptied()).collect();
        let trust = outcome.trust;
        let trust = move |seen: &Seen| match trust(seen) {
            Some(Trust::Sure) if emptied.contains(&seen.id) => Some(Trust::Unsure),
            trust => trust,
        };
        let sight = Sight {
            begin_ms,
            end_ms: self.world().now_ms(),
            full: outcome.full,
            trust: &trust,
            broken: &broken,
            since: outcome.since,
            is_glance: false,
        };
        let number = self.model.look(self.sandbox.sim.world(), &sight);
        if outcome.full {
            let since = self.model.full_since.unwrap_or(number);
            self.model.full_since = (!outcome.is_finished).then_some(since);
        }
        let problems =
            self.archive().and_then(|archive| check::problems(&self.model, &archive, &self.people));
        match problems {
            Some(problems) => Err(format!("after {}:\n{problems}", outcome.text)),
            None if outcome.is_finished && self.archive().is_none() => Err("there is no archive".to_owned()),
            None => Ok(outcome.text),
        }
    }

    /// Channels whose messages are all deleted: that an empty page is right is
    /// believed a day later.
    fn emptied(&self) -> HashSet<u64> {
        let truth = self.world().truth(GUILD);
        let is_emptied =
            |channel: &&discord_sim::TruthChannel<'_>| channel.messages().all(|message| message.deleted);
        truth.iter().filter(is_emptied).map(|channel| channel.id).collect()
    }

    /// What the archive knows to be incomplete for less than a day.
    fn findings(&self) -> i64 {
        let sql = "SELECT (SELECT count(*) FROM sync_progress s JOIN channels c ON c.id = s.channel_id
                            WHERE c.state = 'active' AND (s.end_doubted_at > ?1 OR s.threads_doubted_at > ?1))
                        + (SELECT count(*) FROM broken_messages b JOIN channels c ON c.id = b.channel_id
                            WHERE c.state = 'active' AND b.created_at > ?1)
                        + (SELECT count(*) FROM channels WHERE vanished_at IS NOT NULL)
                        + (SELECT count(*) FROM tenants WHERE empty_since > ?1)";
        let day_ago = self.world().now_ms() - 86_400_000;
        let count = |archive: Connection| archive.query_row(sql, [day_ago], |row| row.get(0)).unwrap();
        self.archive().map_or(0, count)
    }

    /// Asserts that a run which failed in nothing ends with 3 only for what the
    /// archive knows to be incomplete.
    fn expect_complete(&self, ran: &Ran, text: &str) -> Told<()> {
        expect(ran, text, if self.findings() > 0 { &[0, 3] } else { &[0] })
    }

    /// The archive, if a sync came far enough to make it.
    fn archive(&self) -> Option<Connection> {
        let archive = self.sandbox.archive_path().exists().then(|| self.sandbox.archive())?;
        let views = "SELECT count(*) FROM sqlite_schema WHERE type = 'view' AND name = 'message_log'";
        let is_made = archive.query_row(views, [], |row| row.get::<_, i64>(0)).unwrap() == 1;
        is_made.then_some(archive)
    }

    fn perform(&mut self, sync: &Sync) -> Told<Outcome> {
        match sync {
            Sync::Plain { .. } => self.finished(&[], false),
            Sync::Full => self.finished(&[], true),
            Sync::Killed { full, requests } => self.killed(*full, *requests),
            Sync::Channel { place } => self.channel(*place),
            Sync::Stopped { full, millis } => self.stopped(*full, *millis),
            Sync::Faulty { full, fault, place } => {
                let outcome = self.faulty(*full, *fault, *place);
                self.sandbox.sim.faults().clear();
                outcome
            }
            Sync::Meanwhile { requests, changes } => self.meanwhile(*requests, changes),
        }
    }

    fn start(&self, arguments: &[&str], full: bool) -> (Ran, String) {
        let arguments = line(arguments, full);
        let ran = self.sandbox.run(&arguments);
        let text = format!("{} → {}", arguments.join(" "), ran.code);
        (ran, text)
    }

    fn finished(&self, arguments: &[&str], full: bool) -> Told<Outcome> {
        let (ran, text) = self.start(arguments, full);
        self.expect_complete(&ran, &text)?;
        if arguments.is_empty() {
            self.expect_nothing_broken(&text)?;
        }
        Ok(Outcome::new(text, full, true))
    }

    /// What was broken in an earlier run has been read again where it can be.
    fn expect_nothing_broken(&self, text: &str) -> Told<()> {
        let broken = self.archive().map_or_else(HashSet::new, |archive| archived::broken_channels(&archive));
        let truth = self.world().truth(GUILD);
        let readable = truth.iter().filter(|channel| channel.bot_can_read).map(|channel| channel.id);
        match readable.filter(|channel| broken.contains(channel)).min() {
            None => Ok(()),
            Some(channel) => Err(format!("after {text}, messages of {channel} are still broken")),
        }
    }

    fn spawn(&self, full: bool) -> Child {
        self.sandbox.sim.journal().clear();
        self.sandbox.sim.set_latency(LATENCY, LATENCY);
        self.sandbox.spawn(&line(&[], full))
    }

    /// Waits for a request, or for the end.
    fn wait_for(&self, child: &mut Child, requests: u32) {
        let requests = requests as usize;
        while self.sandbox.sim.journal().len() < requests && child.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(1));
        }
    }

    fn killed(&self, full: bool, requests: u32) -> Told<Outcome> {
        let mut child = self.spawn(full);
        self.wait_for(&mut child, requests);
        child.kill().unwrap();
        child.wait().unwrap();
        self.sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
        let full_word = if full { " --full" } else { "" };
        Ok(Outcome::new(format!("start{full_word}, killed at request {requests}"), full, false))
    }

    fn channel(&self, number: u32) -> Told<Outcome> {
        let place = change::choose(self.world(), number, |place| place.readable && !place.archived);
        let Some(place) = place else {
            return self.finished(&[], false);
        };
        let outcome = self.finished(&["--channel", &place.id.to_string()], false)?;
        // Its threads are read with it.
        let is_asked = move |seen: &Seen| seen.id == place.id || seen.parent == Some(place.id);
        Ok(Outcome { trust: Box::new(move |seen| is_asked(seen).then_some(Trust::Sure)), ..outcome })
    }

    fn stopped(&self, full: bool, millis: u32) -> Told<Outcome> {
        self.sandbox.sim.set_latency(LATENCY, LATENCY);
        let (ran, text) = self.start(&["--max-runtime", &format!("{millis}ms")], full);
        self.sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
        expect(&ran, &text, &[0, 1, 3])?;
        Ok(Outcome::new(text, full, ran.code == 0 && !ran.stdout.contains("out of time")))
    }

    fn faulty(&self, full: bool, fault: Fault, number: u32) -> Told<Outcome> {
        let is_read = |place: &change::Place| place.readable && place.has_messages();
        let Some(place) = change::choose(self.world(), number, is_read) else {
            return self.finished(&[], full);
        };
        let page = Match::page_of(place.id);
        let pick = number as usize / 7;
        let error = What::Status(500, BodyKind::Json(0));
        let (when, what) = match fault {
            Fault::PagesOfOne => (page.always(), error),
            Fault::Listing => (Match::route(LISTINGS[pick % LISTINGS.len()]).always(), error),
            Fault::Passing => passing(pick),
            Fault::Shuffled => (Match::route(RouteKind::Messages).always(), What::ShuffledOrder),
            Fault::BrokenMessage => (page, What::BrokenMessage(pick % 5, Damage::WrongTypes)),
            Fault::NamelessMessage => (page, What::BrokenMessage(pick % 5, NAMELESS[pick % NAMELESS.len()])),
        };
        let planned = format!("{what:?} on {:?} of {:?}", when.route, when.channel);
        let planned = self.sandbox.sim.faults().when(when, what).to_string() + ": " + &planned;
        let (ran, text) = self.start(&[], full);
        let fired = self.sandbox.sim.faults().fired(0);
        let text = format!("{text}, {fired} times fault {planned}");
        match fault {
            Fault::PagesOfOne | Fault::Listing if fired > 0 => expect(&ran, &text, &[1, 3])?,
            // Where all messages of a page are nameless, there is no going on.
            Fault::NamelessMessage if fired > 0 => expect(&ran, &text, &[0, 1, 3])?,
            _ => self.expect_complete(&ran, &text)?,
        }
        let failed = self.sandbox.count("SELECT count(*) FROM sync_progress WHERE status = 'failed'") > 0;
        let is_finished = ran.code == 0 || ran.code == 3 && !failed && fault != Fault::Listing;
        let outcome = Outcome::new(text, full, is_finished);
        Ok(match fault {
            Fault::PagesOfOne | Fault::NamelessMessage if failed => outcome.but(place.id, Trust::Unsure),
            Fault::NamelessMessage if fired > 0 => outcome.but(place.id, Trust::Excused),
            _ => outcome,
        })
    }

    fn meanwhile(&mut self, requests: u32, changes: &[Change]) -> Told<Outcome> {
        let now_ms = self.world().now_ms();
        let before = Sight {
            begin_ms: now_ms,
            end_ms: now_ms,
            full: false,
            trust: &|_| Some(Trust::Unsure),
            broken: &HashSet::new(),
            since: None,
            is_glance: true,
        };
        let since = self.model.look(self.sandbox.sim.world(), &before);
        let mut child = self.spawn(false);
        self.wait_for(&mut child, requests);
        // An archived thread would be opened: in the middle of a run, that is
        // the next one's.
        let change = |change| apply_where(self.world(), change, |place| !place.archived);
        let changes: Vec<String> = changes.iter().filter_map(change).collect();
        let ran = crate::util::ended(child);
        self.sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
        let text = format!("start → {}, while, at request {requests}: {}", ran.code, changes.join("; "));
        self.expect_complete(&ran, &text)?;
        Ok(Outcome { since: Some(since), ..Outcome::new(text, false, true) })
    }

    /// A second run at once changes nothing, but for messages that were missing
    /// at the end of a channel: it takes a second look to be sure.
    fn again(&mut self) -> Told<String> {
        let unsure: HashSet<Key> = self
            .model
            .places
            .iter()
            .flat_map(|(channel, place)| {
                let missing = place.messages.iter().filter(|(_, message)| message.may_haunt());
                let rows = missing.flat_map(|(id, _)| [(*channel, *id), (*channel, 0)]);
                let is_shaky = !UNREADABLE_THREADS && place.is_thread && !place.is_readable;
                rows.chain(is_shaky.then_some((*channel, 0)))
            })
            .collect();
        let content = |scene: &Self| {
            let mut rows = scene.archive().map_or_else(Vec::new, |archive| archived::content(&archive));
            rows.retain(|(key, _)| !unsure.contains(key));
            rows
        };
        let before = content(self);
        let (begin_ms, text) = (self.world().now_ms(), self.run(|scene| scene.finished(&[], false))?);
        let after = content(self);
        if before == after {
            return Ok(format!("again {text}"));
        }
        let old: Vec<_> = before.iter().filter(|row| !after.contains(row)).take(3).collect();
        let new: Vec<_> = after.iter().filter(|row| !before.contains(row)).take(3).collect();
        Err(format!("a second run at {begin_ms} changed rows:\n{old:?}\nto\n{new:?}"))
    }

    /// Two full reads of a world that stands still.
    pub fn settle(&mut self) -> Told<()> {
        self.world().advance(Duration::from_secs(61));
        let left_over = usize::from(self.model.full_since.is_some());
        for _ in 0..left_over + 1 {
            self.sync(&Sync::Full)?;
        }
        // What was empty then is believed to be so now.
        self.world().advance(Duration::from_hours(25));
        self.sync(&Sync::Full)?;
        let archive = self.archive().ok_or("there is no archive")?;
        let differences = check::differences(&self.model, &archive, &self.people, self.world());
        differences.map_or(Ok(()), |text| Err(format!("after two full reads:\n{text}")))
    }
}

fn line<'a>(arguments: &[&'a str], full: bool) -> Vec<&'a str> {
    let full = full.then_some("--full");
    ["start"].into_iter().chain(full).chain(arguments.iter().copied()).collect()
}

fn expect(ran: &Ran, text: &str, codes: &[i32]) -> Told<()> {
    if codes.contains(&ran.code) {
        return Ok(());
    }
    Err(format!("{text}, not one of {codes:?}\nstdout:\n{}\nstderr:\n{}", ran.stdout, ran.stderr))
}

const LISTINGS: [RouteKind; 3] =
    [RouteKind::GuildChannels, RouteKind::ActiveThreads, RouteKind::ArchivedPublicThreads];
const NAMELESS: [Damage; 4] = [Damage::MissingId, Damage::BadId, Damage::Null, Damage::NotAnObject];
const ROUTES: [RouteKind; 6] = [
    RouteKind::Messages,
    RouteKind::GuildChannels,
    RouteKind::ActiveThreads,
    RouteKind::ArchivedPublicThreads,
    RouteKind::Channel,
    RouteKind::Guild,
];

/// Something that is over when it is tried again.
fn passing(pick: usize) -> (Match, What) {
    let what = match pick / ROUTES.len() % 7 {
        0 => What::Status(500, BodyKind::Json(0)),
        1 => What::Status(502, BodyKind::Html),
        2 => What::TruncatedBody,
        3 => What::InvalidJson,
        4 => What::ResetBeforeHeaders,
        5 => What::Stall(Duration::from_millis(20)),
        _ => What::RateLimited { retry_after: 0.02, scope: Scope::User },
    };
    (Match::route(ROUTES[pick % ROUTES.len()]), what)
}
