//! Every text that a user meets when something is wrong, as a whole: what the
//! binary says is compared with `tests/program/texts/*.txt`, which are there to be read.
//!
//! `UPDATE_TEXTS=1 cargo test --test program texts` writes them anew; the difference is
//! then to be read before it is committed.

mod access;
mod archive;
mod configuration;
mod results;
mod transcript;
mod usage;
use crate::util::Sandbox;
use discord_sim::{Description, World};

const GUILD: u64 = 77_000_000_000_000_001;

fn sandbox() -> Sandbox {
    with_config("[sync]\nmax_retries = 1\nretry_base_delay = \"1ms\"")
}

fn with_config(extra: &str) -> Sandbox {
    let mut description = Description::community(GUILD, 3, 120);
    description.guilds[0].name = "takaro".into();
    Sandbox::with_config(World::new(&description), extra)
}
