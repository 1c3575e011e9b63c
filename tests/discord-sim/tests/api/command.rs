//! The `discord-sim` program and its flags.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::client::send_to;

/// A running `discord-sim` process, killed on drop.
struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_discord-sim"));
        let mut child = command.args(args).stdout(Stdio::piped()).spawn().expect("the program is built");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let line = lines.next().expect("a first line").expect("text");
        // Drain stdout, so that the program never blocks on a full pipe.
        std::thread::spawn(move || lines.count());
        let (_, address) = line.rsplit_once('/').expect("a URL");
        Self { child, address: address.parse().expect("an address") }
    }

    /// The statuses of N requests without authorization or user agent.
    fn statuses<const N: usize>(&self) -> [u16; N] {
        [(); N].map(|()| send_to(self.address, "GET", "/api/v10/users/@me", "").expect("an answer").status)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Killing fails if the process has already exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn front_door_flag_sets_the_invalid_request_limit() {
    let program = Program::start(&["--limits", "discord", "--front-door", "2"]);
    assert_eq!(program.statuses(), [403, 403, 429, 429]);
}

#[test]
fn faults_flag_sets_the_fault_percentage() {
    let faulty = Program::start(&["--faults", "100", "--pause", "1", "--seed", "2"]);
    let is_faultless = |number: &u32| {
        let target = format!("/api/v10/users/@me?number={number}");
        let reply = send_to(faulty.address, "GET", &target, "");
        reply.is_ok_and(|reply| reply.status == 403)
    };
    // Without a bot's headers, the faultless answer is 403; of the faults, only delays
    // and odd headers keep that status.
    assert!((0..40).filter(is_faultless).count() < 30);
    assert_eq!(Program::start(&[]).statuses(), [403, 403]);
}

#[test]
fn unknown_flags_and_values_are_rejected() {
    for args in [["--limits", "none"], ["--faults", "many"], ["--wrong", "1"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_discord-sim"));
        let output = command.args(args).output().expect("the program is built");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty());
    }
}
