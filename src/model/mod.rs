//! Plain data and pure functions that every layer shares. Does no I/O and knows no
//! particular platform.
//!
//! IDs here are the platform's own, unhashed. A raw [`UserId`] exists only in
//! `platform` and `anonymize`; it never reaches the archive.

mod channel;
mod checkpoint;
mod counter;
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
mod settings;
mod status;
mod text;
mod time;
pub(crate) mod work;
mod workspace;

pub use channel::{Channel, ChannelKind, ChannelState, ThreadFacts, Visibility};
pub use checkpoint::{Backfill, BrokenPlace, Checkpoint, SecondLook};
pub(crate) use counter::with_counters;
pub use counter::{COUNTERS, Counter, CounterGroup, CounterSpec, CounterUnit, Counts};
pub use evidence::{
    CONFIRMATION_INTERVAL, ChannelEnd, ConfirmedRights, ContentTally, EndEvidence, EndFacts, EndRecord,
    NewestPageVerdict, ProvenState, StateEvidence,
};
pub use finding::{Finding, FindingKind};
pub use id::{AttachmentId, ChannelId, IdCodec, IdText, IdTimes, MessageId, NotAnId, UserId, WorkspaceId};
pub use job::{
    ChannelCounts, ChannelResult, FailingChannel, Job, JobError, JobStats, LastError, Overview, TenantKey,
    TenantOverview,
};
pub use known::{KnownChannel, KnownChannels, KnownListing};
pub use markup::Markup;
pub use message::{
    Attachment, BrokenMessage, CONTENT_FIELDS, Emoji, Message, MessagePage, ReactionCount, ReactorPage,
    Reply, User,
};
pub use metadata::Metadata;
pub use platform::{MessageIdFormat, PlatformSpec, Platforms};
pub use reservation::Reservation;
pub use settings::{OnRateLimit, ReactionMode, VisibilityRule};
pub use status::{Cause, JobKind, JobStatus, ParseStatusError, ProgressStatus, TenantStatus};
pub use text::{counted, escaped, escaped_in_color, grouped, shown};
pub use time::Timestamp;
pub use workspace::{BotIdentity, Workspace};
