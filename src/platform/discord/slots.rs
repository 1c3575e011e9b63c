//! Numbers that stand for channels towards the rate limiter, which keeps what it
//! knows of each path for hours.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use tokio::time::Instant;

/// A channel that nobody has asked for so long has its limit back, and its number goes
/// to another: Discord's windows last five seconds.
const QUIET: Duration = Duration::from_secs(10);

/// A number for each channel or guild that is being asked for; limits are told apart
/// by them.
#[derive(Debug, Default)]
pub struct Slots(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The number of each resource, and when it was last asked for.
    taken: HashMap<Box<str>, (usize, Instant)>,
    free: Vec<usize>,
    count: usize,
}

impl Slots {
    /// The path with the number in place of the channel's or guild's ID.
    pub fn path(&self, path: &str) -> String {
        let Some((kind, resource, rest)) = parts(path) else { return path.to_owned() };
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = state.of(&path[..kind.len() + 1 + resource.len()], Instant::now());
        format!("{kind}/{slot}{rest}")
    }
}

impl State {
    fn of(&mut self, resource: &str, now: Instant) -> usize {
        if let Some((slot, last)) = self.taken.get_mut(resource) {
            *last = now;
            return *slot;
        }
        if self.free.is_empty() {
            let quiet = self.taken.extract_if(|_, (_, last)| now - *last >= QUIET);
            self.free.extend(quiet.map(|(_, (slot, _))| slot));
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count
        });
        self.taken.insert(resource.into(), (slot, now));
        slot
    }
}

/// The kind, the ID and the rest of a path that begins with them.
fn parts(path: &str) -> Option<(&str, &str, &str)> {
    let (kind, rest) = path.split_once('/')?;
    let resource =
        rest.split('/').next().filter(|id| id.starts_with(|first: char| first.is_ascii_digit()))?;
    Some((kind, resource, &rest[resource.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn numbers_of_quiet_channels_are_given_again() {
        let slots = Slots::default();
        let guild = slots.path("guilds/7/channels");
        for channel in 0..5000 {
            tokio::time::advance(QUIET / 100).await;
            let path = slots.path(&format!("channels/{channel}/messages"));
            assert_eq!(slots.path(&format!("channels/{channel}/messages")), path);
            assert_eq!(slots.path("guilds/7/channels"), guild);
        }
        assert!(slots.0.lock().unwrap().count <= 102, "{:?}", slots.0.lock().unwrap().count);
    }

    #[test]
    fn only_what_has_an_id_gets_a_number() {
        let slots = Slots::default();
        assert_eq!(slots.path("users/@me"), "users/@me");
        assert_eq!(slots.path("channels/55/messages"), "channels/1/messages");
        assert_eq!(slots.path("channels/55~/threads/archived/public"), "channels/2/threads/archived/public");
        assert_eq!(slots.path("guilds/55"), "guilds/3");
    }
}
