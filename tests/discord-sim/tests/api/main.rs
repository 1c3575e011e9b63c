//! Tests of the simulator over HTTP: Discord's documented behaviour, limits and faults.

mod client;
mod command;
mod errors;
mod faults;
mod front_door;
mod limits;
mod listings;
mod mixed;
mod mutations;
mod odd;
mod paging;
mod places;
mod reactions;
mod refusal;
mod search;
mod threads;
mod truth;
mod untrue;
mod when;
mod wire;
