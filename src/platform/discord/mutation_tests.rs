//! Mutation tests: damaged responses, from the body to what the archive stores. Nothing
//! panics, and undamaged objects are read as before.
//!
//! `MUTATIONS` sets the number of rounds, `MUTATION_SEED` the seed.

mod limits;
mod lists;
mod messages;
mod mutate;
mod objects;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use discord_sim::{Description, Simulator, World};
use fastrand::Rng;
use hyper::{HeaderMap, StatusCode};
use serde_json::Value;

use super::answer::{Answer, RequestTarget, check_response};
use super::transport::{Response, Transport};
use crate::model::Timestamp;
use crate::platform::PlatformError;

/// Later than all of the simulator's messages.
const NOW: Timestamp = Timestamp::from_millis(4_000_000_000_000);

/// The simulator's response bodies.
struct Bodies {
    guild: String,
    channels: Vec<(u64, String)>,
    pages: Vec<String>,
    archived: Vec<String>,
    others: Vec<(&'static str, String)>,
}

static BODIES: LazyLock<Bodies> = LazyLock::new(Bodies::fetch);

impl Bodies {
    fn fetch() -> Self {
        let sim = Simulator::start(World::new(&Description::everything(1)));
        let transport = Transport::new(&sim.url(), &sim.token(), Duration::from_secs(30)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let get = |path: &str| {
            let response = runtime.block_on(transport.get(path, 8 << 20)).unwrap();
            (response.status.as_u16(), String::from_utf8(response.body.to_vec()).unwrap())
        };
        let guild = sim.world().guilds()[0].0;
        let listed = get(&format!("guilds/{guild}/channels")).1;
        let active = get(&format!("guilds/{guild}/threads/active")).1;
        let of = |list: &Value| -> Vec<(u64, String)> {
            let list = list.as_array().unwrap().iter();
            list.map(|channel| (channel["id"].as_str().unwrap().parse().unwrap(), channel.to_string()))
                .collect()
        };
        let mut channels = of(&serde_json::from_str(&listed).unwrap());
        let (mut pages, mut archived, mut reactors) = (Vec::new(), Vec::new(), String::new());
        for (id, _) in channels.clone() {
            archived.push(get(&format!("channels/{id}/threads/archived/public?limit=100")));
        }
        archived.retain(|(status, body)| *status == 200 && body.len() > 100);
        let threads: Value = serde_json::from_str(&active).unwrap();
        channels.extend(of(&threads["threads"]));
        for (id, _) in &channels {
            pages.push(get(&format!("channels/{id}/messages?after=0&limit=100")));
        }
        pages.retain(|(status, body)| *status == 200 && body.len() > 100);
        let pages: Vec<String> = pages.into_iter().map(|(_, body)| body).collect();
        for message in pages.iter().flat_map(|page| serde_json::from_str::<Vec<Value>>(page).unwrap()) {
            let emoji = &message["reactions"][0]["emoji"];
            if let (Some(name), Some(id)) = (emoji["name"].as_str(), emoji["id"].as_str()) {
                let (channel, id_of) = (&message["channel_id"], &message["id"]);
                let path = format!("channels/{channel}/messages/{id_of}/reactions/{name}:{id}?limit=100");
                reactors = get(&path.replace('"', "")).1;
                break;
            }
        }
        let me = get("users/@me").1;
        let bot = serde_json::from_str::<Value>(&me).unwrap()["id"].as_str().unwrap().to_owned();
        let others = vec![
            ("account", me),
            ("application", get("oauth2/applications/@me").1),
            ("member", get(&format!("guilds/{guild}/members/{bot}")).1),
            ("roles", get(&format!("guilds/{guild}/roles")).1),
            ("active threads", active),
            ("reactors", reactors),
            ("error", get("channels/1").1),
        ];
        assert!(others.iter().all(|(_, body)| body.len() > 20), "{others:?}");
        let guild = get(&format!("guilds/{guild}")).1;
        let archived = archived.into_iter().map(|(_, body)| body).collect();
        Self { guild, channels, pages, archived, others }
    }
}

/// Calls `run` in each round with a generator seeded by the round. `default` is the number
/// of rounds without `MUTATIONS`.
fn rounds(default: u64, run: impl Fn(&mut Rng, u64)) {
    let number = |name: &str| std::env::var(name).ok()?.parse().ok();
    let rounds = number("MUTATIONS").unwrap_or(default);
    let seed = number("MUTATION_SEED").unwrap_or(1);
    for round in 0..rounds {
        run(&mut Rng::with_seed(seed.wrapping_mul(1 << 32).wrapping_add(round)), round);
    }
}

/// Calls `read`; if it panics, panics with the body in the message.
#[track_caller]
fn with_body_on_panic<T>(body: &[u8], read: impl FnOnce() -> T) -> T {
    let shown = || String::from_utf8_lossy(&body[..body.len().min(4000)]).into_owned();
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| panic!("panic while reading\n{}", shown()))
}

fn answer(body: &[u8]) -> Answer {
    Answer { subject: "it".to_owned(), body: Bytes::copy_from_slice(body).into(), date: Some(NOW) }
}

fn classify(status: u16, headers: HeaderMap, body: &[u8]) -> Result<Answer, PlatformError> {
    check_response(response(status, headers, body), RequestTarget::Messages, "it")
}

fn response(status: u16, headers: HeaderMap, body: &[u8]) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    Response { status, headers, body: Bytes::copy_from_slice(body).into() }
}
