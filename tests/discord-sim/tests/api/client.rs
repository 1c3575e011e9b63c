//! A tiny blocking HTTP client.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use discord_sim::{Simulator, World};
use serde_json::Value;

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let header = headers.find(|(key, _)| key == name)?;
        Some(&header.1)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// Status and Discord's code of an error.
    pub fn error(&self) -> (u16, u64) {
        (self.status, self.json()["code"].as_u64().expect("a code"))
    }
}

/// Sends one request with these header lines.
pub fn send(sim: &Simulator, method: &str, target: &str, headers: &str) -> io::Result<Reply> {
    send_to(sim.address(), method, target, headers)
}

/// The same to any server.
pub fn send_to(address: SocketAddr, method: &str, target: &str, headers: &str) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n")?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let split = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let split = split.ok_or(io::ErrorKind::UnexpectedEof)?;
    let head = String::from_utf8_lossy(&bytes[..split]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(key, value)| (key.to_lowercase(), value.to_owned()))
        .collect();
    let reply = Reply {
        status: status.and_then(|text| text.parse().ok()).expect("a status"),
        headers,
        body: bytes[split + 4..].to_vec(),
    };
    let promised = reply.header("content-length").map(str::parse);
    match promised {
        Some(Ok(length)) if reply.body.len() < length => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(reply),
    }
}

pub fn headers(sim: &Simulator) -> String {
    format!("Authorization: Bot {}\r\nUser-Agent: DiscordBot (https://example.org, 1.0)\r\n", sim.token())
}

/// A connection kept open, with `GET /api/v10{path}` sent and nothing read.
pub fn ask(sim: &Simulator, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(sim.address()).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    write!(stream, "GET /api/v10{path} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", headers(sim))
        .expect("it reads");
    stream
}

/// A connection that is idle after one answer to `GET /api/v10{path}`.
pub fn ask_and_stay(sim: &Simulator, path: &str) -> TcpStream {
    let mut stream = ask(sim, path);
    let length = get(sim, path).body.len();
    let mut bytes = Vec::new();
    let is_end = |bytes: &[u8]| bytes.windows(4).position(|window| window == b"\r\n\r\n");
    while is_end(&bytes).is_none_or(|end| bytes.len() < end + 4 + length) {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a whole answer");
        bytes.extend(byte);
    }
    stream
}

/// `GET /api/v10{path}` as the bot, connection errors included.
pub fn try_get(sim: &Simulator, path: &str) -> io::Result<Reply> {
    send(sim, "GET", &format!("/api/v10{path}"), &headers(sim))
}

/// `GET /api/v10{path}` as the bot.
pub fn get(sim: &Simulator, path: &str) -> Reply {
    try_get(sim, path).expect("an answer")
}

/// The JSON of a 200.
pub fn json(sim: &Simulator, path: &str) -> Value {
    let reply = get(sim, path);
    let text = String::from_utf8_lossy(&reply.body);
    assert_eq!(reply.status, 200, "{path}: {text}");
    reply.json()
}

/// The IDs of a list of objects.
pub fn ids(list: &Value) -> Vec<u64> {
    let list = list.as_array().expect("a list");
    list.iter().map(|item| id(&item["id"])).collect()
}

pub fn id(value: &Value) -> u64 {
    let text = value.as_str().expect("an ID is a string");
    text.parse().expect("an ID is a number")
}

/// Every message of a channel, oldest first, walked with `after`.
pub fn walk(sim: &Simulator, channel: u64) -> Vec<Value> {
    let mut messages: Vec<Value> = Vec::new();
    let mut after = 0;
    loop {
        let path = format!("/channels/{channel}/messages?limit=100&after={after}");
        let mut page = json(sim, &path).as_array().expect("a list").clone();
        if page.is_empty() {
            return messages;
        }
        after = id(&page[0]["id"]);
        page.reverse();
        messages.extend(page);
    }
}

/// A simulator of this world.
pub fn serve(description: &discord_sim::Description) -> Simulator {
    Simulator::start(World::new(description))
}
