//! Killed at any instant, whatever it was doing, the archive comes out as if
//! nothing had happened, and nearly nothing is asked twice.
//!
//! Each kind of work is begun again and again on a slowed simulator and killed
//! at instants drawn from a seeded generator until it gets through. What comes
//! out is compared with an undisturbed run on an equal world. The suite kills
//! each kind some dozen times; `KILLS=500 cargo test --test program kill` kills it so
//! many times, with other seeds for every series, and takes some minutes.

mod first_read;
mod forget;
mod harness;
mod reactors;
mod refresh;
mod reset;
mod snapshot;
mod world;
