//! The names of all sections and keys.

/// The section that there may be many of.
pub(super) const TENANT: &str = "tenant";

/// Every key there is, by section.
const KEYS: [(&str, &[&str]); 4] = [
    ("archive", &["path", "mode"]),
    ("discord", &["token_env", "token_file", "api_url", "requests_per_second"]),
    (
        "sync",
        &[
            "max_channel_workers",
            "channel_batch_size",
            "message_fetch_size",
            "refresh_window",
            "reactions",
            "reaction_budget",
            "on_rate_limit",
            "max_retries",
            "retry_base_delay",
            "request_timeout",
            "job_retention",
        ],
    ),
    (
        TENANT,
        &[
            "name",
            "platform",
            "guild_id",
            "since",
            "include_channels",
            "exclude_channels",
            "reactions",
            "refresh_window",
            "visibility",
        ],
    ),
];

/// The sections.
pub(super) fn sections() -> [&'static str; 4] {
    KEYS.map(|(name, _)| name)
}

/// A section's keys, in the order in which the example has them.
pub(super) fn keys_of(section: &str) -> &'static [&'static str] {
    KEYS.iter().find(|(name, _)| *name == section).map_or(&[], |(_, keys)| keys)
}

/// The section that has this key.
pub(super) fn home_of(key: &str) -> Option<&'static str> {
    KEYS.iter().find(|(_, keys)| keys.contains(&key)).map(|(name, _)| *name)
}

/// What a section or, without one, the file may hold.
pub(super) fn choices(section: Option<&'static str>) -> String {
    match section {
        Some(section) => format!("remove it; {} has {}", bracketed(section), keys_of(section).join(", ")),
        None => format!("remove it; there are {}", sections().map(bracketed).join(", ")),
    }
}

/// A section as its header is written.
pub(super) fn bracketed(section: &str) -> String {
    if section == TENANT { format!("[[{section}]]") } else { format!("[{section}]") }
}
