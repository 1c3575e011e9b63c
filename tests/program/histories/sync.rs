//! Runs `verta-sync start` in each mode and records what the run guarantees.

use std::collections::HashSet;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use discord_sim::{BodyKind, Damage, FaultKind, Match, RouteKind, Scope, World};
use rusqlite::Connection;

use super::SHOWS_UNREADABLE_THREADS;
use super::archived::{self, Key};
use super::change::{self, apply_where};
use super::check::{self, UserHashes};
use super::message::Coverage;
use super::model::{ChannelRef, Model, SyncRecord};
use super::setup::{GUILD, Setup};
use super::step::{Change, Fault, Sync};
use crate::util::{CommandOutput, Sandbox};

/// The world's clock stands still during a sync and is advanced afterwards by a multiple
/// of this step, so that it doesn't depend on the speed of the machine.
const CLOCK_STEP: Duration = Duration::from_secs(5);
/// Latency that makes a run slow enough to be killed at a given request.
const LATENCY: Duration = Duration::from_millis(3);

/// A simulated server, its archive, and the model of what the archive may hold.
pub struct Fixture {
    pub sandbox: Sandbox,
    user_hashes: UserHashes,
    model: Model,
}

/// How a sync wait_for_exit, and what that guarantees about each channel.
struct Outcome {
    text: String,
    full: bool,
    is_finished: bool,
    coverage: Box<dyn Fn(&ChannelRef) -> Option<Coverage>>,
    /// Number of the baseline taken before concurrent changes, if there is one.
    since: Option<usize>,
}

impl Outcome {
    fn new(text: String, full: bool, is_finished: bool) -> Self {
        let coverage = if is_finished { Coverage::Complete } else { Coverage::Partial };
        Self { text, full, is_finished, coverage: Box::new(move |_| Some(coverage)), since: None }
    }

    /// All channels are complete except one.
    fn except(self, channel: u64, exception: Coverage) -> Self {
        let coverage = Box::new(move |channel_ref: &ChannelRef| {
            Some(if channel_ref.id == channel { exception } else { Coverage::Complete })
        });
        Self { coverage, ..self }
    }
}

/// The error describes what the check found.
type CheckResult<T> = Result<T, String>;

impl Fixture {
    pub fn new(setup: &Setup) -> Self {
        let world = World::new(&setup.description);
        let sandbox = Sandbox::with_config(world, &setup.config);
        let user_hashes = UserHashes::of(sandbox.sim.world());
        Self { sandbox, user_hashes, model: Model::new(setup.window_ms) }
    }

    fn world(&self) -> &World {
        self.sandbox.sim.world()
    }

    /// Runs a sync and compares the archive with what it may hold afterwards.
    pub fn sync(&mut self, sync: &Sync) -> CheckResult<String> {
        let text = self.run_and_check(|fixture| fixture.perform(sync))?;
        if matches!(sync, Sync::Plain { is_repeated: true }) {
            return self.repeat().map(|repeated| format!("{text}; {repeated}"));
        }
        Ok(text)
    }

    fn run_and_check(
        &mut self,
        perform: impl FnOnce(&mut Self) -> CheckResult<Outcome>,
    ) -> CheckResult<String> {
        let (begin_ms, begin) = (self.world().now_ms(), Instant::now());
        let emptied = self.emptied_channels();
        let outcome = perform(self)?;
        let steps = begin.elapsed().as_secs() / CLOCK_STEP.as_secs() + 1;
        self.world().advance(CLOCK_STEP * u32::try_from(steps).expect("few"));
        let malformed =
            self.archive().map_or_else(HashSet::new, |archive| archived::malformed_messages(&archive));
        // For a day, nothing is guaranteed about channels that were empty before or now.
        let emptied: HashSet<u64> = emptied.into_iter().chain(self.emptied_channels()).collect();
        let coverage = outcome.coverage;
        let coverage = move |channel_ref: &ChannelRef| match coverage(channel_ref) {
            Some(Coverage::Complete) if emptied.contains(&channel_ref.id) => Some(Coverage::Partial),
            coverage => coverage,
        };
        let record = SyncRecord {
            begin_ms,
            end_ms: self.world().now_ms(),
            full: outcome.full,
            coverage: &coverage,
            malformed: &malformed,
            since: outcome.since,
            is_baseline: false,
        };
        let number = self.model.record_sync(self.sandbox.sim.world(), &record);
        if outcome.full {
            let since = self.model.full_since.unwrap_or(number);
            self.model.full_since = (!outcome.is_finished).then_some(since);
        }
        let problems =
            self.archive().and_then(|archive| check::problems(&self.model, &archive, &self.user_hashes));
        match problems {
            Some(problems) => Err(format!("after {}:\n{problems}", outcome.text)),
            None if outcome.is_finished && self.archive().is_none() => Err("there is no archive".to_owned()),
            None => Ok(outcome.text),
        }
    }

    /// Channels whose messages are all deleted: a sync confirms their empty pages only a
    /// day later.
    fn emptied_channels(&self) -> HashSet<u64> {
        let truth = self.world().truth(GUILD);
        let is_emptied =
            |channel: &&discord_sim::TruthChannel<'_>| channel.messages().all(|message| message.deleted);
        truth.iter().filter(is_emptied).map(|channel| channel.id).collect()
    }

    /// Counts the findings in the archive that are younger than a day.
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

    /// Checks that a run without failures exits with 0, or with 3 if there are findings.
    fn expect_complete(&self, ran: &CommandOutput, text: &str) -> CheckResult<()> {
        expect_code(ran, text, if self.findings() > 0 { &[0, 3] } else { &[0] })
    }

    /// The archive, if a sync got far enough to create its schema.
    fn archive(&self) -> Option<Connection> {
        let archive = self.sandbox.archive_path().exists().then(|| self.sandbox.archive())?;
        let views = "SELECT count(*) FROM sqlite_schema WHERE type = 'view' AND name = 'message_log'";
        let is_made = archive.query_row(views, [], |row| row.get::<_, i64>(0)).unwrap() == 1;
        is_made.then_some(archive)
    }

    fn perform(&mut self, sync: &Sync) -> CheckResult<Outcome> {
        match sync {
            Sync::Plain { .. } => self.run_to_end(&[], false),
            Sync::Full => self.run_to_end(&[], true),
            Sync::Killed { full, requests } => self.run_killed(*full, *requests),
            Sync::Channel { channel } => self.run_channel(*channel),
            Sync::TimeLimited { full, millis } => self.run_with_time_limit(*full, *millis),
            Sync::Faulty { full, fault, channel } => {
                let outcome = self.run_with_fault(*full, *fault, *channel);
                self.sandbox.sim.faults().clear();
                outcome
            }
            Sync::ConcurrentChanges { requests, changes } => self.run_with_changes(*requests, changes),
        }
    }

    fn start(&self, arguments: &[&str], full: bool) -> (CommandOutput, String) {
        let arguments = command_line(arguments, full);
        let ran = self.sandbox.run(&arguments);
        let text = format!("{} → {}", arguments.join(" "), ran.code);
        (ran, text)
    }

    fn run_to_end(&self, arguments: &[&str], full: bool) -> CheckResult<Outcome> {
        let (ran, text) = self.start(arguments, full);
        self.expect_complete(&ran, &text)?;
        if arguments.is_empty() {
            self.expect_none_malformed(&text)?;
        }
        Ok(Outcome::new(text, full, true))
    }

    /// Checks that malformed messages of earlier runs have been re-read in readable
    /// channels.
    fn expect_none_malformed(&self, text: &str) -> CheckResult<()> {
        let malformed = self
            .archive()
            .map_or_else(HashSet::new, |archive| archived::channels_with_malformed_messages(&archive));
        let truth = self.world().truth(GUILD);
        let readable = truth.iter().filter(|channel| channel.bot_can_read).map(|channel| channel.id);
        match readable.filter(|channel| malformed.contains(channel)).min() {
            None => Ok(()),
            Some(channel) => Err(format!("after {text}, messages of {channel} are still broken")),
        }
    }

    fn spawn(&self, full: bool) -> Child {
        self.sandbox.sim.journal().clear();
        self.sandbox.sim.set_latency(LATENCY, LATENCY);
        self.sandbox.spawn(&command_line(&[], full))
    }

    /// Waits until the run has sent `requests` requests or has ended.
    fn wait_for(&self, child: &mut Child, requests: u32) {
        let requests = requests as usize;
        while self.sandbox.sim.journal().len() < requests && child.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(1));
        }
    }

    fn run_killed(&self, full: bool, requests: u32) -> CheckResult<Outcome> {
        let mut child = self.spawn(full);
        self.wait_for(&mut child, requests);
        child.kill().unwrap();
        child.wait().unwrap();
        self.sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
        let full_word = if full { " --full" } else { "" };
        Ok(Outcome::new(format!("start{full_word}, killed at request {requests}"), full, false))
    }

    fn run_channel(&self, number: u32) -> CheckResult<Outcome> {
        let channel = change::choose(self.world(), number, |channel| channel.readable && !channel.archived);
        let Some(channel) = channel else {
            return self.run_to_end(&[], false);
        };
        let outcome = self.run_to_end(&["--channel", &channel.id.to_string()], false)?;
        // The threads of the channel are read with it.
        let is_requested = move |channel_ref: &ChannelRef| {
            channel_ref.id == channel.id || channel_ref.parent == Some(channel.id)
        };
        Ok(Outcome {
            coverage: Box::new(move |channel_ref| is_requested(channel_ref).then_some(Coverage::Complete)),
            ..outcome
        })
    }

    fn run_with_time_limit(&self, full: bool, millis: u32) -> CheckResult<Outcome> {
        self.sandbox.sim.set_latency(LATENCY, LATENCY);
        let (ran, text) = self.start(&["--max-runtime", &format!("{millis}ms")], full);
        self.sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
        expect_code(&ran, &text, &[0, 1, 3])?;
        Ok(Outcome::new(text, full, ran.code == 0))
    }

    fn run_with_fault(&self, full: bool, fault: Fault, number: u32) -> CheckResult<Outcome> {
        let is_read = |channel: &change::TargetChannel| channel.readable && channel.has_messages();
        let Some(channel) = change::choose(self.world(), number, is_read) else {
            return self.run_to_end(&[], full);
        };
        let page = Match::page_of(channel.id);
        let pick = number as usize / 7;
        let error = FaultKind::Status(500, BodyKind::Json(0));
        let (when, what) = match fault {
            Fault::PagesOfOneChannel => (page.always(), error),
            Fault::Listing => (Match::route(LISTINGS[pick % LISTINGS.len()]).always(), error),
            Fault::Transient => transient_fault(pick),
            Fault::ShuffledPages => (Match::route(RouteKind::Messages).always(), FaultKind::ShuffledOrder),
            Fault::MalformedMessage => (page, FaultKind::MalformedMessage(pick % 5, Damage::WrongTypes)),
            Fault::MessageWithoutId => {
                (page, FaultKind::MalformedMessage(pick % 5, ID_DAMAGES[pick % ID_DAMAGES.len()]))
            }
        };
        let planned = format!("{what:?} on {:?} of {:?}", when.route, when.channel);
        let planned = self.sandbox.sim.faults().when(when, what).to_string() + ": " + &planned;
        let (ran, text) = self.start(&[], full);
        let fired = self.sandbox.sim.faults().fired(0);
        let text = format!("{text}, {fired} times fault {planned}");
        match fault {
            Fault::PagesOfOneChannel | Fault::Listing if fired > 0 => expect_code(&ran, &text, &[1, 3])?,
            // If all messages of a page lack an ID, there is no cursor to continue from.
            Fault::MessageWithoutId if fired > 0 => expect_code(&ran, &text, &[0, 1, 3])?,
            _ => self.expect_complete(&ran, &text)?,
        }
        let failed = self.sandbox.count("SELECT count(*) FROM sync_progress WHERE status = 'failed'") > 0;
        let is_finished = ran.code == 0 || ran.code == 3 && !failed && fault != Fault::Listing;
        let outcome = Outcome::new(text, full, is_finished);
        Ok(match fault {
            Fault::PagesOfOneChannel | Fault::MessageWithoutId if failed => {
                outcome.except(channel.id, Coverage::Partial)
            }
            Fault::MessageWithoutId if fired > 0 => outcome.except(channel.id, Coverage::Excused),
            _ => outcome,
        })
    }

    fn run_with_changes(&mut self, requests: u32, changes: &[Change]) -> CheckResult<Outcome> {
        let now_ms = self.world().now_ms();
        let before = SyncRecord {
            begin_ms: now_ms,
            end_ms: now_ms,
            full: false,
            coverage: &|_| Some(Coverage::Partial),
            malformed: &HashSet::new(),
            since: None,
            is_baseline: true,
        };
        let since = self.model.record_sync(self.sandbox.sim.world(), &before);
        let mut child = self.spawn(false);
        self.wait_for(&mut child, requests);
        // A message would unarchive an archived thread; a run may leave that to the next.
        let change = |change| apply_where(self.world(), change, |channel| !channel.archived);
        let changes: Vec<String> = changes.iter().filter_map(change).collect();
        let ran = crate::util::wait_for_exit(child);
        self.sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
        let text = format!("start → {}, while, at request {requests}: {}", ran.code, changes.join("; "));
        self.expect_complete(&ran, &text)?;
        Ok(Outcome { since: Some(since), ..Outcome::new(text, false, true) })
    }

    /// Checks that an immediate second run changes nothing except messages absent at the
    /// end of a channel, whose deletion needs a second run for confirmation.
    fn repeat(&mut self) -> CheckResult<String> {
        let uncertain: HashSet<Key> = self
            .model
            .channels
            .iter()
            .flat_map(|(channel, model)| {
                let missing = model.messages.iter().filter(|(_, message)| message.may_show_deleted());
                let rows = missing.flat_map(|(id, _)| [(*channel, *id), (*channel, 0)]);
                let is_uncertain = !SHOWS_UNREADABLE_THREADS && model.is_thread && !model.is_readable;
                rows.chain(is_uncertain.then_some((*channel, 0)))
            })
            .collect();
        let content = |fixture: &Self| {
            let mut rows = fixture.archive().map_or_else(Vec::new, |archive| archived::content(&archive));
            rows.retain(|(key, _)| !uncertain.contains(key));
            rows
        };
        let before = content(self);
        let (begin_ms, text) =
            (self.world().now_ms(), self.run_and_check(|fixture| fixture.run_to_end(&[], false))?);
        let after = content(self);
        if before == after {
            return Ok(format!("again {text}"));
        }
        let old: Vec<_> = before.iter().filter(|row| !after.contains(row)).take(3).collect();
        let new: Vec<_> = after.iter().filter(|row| !before.contains(row)).take(3).collect();
        Err(format!("a second run at {begin_ms} changed rows:\n{old:?}\nto\n{new:?}"))
    }

    /// Checks that full reads of an unchanging world bring the archive up to date.
    pub fn check_final_state(&mut self) -> CheckResult<()> {
        self.world().advance(Duration::from_secs(61));
        let unfinished = usize::from(self.model.full_since.is_some());
        for _ in 0..unfinished + 1 {
            self.sync(&Sync::Full)?;
        }
        // A day later, the sync confirms the channels that it had found empty.
        self.world().advance(Duration::from_hours(25));
        self.sync(&Sync::Full)?;
        let archive = self.archive().ok_or("there is no archive")?;
        let differences = check::differences(&self.model, &archive, &self.user_hashes, self.world());
        differences.map_or(Ok(()), |text| Err(format!("after two full reads:\n{text}")))
    }
}

fn command_line<'a>(arguments: &[&'a str], full: bool) -> Vec<&'a str> {
    let full = full.then_some("--full");
    ["start"].into_iter().chain(full).chain(arguments.iter().copied()).collect()
}

fn expect_code(ran: &CommandOutput, text: &str, codes: &[i32]) -> CheckResult<()> {
    if codes.contains(&ran.code) {
        return Ok(());
    }
    Err(format!("{text}, not one of {codes:?}\nstdout:\n{}\nstderr:\n{}", ran.stdout, ran.stderr))
}

const LISTINGS: [RouteKind; 3] =
    [RouteKind::GuildChannels, RouteKind::ActiveThreads, RouteKind::ArchivedPublicThreads];
const ID_DAMAGES: [Damage; 4] = [Damage::MissingId, Damage::BadId, Damage::Null, Damage::NotAnObject];
const ROUTES: [RouteKind; 6] = [
    RouteKind::Messages,
    RouteKind::GuildChannels,
    RouteKind::ActiveThreads,
    RouteKind::ArchivedPublicThreads,
    RouteKind::Channel,
    RouteKind::Guild,
];

/// A fault that one retry overcomes.
fn transient_fault(pick: usize) -> (Match, FaultKind) {
    let what = match pick / ROUTES.len() % 7 {
        0 => FaultKind::Status(500, BodyKind::Json(0)),
        1 => FaultKind::Status(502, BodyKind::Html),
        2 => FaultKind::TruncatedBody,
        3 => FaultKind::InvalidJson,
        4 => FaultKind::ResetBeforeHeaders,
        5 => FaultKind::Stall(Duration::from_millis(20)),
        _ => FaultKind::RateLimited { retry_after: 0.02, scope: Scope::User },
    };
    (Match::route(ROUTES[pick % ROUTES.len()]), what)
}
