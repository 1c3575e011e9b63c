//! The complete output of the binary for every mistake and problem a user can meet,
//! compared with the transcripts in `tests/program/texts/*.txt`. Read those to review the
//! texts.
//!
//! `UPDATE_TEXTS=1 cargo test --test program texts` rewrites the transcripts; review the
//! diff before committing it.

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
