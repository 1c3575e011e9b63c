//! Faults of the connection and of what is sent over it.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use discord_sim::{BodyKind, Description, Match, Simulator, What};
use flate2::read::GzDecoder;
use serde_json::Value;

use crate::client::{Reply, ask, get, serve, try_get};

const GUILD: u64 = 310_000_000_000_000_001;
const PATH: &str = "/users/@me";

fn struck(what: What) -> Simulator {
    let sim = serve(&Description::community(GUILD, 1, 10));
    sim.faults().when(Match::default(), what);
    sim
}

/// Everything that comes until the connection ends, and how it does.
fn drain(stream: &mut TcpStream) -> (Vec<u8>, io::Result<usize>) {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes);
    (bytes, end)
}

/// Asserts that headers came, and half the body that they promise.
fn assert_half(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").expect("whole headers");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|text| text.parse().ok()).expect("a length");
    assert!(head.starts_with("HTTP/1.1 200 "));
    assert_eq!(body.len(), length / 2);
}

/// The bytes of a body in chunks.
fn unchunked(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = chunks.windows(2).position(|pair| pair == b"\r\n").expect("a whole body");
        let length = std::str::from_utf8(&chunks[..line]).expect("a length");
        let length = usize::from_str_radix(length, 16).expect("a length");
        if length == 0 {
            return body;
        }
        body.extend(&chunks[line + 2..line + 2 + length]);
        chunks = &chunks[line + 2 + length + 2..];
    }
}

fn assert_list(body: &[u8], bytes: usize) {
    assert_eq!(body.len(), bytes);
    let list: Value = serde_json::from_slice(body).expect("JSON");
    assert_eq!(list[0].as_str().map(str::len), Some(bytes - 4));
}

#[test]
fn a_truncated_body_is_half_the_body_and_an_orderly_end() {
    let sim = struck(What::TruncatedBody);
    let (bytes, end) = drain(&mut ask(&sim, PATH));
    assert_half(&bytes);
    assert!(end.is_ok());
}

#[test]
fn a_reset_after_headers_is_half_the_body_and_a_reset() {
    let sim = struck(What::ResetAfterHeaders);
    let (bytes, end) = drain(&mut ask(&sim, PATH));
    assert_half(&bytes);
    assert_eq!(end.expect_err("a reset").kind(), ErrorKind::ConnectionReset);
    assert_eq!(get(&sim, PATH).status, 200);
}

#[test]
fn a_half_closed_connection_still_takes_what_the_client_sends() {
    let sim = struck(What::HalfClosed);
    let mut stream = ask(&sim, PATH);
    let (bytes, end) = drain(&mut stream);
    assert_half(&bytes);
    assert!(end.is_ok());
    for _ in 0..3 {
        stream.write_all(b"x").expect("the server still listens");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(get(&sim, PATH).status, 200);
}

#[test]
fn a_body_drips() {
    let every = Duration::from_millis(15);
    let sim = struck(What::SlowDrip { every, bytes: 40 });
    let began = Instant::now();
    let slow = get(&sim, PATH);
    let elapsed = began.elapsed();
    assert_eq!(slow.body, get(&sim, PATH).body);
    assert!(slow.body.len() > 120, "three waits at least");
    assert!(elapsed >= every * 3, "{elapsed:?}");
}

#[test]
fn headers_drip() {
    let every = Duration::from_millis(15);
    let sim = struck(What::SlowHeaders { every, bytes: 20 });
    let began = Instant::now();
    let slow = get(&sim, PATH);
    let elapsed = began.elapsed();
    assert_eq!(slow.body, get(&sim, PATH).body);
    let head: usize = slow.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(head > 60, "three waits at least");
    assert!(elapsed >= every * 3, "{elapsed:?}");
}

#[test]
fn a_huge_body_is_json_with_and_without_its_length() {
    let bytes = 300_001;
    let sim = struck(What::HugeBody(bytes));
    sim.faults().when(Match::default(), What::HugeChunkedBody(bytes));
    let told = get(&sim, PATH);
    assert_eq!(told.header("content-length"), Some("300001"));
    assert_list(&told.body, 300_001);
    let chunked = get(&sim, PATH);
    assert_eq!(chunked.header("content-length"), None);
    assert_eq!(chunked.header("transfer-encoding"), Some("chunked"));
    assert_list(&unchunked(&chunked.body), 300_001);
}

#[test]
fn a_body_of_gigabytes_can_be_left_in_the_middle() {
    for what in [What::HugeBody(1 << 40), What::HugeChunkedBody(u64::MAX)] {
        let sim = struck(what);
        let mut stream = ask(&sim, PATH);
        let mut part = vec![0; 10_000_000];
        stream.read_exact(&mut part).expect("there is always more");
        assert!(part.ends_with(b"aaaa"));
        drop(stream);
        assert_eq!(get(&sim, PATH).status, 200);
    }
}

#[test]
fn a_gzip_bomb_is_small_until_it_is_unpacked() {
    let sim = struck(What::GzipBomb(20_000_000));
    let reply = get(&sim, PATH);
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    let packed = unchunked(&reply.body);
    assert!(packed.len() < 100_000, "{}", packed.len());
    let mut body = Vec::new();
    GzDecoder::new(&packed[..]).read_to_end(&mut body).expect("gzip");
    assert_list(&body, 20_000_000);
}

#[test]
fn a_list_of_nulls_has_as_many_as_were_ordered() {
    for items in [1, 2, 25_000] {
        let reply = get(&struck(What::Nulls(items)), PATH);
        let list: Vec<Option<u8>> = serde_json::from_slice(&unchunked(&reply.body)).expect("JSON");
        assert_eq!((list.len() as u64, list[0]), (items, None));
    }
}

#[test]
fn a_redirect_names_its_target() {
    let reply: Reply = get(&struck(What::Redirect("https://example.org/login".to_owned())), PATH);
    assert_eq!((reply.status, reply.header("location")), (302, Some("https://example.org/login")));
}

#[test]
fn a_true_answer_can_be_said_to_be_html() {
    let sim = struck(What::WrongContentType);
    let wrong = get(&sim, PATH);
    let sound = get(&sim, PATH);
    assert_eq!((wrong.status, &wrong.body), (200, &sound.body));
    assert_eq!(wrong.header("content-type"), Some("text/html; charset=UTF-8"));
}

#[test]
fn an_index_that_isnt_ready_is_a_202_with_an_error() {
    let reply = get(&struck(What::Status(202, BodyKind::Json(110_000))), PATH);
    assert_eq!(reply.error(), (202, 110_000));
}

#[test]
fn one_of_no_faults_is_no_fault() {
    let sim = struck(What::OneOf(Vec::new()));
    assert_eq!(try_get(&sim, PATH).expect("an answer").status, 200);
    assert_eq!(sim.faults().fired(0), 0);
}
