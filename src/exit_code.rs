//! How the process ends, for scripts and schedulers.

/// An exit code by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Everything asked for is archived (also: nothing new).
    Success = 0,
    /// Nothing could be archived, or an internal error.
    Failure = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// Some channels or tenants failed or ran out of time; the rest is
    /// archived.
    Partial = 3,
    /// Token missing or rejected, message-content intent off, or the bot not
    /// in the server.
    Access = 4,
    /// Another sync holds the archive.
    Locked = 5,
    /// The archive can't be used: newer schema, corrupt, read-only, disk full.
    Archive = 6,
    /// Stopped by rate limits.
    RateLimited = 7,
    /// `status --max-age`: a tenant's last success is older.
    Stale = 8,
    /// Interrupted by SIGINT, after committing what had arrived.
    Interrupted = 130,
    /// Interrupted by SIGTERM, after committing what had arrived.
    Terminated = 143,
}

impl ExitCode {
    /// The number.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}
