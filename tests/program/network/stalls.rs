//! A server that takes connections and says nothing.

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::{GUILD, HASTY, community, ended_in_time};
use crate::util::{Sandbox, tenant_table};

/// The first attempt and the default's three repetitions.
const ATTEMPTS: usize = 4;

/// Accepts every connection and keeps it open.
struct Silent {
    port: u16,
    taken: Arc<Mutex<Vec<TcpStream>>>,
}

impl Silent {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&taken);
        thread::spawn(move || {
            for stream in listener.incoming() {
                kept.lock().unwrap().push(stream.unwrap());
            }
        });
        Self { port, taken }
    }

    fn sandbox(&self, scheme: &str) -> Sandbox {
        let sandbox = community(1, 1, "");
        let address = format!("[discord]\napi_url = \"{scheme}://127.0.0.1:{}\"\n{HASTY}\n", self.port);
        sandbox.write("sync.toml", &(address + &tenant_table(GUILD, "silent")));
        sandbox
    }
}

#[test]
fn a_handshake_that_never_ends_is_given_up_and_tried_again() {
    for scheme in ["https", "http"] {
        let silent = Silent::start();
        let sandbox = silent.sandbox(scheme);
        let ran = ended_in_time(sandbox.spawn(&["start"])).expect_code(1);
        assert!(ran.stderr.contains("no answer within 0.7 s"), "{scheme}: {}", ran.stderr);
        assert!(ran.stderr.contains("check the network"), "{scheme}: {}", ran.stderr);
        sandbox.assert_discreet(&ran);
        assert_eq!(silent.taken.lock().unwrap().len(), ATTEMPTS, "{scheme}");
    }
}
