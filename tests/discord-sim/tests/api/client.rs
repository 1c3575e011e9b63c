//! A minimal blocking HTTP client, one connection per request.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use discord_sim::{Simulator, World};
use serde_json::Value;

/// An HTTP response. Header names are in lower case; a chunked body is kept as received.
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

    /// The HTTP status and Discord's error code.
    pub fn error(&self) -> (u16, u64) {
        (self.status, self.json()["code"].as_u64().expect("a code"))
    }
}

/// Sends one request; each line of `headers` ends in CRLF.
///
/// Fails with `UnexpectedEof` if the body is shorter than its `content-length`.
pub fn send(sim: &Simulator, method: &str, target: &str, headers: &str) -> io::Result<Reply> {
    send_to(sim.address(), method, target, headers)
}

/// Like [`send`], to the server at `address`.
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
    let content_length = reply.header("content-length").map(str::parse);
    match content_length {
        Some(Ok(length)) if reply.body.len() < length => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(reply),
    }
}

/// The header lines of a valid bot.
pub fn headers(sim: &Simulator) -> String {
    format!("Authorization: Bot {}\r\nUser-Agent: DiscordBot (https://example.org, 1.0)\r\n", sim.token())
}

/// Sends `GET /api/v10{path}` and returns the open connection before reading anything.
pub fn send_get(sim: &Simulator, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(sim.address()).expect("the simulator listens");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    write!(stream, "GET /api/v10{path} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", headers(sim))
        .expect("the request is sent");
    stream
}

/// A keep-alive connection, idle after one complete answer to `GET /api/v10{path}`.
pub fn idle_connection(sim: &Simulator, path: &str) -> TcpStream {
    let mut stream = send_get(sim, path);
    let length = get(sim, path).body.len();
    let mut bytes = Vec::new();
    let head_end = |bytes: &[u8]| bytes.windows(4).position(|window| window == b"\r\n\r\n");
    while head_end(&bytes).is_none_or(|end| bytes.len() < end + 4 + length) {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a complete answer");
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

/// The JSON of a `GET` that must be answered with 200.
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

/// All messages of a channel, oldest first, read in pages with `after`.
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

/// Starts a simulator of the described world.
pub fn serve(description: &discord_sim::Description) -> Simulator {
    Simulator::start(World::new(description))
}
