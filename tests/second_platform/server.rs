//! Parley's server: a world in memory that tests change between runs.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::parley::ids;
use crate::wire::{Channel, Message, Question, REACTORS_PER_PAGE, Refusal, Request, Team};

pub const TEAM: &str = "T2ZX9";
const TEAM_NAME: &str = "Simulated team";

/// Longer than any test waits.
const STALL: Duration = Duration::from_mins(1);

#[derive(Debug, Clone, Copy)]
pub enum Fault {
    Stall,
    RevokedToken,
}

/// The state of the server.
#[derive(Debug, Default)]
pub struct World {
    pub token: String,
    /// A fault of all requests after the first n.
    pub fault: Option<(usize, Fault)>,
    rooms: BTreeMap<String, Room>,
    /// A channel whose pages are no JSON.
    pub unreadable: Option<&'static str>,
    /// All questions and when they arrived.
    pub journal: Vec<(Instant, Question)>,
}

#[derive(Debug)]
struct Room {
    channel: Channel,
    /// Ascending.
    messages: Vec<Message>,
    /// Reactors by message and emoji.
    reactors: BTreeMap<(String, String), Vec<String>>,
}

impl World {
    pub fn new(token: &str) -> Self {
        Self { token: token.to_owned(), ..Self::default() }
    }

    pub fn add_channel(&mut self, id: &str, name: &str, is_private: bool) {
        let (id, name) = (id.to_owned(), name.to_owned());
        let channel =
            Channel { id: id.clone(), name, created_ms: 1_700_000_000_000, is_private, newest: None };
        self.rooms.insert(id, Room { channel, messages: Vec::new(), reactors: BTreeMap::new() });
    }

    /// Adds a message at the end of a channel.
    pub fn send(&mut self, channel: &str, id: &str, user: &str, text: &str) -> &mut Message {
        let room = self.room(channel);
        room.channel.newest = Some(id.to_owned());
        let [id, user, text] = [id, user, text].map(str::to_owned);
        room.messages.push(Message { id, user, text, ..Message::default() });
        room.messages.last_mut().unwrap()
    }

    pub fn edit(&mut self, channel: &str, id: &str, text: &str) {
        let edited_ms = Some(now_ms());
        let message = self.message(channel, id);
        (message.text, message.edited_ms) = (text.to_owned(), edited_ms);
    }

    pub fn delete(&mut self, channel: &str, id: &str) {
        self.room(channel).messages.retain(|message| message.id != id);
    }

    pub fn react(&mut self, channel: &str, id: &str, emoji: &str, users: &[&str]) {
        let mut users: Vec<String> = users.iter().map(|user| (*user).to_owned()).collect();
        users.sort_by_key(|user| ids::user(user));
        self.message(channel, id).reactions.push((emoji.to_owned(), users.len() as u64));
        self.room(channel).reactors.insert((id.to_owned(), emoji.to_owned()), users);
    }

    /// Channel, ID, user and text of every message in a public channel.
    pub fn public_messages(&self) -> Vec<[String; 4]> {
        let public = self.rooms.values().filter(|room| !room.channel.is_private);
        let of_room = |room: &Room| {
            let fields = |message: &Message| {
                [room.channel.id.clone(), message.id.clone(), message.user.clone(), message.text.clone()]
            };
            room.messages.iter().map(fields).collect::<Vec<_>>()
        };
        public.flat_map(of_room).collect()
    }

    fn room(&mut self, channel: &str) -> &mut Room {
        self.rooms.get_mut(channel).unwrap()
    }

    fn message(&mut self, channel: &str, id: &str) -> &mut Message {
        self.room(channel).messages.iter_mut().find(|message| message.id == id).unwrap()
    }

    fn answer(&self, request: &Request) -> String {
        if request.token != self.token {
            return rejection();
        }
        let room = |channel: &str| self.rooms.get(channel).ok_or(Refusal::ChannelNotFound);
        match &request.question {
            Question::Time => line(&Ok::<_, Refusal>(now_ms())),
            Question::Team(team) => line(&self.team(team)),
            Question::Channel(channel) => line(&room(channel).map(|room| &room.channel)),
            Question::History { channel, .. } if self.unreadable == Some(channel) => "nonsense".to_owned(),
            Question::History { channel, after, before, limit } => {
                let range = (after.as_deref(), before.as_deref());
                line(&room(channel).map(|room| room.history(range, usize::from(*limit))))
            }
            Question::Reactors { channel, message, emoji, after } => {
                line(&room(channel).and_then(|room| room.reactors(message, emoji, after.as_deref())))
            }
        }
    }

    fn team(&self, team: &str) -> Result<Team, Refusal> {
        let channels = self.rooms.values().map(|room| room.channel.clone()).collect();
        if team == TEAM { Ok(Team { name: TEAM_NAME.to_owned(), channels }) } else { Err(Refusal::NotInTeam) }
    }
}

impl Room {
    /// One page. Comparing IDs as text works because they have the same length.
    fn history(&self, (after, before): (Option<&str>, Option<&str>), limit: usize) -> &[Message] {
        let is_before = |bound: &str| self.messages.partition_point(|message| message.id.as_str() < bound);
        let is_up_to = |bound: &str| self.messages.partition_point(|message| message.id.as_str() <= bound);
        if let Some(after) = after {
            let start = is_up_to(after);
            return &self.messages[start..self.messages.len().min(start + limit)];
        }
        let end = before.map_or(self.messages.len(), is_before);
        &self.messages[end.saturating_sub(limit)..end]
    }

    fn reactors(&self, message: &str, emoji: &str, after: Option<&str>) -> Result<Vec<&String>, Refusal> {
        let users = self.reactors.get(&(message.to_owned(), emoji.to_owned()));
        let users = users.ok_or(Refusal::MessageNotFound)?.iter();
        let follows = |user: &&String| after.is_none_or(|after| ids::user(user) > ids::user(after));
        Ok(users.filter(follows).take(REACTORS_PER_PAGE).collect())
    }
}

fn rejection() -> String {
    line(&Err::<(), _>(Refusal::InvalidToken))
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

fn line(answer: &impl Serialize) -> String {
    serde_json::to_string(answer).unwrap()
}

/// Serves a world on 127.0.0.1 until the process ends.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    world: Arc<Mutex<World>>,
}

impl Server {
    pub fn start(world: World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let world = Arc::new(Mutex::new(world));
        let shared = Arc::clone(&world);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let world = Arc::clone(&shared);
                thread::spawn(move || serve(stream.unwrap(), &world));
            }
        });
        Self { address, world }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
}

/// Answers one request. Errors are ignored: the client may have disconnected.
fn serve(mut stream: TcpStream, world: &Mutex<World>) -> Option<()> {
    let mut text = String::new();
    BufReader::new(&stream).read_line(&mut text).ok()?;
    let request: Request = serde_json::from_str(&text).ok()?;
    let (answer, fault) = {
        let mut world = world.lock().unwrap();
        world.journal.push((Instant::now(), request.question.clone()));
        let fault = world.fault.filter(|(after, _)| world.journal.len() > *after);
        (world.answer(&request), fault.map(|(_, fault)| fault))
    };
    let answer = match fault {
        Some(Fault::Stall) => {
            thread::sleep(STALL);
            answer
        }
        Some(Fault::RevokedToken) => rejection(),
        None => answer,
    };
    stream.write_all(answer.as_bytes()).ok()
}
