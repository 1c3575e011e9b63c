//! A deterministic simulator of Discord's REST API v10 for tests and demos.
//!
//! A [`Description`] names guilds, channels and how many messages they hold; a
//! [`World`] computes everything else from its seed and takes changes while it
//! is served; a [`Simulator`] serves it over HTTP on 127.0.0.1 with [`Limits`],
//! [`Faults`] and a [`Journal`]. [`World::truth`] says what an archive of it
//! should hold. Written from Discord's documentation; doc comments name the
//! heading a rule comes from.
//!
//! - `description`: what is asked for, and the presets
//! - `world`: guilds, channels, logs of messages, changes, truth
//! - `message`: what a message is made of; `wire`: how it looks as JSON
//! - `routes`: the API; `server`: HTTP, and the way of a request to its route
#![forbid(unsafe_code)]
// Times, snowflakes and counts of a made-up world stay far inside 63 bits.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]
// Discord's objects are full of flags.
#![allow(clippy::struct_excessive_bools)]

mod answer;
mod description;
mod dice;
mod faults;
pub mod hostile;
mod journal;
mod limits;
mod message;
pub mod permissions;
mod query;
mod route;
mod routes;
mod server;
mod snowflake;
mod time;
mod wire;
mod world;

pub use description::{
    BotDescription, ChannelDescription, ChannelKind, DEFAULT_TOKEN, Description, GuildDescription, Mix,
    RoleDescription, ThreadPlan, Time, Visibility,
};
pub use faults::{BodyKind, Cursor, Damage, Fault, Faults, Match, Oddity, What};
pub use journal::{Asked, Entry, Journal};
pub use limits::{BucketRule, FrontDoor, Headers, Limits, Scope, Second};
pub use route::RouteKind;
pub use server::{Options, Simulator};
pub use snowflake::{DISCORD_EPOCH_MS, first_of, unix_ms};
pub use time::iso;
pub use world::{
    Hidden, TruthAttachment, TruthChannel, TruthMessage, TruthReaction, TruthReply, TruthUser, World,
};
