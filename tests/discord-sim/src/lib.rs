//! A deterministic simulator of Discord's REST API v10 for tests and demos.
//!
//! A [`Description`] lists guilds, channels and their numbers of messages. A [`World`]
//! derives everything else from the description's seed and can be changed while it is
//! served. A [`Simulator`] serves it over HTTP on 127.0.0.1 with rate [`Limits`],
//! injected [`Faults`] and a [`Journal`] of all requests. [`World::truth`] returns what
//! an archive of the world should contain. The simulator implements Discord's
//! documentation; doc comments cite the section a rule comes from, such as "Topics/Rate
//! Limits".
//!
//! - `description`: the input of a world, and the presets
//! - `world`: guilds, channels, message logs, changes, truth
//! - `message`: the content of a message; `wire`: its JSON form
//! - `routes`: the API's routes; `server`: HTTP, request checks and faults
#![forbid(unsafe_code)]
// Times, snowflakes and counts of a simulated world stay far below 63 bits.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]
// Discord's objects have many flags.
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
pub use faults::{BodyKind, Cursor, Damage, Fault, FaultKind, Faults, Match, Oddity};
pub use journal::{Entry, Journal, PageParameters};
pub use limits::{BucketRule, FrontDoor, Headers, Limits, Scope, Second};
pub use route::RouteKind;
pub use server::{Options, Simulator};
pub use snowflake::{DISCORD_EPOCH_MS, first_of, unix_ms};
pub use time::iso;
pub use world::{
    Hidden, TruthAttachment, TruthChannel, TruthMessage, TruthReaction, TruthReply, TruthUser, World,
};
