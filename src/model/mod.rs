//! Plain data and pure functions that every layer shares. Does no I/O and knows no
//! particular platform.
//!
//! IDs here are the platform's own, unhashed. A raw [`UserId`] exists only in
//! `platform` and `anonymize`; it never reaches the archive.

mod channel;
mod checkpoint;
mod color;
mod counter;
mod difference;
pub mod disguise;
mod evidence;
mod finding;
mod id;
mod job;
mod known;
pub mod markup;
mod message;
mod metadata;
mod platform;
mod reservation;
pub(crate) mod scan_meter;
mod settings;
mod status;
mod text;
mod time;
mod workspace;

pub use channel::{Channel, ChannelKind, ChannelState, ThreadProperties, Visibility};
pub use checkpoint::{Backfill, Checkpoint, MalformedRange, UnconfirmedEmptyPage};
pub use color::{Tone, display_width, without_colors};
pub(crate) use counter::with_counters;
pub use counter::{COUNTERS, Counter, CounterGroup, CounterSpec, CounterUnit, Counts};
pub use difference::{Difference, DifferenceClass, DifferenceKind, DifferingField};
pub use evidence::{
    BlankMessageTally, CONFIRMATION_INTERVAL, ChannelEnd, ConfirmedRights, EndEvidence, EndFacts, EndRecord,
    NewestPageVerdict, ProvenState, StateEvidence,
};
pub use finding::{Finding, FindingKind};
pub use id::{
    AttachmentId, ChannelId, IdCodec, IdText, IdTimes, MessageId, ParseIdError, UserId, WorkspaceId,
};
pub use job::{
    ChannelCounts, ChannelResult, FailingChannel, Job, JobError, JobStats, LastError, StatusOverview,
    TenantKey, TenantOverview,
};
pub use known::{KnownChannel, KnownChannels, KnownListing, NamedThread};
pub use markup::Markup;
pub use message::{
    Attachment, CONTENT_FIELDS, Emoji, MalformedMessage, Message, MessagePage, ReactionCount, ReactorPage,
    Reply, User,
};
pub use metadata::Metadata;
pub use platform::{MessageIdFormat, PlatformSpec, Platforms};
pub use reservation::MemoryReservation;
pub use settings::{RateLimitPolicy, ReactionMode, VisibilityRule};
pub use status::{Cause, JobKind, JobStatus, ParseStatusError, ProgressStatus, TenantStatus};
pub use text::{escape_controls, escape_controls_in_color, terminal_safe, with_noun, with_separators};
pub use time::Timestamp;
pub use workspace::{BotIdentity, Workspace};
