//! Settings that more than one layer acts on.

/// What is archived of reactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ReactionMode {
    /// Counts and reactors.
    #[default]
    Users,
    /// Counts only.
    Counts,
    /// Nothing.
    Off,
}

/// Which channels count as public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum VisibilityRule {
    /// @everyone may see the channel.
    #[default]
    Everyone,
    /// @everyone may also read its history.
    History,
}

/// What to do about a rate-limit response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RateLimitPolicy {
    /// Wait as long as the response says, then continue.
    #[default]
    Wait,
    /// End the run; the next one continues.
    Stop,
}
