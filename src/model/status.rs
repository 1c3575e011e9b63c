//! The status words of the archive.

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
            /// The word stored in the archive and shown to people.
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
    /// What became of a tenant's last run.
    TenantStatus {
        /// Never synced.
        Pending = "pending",
        /// Its turn has not come.
        Queued = "queued",
        /// Being read.
        Syncing = "syncing",
        /// Everything asked for is archived.
        Completed = "completed",
        /// Some channels failed.
        Partial = "partial",
        /// Nothing could be archived.
        Failed = "failed",
    }
);

status!(
    /// A job: one tenant's part of one run.
    JobStatus {
        /// Its turn has not come.
        Queued = "queued",
        /// Being worked on.
        Running = "running",
        /// Everything asked for is archived.
        Completed = "completed",
        /// Some channels failed.
        Partial = "partial",
        /// Nothing could be archived.
        Failed = "failed",
        /// Stopped by a signal, or its process died.
        Interrupted = "interrupted",
    }
);

status!(
    /// A channel's progress, and a channel's part of a job.
    ProgressStatus {
        /// Not begun.
        Pending = "pending",
        /// Being read.
        InProgress = "in_progress",
        /// Read to its end.
        Completed = "completed",
        /// Ended by an error.
        Failed = "failed",
        /// Left for a later run.
        Deferred = "deferred",
        /// Stopped before its end by a signal, a limit or the run's end.
        Interrupted = "interrupted",
    }
);

status!(
    /// What a job was asked to do.
    JobKind {
        /// Read what is new and refresh what is young.
        Incremental = "incremental",
        /// Read everything again.
        Full = "full",
    }
);

status!(
    /// Why something failed, by what follows from it.
    Cause {
        /// The token is nobody's.
        TokenRejected = "token_rejected",
        /// Messages come without their content.
        ContentIntentOff = "content_intent_off",
        /// The bot was not invited, or thrown out.
        NotInWorkspace = "not_in_server",
        /// The bot lacks the right.
        Forbidden = "forbidden",
        /// It is not there any more.
        NotFound = "not_found",
        /// The platform doesn't accept the question.
        Refused = "refused",
        /// The server doesn't know what was asked for.
        NoRoute = "no_route",
        /// Asked for, but not to be archived.
        NotArchived = "not_archived",
        /// Asked too often, and the run shall not wait.
        RateLimited = "rate_limited",
        /// Too many refused requests.
        TooManyRefusals = "too_many_refusals",
        /// No connection, or it broke.
        Network = "network",
        /// No answer in time.
        Timeout = "timeout",
        /// The platform failed.
        Server = "server_error",
        /// An answer that isn't what is documented.
        Unreadable = "unreadable_answer",
        /// Messages came without content although the bot may read it.
        ContentWithheld = "content_withheld",
        /// Nothing but an empty page says that a channel ends where it was read
        /// to.
        EndUnconfirmed = "end_unconfirmed",
        /// A listing of threads could not be finished.
        ListingIncomplete = "listing_incomplete",
        /// Messages, or fields of them, are malformed.
        Malformed = "malformed_messages",
        /// A known channel is in no listing, and the bot may not see it.
        Vanished = "channel_vanished",
        /// No channel is left to read.
        NoChannels = "no_channels",
        /// The configuration selects what can't be found.
        Configuration = "configuration",
        /// The platform's address sends elsewhere.
        Redirected = "redirected",
        /// The run's time was up.
        OutOfTime = "out_of_time",
        /// Stopped by a signal.
        Interrupted = "interrupted",
        /// The archive can't be used.
        Archive = "archive",
        /// A fault of this program.
        Internal = "internal",
    }
);
