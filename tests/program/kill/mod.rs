//! Killed at any instant, a command loses nothing: the next run completes the archive as
//! if nothing had happened, and repeats almost no requests.
//!
//! Each command is started repeatedly on a slowed simulator and killed at instants drawn
//! from a seeded generator until it completes. The result is compared with an undisturbed
//! run on an equal world. The suite kills each command at least 8 times;
//! `KILLS=500 cargo test --test program kill` kills it 500 times, with a different seed
//! for each series, and takes some minutes.

mod first_read;
mod forget;
pub mod harness;
mod reactors;
mod refresh;
mod reset;
mod snapshot;
mod world;
