//! The simulator as a program.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::client::send_to;

/// A running program. It ends when it is dropped.
struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_discord-sim"));
        let mut child = command.args(args).stdout(Stdio::piped()).spawn().expect("it was built");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let line = lines.next().expect("a first line").expect("text");
        // The rest is read, so that the program can write it.
        std::thread::spawn(move || lines.count());
        let (_, address) = line.rsplit_once('/').expect("a URL");
        Self { child, address: address.parse().expect("an address") }
    }

    /// The statuses of requests that nothing identifies.
    fn statuses<const N: usize>(&self) -> [u16; N] {
        [(); N].map(|()| send_to(self.address, "GET", "/api/v10/users/@me", "").expect("an answer").status)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_program_bans_after_as_many_invalid_requests_as_it_is_told() {
    let program = Program::start(&["--limits", "discord", "--front-door", "2"]);
    assert_eq!(program.statuses(), [403, 403, 429, 429]);
}

#[test]
fn the_program_makes_as_many_faults_as_it_is_told() {
    let faulty = Program::start(&["--faults", "100", "--pause", "1", "--seed", "2"]);
    let is_true = |number: &u32| {
        let target = format!("/api/v10/users/@me?number={number}");
        let reply = send_to(faulty.address, "GET", &target, "");
        reply.is_ok_and(|reply| reply.status == 403)
    };
    // Without a bot's headers the true answer is 403: only slow and odd ones are that.
    assert!((0..40).filter(is_true).count() < 30);
    assert_eq!(Program::start(&[]).statuses(), [403, 403]);
}

#[test]
fn the_program_refuses_what_it_does_not_know() {
    for args in [["--limits", "none"], ["--faults", "many"], ["--wrong", "1"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_discord-sim"));
        let output = command.args(args).output().expect("it was built");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty());
    }
}
