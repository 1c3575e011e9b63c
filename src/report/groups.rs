//! How names and groups of channels are shown.

use super::table::terminal_safe;

/// Most channels or findings that are listed per cause.
pub const NAMED_CHANNELS: usize = 3;

/// A tenant's or channel's name, made safe for the terminal. Truncated only where a table
/// wouldn't fit otherwise, because `--tenant` needs the whole name.
pub fn full_name(name: &str) -> String {
    terminal_safe(name, usize::MAX)
}

/// Groups items by key, in the order in which the keys first occur.
pub fn grouped_by<T, K: PartialEq>(items: &[T], key: impl Fn(&T) -> K) -> Vec<(K, Vec<&T>)> {
    let mut groups: Vec<(K, Vec<&T>)> = Vec::new();
    for item in items {
        let key = key(item);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(item),
            None => groups.push((key, vec![item])),
        }
    }
    groups
}
