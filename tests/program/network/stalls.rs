//! A server that accepts connections but never answers.

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::{GUILD, SHORT_TIMEOUT_CONFIG, community, wait_or_kill};
use crate::util::{Sandbox, tenant_table};

/// The first attempt and three retries, the default.
const ATTEMPTS: usize = 4;

/// Accepts every connection, keeps it open and sends nothing.
struct SilentServer {
    port: u16,
    connections: Arc<Mutex<Vec<TcpStream>>>,
}

impl SilentServer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let accepted = Arc::clone(&connections);
        thread::spawn(move || {
            for stream in listener.incoming() {
                accepted.lock().unwrap().push(stream.unwrap());
            }
        });
        Self { port, connections }
    }

    fn sandbox(&self, scheme: &str) -> Sandbox {
        let sandbox = community(1, 1, "");
        let address =
            format!("[discord]\napi_url = \"{scheme}://127.0.0.1:{}\"\n{SHORT_TIMEOUT_CONFIG}\n", self.port);
        sandbox.write("sync.toml", &(address + &tenant_table(GUILD, "silent")));
        sandbox
    }
}

#[test]
fn silent_server_is_retried_and_then_given_up() {
    for scheme in ["https", "http"] {
        let server = SilentServer::start();
        let sandbox = server.sandbox(scheme);
        let ran = wait_or_kill(sandbox.spawn(&["start"])).expect_code(1);
        assert!(ran.stderr.contains("no response within 0.7 s"), "{scheme}: {}", ran.stderr);
        assert!(ran.stderr.contains("check the network"), "{scheme}: {}", ran.stderr);
        sandbox.assert_no_secrets(&ran);
        assert_eq!(server.connections.lock().unwrap().len(), ATTEMPTS, "{scheme}");
    }
}
