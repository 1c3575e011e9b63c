//! Statuses and causes, with the words that the archive stores for them.

use std::fmt;
use std::str::FromStr;

/// The archive holds a status word that this version doesn't know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown status {0:?}")]
pub struct ParseStatusError(String);

macro_rules! status {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// The word that is stored in the archive and displayed.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $name {
            type Err = ParseStatusError;

            fn from_str(word: &str) -> Result<Self, ParseStatusError> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(ParseStatusError(word.to_owned())),
                }
            }
        }
    };
}

status!(
    /// The status of a tenant: that of its current or last job.
    TenantStatus {
        /// Never synced.
        Pending = "pending",
        /// Its job has not started.
        Queued = "queued",
        /// Its job is running.
        Syncing = "syncing",
        /// Everything requested is archived.
        Completed = "completed",
        /// Some channels failed or are incomplete.
        Partial = "partial",
        /// Nothing could be archived.
        Failed = "failed",
    }
);

status!(
    /// The status of a job, the work on one tenant in one run.
    JobStatus {
        /// Not started.
        Queued = "queued",
        /// Running.
        Running = "running",
        /// Everything requested is archived.
        Completed = "completed",
        /// Some channels failed or are incomplete.
        Partial = "partial",
        /// Nothing could be archived.
        Failed = "failed",
        /// Stopped by a signal, or its process died.
        Interrupted = "interrupted",
    }
);

status!(
    /// The status of reading a channel, both in `sync_progress` and in a job.
    ProgressStatus {
        /// Not started.
        Pending = "pending",
        /// Being read.
        InProgress = "in_progress",
        /// Read to its end.
        Completed = "completed",
        /// Ended by an error.
        Failed = "failed",
        /// Postponed to a later run.
        Deferred = "deferred",
        /// Stopped before its end by a signal, a limit or the end of the run.
        Interrupted = "interrupted",
    }
);

status!(
    /// The kind of a job.
    JobKind {
        /// Read new messages and re-read those in the refresh window.
        Incremental = "incremental",
        /// Re-read everything.
        Full = "full",
    }
);

status!(
    /// The classification of an error, by what the operator can do about it.
    Cause {
        /// The platform rejects the token.
        TokenRejected = "token_rejected",
        /// The message-content intent is off: messages come without content.
        ContentIntentOff = "content_intent_off",
        /// The bot is not in the workspace: never invited, or removed.
        NotInWorkspace = "not_in_server",
        /// The bot lacks a permission.
        Forbidden = "forbidden",
        /// The requested object doesn't exist, or no longer does.
        NotFound = "not_found",
        /// The platform rejects the request.
        Rejected = "refused",
        /// The server doesn't know the route.
        NoRoute = "no_route",
        /// The channel was requested, but must not be archived.
        NotArchived = "not_archived",
        /// The channel was requested, but not everyone may see it.
        NotPublic = "not_public",
        /// Rate-limited, and the run is configured not to wait.
        RateLimited = "rate_limited",
        /// Too many requests were refused; further ones may get this address banned.
        InvalidRequestLimit = "too_many_refusals",
        /// No connection, or it was lost.
        Network = "network",
        /// The response took too long.
        Timeout = "timeout",
        /// The platform failed, or is not ready to answer.
        Server = "server_error",
        /// The response doesn't have its documented form.
        MalformedResponse = "unreadable_answer",
        /// Messages came without content although the bot may read it.
        ContentWithheld = "content_withheld",
        /// Only an empty page indicates that the channel ends at its checkpoint.
        EndUnconfirmed = "end_unconfirmed",
        /// The listing of a channel's archived threads is incomplete, or lookups of
        /// unlisted channels and threads are left to the next run.
        ListingIncomplete = "listing_incomplete",
        /// Messages, or some of their fields, are malformed.
        Malformed = "malformed_messages",
        /// A known channel is in no listing, and the bot may not see it.
        Vanished = "channel_vanished",
        /// The tenant has no channel to read.
        NoChannels = "no_channels",
        /// The configuration selects something that doesn't exist.
        Configuration = "configuration",
        /// The API's URL redirects to another address.
        Redirected = "redirected",
        /// The time limit of the run was reached.
        RunTimeLimit = "out_of_time",
        /// Stopped by a signal.
        Interrupted = "interrupted",
        /// The archive can't be read or written.
        Archive = "archive",
        /// A bug in this program.
        Internal = "internal",
    }
);
