//! The exit codes of the process.

/// Declares the codes. Enum, documentation, man page and the table in docs/commands.md
/// derive from these entries.
macro_rules! exit_codes {
    ($($name:ident = $number:literal, $meaning:literal;)+) => {
        /// The exit code of the process, for scripts and schedulers.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ExitCode {
            $(#[doc = $meaning] $name = $number,)+
        }

        impl ExitCode {
            /// All codes in ascending order.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// What the code means to the caller, as one phrase.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)+ }
            }
        }
    };
}

exit_codes! {
    Success = 0, "everything requested is archived, as far as the evidence goes (also: nothing new)";
    Failure = 1, "nothing could be archived, an internal error, a result that could not be written, a declined \
                  confirmation, or `check --privacy` found something";
    Usage = 2, "invalid arguments or configuration, or a configuration that others may change";
    Partial = 3, "partial: some channels or tenants failed or ran out of time, or something has been known to be \
                  missing for less than a day; the rest is archived. `check --messages`: differences that are not \
                  aged, or not everything was compared";
    Access = 4, "the token is missing or rejected, the message-content intent is off, or the bot is not in the server";
    Locked = 5, "another sync holds the archive";
    Archive = 6, "the archive cannot be used: newer or older schema, modified definitions, corrupt, read-only, disk \
                  full, or not a regular file";
    RateLimited = 7, "stopped by rate limits: `on_rate_limit = \"stop\"`, or too many invalid requests";
    Stale = 8, "`status --max-age`: the last success of a tenant is older, or its last run lost half of its channels";
    Interrupted = 130, "interrupted by SIGINT (Ctrl-C), after committing what had arrived";
    Terminated = 143, "terminated by SIGTERM, after committing what had arrived";
}

impl ExitCode {
    /// The code as the operating system reports it.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}
