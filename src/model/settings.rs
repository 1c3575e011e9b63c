//! Choices of the user that more than one layer acts on.

/// How much of reactions is archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ReactionMode {
    /// Counts, and who reacted.
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

/// What to do when the platform says that it was asked too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnRateLimit {
    /// Wait as long as it says, then go on.
    #[default]
    Wait,
    /// End the run; the next one goes on.
    Stop,
}
