//! Faults of the connection, the headers and the body.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use discord_sim::{BodyKind, Description, FaultKind, Match, Simulator};
use flate2::read::GzDecoder;
use serde_json::Value;

use crate::client::{Reply, get, send_get, serve, try_get};

const GUILD: u64 = 310_000_000_000_000_001;
const PATH: &str = "/users/@me";

fn with_fault(what: FaultKind) -> Simulator {
    let sim = serve(&Description::community(GUILD, 1, 10));
    sim.faults().when(Match::default(), what);
    sim
}

/// All bytes received until the connection ends, and the result of the last read.
fn drain(stream: &mut TcpStream) -> (Vec<u8>, io::Result<usize>) {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes);
    (bytes, end)
}

/// Asserts that the headers are complete and the body has half their `content-length`.
fn assert_half(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").expect("complete headers");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|text| text.parse().ok()).expect("a length");
    assert!(head.starts_with("HTTP/1.1 200 "));
    assert_eq!(body.len(), length / 2);
}

/// Decodes a chunked body.
fn unchunked(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = chunks.windows(2).position(|pair| pair == b"\r\n").expect("a complete body");
        let length = std::str::from_utf8(&chunks[..line]).expect("a length");
        let length = usize::from_str_radix(length, 16).expect("a length");
        if length == 0 {
            return body;
        }
        body.extend(&chunks[line + 2..line + 2 + length]);
        chunks = &chunks[line + 2 + length + 2..];
    }
}

/// Asserts that the body is a JSON list of `bytes` bytes with one string.
fn assert_list(body: &[u8], bytes: usize) {
    assert_eq!(body.len(), bytes);
    let list: Value = serde_json::from_slice(body).expect("JSON");
    assert_eq!(list[0].as_str().map(str::len), Some(bytes - 4));
}

#[test]
fn truncated_body_ends_halfway_with_a_clean_close() {
    let sim = with_fault(FaultKind::TruncatedBody);
    let (bytes, end) = drain(&mut send_get(&sim, PATH));
    assert_half(&bytes);
    assert!(end.is_ok());
}

#[test]
fn reset_after_headers_follows_half_the_body() {
    let sim = with_fault(FaultKind::ResetAfterHeaders);
    let (bytes, end) = drain(&mut send_get(&sim, PATH));
    assert_half(&bytes);
    assert_eq!(end.expect_err("a reset").kind(), ErrorKind::ConnectionReset);
    assert_eq!(get(&sim, PATH).status, 200);
}

#[test]
fn half_closed_connection_still_accepts_client_data() {
    let sim = with_fault(FaultKind::HalfClosed);
    let mut stream = send_get(&sim, PATH);
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
fn slow_body_arrives_in_pieces() {
    let every = Duration::from_millis(15);
    let sim = with_fault(FaultKind::SlowDrip { every, bytes: 40 });
    let began = Instant::now();
    let slow = get(&sim, PATH);
    let elapsed = began.elapsed();
    assert_eq!(slow.body, get(&sim, PATH).body);
    assert!(slow.body.len() > 120, "three waits at least");
    assert!(elapsed >= every * 3, "{elapsed:?}");
}

#[test]
fn slow_headers_arrive_in_pieces() {
    let every = Duration::from_millis(15);
    let sim = with_fault(FaultKind::SlowHeaders { every, bytes: 20 });
    let began = Instant::now();
    let slow = get(&sim, PATH);
    let elapsed = began.elapsed();
    assert_eq!(slow.body, get(&sim, PATH).body);
    let head: usize = slow.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(head > 60, "three waits at least");
    assert!(elapsed >= every * 3, "{elapsed:?}");
}

#[test]
fn huge_body_is_json_with_and_without_content_length() {
    let bytes = 300_001;
    let sim = with_fault(FaultKind::HugeBody(bytes));
    sim.faults().when(Match::default(), FaultKind::HugeChunkedBody(bytes));
    let sized = get(&sim, PATH);
    assert_eq!(sized.header("content-length"), Some("300001"));
    assert_list(&sized.body, 300_001);
    let chunked = get(&sim, PATH);
    assert_eq!(chunked.header("content-length"), None);
    assert_eq!(chunked.header("transfer-encoding"), Some("chunked"));
    assert_list(&unchunked(&chunked.body), 300_001);
}

#[test]
fn client_can_disconnect_during_a_terabyte_body() {
    for what in [FaultKind::HugeBody(1 << 40), FaultKind::HugeChunkedBody(u64::MAX)] {
        let sim = with_fault(what);
        let mut stream = send_get(&sim, PATH);
        let mut start = vec![0; 10_000_000];
        stream.read_exact(&mut start).expect("the body goes on");
        assert!(start.ends_with(b"aaaa"));
        drop(stream);
        assert_eq!(get(&sim, PATH).status, 200);
    }
}

#[test]
fn gzip_bomb_is_small_until_decompressed() {
    let sim = with_fault(FaultKind::GzipBomb(20_000_000));
    let reply = get(&sim, PATH);
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    let packed = unchunked(&reply.body);
    assert!(packed.len() < 100_000, "{}", packed.len());
    let mut body = Vec::new();
    GzDecoder::new(&packed[..]).read_to_end(&mut body).expect("gzip");
    assert_list(&body, 20_000_000);
}

#[test]
fn null_list_has_the_planned_length() {
    for items in [1, 2, 25_000] {
        let reply = get(&with_fault(FaultKind::Nulls(items)), PATH);
        let list: Vec<Option<u8>> = serde_json::from_slice(&unchunked(&reply.body)).expect("JSON");
        assert_eq!((list.len() as u64, list[0]), (items, None));
    }
}

#[test]
fn redirect_has_the_planned_location() {
    let reply: Reply = get(&with_fault(FaultKind::Redirect("https://example.org/login".to_owned())), PATH);
    assert_eq!((reply.status, reply.header("location")), (302, Some("https://example.org/login")));
}

#[test]
fn wrong_content_type_comes_with_an_unchanged_body() {
    let sim = with_fault(FaultKind::WrongContentType);
    let wrong = get(&sim, PATH);
    let original = get(&sim, PATH);
    assert_eq!((wrong.status, &wrong.body), (200, &original.body));
    assert_eq!(wrong.header("content-type"), Some("text/html; charset=UTF-8"));
}

#[test]
fn planned_202_has_an_error_code() {
    let reply = get(&with_fault(FaultKind::Status(202, BodyKind::Json(110_000))), PATH);
    assert_eq!(reply.error(), (202, 110_000));
}

#[test]
fn choice_of_no_faults_never_fires() {
    let sim = with_fault(FaultKind::OneOf(Vec::new()));
    assert_eq!(try_get(&sim, PATH).expect("an answer").status, 200);
    assert_eq!(sim.faults().fired(0), 0);
}
