//! The exit codes of the process.

/// The exit code of the process, for scripts and schedulers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Everything requested is archived, even if nothing was new.
    Success = 0,
    /// Nothing could be archived, or an internal error occurred.
    Failure = 1,
    /// Invalid arguments or configuration.
    Usage = 2,
    /// Some channels or tenants failed, are incomplete or ran out of time; the rest is
    /// archived.
    Partial = 3,
    /// The token is missing or rejected, the message-content intent is off, or the bot
    /// is not in the server.
    Access = 4,
    /// Another sync holds the archive's lock.
    Locked = 5,
    /// The archive can't be used: newer schema, corruption, read-only, disk full.
    Archive = 6,
    /// Stopped by rate limits.
    RateLimited = 7,
    /// `status --max-age`: a tenant's last success is older than that.
    Stale = 8,
    /// Interrupted by SIGINT. Pages received before were committed.
    Interrupted = 130,
    /// Interrupted by SIGTERM. Pages received before were committed.
    Terminated = 143,
}

impl ExitCode {
    /// The numeric code.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}
