//! Replaces channel and guild IDs by reusable numbers in the paths given to the rate
//! limiter, which keeps the state of each path for hours: this bounds its memory.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use tokio::time::Instant;

/// The number of a resource without requests for this long may be reused: its limits are
/// reset by then, because Discord's windows last five seconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// A number for each channel or guild with recent requests.
#[derive(Debug, Default)]
pub struct ResourceNumbers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The number of each resource, and when it was last requested.
    used: HashMap<Box<str>, (usize, Instant)>,
    free: Vec<usize>,
    count: usize,
}

impl ResourceNumbers {
    /// The path with the number in place of the channel's or guild's ID.
    pub fn numbered_path(&self, path: &str) -> String {
        let Some((kind, resource, rest)) = split_resource(path) else { return path.to_owned() };
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = state.number_of(&path[..kind.len() + 1 + resource.len()], Instant::now());
        format!("{kind}/{number}{rest}")
    }
}

impl State {
    fn number_of(&mut self, resource: &str, now: Instant) -> usize {
        if let Some((number, last)) = self.used.get_mut(resource) {
            *last = now;
            return *number;
        }
        if self.free.is_empty() {
            let idle = self.used.extract_if(|_, (_, last)| now - *last >= IDLE_TIMEOUT);
            self.free.extend(idle.map(|(_, (number, _))| number));
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count
        });
        self.used.insert(resource.into(), (number, now));
        number
    }
}

/// Splits a path into its first segment, an ID as its second, and the rest.
fn split_resource(path: &str) -> Option<(&str, &str, &str)> {
    let (kind, rest) = path.split_once('/')?;
    let resource =
        rest.split('/').next().filter(|id| id.starts_with(|first: char| first.is_ascii_digit()))?;
    Some((kind, resource, &rest[resource.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn numbers_of_idle_channels_are_reused() {
        let resource_numbers = ResourceNumbers::default();
        let guild = resource_numbers.numbered_path("guilds/7/channels");
        for channel in 0..5000 {
            tokio::time::advance(IDLE_TIMEOUT / 100).await;
            let path = resource_numbers.numbered_path(&format!("channels/{channel}/messages"));
            assert_eq!(resource_numbers.numbered_path(&format!("channels/{channel}/messages")), path);
            assert_eq!(resource_numbers.numbered_path("guilds/7/channels"), guild);
        }
        assert!(
            resource_numbers.0.lock().unwrap().count <= 102,
            "{:?}",
            resource_numbers.0.lock().unwrap().count
        );
    }

    #[test]
    fn only_paths_with_an_id_are_numbered() {
        let resource_numbers = ResourceNumbers::default();
        assert_eq!(resource_numbers.numbered_path("users/@me"), "users/@me");
        assert_eq!(resource_numbers.numbered_path("channels/55/messages"), "channels/1/messages");
        assert_eq!(
            resource_numbers.numbered_path("channels/55~/threads/archived/public"),
            "channels/2/threads/archived/public"
        );
        assert_eq!(resource_numbers.numbered_path("guilds/55"), "guilds/3");
    }
}
