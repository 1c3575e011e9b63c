//! The archive: one SQLite file, one writer thread, any number of readers.
//!
//! Writes are closures over [`Tx`] passed to [`Writer::run`]; they call the free
//! functions of this module's files. Users and their texts are passed in as types that
//! only `anonymize` constructs.

pub mod activity;
pub mod activity_parts;
pub mod activity_posts;
pub mod activity_state;
pub mod audit;
mod candidates;
mod change_scope;
pub mod changes;
pub mod channels;
mod connection;
pub mod copy;
mod definitions;
pub mod deletions;
mod emoji;
mod error;
pub mod exclusions;
pub mod findings;
pub mod forget;
pub mod forgotten_list;
pub mod health;
mod identity;
pub mod indexes;
mod info;
pub mod jobs;
mod lock;
pub mod malformed;
mod mentioned;
mod message_filter;
pub mod message_parts;
mod message_ranges;
pub mod message_rows;
pub mod message_scan;
pub mod messages;
mod migrations;
pub mod named_threads;
mod open;
pub mod progress;
pub mod queue;
pub mod reactions;
mod reader;
mod ready;
mod recorder;
pub mod rekey;
pub mod reset;
pub mod residual;
mod schema;
mod scratch;
mod scrubbers;
pub mod status;
pub mod sweep;
pub mod tenants;
#[cfg(test)]
mod tests;
mod text_resolver;
mod tx;
mod unknown_fields;
mod users;
pub mod view_rows;
pub mod word_index;
mod writer;

pub use connection::BUSY_TIMEOUT;
pub use error::{ArchiveError, ArchiveErrorKind};
pub use lock::{Holder, Lock, LockError, LockState};
pub use message_ranges::MessageRanges;
pub use open::{ArchiveFile, beside, inspect};
pub use reader::Reader;
pub use scratch::{ArchivedCounts, PageComparison, ScratchArchive};
pub use tx::{ChannelRow, TenantRow, Tx};
pub use writer::{Writer, WriterThread};
